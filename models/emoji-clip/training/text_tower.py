"""The text tower: a narrow table of CLIP's 49,408 tokens and two blocks that look both ways."""

import torch
import torch.nn.functional as F
from torch import nn

CONTEXT = 77
TOKENS = 49_408
# The token that ends a text; it has the largest id, so that its place is that of the largest id, as in CLIP.
END = TOKENS - 1
TABLE_WIDTH = 96
INNER = 192
HEADS = 4


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(INNER), nn.LayerNorm(INNER)
        self.attention_in, self.attention_out = nn.Linear(INNER, 3 * INNER), nn.Linear(INNER, INNER)
        self.mlp_in, self.mlp_out = nn.Linear(INNER, 3 * INNER), nn.Linear(3 * INNER, INNER)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, columns, _ = x.shape
        parts = self.attention_in(self.attention_norm(x)).view(rows, columns, 3, HEADS, INNER // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        weights = torch.softmax((query @ key.transpose(2, 3) * (INNER // HEADS) ** -0.5).float() + bias, -1)
        seen = (weights.to(value.dtype) @ value).transpose(1, 2).reshape(rows, columns, INNER)
        x = x + self.attention_out(seen)
        return x + self.mlp_out(F.relu(self.mlp_in(self.mlp_norm(x))))


class TextTower(nn.Module):
    """Ids [rows, columns], padded with anything after the end → vectors [rows, width] of length 1.

    Their sum: a weighted mean of the table’s rows knows words, what the blocks read knows phrases."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(TOKENS, TABLE_WIDTH)
        self.importance = nn.Embedding(TOKENS, 1)
        self.widen = nn.Linear(TABLE_WIDTH, INNER)
        self.positions = nn.Parameter(0.02 * torch.randn(CONTEXT, INNER))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.last_norm = nn.LayerNorm(INNER)
        self.pool = nn.Linear(INNER, 1)
        self.phrase_out = nn.Linear(INNER, width)
        self.word_out = nn.Linear(TABLE_WIDTH, width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        ends = ids.argmax(1)
        ids = ids[:, : ends.max() + 1]
        places = torch.arange(ids.shape[1])
        inside = places <= ends[:, None]
        rows = self.table(ids)
        x = self.widen(rows) + self.positions[: ids.shape[1]]
        bias = torch.where(inside, 0.0, -1e4)[:, None, None, :]
        for block in self.blocks:
            x = block(x, bias)
        x = self.last_norm(x)
        shares = torch.softmax(self.pool(x).float() + bias[:, 0, 0, :, None], 1)
        phrase = self.phrase_out((shares * x).sum(1))
        # The start and the end say nothing: they take part only where there is nothing else.
        inner = inside & (places > 0) & (places < ends[:, None])
        weights = torch.softmax(self.importance(ids).float() + torch.where(inner, 0.0, -1e4)[:, :, None], 1)
        return F.normalize((phrase + self.word_out((weights * rows).sum(1))).float(), dim=-1)

    @torch.no_grad()
    def start_from(self, vectors: torch.Tensor, rarity: torch.Tensor) -> None:
        """Begins with the main axes of the teacher’s token vectors [TOKENS, width], and a weight for rare tokens."""
        mean = vectors.mean(0)
        _, _, axes = torch.linalg.svd(vectors - mean, full_matrices=False)
        axes = axes[:TABLE_WIDTH]
        rows = (vectors - mean) @ axes.T
        spread = rows.std()
        self.table.weight.copy_(rows / spread)
        self.word_out.weight.copy_(axes.T * spread)
        self.word_out.bias.copy_(mean)
        self.importance.weight.copy_(rarity[:, None])
        self.phrase_out.weight.mul_(0.1)

    @torch.no_grad()
    def project(self, head: nn.Linear) -> None:
        """Follows both outputs by the head that carries the teacher's space into the model's."""
        for out in (self.phrase_out, self.word_out):
            out.weight = nn.Parameter(head.weight @ out.weight)
            out.bias = nn.Parameter(head.weight @ out.bias)
        self.word_out.bias.add_(head.bias)
