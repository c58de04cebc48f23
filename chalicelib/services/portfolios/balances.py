"""Portfolio balances: the sum of its ledgers and offsets, now or at an instant of the past, and what is missing from it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from chalicelib import clock
from chalicelib.domain import ledgers, money, timeline
from chalicelib.domain.replay import Contribution
from chalicelib.models import FollowerKind, Offset, Portfolio, PortfolioTree, read_portfolio_tree
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.contributions import Child


class IncompleteChild(NamedTuple):
    """A child of a portfolio whose balance is not, or not wholly, in a sum; `reason` is why, in one snake_case word."""

    kind: FollowerKind
    id: int
    title: str
    reason: str


ReasonIn = Callable[[str], str | None]


class PortfolioBalances(NamedTuple):
    """What a portfolio holds by currency code: each of its reporting currencies, and every other one that is not zero or not known.

    `contents` is what it was summed from, of now whatever the instant, and `children` those of it that follow ledgers and count.
    `observed_at` is when the stalest of its ledgers was observed; None where no ledger has a say: then `since` is when it became so.
    `reasons` are the children that may lack something beside what tells why that child's part of a currency is incomplete, None if
    it is not.
    """

    contents: PortfolioTree
    children: Sequence[Child]
    by_currency: dict[str, Decimal]
    observed_at: int | None
    since: int
    reasons: Sequence[tuple[Child, ReasonIn]]

    @property
    def portfolio(self) -> Portfolio:
        return self.contents.portfolio

    @property
    def balance_at(self) -> int:
        return self.since if self.observed_at is None else self.observed_at

    @property
    def incomplete(self) -> tuple[IncompleteChild, ...]:
        """The children whose balance in any currency that they may hold is incomplete, once for each reason."""
        scopes = (self.by_currency.keys() if child.scope is None else child.scope for child, _ in self.reasons)
        return self.incomplete_in(*self.by_currency, *(code for scope in scopes for code in sorted(scope)))

    def incomplete_in(self, *codes: str) -> tuple[IncompleteChild, ...]:
        """Return the children whose balance in any of these currencies is incomplete, once for each reason."""
        incomplete = (
            IncompleteChild(child.follower.follower_kind, child.follower.child_id, child.follower.title, reason)
            for child, reason_in in self.reasons
            for reason in map(reason_in, codes)
            if reason is not None
        )
        return tuple(dict.fromkeys(incomplete))


def sum_up(user_id: str, portfolio_id: int, at: int | None = None) -> PortfolioBalances:
    """Return what a portfolio holds now, or held at an instant of the past.

    Raises NotFound, and NotReady while it has ledgers and neither any of them nor any before them was ever observed.
    """
    contents = read_portfolio_tree(user_id, portfolio_id)
    portfolio = contents.portfolio
    of = contributions.children(contents)
    states = [child.ledger for child in of if child.ledger is not None]
    reading.refresh_stale(states, user_id)
    counted = [child.ledger for child in of if child.ledger is not None and child.ledger.ready and not child.clashes]
    if of and not counted and not portfolio.was_observed:
        raise reading.not_ready(states)
    offsets = contributions.of_offsets(contents)
    if at is not None:
        return _sum_at(contents, of, offsets, at)
    balances = [(row.currency, row.balance) for ledger in counted for row in ledger.holdings]
    put_in = timeline.point_at(offsets, clock.now()).balances.items()
    unreadable = {gap.currency for ledger in counted for gap in ledger.gaps if gap.reason == ledgers.UNREADABLE_BALANCE}
    return PortfolioBalances(
        contents,
        of,
        money.total_by_currency({*portfolio.currencies, *unreadable}, [*balances, *put_in]),
        min((ledger.updated_at for ledger in counted), default=None),
        max([portfolio.updated_at, *(offset.updated_at for offset in contents.of_kind(Offset))]),
        [(child, partial(_reason, child)) for child in of if not child.is_whole],
    )


def _sum_at(contents: PortfolioTree, of: Sequence[Child], offsets: Sequence[Contribution], at: int) -> PortfolioBalances:
    """Return the sum at an instant, as the portfolio's history has it."""
    then = contributions.of_children(of, at)
    balances = timeline.point_at([*then, *offsets], at).balances
    reasons = [(child, partial(_reason_at, child, part, at)) for child, part in zip(of, then, strict=True)]
    return PortfolioBalances(contents, of, money.total_by_currency(contents.portfolio.currencies, balances.items()), at, at, reasons)


def _reason(child: Child, code: str) -> str | None:
    """Return why a child's balance in a currency is incomplete, in one word; None if it is complete."""
    ledger = child.ledger
    can_hold = child.key.can_hold(code)
    if not child.follower.valid:
        return f'invalid_{child.follower.follower_kind}' if can_hold else None
    if ledger is None or not ledger.ready:
        reason = ledgers.NEEDS_KEY if ledger is not None and ledger.needs_key else 'not_ready'
        return reason if can_hold else None
    if child.clashes:
        return 'shared_with_wallet' if can_hold else None
    return ledger.reason_in(code)


def _reason_at(child: Child, part: Contribution, at: int, code: str) -> str | None:
    """Return why a child's balance in a currency at an instant is incomplete; one observed minutes earlier counts as of then."""
    if not child.is_known:
        return _reason(child, code)
    return next((doubt.reason for doubt in part.doubts_at(at) if doubt.currencies is None or code in doubt.currencies), None)
