"""What every stage starts from: pictures, texts and the teacher’s vectors. Made once, kept in the work folder."""

import json
import subprocess
from pathlib import Path

import numpy as np

from emoji_words import EmojiWords
from progress import Progress
from teacher import Teacher
from texts import EmojiText, read_emoji_texts, read_synsets

HERE = Path(__file__).parent
PACKAGES = HERE / 'node_modules'
# Senses of a class that are kept at most, the closest first.
SENSES = 6


def run_node(script: str, *arguments: Path) -> None:
    subprocess.run(['node', '--import', 'tsx', HERE / script, *arguments], check=True, cwd=HERE)


def prepare_pictures(folder: Path) -> list[dict]:
    """The classes, after their pictures were drawn."""
    if not (folder / 'pictures.json').exists():
        run_node('pictures.ts', folder)
    return json.loads((folder / 'classes.json').read_text())


def prepare_words(folder: Path, classes: list[dict]) -> EmojiWords:
    texts_file, vectors_file = folder / 'emoji-texts.json', folder / 'emoji-vectors.npy'
    if not vectors_file.exists():
        texts, vectors = sift(read_emoji_texts(PACKAGES, classes, read_synsets(PACKAGES)), classes)
        texts_file.write_text(json.dumps([[text.text, text.shows, text.weight] for text in texts]))
        np.save(vectors_file, vectors)
    texts = [EmojiText(*row) for row in json.loads(texts_file.read_text())]
    return EmojiWords(texts, np.load(vectors_file), classes)


def sift(texts: list[EmojiText], classes: list[dict]) -> tuple[list[EmojiText], np.ndarray]:
    """Leaves the senses that the teacher finds close to the class, and embeds what is left, float16 [texts, 384]."""
    teacher = Teacher()
    own = [text for text in texts if not text.sense]
    own_vectors = teacher.embed([text.text for text in own], Progress('texts of the emoji'))
    senses = sorted({text.sense for text in texts if text.sense})
    sense_vectors = teacher.embed(senses, Progress('senses')).astype(np.float32)
    meaning = class_meanings(teacher, classes)
    sense_at = {sense: index for index, sense in enumerate(senses)}
    closeness = {
        (text.shows, text.sense): float(meaning[text.shows] @ sense_vectors[sense_at[text.sense]])
        for text in texts
        if text.sense
    }
    kept_senses: dict[int, list[str]] = {}
    for (shows, sense), _ in sorted(closeness.items(), key=lambda entry: -entry[1]):
        found = kept_senses.setdefault(shows, [])
        if len(found) < SENSES:
            found.append(sense)
    kept = [
        text
        for text in texts
        if text.sense and text.sense in kept_senses[text.shows] and closeness[text.shows, text.sense] > text.bar
    ]
    kept_vectors = teacher.embed([text.text for text in kept], Progress('texts of the senses'))
    return own + kept, np.concatenate([own_vectors, kept_vectors])


def class_meanings(teacher: Teacher, classes: list[dict]) -> np.ndarray:
    labels = teacher.embed([entry['label'] for entry in classes], Progress('labels'))
    tagged = [', '.join([entry['label'], *entry['tags']]) for entry in classes]
    both = labels.astype(np.float32) + teacher.embed(tagged, Progress('tags'))
    return both / np.linalg.norm(both, axis=1, keepdims=True)
