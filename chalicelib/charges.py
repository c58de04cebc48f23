"""What a request is counted as beyond being one, before the work is done that this is for.

Whoever is about to do more than a request usually takes says so here; the rate limiter, which knows whose request it is, counts it. What
was only known afterwards would not be counted of a function that ran out of time, nor keep twenty requests at once from being let in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class Charges:
    """The further requests that one was charged for so far. Thread-safe.

    `count` counts those beyond the first `allowance` of them, and may raise. What is charged is charged by `outer` as well.
    """

    def __init__(self, count: Callable[[int], None], allowance: int = 0, outer: 'Charges | None' = None) -> None:
        self.requests = 0
        self.allowance = allowance
        self._count = count
        self._outer = outer
        self._lock = Lock()

    def add(self, requests: int) -> None:
        with self._lock:
            before = max(self.requests, self.allowance)
            self.requests += requests
            counted = max(self.requests, self.allowance) - before
        if counted:
            self._count(counted)
        if self._outer is not None:
            self._outer.add(requests)


_current: ContextVar[Charges | None] = ContextVar('charges', default=None)


@contextmanager
def counted_by(count: Callable[[int], None], allowance: int = 0) -> Iterator[Charges]:
    """Have what is charged inside counted beyond an allowance, beside by whoever counts what is charged around it."""
    current = Charges(count, allowance, _current.get())
    before = _current.set(current)
    try:
        yield current
    finally:
        _current.reset(before)


def charge(requests: int) -> None:
    """Count the current request as so many more; nothing in a job. Raises TooManyRequests when these are more than its caller may make.

    >>> charge(values // 10_000)
    """
    current = _current.get()
    if current is not None and requests:
        current.add(requests)
