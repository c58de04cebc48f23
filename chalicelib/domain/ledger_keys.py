"""The keys of ledgers: what a ledger belongs to, and the text under which the table stores it. Pure.

The only module that builds or parses these texts. Messages, watches and encryption contexts carry the text; code that
needs a chain, an address or an account takes the typed key.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import ClassVar

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS, Chain

_PREFIX = 'LEDGER#'
_ACCOUNT = 'ACCOUNT'  # in the place of a currency: their codes are lower case, so none of them reads like this
_HD_WALLET_NAME = 'wallet-'
_HD_WALLET_DIGITS = 40
_CHANGEABLE_SECONDS = 7 * 86_400
DIGEST_BYTES = 8  # of the ten thousand addresses of an HD wallet and those of a portfolio, no two have the same


@lru_cache
def _coin_and_tokens(coin: str) -> frozenset[str]:
    return currencies.token_codes_on(coin) | {coin}


class LedgerKind(Enum):
    """What a ledger belongs to, which decides how it is refreshed."""

    ADDRESS = 'address'
    HD_WALLET = 'hd_wallet'
    ACCOUNT = 'account'


@dataclass(frozen=True)
class AddressKey:
    """A blockchain address in its canonical spelling: `LEDGER#btc#bc1q…`."""

    kind: ClassVar = LedgerKind.ADDRESS
    may_owe: ClassVar = False  # whether it may hold less than nothing
    is_whole_without_past: ClassVar = False  # whether what lists no transactions tells all of its balances

    currency: str
    address: str

    @property
    def text(self) -> str:
        return f'{_PREFIX}{self.currency}#{self.address}'

    @property
    def chain(self) -> Chain:
        return CHAINS[self.currency]

    @property
    def subject(self) -> str:
        """What an explorer is asked about."""
        return self.address

    @property
    def reorganisation(self) -> int:
        """How far below the newest entry others may still change, in blocks."""
        return self.chain.reorganisation

    @property
    def coin(self) -> str:
        """The coin of its chain, which it always holds, be it zero."""
        return self.currency

    @property
    def holdable(self) -> frozenset[str]:
        """The currencies that the address can hold: its chain's coin, and the catalogue's tokens there."""
        return _coin_and_tokens(self.currency)


@dataclass(frozen=True)
class HdWalletKey:
    """The addresses of an HD wallet, which the name does not reveal: `LEDGER#btc#wallet-<40 hexadecimal digits>`."""

    kind: ClassVar = LedgerKind.HD_WALLET
    may_owe: ClassVar = False
    is_whole_without_past: ClassVar = False

    currency: str
    name: str

    @classmethod
    def of_secret(cls, currency: str, secret: str) -> 'HdWalletKey':
        """Return the key of the HD wallet that a secret text identifies: its name is a digest of both."""
        digest = hashlib.sha256(f'{currency}{secret}'.encode()).hexdigest()
        return cls(currency, _HD_WALLET_NAME + digest[:_HD_WALLET_DIGITS])

    @property
    def text(self) -> str:
        return f'{_PREFIX}{self.currency}#{self.name}'

    @property
    def chain(self) -> Chain:
        return CHAINS[self.currency]

    @property
    def coin(self) -> str:
        """The coin of its chain, as of an address."""
        return self.currency

    @property
    def holdable(self) -> frozenset[str]:
        """The currencies that an HD wallet can hold: its chain's coin only."""
        return frozenset((self.currency,))


@dataclass(frozen=True)
class AccountKey:
    """An account at an exchange, which belongs to one portfolio: `LEDGER#ACCOUNT#<user id>#<000001>#<000012>`. It has no chain."""

    kind: ClassVar = LedgerKind.ACCOUNT
    may_owe: ClassVar = True
    is_whole_without_past: ClassVar = True

    user_id: str
    portfolio_id: int
    account_id: int

    @property
    def text(self) -> str:
        return f'{_PREFIX}{_ACCOUNT}#{self.user_id}#{self.portfolio_id:06}#{self.account_id:06}'

    @property
    def subject(self) -> str:
        """What an exchange is asked about: nothing but what the credentials are for."""
        return self.text

    @property
    def reorganisation(self) -> int:
        """How far before the newest entry others may still change, in seconds: those of an account have their time as height."""
        return _CHANGEABLE_SECONDS

    @property
    def coin(self) -> None:
        """The coin of its chain: it has none."""
        return None

    @property
    def holdable(self) -> None:
        """The currencies that an account can hold: any."""
        return None


LedgerKey = AddressKey | HdWalletKey | AccountKey


@lru_cache(4_096)  # one request or message asks for the key of the same ledger again and again
def parse(text: str) -> LedgerKey:
    """Return the key that a text stands for; `parse(text).text == text`. Raises ValueError if it is not a ledger's key.

    parse('LEDGER#btc#bc1qxyz') == AddressKey('btc', 'bc1qxyz')
    """
    match text.removeprefix(_PREFIX).split('#') if is_ledger_key(text) else ():
        case [scope, user_id, portfolio_id, account_id] if scope == _ACCOUNT and (portfolio_id + account_id).isdecimal():
            return AccountKey(user_id, int(portfolio_id), int(account_id))
        case [currency, name] if name.startswith(_HD_WALLET_NAME):
            return HdWalletKey(currency, name)
        case [currency, address] if currency != _ACCOUNT:
            return AddressKey(currency, address)
    raise ValueError('not the key of a ledger')


def short_digest(text: str) -> bytes:
    """Return the few bytes by which an HD wallet remembers the ledger with this key as one of its own."""
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]


def is_account_key(text: str) -> bool:
    """Return whether a partition key of the table is that of an account's ledger."""
    return text.startswith(f'{_PREFIX}{_ACCOUNT}#')


def is_ledger_key(text: str) -> bool:
    """Return whether a partition key of the table is a ledger's."""
    return text.startswith(_PREFIX)
