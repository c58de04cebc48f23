"""BlockCypher: Bitcoin, Litecoin, Dogecoin, Dash. https://www.blockcypher.com/dev/bitcoin/, `/addrs/:a/full` and `/txs/:hash`.

Without a token three requests a second and a hundred an hour; a token (`UPSTREAM_BLOCKCYPHER_KEY`) raises both.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamNotAsked
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, refuse_rejected
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_PAGE = 50
_ROWS = 200  # inputs, and outputs, of a transaction in one answer
_MOST_PARTS = 40  # requests for the rest of long transactions, for each page
_UNKNOWN = 'not found'


@dataclass(frozen=True)
class BlockCypher:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integers of the smallest unit.

    A page is never cut inside a block, so the next one begins below its last block. `hasMore` is missing at times: what
    tells the last page is the number of transactions, or a page without any.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None, held: Collection[str] = ()) -> AddressReport:
        first = self._fetch(http, address, None)
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(first)
            below, seen = map(int, resume.split(':')) if resume else (None, 0)
        return AddressReport([holding], self._pages(http, address, first, below, seen))

    def _pages(self, http: Http, address: str, first: Any, below: int | None, seen: int) -> Iterator[Page]:
        """Yield the pages from block `below` downwards; `resume` is the lowest block seen and how many transactions were seen so far."""
        while True:
            body = first if below is None else self._fetch(http, address, below)
            entries = self._entries(http, body, address)
            seen += len(entries)
            with expected_shape(self.endpoint, 'an address'):
                last = not entries or seen >= money.whole(body['n_tx'])
            below = min((entry.height for entry in entries), default=None)
            yield Page(entries, None if last else f'{below}:{seen}')
            if last:
                return

    def _fetch(self, http: Http, address: str, below: int | None) -> Any:
        """Return what is told of an address from below a block on; only from the newest on, unconfirmed transactions too."""
        params = {'limit': str(_PAGE), 'txlimit': str(_ROWS)}
        if below is not None:
            params |= {'before': str(below), 'confirmations': '1'}
        answer = http.get(self.endpoint, f'{self._path}/addrs/{address}/full', params)
        refuse_rejected(answer)
        return _NOTHING if self._knows_nothing(answer) else self._body(answer)

    @property
    def _path(self) -> str:
        return f'/{self.chain.currency}/main'

    def _knows_nothing(self, answer: UpstreamResponse) -> bool:
        return answer.status == 404 and f'address {_UNKNOWN}' in answer.text.lower()

    def _body(self, answer: UpstreamResponse) -> Any:
        """Return the JSON of an answer. Raises Upstream for an error, which may come as a 200."""
        body = answer.json()
        if isinstance(body, dict) and 'error' in body:
            throttled = 'limit' in str(body['error']).lower()
            raise Upstream(self.endpoint.key, 'rate-limits us' if throttled else 'returned an error', throttled=throttled)
        return body

    def _holding(self, body: Any) -> Holding:
        """Read the sums, confirmed all of them; what is not confirmed yet is summed apart."""
        txns = body.get('txs') or []
        if txns and money.whole(body['n_tx']) and all(_is_pending(txn) for txn in txns):
            raise ValueError('a confirmed transaction on the first page')
        return Holding(
            currency=self.chain.currency,
            balance=self.chain.amount(money.whole(body['balance'])),
            sent=self.chain.amount(money.whole(body['total_sent'])),
            received=self.chain.amount(money.whole(body['total_received'])),
            transactions=money.whole(body['n_tx']),
            unconfirmed=self.chain.amount(money.whole(body['unconfirmed_balance'])),
        )

    def _entries(self, http: Http, body: Any, address: str) -> list[Entry]:
        parts = 0
        entries = []
        with expected_shape(self.endpoint, 'transactions'):
            for txn in body.get('txs') or []:
                if _is_pending(txn):
                    continue
                parts += self._complete(http, txn, _MOST_PARTS - parts)
                entries.append(self._entry(txn, address))
        return entries

    def _complete(self, http: Http, txn: dict[str, Any], most: int) -> int:
        """Add the inputs and outputs that did not fit; return how many requests that took. Raises Upstream when they are not told."""
        parts = 0
        for rows, size, start in (('inputs', 'vin_sz', 'instart'), ('outputs', 'vout_sz', 'outstart')):
            while len(txn[rows]) < money.whole(txn[size]):
                if parts == most:
                    raise UpstreamNotAsked(self.endpoint.key, 'lists transactions too long to be read')
                params = {'limit': str(_ROWS), start: str(len(txn[rows]))}
                more = self._body(http.get(self.endpoint, f'{self._path}/txs/{txn["hash"]}', params))[rows]
                if not more:
                    raise Upstream(self.endpoint.key, 'returned part of a transaction')
                txn[rows] += more
                parts += 1
        return parts

    def _entry(self, txn: dict[str, Any], address: str) -> Entry:
        """Net one transaction. A coinbase input has no addresses; a bare multisig output counts for each address it names."""
        if len(txn['inputs']) != txn['vin_sz'] or len(txn['outputs']) != txn['vout_sz']:
            raise ValueError('inputs and outputs of another number than is told')
        return netted(
            self.chain,
            txn['hash'],
            [money.whole(row['value']) for row in txn['outputs'] if _is_of(row, address)],
            [money.whole(row['output_value']) for row in txn['inputs'] if _is_of(row, address)],
            fee=money.whole(txn['fees']),
            at=_seconds(txn['confirmed']),
            height=money.whole(txn['block_height']),
        )


_NOTHING = {'balance': 0, 'total_sent': 0, 'total_received': 0, 'n_tx': 0, 'unconfirmed_balance': 0}


def _is_pending(txn: dict[str, Any]) -> bool:
    return money.whole(txn['block_height']) < 0


def _seconds(text: str) -> int:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError('a time of no zone')
    return int(instant.timestamp())


def _is_of(row: dict[str, Any], address: str) -> bool:
    return address in (row.get('addresses') or [])
