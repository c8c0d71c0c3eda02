"""Writes the byte maps of src/preprocess/text/codepages.ts to stdout from Python's own codecs (no packages needed).

Run: python3 scripts/make-codepages.py
"""

NAMES = {
    "latin-1": "latin-1",
    "windows-1252": "cp1252",
    "windows-1251": "cp1251",
    "windows-1250": "cp1250",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1257": "cp1257",
    "iso-8859-2": "iso-8859-2",
    "macroman": "mac-roman",
    "cp437": "cp437",
}


def upper_half(codec):
    out = []
    for byte in range(0x80, 0x100):
        char = bytes([byte]).decode(codec, "replace")
        out.append(chr(byte) if char == "\ufffd" else char)
    return "".join(out)


def literal(text):
    """A JavaScript string: printable characters as they are, the others escaped."""
    return "".join(c if c.isprintable() and not 0xE000 <= ord(c) < 0xF900 else f"\\u{ord(c):04x}" for c in text)


for name, codec in NAMES.items():
    half = upper_half(codec)
    rows = [f"    '{literal(half[i:i + 32])}'" for i in range(0, 128, 32)]
    print(f"  '{name}':\n" + " +\n".join(rows) + ",")
