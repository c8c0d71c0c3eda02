"""Spreads the model's components over more outputs: every cosine stays as it is, and the signs alone say more."""

import numpy as np
import torch

from text_tower import TextTower
from train_texts import Corpus

# Outputs. Signs of 256 components lose twenty points of recall, those of 512 eleven, those of 768 seven.
OUTPUTS = 768
# Turns towards signs that stay closer to the vectors; more of them gain nothing.
ROUNDS = 10


def spread(pictures: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """A matrix [OUTPUTS, width] with orthonormal columns, made for vectors [rows, width] like these of both kinds.

    What all pictures, or all texts, have in common would set most signs alike: it is kept to an output for each of the two.
    The others are turned as iterative quantisation does (Gong and Lazebnik 2011), here into more outputs than inputs."""
    rng = np.random.default_rng(0)
    width = pictures.shape[1]
    common = np.stack([pictures.mean(0), texts.mean(0)], 1)
    apart = common.shape[1]
    axes, _ = np.linalg.qr(np.concatenate([common, rng.standard_normal((width, width - apart))], 1))
    rest = np.concatenate([pictures, texts]) @ axes[:, apart:]
    turn, _ = np.linalg.qr(rng.standard_normal((OUTPUTS - apart, width - apart)))
    for _ in range(ROUNDS):
        left, _, right = np.linalg.svd(np.sign(rest @ turn.T).T @ rest, full_matrices=False)
        turn = left @ right
    frame = np.zeros((OUTPUTS, width))
    frame[:apart, :apart] = np.eye(apart)
    frame[apart:, apart:] = turn
    return frame @ axes.T


@torch.no_grad()
def sample_texts(tower: TextTower, corpus: Corpus, count: int) -> np.ndarray:
    """Vectors of so many of the emoji's texts, [count, width]."""
    rows = np.random.default_rng(3).choice(len(corpus.chance), count, p=corpus.chance)
    rows = rows[np.argsort(corpus.lengths[rows], kind='stable')]
    return torch.cat([tower(corpus.ids_of(part)) for part in np.array_split(rows, 32)]).numpy()
