"""The image tower learns to put a picture beside the words of its class, in a space made from the teacher's."""

import copy
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from augment import Pictures
from checkpoint import Checkpoint
from emoji_words import EmojiWords
from image_tower import WIDTH, ImageTower
from muon import Muon
from progress import Progress

# Pictures in a step: two of each class that was drawn.
BATCH = 256
# Side of the pictures, by the share of the training from which it holds. The last is the model's own.
SIDES = ((0.0, 48), (0.45, 64))
RESOLUTION = SIDES[-1][1]
# Muon's rate for matrices, Adam's for the rest, and for the head, which is to move little.
MATRIX_RATE = 1e-2
RATE = 3e-3
HEAD_RATE = 3e-4
WARM_UP = 0.01
AVERAGE = 0.998
# Augmentation grows to its full strength over this share of the training.
RAMP = 0.2
# Part of the target that is spread over classes of like meaning.
KIN_SHARE = 0.1


@dataclass
class Learner:
    """The tower, and the `head` that carries the teacher's 384 components into the model's space.

    `side_door` tells classes straight from the features: it is thrown away, but the body learns faster with it."""

    tower: ImageTower
    head: nn.Linear
    side_door: nn.Linear
    log_scale: nn.Parameter

    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict({'tower': self.tower, 'head': self.head, 'side_door': self.side_door})


def make_learner(words: EmojiWords) -> Learner:
    head = nn.Linear(words.labels.shape[1], WIDTH)
    matrix, offset = words.principal_axes(WIDTH)
    with torch.no_grad():
        head.weight.copy_(matrix)
        head.bias.copy_(offset)
    tower = ImageTower().to(memory_format=torch.channels_last)
    return Learner(tower, head, nn.Linear(512, len(words.labels)), nn.Parameter(torch.tensor(math.log(20.0))))


def loss_of(learner: Learner, pixels: torch.Tensor, shown: torch.Tensor, words: EmojiWords, rng) -> tuple:
    with torch.autocast('cpu', torch.bfloat16):
        features = learner.tower.features(pixels)
        vectors = F.normalize(learner.tower.out(F.dropout(features, 0.05)).float(), dim=-1)
        direct = learner.side_door(F.dropout(features, 0.2)).float()
    target = F.one_hot(shown, len(words.labels)).float().lerp_(words.kin[shown], KIN_SHARE)
    by_label = class_scores(learner, vectors, words.labels)
    by_words = class_scores(learner, vectors, words.draw(rng))
    pairs = 20 * vectors @ vectors.T - 1e4 * torch.eye(len(vectors))
    partner = torch.arange(len(vectors)).roll(len(vectors) // 2)
    loss = (
        F.cross_entropy(by_label, target)
        + 0.5 * F.cross_entropy(by_words, target)
        + 0.3 * F.cross_entropy(pairs, partner)
        + 0.5 * F.cross_entropy(direct, shown)
    )
    return loss, (by_label.argmax(1) == shown).float().mean()


def class_scores(learner: Learner, vectors: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    with torch.autocast('cpu', torch.bfloat16):
        placed = F.normalize(learner.head(texts).float(), dim=-1)
        return (learner.log_scale.exp() * vectors @ placed.T).float()


def make_optimisers(learner: Learner) -> list[torch.optim.Optimizer]:
    convolutions = [weight for weight in learner.tower.parameters() if weight.ndim >= 2]
    plain = [weight for weight in learner.tower.parameters() if weight.ndim < 2]
    groups = [
        {'params': [*plain, learner.log_scale], 'weight_decay': 0.0},
        {'params': learner.side_door.parameters(), 'weight_decay': 0.05},
        {'params': learner.head.parameters(), 'weight_decay': 0.0, 'lr': HEAD_RATE},
    ]
    optimisers = [
        Muon(convolutions, MATRIX_RATE, weight_decay=0.05),
        torch.optim.AdamW(groups, RATE, betas=(0.9, 0.98)),
    ]
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group['peak'] = group['lr']
    return optimisers


def side_at(share: float) -> int:
    return [side for start, side in SIDES if share >= start][-1]


def rate_at(share: float) -> float:
    return min(share / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * share)) + 0.005


def train_images(folder: Path, classes: list[dict], words: EmojiWords, images: int, deadline: float) -> Learner:
    """Trains, or goes on, until `images` pictures were seen. @raise OutOfTime at the deadline, with all saved"""
    torch.manual_seed(1)
    pictures = Pictures(folder, classes)
    learner = make_learner(words)
    modules = learner.modules()
    average = copy.deepcopy(modules)
    optimisers = make_optimisers(learner)
    checkpoint = Checkpoint(folder / 'images.pt', deadline)
    step, steps = 0, images // BATCH
    if checkpoint.state:
        step = restore(checkpoint.state, learner, modules, average, optimisers)
        checkpoint.state = {'cpu_seconds': checkpoint.state['cpu_seconds']}
    progress, seen = Progress('image tower'), [0.0, 0.0]
    while step < steps:
        share = step / steps
        rng = np.random.default_rng((1, step))
        torch.manual_seed(step)
        rows = pictures.draw(rng, BATCH // 2)
        pixels = pictures.augment(rows, side_at(share), 0.3 + 0.7 * min(1.0, share / RAMP), rng)
        loss, right = loss_of(learner, pixels, torch.from_numpy(pictures.shows[rows]), words, rng)
        loss.backward()
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group['lr'] = group['peak'] * rate_at(share)
            optimiser.step()
            optimiser.zero_grad()
        follow(average, modules, min(AVERAGE, 1 - 1 / (step + 1)))
        step += 1
        seen = [0.98 * old + 0.02 * new for old, new in zip(seen, (loss.item(), right.item()), strict=True)]
        fresh = 1 - 0.98 ** min(step, 1000)
        told = f'loss {seen[0] / fresh:.3f}, right {seen[1] / fresh:.3f}, scale {learner.log_scale.exp():.1f}'
        progress.show(step * BATCH, steps * BATCH, 'pictures', told)
        if checkpoint.due() or step == steps:
            checkpoint.save(state_of(step, steps, learner, modules, average, optimisers))
    learner.tower, learner.head = average['tower'], average['head']
    learner.tower.eval()
    return learner


def state_of(step: int, steps: int, learner: Learner, modules, average, optimisers) -> dict:
    return {
        'step': step,
        'done': step == steps,
        'modules': modules.state_dict(),
        'average': average.state_dict(),
        'log_scale': learner.log_scale.detach(),
        'optimisers': [optimiser.state_dict() for optimiser in optimisers],
    }


def restore(state: dict, learner: Learner, modules, average, optimisers) -> int:
    modules.load_state_dict(state['modules'])
    average.load_state_dict(state['average'])
    learner.log_scale.data.copy_(state['log_scale'])
    for optimiser, saved in zip(optimisers, state['optimisers'], strict=True):
        optimiser.load_state_dict(saved)
    return state['step']


@torch.no_grad()
def follow(average: nn.Module, modules: nn.Module, keep: float) -> None:
    """Moves the average of weights and statistics a little towards the present ones."""
    for old, new in zip(average.state_dict().values(), modules.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - keep)
