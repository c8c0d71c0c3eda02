"""Writes badness.json: what ftfy 6.3.1 takes for wrongly decoded text.

Needs: pip install ftfy==6.3.1. Run: python3 make-badness.py > badness.json

`alphabet`: characters of all the encodings involved. `pairs`: for each first character, sha256 (16 hex digits) of one
0 or 1 per second character. `longer`: texts of which no two neighbours are bad, with the verdict on the whole.
"""

import hashlib
import json
import random

from ftfy.badness import is_bad
from ftfy.chardata import CHARMAP_ENCODINGS

rng = random.Random(1)
alphabet = set("aZ .,?!<\n\t0_Θ日ÞΪџѓŌŪŲҐґ\u2206\u2502\uf8ff\u3000")
for encoding in CHARMAP_ENCODINGS:
    alphabet |= set(bytes(range(0x80, 0x100)).decode(encoding))
alphabet = sorted(alphabet)

verdicts = {first: "".join("01"[is_bad(first + second)] for second in alphabet) for first in alphabet}
calm = {first: [c for c, bad in zip(alphabet, row) if bad == "0"] for first, row in verdicts.items()}
RULES = "Ã© √± Â© à² ‚âà ‚Äô ΓΑΓ В°В Г°С ГўВЂВ™s ГўВЂВ\n Ξ°Ξ aÃ  Â  .Â “ aÂ  а™a éa™ ©é“1 é”“ ØŸÙŠ ØŠØ Ã\xa0 b√≤ β€™ aΘ¦ aжº".split(" ")


def walk():
    text = rng.choice(alphabet)
    while len(text) < 5 and calm[text[-1]]:
        text += rng.choice(calm[text[-1]])
    return text


longer = [*RULES, "a Ã b", " Ã b", "Ã b", "bÃ b", "a Â “", "x.Â b", " É€", "aÉ€", "aÉ“", "é“1", "Éa©"]
found = {False: 0, True: 0}
while min(found.values()) < 250:
    text = walk()
    if found[is_bad(text)] < 250:
        found[is_bad(text)] += 1
        longer.append(text)
print(
    json.dumps(
        {
            "alphabet": "".join(alphabet),
            "pairs": [hashlib.sha256(row.encode()).hexdigest()[:16] for row in verdicts.values()],
            "longer": [[text, is_bad(text)] for text in longer],
        },
        indent=0,
    )
)
