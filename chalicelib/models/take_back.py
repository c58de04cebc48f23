"""The links that take changes of a user's email address back, and which of them still work.

Each change mails one to the address until then, and it is listed before, so that no mail has one that never works. Taking a change back
takes those after it back too, so it voids their links and leaves those of earlier changes: whoever had the account first has the last word,
however often those after them change its address. So those of earlier changes work for as long as any of a later one does, and for a week
after it was used, but no longer than LONGEST_SECONDS: who once had a mailbox could else keep its address from everybody for ever. And who
returns to an address, as its user, has taken back what came after it.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from chalicelib import errors

MOST_TAKE_BACKS = 20  # of a user at a time
WORKS_SECONDS = 7 * 86_400
LONGEST_SECONDS = 90 * 86_400


class TakeBack(NamedTuple):
    """One link: `token_id` is that of its token, which works until `until`, and may do so until `longest`; it was mailed to `email`.

    The last two were not stored by earlier releases.
    """

    token_id: str
    until: int
    email: str | None = None
    longest: int | None = None


def still_working(links: Iterable[TakeBack], now: int) -> list[TakeBack]:
    """Return those of the links that have not expired."""
    return [link for link in links if now < link.until]


def lasting(links: Iterable[TakeBack], until: int) -> list[TakeBack]:
    """Return the links, of which each works until then, or as long as it may."""
    return [link._replace(until=max(link.until, min(until, link.longest or 0))) for link in links]


def earlier_than(token_id: str, links: Sequence[TakeBack], now: int) -> list[TakeBack]:
    """Return the links that still work once one was used. Raises NotFound if that was used before, is void or has expired."""
    earlier = list(takewhile(lambda link: link.token_id != token_id, links))
    if len(earlier) == len(links) or links[len(earlier)].until <= now:
        raise errors.NotFound
    return lasting(still_working(earlier, now), now + WORKS_SECONDS)
