"""What every reader of accounts implements, and what they share to read responses."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from chalicelib.config import settings
from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import AccountRefused
from chalicelib.providers.explorers.explorer import ODD_SHAPE, AddressReport
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_LONGEST_REFERENCE = 100
_BYTES_OF_NUMBERS = 8  # so many that no two ids of an account will ever have the same number


class AccountReader(Protocol):
    """Reads one account with its credentials, as an Explorer reads addresses: `height` of an entry is its time, `address` means nothing."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def counts_p2pk(self) -> bool: ...

    def check(self, http: Http) -> str | None:
        """Return what the exchange calls the account that the credentials are of, None if it does not say.

        Raises AccountRefused if they are wrong, or may do more or less than they should, and Upstream.
        """

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


def fee_paid(fee: Decimal) -> Decimal:
    """Return what was paid of a fee: nothing of a negative one, which is a rebate, and a part of the delta alone."""
    return max(fee, money.ZERO)


def reference_of(value: Any) -> str:
    """Return the name of an entry, which becomes a part of its key. Raises ValueError if it is no short word."""
    reference = str(value)
    if not (reference.isascii() and reference.isprintable() and ' ' not in reference and 0 < len(reference) <= _LONGEST_REFERENCE):
        raise ValueError('no reference')
    return reference


def number_of(entry_id: str) -> int:
    """Return what tells entries with the same reference apart, the same whenever they are read: made of their own ids."""
    return int.from_bytes(hashlib.sha256(entry_id.encode()).digest()[:_BYTES_OF_NUMBERS])


def read_rows(
    exchange: str, rows: Iterable[Any], entries_of: Callable[[Any], Iterable[Entry]], *, ids: Sequence[str], symbols: Sequence[str]
) -> tuple[list[Entry], list[Unreadable]]:
    """Return the entries of rows, and the rows that cannot be read, each as missing from the currencies that it names.

    `ids` are the fields that may name a row, `symbols` those that may name its currencies.
    """
    entries: list[Entry] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            entries += entries_of(row)
        except ODD_SHAPE as error:
            fields = row if isinstance(row, dict) else {}
            reference = str(next((fields[name] for name in ids if fields.get(name)), 'unknown'))
            codes = {exchanges.code_of(exchange, str(fields[name]).upper()) for name in symbols if fields.get(name)}
            unnamed = exchanges.code_of(exchange, 'unnamed')
            unreadable += [Unreadable(code, reference, type(error).__name__) for code in sorted(codes) or [unnamed]]
    return entries, unreadable


def summed(balances: Iterable[tuple[str, Decimal]]) -> list[Holding]:
    """Return what is held of each currency, given balances by the codes of currencies, which may come several times."""
    totals = money.total_by_currency((), balances)
    return [Holding(code, balance, sent=None, received=None, transactions=None) for code, balance in totals.items()]
