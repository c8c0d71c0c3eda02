"""The text tower learns the teacher's vectors of English at large, then its place beside the pictures."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from checkpoint import Checkpoint
from emoji_words import EmojiWords
from progress import Progress
from teacher import WIDTH as TEACHER_WIDTH
from text_tower import TextTower

BATCH = 512
RATE = 2e-3
# A batch is run in so many parts, each padded to its own longest text.
PARTS = 4
# Share of a batch that is the emoji's own texts.
EMOJI_SHARE = {'english': 0.3, 'beside': 0.5}
# How sharply texts of a batch are told apart where their likeness is learned.
TEMPERATURE = 0.05


@dataclass(frozen=True)
class Corpus:
    """Texts as ids [texts, 77] uint16 and the teacher's vectors [texts, 384] float16; the emoji's come first.

    `shows` and `chance` are of these alone: the class that each names, and how often it is drawn."""

    ids: np.ndarray
    vectors: np.ndarray
    lengths: np.ndarray
    shows: np.ndarray
    chance: np.ndarray

    def draw(self, rng: np.random.Generator, emoji_share: float) -> np.ndarray:
        """Rows of a batch."""
        emoji = round(BATCH * emoji_share)
        own = rng.choice(len(self.chance), emoji, p=self.chance)
        others = rng.integers(len(self.chance), len(self.ids), BATCH - emoji)
        return np.concatenate([own, others])

    def ids_of(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.ids[rows, : self.lengths[rows].max()].astype(np.int64))

    def vectors_of(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.vectors[rows].astype(np.float32))


def make_corpus(words: EmojiWords, folder: Path) -> Corpus:
    ids = np.fromfile(folder / 'ids.u16', np.uint16).reshape(-1, 77)
    vectors = np.concatenate([words.vectors.numpy().astype(np.float16), np.load(folder / 'english-vectors.npy')])
    lengths = ids.argmax(1) + 1
    weights = np.array([text.weight for text in words.texts])
    shows = np.array([text.shows for text in words.texts])
    # Every class alike, however many texts it has.
    chance = weights / np.bincount(shows, weights)[shows]
    return Corpus(ids, vectors, lengths, shows, chance / chance.sum())


def start_tower(folder: Path) -> TextTower:
    torch.manual_seed(2)
    tower = TextTower(TEACHER_WIDTH)
    rarity = json.loads((folder / 'rarity.json').read_text())
    tower.start_from(torch.from_numpy(np.load(folder / 'token-vectors.npy')).float(), torch.tensor(rarity))
    return tower


def near_teacher(vectors: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far the vectors are from the teacher's, each by itself and in their likeness to each other."""
    apart = 1 - (vectors * wanted).sum(1).mean()
    off_self = -1e4 * torch.eye(len(vectors))
    likeness = torch.log_softmax(vectors @ vectors.T / TEMPERATURE + off_self, 1)
    target = torch.softmax(wanted @ wanted.T / TEMPERATURE + off_self, 1)
    return 2 * apart + 0.5 * F.kl_div(likeness, target, reduction='batchmean')


def train_texts(stage: str, tower: TextTower, corpus: Corpus, loss_of, texts: int, checkpoint: Checkpoint) -> None:
    """Trains the tower in place until it read `texts` texts. @raise OutOfTime at the deadline, with all saved"""
    optimiser = torch.optim.AdamW(tower.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01)
    step, steps = 0, texts // BATCH
    if checkpoint.state:
        tower.load_state_dict(checkpoint.state['tower'])
        optimiser.load_state_dict(checkpoint.state['optimiser'])
        step = checkpoint.state['step']
    progress, seen = Progress(f'text tower, {stage}'), 0.0
    while step < steps:
        rng = np.random.default_rng((2, step))
        rows = corpus.draw(rng, EMOJI_SHARE[stage])
        rows = rows[np.argsort(corpus.lengths[rows], kind='stable')]
        with torch.autocast('cpu', torch.bfloat16):
            vectors = torch.cat([tower(corpus.ids_of(part)) for part in np.array_split(rows, PARTS)])
        loss = loss_of(vectors, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        share = step / steps
        for group in optimiser.param_groups:
            group['lr'] = RATE * (min(share / 0.02, 0.5 + 0.5 * math.cos(math.pi * share)) + 0.005)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        seen = 0.98 * seen + 0.02 * loss.item()
        told = f'loss {seen / (1 - 0.98 ** min(step, 1000)):.4f}'
        progress.show(step * BATCH, steps * BATCH, 'texts', told)
        if checkpoint.due() or step == steps:
            state = {'step': step, 'done': step == steps, 'tower': tower.state_dict()}
            checkpoint.save({**state, 'optimiser': optimiser.state_dict()})
