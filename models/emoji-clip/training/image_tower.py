"""The image tower: plain 3×3 convolutions, which a CPU runs fastest."""

import torch
import torch.nn.functional as F
from torch import nn

# Components of a vector.
WIDTH = 256


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(x + self.second_norm(self.second(inner)))


class Shrink(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.conv(x)))


class ImageTower(nn.Module):
    """Normalised pixels [rows, 3, R, R] → vectors [rows, 256] of length 1. R is any multiple of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Shrink(3, 64, 5, 4),
            Shrink(64, 128, 3, 2),
            Residual(128),
            Shrink(128, 256, 3, 2),
            Residual(256),
            Residual(256),
        )
        self.out = nn.Linear(512, WIDTH)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Mean and maximum over the picture, [rows, 512]."""
        maps = self.body(pixels)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.out(self.features(pixels)).float(), dim=-1)
