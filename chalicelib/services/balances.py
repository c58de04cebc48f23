"""Portfolio balances: the sum of its ledgers and offsets, and what is missing from it."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import currencies, instants, money, shapes, totals
from chalicelib.errors import NotFound
from chalicelib.models import Address, Ledger, Offset, Portfolio, read_whole
from chalicelib.services import ledgers


class Part(NamedTuple):
    """A child of a portfolio beside the state of its ledger."""

    child: Address
    ledger: Ledger | None


class Summed(NamedTuple):
    """What a portfolio holds by currency code, since when, and whether that is all."""

    balances: dict[str, Decimal]
    balance_at: str
    coverage: shapes.Coverage

    def row(self, code: str) -> shapes.PortfolioBalance:
        """Return the document's balance in one currency."""
        balance = money.plain(self.balances.get(code, money.ZERO))
        return {'currency': code, 'balance': balance, 'balance_at': self.balance_at, 'source': 'cryptfolio', **self.coverage}


def of_portfolio(user_id: str, portfolio_id: int) -> list[shapes.PortfolioBalance]:
    """Return the document's balances of a portfolio, by currency code.

    Raises NotFound, and NotReady while it has ledgers and none of them, nor any before them, was ever known.
    """
    summed = _sum(user_id, portfolio_id)
    return [summed.row(code) for code in summed.balances]


def of_portfolio_in(user_id: str, portfolio_id: int, code: str) -> shapes.PortfolioBalance:
    """Return the balance of a portfolio in one currency, zero when it holds none. Raises NotFound, for the currency too, NotReady."""
    currency = currencies.find(code)
    if currency is None:
        raise NotFound
    return _sum(user_id, portfolio_id).row(currency.code)


def _sum(user_id: str, portfolio_id: int) -> Summed:
    portfolio, children = read_whole(user_id, portfolio_id)
    addresses = [child for child in children if isinstance(child, Address)]
    offsets = [child for child in children if isinstance(child, Offset)]
    states = Ledger.find_many(child.ledger for child in addresses)
    parts = [Part(child, states.get(child.ledger)) for child in addresses]
    ledgers.send_for_stale(states.values())
    known = [part.ledger for part in parts if part.ledger is not None and part.ledger.ready]
    if parts and not known and portfolio.balances_last_updated is None:
        raise ledgers.not_ready(states.values())
    balances = totals.sums(portfolio.currencies, _held(known, offsets))
    missing = [_missing(part.child, reason) for part in parts if (reason := _reason(part)) is not None]
    coverage: shapes.Coverage = {'complete': False, 'missing': missing} if missing else {'complete': True}
    balance_at = instants.iso(min((ledger.updated_at or 0 for ledger in known), default=_last_change(portfolio, offsets)))
    return Summed(balances, balance_at, coverage)


def _held(known: Iterable[Ledger], offsets: Iterable[Offset]) -> Iterator[tuple[str, Decimal]]:
    for ledger in known:
        yield from ((held.currency, held.balance) for held in ledger.holdings)
    for offset in offsets:
        yield from ((held.currency, held.balance) for held in offset.balances)


def _last_change(portfolio: Portfolio, offsets: Iterable[Offset]) -> int:
    """Since when a sum without any ledger holds."""
    return max([portfolio.updated_at, *(offset.updated_at for offset in offsets)])


def _missing(child: Address, reason: str) -> shapes.Missing:
    return {'type': 'address', 'id': child.address_id, 'title': child.title, 'reason': reason}


def _reason(part: Part) -> str | None:
    """Say in one word what a child's balance lacks, None when nothing."""
    if not part.child.valid:
        return 'invalid_address'
    if part.ledger is None or not part.ledger.ready:
        return 'not_ready'
    return part.ledger.incomplete
