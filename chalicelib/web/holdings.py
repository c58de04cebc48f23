"""What a portfolio is made of, for its page: its currencies by value, and its addresses, accounts and offsets."""

from decimal import Decimal
from typing import NamedTuple

from chalicelib.api import answers
from chalicelib.api.presenters.accounts import present_account
from chalicelib.api.presenters.addresses import present_address, present_agreement
from chalicelib.api.presenters.currencies import present_value
from chalicelib.api.presenters.offsets import present_offset
from chalicelib.api.presenters.portfolios import present_portfolio_transaction
from chalicelib.domain import currencies, money
from chalicelib.models import Account, Address, Offset, PortfolioTree
from chalicelib.services.portfolios import transactions
from chalicelib.services.portfolios.balances import PortfolioBalances
from chalicelib.services.portfolios.converted import RATE_PENDING
from chalicelib.web.charts import Slice, donut
from chalicelib.web.worth import Worth

MOST_SHOWN = 20
_MOST_READINGS = 100
_LATEST = 6
_COLOURS = 6  # of the stylesheet; the last is of all others
_FIRST_READING_SECONDS = 600  # a page that shows something is not loaded again for longer


class Asset(NamedTuple):
    """A currency of a portfolio: its amount, what that is worth, and its share of the total; None where that is not known."""

    code: str
    title: str
    balance: str
    value: str | None
    percent: Decimal | None
    reason: str | None
    colour: int


class Allocation(NamedTuple):
    """What the value of a portfolio is made of, most valuable first, and the slices of the donut, one for each colour."""

    assets: list[Asset]
    slices: list[Slice]


class Reading(NamedTuple):
    """What an address or account was read from, and when; None where it was never read."""

    title: str
    source: str | None
    observed_at: int | None
    reason: str | None
    agreement: answers.Agreement | None


class Contents(NamedTuple):
    """The first addresses, accounts and offsets of a portfolio, and how many there are of each."""

    addresses: list[answers.Address]
    accounts: list[answers.Account]
    offsets: list[answers.Offset]
    counts: dict[str, int]

    @property
    def parts(self) -> int:
        return sum(self.counts.values())


def allocation(worth: Worth) -> Allocation:
    """Return what a value is made of. Currencies of which nothing is held are left out; those below zero have no slice.

    What is worth nothing as a whole, or less, has no slices and no shares: they would be of nothing.
    """
    total = worth.points[-1].value
    shares = sorted((share for share in worth.row['explain'] if Decimal(share['balance'])), key=_value_of, reverse=True)
    assets = [_asset(share, worth.currency, total, min(number, _COLOURS - 1)) for number, share in enumerate(shares)]
    unconverted = [missing for missing in worth.missing if 'currency' in missing]
    by_colour = [Decimal(0)] * min(len(assets), _COLOURS)
    for share, asset in zip(shares, assets, strict=True):
        by_colour[asset.colour] = money.WIDE.add(by_colour[asset.colour], max(_value_of(share), Decimal(0)))
    slices = donut(by_colour) if total > 0 else []
    return Allocation([*assets, *map(_unvalued, unconverted)], slices)


def _value_of(share: answers.Explained) -> Decimal:
    return Decimal(share['value'])


def _asset(share: answers.Explained, currency: str, total: Decimal, colour: int) -> Asset:
    code, value = share['currency'], _value_of(share)
    title = currencies.get(code).title
    return Asset(code, title, share['balance'], present_value(value, currency), money.percentage(value, total), None, colour)


def _unvalued(missing: answers.NotInTotal) -> Asset:
    code = missing['currency']
    return Asset(code, currencies.get(code).title, missing['balance'], None, None, missing['reason'], _COLOURS)


def contents(summed: PortfolioBalances) -> Contents:
    return contents_of(summed.contents)


def contents_of(tree: PortfolioTree) -> Contents:
    """Return the first of what is in a portfolio."""
    addresses, accounts, offsets = tree.of_kind(Address), tree.of_kind(Account), tree.of_kind(Offset)
    return Contents(
        [present_address(address) for address in addresses[:MOST_SHOWN]],
        [present_account(account) for account in accounts[:MOST_SHOWN]],
        [present_offset(offset, expand=False) for offset in offsets[:MOST_SHOWN]],
        {'addresses': len(addresses), 'accounts': len(accounts), 'offsets': len(offsets)},
    )


def latest_transactions(summed: PortfolioBalances, at: int | None) -> list[answers.PortfolioTransaction]:
    """Return the newest transactions of all that a portfolio follows, until an instant of the past if there is one."""
    return [present_portfolio_transaction(row) for row in transactions.newest(summed.children, _LATEST, until=at)]


def readings(summed: PortfolioBalances) -> list[Reading]:
    """Return what each part of a portfolio that follows a ledger was read from, up to a hundred of them."""
    reasons = {(child.kind, child.id): child.reason for child in summed.incomplete}
    parts = []
    for child in summed.children[:_MOST_READINGS]:
        follower, ledger = child.follower, child.ledger
        source, observed_at = (None, None) if ledger is None else (ledger.source, ledger.updated_at)
        parts.append(
            Reading(
                follower.title, source, observed_at, reasons.get((follower.follower_kind, follower.child_id)), present_agreement(follower)
            )
        )
    return parts


def is_being_read(summed: PortfolioBalances, worth: Worth, now: int) -> bool:
    """Whether something that was added lately was never read or waits for a rate, or the past of a new portfolio was never worked out."""
    children: list[Address | Account] = [*summed.contents.of_kind(Address), *summed.contents.of_kind(Account)]
    added_at = {(child.follower_kind, child.child_id): child.created_at for child in children}
    awaited = [added_at[child.kind, child.id] for child in summed.incomplete if child.reason == 'not_ready']
    worked_out_at: int | None = summed.portfolio.histories_last_updated
    if summed.contents.children and worked_out_at is None:
        awaited.append(summed.portfolio.created_at)
    if any(missing['reason'] == RATE_PENDING for missing in worth.missing):
        awaited.append(max(child.created_at for child in (*children, *summed.contents.of_kind(Offset))))
    return any(now - at < _FIRST_READING_SECONDS for at in awaited)
