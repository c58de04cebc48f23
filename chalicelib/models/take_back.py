"""The links that take changes of a user's email address back, and which of them still work.

Each change mails one to the address until then, and it is listed before, so that no mail has one that never works. Taking a change back
takes those after it back too, so it voids their links and leaves those of earlier changes: whoever had the account first has the last word,
however often those after them change its address.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from chalicelib import errors

MOST_TAKE_BACKS = 20  # of a user at a time


class TakeBack(NamedTuple):
    """One link: `token_id` is that of its token, which expires at `until`; it was mailed to `email`, not stored by earlier releases."""

    token_id: str
    until: int
    email: str | None = None


def still_working(links: Iterable[TakeBack], now: int) -> list[TakeBack]:
    """Return those of the links that have not expired."""
    return [link for link in links if now < link.until]


def earlier_than(token_id: str, links: Sequence[TakeBack], now: int) -> list[TakeBack]:
    """Return the links that still work once one was used. Raises NotFound if that was used before, or is void."""
    earlier = list(takewhile(lambda link: link.token_id != token_id, links))
    if len(earlier) == len(links):
        raise errors.NotFound
    return still_working(earlier, now)
