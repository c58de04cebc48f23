"""Coinbase: https://docs.cdp.coinbase.com/coinbase-app/track-apis/transactions

An account has a wallet for each currency, portfolio, vault and kind of staking, and each wallet a list of transactions of its own. What
is not completed yet has not moved anything. The commission of a fill is not in its amounts: it is taken from the currency that the other
is priced in, and told with both halves, for certain with the one of the other currency.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib import clock
from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused, Upstream
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    RowFields,
    amount,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
    refuse_harmful,
)
from chalicelib.providers.exchanges.merging import EntryList, merged_pages
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('coinbase_accounts', 'https://api.coinbase.com', 50, server='coinbase')
_DOCUMENTATION = 'https://docs.cdp.coinbase.com/coinbase-app/track-apis/transactions'
INFO = info_of('coinbase', _DOCUMENTATION)

_NEEDED = 'View'
_RIGHT = 'can_'
_READS = {'view', 'receive'}  # to receive is to make addresses for deposits
_EXCHANGE = SignedExchange(
    'coinbase',
    ENDPOINT,
    meanings=(
        ('request timestamp expired', 'clock_differs'),
        ('PERMISSION_DENIED', 'permission_missing'),
        ('invalid_scope', 'permission_missing'),
        ('UNAUTHENTICATED', 'credentials_refused'),
        ('authentication_error', 'credentials_refused'),
        ('invalid_token', 'credentials_refused'),
        ('unauthorized', 'credentials_refused'),
        ('rate_limit_exceeded', 'limited'),
        ('resource_exhausted', 'limited'),
        ('internal_server_error', 'out'),
    ),
    needed=_NEEDED,
    bare_401='credentials_refused',
    wants_time=True,
)
_APP, _ADVANCED = 'v2 private', 'v3 private'
_PAGE = 100
_MOST_PAGES_OF_WALLETS = 50
_FILL = 'advanced_trade_fill'
# What rows of different wallets have in common that are one trade, by the type of row: a field of the object of that name.
_COMMON = {_FILL: 'order_id', 'trade': 'id', 'buy': 'id', 'sell': 'id'}


class CoinbaseReader:
    """One account at Coinbase."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        secret = credentials['secret'].replace('\\n', '\n')  # as in the JSON that Coinbase gives keys out in
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': secret})

    def check(self, http: Http) -> str | None:
        """See AccountReader. A key may receive too, and is of one portfolio."""
        answer = self._client.ask(http, 'GET', 'brokerage/key_permissions', api=_ADVANCED)
        with expected_shape(ENDPOINT, 'the rights of a key'):
            rights = {name.removeprefix(_RIGHT) for name, value in answer.items() if name.startswith(_RIGHT) and value is not False}
            may_view = bool(answer['can_view'])
        if not may_view:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, rights - _READS)
        return answer.get('portfolio_uuid') or None

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is on hold for orders is in the balances."""
        wallets = list(self._wallets(http))
        with expected_shape(ENDPOINT, 'balances'):
            balances = read_balances(BalanceList(wallets, lambda row: _code(row['balance']), lambda row: amount(row['balance']['amount'])))
            lists = [EntryList(reference_of(row['id']), partial(self._page, http, row)) for row in wallets]
        return AddressReport(balances.holdings, merged_pages(lists, resume, clock.now()), balances.unreadable)

    def _wallets(self, http: Http) -> Iterator[Mapping[str, Any]]:
        position = None
        for _ in range(_MOST_PAGES_OF_WALLETS):
            rows, position = self._rows(http, 'accounts', {}, position)
            yield from rows
            if position is None:
                return
        raise Upstream(ENDPOINT.key, 'lists more wallets than there are currencies')

    def _page(self, http: Http, wallet: Mapping[str, Any], position: str | None) -> Page:
        rows, position = self._rows(http, 'accounts/{account_id}/transactions', {'account_id': wallet['id']}, position)
        with expected_shape(ENDPOINT, 'a wallet'):
            code = _code(wallet['balance'])
        fields = RowFields(('id',), (), lambda _: code, _time)
        entries, unreadable = read_rows(rows, _entries, fields.unreadable)
        return Page(entries, position, unreadable)

    def _rows(self, http: Http, path: str, params: Mapping[str, Any], position: str | None) -> tuple[list[Any], str | None]:
        """Return a page of a list, and the position of the next one."""
        paging = {'limit': _PAGE} | ({} if position is None else {'starting_after': position})
        answer = self._client.ask(http, 'GET', path, {**params, **paging}, _APP)
        with expected_shape(ENDPOINT, 'a list'):
            next_uri = answer['pagination']['next_uri']
            return list(answer['data']), parse_qs(urlsplit(next_uri).query)['starting_after'][0] if next_uri else None


def _entries(row: Mapping[str, Any]) -> list[Entry]:
    """Return the changes of balances that a row tells: none until it is completed, two of the half of a fill that has the commission."""
    if row['status'] != 'completed':
        return []
    kind, at = row['type'], _time(row)
    moved = row['amount']
    common = row[kind].get(_COMMON[kind]) if isinstance(row.get(kind), dict) and kind in _COMMON else None
    reference = reference_of(common or row['id'])
    delta = amount(moved['amount'])
    entries = [Entry(reference, number_of(row['id']), _code(moved), delta, _network_fee(row, delta), at, at)]
    if kind == _FILL:
        base, quote = row[kind]['product_id'].split('-')
        commission = amount(row[kind]['commission']) if moved['currency'] == base else money.ZERO
        if commission:
            number = number_of(f'{row["id"]} commission')
            entries.append(Entry(reference, number, exchanges.code_of('coinbase', quote), money.negate(commission), commission, at, at))
    return entries


def _network_fee(row: Mapping[str, Any], delta: Decimal) -> Decimal:
    """Return the fee that is a part of an amount sent, in its currency."""
    fee = (row.get('network') or {}).get('transaction_fee')
    return amount(fee['amount']) if delta < 0 and fee and fee['currency'] == row['amount']['currency'] else money.ZERO


def _code(money_row: Mapping[str, Any]) -> str:
    return exchanges.code_of('coinbase', str(money_row['currency']).upper())


def _time(row: Mapping[str, Any]) -> int:
    return int(datetime.fromisoformat(row['created_at']).timestamp())
