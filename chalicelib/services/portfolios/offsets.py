"""Put an offset into a portfolio, change it, take it out; the portfolio's history follows."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from chalicelib.messages import portfolio_changed
from chalicelib.models import ExpectedVersions, Offset, Since, Write


def store(offset: Offset, *, also: Sequence[Write] = ()) -> None:
    """Put a drafted offset into its portfolio, with `also` in the same transaction. Raises NotFound, Invalid; see Offset.insert."""
    offset.insert(also)
    portfolio_changed(offset.user_id, offset.portfolio_id, looked_at=offset.created_at)


def change(
    user_id: str,
    portfolio_id: int,
    offset_id: int,
    *,
    title: str | None,
    balances: Mapping[str, Decimal] | None,
    since: Since | None,
    now: int,
    expected: ExpectedVersions = None,
) -> Offset:
    """Store a new title, other balances, another `since`, or all; see Offset.change."""
    key = (user_id, portfolio_id, offset_id)
    offset = Offset.change(*key, title=title, balances=balances, since=since, now=now, expected=expected)
    if balances is not None or since is not None:
        portfolio_changed(user_id, portfolio_id, looked_at=now)
    return offset


def delete(user_id: str, portfolio_id: int, offset_id: int, *, now: int, expected: ExpectedVersions = None) -> Offset:
    """Take an offset out and return it as it was. Raises NotFound, PreconditionFailed."""
    offset = Offset.find(user_id, portfolio_id, offset_id)
    offset.remove(expected)
    portfolio_changed(user_id, portfolio_id, looked_at=now)
    return offset
