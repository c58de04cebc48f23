"""Portfolio balances: the sum of its ledgers and offsets, now or at an instant of the past, and what is missing from it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from chalicelib.domain import currencies, instants, money, shapes, totals
from chalicelib.domain.timeline import Part
from chalicelib.errors import NotFound
from chalicelib.models import Offset, Portfolio, read_portfolio_tree
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.contributions import Child


class Summed(NamedTuple):
    """What a portfolio holds by currency code, and whether that is all; nobody has looked at a ledger of it since `observed_at`.

    `since` is when that became so where no ledger has a say: `observed_at` is None then.
    """

    portfolio: Portfolio
    balances: dict[str, Decimal]
    observed_at: int | None
    since: int
    coverage: shapes.Coverage

    @property
    def balance_at(self) -> int:
        return self.since if self.observed_at is None else self.observed_at

    def row(self, code: str) -> shapes.PortfolioBalance:
        """Return the document's balance in one currency."""
        balance = money.plain(self.balances.get(code, money.ZERO))
        balance_at = instants.iso(self.balance_at)
        return {'currency': code, 'balance': balance, 'balance_at': balance_at, 'source': 'cryptfolio', **self.coverage}


def of_portfolio(user_id: str, portfolio_id: int, at: int | None = None) -> list[shapes.PortfolioBalance]:
    """Return the document's balances of a portfolio, now or at an instant of the past, by currency code.

    Raises NotFound, and NotReady while it has ledgers and none of them, nor any before them, was ever known.
    """
    summed = sum_up(user_id, portfolio_id, at)
    return [summed.row(code) for code in summed.balances]


def of_portfolio_in(user_id: str, portfolio_id: int, code: str, at: int | None = None) -> shapes.PortfolioBalance:
    """Return the balance of a portfolio in one currency, zero when it holds none. Raises NotFound, for the currency too, NotReady."""
    currency = currencies.find(code)
    if currency is None:
        raise NotFound
    return sum_up(user_id, portfolio_id, at).row(currency.code)


def sum_up(user_id: str, portfolio_id: int, at: int | None = None) -> Summed:
    """Return what a portfolio holds, now or held at an instant of the past. Raises NotFound, NotReady."""
    contents = read_portfolio_tree(user_id, portfolio_id)
    portfolio = contents.portfolio
    of = contributions.children(contents)
    states = [child.ledger for child in of if child.ledger is not None]
    reading.send_for_stale(states)
    known = [ledger for ledger in states if ledger.ready]
    if of and not known and not portfolio.was_observed:
        raise reading.not_ready(states)
    offsets = contributions.of_offsets(contents)
    if at is not None:
        return _sum_at(portfolio, of, offsets, at)
    held = [(row.currency, row.balance) for ledger in known for row in ledger.holdings]
    return Summed(
        portfolio,
        totals.sums(portfolio.currencies, [*held, *_bases(offsets)]),
        min((ledger.updated_at for ledger in known), default=None),
        max([portfolio.updated_at, *(child.updated_at for child in contents.children if isinstance(child, Offset))]),
        _coverage(of, [_reason(child) for child in of]),
    )


def _sum_at(portfolio: Portfolio, of: Sequence[Child], offsets: Sequence[Part], at: int) -> Summed:
    """Return the sum at an instant: what people put in holds for all time, the rest is replayed."""
    then = contributions.of_children(of, at)
    covered = [part for part in then if part.known_from is None or part.known_from <= at]
    balances = totals.sums(portfolio.currencies, _bases([*covered, *offsets]))
    reasons = [_reason_at(child, part, at) for child, part in zip(of, then, strict=True)]
    return Summed(portfolio, balances, at, at, _coverage(of, reasons))


def _bases(of: Iterable[Part]) -> list[tuple[str, Decimal]]:
    return [(code, balance) for part in of for code, balance in part.base.items()]


def _coverage(of: Sequence[Child], reasons: Sequence[str | None]) -> shapes.Coverage:
    missing = [_missing(child, reason) for child, reason in zip(of, reasons, strict=True) if reason is not None]
    return {'complete': False, 'missing': missing} if missing else {'complete': True}


def _missing(child: Child, reason: str) -> shapes.Missing:
    return {'type': 'address', 'id': child.address.address_id, 'title': child.address.title, 'reason': reason}


def _reason(child: Child) -> str | None:
    """Say in one word what a child's balance lacks, None when nothing."""
    if not child.address.valid:
        return 'invalid_address'
    if child.ledger is None or not child.ledger.ready:
        return 'not_ready'
    return child.ledger.incomplete


def _reason_at(child: Child, part: Part, at: int) -> str | None:
    """Say what a child's balance of an instant lacks; one that was observed minutes before counts as of then, as it does now."""
    reason = _reason(child)
    if reason is not None or child.ledger is None:
        return reason
    if part.known_from is not None and part.known_from > at:
        return 'history_unknown'
    return 'not_observed_since' if child.ledger.updated_at < at - reading.HOT_SECONDS else None
