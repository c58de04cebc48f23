"""The one table. Import kinds from here, never from a submodule: all of them must be known before one is read.

Importing this package builds the DynamoDB client, once, in the part of a cold start that Lambda does not bill by latency.
"""

from chalicelib.models.address import Address
from chalicelib.models.api_key import ApiKey, ApiKeySecret
from chalicelib.models.attempts import Attempts
from chalicelib.models.base import Also, Expected, Item, Verb, Write, connect, missed, nothing, of_version, transact
from chalicelib.models.bucket import Bucket
from chalicelib.models.client import Application, Client, Grant
from chalicelib.models.due import SHARDS, claim, due
from chalicelib.models.first_answer import AnsweredBefore, FirstAnswer
from chalicelib.models.ledger import Cursor, LeaseLost, Ledger
from chalicelib.models.oauth_token import Code, RefreshToken, RevokedFamily
from chalicelib.models.offset import Offset
from chalicelib.models.portfolio import Contents, Portfolio, Purge, read_leftovers, read_whole
from chalicelib.models.rate_limit import RequestCount
from chalicelib.models.session import Mailed, Session, new_token
from chalicelib.models.transaction import Transaction, TransactionsPage, is_position, read_transactions, sk_of
from chalicelib.models.user import Email, User
from chalicelib.models.watch import Watch

connect()

__all__ = [
    'SHARDS',
    'Address',
    'Also',
    'AnsweredBefore',
    'ApiKey',
    'ApiKeySecret',
    'Application',
    'Attempts',
    'Bucket',
    'Client',
    'Code',
    'Contents',
    'Cursor',
    'Email',
    'Expected',
    'FirstAnswer',
    'Grant',
    'Item',
    'LeaseLost',
    'Ledger',
    'Mailed',
    'Offset',
    'Portfolio',
    'Purge',
    'RefreshToken',
    'RequestCount',
    'RevokedFamily',
    'Session',
    'Transaction',
    'TransactionsPage',
    'User',
    'Verb',
    'Watch',
    'Write',
    'claim',
    'due',
    'is_position',
    'missed',
    'new_token',
    'nothing',
    'of_version',
    'read_leftovers',
    'read_transactions',
    'read_whole',
    'sk_of',
    'transact',
]
