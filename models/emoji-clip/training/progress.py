"""Tells how far the training is: one line rewritten on a terminal, a line a minute in a pipe."""

import sys
import time


class Progress:
    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.began = time.monotonic()
        self.first: int | None = None
        self.last_shown = self.began

    def show(self, done: int, total: int, unit: str, more: str = '') -> None:
        now = time.monotonic()
        if self.first is None:
            self.first = done
        on_terminal = sys.stderr.isatty()
        if now - self.last_shown < (0.5 if on_terminal else 60) and done < total:
            return
        self.last_shown = now
        rate = (done - self.first) / max(now - self.began, 1e-9)
        left = (total - done) / rate / 60 if rate > 0 else float('inf')
        line = f'{self.stage}: {done:,} of {total:,} {unit}, {rate:,.0f}/s, {left:.1f} min left {more}'
        ending = '\r' if on_terminal and done < total else '\n'
        print(line.ljust(110) if on_terminal else line, end=ending, file=sys.stderr, flush=True)
