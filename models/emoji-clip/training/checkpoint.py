"""What lets a training that was stopped go on where it was."""

import os
import time
from pathlib import Path

import torch

# Seconds between two checkpoints.
INTERVAL = 60.0


class OutOfTime(Exception):
    """The minutes that were given are over. Everything is saved."""


class Checkpoint:
    """One file, replaced in one step. `deadline` is a time of `time.monotonic`."""

    def __init__(self, path: Path, deadline: float) -> None:
        self.path = path
        self.deadline = deadline
        self.saved_at = time.monotonic()
        self.cpu_at = time.process_time()
        self.state = torch.load(path, weights_only=True) if path.exists() else None

    def due(self) -> bool:
        now = time.monotonic()
        return now - self.saved_at > INTERVAL or now > self.deadline

    def save(self, state: dict) -> None:
        """Writes the state; adds the processor's seconds that were spent in all. @raise OutOfTime after the deadline"""
        spent = self.state['cpu_seconds'] if self.state else 0.0
        cpu = time.process_time()
        state = {**state, 'cpu_seconds': spent + cpu - self.cpu_at}
        part = self.path.with_suffix('.part')
        torch.save(state, part)
        os.replace(part, self.path)
        self.state, self.cpu_at, self.saved_at = {'cpu_seconds': state['cpu_seconds']}, cpu, time.monotonic()
        if self.saved_at > self.deadline and not state.get('done'):
            raise OutOfTime
