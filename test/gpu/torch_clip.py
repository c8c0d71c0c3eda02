"""CLIP's towers in PyTorch, FP16, compiled, with random weights: what this project's engines are measured beside.

Arguments: the model's name, rows of image runs, rows of text runs (each a list with commas), seconds per window. Prints a
line of JSON for each window. Inputs lie in the GPU's memory already, and nothing is fetched from there: what PyTorch does at best.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

TEXT_512, TEXT_640, TEXT_768, TEXT_1024 = (512, 8), (640, 10), (768, 12), (1024, 16)
# ViT: patch, width, layers, heads; ResNet: width, blocks. Then resolution, components of a vector, the text tower.
SHAPES = {
    'ViT-B-32': (('vit', 32, 768, 12, 12), 224, 512, TEXT_512),
    'ViT-B-16': (('vit', 16, 768, 12, 12), 224, 512, TEXT_512),
    'ViT-L-14': (('vit', 14, 1024, 24, 16), 224, 768, TEXT_768),
    'ViT-L-14-336': (('vit', 14, 1024, 24, 16), 336, 768, TEXT_768),
    'RN50': (('rn', 64, (3, 4, 6, 3)), 224, 1024, TEXT_512),
    'RN101': (('rn', 64, (3, 4, 23, 3)), 224, 512, TEXT_512),
    'RN50x4': (('rn', 80, (4, 6, 10, 6)), 288, 640, TEXT_640),
    'RN50x16': (('rn', 96, (6, 8, 18, 8)), 384, 768, TEXT_768),
    'RN50x64': (('rn', 128, (3, 15, 36, 10)), 448, 1024, TEXT_1024),
}
CONTEXT, VOCABULARY, END = 77, 49408, 49407
WARM_RUNS = 5


class Block(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        rows, tokens, width = x.shape
        qkv = self.qkv(self.before(x)).view(rows, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, tokens, width))
        y = self.wide(self.between(x))
        return x + self.narrow(y * torch.sigmoid(1.702 * y))


class Text(nn.Module):
    def __init__(self, width, heads, embed):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width)
        self.places = nn.Parameter(torch.randn(CONTEXT, width) * 0.01)
        self.blocks = nn.Sequential(*[Block(width, heads, True) for _ in range(12)])
        self.last, self.projection = nn.LayerNorm(width), nn.Linear(width, embed, bias=False)

    def forward(self, ids):
        x = self.last(self.blocks(self.words(ids) + self.places[: ids.shape[1]]))
        return self.projection(x[torch.arange(ids.shape[0], device=ids.device), ids.argmax(-1)])


class VisionTransformer(nn.Module):
    def __init__(self, patch, width, layers, heads, side, embed):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.first = nn.Parameter(torch.randn(width) * 0.01)
        self.places = nn.Parameter(torch.randn((side // patch) ** 2 + 1, width) * 0.01)
        self.before, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.Sequential(*[Block(width, heads, False) for _ in range(layers)])
        self.projection = nn.Linear(width, embed, bias=False)

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], 1, -1), x], 1) + self.places
        return self.projection(self.last(self.blocks(self.before(x))[:, 0]))


def convolution(inputs, outputs, size, stride=1):
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, shrink):
        super().__init__()
        self.one, self.two = convolution(inputs, planes, 1), convolution(planes, planes, 3)
        self.three = convolution(planes, 4 * planes, 1)
        self.pool = nn.AvgPool2d(2) if shrink else nn.Identity()
        same = not shrink and inputs == 4 * planes
        self.short = nn.Identity() if same else nn.Sequential(self.pool, convolution(inputs, 4 * planes, 1))

    def forward(self, x):
        y = F.relu(self.two(F.relu(self.one(x))))
        return F.relu(self.three(self.pool(y)) + self.short(x))


class Resnet(nn.Module):
    def __init__(self, width, blocks, side, embed):
        super().__init__()
        half, top = width // 2, width * 32
        relu = nn.ReLU
        self.stem = nn.Sequential(
            convolution(3, half, 3, 2), relu(), convolution(half, half, 3), relu(), convolution(half, width, 3), relu(), nn.AvgPool2d(2)
        )
        layers, channels = [], width
        for stage, count in enumerate(blocks):
            for i in range(count):
                planes = width * 2**stage
                layers.append(Bottleneck(channels, planes, stage > 0 and i == 0))
                channels = 4 * planes
        self.layers = nn.Sequential(*layers)
        self.places = nn.Parameter(torch.randn((side // 32) ** 2 + 1, top) * 0.01)
        self.query, self.key, self.value = (nn.Linear(top, top) for _ in range(3))
        self.projection = nn.Linear(top, embed)

    def forward(self, pixels):
        x = self.layers(self.stem(pixels)).flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.places
        rows, tokens, top = x.shape
        split = lambda y: y.view(rows, -1, top // 64, 64).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(split(self.query(x[:, :1])), split(self.key(x)), split(self.value(x)))
        return self.projection(mixed.transpose(1, 2).reshape(rows, top))


def rate(run, x, seconds):
    for _ in range(WARM_RUNS):
        run(x)
    torch.cuda.synchronize()
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        # The processor runs ahead by these.
        for _ in range(4):
            run(x)
        torch.cuda.synchronize()
        runs += 4
    return runs * x.shape[0] / (time.perf_counter() - began)


def measure(tower, model, inputs, seconds):
    compiled = torch.compile(model, mode='reduce-overhead', dynamic=False)
    for columns, x in inputs:
        line = {'tower': tower, 'rows': x.shape[0], 'columns': columns}
        try:
            torch.compiler.reset()
            print(json.dumps({**line, 'mode': 'compiled', 'rate': rate(compiled, x, seconds)}), flush=True)
        except Exception as error:  # noqa: BLE001: where no compiler is found, for example
            words = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            print(json.dumps({**line, 'mode': 'eager', 'why': words[0], 'rate': rate(model, x, seconds)}), flush=True)


@torch.inference_mode()
def main():
    name, image_rows, text_rows, seconds = sys.argv[1:]
    counts = lambda text: [int(count) for count in text.split(',')]
    image, side, embed, (width, heads) = SHAPES[name]
    torch.backends.cudnn.benchmark = True
    print(json.dumps({'torch': torch.__version__, 'cuda': torch.version.cuda, 'gpu': torch.cuda.get_device_name(0)}), flush=True)
    device, half = torch.device('cuda:0'), torch.float16
    kind, *shape = image
    tower = VisionTransformer(*shape, side, embed) if kind == 'vit' else Resnet(*shape, side, embed)
    layout = torch.contiguous_format if kind == 'vit' else torch.channels_last
    tower = tower.eval().to(device, half).to(memory_format=layout)
    pixels = lambda rows: torch.randn(rows, 3, side, side, device=device, dtype=half).to(memory_format=layout)
    measure('image', tower, [(0, pixels(rows)) for rows in counts(image_rows)], float(seconds))
    del tower
    text = Text(width, heads, embed).eval().to(device, half)

    def ids(rows, columns):
        some = torch.randint(1, END, (rows, columns), device=device)
        some[:, -1] = END
        return some

    texts = [(columns, ids(rows, columns)) for rows in counts(text_rows) for columns in (CONTEXT, 16)]
    measure('text', text, texts, float(seconds))


main()
