"""What every reader of accounts implements, and what they share to read responses."""

import zlib
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Protocol

from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import AccountRefused
from chalicelib.providers.explorers.explorer import AddressReport
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_LONGEST_REFERENCE = 100
_MOST_N = 1_000_000  # of entries with the same reference and time


class AccountReader(Protocol):
    """Reads one account with its credentials, as an Explorer reads addresses: `height` of an entry is its time, `address` means nothing."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def counts_p2pk(self) -> bool: ...

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the credentials are wrong, or may do more or less than they should. Raises Upstream."""

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """Return a report on the account, with the entries after `resume` of an earlier page, or all of them, newest first.

        Raises AccountRefused, AccountLimited, Upstream; reading `pages` raises them too.
        """


def refuse_harmful(endpoint: Endpoint, rights: Collection[str]) -> None:
    """Raise AccountRefused, naming them, if a key has rights beyond reading, unless the operator takes such keys (`ALLOW_TRADING_KEYS`)."""
    if rights and not settings().allows_trading_keys:
        raise AccountRefused(endpoint.key, 'key_may_trade', ', '.join(sorted(rights)))


def amount(value: Any) -> Decimal:
    """Return an amount that an exchange wrote. Raises ValueError or ArithmeticError for anything that is no finite decimal number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('no amount')
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError('no amount')
    return number


def reference_of(value: Any) -> str:
    """Return the name of an entry, which becomes a part of its key. Raises ValueError if it is no short word."""
    reference = str(value)
    if not (reference.isascii() and reference.isprintable() and ' ' not in reference and 0 < len(reference) <= _LONGEST_REFERENCE):
        raise ValueError('no reference')
    return reference


def number_of(entry_id: str) -> int:
    """Return what tells entries with the same reference apart, the same whenever they are read: made of their own ids."""
    return zlib.crc32(entry_id.encode()) % _MOST_N


def balances_alone(balances: Iterable[tuple[str, Decimal]]) -> AddressReport:
    """Return a report of balances by the codes of their currencies, which may come several times, without entries."""
    totals = money.total_by_currency((), balances)
    holdings = [Holding(code, balance, sent=None, received=None, transactions=None) for code, balance in totals.items()]
    return AddressReport(holdings, iter(()))
