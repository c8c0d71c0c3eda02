"""Makes constants.json: what ONNX Runtime computes for operators on constants, as exporters leave them in graphs.

Run: uv run --with onnx==1.19.1 --with onnxruntime==1.22.1 --with numpy python make.py

A case is {name, opset, tensors: {name: [type, dims, values]}, nodes: [[operator, inputs, outputs, attributes]],
expected: {output: [type, dims, values]}}. Values are numbers; infinities are the texts Infinity and -Infinity. In
attributes, text is text, a list is ints, {"float": x} a float and {"tensor": [type, dims, values]} a tensor.
"""

import json
import math
import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "float32": np.float32, "float16": np.float16, "float64": np.float64, "int64": np.int64, "int32": np.int32,
    "uint8": np.uint8, "bool": np.bool_,
}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}
onnxruntime.set_default_logger_severity(3)
random = np.random.default_rng(20240801)
cases = []


def f32(*shape):
    return random.standard_normal(shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def plain(array):
    values = []
    for value in array.reshape(-1).tolist():
        is_infinite = isinstance(value, float) and math.isinf(value)
        values.append(("Infinity" if value > 0 else "-Infinity") if is_infinite else value)
    return [NAMES[array.dtype], list(array.shape), values]


def attribute(value):
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, np.ndarray):
        return {"tensor": plain(value)}
    return value


