"""The text tower takes its place beside the pictures: the model's space, and near the pictures that a text names."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from augment import DEVIATION, MEAN, Pictures
from checkpoint import Checkpoint
from text_tower import TextTower
from train_images import RESOLUTION, Learner
from train_texts import Corpus, near_teacher, train_texts

TEXTS = 400_000
# How far the place of an emoji's text moves from the teacher's towards its pictures, which lie together, apart from all texts.
PULL = 1.0
# How much nearness to the pictures counts beside nearness to the teacher.
PICTURES_COUNT = 0.3
# Part of the target that is the class itself; the rest goes to what the teacher finds alike.
CLASS_SHARE = 0.6


def train_beside(
    folder: Path, tower: TextTower, corpus: Corpus, learner: Learner, classes: list[dict], deadline: float
):
    """Trains the tower in place. @raise OutOfTime at the deadline, with all saved"""
    head, scale = learner.head.requires_grad_(False), learner.log_scale.exp().item()
    tower.project(head)
    prototypes = picture_prototypes(learner, Pictures(folder, classes))

    def loss_of(vectors: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        wanted = F.normalize(head(corpus.vectors_of(rows)), dim=-1)
        named = np.flatnonzero(rows < len(corpus.shows))
        target = torch.softmax(scale * wanted[named] @ prototypes.T, 1)
        own = F.one_hot(torch.from_numpy(corpus.shows[rows[named]]), len(prototypes))
        target = target.lerp(own.float(), CLASS_SHARE)
        wanted[named] = F.normalize(wanted[named] + PULL * target @ prototypes, dim=-1)
        beside = F.cross_entropy(scale * vectors[named] @ prototypes.T, target)
        return near_teacher(vectors, wanted) + PICTURES_COUNT * beside

    train_texts('beside', tower, corpus, loss_of, TEXTS, Checkpoint(folder / 'beside.pt', deadline))
    tower.eval()


@torch.no_grad()
def picture_prototypes(learner: Learner, pictures: Pictures) -> torch.Tensor:
    """Where the pictures of each class lie on average, on white: [classes, 256], of length 1."""
    sums = torch.zeros(len(pictures.of_class), learner.head.out_features)
    for rows in np.array_split(pictures.shown_plainly(), 200):
        pixels = pictures.on_white(rows, RESOLUTION).sub_(MEAN).div_(DEVIATION).permute(0, 3, 1, 2)
        sums.index_add_(0, torch.from_numpy(pictures.shows[rows]), learner.tower(pixels))
    return F.normalize(sums, dim=-1)
