"""Portfolio balances: the sum of its ledgers and offsets, now or at an instant of the past, and what is missing from it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from chalicelib import clock
from chalicelib.domain import ledgers, money, timeline
from chalicelib.domain.ledgers import Lack
from chalicelib.domain.replay import Contribution
from chalicelib.models import FollowerKind, Offset, Portfolio, PortfolioTree, read_portfolio_tree
from chalicelib.services.ledgers import policy, reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.allowances import transaction_allowance
from chalicelib.services.portfolios.contributions import Child


class IncompleteChild(NamedTuple):
    """A child of a portfolio whose balance is not, or not wholly, in a sum; `reason` is why, in one snake_case word."""

    kind: FollowerKind
    id: int
    title: str
    reason: str


class PortfolioBalances(NamedTuple):
    """What a portfolio holds by currency code: each of its reporting currencies, and every other one that is not zero or not known.

    `contents` is what it was summed from, of now whatever the instant, and `children` those of it that follow ledgers and count.
    `observed_at` is when the stalest of its ledgers was observed; None where no ledger has a say: then `since` is when it became so.
    `lacking` are the children that may lack something, beside what.
    """

    contents: PortfolioTree
    children: Sequence[Child]
    by_currency: dict[str, Decimal]
    observed_at: int | None
    since: int
    lacking: Sequence[tuple[Child, tuple[Lack, ...]]]

    @property
    def portfolio(self) -> Portfolio:
        return self.contents.portfolio

    @property
    def balance_at(self) -> int:
        return self.since if self.observed_at is None else self.observed_at

    @property
    def incomplete(self) -> tuple[IncompleteChild, ...]:
        """The children whose balance in any currency of the sum, or that they may hold, is incomplete, once for each reason."""
        codes = frozenset(self.by_currency)
        return tuple(
            _incomplete(child, reason)
            for child, lacks in self.lacking
            for reason in ledgers.reasons_in(lacks, codes | (child.scope or frozenset()))
        )

    def incomplete_in(self, code: str) -> tuple[IncompleteChild, ...]:
        """Return the children whose balance in a currency is incomplete, and why."""
        reasons = ((child, ledgers.reason_in(lacks, code)) for child, lacks in self.lacking)
        return tuple(_incomplete(child, reason) for child, reason in reasons if reason is not None)

    def count_incomplete(self) -> int:
        """Return how many children are incomplete in each currency of the sum, all currencies together, without listing any."""
        codes = frozenset(self.by_currency)
        lacks_of = Counter(lacks for _, lacks in self.lacking)
        return sum(number * len(ledgers.concerned(lacks, codes)) for lacks, number in lacks_of.items())

    def incomplete_by_codes(self) -> Iterator[tuple[list[str], tuple[IncompleteChild, ...]]]:
        """Yield all currencies of the sum, those in which the same children are incomplete together, with these children.

        Of thousands of addresses each may lack hundreds of tokens, and all the same ones.
        """
        distinct = list(dict.fromkeys(lacks for _, lacks in self.lacking))
        codes_of: dict[tuple[str | None, ...], list[str]] = {}
        for code in self.by_currency:
            codes_of.setdefault(tuple(ledgers.reason_in(lacks, code) for lacks in distinct), []).append(code)
        for codes in codes_of.values():
            yield codes, self.incomplete_in(codes[0])


def _incomplete(child: Child, reason: str) -> IncompleteChild:
    return IncompleteChild(child.follower.follower_kind, child.follower.child_id, child.follower.title, reason)


def sum_up(user_id: str, portfolio_id: int, at: int | None = None) -> PortfolioBalances:
    """Return what a portfolio holds now, or held at an instant of the past.

    Raises NotFound, and NotReady while it has ledgers and neither any of them nor any before them was ever observed. Raises HistoryTooLarge
    for an instant with more transactions since than a request may read.
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
        [(child, tuple(_lacks(child))) for child in of if not child.is_whole],
    )


def _sum_at(contents: PortfolioTree, of: Sequence[Child], offsets: Sequence[Contribution], at: int) -> PortfolioBalances:
    """Return the sum at an instant, as the portfolio's history has it."""
    then = contributions.of_children(of, at, transaction_allowance(policy.MOST_TRANSACTIONS_AT_ONCE))
    balances = timeline.point_at([*then, *offsets], at).balances
    lacking = [(child, tuple(_lacks_at(child, part, at))) for child, part in zip(of, then, strict=True)]
    return PortfolioBalances(contents, of, money.total_by_currency(contents.portfolio.currencies, balances.items()), at, at, lacking)


def _lacks(child: Child) -> list[Lack]:
    """Return why a child's balances are incomplete."""
    ledger = child.ledger
    if not child.follower.valid:
        return [Lack(f'invalid_{child.follower.follower_kind}', child.key.holdable)]
    if ledger is None or not ledger.ready:
        reason = ledgers.NEEDS_KEY if ledger is not None and ledger.needs_key else 'not_ready'
        return [Lack(reason, child.key.holdable)]
    if child.clashes:
        return [Lack('shared_with_wallet', child.key.holdable)]
    return ledger.lacks


def _lacks_at(child: Child, part: Contribution, at: int) -> list[Lack]:
    """Return why a child's balances at an instant are incomplete; one observed minutes earlier counts as of then."""
    if not child.is_known:
        return _lacks(child)
    return [Lack(doubt.reason, doubt.currencies) for doubt in part.doubts_at(at)]
