"""Pictures as the image tower sees them while it learns: turned, tinted, on another ground, never twice the same."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711])
# How often a picture of a style is drawn, compared with the others of its class.
STYLE_WEIGHT = {'plain': 1.0, 'outlined': 0.6, 'recoloured': 0.6, 'drawn': 0.4, 'ink': 0.4}
# Classes outside the benchmark, flags for the most part, are drawn less often.
OTHER_CLASS_WEIGHT = 0.4
# Labels of which the mirror image means something else.
ONE_SIDED = re.compile(r'left|right|clock|thirty|waxing|waning|quarter|crescent|back|heavy|chart')
# Emojibase's groups of symbols and flags, which have letters.
LETTERED_GROUPS = (8, 9)

cv2.setNumThreads(1)


class Pictures:
    """The pictures that `pictures.ts` wrote, and how they are drawn and changed."""

    def __init__(self, folder: Path, classes: list[dict]) -> None:
        notes = json.loads((folder / 'pictures.json').read_text())
        self.side = notes['side']
        self.pixels = np.memmap(folder / 'pictures.rgba', np.uint8, 'r').reshape(-1, self.side, self.side, 4)
        self.shows = np.array([row[0] for row in notes['rows']])
        styles = [row[2] for row in notes['rows']]
        self.ink = np.array([style == 'ink' for style in styles])
        self.weights = np.array([STYLE_WEIGHT[style] for style in styles])
        self.of_class = [np.flatnonzero(self.shows == index) for index in range(len(classes))]
        chance = np.array([1.0 if entry['benchmark'] else OTHER_CLASS_WEIGHT for entry in classes])
        chance[[len(found) < 2 for found in self.of_class]] = 0
        self.class_chance = chance / chance.sum()
        self.mirrored = np.array(
            [entry['group'] not in LETTERED_GROUPS and not ONE_SIDED.search(entry['label']) for entry in classes]
        )

    def shown_plainly(self) -> np.ndarray:
        """Rows of the pictures in colour as their vendor drew them."""
        return np.flatnonzero(self.weights == STYLE_WEIGHT['plain'])

    def on_white(self, rows: np.ndarray, side: int) -> torch.Tensor:
        """float32 [rows, side, side, 3] from 0 to 1, unchanged but for the size."""
        small = np.stack([cv2.resize(self.pixels[row], (side, side), interpolation=cv2.INTER_AREA) for row in rows])
        picture = torch.from_numpy(small).float().div_(255)
        return picture[..., :3] + 1 - picture[..., 3:]

    def draw(self, rng: np.random.Generator, classes: int) -> np.ndarray:
        """Two different pictures of each of so many classes: [2 × classes], the pairs `classes` apart."""
        chosen = rng.choice(len(self.of_class), classes, replace=False, p=self.class_chance)
        pairs = np.empty((2, classes), np.int64)
        for column, index in enumerate(chosen):
            rows = self.of_class[index]
            weights = self.weights[rows]
            pairs[:, column] = rng.choice(rows, 2, replace=False, p=weights / weights.sum())
        return pairs.reshape(-1)

    def augment(self, rows: np.ndarray, side: int, strength: float, rng: np.random.Generator) -> torch.Tensor:
        """Normalised float32 [rows, 3, side, side], channels last. `strength` from 0 to 1."""
        warped = torch.from_numpy(self.warp(rows, side, strength, rng)).float().div_(255)
        colour, alpha = warped[..., :3].flatten(1, 2), warped[..., 3:].flatten(1, 2)
        ink = torch.from_numpy(self.ink[rows])
        matrix, offset = tint(len(rows), strength, ink, rng)
        colour = torch.baddbmm(alpha * offset[:, None], colour, matrix)
        ground = grounds(len(rows), side, ink, rng)
        picture = (colour + (1 - alpha) * ground).view(len(rows), side, side, 3)
        picture = spoil(picture, strength, rng)
        return picture.clamp_(0, 1).sub_(MEAN).div_(DEVIATION).permute(0, 3, 1, 2)

    def warp(self, rows: np.ndarray, side: int, strength: float, rng: np.random.Generator) -> np.ndarray:
        count = len(rows)
        out = np.empty((count, side, side, 4), np.uint8)
        size = np.exp(rng.uniform(np.log(1 - 0.38 * strength), np.log(1 + 0.15 * strength), count))
        turn = np.radians(8) * strength * rng.standard_normal(count)
        stretch = np.exp(0.07 * strength * rng.standard_normal(count))
        shear = 0.06 * strength * rng.standard_normal(count)
        shift = side * strength * rng.uniform(-0.5, 0.5, (count, 2)) * (0.06 + np.maximum(0, 1 - size))[:, None]
        mirror = np.where(self.mirrored[self.shows[rows]] & (rng.random(count) < 0.5), -1.0, 1.0)
        for index, row in enumerate(rows):
            source = self.pixels[row]
            scale = size[index] * side / self.side
            if scale < 0.7:
                source = cv2.resize(source, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
                scale *= 2
            cos, sin = np.cos(turn[index]), np.sin(turn[index])
            across, down = scale * stretch[index], scale / stretch[index]
            linear = np.array([[cos, -sin + shear[index]], [sin, cos]]) * (mirror[index] * across, down)
            centre = (source.shape[0] - 1) / 2
            move = (side - 1) / 2 + shift[index] - linear @ (centre, centre)
            cv2.warpAffine(source, np.column_stack([linear, move]), (side, side), dst=out[index])
        return out


def tint(count: int, strength: float, ink: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A colour matrix [count, 3, 3] and an offset [count, 3]: saturation, gain, mixed channels; dark for inks."""
    grey = np.full((3, 3), 1 / 3) * np.array([[0.9], [1.77], [0.33]])
    saturation = np.exp(0.35 * strength * rng.standard_normal(count))
    saturation[rng.random(count) < 0.06 * strength] = 0
    saturation = saturation[:, None, None]
    matrix = saturation * np.eye(3) + (1 - saturation) * grey
    matrix = matrix @ (np.eye(3) + 0.05 * strength * rng.standard_normal((count, 3, 3)))
    matrix *= np.exp(0.12 * strength * rng.standard_normal((count, 1, 3)))
    offset = 0.05 * strength * rng.standard_normal((count, 3))
    offset[ink.numpy()] = rng.uniform(0, 0.35, (int(ink.sum()), 3))
    return torch.from_numpy(matrix).float(), torch.from_numpy(offset).float()


