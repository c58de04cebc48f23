"""blockchain.info: Bitcoin. https://www.blockchain.com/explorer/api/blockchain_api, `/multiaddr`; `/rawblock` for a whole block.

No API key. It publishes no limit and asks for few requests; we send one a second.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers.blocks import WHOLE_BLOCK, Block, checked_block, checked_hash, require_all
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected
from chalicelib.providers.explorers.outputs import is_multisig, netted
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BITCOIN = CHAINS['btc']
_PAGE = 100


@dataclass(frozen=True)
class BlockchainInfo:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integers in satoshi.

    Pages are offsets from the newest transaction. One that arrives between two requests repeats a row, which is harmless; one
    that a reorganisation removes hides a row, which the count reveals.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        first = self._fetch(http, address, 0)
        with expected_shape(self.endpoint, 'an address'):
            holding = _holding(first, address)
        return AddressReport([holding], self._pages(http, address, first, int(resume or 0)))

    @property
    def may_tell_blocks(self) -> bool:
        return True

    def tip(self, http: Http) -> str:
        latest = http.get(self.endpoint, '/latestblock').json()
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(latest['hash'])

    def hash_at(self, http: Http, height: int) -> str | None:
        """Return the hash, of the block of the main chain if there are several. It tells them whole."""
        answer = http.limited(WHOLE_BLOCK).get(self.endpoint, f'/block-height/{height}', {'format': 'json'})
        if answer.status == 404:
            return None
        blocks = answer.json()
        with expected_shape(self.endpoint, 'a block'):
            return next((checked_hash(block['hash']) for block in blocks['blocks'] if block['main_chain']), None)

    def block(self, http: Http, block_hash: str) -> Block:
        body = http.limited(WHOLE_BLOCK).get(self.endpoint, f'/rawblock/{block_hash}').json()
        with expected_shape(self.endpoint, 'a block'):
            coinbase, *others = body['tx']
            require_all(len(body['tx']), money.whole(body['n_tx']))
            spent = [row['prev_out'] for txn in others for row in txn['inputs']]
            made = [out for txn in (coinbase, *others) for out in txn['out']]
            owners = map(_owner, (*spent, *made))
            height = money.whole(body['height'])
            return checked_block(height, body['hash'], body['prev_block'], body['time'], owners, asked=block_hash)

    def _pages(self, http: Http, address: str, first: dict[str, Any], offset: int) -> Iterator[Page]:
        while True:
            body = first if offset == 0 else self._fetch(http, address, offset)
            with expected_shape(self.endpoint, 'transactions'):
                rows = [_row(txn, address) for txn in body['txs'] if txn.get('block_height') is not None]
                offset += len(body['txs'])
                more = bool(body['txs']) and offset < money.whole(body['addresses'][0]['n_tx'])
                page = Page.of(rows, str(offset) if more else None)
            yield page
            if not more:
                return

    def _fetch(self, http: Http, address: str, offset: int) -> Any:
        params = {'active': address, 'n': str(_PAGE), 'offset': str(offset)}
        answer = http.get(self.endpoint, '/multiaddr', params)
        refuse_rejected(answer)
        return answer.json()


def _holding(body: dict[str, Any], address: str) -> Holding:
    """Parse the totals without unconfirmed transactions, which they include and which come first in `txs`."""
    sums = next(row for row in [*body['addresses'], {}] if not row or row['address'] == address)
    pending = [txn for txn in body['txs'] if txn.get('block_height') is None]
    if len(pending) == _PAGE:
        raise ValueError('a confirmed transaction among the first hundred')
    created = sum(sum(_received(txn, address)) for txn in pending)
    spent = sum(sum(_spent(txn, address)) for txn in pending)
    return Holding(
        currency=_BITCOIN.currency,
        balance=_BITCOIN.amount(money.whole(sums['final_balance']) - (created - spent)),
        sent=_BITCOIN.amount(money.whole(sums['total_sent']) - spent),
        received=_BITCOIN.amount(money.whole(sums['total_received']) - created),
        transactions=money.whole(sums['n_tx']) - len(pending),
        unconfirmed=_BITCOIN.amount(created - spent),
    )


def _row(txn: dict[str, Any], address: str) -> Entry | Unreadable:
    return read_row(lambda: _entry(txn, address), _BITCOIN, txn['hash'], at=lambda: txn['time'], height=lambda: txn['block_height'])


def _entry(txn: dict[str, Any], address: str) -> Entry:
    return netted(
        _BITCOIN,
        txn['hash'],
        _received(txn, address),
        _spent(txn, address),
        fee=money.whole(txn['fee']),
        at=money.whole(txn['time']),
        height=money.whole(txn['block_height']),
    )


def _received(txn: dict[str, Any], address: str) -> list[int]:
    return [money.whole(out['value']) for out in txn['out'] if _is_of(out, address)]


def _spent(txn: dict[str, Any], address: str) -> list[int]:
    previous = [row.get('prev_out') for row in txn['inputs']]
    return [money.whole(out['value']) for out in previous if out is not None and _is_of(out, address)]


def _is_of(output: dict[str, Any], address: str) -> bool:
    return _owner(output) == address


def _owner(output: dict[str, Any]) -> str | None:
    """Return whose an output is; that of several keys names one as `addr`, the others as `addr2` and so on."""
    return None if 'addr2' in output or is_multisig(output.get('script')) else output.get('addr')
