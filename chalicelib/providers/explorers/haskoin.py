"""Haskoin Store, for Bitcoin Cash. https://api.haskoin.com/, `/address/:a/balance` and `/address/:a/transactions/full`.

No API key, no published limit; lists end after 50,000 transactions.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import UpstreamRejected
from chalicelib.providers.explorers.blocks import WHOLE_BLOCK, Block, checked_block, checked_hash, require_all
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected
from chalicelib.providers.explorers.outputs import is_multisig, netted
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_PAGE = 100
_NO_ADDRESS = 'not-found-or-invalid-arg'  # an unused address has zeros


@dataclass(frozen=True)
class Haskoin:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integers in satoshi.

    Addresses have the CashAddr prefix in requests and responses. Pages are offsets from the newest transaction, unconfirmed ones
    first. One that arrives between two requests repeats a row, which is harmless; one that disappears hides a row, which the
    count reveals.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    prefix: str = 'bitcoincash:'
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        answer = http.get(self.endpoint, f'/address/{self.prefix}{address}/balance')
        refuse_rejected(answer)
        if answer.status == 404 and _NO_ADDRESS in answer.text:
            raise UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        sums = answer.json()
        with expected_shape(self.endpoint, 'an address'):
            count = money.whole(sums['txs'])
        first = self._fetch(http, address, 0) if count else []
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(sums, count, first, address)
        return AddressReport([holding], self._pages(http, address, first, count, int(resume or 0)))

    @property
    def may_tell_blocks(self) -> bool:
        return True

    def tip(self, http: Http) -> str:
        best = http.get(self.endpoint, '/block/best', {'notx': 'true'}).json()
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(best['hash'])

    def hash_at(self, http: Http, height: int) -> str | None:
        """Return the hash, of the block of the main chain if there are several."""
        blocks = http.get(self.endpoint, f'/block/height/{height}', {'notx': 'true'}).json()
        with expected_shape(self.endpoint, 'a block'):
            return next((checked_hash(block['hash']) for block in blocks if block['mainchain']), None)

    def block(self, http: Http, block_hash: str) -> Block:
        header = http.get(self.endpoint, f'/block/{block_hash}').json()
        txns = http.limited(WHOLE_BLOCK).get(self.endpoint, f'/transactions/block/{block_hash}').json()
        with expected_shape(self.endpoint, 'a block'):
            require_all(len(txns), len(header['tx']))
            owners = (self._owner(row) for txn in txns for row in (*txn['inputs'], *txn['outputs']))
            height, made_at = money.whole(header['height']), header['time']
            return checked_block(height, header['hash'], header['previous'], made_at, owners, asked=block_hash)

    def _pages(self, http: Http, address: str, first: list[Any], count: int, offset: int) -> Iterator[Page]:
        while True:
            txns = first if offset == 0 else self._fetch(http, address, offset)
            with expected_shape(self.endpoint, 'transactions'):
                rows = [self._row(txn, address) for txn in txns if not _is_pending(txn)]
                offset += len(txns)
                # A transaction that arrived meanwhile moves the oldest one beyond `count`; then the last page is full.
                more = bool(txns) and (offset < count or len(txns) >= _PAGE)
                page = Page.of(rows, str(offset) if more else None)
            yield page
            if not more:
                return

    def _fetch(self, http: Http, address: str, offset: int) -> list[Any]:
        """Return the transactions from `offset` on, confirmed or not. Raises Upstream if one was deleted."""
        params = {'limit': str(_PAGE), 'offset': str(offset)}
        txns = http.get(self.endpoint, f'/address/{self.prefix}{address}/transactions/full', params).json()
        with expected_shape(self.endpoint, 'transactions'):
            if not isinstance(txns, list) or any(txn['deleted'] for txn in txns):
                raise ValueError('no list, or a deleted transaction')
            return txns

    def _holding(self, sums: dict[str, Any], count: int, first: list[Any], address: str) -> Holding:
        """Parse the totals. The number of transactions and the amount received include unconfirmed ones, which are subtracted."""
        pending = [txn for txn in first if _is_pending(txn)]
        if pending and len(pending) == len(first) < count:
            raise ValueError('a confirmed transaction on the first page')
        received = money.whole(sums['received']) - sum(sum(self._received(txn, address)) for txn in pending)
        balance = money.whole(sums['confirmed'])
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(balance),
            sent=self.chain.amount(received - balance),
            received=self.chain.amount(received),
            transactions=count - len(pending),
            unconfirmed=self.chain.amount(money.whole(sums['unconfirmed'])),
        )

    def _row(self, txn: dict[str, Any], address: str) -> Entry | Unreadable:
        return read_row(
            lambda: self._entry(txn, address), self.chain, txn['txid'], at=lambda: txn['time'], height=lambda: txn['block']['height']
        )

    def _entry(self, txn: dict[str, Any], address: str) -> Entry:
        """Net one transaction. Coinbase inputs have neither address nor value."""
        return netted(
            self.chain,
            txn['txid'],
            self._received(txn, address),
            [money.whole(row['value']) for row in txn['inputs'] if self._is_of(row, address)],
            fee=money.whole(txn['fee']),
            at=money.whole(txn['time']),
            height=money.whole(txn['block']['height']),
        )

    def _received(self, txn: dict[str, Any], address: str) -> list[int]:
        return [money.whole(row['value']) for row in txn['outputs'] if self._is_of(row, address)]

    def _is_of(self, row: dict[str, Any], address: str) -> bool:
        return self._owner(row) == address

    def _owner(self, row: dict[str, Any]) -> str | None:
        """Return whose an input or output is; there is none of a coinbase."""
        return None if is_multisig(row.get('pkscript')) else (row['address'] or '').removeprefix(self.prefix)


def _is_pending(txn: dict[str, Any]) -> bool:
    """Whether a transaction says that it is in no block."""
    block = txn['block']
    return isinstance(block, dict) and 'mempool' in block and 'height' not in block
