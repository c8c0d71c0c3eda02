"""English at large for the text tower: texts, their ids, and the teacher's vectors of texts and of single tokens."""

import json
import math
from pathlib import Path

import numpy as np

from emoji_words import EmojiWords
from prepare import HERE, PACKAGES, run_node
from progress import Progress
from teacher import Teacher
from text_tower import TOKENS
from texts import read_synsets, wordnet_texts

MERGES_FILE = HERE.parents[2] / 'data' / 'bpe-merges.bin'
# Every so-many-th of WordNet's texts is left out: more of them teach little and take long to embed.
TEXTS = 220_000


def prepare_english(folder: Path, words: EmojiWords) -> None:
    if (folder / 'english-vectors.npy').exists():
        return
    teacher = Teacher()
    np.save(folder / 'token-vectors.npy', teacher.embed(token_texts(), Progress('tokens')))
    every = wordnet_texts(read_synsets(PACKAGES))
    chosen = np.random.default_rng(3).choice(len(every), TEXTS, replace=False)
    english = [every[index] for index in sorted(chosen)]
    (folder / 'texts.json').write_text(json.dumps([text.text for text in words.texts] + english))
    run_node('tokenise.ts', folder / 'texts.json', folder / 'ids.u16')
    (folder / 'rarity.json').write_text(json.dumps(rarity(folder / 'ids.u16')))
    np.save(folder / 'english-vectors.npy', teacher.embed(english, Progress('English')))


def token_texts() -> list[str]:
    """What each of CLIP's tokens stands for, by the merges that make it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    bytes_in_order = printable + [byte for byte in range(256) if byte not in printable]
    pieces = [bytes([byte]) for byte in bytes_in_order]
    pieces += [piece + b' ' for piece in pieces]
    for left, right in np.fromfile(MERGES_FILE, '<u2').reshape(-1, 2):
        pieces.append(pieces[left] + pieces[right])
    texts = [piece.decode('utf8', 'ignore').strip() for piece in pieces]
    texts += [''] * (TOKENS - len(texts))
    return texts


def rarity(ids_file: Path) -> list[float]:
    """Logarithm of how rare a token is among the texts, 0 for the commonest."""
    ids = np.fromfile(ids_file, np.uint16)
    counts = np.bincount(ids[ids > 0], minlength=TOKENS)[:TOKENS] + 1
    most = np.sort(counts)[-3]
    return [0.5 * math.log(most / min(count, most)) for count in counts]