def grounds(count: int, side: int, ink: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Grounds [count, 1 or side², 3]: white for half, else plain, dark, or soft blots. Light under ink."""
    kind = rng.random(count)
    plain = rng.random((count, 1, 3))
    plain[kind < 0.5] = 1
    plain[(kind >= 0.5) & (kind < 0.6)] *= 0.2
    pale = ink.numpy() & (kind >= 0.5)
    plain[pale] = 0.75 + 0.25 * plain[pale]
    ground = torch.from_numpy(plain).float().expand(count, side * side, 3)
    blots = np.flatnonzero((kind > 0.85) & ~ink.numpy())
    if len(blots):
        coarse = torch.from_numpy(rng.random((len(blots), 3, 4, 4))).float()
        soft = F.interpolate(coarse, (side, side), mode='bilinear', align_corners=True)
        ground = ground.clone()
        ground[blots] = soft.flatten(2).transpose(1, 2)
    return ground


def spoil(picture: torch.Tensor, strength: float, rng: np.random.Generator) -> torch.Tensor:
    """Contrast and brightness of all [rows, side, side, 3]; blur, noise or a hidden patch for some."""
    count, side = picture.shape[:2]
    contrast = np.exp(0.12 * strength * rng.standard_normal((count, 1, 1, 1)))
    bright = 0.04 * strength * rng.standard_normal((count, 1, 1, 1))
    untouched = rng.random(count) < 0.4
    contrast[untouched], bright[untouched] = 1, 0
    picture = picture.sub_(0.5).mul_(torch.from_numpy(contrast).float()).add_(torch.from_numpy(0.5 + bright).float())
    blurred = np.flatnonzero(rng.random(count) < 0.15 * strength)
    if len(blurred):
        planes = picture[blurred].permute(0, 3, 1, 2)
        picture[blurred] = F.avg_pool2d(F.pad(planes, (1, 1, 1, 1), 'replicate'), 3, 1).permute(0, 2, 3, 1)
    noisy = np.flatnonzero(rng.random(count) < 0.12 * strength)
    if len(noisy):
        grain = rng.standard_normal((len(noisy), side, side, 3), np.float32)
        picture[noisy] += torch.from_numpy(0.06 * grain)
    for row in np.flatnonzero(rng.random(count) < 0.25 * strength):
        high, wide = rng.integers(side // 8, side // 3, 2)
        top, left = rng.integers(0, side - high), rng.integers(0, side - wide)
        picture[row, top : top + high, left : left + wide] = torch.from_numpy(rng.random(3)).float()
    return picture
