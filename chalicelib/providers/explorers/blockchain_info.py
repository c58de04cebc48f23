"""blockchain.info. https://www.blockchain.com/explorer/api/blockchain_api, `/multiaddr`. No key; asks for few requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers.explorer import Page, Reading
from chalicelib.providers.transport import Host, Http

_SATOSHI = 8
_PAGE = 100


@dataclass(frozen=True)
class BlockchainInfo:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integer satoshi.

    Pages are offsets from the newest transaction: one that arrives between two pages repeats a row, which is harmless,
    and one that a reorganisation removes hides a row, which shows as a wrong count.
    """

    host: Host
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None) -> Reading:
        first = self._fetch(http, address, 0)
        try:
            holding = _holding(first, address)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Upstream(self.host.key, f'answered an address without {error}') from None
        return Reading([holding], self._pages(http, address, first, int(resume or 0)))

    def _pages(self, http: Http, address: str, first: dict[str, Any], offset: int) -> Iterator[Page]:
        while True:
            body = first if offset == 0 else self._fetch(http, address, offset)
            try:
                entries = [_entry(txn, address) for txn in body['txs'] if txn.get('block_height') is not None]
                offset += len(body['txs'])
                more = bool(body['txs']) and offset < money.whole(body['addresses'][0]['n_tx'])
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                raise Upstream(self.host.key, f'answered transactions without {error}') from None
            yield Page(entries, str(offset) if more else None)
            if not more:
                return

    def _fetch(self, http: Http, address: str, offset: int) -> dict[str, Any]:
        params = {'active': address, 'n': str(_PAGE), 'offset': str(offset)}
        answer = http.get(self.host, '/multiaddr', params)
        if answer.status == 400 and 'invalid' in answer.text.lower():
            raise UpstreamRejected(self.host.key, 'says that the address is not valid')
        body = answer.json()
        if not isinstance(body, dict):
            raise Upstream(self.host.key, 'answered something that is not an object')
        return body


def _holding(body: dict[str, Any], address: str) -> Holding:
    """Read the address's sums, which include unconfirmed transactions, and take those out again: they stand first in `txs`."""
    sums = next(row for row in [*body['addresses'], {}] if not row or row['address'] == address)
    pending = [txn for txn in body['txs'] if txn.get('block_height') is None]
    if len(pending) == _PAGE:
        raise ValueError('a confirmed transaction among the first hundred')
    received = money.whole(sums['total_received']) - sum(_received(txn, address) for txn in pending)
    sent = money.whole(sums['total_sent']) - sum(_spent(txn, address) for txn in pending)
    balance = money.whole(sums['final_balance']) - sum(_received(txn, address) - _spent(txn, address) for txn in pending)
    return Holding(
        currency='btc',
        balance=money.scaled(balance, _SATOSHI),
        sent=money.scaled(sent, _SATOSHI),
        received=money.scaled(received, _SATOSHI),
        transactions=money.whole(sums['n_tx']) - len(pending),
    )


def _entry(txn: dict[str, Any], address: str) -> Entry:
    spent = _spent(txn, address)
    pays = any(_is_of(row.get('prev_out'), address) for row in txn['inputs'])
    return Entry(
        reference=str(txn['hash']),
        n=0,
        currency='btc',
        delta=money.scaled(_received(txn, address) - spent, _SATOSHI),
        fee=money.scaled(money.whole(txn['fee']), _SATOSHI) if pays else money.ZERO,
        at=money.whole(txn['time']),
        height=money.whole(txn['block_height']),
    )


def _received(txn: dict[str, Any], address: str) -> int:
    return sum(money.whole(out['value']) for out in txn['out'] if _is_of(out, address))


def _spent(txn: dict[str, Any], address: str) -> int:
    previous = [row.get('prev_out') for row in txn['inputs']]
    return sum(money.whole(out['value']) for out in previous if out and _is_of(out, address))


def _is_of(output: dict[str, Any] | None, address: str) -> bool:
    return output is not None and output.get('addr') == address
