"""KuCoin: https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-ledgers-spot-margin

Each wallet has a ledger of its own: that of funding, and of the older trading accounts, is asked for day by day and reaches back a year;
those of the fast trading accounts reach back three days, and that of a unified account some more. So the entries of trading are those
from when the account was first read on. What is borrowed is taken off the balances, so that borrowing and repaying change nothing.
"""

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from chalicelib import clock
from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    Balances,
    RowFields,
    amount,
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

ENDPOINT = Endpoint('kucoin_accounts', 'https://api.kucoin.com', 50, server='kucoin')
_DOCUMENTATION = 'https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-ledgers-spot-margin'
INFO = info_of('kucoin', _DOCUMENTATION)

_NEEDED = 'General'
_EXCHANGE = SignedExchange(
    'kucoin',
    ENDPOINT,
    meanings=(
        ('"400002"', 'clock_differs'),
        ('"400003"', 'wrong_key'),
        ('"400004"', 'wrong_secret'),  # of the passphrase, which is signed with the secret, so that it may be either
        ('"400005"', 'wrong_secret'),
        ('"400006"', 'address_not_allowed'),
        ('"400007"', 'permission_missing'),
        ('"411100"', 'locked_out'),
        ('"429000"', 'limited'),
        ('"500000"', 'out'),
    ),
    needed=_NEEDED,
    wants_time=True,
)
# What is in the list of accounts: where deposits arrive, and the two kinds of trading account. Margin is there too, without its debts.
_LISTED = {'main', 'trade', 'trade_hf'}
_LISTED_WITH_DEBTS = {'margin', 'margin_v2', 'isolated', 'isolated_v2'}
_PATH, _UNIFIED = 'private', 'utaPrivate'  # as ccxt calls the two kinds of path
_DAY_MS = 86_400_000  # of which a page of the funding ledger tells, at most
_FUNDING_MS = 364 * _DAY_MS
_FUNDING_PAGE, _TRADING_PAGE = 500, 200  # at most
_LISTED_SECONDS = 129_600  # a day and a half of the three days, so that an account that is read each day has all
_KINDS_OF_ACCOUNT = {'MAIN', 'TRADE', 'TRADE_HF', 'MARGIN', 'MARGIN_V2', 'ISOLATED', 'ISOLATED_V2', 'UNIFIED'}
_OF_DEBTS = ('borrow', 'debt repayment')
_IS_INCOMING = {'in': True, 'out': False}
_NANOSECONDS = 10**17  # from here on

Row = Mapping[str, Any]


