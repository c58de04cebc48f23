"""Everything that is kept of one user, for them to take along."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import NamedTuple

from chalicelib import charges, telemetry
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import AnswerTooLarge
from chalicelib.models import Client, Follower, Item, Ledger, Offset, Portfolio, Session, ShareLink, Transaction, User, idempotency
from chalicelib.services.ledgers import policy

MOST_TRANSACTIONS = 20_000  # about as many as a response may carry
MOST_ROWS = 300_000  # of all else: some 10 s of a processor, of Lambda's half of one 18 of its 28
_ROWS_PER_REQUEST = 3_000  # that count as one more request, a tenth of a second
_LEDGERS_AT_ONCE = 32  # whose transactions are read, the first so many of each
_FIRST = 500


class OwnBalance(NamedTuple):
    """What a child of a portfolio holds of a currency, and when that was observed."""

    follower: Follower
    holding: Holding
    observed_at: int


class OwnTransaction(NamedTuple):
    """A transaction with the child of a portfolio that it is of."""

    follower: Follower
    transaction: Transaction


class OwnData(NamedTuple):
    """What is kept of a user as of an instant: `items` are all those of theirs, secret ones too, but for answers that may be given again.

    Transactions are in order of their ledgers, each newest first.
    """

    made_at: int
    items: list[Item]
    clients: list[Client]
    sessions: list[Session]
    balances: list[OwnBalance]
    transactions: list[OwnTransaction]
    transactions_left_out: bool


def read(user: User, now: int) -> OwnData:
    """Return everything of a user, with at most MOST_TRANSACTIONS transactions; `transactions_left_out` says if there are more.

    Raises AnswerTooLarge for what takes longer than a response may, TooManyRequests for what is more than the caller may still have read.
    """
    items = _items(user)
    followers = [item for item in items if isinstance(item, Follower)]
    ledgers = Ledger.find_many({follower.ledger for follower in followers})
    used = [follower for follower in followers if (ledger := ledgers.get(follower.ledger)) and not ledger.is_unused]
    charges.charge(len(used) // policy.LEDGERS_PER_REQUEST)
    transactions = list(islice(_transactions(used), MOST_TRANSACTIONS + 1))
    return OwnData(
        made_at=now,
        items=items,
        clients=Client.owned_by(user.user_id),
        sessions=Session.of_user(user, now),
        balances=list(_balances(followers, ledgers)),
        transactions=transactions[:MOST_TRANSACTIONS],
        transactions_left_out=len(transactions) > MOST_TRANSACTIONS,
    )


def _items(user: User) -> list[Item]:
    """Return the items of a user, without the parts of deleted portfolios that are still to be purged. Raises as `read` does."""
    items, rows = [], 0
    before_answers, after_answers = Item.sk < idempotency.SORT_KEYS, Item.sk > f'{idempotency.SORT_KEYS}~'  # which may be half a gigabyte
    for item in chain.from_iterable(Item.query(user.pk, part, consistent_read=True) for part in (before_answers, after_answers)):
        items.append(item)
        before = rows
        rows += len(item.balances) if isinstance(item, Offset) else 1
        if rows > MOST_ROWS:
            raise AnswerTooLarge(was_carried_out=False)
        charges.charge(rows // _ROWS_PER_REQUEST - before // _ROWS_PER_REQUEST)
    portfolios = {item.portfolio_id for item in items if isinstance(item, Portfolio)}
    return [item for item in items if not isinstance(item, Follower | Offset | ShareLink) or item.portfolio_id in portfolios]


def _transactions(followers: Sequence[Follower]) -> Iterator[OwnTransaction]:
    """Yield the transactions of followers, one after the other, reading the first ones of several at once."""

    def read_first(follower: Follower) -> list[Transaction]:
        return list(islice(Transaction.every(follower.ledger), _FIRST))

    with ThreadPoolExecutor(_LEDGERS_AT_ONCE) as pool:
        for start in range(0, len(followers), _LEDGERS_AT_ONCE):
            batch = followers[start : start + _LEDGERS_AT_ONCE]
            for follower, first in zip(batch, pool.map(telemetry.in_current_task(read_first), batch), strict=True):
                every = Transaction.every(follower.ledger) if len(first) == _FIRST else first
                yield from (OwnTransaction(follower, transaction) for transaction in every)


def _balances(followers: Sequence[Follower], ledgers: Mapping[str, Ledger]) -> Iterator[OwnBalance]:
    for follower in followers:
        ledger = ledgers.get(follower.ledger)
        if ledger and ledger.ready:
            yield from (OwnBalance(follower, holding, ledger.updated_at) for holding in ledger.holdings)
