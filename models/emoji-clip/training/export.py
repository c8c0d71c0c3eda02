"""The trained towers as ONNX files that the server takes as it takes CLIP's, and the model's logit scale."""

from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import nn

from graph import Graph
from image_tower import WIDTH, ImageTower, Residual
from text_tower import CONTEXT, HEADS, INNER, TextTower
from train_images import RESOLUTION, Learner


def export_model(folder: Path, learner: Learner, tower: TextTower) -> None:
    """Writes both towers with int8 weights, and as float32 under `float32/`, by which the small ones are judged."""
    for small, place in ((True, folder), (False, folder / 'float32')):
        write_image_tower(place / 'visual.onnx', learner.tower, small)
        write_text_tower(place / 'textual.onnx', tower, small)
    scale = round(learner.log_scale.exp().item(), 3)
    (folder / 'model.json').write_text(f'{{ "logit_scale": {scale} }}\n')


def value(x: torch.Tensor) -> np.ndarray:
    return x.detach().float().numpy()


def write_image_tower(path: Path, tower: ImageTower, small: bool) -> None:
    """pixels float32 [rows, 3, R, R], normalised → image_embeds float32 [rows, 256]."""
    graph = Graph(small)
    x = 'pixels'
    for layer in tower.body:
        if isinstance(layer, Residual):
            inner = graph.node('Relu', convolution(graph, x, layer.first, layer.first_norm))
            x = graph.node('Relu', graph.node('Add', x, convolution(graph, inner, layer.second, layer.second_norm)))
        else:
            x = graph.node('Relu', convolution(graph, x, layer.conv, layer.norm))
    pooled = [graph.node(pool, x) for pool in ('GlobalAveragePool', 'GlobalMaxPool')]
    features = graph.node('Flatten', graph.node('Concat', *pooled, axis=1))
    vectors = graph.unit(graph.linear(features, value(tower.out.weight), value(tower.out.bias)))
    source = helper.make_tensor_value_info('pixels', TensorProto.FLOAT, ['rows', 3, RESOLUTION, RESOLUTION])
    graph.write(path, source, vectors, vectors_info('image_embeds'))


def convolution(graph: Graph, x: str, layer: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    """With the norm's gain and offset inside the weights."""
    gain = value(norm.weight) / np.sqrt(value(norm.running_var) + norm.eps)
    offset = value(norm.bias) - value(norm.running_mean) * gain
    weight = graph.weight(value(layer.weight) * gain[:, None, None, None], 0)
    pads = [*layer.padding, *layer.padding]
    return graph.node('Conv', x, weight, graph.constant(offset), strides=list(layer.stride), pads=pads)


def write_text_tower(path: Path, tower: TextTower, small: bool) -> None:
    """input_ids int32 [rows, 77] → text_embeds float32 [rows, 256]. Columns past the longest text cost nothing."""
    graph = Graph(small)
    ends = graph.node('ArgMax', 'input_ids', axis=1, keepdims=1)
    columns = graph.node('Add', graph.node('ReduceMax', ends, keepdims=0), graph.constant(np.int64(1)))
    until = graph.node('Unsqueeze', columns, graph.numbers(0))
    ids = graph.node('Slice', 'input_ids', graph.numbers(0), until, graph.numbers(1))
    places = graph.node('Range', graph.constant(np.int64(0)), columns, graph.constant(np.int64(1)))
    inside = graph.node('LessOrEqual', places, ends)
    rows = graph.rows(value(tower.table.weight), ids)
    positions = graph.node('Slice', graph.constant(value(tower.positions)), graph.numbers(0), until, graph.numbers(0))
    x = graph.node('Add', graph.linear(rows, value(tower.widen.weight), value(tower.widen.bias)), positions)
    bias = closed(graph, inside)
    over_heads = graph.node('Unsqueeze', bias, graph.numbers(1, 2))
    for block in tower.blocks:
        x = attend(graph, x, over_heads, block)
    x = norm(graph, x, tower.last_norm)
    pool = graph.linear(x, value(tower.pool.weight), value(tower.pool.bias))
    phrase = weighted_sum(graph, pool, bias, x)
    phrase = graph.linear(phrase, value(tower.phrase_out.weight), value(tower.phrase_out.bias))
    after_start = graph.node('Greater', places, graph.constant(np.int64(0)))
    inner = graph.node('And', after_start, graph.node('Less', places, ends))
    importance = graph.node('Gather', graph.constant(value(tower.importance.weight)), ids)
    words = weighted_sum(graph, importance, closed(graph, inner), rows)
    words = graph.linear(words, value(tower.word_out.weight), value(tower.word_out.bias))
    source = helper.make_tensor_value_info('input_ids', TensorProto.INT32, ['rows', CONTEXT])
    graph.write(path, source, graph.unit(graph.node('Add', phrase, words)), vectors_info('text_embeds'))


def closed(graph: Graph, open_places: str) -> str:
    """0 where a place takes part, -10,000 where it does not."""
    return graph.node('Where', open_places, graph.constant(np.float32(0)), graph.constant(np.float32(-1e4)))


def weighted_sum(graph: Graph, scores: str, bias: str, x: str) -> str:
    """Sum over the columns of x [rows, columns, width] by the softmax of scores [rows, columns, 1]."""
    open_scores = graph.node('Add', scores, graph.node('Unsqueeze', bias, graph.numbers(2)))
    shares = graph.node('Softmax', open_scores, axis=1)
    return graph.node('ReduceSum', graph.node('Mul', shares, x), graph.numbers(1), keepdims=0)


def norm(graph: Graph, x: str, layer: nn.LayerNorm) -> str:
    weights = graph.constant(value(layer.weight)), graph.constant(value(layer.bias))
    return graph.node('LayerNormalization', x, *weights, axis=-1, epsilon=layer.eps)


def attend(graph: Graph, x: str, bias: str, block: nn.Module) -> str:
    def linear(y: str, layer: nn.Linear) -> str:
        return graph.linear(y, value(layer.weight), value(layer.bias))

    shape = graph.numbers(0, 0, HEADS, INNER // HEADS)
    whole = graph.node('Split', linear(norm(graph, x, block.attention_norm), block.attention_in), outputs=3, axis=-1)
    query, key, heard = (graph.node('Reshape', part, shape) for part in (whole, f'{whole}_1', f'{whole}_2'))
    query = graph.node('Transpose', query, perm=[0, 2, 1, 3])
    key = graph.node('Transpose', key, perm=[0, 2, 3, 1])
    heard = graph.node('Transpose', heard, perm=[0, 2, 1, 3])
    scale = graph.constant(np.float32((INNER // HEADS) ** -0.5))
    scores = graph.node('Add', graph.node('Mul', graph.node('MatMul', query, key), scale), bias)
    seen = graph.node('MatMul', graph.node('Softmax', scores, axis=-1), heard)
    seen = graph.node('Reshape', graph.node('Transpose', seen, perm=[0, 2, 1, 3]), graph.numbers(0, 0, INNER))
    x = graph.node('Add', x, linear(seen, block.attention_out))
    wide = graph.node('Relu', linear(norm(graph, x, block.mlp_norm), block.mlp_in))
    return graph.node('Add', x, linear(wide, block.mlp_out))


def vectors_info(name: str):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ['rows', WIDTH])
