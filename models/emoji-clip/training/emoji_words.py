"""The teacher's vectors of the emoji's texts, as the image tower needs them."""

import numpy as np
import torch

from texts import EmojiText

# Texts of a class that are kept at hand; heavier ones are in it more than once.
DRAWN_FROM = 96
# How sharply meaning is told apart where targets are spread over kin.
KIN_TEMPERATURE = 0.07


class EmojiWords:
    """`labels` [classes, 384] float32; `kin` [classes, classes], rows of sum 1: which others a class is close to."""

    def __init__(self, texts: list[EmojiText], vectors: np.ndarray, classes: list[dict]) -> None:
        rng = np.random.default_rng(0)
        self.vectors = torch.from_numpy(vectors.astype(np.float32))
        by_class: list[list[int]] = [[] for _ in classes]
        for index, text in enumerate(texts):
            by_class[text.shows].append(index)
        weights = [np.array([texts[index].weight for index in found]) for found in by_class]
        self.table = np.stack(
            [rng.choice(found, DRAWN_FROM, p=w / w.sum()) for found, w in zip(by_class, weights, strict=True)]
        )
        label_at = {(text.shows, text.text): index for index, text in enumerate(texts)}
        self.labels = self.vectors[[label_at[shows, entry['label']] for shows, entry in enumerate(classes)]]
        centres = torch.nn.functional.normalize(self.vectors[self.table].mean(1), dim=-1)
        likeness = centres @ centres.T - 2 * torch.eye(len(centres))
        self.kin = torch.softmax(likeness / KIN_TEMPERATURE, 1)
        self.texts = texts

    def draw(self, rng: np.random.Generator) -> torch.Tensor:
        """One text of each class, [classes, 384]."""
        columns = rng.integers(0, DRAWN_FROM, len(self.table))
        return self.vectors[self.table[np.arange(len(self.table)), columns]]

    def principal_axes(self, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias that centre the texts and keep their main axes, the strong ones a little weakened."""
        sample = self.vectors[torch.from_numpy(self.table[:, ::8].reshape(-1).copy())]
        mean = sample.mean(0)
        _, lengths, axes = torch.linalg.svd(sample - mean, full_matrices=False)
        gain = (lengths[:width] / lengths[0]) ** -0.3
        matrix = axes[:width] * gain[:, None]
        return matrix, -matrix @ mean
