"""Makes the golden files with the reference's own steps: python make.py (Pillow 10.1.0, NumPy).

files/       small pictures of every format, mode and odd size that the server accepts
goldens.json for each file and resolution the sha256 of the crop's bytes, resolution x resolution x 3
normalised.bin  float32 results of the reference's normalisation of every byte value, three planes of 256
"""

import hashlib
import io
import json
import pathlib
import struct

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
FILES = HERE / "files"
FILES.mkdir(exist_ok=True)
random = np.random.default_rng(20240607)
goldens = []


def crop(image, resolution):
    """torchvision's Resize(bicubic) and CenterCrop on a PIL image, then convert('RGB'): clip_server's order."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if short != resolution:
        stretched = int(resolution * long / short)
        image = image.resize((resolution, stretched) if width <= height else (stretched, resolution), Image.BICUBIC)
    width, height = image.size
    left, top = int(round((width - resolution) / 2.0)), int(round((height - resolution) / 2.0))
    return image.crop((left, top, left + resolution, top + resolution)).convert("RGB")


def add(name, data, resolutions=(224,)):
    (FILES / name).write_bytes(data)
    for resolution in resolutions:
        out = crop(Image.open(io.BytesIO(data)), resolution).tobytes()
        goldens.append({"file": name, "resolution": resolution, "sha256": hashlib.sha256(out).hexdigest()})


def save(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photo(width, height, channels=3, grain=6):
    """Smooth blobs with edges and a little grain: compresses well and has something at every frequency."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 128 + 90 * np.sin(x / (9 + 4 * c) + c) * np.cos(y / (13 - 2 * c))
        plane[(x // 17 + y // 23 + c) % 5 == 0] = 255 * (c % 2)
        planes.append(plane + random.normal(0, grain, plane.shape))
    array = np.clip(np.stack(planes, -1), 0, 255).astype("uint8")
    return array[..., 0] if channels == 1 else array


def alpha(width, height):
    """Fully clear, fully opaque and half-clear parts."""
    y, x = np.mgrid[0:height, 0:width]
    values = (x * 3 + y) % 256
    values[x < width // 3] = 0
    values[y > 2 * height // 3] = 255
    return values.astype("uint8")


def rgba(width, height):
    return Image.fromarray(np.dstack([photo(width, height), alpha(width, height)]), "RGBA")


def grey_alpha(width, height):
    return Image.fromarray(np.dstack([photo(width, height, 1), alpha(width, height)]), "LA")


def paletted(width, height, colours=64):
    image = Image.fromarray(photo(width, height, grain=0), "RGB").quantize(colours)
    return image


def jpegs():
    image = Image.fromarray(photo(150, 110), "RGB")
    for subsampling, name in ((0, "444"), (1, "422"), (2, "420")):
        add(f"jpeg-{name}.jpg", save(image, "JPEG", quality=80, subsampling=subsampling))
    add("jpeg-resolutions.jpg", save(Image.fromarray(photo(261, 173), "RGB"), "JPEG"), (224, 240, 288, 336, 384, 448))
    add("jpeg-progressive.jpg", save(image, "JPEG", progressive=True))
    add("jpeg-restart.jpg", save(image, "JPEG", restart_marker_rows=1))
    add("jpeg-grey.jpg", save(image.convert("L"), "JPEG"))
    add("jpeg-grey-progressive.jpg", save(image.convert("L"), "JPEG", progressive=True))
    add("jpeg-odd.jpg", save(Image.fromarray(photo(225, 224), "RGB"), "JPEG", quality=60))
    add("jpeg-odd-tall.jpg", save(Image.fromarray(photo(223, 401), "RGB"), "JPEG", quality=60))
    add("jpeg-1px.jpg", save(Image.fromarray(photo(1, 1), "RGB"), "JPEG"))
    add("jpeg-17x1.jpg", save(Image.fromarray(photo(17, 1), "RGB"), "JPEG"))
    icc = bytes(128) + b"not a profile"
    add("jpeg-icc-broken.jpg", save(image, "JPEG", icc_profile=icc))
    from PIL import ImageCms

    add("jpeg-icc-lab.jpg", save(image, "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        add(f"jpeg-exif-{orientation}.jpg", save(Image.fromarray(photo(60, 40), "RGB"), "JPEG", exif=exif))
    cmyk = save(Image.fromarray(photo(120, 90, 4), "CMYK"), "JPEG")
    add("jpeg-cmyk.jpg", cmyk)
    at = cmyk.index(b"\xff\xee")
    add("jpeg-cmyk-without-adobe.jpg", cmyk[:at] + cmyk[at + 2 + struct.unpack(">H", cmyk[at + 2 : at + 4])[0] :])
    rgb = save(image, "JPEG", quality=80, subsampling=0)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
    # Adobe's marker with transform 0 says that the components are RGB. JFIF's marker has to go: it says otherwise.
    length = struct.unpack(">H", rgb[4:6])[0]
    add("jpeg-adobe-rgb.jpg", rgb[:2] + adobe + rgb[4 + length :])
    add("jpeg-trailing-bytes.jpg", rgb + b"PK\x03\x04 and more")


def pngs():
    add("png-rgb.png", save(Image.fromarray(photo(90, 70), "RGB"), "PNG"), (224, 288))
    add("png-rgb-exact.png", save(Image.fromarray(photo(224, 260, grain=0), "RGB"), "PNG"))
    add("png-rgba-exact.png", save(Image.fromarray(np.dstack([photo(240, 224, grain=0), alpha(240, 224)]), "RGBA"), "PNG"))
    add("png-rgba.png", save(rgba(100, 80), "PNG"), (224, 336))
    add("png-rgba-shrunk.png", save(rgba(300, 260), "PNG"))
    add("png-la.png", save(grey_alpha(100, 80), "PNG"))
    add("png-l.png", save(Image.fromarray(photo(100, 80, 1)), "PNG"))
    add("png-1.png", save(Image.fromarray(photo(333, 250, 1)).convert("1"), "PNG"))
    add("png-p.png", save(paletted(300, 240), "PNG"))
    add("png-p-16.png", save(paletted(77, 99, 16), "PNG"))
    add("png-p-4.png", save(paletted(77, 99, 4), "PNG"))
    add("png-p-2.png", save(paletted(77, 99, 2), "PNG"))
    add("png-p-transparent.png", save(paletted(90, 70), "PNG", transparency=bytes(range(0, 256, 4))))
    add("png-p-one-transparent.png", save(paletted(90, 70), "PNG", transparency=3))
    add("png-l-transparent.png", save(Image.fromarray(photo(90, 70, 1)), "PNG", transparency=128))
    add("png-rgb-transparent.png", save(Image.fromarray(photo(90, 70), "RGB"), "PNG", transparency=(0, 255, 0)))
    add("png-1-transparent.png", png(64, 48, 1, 0, random.integers(0, 256, (48, 8)).astype("uint8"), trns=b"\0\1"))
    add("png-l2.png", png(64, 48, 2, 0, random.integers(0, 256, (48, 16)).astype("uint8")))
    add("png-l4.png", png(64, 48, 4, 0, random.integers(0, 256, (48, 32)).astype("uint8")))
    add("png-i16.png", png(64, 48, 16, 0, (photo(64, 48, 1, 0).astype(">u2") * 2).view("uint8").reshape(48, -1)))
    add("png-i16-exact.png", png(224, 225, 16, 0, (photo(224, 225, 1, 0).astype(">u2")).view("uint8").reshape(225, -1)))
    add("png-i16-bright.png", png(48, 64, 16, 0, random.integers(0, 65536, (64, 48)).astype(">u2").view("uint8")))
    add("png-i16-transparent.png", png(48, 64, 16, 0, random.integers(0, 300, (64, 48)).astype(">u2").view("uint8"), trns=b"\0\7"))
    add("png-rgb16.png", png(40, 50, 16, 2, random.integers(0, 65536, (50, 120)).astype(">u2").view("uint8")))
    add("png-rgba16.png", png(40, 50, 16, 6, random.integers(0, 65536, (50, 160)).astype(">u2").view("uint8")))
    add("png-la16.png", png(40, 50, 16, 4, random.integers(0, 65536, (50, 80)).astype(">u2").view("uint8")))
    add("png-gamma.png", save(Image.fromarray(photo(60, 50), "RGB"), "PNG", pnginfo=gamma()))
    add("png-1x1.png", save(Image.new("RGB", (1, 1), (200, 10, 77)), "PNG"), (224, 448))
    add("png-1x300.png", save(Image.fromarray(photo(1, 300)), "PNG"))
    add("png-2000x3.png", save(Image.fromarray(photo(2000, 3, grain=0)), "PNG"))
    add("png-5x4-rgba.png", save(rgba(5, 4), "PNG"))
    frames = [Image.fromarray(photo(60, 50, grain=2), "RGB") for _ in range(3)]
    add("png-animated.png", save(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    add("png-animated-default.png", save(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True))


def gamma():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    return info


def png(width, height, depth, colour, rows, trns=None):
    """A PNG of a kind that Pillow does not write; `rows` are bytes."""
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9)
    middle = chunk(b"tRNS", trns) if trns else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def webps():
    image = Image.fromarray(photo(150, 110), "RGB")
    add("webp-lossy.webp", save(image, "WEBP", quality=70))
    add("webp-lossless.webp", save(Image.fromarray(photo(80, 60), "RGB"), "WEBP", lossless=True))
    add("webp-lossy-alpha.webp", save(rgba(120, 90), "WEBP", quality=70))
    add("webp-lossless-alpha.webp", save(rgba(80, 60), "WEBP", lossless=True, exact=True))
    frames = [rgba(70, 50), rgba(70, 50)]
    add("webp-animated-alpha.webp", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    frames = [Image.fromarray(photo(70, 50), "RGB") for _ in range(2)]
    add("webp-animated.webp", save(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    add("webp-odd.webp", save(Image.fromarray(photo(31, 227), "RGB"), "WEBP", quality=70))
    add("webp-icc.webp", save(image.resize((60, 50)), "WEBP", icc_profile=bytes(128) + b"not a profile"))


def gifs():
    add("gif-p.gif", save(paletted(300, 240), "GIF"), (224, 336))
    add("gif-interlaced.gif", save(paletted(101, 83, 16), "GIF", interlace=1))
    add("gif-progressive-off.gif", save(paletted(101, 83, 16), "GIF", interlace=0))
    add("gif-l.gif", save(Image.fromarray(photo(120, 90, 1)), "GIF"))
    add("gif-transparent.gif", save(paletted(90, 70, 32), "GIF", transparency=5))
    frames = [paletted(80, 60, 32) for _ in range(3)]
    add("gif-animated.gif", save(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2, loop=0))
    small = save(paletted(40, 30, 8), "GIF", transparency=2)
    # A frame smaller than its screen, off the corner; and one that reaches over it.
    at = small.index(b"\x2c\0\0\0\0")
    add("gif-small-frame.gif", screen(small, 90, 64)[: at + 1] + struct.pack("<HH", 13, 7) + small[at + 5 :])
    add("gif-large-frame.gif", screen(small, 30, 20))
    add("gif-two-colours.gif", save(paletted(55, 44, 2), "GIF"))
    add("gif-1x1.gif", save(paletted(1, 1, 2), "GIF"))
    add("gif-noise.gif", save(Image.fromarray(random.integers(0, 256, (70, 70)).astype("uint8"), "P"), "GIF"))
    noise = Image.fromarray(random.integers(0, 256, (90, 100)).astype("uint8"), "P")
    noise.putpalette(random.integers(0, 256, 768).tolist())
    add("gif-noise-colour.gif", save(noise, "GIF"))


def screen(gif, width, height):
    return gif[:6] + struct.pack("<HH", width, height) + gif[10:]


def tiffs():
    image = Image.fromarray(photo(80, 60), "RGB")
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        add(f"tiff-rgb-{compression}.tif", save(image, "TIFF", compression=compression))
    add("tiff-l.tif", save(image.convert("L"), "TIFF", compression="tiff_lzw"))
    add("tiff-la.tif", save(grey_alpha(40, 30), "TIFF", compression="tiff_lzw"))
    add("tiff-rgba.tif", save(rgba(40, 30), "TIFF", compression="tiff_lzw"))
    add("tiff-rgbx.tif", save(Image.fromarray(photo(40, 30, 4), "RGBX"), "TIFF", compression="tiff_lzw"))
    add("tiff-p.tif", save(paletted(80, 60), "TIFF", compression="tiff_lzw"))
    add("tiff-1.tif", save(Image.fromarray(photo(333, 250, 1)).convert("1"), "TIFF", compression="group4"))
    add("tiff-1-raw.tif", save(Image.fromarray(photo(99, 77, 1)).convert("1"), "TIFF"))
    add("tiff-cmyk.tif", save(Image.fromarray(photo(40, 30, 4), "CMYK"), "TIFF", compression="tiff_lzw"))
    add("tiff-white-is-zero.tif", tiff(32, 24, 0, (8,), photo(32, 24, 1).tobytes()))
    add("tiff-1-white-is-zero.tif", tiff(32, 24, 0, (1,), random.integers(0, 256, 96).astype("uint8").tobytes()))
    add("tiff-l4.tif", tiff(32, 24, 1, (4,), random.integers(0, 256, 384).astype("uint8").tobytes()))
    add("tiff-rgb16.tif", tiff(32, 24, 2, (16, 16, 16), random.integers(0, 65536, 2304).astype("<u2").tobytes()))
    add("tiff-big-endian.tif", tiff(32, 24, 2, (8, 8, 8), photo(32, 24).tobytes(), order=">"))
    for orientation in (1, 2, 3, 4):
        add(f"tiff-orientation-{orientation}.tif", tiff(32, 24, 2, (8, 8, 8), photo(32, 24).tobytes(), orientation=orientation))
    frames = [Image.fromarray(photo(40, 30), "RGB") for _ in range(2)]
    add("tiff-pages.tif", save(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw"))


def tiff(width, height, photometric, bits, data, order="<", orientation=1):
    """An uncompressed TIFF in one strip."""
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, bits), (259, 3, [1]), (262, 3, [photometric])]
    tags += [(273, 4, [0]), (274, 3, [orientation]), (277, 3, [len(bits)]), (278, 4, [height]), (279, 4, [len(data)])]
    body = 8 + 2 + 12 * len(tags) + 4
    extra = b""
    entries = b""
    for tag, kind, values in tags:
        packed = b"".join(struct.pack(order + ("H" if kind == 3 else "I"), value) for value in values)
        if tag == 273:
            packed = struct.pack(order + "I", body + 16)
        if len(packed) > 4:
            extra, packed = packed, struct.pack(order + "I", body)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return head + struct.pack(order + "H", len(tags)) + entries + bytes(4) + extra.ljust(16, b"\0") + data


def bmps():
    image = Image.fromarray(photo(61, 47), "RGB")
    add("bmp-24.bmp", save(image, "BMP"))
    add("bmp-8.bmp", save(paletted(61, 47), "BMP"))
    add("bmp-l.bmp", save(image.convert("L"), "BMP"))
    add("bmp-1.bmp", save(image.convert("1"), "BMP"))
    add("bmp-rgba.bmp", save(rgba(40, 30), "BMP"))
    width, height = 37, 29

    def noise(row_bytes):
        return random.integers(0, 256, row_bytes * height).astype("uint8").tobytes()

    colours = random.integers(0, 256, 1024).astype("uint8").tobytes()
    add("bmp-32-plain.bmp", bmp(width, height, 32, noise(148)))
    add("bmp-16.bmp", bmp(width, height, 16, noise(76)))
    add("bmp-4.bmp", bmp(width, height, 4, noise(20), palette=colours[:64]))
    add("bmp-4-few-colours.bmp", bmp(width, height, 4, noise(20), palette=colours[:20], colours=5))
    add("bmp-1-colours.bmp", bmp(width, height, 1, noise(8), palette=colours[:8]))
    add("bmp-8-few-colours.bmp", bmp(width, height, 8, noise(40), palette=colours[:40], colours=10))
    add("bmp-top-down.bmp", bmp(width, -height, 24, noise(112)))
    add("bmp-os2.bmp", bmp(width, height, 8, noise(40), palette=colours[:768], header=12))
    add("bmp-os2-24.bmp", bmp(width, height, 24, noise(112), header=12))
    add("bmp-565.bmp", bmp(width, height, 16, noise(76), masks=(0xF800, 0x7E0, 0x1F)))
    add("bmp-555.bmp", bmp(width, height, 16, noise(76), masks=(0x7C00, 0x3E0, 0x1F)))
    for header in (64, 108, 124):
        add(f"bmp-header-{header}.bmp", bmp(width, height, 24, noise(112), header=header))
    masks = {
        "bgrx": (0xFF0000, 0xFF00, 0xFF, 0),
        "xbgr": (0xFF000000, 0xFF0000, 0xFF00, 0),
        "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
    }
    for name, value in masks.items():
        add(f"bmp-masks-{name}.bmp", bmp(width, height, 32, noise(148), masks=value, header=124))
    add("bmp-masks-40.bmp", bmp(width, height, 32, noise(148), masks=masks["bgrx"][:3]))
    rows = (random.integers(0, 4, (height, width)) * 60).astype("uint8")
    add("bmp-rle8.bmp", bmp(width, height, 8, rle8(rows), palette=colours, compression=1))
    add("bmp-rle4.bmp", bmp(width, height, 4, rle4(height, width), palette=colours[:64], compression=2))


def bmp(width, height, bits, pixels, palette=b"", header=40, masks=(), compression=0, colours=0):
    compression = 3 if masks else compression
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(pixels), 2835, 2835, colours, 0)
        packed = b"".join(struct.pack("<I", mask) for mask in masks)
        info = info + packed if header == 40 else (info + packed).ljust(header, b"\0")
    offset = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels


def rle8(rows):
    """Runs, then every third row as absolute values of even and odd count."""
    out = bytearray()
    for y, row in enumerate(rows):
        if y % 3 == 0:
            for start, end in ((0, 20), (20, len(row))):
                values = bytes(row[start:end])
                out += bytes([0, len(values)]) + values + b"\0" * (len(values) % 2)
        else:
            start = 0
            for x in range(1, len(row) + 1):
                if x == len(row) or row[x] != row[start]:
                    out += bytes([x - start, row[start]])
                    start = x
        out += b"\0\0"
    return bytes(out + b"\0\1")


def rle4(height, width):
    """Runs of two alternating colours, an absolute run of 8 and rows that end early."""
    out = bytearray()
    for y in range(height):
        out += bytes([0, 8, 0x12, 0x34, 0x56, 0x78])
        out += bytes([10 + y % 7, (y * 7) % 256, 9, (y * 13) % 256])
        out += b"\0\0"
    return bytes(out + b"\0\1")


def normalised():
    """torchvision's ToTensor and Normalize step by step in float32."""
    values = np.arange(256, dtype=np.float32) / np.float32(255)
    mean = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
    deviation = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
    planes = (values[None] - mean[:, None]) / deviation[:, None]
    assert planes.dtype == np.float32
    (HERE / "normalised.bin").write_bytes(planes.astype("<f4").tobytes())


for make in (jpegs, pngs, webps, gifs, tiffs, bmps, normalised):
    make()
(HERE / "goldens.json").write_text(json.dumps(goldens, indent=0).replace("\n}", "}").replace("{\n", "{") + "\n")
print(len(goldens), "goldens,", sum(path.stat().st_size for path in FILES.iterdir()), "bytes of files")
