"""The messages that jobs are sent: what each means, which queue carries it, and what to send after a change.

A message names what to work on and never carries data, so that one that comes twice, late or not at all does no harm. The fields
of a message are the keys of its JSON body, but for those in _KEYS; messages in flight outlive a deployment, so a new field needs a default.
`group` says whose work it is: of two groups, SQS delivers first to the one without a backlog, so that nobody waits for another user's
thousands of addresses.
"""

import logging
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple, TypeVar

from chalicelib import queue
from chalicelib.config import settings
from chalicelib.domain import ledger_keys
from chalicelib.domain.work_groups import work_group

log = logging.getLogger(__name__)

# Those that are not called like their fields: during a deployment, functions of two releases send messages to each other.
_KEYS = {'looked_at': 'seen_at'}


class RefreshLedger(NamedTuple):
    """Bring a ledger, named by its partition key, up to date; `looked_at` is when a user looked at it, if that is why.

    `group` is the group of the user who caused it, see domain.work_groups; empty where nobody did.
    `waits` counts the earlier messages in a row that found too many requests waiting for an upstream.
    Ledgers of accounts have a queue of their own, as only one function may decrypt credentials.

    {"ledger": "LEDGER#btc#1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu", "seen_at": 1700000000}
    """

    ledger: str
    looked_at: int | None = None
    group: str = ''
    waits: int = 0

    @property
    def queue(self) -> str:
        return settings().accounts_queue if ledger_keys.is_account_key(self.ledger) else settings().refresh_queue


class CheckLedgers(NamedTuple):
    """Confirm that ledgers of addresses of one chain are as they were read, and have those refreshed of which that cannot be said.

    `looked_at` and `group` as of RefreshLedger. At most settled.MOST_CHECKED ledgers.

    {"ledgers": ["LEDGER#eth#0xAD135DC9E9a2F1523645D580D238722C743fC74D"], "seen_at": 1700000000}
    """

    ledgers: list[str]
    looked_at: int | None = None
    group: str = ''

    @property
    def queue(self) -> str:
        return settings().refresh_queue


class StampWatchers(NamedTuple):
    """Tell the watches of a ledger that come after the sort key `after` what was last observed, and that it `changed`, if it did.

    `group` as of RefreshLedger: whose work the refresh was.

    {"ledger": "LEDGER#btc#1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu", "after": "WATCH#5f0c#000001", "changed": true}
    """

    ledger: str
    after: str
    changed: bool = False
    group: str = ''

    @property
    def queue(self) -> str:
        return settings().refresh_queue


class FollowBlocks(NamedTuple):
    """Read the new blocks of a chain, given by the code of its coin.

    Each chain is a group of its own, so that no backlog of refreshes delays it.

    {"follow": "btc"}
    """

    follow: str

    @property
    def group(self) -> str:
        return f'blocks-{self.follow}'

    @property
    def queue(self) -> str:
        return settings().refresh_queue


class RefreshHistory(NamedTuple):
    """Bring the history of a portfolio up to date.

    `looked_at` is when a user looked at the portfolio or changed it, if that is why. `waits` counts the earlier messages in a row
    that found rates still being fetched.

    {"user_id": "5f0c", "portfolio_id": 1, "seen_at": 1700000000}
    """

    user_id: str
    portfolio_id: int
    looked_at: int | None = None
    waits: int = 0

    @property
    def group(self) -> str:
        return work_group(self.user_id)

    @property
    def queue(self) -> str:
        return settings().history_queue


class DispatchDueHistories(NamedTuple):
    """Enqueue a RefreshHistory for each history of a shard that is due.

    {"shard": 1007}
    """

    shard: int

    @property
    def group(self) -> str:
        return ''

    @property
    def queue(self) -> str:
        return settings().history_queue


