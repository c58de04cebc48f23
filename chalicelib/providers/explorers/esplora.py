"""Explorers with the Esplora HTTP API: Blockstream, mempool.space, Litecoin Space, self-hosted ones.

https://github.com/Blockstream/esplora/blob/master/API.md. No API key. Blockstream allows 700 requests an
hour and 500,000 a month for each IP address; mempool.space publishes no limit and bans persistent offenders.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers.blocks import Block, checked_block, checked_hash, require_all
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected
from chalicelib.providers.explorers.outputs import netted, owner_of_bare_key
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo


@dataclass(frozen=True)
class Esplora:
    """Indexes by output script, so pay-to-public-key outputs belong to no address. Amounts are integers in satoshi.

    Transactions of a block come 25 to a page: those of Bitcoin's blocks take 160 requests, which only a server of one's own allows.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False
    has_small_blocks: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        answer = http.get(self.endpoint, f'/address/{address}')
        refuse_rejected(answer)
        stats = answer.json()
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(stats['chain_stats'], stats['mempool_stats'])
        return AddressReport([holding], self._pages(http, address, resume, holding.transactions or 0))

    @property
    def may_tell_blocks(self) -> bool:
        return self.has_small_blocks or not self.endpoint.interval_ms

    def tip(self, http: Http) -> str:
        answer = http.get(self.endpoint, '/blocks/tip/hash')
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(answer.text.strip())

    def hash_at(self, http: Http, height: int) -> str | None:
        answer = http.get(self.endpoint, f'/block-height/{height}')
        if answer.status == 404:
            return None
        with expected_shape(self.endpoint, 'a block'):
            return checked_hash(answer.text.strip())

    def block(self, http: Http, block_hash: str) -> Block:
        header = http.get(self.endpoint, f'/block/{block_hash}').json()
        with expected_shape(self.endpoint, 'a block'):
            expected = money.whole(header['tx_count'])
        owners: set[str | None] = set()
        read = 0
        while read < expected:
            txns = http.get(self.endpoint, f'/block/{block_hash}/txs/{read}').json()
            with expected_shape(self.endpoint, 'a block'):
                if not txns:
                    raise ValueError('not all transactions of a block')
                owners.update(owner for txn in txns for owner in self._owners(txn))
            read += len(txns)
        with expected_shape(self.endpoint, 'a block'):
            require_all(read, expected)
            height, parent = money.whole(header['height']), header.get('previousblockhash')
            return checked_block(height, header['id'], parent, header['timestamp'], owners, asked=block_hash)

    def _owners(self, txn: dict[str, Any]) -> Iterator[str | None]:
        """Yield whose outputs a transaction spends and creates: those to a bare public key too, which it tells of no address."""
        spent = [vin['prevout'] for vin in txn['vin'] if not vin['is_coinbase']]
        network = self.chain.extended_key_format
        for output in (*spent, *txn['vout']):
            bare = owner_of_bare_key(network.network, output['scriptpubkey']) if network is not None else None
            yield output.get('scriptpubkey_address', bare)

    def _pages(self, http: Http, address: str, resume: str | None, expected: int) -> Iterator[Page]:
        counted = resume is None  # only a read that starts at the newest transaction knows when it has seen all
        seen = 0
        while not (counted and seen >= expected):
            rows = self._rows(http, address, resume)
            seen += len(rows)
            last = not rows or (counted and seen >= expected)
            resume = None if last else rows[-1].reference
            with expected_shape(self.endpoint, 'transactions'):
                page = Page.of(rows, resume)
            yield page
            if last:
                return

    def _rows(self, http: Http, address: str, resume: str | None) -> list[Entry | Unreadable]:
        path = f'/address/{address}/txs/chain'
        txns = http.get(self.endpoint, f'{path}/{resume}' if resume else path).json()
        with expected_shape(self.endpoint, 'transactions'):
            return [self._row(txn, address) for txn in txns if not _is_pending(txn)]

    def _row(self, txn: dict[str, Any], address: str) -> Entry | Unreadable:
        return read_row(
            lambda: self._entry(txn, address),
            self.chain,
            txn['txid'],
            at=lambda: txn['status']['block_time'],
            height=lambda: txn['status']['block_height'],
        )

    def _holding(self, stats: dict[str, Any], mempool: dict[str, Any]) -> Holding:
        """Parse the totals. `funded` and `spent` include change, so received and sent do too."""
        received, sent = money.whole(stats['funded_txo_sum']), money.whole(stats['spent_txo_sum'])
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(received - sent),
            sent=self.chain.amount(sent),
            received=self.chain.amount(received),
            transactions=money.whole(stats['tx_count']),
            unconfirmed=self.chain.amount(money.whole(mempool['funded_txo_sum']) - money.whole(mempool['spent_txo_sum'])),
        )

    def _entry(self, txn: dict[str, Any], address: str) -> Entry:
        """Net one transaction. In a coinbase input `prevout` is null."""
        return netted(
            self.chain,
            txn['txid'],
            [money.whole(vout['value']) for vout in txn['vout'] if _is_of(vout, address)],
            [money.whole(vin['prevout']['value']) for vin in txn['vin'] if _is_of(vin['prevout'], address)],
            fee=money.whole(txn['fee']),
            at=money.whole(txn['status']['block_time']),
            height=money.whole(txn['status']['block_height']),
        )


def _is_pending(txn: dict[str, Any]) -> bool:
    """Whether a transaction says that it is in no block."""
    status = txn['status']
    return isinstance(status, dict) and status.get('confirmed') is False


def _is_of(output: dict[str, Any] | None, address: str) -> bool:
    return output is not None and output.get('scriptpubkey_address') == address
