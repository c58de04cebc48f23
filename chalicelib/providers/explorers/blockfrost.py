"""Blockfrost, for Cardano. https://docs.blockfrost.io/, `/addresses/:a/total`, `/addresses/:a/transactions`, `/txs/:hash` and `/utxos`.

The API key, called project id, is sent in a header. The free plan allows 50,000 requests a day and ten a second; clients that
ignore 429 are banned (418).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import cardano_assets
from chalicelib.providers.explorers.cardano_assets import Sides
from chalicelib.providers.explorers.explorer import TXID, AddressReport, Page, expected_shape, read_rows, refuse_rejected
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BANNED = 418
_UNIT = 'lovelace'
_UNUSED: Mapping[str, Any] = {'received_sum': [], 'sent_sum': [], 'tx_count': 0}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Blockfrost:
    """Returns ADA, in lovelace as strings, and the native tokens of the catalogue, in their smallest units.

    Each transaction takes two requests, so pages are small. They are numbered from the newest transaction. One that arrives
    between two requests repeats a row, which is harmless; one that disappears hides a row, which the count reveals.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    page: int = 5
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. An unused address is not found (404)."""
        answer = self._get(http, f'/addresses/{address}/total')
        sums = _UNUSED if self._is_not_found(answer) else answer.json()
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(sums)
            received, spent = ([(each['unit'], each.get('quantity')) for each in sums[side]] for side in ('received_sum', 'sent_sum'))
            tokens, unreadable = cardano_assets.holdings(self.chain, received, spent)
        pages = self._pages(http, address, int(resume or 1)) if holding.transactions else iter(())
        return AddressReport([holding, *tokens], pages, unreadable)

    def _pages(self, http: Http, address: str, number: int) -> Iterator[Page]:
        more = True
        while more:
            rows = self._list(http, address, number)
            with expected_shape(self.endpoint, 'transactions'):
                read = [each for row in rows for each in self._rows(http, row, address)]
                more = len(rows) == self.page
                number += 1
                page = Page.of(read, str(number) if more else None)
            yield page

    def _list(self, http: Http, address: str, number: int) -> list[Row]:
        params = {'order': 'desc', 'count': str(self.page), 'page': str(number)}
        rows: list[Row] = self._get(http, f'/addresses/{address}/transactions', params).json()
        with expected_shape(self.endpoint, 'transactions'):
            heights = [money.whole(row['block_height']) for row in rows]
            if not isinstance(rows, list) or len(rows) > self.page or heights != sorted(heights, reverse=True):
                raise ValueError('not as requested')
            if not all(TXID.fullmatch(row['tx_hash']) for row in rows):
                raise ValueError('no hash')
        return rows

    def _holding(self, sums: Row) -> Holding:
        received, sent = _lovelace(sums['received_sum']), _lovelace(sums['sent_sum'])
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(received - sent),
            sent=self.chain.amount(sent),
            received=self.chain.amount(received),
            transactions=money.whole(sums['tx_count']),
        )

    def _rows(self, http: Http, row: Row, address: str) -> list[Entry | Unreadable]:
        """Return what a transaction changes, by currency."""
        txn = self._transaction(http, row['tx_hash'], '')
        utxos = self._transaction(http, row['tx_hash'], '/utxos')
        sides = cardano_assets.sides(utxos, lambda row: _is_own(txn, row, address), 'amount', lambda amount: str(amount.get('unit')))
        return read_rows(
            lambda code: self._entry(txn, utxos, row, address, sides, code),
            [self.chain.currency, *sides.codes(self.chain)],
            self.chain,
            row['tx_hash'],
            at=lambda: row['block_time'],
            height=lambda: row['block_height'],
        )

    def _entry(self, txn: Row, utxos: Row, row: Row, address: str, sides: Sides, code: str) -> Entry:
        at, height = money.whole(row['block_time']), money.whole(row['block_height'])
        if code != self.chain.currency:
            return cardano_assets.entry(self.chain, code, txn['hash'], sides, at=at, height=height)
        received, spent = _own(txn, utxos, address)
        return netted(
            self.chain,
            txn['hash'],
            [_lovelace(each['amount']) for each in received],
            [_lovelace(each['amount']) for each in spent],
            fee=money.whole(txn['fees']),
            at=at,
            height=height,
            may_be_idle=True,
        )

    def _transaction(self, http: Http, txid: str, part: str) -> Row:
        """Return a transaction, or a part of it. Raises Upstream if the answer is none."""
        body: Row = self._get(http, f'/txs/{txid}{part}').json()
        with expected_shape(self.endpoint, 'a transaction'):
            if body['hash'] != txid:
                raise ValueError('another transaction')
        return body

    def _get(self, http: Http, path: str, params: Mapping[str, str] | None = None) -> UpstreamResponse:
        answer = http.get(self.endpoint, path, params)
        refuse_rejected(answer)
        if answer.status == _BANNED:
            raise Upstream(self.endpoint.key, f'returned {_BANNED}', throttled=True)
        return answer

    def _is_not_found(self, answer: UpstreamResponse) -> bool:
        """Whether a response is Blockfrost's own 404, and not that of a proxy."""
        if answer.status != 404:
            return False
        body = UpstreamResponse(answer.key, 200, answer.text).json()
        with expected_shape(self.endpoint, 'an error'):
            return bool(body['status_code'] == 404)


def _own(txn: Row, utxos: Row, address: str) -> tuple[list[Row], list[Row]]:
    """Return the outputs of an address that a transaction creates and spends.

    If its script failed, only its collateral is spent, and only the change of that is created.
    """
    _flag(txn['valid_contract'])
    received, spent = ([each for each in utxos[side] if _is_own(txn, each, address)] for side in ('outputs', 'inputs'))
    return received, spent


def _is_own(txn: Row, row: Row, address: str) -> bool:
    """Whether a transaction creates or spends an output of an address, which it may also just refer to."""
    if row['address'] != address or _flag(row.get('reference', False)):
        return False
    return _flag(row['collateral']) is not _flag(txn['valid_contract'])


def _lovelace(amounts: Sequence[Row]) -> int:
    return sum(money.whole(each['quantity']) for each in amounts if each['unit'] == _UNIT)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError('neither true nor false')
    return value
