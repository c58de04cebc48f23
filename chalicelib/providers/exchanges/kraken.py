"""Kraken: https://docs.kraken.com/api/docs/rest-api/get-ledgers

The ledger has everything that ever changed a balance, and its deltas sum to it. Coins that are staked, or on their way, have codes of
their own such as `ETH.S`; what moves between them and the plain ones are entries too, which cancel each other out.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from chalicelib.domain import exchanges, money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import AccountRefused
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
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

ENDPOINT = Endpoint('kraken_accounts', 'https://api.kraken.com', 50, server='kraken')
INFO = info_of('kraken', 'https://docs.kraken.com/api/docs/rest-api/get-ledgers')

_NEEDED = {'query-funds': 'Query funds', 'query-ledger': 'Query ledger entries'}
_HARMLESS = {*_NEEDED, 'query-open-trades', 'query-closed-trades', 'export-data'}
_EXCHANGE = SignedExchange(
    'kraken',
    ENDPOINT,
    meanings=(
        ('EAPI:Invalid key', 'wrong_key'),
        ('EAPI:Invalid signature', 'wrong_secret'),
        ('EAPI:Invalid nonce', 'wrong_nonce'),
        ('EGeneral:Permission denied', 'permission_missing'),
        ('EGeneral:Temporary lockout', 'locked_out'),
        ('EAPI:Rate limit exceeded', 'limited'),
        ('EGeneral:Too many requests', 'limited'),
        ('EService: Throttled', 'limited'),
        ('EService:', 'out'),
        ('EGeneral:Internal error', 'out'),
    ),
    needed=', '.join(_NEEDED.values()),
)
# Each account has a counter that may stand at 15, a page adds 2 to it, and 0.33 a second are taken off: so many at once, then slowly.
_PAGES_AT_ONCE = 5
_SECONDS_PER_PAGE = 7
_ID = 'ledger id'  # in a row: the name that the answer lists it under


class KrakenReader:
    """One account at Kraken."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, cannot read what we need, or may do more than read."""
        answer = self._ask(http, 'GetApiKeyInfo')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            permissions = {str(name) for name in answer['permissions']}
        missing = [title for name, title in _NEEDED.items() if name not in permissions]
        if missing:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', ', '.join(missing))
        refuse_harmful(ENDPOINT, permissions - _HARMLESS)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is on hold for orders is in the balances."""
        answer = self._ask(http, 'BalanceEx')
        with expected_shape(ENDPOINT, 'balances'):
            balances = read_balances(BalanceList(answer.items(), lambda row: _code(row[0]), lambda row: amount(row[1]['balance'])))
        return AddressReport(balances.holdings, self._pages(http, resume), balances.unreadable)

    def _pages(self, http: Http, resume: str | None) -> Iterator[Page]:
        """Yield the pages of the ledger. All but the first end where the first began: what is added meanwhile does not shift them."""
        until, offset = _parse(resume)
        for number in range(1 << 30):
            if ENDPOINT.interval_ms:
                http.pause(seconds_before_page(number, is_resumed=resume is not None))
            answer = self._ask(http, 'Ledgers', {'ofs': offset} | ({} if until is None else {'end': until}))
            with expected_shape(ENDPOINT, 'a ledger'):
                rows = [{**row, _ID: entry_id} if isinstance(row, dict) else row for entry_id, row in answer.get('ledger', {}).items()]
                rows.sort(key=lambda row: _FIELDS.time(row) or 0, reverse=True)
                offset += len(rows)
                is_last = not rows or offset >= int(answer.get('count', offset + 1))
                if until is None and not is_last:
                    until = max(at for row in rows if (at := _FIELDS.time(row)) is not None) + 1
            entries, unreadable = read_rows(rows, lambda row: [_entry(row)], _FIELDS.unreadable)
            yield Page(entries, None if is_last else f'{until}:{offset}', unreadable)
            if is_last:
                return

    def _ask(self, http: Http, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the result, of which there is none where there is nothing."""
        answer = self._client.ask(http, 'POST', path, params)
        with expected_shape(ENDPOINT, 'an answer'):
            return answer.get('result') or {}


def seconds_before_page(number: int, *, is_resumed: bool) -> int:
    """Return how long to wait before a page of the ledger, from 0: whoever resumes a reading does not know where the counter stands."""
    return _SECONDS_PER_PAGE if is_resumed or number >= _PAGES_AT_ONCE else 0


def _parse(resume: str | None) -> tuple[int | None, int]:
    if resume is None:
        return None, 0
    until, _, offset = resume.partition(':')
    return int(until), int(offset)


def _entry(row: Mapping[str, Any]) -> Entry:
    """Return one change of a balance. A trade has two, one for each currency, with the same reference."""
    fee = amount(row['fee'])
    at = _time(row)
    return Entry(
        reference=reference_of(row['refid'] or row[_ID]),
        n=number_of(row[_ID]),
        currency=_code(row['asset']),
        delta=money.subtract(amount(row['amount']), fee),
        fee=fee,
        at=at,
        height=at,
    )


def _code(asset: Any) -> str:
    """Return the currency of an asset; the part behind the point says where it is, such as staked (`ETH2.S`) or earning (`ADA.F`)."""
    return exchanges.code_of('kraken', str(asset).partition('.')[0])


def _time(row: Mapping[str, Any]) -> int:
    return int(amount(row['time']))


_FIELDS = RowFields((_ID,), ('asset',), _code, _time)