class KucoinReader:
    """One account at KuCoin."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        names = {'apiKey': 'key', 'secret': 'secret', 'password': 'password'}
        self._client = SigningClient(_EXCHANGE, {theirs: credentials[ours] for theirs, ours in names.items()})

    def check(self, http: Http) -> str:
        """See AccountReader."""
        answer = self._ask(http, 'user/api-key')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            permissions = {name.strip() for name in answer['permission'].split(',')}
            user_id = str(answer['uid'])
        if _NEEDED not in permissions:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, permissions - {_NEEDED})
        return user_id

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is reserved for orders is in the balances, and what was borrowed is taken off."""
        mode = self._ask(http, 'account/mode', api=_UNIFIED)
        with expected_shape(ENDPOINT, 'the mode of an account'):
            is_unified = mode['selfAccountMode'] == 'UNIFIED'
        balances = self._unified_balances(http) if is_unified else self._classic_balances(http)
        lists = [EntryList('funding', partial(self._funding, http))]
        if is_unified:
            lists.append(EntryList('unified', partial(self._trading, http, 'account/ledger', _UNIFIED)))
        else:
            lists.append(EntryList('trading', partial(self._trading, http, 'hf/accounts/ledgers', _PATH)))
            lists.append(EntryList('margin', partial(self._trading, http, 'hf/margin/account/ledgers', _PATH)))
        now = clock.now()
        return AddressReport(
            balances.holdings,
            merged_pages(lists, resume, now),
            balances.unreadable,
            listed_up_to=begun_at(resume, now),
            listed_from=now - _LISTED_SECONDS,
        )

    def _classic_balances(self, http: Http) -> Balances:
        listed = self._ask(http, 'accounts')
        cross = self._ask(http, 'margin/accounts', {'queryType': 'ALL'})
        isolated = self._ask(http, 'isolated/accounts', {'queryType': 'ALL'})
        with expected_shape(ENDPOINT, 'balances'):
            pairs = [row[side] for row in isolated['assets'] for side in ('baseAsset', 'quoteAsset')]
            return read_balances(
                BalanceList(listed, _currency, _plain_balance),
                BalanceList([*cross['accounts'], *pairs], _currency, lambda row: _without_debt(row, amount(row['total']))),
            )

    def _unified_balances(self, http: Http) -> Balances:
        funding = self._ask(http, 'account/balance', {'accountType': 'FUNDING'}, _UNIFIED)
        unified = self._ask(http, 'unified/account/balance', api=_UNIFIED)
        with expected_shape(ENDPOINT, 'balances'):
            rows = [row for answer in (funding, unified) for account in answer['accounts'] for row in account['currencies']]
            return read_balances(BalanceList(rows, _currency, lambda row: _without_debt(row, amount(row['balance']))))

    def _funding(self, http: Http, position: str | None) -> Page:
        """Return a page of a day. A position is the millisecond at which the day ends, and the number of the page."""
        now = clock.now_ms()
        end, number = (now, 1) if position is None else tuple(map(int, position.split(':')))
        if end <= now - _FUNDING_MS:  # a download that is resumed days later
            return Page([], None, listed_above=end // 1_000)
        begin = end - _DAY_MS
        params = {'startAt': str(begin), 'endAt': str(end), 'currentPage': str(number), 'pageSize': str(_FUNDING_PAGE)}
        answer = self._ask(http, 'accounts/ledgers', params)
        with expected_shape(ENDPOINT, 'a ledger'):
            rows, is_last = list(answer['items']), number >= int(answer['totalPage'])
        entries, unreadable = read_rows(rows, _entries, _FIELDS.unreadable)
        if not is_last:
            return Page(entries, f'{end}:{number + 1}', unreadable, end // 1_000)
        return Page(entries, f'{begin}:1' if begin > now - _FUNDING_MS else None, unreadable, begin // 1_000)

    def _trading(self, http: Http, path: str, api: str, position: str | None) -> Page:
        """Return the entries before the one that `position` is the id of."""
        sizes = {'accountType': 'UNIFIED', 'pageSize': str(_TRADING_PAGE)} if api == _UNIFIED else {'limit': str(_TRADING_PAGE)}
        answer = self._ask(http, path, sizes | ({} if position is None else {'lastId': position}), api)
        with expected_shape(ENDPOINT, 'a ledger'):
            rows = list(answer['items'] if isinstance(answer, dict) else answer)
            last = str(rows[-1]['id']) if len(rows) == _TRADING_PAGE else None
        entries, unreadable = read_rows(rows, _entries, _FIELDS.unreadable)
        return Page(entries, last, unreadable)

    def _ask(self, http: Http, path: str, params: Mapping[str, Any] | None = None, api: str = _PATH) -> Any:
        answer = self._client.ask(http, 'GET', path, params, api)
        with expected_shape(ENDPOINT, 'an answer'):
            return answer['data']


def _plain_balance(row: Row) -> Decimal:
    """Return what an account of the list holds, nothing of what is counted elsewhere.

    Raises ValueError for one of an unknown kind, which may be counted elsewhere or not.
    """
    balance = amount(row['balance'])
    if row['type'] in _LISTED:
        return balance
    if balance and row['type'] not in _LISTED_WITH_DEBTS:
        raise ValueError('unknown account')
    return money.ZERO


def _without_debt(row: Row, total: Decimal) -> Decimal:
    """Return a balance less what is owed; some kinds of account tell interest apart, in the others it is a part of the liability."""
    owed = money.add(amount(row['liability']), amount(row.get('interest', money.ZERO)))
    return money.subtract(total, owed)


def _entries(row: Row) -> list[Entry]:
    """Return one change of a balance, fee included, or none. A trade has two, one for each currency, with the same reference."""
    kind = str(row.get('bizType') or row['businessType']).lower()
    if row['accountType'] not in _KINDS_OF_ACCOUNT or any(word in kind for word in _OF_DEBTS):
        return []
    at, moved, trade = _time(row), amount(row['amount']), _context(row).get('tradeId')
    delta = moved if _IS_INCOMING[row['direction'].lower()] else money.negate(moved)
    reference = reference_of(f'trade-{trade}' if trade else row['id'])
    fee = amount(row['fee'])
    return [Entry(reference, number_of(str(row['id'])), _code(row['currency']), delta, fee, at, at)]


def _context(row: Row) -> Mapping[str, Any]:
    """Return what a row says about itself, if it does so in JSON."""
    try:
        context = json.loads(row.get('context') or row.get('remark') or '')
    except ValueError:
        return {}
    return context if isinstance(context, dict) else {}


def _time(row: Row) -> int:
    instant = int(row.get('createdAt') or row['ts'])
    return instant // (10**9 if instant > _NANOSECONDS else 1_000)


def _currency(row: Row) -> str:
    return _code(row['currency'])


def _code(symbol: Any) -> str:
    return exchanges.code_of('kucoin', str(symbol).upper())


_FIELDS = RowFields(('id',), ('currency',), _code, _time)
