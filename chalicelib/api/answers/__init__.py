"""The types of the API's answers, for the type checker and for the description of the API alike: a file per resource.

Names and order are the specification's. Types only: api/presenters builds answers. Import the package and write `answers.Address`: what
an answer shows mostly has the same name.
"""

from chalicelib.api.answers.accounts import Account, AccountSummary, Problem, Wallet, WalletCredential, WalletRef
from chalicelib.api.answers.addresses import Address, AddressSummary, Agreement, WalletOfAddress
from chalicelib.api.answers.balances import Coverage, Missing, PartOfPortfolio, PortfolioBalance, PortfolioTransaction
from chalicelib.api.answers.conversions import ConvertedBalance, Explained, Hop, NotInTotal, RateSet, Unconverted
from chalicelib.api.answers.currencies import Currencies, Currency, CurrencyRef
from chalicelib.api.answers.failures import Failure, FieldFault, InvalidRequest, Unavailable
from chalicelib.api.answers.histories import Backfill, HistoricBalance, HistoricValue, HistoryState
from chalicelib.api.answers.ledgers import AddressBalance, Completeness, Transaction, TransactionsState, UnreadableRow, UnreadableRows
from chalicelib.api.answers.offsets import Offset, OffsetBalance, OffsetSummary
from chalicelib.api.answers.portfolios import Portfolio, PortfolioHeader, PortfolioSummary
from chalicelib.api.answers.scalars import SCALARS, AnyCurrencyCode, CurrencyCode, EpochSeconds, Id, SourceKey
from chalicelib.api.answers.sources import FollowedChain, Job, Source, Status, Tickers
from chalicelib.api.answers.user import User

__all__ = [
    'SCALARS',
    'Account',
    'AccountSummary',
    'Address',
    'AddressBalance',
    'AddressSummary',
    'Agreement',
    'AnyCurrencyCode',
    'Backfill',
    'Completeness',
    'ConvertedBalance',
    'Coverage',
    'Currencies',
    'Currency',
    'CurrencyCode',
    'CurrencyRef',
    'EpochSeconds',
    'Explained',
    'Failure',
    'FieldFault',
    'FollowedChain',
    'HistoricBalance',
    'HistoricValue',
    'HistoryState',
    'Hop',
    'Id',
    'InvalidRequest',
    'Job',
    'Missing',
    'NotInTotal',
    'Offset',
    'OffsetBalance',
    'OffsetSummary',
    'PartOfPortfolio',
    'Portfolio',
    'PortfolioBalance',
    'PortfolioHeader',
    'PortfolioSummary',
    'PortfolioTransaction',
    'Problem',
    'RateSet',
    'Source',
    'SourceKey',
    'Status',
    'Tickers',
    'Transaction',
    'TransactionsState',
    'Unavailable',
    'Unconverted',
    'UnreadableRow',
    'UnreadableRows',
    'User',
    'Wallet',
    'WalletCredential',
    'WalletOfAddress',
    'WalletRef',
]
