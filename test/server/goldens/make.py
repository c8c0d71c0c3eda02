"""Writes vectors.json: what Python gives for texts and pictures on the test model `tiny-224` (seed 0).

    node --import tsx test/models/make.ts tiny-224 MODEL
    python make.py MODEL

The way is that of clip_server 0.8.3: its tokens (ftfy, the byte-pair encoder of bench/reference_tokenizer.py), its
pixels (Pillow's bicubic, centre crop, float32 steps), onnxruntime on the same files. Made with Pillow 10.1.0,
ftfy 6.3.1, numpy 1.26.4 and onnxruntime 1.30 or newer on the CPU.
"""

import base64
import io
import json
import pathlib
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from reference_tokenizer import Tokenizer  # noqa: E402

TEXTS = [
    "a red apple",
    "a photo of a cat",
    "don’t “quote” me",
    "schÃ¶n &amp; gut",
    "日本語のテキスト 😀👍🏽",
    "ΟΔΟΣ İstanbul ﬁnance ＦＵＬＬ",
    "two dogs chase a ball across a wide green field while children watch from a wooden bench " * 6,
    "!",
]
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIDE = 224


def pictures():
    random = np.random.default_rng(5)
    for number, (width, height, mode, form) in enumerate(
        [
            (320, 240, "RGB", "JPEG"),
            (150, 260, "RGB", "JPEG"),
            (90, 70, "L", "JPEG"),
            (61, 47, "RGBA", "PNG"),
            (64, 48, "P", "GIF"),
            (100, 400, "RGB", "WEBP"),
            (224, 224, "RGB", "PNG"),
            (48, 36, "CMYK", "JPEG"),
        ]
    ):
        x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        layers = [x, y, (x + y) / 2, 255 - x / 2][: 3 if mode in ("RGB", "P", "L", "CMYK") else 4]
        base = Image.fromarray(np.stack(layers, -1).astype(np.uint8), "RGB" if len(layers) == 3 else "RGBA")
        draw = ImageDraw.Draw(base)
        for _ in range(12):
            left, top = int(random.integers(width)), int(random.integers(height))
            color = tuple(int(v) for v in random.integers(0, 256, 3))
            draw.ellipse([left, top, left + width // 4, top + height // 5], fill=color)
        picture = base.quantize(64) if mode == "P" else base.convert(mode)
        file = io.BytesIO()
        picture.save(file, form, **({"quality": 80} if form in ("JPEG", "WEBP") else {}))
        yield number, file.getvalue()


def pixels(file):
    image = Image.open(io.BytesIO(file))
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if short != SIDE:
        size = (SIDE, int(SIDE * long / short)) if width <= height else (int(SIDE * long / short), SIDE)
        image = image.resize(size, Image.BICUBIC)
    width, height = image.size
    left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
    image = image.crop((left, top, left + SIDE, top + SIDE)).convert("RGB")
    values = np.asarray(image, np.float32) / np.float32(255)
    return ((values - MEAN) / STD).transpose(2, 0, 1)[None]


def ids(tokenizer, text):
    tokens = [49406, *tokenizer.encode(text), 49407]
    if len(tokens) > 77:
        tokens = tokens[:76] + [49407]
    row = np.zeros((1, 77), np.int32)
    row[0, : len(tokens)] = tokens
    return row


def run(session, value):
    feeds = {session.get_inputs()[0].name: value}
    return session.run(None, feeds)[0][0].astype("<f4")


def main(model):
    text = onnxruntime.InferenceSession(f"{model}/textual.onnx", providers=["CPUExecutionProvider"])
    image = onnxruntime.InferenceSession(f"{model}/visual.onnx", providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer(str(ROOT / "data" / "bpe-merges.bin"))
    encode = lambda data: base64.b64encode(data).decode()  # noqa: E731
    rows = [{"text": t, "vector": encode(run(text, ids(tokenizer, t)).tobytes())} for t in TEXTS]
    for _, file in pictures():
        rows.append({"blob": encode(file), "vector": encode(run(image, pixels(file)).tobytes())})
    (HERE / "vectors.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