class FetchRates(NamedTuple):
    """Fetch the current rates of some currencies, or of all tracked ones if the list is empty.

    `tries` counts the earlier messages in a row after which these did not come. All are one group, so that no backlog of daily closes
    delays them.

    {"currencies": ["ltc", "gbp"]}
    """

    currencies: list[str]
    tries: int = 0

    @property
    def group(self) -> str:
        return 'rates'

    @property
    def queue(self) -> str:
        return settings().rates_queue


class BackfillRates(NamedTuple):
    """Download the daily closes that are missing of a currency, given by its code.

    {"backfill": "ltc"}
    """

    backfill: str

    @property
    def group(self) -> str:
        return ''

    @property
    def queue(self) -> str:
        return settings().rates_queue


class PurgePortfolio(NamedTuple):
    """Remove what a deleted portfolio left behind.

    {"user_id": "5f0c", "portfolio_id": 1}
    """

    user_id: str
    portfolio_id: int

    @property
    def group(self) -> str:
        return work_group(self.user_id)

    @property
    def queue(self) -> str:
        return settings().purge_queue


class ForgetUser(NamedTuple):
    """Delete a user whose account was to be deleted by now, and all of theirs.

    {"forget": "5f0c"}
    """

    forget: str

    @property
    def group(self) -> str:
        return work_group(self.forget)

    @property
    def queue(self) -> str:
        return settings().purge_queue


Message = (
    RefreshLedger
    | CheckLedgers
    | StampWatchers
    | FollowBlocks
    | RefreshHistory
    | DispatchDueHistories
    | FetchRates
    | BackfillRates
    | PurgePortfolio
    | ForgetUser
)
First = TypeVar('First', bound=Message)
Second = TypeVar('Second', bound=Message)


def send(*messages: Message, delay: int = 0) -> None:
    """Send messages to arrive after `delay` seconds, ten to a request. Raises RuntimeError when SQS took only some of them."""
    for name, group in groupby(sorted(messages, key=_queue_of), key=_queue_of):
        queue.send(name, [(to_body(message), message.group) for message in group], delay=delay)


def send_or_leave_to_sweep(*messages: Message) -> None:
    """Send messages about what is due in the table as well; on failure log it and go on, as the next sweep sends them again."""
    try:
        send(*messages)
    except Exception:
        log.exception('%s messages were left to the sweep, the first: %s', len(messages), type(messages[0]).__name__)


def portfolio_changed(user_id: str, portfolio_id: int, *, looked_at: int) -> None:
    """Announce that a user changed a portfolio, at `looked_at`: its history is recomputed.

    >>> portfolio_changed('5f0c', 1, looked_at=clock.now())
    """
    send_or_leave_to_sweep(RefreshHistory(user_id, portfolio_id, looked_at))


def portfolios_changed(portfolios: Iterable[tuple[str, int]]) -> None:
    """Announce that balances of portfolios, given by user id and portfolio id, changed though no user touched them."""
    send_or_leave_to_sweep(*(RefreshHistory(user_id, portfolio_id) for user_id, portfolio_id in portfolios))


def to_body(message: Message) -> queue.Body:
    """Return the body of a message, without the fields that have their default."""
    return {_key(name): value for name, value in message._asdict().items() if name not in message._field_defaults or value}


def from_body(body: queue.Body, first: type[First], *others: type[Second]) -> First | Second:
    """Return the message of the first kind that has all its required fields in `body`; unknown fields are ignored.

    Raises ValueError when the body fits none of the kinds.
    """
    kinds: tuple[type[First] | type[Second], ...] = (first, *others)
    for kind in kinds:
        if all(_key(name) in body for name in kind._fields if name not in kind._field_defaults):
            return kind(**{name: body[_key(name)] for name in kind._fields if _key(name) in body})
    raise ValueError(f'not a message of this queue: {sorted(body)}')


def _key(field: str) -> str:
    return _KEYS.get(field, field)


def _queue_of(message: Message) -> str:
    return message.queue