def case(name, tensors, nodes, opset=17):
    """`nodes`: (operator, inputs, outputs, attributes); outputs that no node takes are expected."""
    made = []
    for operator, inputs, outputs, attributes in nodes:
        given = {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in attributes.items()}
        made.append(helper.make_node(operator, inputs, outputs, **given))
    taken = {value for node in nodes for value in node[1]}
    wanted = [output for node in nodes for output in node[2] if output not in taken]
    graph = helper.make_graph(
        made, "case", [], [helper.make_empty_tensor_value_info(output) for output in wanted],
        [numpy_helper.from_array(array, key) for key, array in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(wanted, {})
    cases.append({
        "name": name,
        "opset": opset,
        "tensors": {key: plain(array) for key, array in tensors.items()},
        "nodes": [[op, i, o, {k: attribute(v) for k, v in a.items()}] for op, i, o, a in nodes],
        "expected": {key: plain(np.asarray(result)) for key, result in zip(wanted, results)},
    })


def one(name, operator, *inputs, outputs=1, opset=17, **attributes):
    """A single node; None leaves an input out."""
    names = [f"i{at}" if array is not None else "" for at, array in enumerate(inputs)]
    tensors = {key: array for key, array in zip(names, inputs) if array is not None}
    case(name, tensors, [(operator, names, [f"o{at}" for at in range(outputs)], attributes)], opset)


x = f32(2, 3, 4)
one("identity", "Identity", x)
one("reshape: zero keeps, minus one is found", "Reshape", x, ints(0, -1, 2))
one("reshape: allowzero", "Reshape", f32(0, 3), ints(3, 0), allowzero=1)
one("flatten", "Flatten", x, axis=2)
one("flatten: negative axis", "Flatten", x, axis=-1)
one("squeeze: all", "Squeeze", f32(1, 3, 1, 2))
one("squeeze: stated", "Squeeze", f32(1, 3, 1, 2), ints(-2))
one("squeeze: attribute", "Squeeze", f32(1, 3, 1, 2), opset=11, axes=[0, 2])
one("unsqueeze", "Unsqueeze", f32(3, 2), ints(-1, 0))
one("unsqueeze: attribute", "Unsqueeze", f32(3, 2), opset=11, axes=[1])
one("transpose", "Transpose", x, perm=[2, 0, 1])
one("transpose: reversed", "Transpose", x)
one("expand", "Expand", f32(3, 1), ints(2, 1, 4))
one("slice", "Slice", x, ints(1), ints(2**63 - 1), ints(2))
one("slice: without axes", "Slice", x, ints(0, 1), ints(1, 3))
one("slice: steps back to the start", "Slice", x, ints(-1, 3), ints(-(2**63) + 1, 0), ints(1, -1), ints(-1, -2))
one("slice: clamped", "Slice", x, ints(-100, 2), ints(100, 1), ints(0, 1))
one("slice: attribute", "Slice", x, opset=9, starts=[1, 0], ends=[3, 2], axes=[1, 2])
one("split", "Split", x, ints(1, 3), outputs=2, axis=2)
one("split: even", "Split", x, outputs=2, axis=-1)
one("split: attribute", "Split", x, outputs=2, opset=11, axis=1, split=[2, 1])
one("split: uneven", "Split", f32(7, 2), outputs=3, opset=18, num_outputs=3)
one("gather: one", "Gather", x, np.array(-1, np.int64), axis=1)
one("gather: several", "Gather", x, ints(2, 0, 1), axis=1)
one("gather: in a row", "Gather", x, ints(1, 2), axis=2)
one("gather: by a matrix", "Gather", f32(5, 2), np.array([[0, 4], [3, -1]], np.int64))
one("concat", "Concat", x, f32(2, 1, 4), axis=1)
one("concat: negative axis", "Concat", x, x, f32(2, 3, 1), axis=-1)
one("tile", "Tile", f32(2, 3), ints(2, 3))
one("shape", "Shape", x)
one("shape: part", "Shape", x, start=-2, end=-1)
one("size", "Size", x)
one("constant of shape", "ConstantOfShape", ints(2, 3), value=np.array([-7], np.int64))
one("constant of shape: zeros", "ConstantOfShape", ints(2))
one("constant of shape: a scalar", "ConstantOfShape", np.zeros((0,), np.int64), value=np.array([True]))
one("range", "Range", *(np.array(v, np.int64) for v in (3, -4, -2)))
one("range: floats", "Range", *(np.array(v, np.float32) for v in (0.5, 2.1, 0.25)))
one("scatter rows", "ScatterND", x, np.array([[0, 2], [1, -3]], np.int64), f32(2, 4))
one("scatter elements", "ScatterND", ints(1, 2, 3), np.array([[2], [0]], np.int64), ints(8, 9))
for name in ("Add", "Sub", "Mul", "Div", "Min", "Max"):
    one(f"{name} of floats", name, x, f32(3, 1))
    one(f"{name} of integers", name, ints(7, -7, 9), ints(2, 2, -4))
one("Mul of halves", "Mul", f32(8).astype(np.float16), f32(8).astype(np.float16))
one("Div of halves beyond their range", "Div", np.array([6e4, -6e4, 1], np.float16), np.array([0.5, 0.25, 3e4], np.float16))
one("Add of halves: ties", "Add", np.array([2048, 2050, 1], np.float16), np.array([1, 1, 2**-11], np.float16))
one("Max of three", "Max", x, f32(4), f32(3, 1))
one("mod", "Mod", ints(-7, 7, -8), ints(3, -3, 4))
one("mod: as C", "Mod", ints(-7, 7, -8), ints(3, -3, 5), fmod=1)
one("pow", "Pow", np.array([2, 3, 0.25], np.float32), np.array(2, np.float32))
one("pow: a root", "Pow", np.array([64, 4], np.float32), np.array(-0.5, np.float32))
one("sqrt", "Sqrt", np.array([64, 2, 0.1], np.float32))
one("reciprocal", "Reciprocal", np.array([8, 3, -0.0625], np.float32))
one("neg", "Neg", ints(1, -2))
one("abs", "Abs", f32(4))
one("sign", "Sign", f32(4))
one("floor", "Floor", f32(6) * 3)
one("ceil", "Ceil", f32(6) * 3)
one("not", "Not", np.array([True, False]))
for name in ("And", "Or", "Xor"):
    one(name.lower(), name, np.array([[True], [False]]), np.array([True, False]))
for name in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
    one(name.lower(), name, ints(1, 2, 3), np.array(2, np.int64))
one("where", "Where", np.array([[True], [False]]), f32(2, 3), np.array(-np.inf, np.float32))
one("cast to an integer", "Cast", np.array([2.9, -2.9, 0], np.float32), to=TensorProto.INT64)
one("cast to a half", "Cast", np.array([1 / 3, 65519, 65520, 1e-7, 6e-8, 1 + 2**-11, -0.0], np.float32), to=TensorProto.FLOAT16)
one("cast to a double", "Cast", f32(3), to=TensorProto.DOUBLE)
one("cast from a double", "Cast", np.array([0.1, 1e40]), to=TensorProto.FLOAT)
one("cast to a truth", "Cast", np.array([0, 0.25, -1], np.float32), to=TensorProto.BOOL)
one("cast from a truth", "Cast", np.array([True, False]), to=TensorProto.FLOAT)
one("reduce product", "ReduceProd", ints(2, 3, 4), keepdims=0)
one("reduce product: axes", "ReduceProd", np.arange(24, dtype=np.int64).reshape(2, 3, 4), axes=[0, -1])
one("reduce sum", "ReduceSum", np.arange(24, dtype=np.int64).reshape(2, 3, 4), ints(1), keepdims=0)
one("reduce max", "ReduceMax", x, axes=[1])
one("reduce min", "ReduceMin", x, axes=[-1], keepdims=0)
one("cumulative sum", "CumSum", np.arange(12, dtype=np.int64).reshape(3, 4), np.array(0, np.int64))
one("cumulative sum: exclusive, from behind", "CumSum", x, np.array(-1, np.int32), exclusive=1, reverse=1)
one("upper triangle", "Trilu", f32(2, 4, 4), np.array(1, np.int64), upper=1)
one("lower triangle", "Trilu", f32(3, 5), np.array(-1, np.int64), upper=0)
one("triangle of all", "Trilu", f32(3, 3))

# A causal mask as PyTorch's exporter writes it: -inf above the diagonal.
case("a causal mask", {"n": ints(5, 5), "low": np.array(-np.inf, np.float32), "k": np.array(1, np.int64)}, [
    ("Expand", ["low", "n"], ["full"], {}), ("Trilu", ["full", "k"], ["mask"], {"upper": 1}),
])
# The same by comparison, as the dynamo exporter and Hugging Face write it.
case("a causal mask by positions", {
    "zero": np.array(0, np.int64), "n": np.array(4, np.int64), "one": np.array(1, np.int64), "axis0": ints(0),
    "axis1": ints(1), "least": np.array(np.finfo(np.float32).min, np.float32), "none": np.array(0, np.float32),
}, [
    ("Range", ["zero", "n", "one"], ["at"], {}), ("Unsqueeze", ["at", "axis0"], ["columns"], {}),
    ("Unsqueeze", ["at", "axis1"], ["rows"], {}), ("Greater", ["columns", "rows"], ["later"], {}),
    ("Where", ["later", "least", "none"], ["mask"], {}),
])
# The scale of attention, computed in the graph.
case("a scale from a shape", {"q": f32(2, 3, 16), "last": np.array(-1, np.int64), "one": np.array(1, np.float32)}, [
    ("Shape", ["q"], ["dims"], {}), ("Gather", ["dims", "last"], ["width"], {}),
    ("Cast", ["width"], ["wide"], {"to": TensorProto.FLOAT}), ("Sqrt", ["wide"], ["root"], {}),
    ("Div", ["one", "root"], ["scale"], {}),
])
# Weights in other layouts than they are stored in.
case("a transposed part of a weight", {"w": f32(6, 4), "s": np.array(0.125, np.float32), "a": ints(2), "b": ints(4), "axis": ints(0)}, [
    ("Slice", ["w", "a", "b", "axis"], ["part"], {}), ("Transpose", ["part"], ["turned"], {"perm": [1, 0]}),
    ("Mul", ["turned", "s"], ["scaled"], {}),
])
case("a transposition, flat", {"w": f32(3, 4), "flat": ints(-1)}, [
    ("Transpose", ["w"], ["turned"], {"perm": [1, 0]}), ("Reshape", ["turned", "flat"], ["row"], {}),
])

lines = ",\n".join(json.dumps(item) for item in cases)
pathlib.Path(__file__).with_name("constants.json").write_text(f"[\n{lines}\n]\n")
