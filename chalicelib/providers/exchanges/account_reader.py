"""What every reader of accounts implements, and what they share to read responses."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from chalicelib.config import settings
from chalicelib.domain import money
from chalicelib.domain.exchanges import EXCHANGES
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import AccountRefused
from chalicelib.providers.explorers.explorer import ODD_SHAPE, AddressReport
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_LONGEST_REFERENCE = 100
_BYTES_OF_NUMBERS = 8  # so many that no two ids of an account will ever have the same number
_UNNAMED = 'unnamed'  # the symbol of what a row does not name
_BEGAN, _FAR_FUTURE = 1_230_768_000, 4_102_444_800  # 2009-01-01 and 2100-01-01: no exchange lists anything before or after


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


def info_of(code: str, documentation: str) -> UpstreamInfo:
    """Return what users see of the API that accounts at a supported exchange are read from: what GET /api/wallets says of it."""
    exchange = EXCHANGES[code]
    return UpstreamInfo(f'{exchange.title} accounts', documentation, ('balances', 'transactions'), history=exchange.history)


def refuse_harmful(endpoint: Endpoint, rights: Collection[str]) -> None:
    """Raise AccountRefused, naming them, if a key has rights beyond reading, unless the operator takes such keys (`ALLOW_TRADING_KEYS`)."""
    if rights and not settings().allows_trading_keys:
        raise AccountRefused(endpoint.key, 'key_may_trade', ', '.join(sorted(rights)))


def amount(value: Any) -> Decimal:
    """Return an amount that an exchange wrote. Raises ValueError or ArithmeticError for what is no number, or longer than any amount."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('no amount')
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -money.MOST_DIGITS or number.adjusted() >= money.MOST_DIGITS:
        raise ValueError('no amount')
    return number


def amount_or_blank(value: Any) -> Decimal:
    """Return an amount that an exchange writes as an empty string where it does not apply. Raises as `amount` does for anything else."""
    return money.ZERO if value == '' else amount(value)


def reference_of(value: Any) -> str:
    """Return the name of an entry, which becomes a part of its key. Raises ValueError if it is no short word."""
    reference = str(value)
    if not (reference.isascii() and reference.isprintable() and ' ' not in reference and 0 < len(reference) <= _LONGEST_REFERENCE):
        raise ValueError('no reference')
    return reference


def number_of(entry_id: str) -> int:
    """Return what tells entries with the same reference apart, the same whenever they are read: made of their own ids."""
    return int.from_bytes(hashlib.sha256(entry_id.encode()).digest()[:_BYTES_OF_NUMBERS])


class RowFields(NamedTuple):
    """Where the rows of a list say what they are about: names of fields, or their places in rows that are lists.

    `ids` may name a row, `symbols` its currencies, whose codes `code_of` returns. `time_of` returns when it was made, and raises one of
    ODD_SHAPE where it does not say.
    """

    ids: Sequence[str | int]
    symbols: Sequence[str | int]
    code_of: Callable[[Any], str]
    time_of: Callable[[Any], int]

    def time(self, row: Any) -> int | None:
        """Return when a row was made, in epoch seconds, None if that cannot be read."""
        try:
            return _checked_time(self.time_of(row))
        except ODD_SHAPE:
            return None

    def unreadable(self, row: Any, error: Exception) -> list[Unreadable]:
        """Return that a row cannot be read, once for each currency that it names: its effect on these is missing."""
        reference = next((str(one) for name in self.ids if (one := _field(row, name))), 'unknown')[:_LONGEST_REFERENCE]
        symbols = [one for name in self.symbols if (one := _field(row, name))]
        codes = sorted({self.code_of(symbol) for symbol in symbols or [_UNNAMED]})
        at = self.time(row)
        return [Unreadable(code, reference, type(error).__name__, at, at) for code in codes]


def read_rows(
    rows: Iterable[Any], entries_of: Callable[[Any], Iterable[Entry]], unreadable_of: Callable[[Any, Exception], list[Unreadable]]
) -> tuple[list[Entry], list[Unreadable]]:
    """Return the entries of rows, and the rows that cannot be read, each of which costs only itself.

    `unreadable_of` returns what is missing with a row, given why it cannot be read; mostly that is `unreadable` of some RowFields.
    """
    entries: list[Entry] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            read = list(entries_of(row))
            for entry in read:
                _checked_time(entry.at)
        except ODD_SHAPE as error:
            unreadable += unreadable_of(row, error)
        else:
            entries += map(_without_rebate, read)
    return entries, unreadable


def _without_rebate(entry: Entry) -> Entry:
    """Return an entry of which nothing was paid where it has a negative fee, which is a part of the delta alone."""
    return entry._replace(fee=money.ZERO) if entry.fee is not None and entry.fee < 0 else entry


def crowded(instant: int, rows: Iterable[Any], fields: RowFields) -> list[Unreadable]:
    """Return an unreadable row per currency of rows that fill a page with one instant: further rows of that instant cannot be requested.

    `instant` is as the exchange writes it, in whichever unit.
    """
    codes = {row.currency for one in rows for row in fields.unreadable(one, ValueError())}
    return [Unreadable(code, f'all-of-{instant}', 'as many rows of one instant as a page has') for code in sorted(codes)]


class BalanceList(NamedTuple):
    """Rows that tell balances. `code_of` returns the currency of a row, `balance_of` what is held of it; each raises one of ODD_SHAPE."""

    rows: Iterable[Any]
    code_of: Callable[[Any], str]
    balance_of: Callable[[Any], Decimal]


class Balances(NamedTuple):
    """What an account holds, and the currencies of which that cannot be told, as a row of theirs cannot be read."""

    holdings: list[Holding]
    unreadable: list[Unreadable]

    @property
    def codes(self) -> set[str]:
        """The currencies that it holds or may hold."""
        return {held.currency for held in self.holdings} | {row.currency for row in self.unreadable}


def read_balances(*lists: BalanceList) -> Balances:
    """Return the balances that lists tell together; a currency may be in several rows.

    A row that cannot be read leaves the balance of its currency unknown. Raises one of ODD_SHAPE for a row that names none.
    """
    balances: list[tuple[str, Decimal]] = []
    unreadable: dict[str, Unreadable] = {}
    for each in lists:
        for row in each.rows:
            code = each.code_of(row)
            try:
                balances.append((code, each.balance_of(row)))
            except ODD_SHAPE as error:
                unreadable[code] = Unreadable(code, code, type(error).__name__)
    totals = money.total_by_currency((), ((code, balance) for code, balance in balances if code not in unreadable))
    holdings = [Holding(code, balance, sent=None, received=None, transactions=None) for code, balance in totals.items()]
    return Balances(holdings, [unreadable[code] for code in sorted(unreadable)])


def _field(row: Any, name: str | int) -> Any:
    try:
        return row[name]
    except ODD_SHAPE:
        return None


def _checked_time(at: int) -> int:
    if not _BEGAN <= at < _FAR_FUTURE:
        raise ValueError('no time')
    return at
