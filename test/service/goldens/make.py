"""Writes rank.json: what NumPy (1.26) scores for groups of float32 vectors, by the formula of clip-as-service's rank.

python make.py
"""
import json
import os

import numpy as np

SCALE = np.exp(4.60517)
EPSILON = 1e-7


def rank(query, matches, scale):
    lengths = np.outer(np.linalg.norm(query, axis=1), np.linalg.norm(matches, axis=1))
    distance = 1 - np.clip((np.dot(query, matches.T) + EPSILON) / (lengths + EPSILON), -1, 1)
    cosines = (1 - distance)[0]
    logits = scale * cosines
    powers = np.exp(logits - np.max(logits))
    scores = powers / np.sum(powers)
    assert cosines.dtype == scores.dtype == np.float32
    order = sorted(range(len(scores)), key=lambda i: scores[i], reverse=True)
    return [{'index': i, 'score': float(scores[i]), 'cosine': float(cosines[i])} for i in order]


def case(name, query, matches, scale=None):
    query, matches = np.asarray([query], np.float32), np.asarray(matches, np.float32)
    return {
        'name': name,
        'query': query[0].tolist(),
        'matches': matches.tolist(),
        **({'scale': scale} if scale else {}),
        'ranked': rank(query, matches, scale or SCALE),
    }


rng = np.random.default_rng(5)
base = rng.standard_normal(16)
near = [base + 0.3 * rng.standard_normal(16) for _ in range(6)]
axis = np.eye(16)
cases = [
    case('vectors in all directions', base, rng.standard_normal((8, 16)) * 10),
    case('vectors close to the query', base, near),
    case('equal matches keep their order', base, [near[0], near[1], near[0], near[1], near[0]]),
    case('one match', base, [near[2]]),
    case('the query itself, its double and its opposite', base, [-base, 2 * base, base]),
    case('at right angles', axis[0], [axis[1], axis[0] + axis[1], axis[2]]),
    case('very short vectors, where epsilon counts', base * 1e-4, [near[0] * 1e-4, near[1] * 1e-3, -base * 1e-4]),
    case('a vector of zeros', base, [np.zeros(16), near[0]]),
    case('a logit scale of 33.1', base, near, 33.1),
    case('a logit scale of 1', base, near, 1.0),
    case('a logit scale of 1000', base, near + [-base], 1000.0),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'rank.json')
with open(path, 'w') as file:
    json.dump(cases, file, indent=1)
    file.write('\n')
