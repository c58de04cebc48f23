"""OKX: https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-3-months

The trading account lists bills of three months, the funding account those since 2021, and Simple Earn what it earned in a month. What moves
between the accounts is in the bills of both, and what moves to Simple Earn and back in those of the funding account alone. The lists that
reach far back are some seconds late. Keys of my.okx.com and app.okx.com are those of other servers, which this one does not know.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from chalicelib import clock
from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    RowFields,
    amount,
    amount_or_blank,
    crowded,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
    refuse_harmful,
)
from chalicelib.providers.exchanges.merging import EntryList, begun_at, merged_pages
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('okx_accounts', 'https://www.okx.com', 100, server='okx')
_DOCUMENTATION = 'https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-3-months'
INFO = info_of('okx', _DOCUMENTATION)

_NEEDED = 'Read'
_READ_ONLY = 'read_only'
_EXCHANGE = SignedExchange(
    'okx',
    ENDPOINT,
    meanings=(
        ('"50102"', 'clock_differs'),
        ('"50112"', 'clock_differs'),
        ('"50105"', 'wrong_passphrase'),
        ('"50113"', 'wrong_secret'),
        ('"50111"', 'wrong_key'),
        ('"50119"', 'wrong_key'),
        ('"50110"', 'address_not_allowed'),
        ('"50030"', 'permission_missing'),
        ('"50120"', 'permission_missing'),
        ('"50011"', 'limited'),  # counted by account
        ('"50040"', 'limited'),
        ('"50061"', 'limited'),
        ('"50001"', 'out'),
        ('"50004"', 'out'),
        ('"50013"', 'out'),
        ('"50026"', 'out'),
    ),
    needed=_NEEDED,
    wants_time=True,
)
_PAGE = 100  # at most, everywhere
_LISTED_SECONDS = 28 * 86_400  # by all lists, for certain
_SECONDS_PER_PAGE = 1  # of the bills since 2021
_BY_BILL = {'pagingType': '2'}
_TO_OR_FROM_EARN = {'75', '76'}  # subscription and redemption

Row = Mapping[str, Any]


class OkxReader:
    """One account at OKX."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        named = {'apiKey': credentials['key'], 'secret': credentials['secret'], 'password': credentials['password']}
        self._client = SigningClient(_EXCHANGE, named)

    def check(self, http: Http) -> str:
        """See AccountReader."""
        answer = self._ask(http, 'account/config')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            [account] = answer
            rights = {right.strip() for right in account['perm'].split(',')} - {''}
            user_id = str(account['uid'])
        if _READ_ONLY not in rights:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, rights - {_READ_ONLY})
        return user_id

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. Of the trading account the cash counts: with what orders hold back, less what is borrowed.

        Where something is borrowed with isolated margin, the balance of that currency is unknown.
        """
        trading = self._ask(http, 'account/balance')
        funding = self._ask(http, 'asset/balances')
        lent = self._ask(http, 'finance/savings/balance')
        with expected_shape(ENDPOINT, 'balances'):
            [account] = trading
            balances = read_balances(
                BalanceList(account['details'], _code, _cash),
                BalanceList(funding, _code, lambda row: amount(row['bal'])),
                BalanceList(lent, _code, lambda row: amount(row['amt'])),
            )
        lists = [
            EntryList('trading now', partial(self._newest, http, 'account/bills', _trading_entries)),
            EntryList('trading', partial(self._bills, http, 'account/bills-archive', {}, _trading_entries)),
            EntryList('funding now', partial(self._newest, http, 'asset/bills', _funding_entries)),
            EntryList('funding', partial(self._all_funding_bills, http)),
            EntryList('earned', partial(self._earnings, http)),
        ]
        now = clock.now()
        return AddressReport(
            balances.holdings,
            merged_pages(lists, resume, now),
            balances.unreadable,
            listed_up_to=begun_at(resume, now),
            listed_from=now - _LISTED_SECONDS,
        )

    def _newest(self, http: Http, path: str, entries_of: Callable[[Row], list[Entry]], _: str | None) -> Page:
        """Return the newest bills, which the other list of them may lack."""
        return self._bills(http, path, {}, entries_of, None)._replace(resume=None)

    def _all_funding_bills(self, http: Http, position: str | None) -> Page:
        if position is not None and ENDPOINT.interval_ms:
            http.pause(_SECONDS_PER_PAGE)
        return self._bills(http, 'asset/bills-history', _BY_BILL, _funding_entries, position)

    def _bills(
        self, http: Http, path: str, params: Mapping[str, str], entries_of: Callable[[Row], list[Entry]], position: str | None
    ) -> Page:
        """Return the bills after the one that `position` is the id of."""
        after = {} if position is None else {'after': position}
        rows = self._ask(http, path, {'limit': str(_PAGE), **params, **after})
        with expected_shape(ENDPOINT, 'bills'):
            last = str(rows[-1]['billId']) if len(rows) == _PAGE else None
        entries, unreadable = read_rows(rows, entries_of, _FIELDS.unreadable)
        return Page(entries, last, unreadable)

    def _earnings(self, http: Http, position: str | None) -> Page:
        """Return what Simple Earn earned up to the millisecond `position`. Several currencies have the same, so that it is listed twice."""
        after = {} if position is None else {'after': str(int(position) + 1)}
        rows = self._ask(http, 'finance/savings/lending-history', {'limit': str(_PAGE), **after})
        entries, unreadable = read_rows(rows, _earned, _EARNING_FIELDS.unreadable)
        if len(rows) < _PAGE:
            return Page(entries, None, unreadable)
        with expected_shape(ENDPOINT, 'earnings'):
            oldest = min(int(row['ts']) for row in rows if _EARNING_FIELDS.time(row) is not None)
        if str(oldest) == position:
            unreadable += crowded(oldest, rows, _EARNING_FIELDS)
            oldest -= 1
        return Page(entries, str(oldest), unreadable)

    def _ask(self, http: Http, path: str, params: Mapping[str, str] | None = None) -> list[Any]:
        answer = self._client.ask(http, 'GET', path, params)
        with expected_shape(ENDPOINT, 'an answer'):
            return list(answer['data'])


def _cash(row: Row) -> Decimal:
    """Return the cash of a currency, less what is borrowed. Raises ValueError for debts of isolated margin: nothing says that these are."""
    if amount_or_blank(row['isoLiab']):
        raise ValueError('a debt of isolated margin')
    return amount(row['cashBal'])


def _trading_entries(row: Row) -> list[Entry]:
    """Return one change of a balance, fee included. A trade has two, one for each currency, with the same reference."""
    fee = amount_or_blank(row['fee'])
    reference = f'trade-{row["tradeId"]}' if row.get('tradeId') not in (None, '', '0') else row['billId']
    return [_entry(row, reference, row['billId'], row['balChg'], money.negate(fee))]


def _funding_entries(row: Row) -> list[Entry]:
    """Return a change of the funding account, and that of Simple Earn which makes up for it."""
    entry = _entry(row, row['billId'], row['billId'], row['balChg'])
    if str(row['type']) not in _TO_OR_FROM_EARN:
        return [entry]
    return [entry, entry._replace(n=number_of(f'{row["billId"]} earn'), delta=money.negate(entry.delta))]


def _earned(row: Row) -> list[Entry]:
    return [_entry(row, f'earned-{row["ccy"]}-{row["ts"]}', row['ts'], row['earnings'])]


def _entry(row: Row, reference: str, entry_id: str, moved: Any, fee: Any = 0) -> Entry:
    at = _time(row)
    return Entry(reference_of(reference), number_of(entry_id), _code(row), amount(moved), amount(fee), at, at)


def _code(row: Row) -> str:
    return _code_of(row['ccy'])


def _code_of(symbol: Any) -> str:
    return exchanges.code_of('okx', str(symbol).upper())


def _time(row: Row) -> int:
    return int(row['ts']) // 1_000


_FIELDS = RowFields(('billId',), ('ccy',), _code_of, _time)
_EARNING_FIELDS = _FIELDS._replace(ids=('ts',))
