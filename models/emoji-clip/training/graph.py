"""Writes ONNX graphs: nodes one after another, weights as they are or as int8 with a scale per output."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
# Parts of the greatest weight that are tried as the end of the int8 scale; the one with the least error is kept.
CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)


class Graph:
    """Nodes and weights of one tower. With `small`, matrices and convolutions are kept as int8."""

    def __init__(self, small: bool) -> None:
        self.small = small
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes) -> str:
        """The name of the node's output, or of its first: `name` and `name_1`, `name_2`…"""
        name = f'{operator.lower()}_{len(self.nodes)}'
        names = [name, *(f'{name}_{index}' for index in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=name, **attributes))
        return name

    def constant(self, value: np.ndarray) -> str:
        name = f'constant_{len(self.weights)}'
        self.weights.append(numpy_helper.from_array(np.asarray(value, order='C'), name))
        return name

    def numbers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, value: np.ndarray, outputs: int) -> str:
        """A matrix or convolution; `outputs` is the axis along which each output has a scale of its own."""
        if not self.small:
            return self.constant(value.astype(np.float32))
        steps, scale = to_int8(value, outputs)
        # A cast and a product, which ONNX Runtime computes once at load; DequantizeLinear would stay in the graph.
        return self.node('Mul', self.node('Cast', self.constant(steps), to=TensorProto.FLOAT), self.constant(scale))

    def rows(self, table: np.ndarray, ids: str) -> str:
        """The table's rows at the ids, float32 [..., width]."""
        if not self.small:
            return self.node('Gather', self.constant(table.astype(np.float32)), ids)
        steps, scale = to_int8(table, 0)
        chosen = self.node('Cast', self.node('Gather', self.constant(steps), ids), to=TensorProto.FLOAT)
        scales = self.node('Gather', self.constant(scale.astype(np.float16)), ids)
        return self.node('Mul', chosen, self.node('Cast', scales, to=TensorProto.FLOAT))

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """x · weightᵀ + bias, with weight [outputs, inputs] as PyTorch keeps it."""
        return self.node('Add', self.node('MatMul', x, self.weight(weight.T, 1)), self.constant(bias))

    def unit(self, x: str) -> str:
        return self.node('Div', x, self.node('ReduceL2', x, axes=[-1], keepdims=1))

    def write(self, path: Path, source, result: str, answer) -> None:
        """`source` and `answer` describe input and output; `result` names what becomes the output."""
        self.nodes.append(helper.make_node('Identity', [result], [answer.name]))
        graph = helper.make_graph(self.nodes, 'emoji-clip', [source], [answer], self.weights)
        opset = [helper.make_opsetid('', OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name='emoji-clip')
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)


def to_int8(value: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """int8 steps and float32 scales, one per index of axis `outputs`, with value ≈ steps × scales."""
    others = tuple(axis for axis in range(value.ndim) if axis != outputs)
    greatest = np.maximum(np.abs(value).max(others, keepdims=True), 1e-8)
    best, least = None, None
    for clip in CLIPS:
        scale = (greatest * clip / 127).astype(np.float16).astype(np.float32)
        scale = np.maximum(scale, 6e-8)
        steps = np.clip(np.round(value / scale), -127, 127)
        error = ((steps * scale - value) ** 2).sum(others, keepdims=True)
        if best is None:
            best, least = scale, error
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return np.clip(np.round(value / best), -127, 127).astype(np.int8), best.astype(np.float32)
