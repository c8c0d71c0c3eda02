"""Writes the token ids that the Python clip_server 0.8.3 gives for generated texts, as JSON lines.

Needs: pip install ftfy==6.3.1 regex; pip download --no-deps clip-server==0.8.3, unpacked.
Run: python3 make.py UNPACKED_CLIP_SERVER [COUNT_PER_CATEGORY [SEED]] > tokens.jsonl

A line is [category, text, ids]: ids without start and end token, at most 75. A text that repeats is written as
[unit, count].
"""

import importlib.util
import json
import random
import re
import sys
import types
import unicodedata
from html.entities import html5
from pathlib import Path

import ftfy.bad_codecs  # registers the sloppy codecs

SOURCE = Path(sys.argv[1])
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 95
rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
pick = rng.choice

CODECS = ["latin-1", "iso-8859-2", "macroman", "cp437"] + [
    f"sloppy-windows-{n}" for n in (1250, 1251, 1252, 1253, 1254, 1257)
]
PHRASES = """a photo of a cat|two dogs play in the snow|Hello, WORLD!|it's we'll I'D they've DON'T|1st 22nd 2023
schön größer Übung Straße|à la mode, voilà le travail déjà|l'été façade naïve œuvre Œdipe|el niño español ¿qué? ¡sí!
não à à às àquela ação|Zażółć gęślą jaźń|Příliš žluťoučký kůň|árvíztűrő tükörfúrógép|İstanbul'da ığdır şöyle
Съешь ещё этих мягких булок|Їжак ґанок|Ξεσκεπάζω την ψυχοφθόρα βδελυγμία|ΟΔΟΣ ΣΑΣ ΌΣΟ|Ķīļi ģērbj ēnas šūpo ūdeni
日本語のテキスト|猫の写真、犬。|中文字符测试|한국어 고양이|สวัสดีแมว|नमस्ते बिल्ली|שלום חתול|مرحبا قطة جميلة|თბილისი|Ⅷ ½ ² ①
“smart” ‘quotes’ – — … don’t|«guillemets» ‹x› „low“|price €5 £3 ¥2 ©®™ 20° ±3 ×2 ÷|naïve™ • bullet † ‡ ‰
😀👍🏽 emoji 👨‍👩‍👧 🏴󠁧󠁢󠁷󠁬󠁳󠁿|❤️ ☃ ✔ ☕️|(╯°□°)╯︵ ┻━┻ ¯\\_(ツ)_/¯ ಠ_ಠ|│ box ═ ╬ ░▒▓""".replace("\n", "|").split("|")
ENTITIES = sorted(html5)


def words(low, high):
    chosen = [pick(pick(PHRASES).split(" ")) for _ in range(rng.randint(low, high))]
    return " ".join(chosen)


def phrase():
    return pick([pick(PHRASES), words(1, 5)])


def characters(alphabet, low=1, high=14):
    return "".join(pick(alphabet) for _ in range(rng.randint(low, high)))


def garble(text, layers=1):
    """Text written as UTF-8 and read in another encoding."""
    for _ in range(layers):
        text = text.encode("utf-8", "surrogatepass").decode(pick(CODECS))
    return text


def surrogates(text):
    units = text.encode("utf-16-le")
    return "".join(chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2))


def entity():
    number = pick([rng.randrange(0x180), rng.randrange(0x110000), rng.randrange(0x3000), 0x85, 0xFFFE, 0xD83D, 0])
    return pick(
        [
            lambda: "&" + pick(ENTITIES),
            lambda: "&" + pick(ENTITIES).rstrip(";"),
            lambda: "&" + pick(ENTITIES).upper(),
            lambda: f"&#{number}" + pick([";", "", " ", "x"]),
            lambda: f"&#{pick('xX')}{number:x}" + pick([";", "", " ", "g"]),
            lambda: "&" + "amp;" * rng.randint(1, 4) + pick(["lt;", "eacute;", "#233;", "", "x"]),
            lambda: pick(["&", "& ", "&&", "&;", "&#;", "&#x;", "&am&#112;;", "&x3b;", "&#x3b;", "&notit;", "&AMPX;"]),
            lambda: "&" + characters("abcAMPltgq09;#", 1, 30),
        ]
    )()


def joined(*makers, low=1, high=4, glue=("", "", " ", " ", "\n")):
    return "".join(pick(makers)() + pick(glue) for _ in range(rng.randint(low, high)))


