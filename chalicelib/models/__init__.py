"""The one table. Import kinds from here, never from a submodule: all of them must be known before one is read.

Importing this package builds the DynamoDB client, once, in the part of a cold start that Lambda does not bill by latency.
"""

from chalicelib.models.address import Address
from chalicelib.models.api_key import ApiKey, ApiKeySecret
from chalicelib.models.attempts import Attempts
from chalicelib.models.client import Application, Client, Grant
from chalicelib.models.cross_check import Agreement
from chalicelib.models.due_index import SHARDS, claim, due
from chalicelib.models.history import Chunk, Computed, History, history_shards, months, read_headers, remove_history
from chalicelib.models.idempotency import AnsweredBefore, FirstAnswer
from chalicelib.models.item import Also, Expected, Item, Verb, Write, connect, missed, nothing, of_version, transact
from chalicelib.models.ledger import Cursor, Derived, LeaseLost, Ledger
from chalicelib.models.oauth_token import Code, RefreshToken, RevokedFamily
from chalicelib.models.offset import Offset
from chalicelib.models.portfolio import Contents, Portfolio, Purge, read_leftovers, read_whole
from chalicelib.models.rate_limit import RequestCount
from chalicelib.models.rates import (
    WANTED_SECONDS,
    ClosesState,
    HourlyRates,
    LatestRates,
    PairCloses,
    Reached,
    WantedCurrency,
    YearOfCloses,
    add_closes,
    read_closes,
)
from chalicelib.models.session import Mailed, Session, new_token
from chalicelib.models.snapshot import Snapshot
from chalicelib.models.transaction import Transaction, TransactionsPage, is_position, read_transactions, sk_of, time_of
from chalicelib.models.upstream import Bucket
from chalicelib.models.user import Email, User
from chalicelib.models.watch import Watch

connect()

__all__ = [
    'SHARDS',
    'WANTED_SECONDS',
    'Address',
    'Agreement',
    'Also',
    'AnsweredBefore',
    'ApiKey',
    'ApiKeySecret',
    'Application',
    'Attempts',
    'Bucket',
    'Chunk',
    'Client',
    'ClosesState',
    'Code',
    'Computed',
    'Contents',
    'Cursor',
    'Derived',
    'Email',
    'Expected',
    'FirstAnswer',
    'Grant',
    'History',
    'HourlyRates',
    'Item',
    'LatestRates',
    'LeaseLost',
    'Ledger',
    'Mailed',
    'Offset',
    'PairCloses',
    'Portfolio',
    'Purge',
    'Reached',
    'RefreshToken',
    'RequestCount',
    'RevokedFamily',
    'Session',
    'Snapshot',
    'Transaction',
    'TransactionsPage',
    'User',
    'Verb',
    'WantedCurrency',
    'Watch',
    'Write',
    'YearOfCloses',
    'add_closes',
    'claim',
    'due',
    'history_shards',
    'is_position',
    'missed',
    'months',
    'new_token',
    'nothing',
    'of_version',
    'read_closes',
    'read_headers',
    'read_leftovers',
    'read_transactions',
    'read_whole',
    'remove_history',
    'sk_of',
    'time_of',
    'transact',
]
