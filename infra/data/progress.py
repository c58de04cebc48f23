"""Tells on stderr how far a long command has come."""

import sys
import time

_EVERY = 5.0


class Progress:
    """Counts, and says so every few seconds."""

    def __init__(self, done: str, what: str = 'items') -> None:
        self._done = done
        self._what = what
        self._began = self._reported = time.monotonic()
        self.count = 0

    def add(self, number: int) -> None:
        self.count += number
        if time.monotonic() - self._reported >= _EVERY:
            self.tell()

    def tell(self) -> None:
        """Say how far it is."""
        self._reported = time.monotonic()
        per_second = self.count / max(self._reported - self._began, 0.001)
        say(f'{self._done} {self.count:,} {self._what}, {per_second:,.0f} per second')


def say(sentence: str) -> None:
    """Tell the person who runs the command something."""
    print(sentence, file=sys.stderr, flush=True)
