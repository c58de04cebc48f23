"""The only reader of the time. Instants are whole seconds since 1970, as everywhere in the application.

Tests stop or move time here, in one place: see tests/support/clock.py.
"""

import time


def now() -> int:
    """Return the current time in epoch seconds."""
    return int(time.time())


def now_ms() -> int:
    """Return the current time in epoch milliseconds."""
    return int(time.time() * 1000)


def monotonic() -> float:
    """Return seconds since an arbitrary start that never go back: for deadlines and durations, not for instants."""
    return time.monotonic()
