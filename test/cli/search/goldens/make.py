"""Writes nearest.json: which of float16 rows NumPy (1.26) finds nearest to float32 queries.

python make.py
"""
import base64
import json
import os

import numpy as np


def unit(vectors):
    return vectors / np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)


def coded(array):
    return base64.b64encode(array.tobytes()).decode()


rng = np.random.default_rng(7)
cases = []
for width, rows in ((1, 4), (3, 50), (32, 300), (63, 200)):
    common = rng.standard_normal(width)
    vectors = (unit(rng.standard_normal((rows, width)) + common) * rng.uniform(0.1, 40, (rows, 1))).astype(np.float32)
    # Of one direction, and so of one score: the earlier row comes first.
    vectors[rows // 2] = vectors[0]
    halves = unit(vectors).astype(np.float32).astype(np.float16)
    queries = (rng.standard_normal((3, width)) * 5 + common).astype(np.float32)
    scores = unit(queries) @ halves.astype(np.float64).T
    cases.append({
        'width': width,
        'vectors': coded(vectors),
        'halves': coded(halves),
        'queries': coded(queries),
        'order': np.argsort(-scores, axis=1, kind='stable').tolist(),
        'scores': coded(scores),
    })
path = os.path.join(os.path.dirname(__file__), 'nearest.json')
with open(path, 'w') as file:
    json.dump(cases, file)
