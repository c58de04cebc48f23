"""Bitfinex: https://docs.bitfinex.com/reference/rest-auth-ledgers

One ledger of all wallets, of the last six years. Fees are entries of their own. The two halves of a trade have the same description and
about the same time. The profit of open positions is in neither balances nor ledger.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from chalicelib import clock
from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import (
    BalanceList,
    RowFields,
    amount,
    crowded,
    info_of,
    number_of,
    read_balances,
    read_rows,
    reference_of,
    refuse_harmful,
)
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('bitfinex_accounts', 'https://api.bitfinex.com', 700, server='bitfinex')  # 90 requests a minute of one address
_DOCUMENTATION = 'https://docs.bitfinex.com/reference/rest-auth-ledgers'
INFO = info_of('bitfinex', _DOCUMENTATION)

_NEEDED = {'history': 'Account History', 'wallets': 'Wallets'}
_ACCOUNT, _WITHDRAW = 'account', 'withdraw'
_EXCHANGE = SignedExchange(
    'bitfinex',
    ENDPOINT,
    meanings=(
        ('digest invalid', 'wrong_secret'),
        ('10100', 'wrong_key'),
        ('ERR_AUTH_UNAUTHORIZED', 'wrong_key'),
        ('10001', 'permission_missing'),
        ('10114', 'wrong_nonce'),
        ('11010', 'throttled'),  # counted by address
        ('ERR_RATE_LIMIT', 'throttled'),
        ('20060', 'out'),
        ('temporarily_unavailable', 'out'),
    ),
    needed=', '.join(_NEEDED.values()),
)
_PAGE = 2_500
_LISTED_SECONDS = 6 * 365 * 86_400 - 10 * 86_400  # for certain
_FIELDS = 9
_TIME = 3  # the place of the field with the milliseconds


class BitfinexReader:
    """One account at Bitfinex."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> str | None:
        """See AccountReader. Only a key that may read the account says whose it is."""
        answer = self._client.ask(http, 'POST', 'auth/r/permissions')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            reads = {str(scope) for scope, may_read, *_ in answer if may_read}
            writes = {str(scope) for scope, _, may_write, *_ in answer if may_write}
        missing = [title for scope, title in _NEEDED.items() if scope not in reads]
        if missing:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', ', '.join(missing))
        refuse_harmful(ENDPOINT, writes | reads & {_WITHDRAW})
        return self._user_id(http) if _ACCOUNT in reads else None

    def _user_id(self, http: Http) -> str:
        answer = self._client.ask(http, 'POST', 'auth/r/info/user')
        with expected_shape(ENDPOINT, 'a user'):
            return str(answer[0])

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What orders and loans hold back is in the balances."""
        answer = self._client.ask(http, 'POST', 'auth/r/wallets')
        with expected_shape(ENDPOINT, 'balances'):
            balances = read_balances(BalanceList(answer, lambda row: _code(row[1]), lambda row: amount(row[2])))
        return AddressReport(balances.holdings, self._pages(http, resume), balances.unreadable, listed_from=clock.now() - _LISTED_SECONDS)

    def _pages(self, http: Http, resume: str | None) -> Iterator[Page]:
        """Yield the pages of the ledger, each from the instant on at which the one before ended: what is listed twice is stored once."""
        until = None if resume is None else int(resume)
        while True:
            rows = self._client.ask(http, 'POST', 'auth/r/ledgers/hist', {'limit': _PAGE} | ({} if until is None else {'end': until}))
            with expected_shape(ENDPOINT, 'a ledger'):
                oldest = _oldest(rows) if rows else until
            entries, unreadable = read_rows(rows, lambda row: [_entry(row)], _ROW_FIELDS.unreadable)
            is_of_one_instant = until is not None and oldest == until
            is_last = not rows or (is_of_one_instant and len(rows) < _PAGE)
            if until is not None and is_of_one_instant and not is_last:
                unreadable += crowded(until, rows, _ROW_FIELDS)
                oldest = until - 1
            until = oldest
            yield Page(entries, None if is_last else str(until), unreadable)
            if is_last:
                return


def _oldest(rows: Sequence[Any]) -> int:
    """Return the time of the oldest row in milliseconds. Raises ValueError if that of none can be read."""
    return min(int(row[_TIME]) for row in rows if _ROW_FIELDS.time(row) is not None)


def _entry(row: Sequence[Any]) -> Entry:
    """Return one change of a balance. Raises ValueError for a row with too few fields."""
    if len(row) < _FIELDS:
        raise ValueError('fields')
    entry_id, currency, moved, said = reference_of(row[0]), row[1], amount(row[5]), str(row[8])
    at = _time(row)
    return Entry(
        reference=_trade_reference(at, said) if said.startswith('Exchange ') else entry_id,
        n=number_of(entry_id),
        currency=_code(currency),
        delta=moved,
        fee=money.negate(moved) if moved < 0 and ' fee' in said else money.ZERO,
        at=at,
        height=at,
    )


def _trade_reference(at: int, description: str) -> str:
    """Return what the two halves of a trade have in common, such as `trade-20513-5f2a…`: the day and the description."""
    return f'trade-{at // 86_400}-{hashlib.sha256(description.encode()).hexdigest()[:12]}'


def _code(symbol: Any) -> str:
    return exchanges.code_of('bitfinex', str(symbol).upper())


def _time(row: Sequence[Any]) -> int:
    return int(row[_TIME]) // 1_000


_ROW_FIELDS = RowFields((0,), (1,), _code, _time)
