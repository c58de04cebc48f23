"""Blockchair, for chains of unspent outputs. https://blockchair.com/api/docs, `/dashboards/address`.

Without an API key 1,440 requests a day and 30 a minute, for personal and academic use only. A page of transactions takes one
request.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.explorers.explorer import AddressReport, Page, checked, expected_shape, read_row, refuse_rejected
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_PAGE = 100
_LIMITS = {402, 429, 430, 434, 435, 436, 437}  # quota exhausted, or blocked


@dataclass(frozen=True)
class Blockchair:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integers in the smallest unit.

    `path` is its name of the chain. It returns the net change of each transaction, but neither what the address spends nor a fee:
    fees would take one request for ten transactions, at each refresh. So no fee is known but that of an address that never spent
    anything, which is zero. Pages are offsets from the newest transaction, unconfirmed ones first. One that arrives
    between two requests repeats a row, which is harmless; one that disappears hides a row, which the totals reveal.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    path: str
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        first = self._fetch(http, address, 0)
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(first)
        return AddressReport([holding], self._pages(http, address, first, int(resume or 0)))

    def _pages(self, http: Http, address: str, first: Any, offset: int) -> Iterator[Page]:
        while True:
            row = first if offset == 0 else self._fetch(http, address, offset)
            with expected_shape(self.endpoint, 'transactions'):
                fee = money.ZERO if money.whole(row['address']['spent']) == 0 else None
                rows = [self._row(txn, fee) for txn in row['transactions'] if not _is_pending(txn)]
                offset += len(row['transactions'])
                more = bool(row['transactions']) and _is_below(offset, row['address']['transaction_count'])
                page = Page.of(rows, str(offset) if more else None)
            yield page
            if not more:
                return

    def _fetch(self, http: Http, address: str, offset: int) -> Any:
        """Return the totals of an address and its transactions from `offset` on."""
        params = {'transaction_details': 'true', 'limit': f'{_PAGE},0', 'offset': f'{offset},0'}
        answer = http.get(self.endpoint, f'/{self.path}/dashboards/address/{address}', params)
        refuse_rejected(answer)
        body = self._body(answer)
        with expected_shape(self.endpoint, 'an address'):
            if not body['data'] and body['context']['results'] == 0:
                return _NOTHING
            [(key, row)] = body['data'].items()
            if key.removeprefix('bitcoincash:') != address:
                raise ValueError('another address')
            return row

    def _body(self, answer: UpstreamResponse) -> Any:
        """Return the JSON of a response. Raises Upstream for an error; its code is in the body, and the status may be 200."""
        if answer.status in _LIMITS:
            raise Upstream(self.endpoint.key, f'returned {answer.status}', throttled=True)
        body = answer.json()
        with expected_shape(self.endpoint, 'an answer'):
            code = money.whole(body['context']['code'])
        if code != 200:
            raise Upstream(self.endpoint.key, f'returned an error {code}', throttled=code in _LIMITS)
        return body

    def _holding(self, row: Any) -> Holding:
        """Parse the totals without unconfirmed transactions, which they include; received and sent are net, so then unknown."""
        address, pending = row['address'], [txn for txn in row['transactions'] if _is_pending(txn)]
        count = address['transaction_count']
        if pending and len(pending) == len(row['transactions']) and _is_below(len(pending), count):
            raise ValueError('a confirmed transaction on the first page')
        change = sum(money.whole(txn['balance_change']) for txn in pending)
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(money.whole(address['balance']) - change),
            sent=None if pending else self.chain.amount(money.whole(address['spent'])),
            received=None if pending else self.chain.amount(money.whole(address['received'])),
            transactions=None if count is None else money.whole(count) - len(pending),
            unconfirmed=self.chain.amount(change),
        )

    def _row(self, txn: dict[str, Any], fee: Decimal | None) -> Entry | Unreadable:
        return read_row(
            lambda: self._entry(txn, fee), self.chain, txn['hash'], at=lambda: _seconds(txn['time']), height=lambda: txn['block_id']
        )

    def _entry(self, txn: dict[str, Any], fee: Decimal | None) -> Entry:
        entry = Entry(
            reference=txn['hash'],
            n=0,
            currency=self.chain.currency,
            delta=self.chain.amount(money.whole(txn['balance_change'])),
            fee=fee,
            at=_seconds(txn['time']),
            height=money.whole(txn['block_id']),
        )
        return checked(entry, self.chain)


_NOTHING = {'address': {'balance': 0, 'received': 0, 'spent': 0, 'transaction_count': 0}, 'transactions': []}


def _is_pending(txn: dict[str, Any]) -> bool:
    """Whether a transaction says that it is in no block."""
    return txn['block_id'] in (-1, '-1')


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, '%Y-%m-%d %H:%M:%S').replace(tzinfo=UTC).timestamp())


def _is_below(offset: int, count: object) -> bool:
    """Whether there are more rows; if the number of transactions is unknown, only an empty page is the last."""
    return count is None or offset < money.whole(count)