UPPER_HALVES = [bytes(range(0x80, 0x100)).decode(codec) for codec in CODECS]
SPECIALS = "<|startoftext|> <|endoftext|> <|ENDOFTEXT|> <|ſtartoftext|> <|endoftext <| |> '".split(" ")
ENDINGS = "'s 't 're 've 'm 'll 'd 'S 'RE 'ſ ''s !'s 'r 'l 'lL '".split(" ")
SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680, 0x180E, *range(0x2000, 0x2010))]
SPACES += [chr(c) for c in (0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF)] + ["\r\n", "\n\r"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def mixed_case(text):
    return "".join(c.upper() if rng.random() < 0.4 else c for c in text)


def spoiled():
    """Mojibake that lost something on the way: A0 to a space, a byte to U+FFFD or a question mark, its end."""
    text = garble(phrase(), pick([1, 1, 2]))
    change = pick(["space", "lost", "question", "cut", "strict", "lower"])
    if change == "space":
        return text.replace("\xa0", " ")
    if change == "lost":
        return "".join("\ufffd" if c > "\x7f" and rng.random() < 0.2 else c for c in text)
    if change == "question":
        return "".join("?" if c > "\x7f" and rng.random() < 0.2 else c for c in text)
    if change == "cut":
        return text[: rng.randint(1, len(text))]
    if change == "strict":
        return phrase().encode().decode(pick(["cp1252", "cp1251", "cp1253", "cp1257"]), "replace")
    return text.lower()


def variant_bytes():
    """CESU-8 and Java's null, read in a single-byte encoding."""
    pairs = surrogates(pick(["😀", "👍🏽", "a😀b", "é𝄞"])).encode("utf-8", "surrogatepass")
    parts = [pairs, b"\xc0\x80", b"\xc0", b"\xed\xa0\x80", b"\xed\x95\x9c", b"caf\xc3\xa9 ", b"\xc3\xa9", b"\n", b"\x1a"]
    return b"".join(pick(parts) for _ in range(rng.randint(1, 5))).decode(pick(CODECS))


CATEGORIES = {
    "ascii": lambda: characters([chr(c) for c in range(32, 127)], 0, 60),
    "plain": lambda: words(1, 12),
    "contractions": lambda: joined(lambda: pick(ENDINGS), lambda: words(1, 1), high=6),
    "special tokens": lambda: mixed_case(joined(lambda: pick(SPECIALS), lambda: words(1, 1), high=5)),
    "case": lambda: mixed_case(phrase()) + pick(["", "Σ", "ΑΣ. Σ", "İ", "I\u0307", "ẞ", "ǅ", "K", "Å", "ᾈ", "α\u0345x"]),
    "curly quotes": lambda: joined(lambda: pick("“”‘’‚„‛‟ʼ`´′″"), lambda: words(1, 2), high=5),
    "entities": lambda: joined(entity, entity, lambda: words(1, 1)),
    "entities and <": lambda: joined(entity, lambda: pick(["<b>", "<", "\n", "&lt;"]), high=6),
    "entities beyond ASCII": lambda: joined(entity, phrase, lambda: garble(phrase()), high=3),
    "mojibake": lambda: garble(phrase()),
    "mojibake in layers": lambda: garble(pick(pick(PHRASES).split(" ")), pick([2, 2, 3]))[:60],
    "mojibake in parts": lambda: joined(phrase, lambda: garble(words(1, 2)), lambda: garble(words(1, 1), 2), high=3),
    "mojibake spoiled": spoiled,
    "mojibake by letters": lambda: characters(pick(UPPER_HALVES) + pick(["", " ", LETTERS + " "]), 1, 10),
    "mojibake of all encodings": lambda: characters("".join(UPPER_HALVES) + "\ufffd?\x1a aAzZ.<", 1, 10),
    "utf-8 variants": variant_bytes,
    "c1 controls": lambda: joined(lambda: chr(rng.randrange(0x80, 0xA0)), phrase),
    "ansi escapes": lambda: joined(
        lambda: "\x1b[" + characters("0123456789;١", 0, 5) + pick(["m", "K", "", "é", "[", " "]), lambda: words(1, 1)
    ),
    "control characters": lambda: joined(
        lambda: chr(pick([*range(32), 0x7F, 0xAD, 0x200B, 0x200E, 0x2060, *range(0x2066, 0x2070), 0xFEFF, 0xFFF9, 0xFFFC])),
        lambda: words(1, 1),
        high=6,
    ),
    "ligatures": lambda: joined(lambda: pick("ĲĳŉǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬅﬆﬓﷺæœ"), lambda: characters(LETTERS, 1, 4), high=6, glue=("",)),
    "width": lambda: joined(lambda: chr(rng.randrange(0xFF00, 0xFFF0)), lambda: "\u3000", high=10, glue=("",)),
    "line breaks": lambda: joined(phrase, lambda: garble(phrase()), entity, high=3, glue=("\n", "\r\n", "\r", "\u2028", "\u2029")),
    "white space": lambda: joined(lambda: pick(SPACES), lambda: pick(SPACES), lambda: words(1, 1), high=8, glue=("",)),
    "normalisation": lambda: joined(lambda: pick("aeiouAEnNαυ가각ก") + characters([chr(c) for c in range(0x300, 0x346)], 0, 3), high=6),
    "surrogates": lambda: joined(
        lambda: chr(rng.randrange(0xD800, 0xE000)), lambda: surrogates(pick("😀👍𝄞")), lambda: words(1, 1), lambda: "&#1;"
    ),
    "emoji": lambda: joined(lambda: pick("😀👍🏽❤\ufe0f☃✔👨\u200d👩🇩🇪🐶#\ufe0f\u20e3"), lambda: words(1, 1), high=8),
    "scripts": lambda: joined(lambda: characters([chr(c) for c in range(pick(range(0x100, 0xD700, 0x80)), 0xD7A3)][:128], 1, 6)),
    "numbers": lambda: characters("0123456789½²Ⅷ①٣,.-%$ x", 1, 20),
    "long words": lambda: characters(pick([LETTERS, LETTERS, "ab", "éaé", "日本語", "!?.-"]), 30, 70),
    "long texts": lambda: [pick([words(1, 4) + " ", garble(words(1, 2)) + pick([" ", "\n"]), "a", "word "]), rng.randint(30, 400)],
}


# Each needs a rule of its own.
KNOWN = """voilÃ le travail|Ã la mode|fÃ cil|Ã quele Ã s Ã quilo Ã  lÃ|Ã\xa0 la|cafÃ© – no √± here|caf√© – b√±|a– √©
&#x3b;lt;|&#59;lt;|&lt&#x3b;|&#12abc;|&NTILDE; &nTILDE; &GTCIR;|â€œ like this â€\ufffd|â€?x|Ã?a|ðŸ˜\ufffd|ðŸ˜?|\xed\xa0?\xed\xb8\x80é
Ø§Ù„|Ø³Ù„Ø§Ù…|Ø­Ø¨|ГўВЂВ™s|ГўВЂВ™ГўВЂВњ x|вЂ™|РџСЂРёРІРµС‚|β€™|Ξ±Ξ½|Î±Î½|ā€™|√≤ ‚Äî ‚âà|‚Äôs ≈°|æ—¥æœ¬|Ã©À⏎|Ã©À|Ã©í|Ã©À\x80x|é\xed\xa0\x80\xed\xb0⏎
à²œ|Å“x|œ’|É°|×²|naïve™x|Â£5|£Â|a Â b|hello Â world|Â |x.Â “|ãƒ„|ãƒ |ð ˜€|ðŸ˜ |â ¬|IT’S Ã‰TÃ‰""".replace("\n", "|").replace("⏎", "\n").split("|")


def load_tokenizer():
    package, helper = types.ModuleType("clip_server"), types.ModuleType("clip_server.helper")
    helper.__resources_path__ = str(SOURCE / "clip_server/resources")
    sys.modules.update({"clip_server": package, "clip_server.helper": helper})
    path = SOURCE / "clip_server/model/simple_tokenizer.py"
    spec = importlib.util.spec_from_file_location("simple_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.SimpleTokenizer()


def main():
    module, tokenizer = load_tokenizer()
    # What an editor or a tool might change is escaped.
    fragile = re.compile("[\x7f-\xa0\xad\u0300-\u036f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U0010ffff]")
    known = iter(KNOWN)
    for category, make in {"known": lambda: next(known), **CATEGORIES}.items():
        for _ in range(len(KNOWN) if category == "known" else COUNT):
            # What a code point is that a version of Unicode has not assigned yet depends on that version.
            while True:
                recipe = make()
                text = recipe if isinstance(recipe, str) else recipe[0] * recipe[1]
                if all(unicodedata.category(c) != "Cn" for c in module.basic_clean(text)):
                    break
            ids = tokenizer.encode(text)[:75]
            line = json.dumps([category, recipe, ids], ensure_ascii=False, separators=(",", ":"))
            print(fragile.sub(lambda match: json.dumps(match[0])[1:-1], line))


main()
