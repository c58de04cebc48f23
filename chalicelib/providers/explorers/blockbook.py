"""Blockbook, on your own server or a rented one. https://github.com/trezor/blockbook/blob/master/docs/api.md.

`/api/v2/address` tells an address, `/api/v2/block` a block, a thousand transactions to a page, `/api/v2/block-index` its hash.

No public instance may be used by a service. `UPSTREAM_BLOCKBOOK_<COIN>_URL` names the server.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers.blocks import WHOLE_BLOCK, Block, checked_block, checked_hash, require_all
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected, string_of
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_PAGE = 100
_SMALL_PAGE = 10


@dataclass(frozen=True)
class Blockbook:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are strings of integers in the smallest unit.

    Addresses of Bitcoin Cash have the CashAddr prefix in responses. Unconfirmed transactions precede the first page and are not
    counted. Pages are numbered from the newest transaction. One that arrives between two requests repeats a row, which is
    harmless; one that a reorganisation removes hides a row, which the count reveals. Empty and zero members may be omitted.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = True
    page: int = _PAGE

    def in_smaller_steps(self) -> 'Blockbook':
        return replace(self, page=_SMALL_PAGE)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        first = self._fetch(http, address, 1)
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(first)
        number, _, size = (resume or '1').partition('/')
        # Whole pages of the size that was read then lie before it; the rows on the page of ours that the next one falls on may repeat.
        passed = (int(number) - 1) * int(size or _PAGE)
        return AddressReport([holding], self._pages(http, address, first, passed // self.page + 1))

    @property
    def may_tell_blocks(self) -> bool:
        return True

    def tip(self, http: Http) -> str:
        index = http.get(self.endpoint, '/api/v2/block-index/').json()
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(index['blockHash'])

    def hash_at(self, http: Http, height: int) -> str | None:
        """Return the hash, None if it is empty: beyond the newest block it is."""
        index = http.get(self.endpoint, f'/api/v2/block-index/{height}').json()
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(index['blockHash']) if index['blockHash'] else None

    def block(self, http: Http, block_hash: str) -> Block:
        owners: set[str | None] = set()
        read, number, pages = 0, 1, 1
        while number <= pages:
            body = http.limited(WHOLE_BLOCK).get(self.endpoint, f'/api/v2/block/{block_hash}', {'page': str(number)}).json()
            with expected_shape(self.endpoint, 'a block'):
                if money.whole(body['page']) != number or body['hash'] != block_hash:
                    raise ValueError('another page')
                txns, pages = body['txs'], money.whole(body['totalPages'])
                owners.update(_owner(row) for txn in txns for row in (*txn['vin'], *txn['vout']))
            read, number = read + len(txns), number + 1
        with expected_shape(self.endpoint, 'a block'):
            require_all(read, money.whole(body['txCount']))
            height, parent = money.whole(body['height']), body.get('previousBlockHash')
            return checked_block(height, body['hash'], parent, body['time'], owners, asked=block_hash)

    def _pages(self, http: Http, address: str, first: Any, number: int) -> Iterator[Page]:
        while True:
            body = first if number == 1 else self._fetch(http, address, number)
            with expected_shape(self.endpoint, 'transactions'):
                # Beyond the end it returns the last page again.
                txns = body.get('transactions') or [] if money.whole(body.get('page', 1)) == number else []
                rows = [self._row(txn, address) for txn in txns if not _is_pending(txn)]
                number += 1
                more = bool(txns) and number <= money.whole(body.get('totalPages', 1))
                page = Page.of(rows, f'{number}/{self.page}' if more else None)
            yield page
            if not more:
                return

    def _fetch(self, http: Http, address: str, number: int) -> Any:
        params = {'details': 'txs', 'page': str(number), 'pageSize': str(self.page)}
        answer = http.get(self.endpoint, f'/api/v2/address/{address}', params)
        refuse_rejected(answer)
        return answer.json()

    def _holding(self, body: Any) -> Holding:
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(money.whole(body['balance'])),
            sent=self.chain.amount(money.whole(body.get('totalSent', '0'))),
            received=self.chain.amount(money.whole(body.get('totalReceived', '0'))),
            transactions=money.whole(body['txs']),
            unconfirmed=self.chain.amount(money.whole(body.get('unconfirmedBalance', '0'))),
        )

    def _row(self, txn: dict[str, Any], address: str) -> Entry | Unreadable:
        return read_row(
            lambda: self._entry(txn, address),
            self.chain,
            txn['txid'],
            at=lambda: txn['blockTime'],
            height=lambda: txn['blockHeight'],
        )

    def _entry(self, txn: dict[str, Any], address: str) -> Entry:
        """Net one transaction. Coinbase inputs have no address; outputs with several addresses belong to none of them."""
        if money.whole(txn['confirmations']) <= 0:
            raise ValueError('neither confirmed nor pending')
        spent = [money.whole(row['value']) for row in txn['vin'] if _is_of(row, address)]
        return netted(
            self.chain,
            txn['txid'],
            [money.whole(row['value']) for row in txn['vout'] if _is_of(row, address)],
            spent,
            fee=money.whole(txn['fees']) if spent else 0,
            at=money.whole(txn['blockTime']),
            height=money.whole(txn['blockHeight']),
        )


def _is_pending(txn: dict[str, Any]) -> bool:
    """Whether a transaction says that it is in no block."""
    return txn.get('confirmations', 0) in (0, '0')


def _is_of(row: dict[str, Any], address: str) -> bool:
    return _owner(row) == address


def _owner(row: dict[str, Any]) -> str | None:
    """Return whose an input or output is. `isAddress` is false for one of several keys, even if it names a single one."""
    addresses = row.get('addresses') or []
    if row.get('isAddress', True) is False or len(addresses) != 1:
        return None
    return string_of(addresses[0]).removeprefix('bitcoincash:')
