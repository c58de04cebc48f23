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
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo


@dataclass(frozen=True)
class Esplora:
    """Indexes by output script, so pay-to-public-key outputs belong to no address. Amounts are integers in satoshi."""

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        answer = http.get(self.endpoint, f'/address/{address}')
        refuse_rejected(answer)
        stats = answer.json()
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(stats['chain_stats'], stats['mempool_stats'])
        return AddressReport([holding], self._pages(http, address, resume, holding.transactions or 0))

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
