"""BlockCypher, for chains of unspent outputs. https://www.blockcypher.com/dev/bitcoin/, `/addrs/:a/full` and `/txs/:hash`.

Without an API key three requests a second and a hundred an hour; a key raises both.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream, UpstreamNotAsked
from chalicelib.providers.explorers.explorer import AddressReport, Page, expected_shape, read_row, refuse_rejected
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_PAGE = 50
_ROWS = 200  # inputs, and outputs, of a transaction in one response
_MAX_PARTS = 40  # requests for the rest of long transactions, per page
_UNKNOWN = 'not found'
_MULTISIG = 'pay-to-multi-pubkey-hash'


@dataclass(frozen=True)
class BlockCypher:
    """Counts pay-to-public-key outputs under the address of the key. Amounts are integers in the smallest unit.

    Its totals count a bare multisig output for each of its addresses, though it belongs to none of them, so an address that such an
    output names is left to other explorers.

    A page always ends with a whole block, so the next one begins below it. `hasMore` is missing at times: the last page is
    recognized by the number of transactions, or because it is empty.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = True

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        first = self._fetch(http, address, None)
        with expected_shape(self.endpoint, 'an address'):
            holding = self._holding(first)
            below, seen = map(int, resume.split(':')) if resume else (None, 0)
        return AddressReport([holding], self._pages(http, address, first, below, seen))

    def _pages(self, http: Http, address: str, first: Any, below: int | None, seen: int) -> Iterator[Page]:
        """Yield the pages below block `below`. Their `resume` is the lowest block and the number of transactions seen so far."""
        while True:
            body = first if below is None else self._fetch(http, address, below)
            with expected_shape(self.endpoint, 'transactions'):
                txns = [txn for txn in body.get('txs') or [] if not _is_pending(txn)]
                parts = iter(range(_MAX_PARTS))
                rows = [self._row(http, txn, address, parts) for txn in txns]
                below, seen = _lowest(txns), seen + len(txns)
                last = not txns or seen >= money.whole(body['n_tx'])
                page = Page.of(rows, None if last else f'{below}:{seen}')
            yield page
            if last:
                return

    def _fetch(self, http: Http, address: str, below: int | None) -> Any:
        """Return the totals of an address and its transactions below a block; if `below` is None, all, unconfirmed ones first."""
        params = {'limit': str(_PAGE), 'txlimit': str(_ROWS)}
        if below is not None:
            params |= {'before': str(below), 'confirmations': '1'}
        answer = http.get(self.endpoint, f'{self._path}/addrs/{address}/full', params)
        refuse_rejected(answer)
        is_unknown = answer.status == 404 and f'address {_UNKNOWN}' in answer.text.lower()
        return _NOTHING if is_unknown else self._body(answer)

    @property
    def _path(self) -> str:
        return f'/{self.chain.currency}/main'

    def _body(self, answer: UpstreamResponse) -> Any:
        """Return the JSON of a response. Raises Upstream for an error, whose status may be 200."""
        body = answer.json()
        if isinstance(body, dict) and 'error' in body:
            throttled = 'limit' in str(body['error']).lower()
            raise Upstream(self.endpoint.key, 'rate-limits us' if throttled else 'returned an error', throttled=throttled)
        return body

    def _holding(self, body: Any) -> Holding:
        """Parse the totals of confirmed transactions, and that of unconfirmed ones, which is separate."""
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

    def _row(self, http: Http, txn: dict[str, Any], address: str, parts: Iterator[int]) -> Entry | Unreadable:
        def read() -> Entry:
            self._complete(http, txn, parts)
            return self._entry(txn, address)

        return read_row(read, self.chain, txn['hash'], at=lambda: _seconds(txn['confirmed']), height=lambda: txn['block_height'])

    def _complete(self, http: Http, txn: dict[str, Any], parts: Iterator[int]) -> None:
        """Add the inputs and outputs that did not fit, one of the `parts` that are left to a page at a time. Raises Upstream."""
        for rows, size, start in (('inputs', 'vin_sz', 'instart'), ('outputs', 'vout_sz', 'outstart')):
            while len(txn[rows]) < money.whole(txn[size]):
                if next(parts, None) is None:
                    raise UpstreamNotAsked(self.endpoint.key, 'lists transactions too long to be read')
                params = {'limit': str(_ROWS), start: str(len(txn[rows]))}
                more = self._body(http.get(self.endpoint, f'{self._path}/txs/{txn["hash"]}', params))[rows]
                if not more:
                    raise Upstream(self.endpoint.key, 'returned part of a transaction')
                txn[rows] += more

    def _entry(self, txn: dict[str, Any], address: str) -> Entry:
        """Net one transaction. Coinbase inputs have no address."""
        if len(txn['inputs']) != txn['vin_sz'] or len(txn['outputs']) != txn['vout_sz']:
            raise ValueError('inputs or outputs are missing')
        if any(_is_shared(row, address) for row in (*txn['inputs'], *txn['outputs'])):
            # A failure for this address, so that others are asked first from now on: the totals stay as they are.
            raise Upstream(self.endpoint.key, 'counts multisig outputs as those of the address')
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
        raise ValueError('a time without a zone')
    return int(instant.timestamp())


def _lowest(txns: Sequence[dict[str, Any]]) -> int | None:
    """Return the lowest block of transactions, None if there are none. Raises ValueError if they are not newest first."""
    heights = [money.whole(txn['block_height']) for txn in txns]
    if heights != sorted(heights, reverse=True):
        raise ValueError('not newest first')
    return heights[-1] if heights else None


def _is_of(row: dict[str, Any], address: str) -> bool:
    return address in _owners(row)


def _is_shared(row: dict[str, Any], address: str) -> bool:
    """Whether an input or output is bare multisig with a key of the address, even if with no other."""
    return _is_of(row, address) and (len(_owners(row)) > 1 or row.get('script_type') == _MULTISIG)


def _owners(row: dict[str, Any]) -> list[str]:
    """Return the addresses of an input or output; there are none of a coinbase or of data. Raises ValueError."""
    owners = row.get('addresses') or []
    if not isinstance(owners, list):
        raise ValueError('no list of addresses')
    return owners
