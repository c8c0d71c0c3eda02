"""Writes forms.json: what NumPy (1.26) makes of float32 vectors in each form. Numbers are base64 of little-endian bytes.

python make_forms.py
"""
import base64
import json
import os

import numpy as np


def form(vector, kind, dimensions=None, normalise=False):
    kept = vector[:dimensions]
    if normalise:
        wide = kept.astype('f8')
        kept = (wide / np.linalg.norm(wide)).astype('f4')
    if kind == 'float32':
        return kept
    if kind == 'float16':
        return kept.astype('<f2')
    if kind in ('int8', 'uint8'):
        int8 = np.rint(kept * 127).astype('i1')
        return int8 if kind == 'int8' else (int8.astype('i2') + 128).astype('u1')
    # As sentence-transformers' quantize_embeddings.
    ubinary = np.packbits(kept > 0)
    return ubinary if kind == 'ubinary' else (ubinary - 128).astype('i1')


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


rng = np.random.default_rng(11)
vectors = {
    'as CLIP gives them': (rng.standard_normal(512) * 0.5).astype('f4'),
    'one large component': np.concatenate([[9.0], rng.standard_normal(99) * 0.2]).astype('f4'),
    'no multiple of eight': rng.standard_normal(13).astype('f4'),
    'halves and zeros': np.array([0.5, -0.5, 0.5, -0.5, 0.0, -0.0, 0.0, 0.0], 'f4'),
    'one component': np.array([-3.5], 'f4'),
    'the smallest numbers': (rng.standard_normal(24) * 1e-39).astype('f4'),
    'beside the bounds of half precision': np.array([65504, 65519.99, -65519.99, 2**-24, 2**-25, 3 * 2**-26, 1e-5], 'f4'),
}
cases = []
for name, vector in vectors.items():
    for kind in ('float32', 'float16', 'int8', 'uint8', 'binary', 'ubinary'):
        scaled = kind in ('int8', 'uint8')
        for dimensions in sorted({None, 1, 9, 100, len(vector)} & {None, *range(len(vector) + 1)}, key=lambda n: n or 0):
            for normalise in (True,) if scaled or dimensions else (False, True):
                expected = form(vector, kind, dimensions, normalise)
                given = {'dimensions': dimensions, 'normalize': normalise, 'embedding_type': kind}
                given = {key: value for key, value in given.items() if value is not None}
                cases.append({'vector': name, 'parameters': given, 'dtype': expected.dtype.str, 'expected': text(expected)})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'forms.json'), 'w') as file:
    json.dump({'vectors': {name: text(vector) for name, vector in vectors.items()}, 'cases': cases}, file, indent=1)
    file.write('\n')
