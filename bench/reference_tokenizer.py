"""Times CLIP's tokenisation in Python the way clip_server 0.8.3 does it: ftfy, html, regex, a word cache.

stdin: {"name of a set": ["text", ...]}; stdout: {"name of a set": {"cold": CPU seconds, "warm": CPU seconds, "tokens": n}}.
Needs the packages ftfy and regex. argv[1]: data/bpe-merges.bin.
"""

import array
import html
import json
import sys
import time

import ftfy
import regex

WORD = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)
SPACES = regex.compile(r"\s+")


class Tokenizer:
    def __init__(self, path):
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        self.symbol_of = dict(zip(printable + others, map(chr, printable + list(range(256, 256 + len(others))))))
        symbols = list(self.symbol_of.values())
        symbols += [symbol + "</w>" for symbol in symbols]
        ids = array.array("H", open(path, "rb").read())
        self.ranks = {}
        for rank in range(len(ids) // 2):
            pair = symbols[ids[2 * rank]], symbols[ids[2 * rank + 1]]
            self.ranks[pair] = rank
            symbols.append("".join(pair))
        self.id_of = {symbol: i for i, symbol in enumerate(symbols + ["<|startoftext|>", "<|endoftext|>"])}
        self.cache = {"<|startoftext|>": "<|startoftext|>", "<|endoftext|>": "<|endoftext|>"}

    def merge(self, token):
        if token in self.cache:
            return self.cache[token]
        parts = (*token[:-1], token[-1] + "</w>")
        while len(parts) > 1:
            pairs = set(zip(parts, parts[1:]))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, float("inf")))
            if best not in self.ranks:
                break
            merged, i = [], 0
            while i < len(parts):
                if parts[i : i + 2] == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = tuple(merged)
        self.cache[token] = " ".join(parts)
        return self.cache[token]

    def encode(self, text):
        text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
        text = SPACES.sub(" ", text).strip().lower()
        ids = []
        for word in WORD.findall(text):
            token = "".join(self.symbol_of[byte] for byte in word.encode("utf-8"))
            ids.extend(self.id_of[part] for part in self.merge(token).split(" "))
        return ids


def timed(tokenizer, texts):
    start = time.process_time()
    count = sum(len(tokenizer.encode(text)) for text in texts)
    return time.process_time() - start, count


def main():
    result = {}
    for name, texts in json.load(sys.stdin).items():
        tokenizer = Tokenizer(sys.argv[1])
        cold, tokens = timed(tokenizer, texts)
        warm, _ = timed(tokenizer, texts)
        result[name] = {"cold": cold, "warm": warm, "tokens": tokens}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
