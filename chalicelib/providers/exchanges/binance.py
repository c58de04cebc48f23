"""Binance: https://developers.binance.com/docs/wallet/asset/user-assets

There is no ledger of an account; what is listed of its past is in binance_lists. What is in flexible Simple Earn appears a second time in
the spot wallet, as `LDBTC` for `BTC`.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from chalicelib import clock
from chalicelib.domain import exchanges, money
from chalicelib.errors import AccountRefused, Upstream
from chalicelib.providers.exchanges import binance_lists
from chalicelib.providers.exchanges.account_reader import BalanceList, amount, info_of, read_balances, refuse_harmful
from chalicelib.providers.exchanges.binance_lists import LISTINGS, Listing
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.exchanges.windows import Rows, Source, Window, WindowPosition, read_pages
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('binance_accounts', 'https://api.binance.com', 100, server='binance')
_DOCUMENTATION = 'https://developers.binance.com/docs/wallet/asset/user-assets'
INFO = info_of('binance', _DOCUMENTATION)

_NEEDED = 'Enable Reading'
_HARMLESS = {'enableReading', 'enableFixReadOnly'}
_EXCHANGE = SignedExchange(
    'binance',
    ENDPOINT,
    meanings=(
        ('"code":-2015', 'key_refused'),  # it is unknown, or not allowed this, or not from our address
        ('"code":-2008', 'wrong_key'),
        ('"code":-1022', 'wrong_secret'),
        ('"code":-1021', 'clock_differs'),
        ('"code":-1002', 'permission_missing'),
        ('"code":-1003', 'throttled'),  # counted by address
        ('"code":-1000', 'out'),
        ('"code":-1001', 'out'),
        ('"code":-1007', 'out'),
        ('"code":-1008', 'out'),
    ),
    needed=_NEEDED,
    wants_time=True,
)
_PAGE = 100
_MOST_PAGES_OF_POSITIONS = 50
_PARTS = ('free', 'locked', 'freeze', 'withdrawing')
_LENT = 'LD'
_RECENT_SECONDS = 14 * 86_400  # more than the week that is read again at each refresh


class BinanceReader:
    """One account at Binance."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, cannot read, or may do more than read."""
        answer = self._client.ask(http, 'GET', 'account/apiRestrictions', api='sapi')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            rights = {name for name, is_given in answer.items() if is_given is True and name.startswith(('enable', 'permits'))}
        if 'enableReading' not in rights:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, rights - _HARMLESS)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is locked, frozen or being withdrawn is in the balances."""
        position = WindowPosition.parse(resume, clock.now())
        spot = self._client.ask(http, 'POST', 'asset/getUserAsset', api='sapiV3')
        funding = self._client.ask(http, 'POST', 'asset/get-funding-asset', api='sapi')
        flexible = self._positions(http, 'flexible')
        locked = self._positions(http, 'locked')
        with expected_shape(ENDPOINT, 'balances'):
            lent = {f'{_LENT}{row["asset"]}' for row in flexible}
            held = [row for row in spot if row['asset'] not in lent]
            balances = read_balances(
                BalanceList((*held, *funding), _code, _held),
                BalanceList(flexible, _code, lambda row: amount(row['totalAmount'])),
                BalanceList(locked, _code, lambda row: amount(row['amount'])),
            )
        codes = {*balances.codes, *held_codes}
        recent = max(position.until - _RECENT_SECONDS, binance_lists.BEGAN)
        windows = (Window(recent, position.until), Window(binance_lists.BEGAN, recent))
        past = _Past(self._client, http, codes, binance_lists.Pace(is_resumed=resume is not None))
        sources: list[Source] = [*(partial(past.listed, listing) for listing in LISTINGS), past.trades]
        return AddressReport(balances.holdings, read_pages(sources, windows, position), balances.unreadable, listed_up_to=position.until)

    def _positions(self, http: Http, kind: str) -> list[Any]:
        """Return all positions in Simple Earn of a kind. Raises Upstream when their number changes while they are read."""
        rows, total = self._page(http, kind, 1)
        totals = {total}
        for number in range(2, _MOST_PAGES_OF_POSITIONS + 1):
            if len(rows) >= total or len(rows) < (number - 1) * _PAGE:
                break
            more, now = self._page(http, kind, number)
            totals.add(now)
            rows += more
        if totals != {len(rows)}:
            raise Upstream(ENDPOINT.key, 'returned more or fewer positions than there are')
        return rows

    def _page(self, http: Http, kind: str, page: int) -> tuple[list[Any], int]:
        answer = self._client.ask(http, 'GET', f'simple-earn/{kind}/position', {'current': page, 'size': _PAGE}, api='sapi')
        with expected_shape(ENDPOINT, 'positions'):
            return list(answer['rows']), int(answer['total'])


class _Past:
    """What is listed of an account's past; the currencies of what is listed are added to those whose trades are asked for."""

    def __init__(self, client: SigningClient, http: Http, codes: set[str], pace: binance_lists.Pace) -> None:
        self._client = client
        self._http = http
        self._codes = codes
        self._pace = pace

    def listed(self, listing: Listing, window: Window, cursor: str | None) -> Rows:
        pause = self._pace.seconds_before(listing)
        if ENDPOINT.interval_ms:
            self._http.pause(pause)
        with expected_shape(ENDPOINT, 'what it lists'):
            rows = listing.read(self._ask, window, cursor)
        self._codes |= {entry.currency for entry in rows.entries}
        return rows

    def trades(self, window: Window, cursor: str | None) -> Rows:
        with expected_shape(ENDPOINT, 'trades'):
            symbols = {exchanges.symbol_of('binance', code) for code in self._codes}
            return binance_lists.read_trades(self._ask, binance_lists.markets_of(symbols, self._names), window, cursor)

    @cached_property
    def _names(self) -> list[str]:
        """The names of all markets."""
        return [str(row['symbol']) for row in self._ask('public', 'ticker/price', {})]

    def _ask(self, api: str, path: str, params: Mapping[str, Any]) -> Any:
        return self._client.ask(self._http, 'GET', path, params, api)


def _held(row: Mapping[str, Any]) -> Decimal:
    """Return what a wallet holds of a currency. `ipoable` is not a part of its own."""
    return money.total(amount(row[part]) for part in _PARTS)


def _code(row: Mapping[str, Any]) -> str:
    return exchanges.code_of('binance', str(row['asset']))
