"""Trains emoji-clip from the packages that package.json pins. Stopped, the same command goes on.

pip install -r requirements.txt && npm ci && python train.py --folder /tmp/emoji-clip
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from beside import train_beside
from checkpoint import Checkpoint, OutOfTime
from english import prepare_english
from export import export_model
from prepare import prepare_pictures, prepare_words
from train_images import train_images
from train_texts import make_corpus, near_teacher, start_tower, train_texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=Path, required=True, help='where pictures, vectors and checkpoints are kept')
    parser.add_argument('--out', type=Path, help='where the model goes; model/ in the folder where not given')
    parser.add_argument('--images', type=int, default=3_400_000, help='pictures that the image tower sees in all')
    parser.add_argument('--texts', type=int, default=500_000, help='texts that the text tower reads first')
    parser.add_argument('--minutes', type=float, default=float('inf'), help='stop after so many; what is done is kept')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--only', choices=('images', 'texts'), help='one tower; two processes can train both at once')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        train(options, deadline=time.monotonic() + 60 * options.minutes)
    except OutOfTime:
        print('out of time; the same command goes on from here', file=sys.stderr)


def train(options: argparse.Namespace, deadline: float) -> None:
    folder = options.folder
    classes = prepare_pictures(folder)
    words = prepare_words(folder, classes)
    if options.only != 'texts':
        learner = train_images(folder, classes, words, options.images, deadline)
    if options.only == 'images':
        return
    prepare_english(folder, words)
    corpus = make_corpus(words, folder)
    tower = start_tower(folder)

    def taught(vectors: torch.Tensor, rows) -> torch.Tensor:
        return near_teacher(vectors, corpus.vectors_of(rows))

    train_texts('english', tower, corpus, taught, options.texts, Checkpoint(folder / 'english.pt', deadline))
    if options.only == 'texts':
        return
    train_beside(folder, tower, corpus, learner, classes, deadline)
    export_model(options.out or folder / 'model', learner, tower)


main()
