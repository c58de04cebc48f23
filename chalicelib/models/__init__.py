"""The one table. Import kinds from here, never from a submodule: all of them must be known before one is read.

Importing this package builds the DynamoDB client, once, in the part of a cold start that Lambda does not bill by latency.
"""

import sys
from typing import Any, cast

# Passkeys bring pyOpenSSL, which botocore would use where it is there: 100 ms of every cold start, for what Python's own ssl does.
sys.modules['urllib3.contrib.pyopenssl'] = cast(Any, None)

from chalicelib.models.account import Account, Credentials
from chalicelib.models.address import Address
from chalicelib.models.api_key import ApiKey, ApiKeySecret
from chalicelib.models.attempts import AttemptCounter
from chalicelib.models.chain_blocks import ChainBlocks, MovedInBlock, ReadBlock
from chalicelib.models.client import Application, Client, ClientIdentity
from chalicelib.models.connection import DATABASE_ERRORS, connect
from chalicelib.models.cross_check import CrossCheck
from chalicelib.models.cursor import Cursor, Placed
from chalicelib.models.daily_closes import (
    DailyClosesState,
    DownloadProgress,
    GapProgress,
    PairDailyCloses,
    YearOfDailyCloses,
    add_daily_closes,
    read_daily_closes,
)
from chalicelib.models.derived import MOST_MEMBERSHIPS, Derived, Membership, MergeProgress
from chalicelib.models.derived_addresses import DerivedAddresses
from chalicelib.models.due_index import HISTORIES, LEDGERS, DueQueue
from chalicelib.models.email_address import Email, FormerEmail, email_taken_error
from chalicelib.models.email_change import email_change, email_restoration, email_return, link_listing, links_after_return, links_elsewhere
from chalicelib.models.email_token import EmailToken
from chalicelib.models.follower import Follower, FollowerKind
from chalicelib.models.grant import Grant, GrantChanged
from chalicelib.models.history import History, HistoryMonth, HistoryResult, read_headers, remove_history, split_by_month
from chalicelib.models.idempotency import AlreadyUsed, IdempotencyKey, IdempotencyRecord
from chalicelib.models.invitation import Invitation
from chalicelib.models.item import Item
from chalicelib.models.job_run import JobRun
from chalicelib.models.known_browser import KnownBrowser
from chalicelib.models.lease import LeaseLost
from chalicelib.models.ledger import Ledger
from chalicelib.models.ledger_state import Trouble
from chalicelib.models.leftovers import Leftovers
from chalicelib.models.linked_subject import LinkedSubject, LinkedSubjectPointer
from chalicelib.models.log_in_step import LogInStep
from chalicelib.models.memberships import NamesNoMore, create_derived, release_derived
from chalicelib.models.oauth_token import AlreadyRedeemed, Code, RefreshToken, RevokedFamily
from chalicelib.models.offset import Offset, OffsetBalance, Since
from chalicelib.models.one_more import make_one_more
from chalicelib.models.one_time_secret import AlreadyMade, OneTimeSecret
from chalicelib.models.portfolio import Portfolio, Purge
from chalicelib.models.portfolio_tree import PortfolioTree, read_header, read_leftovers, read_portfolio_tree
from chalicelib.models.rates import TRACKED_SECONDS, HourlyRates, LatestRates, TrackedCurrency
from chalicelib.models.request_count import RequestCount
from chalicelib.models.second_factor import Authenticator, Passkey, RecoveryCodes
from chalicelib.models.session import Session, SessionPointer, new_token
from chalicelib.models.share_link import ShareLink, ShareToken
from chalicelib.models.snapshot import Snapshot
from chalicelib.models.take_back import TakeBack, earlier_than
from chalicelib.models.transaction import Transaction, TransactionsPage, entry_sk, is_position, read_transactions, time_of
from chalicelib.models.upstream import UpstreamState
from chalicelib.models.user import User
from chalicelib.models.watch import Watch
from chalicelib.models.writes import ExpectedVersions, Operation, Write, delete_all, has_version, transact, version_mismatch

connect()

__all__ = [
    'DATABASE_ERRORS',
    'HISTORIES',
    'LEDGERS',
    'MOST_MEMBERSHIPS',
    'TRACKED_SECONDS',
    'Account',
    'Address',
    'AlreadyMade',
    'AlreadyRedeemed',
    'AlreadyUsed',
    'ApiKey',
    'ApiKeySecret',
    'Application',
    'AttemptCounter',
    'Authenticator',
    'ChainBlocks',
    'Client',
    'ClientIdentity',
    'Code',
    'Credentials',
    'CrossCheck',
    'Cursor',
    'DailyClosesState',
    'Derived',
    'DerivedAddresses',
    'DownloadProgress',
    'DueQueue',
    'Email',
    'EmailToken',
    'ExpectedVersions',
    'Follower',
    'FollowerKind',
    'FormerEmail',
    'GapProgress',
    'Grant',
    'GrantChanged',
    'History',
    'HistoryMonth',
    'HistoryResult',
    'HourlyRates',
    'IdempotencyKey',
    'IdempotencyRecord',
    'Invitation',
    'Item',
    'JobRun',
    'KnownBrowser',
    'LatestRates',
    'LeaseLost',
    'Ledger',
    'Leftovers',
    'LinkedSubject',
    'LinkedSubjectPointer',
    'LogInStep',
    'Membership',
    'MergeProgress',
    'MovedInBlock',
    'NamesNoMore',
    'Offset',
    'OffsetBalance',
    'OneTimeSecret',
    'Operation',
    'PairDailyCloses',
    'Passkey',
    'Placed',
    'Portfolio',
    'PortfolioTree',
    'Purge',
    'ReadBlock',
    'RecoveryCodes',
    'RefreshToken',
    'RequestCount',
    'RevokedFamily',
    'Session',
    'SessionPointer',
    'ShareLink',
    'ShareToken',
    'Since',
    'Snapshot',
    'TakeBack',
    'TrackedCurrency',
    'Transaction',
    'TransactionsPage',
    'Trouble',
    'UpstreamState',
    'User',
    'Watch',
    'Write',
    'YearOfDailyCloses',
    'add_daily_closes',
    'create_derived',
    'delete_all',
    'earlier_than',
    'email_change',
    'email_restoration',
    'email_return',
    'email_taken_error',
    'entry_sk',
    'has_version',
    'is_position',
    'link_listing',
    'links_after_return',
    'links_elsewhere',
    'make_one_more',
    'new_token',
    'read_daily_closes',
    'read_header',
    'read_headers',
    'read_leftovers',
    'read_portfolio_tree',
    'read_transactions',
    'release_derived',
    'remove_history',
    'split_by_month',
    'time_of',
    'transact',
    'version_mismatch',
]
