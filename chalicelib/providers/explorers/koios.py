"""Koios, a query layer over Cardano's db-sync.

https://api.koios.rest/, `address_info`, `address_assets`, `address_txs` and `tx_info`. Without an API key 5,000 requests a day, 100 in ten
seconds and bodies of up to 1 KB for each IP address. The key is a bearer token.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import cardano_assets
from chalicelib.providers.explorers.cardano_assets import Sides
from chalicelib.providers.explorers.explorer import TXID, AddressReport, Page, expected_shape, read_rows, unreadable
from chalicelib.providers.explorers.outputs import netted
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BATCH = 10  # hashes, to fit into a kilobyte
_POLICY_DIGITS = 56

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Koios:
    """Returns ADA, in lovelace as strings, and the native tokens of the catalogue, in their smallest units.

    The collateral that a failed script costs appears as inputs and outputs, as in any transaction. Pages go down from a block:
    `resume` is its height and how many of the address's transactions in it were read.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    first_page: int = 10  # enough for new transactions
    page: int = 50
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. Neither an unused address nor an invalid one is listed, so none is rejected."""
        rows = self._query(http, '/address_info?select=address,balance', _addresses=[address])
        with expected_shape(self.endpoint, 'an address'):
            if [row['address'] for row in rows] not in ([], [address]):
                raise ValueError('not the requested address')
            balance = sum(money.whole(row['balance']) for row in rows)
        holding = Holding(self.chain.currency, self.chain.amount(balance), sent=None, received=None, transactions=None)
        tokens, unreadable = self._tokens(http, address) if rows else ([], [])
        return AddressReport([holding, *tokens], self._pages(http, address, resume), unreadable)

    def _tokens(self, http: Http, address: str) -> tuple[list[Holding], list[Unreadable]]:
        """Return what is held of tokens of the catalogue, which alone are asked for, and those of which that cannot be read."""
        policies = sorted({str(token.contract)[:_POLICY_DIGITS] for token in currencies.tokens_on(self.chain.currency)})
        query = f'select=policy_id,asset_name,quantity&policy_id=in.({",".join(policies)})'
        rows = self._query(http, f'/address_assets?{query}', _addresses=[address])
        with expected_shape(self.endpoint, 'assets'):
            held = [(f'{row["policy_id"]}{row["asset_name"] or ""}', row.get('quantity')) for row in rows]
            return cardano_assets.holdings(self.chain, held)

    def _pages(self, http: Http, address: str, resume: str | None) -> Iterator[Page]:
        while True:
            limit = self.first_page if resume is None else self.page
            rows = self._list(http, address, resume, limit)
            txns = self._transactions(http, [row['tx_hash'] for row in rows])
            with expected_shape(self.endpoint, 'transactions'):
                read = [each for row in rows for each in self._rows(txns.get(row['tx_hash']), row, address)]
                resume = _after(rows, resume) if len(rows) == limit else None
                page = Page.of(read, resume)
            yield page
            if resume is None:
                return

    def _list(self, http: Http, address: str, resume: str | None, limit: int) -> list[Row]:
        """Return hash, height and time of transactions, newest first."""
        height, _, read = (resume or '').partition('+')
        below = f'&block_height=lte.{height}&offset={read}' if resume else ''
        query = f'select=tx_hash,block_height,block_time&order=block_height.desc,tx_hash.desc&limit={limit}{below}'
        rows = self._query(http, f'/address_txs?{query}', _addresses=[address])
        with expected_shape(self.endpoint, 'transactions'):
            heights = [money.whole(row['block_height']) for row in rows]
            if len(rows) > limit or heights != sorted(heights, reverse=True):
                raise ValueError('not as requested')
            if not all(TXID.fullmatch(row['tx_hash']) for row in rows):
                raise ValueError('no hash')
        return rows

    def _transactions(self, http: Http, hashes: Sequence[str]) -> dict[str, Row]:
        """Return transactions by hash, without those that it does not tell of. Raises Upstream if it tells of none."""
        by_hash: dict[str, Row] = {}
        for start in range(0, len(hashes), _BATCH):
            batch = hashes[start : start + _BATCH]
            rows = self._query(http, '/tx_info?select=tx_hash,fee,inputs,outputs', _tx_hashes=batch, _inputs=True, _assets=True)
            with expected_shape(self.endpoint, 'transactions'):
                by_hash |= {row['tx_hash']: row for row in rows if isinstance(row, dict) and row.get('tx_hash') in batch}
        if hashes and not by_hash:
            raise Upstream(self.endpoint.key, 'lacks a transaction that it lists')
        return by_hash

    def _query(self, http: Http, path: str, **body: Any) -> list[Row]:
        rows = http.post(self.endpoint, path, body).json()
        if not isinstance(rows, list):
            raise Upstream(self.endpoint.key, 'returned something that is not a list')
        return rows

    def _rows(self, txn: Row | None, row: Row, address: str) -> list[Entry | Unreadable]:
        """Return what a transaction changes, by currency."""
        txid, at, height = row['tx_hash'], lambda: row['block_time'], lambda: row['block_height']
        if txn is None:
            return [unreadable(self.chain, txid, 'listed but not returned', at=at, height=height)]
        sides = cardano_assets.sides(txn, lambda row: _is_own(row, address), 'asset_list', _unit)
        codes = [self.chain.currency, *sides.codes(self.chain)]
        return read_rows(lambda code: self._entry(txn, row, address, sides, code), codes, self.chain, txid, at=at, height=height)

    def _entry(self, txn: Row, row: Row, address: str, sides: Sides, code: str) -> Entry:
        at, height = money.whole(row['block_time']), money.whole(row['block_height'])
        if code != self.chain.currency:
            return cardano_assets.entry(self.chain, code, txn['tx_hash'], sides, at=at, height=height)
        return netted(
            self.chain,
            txn['tx_hash'],
            _values(txn['outputs'], address),
            _values(txn['inputs'], address),
            fee=money.whole(txn['fee']),
            at=at,
            height=height,
            may_be_idle=True,
        )


def _values(rows: Sequence[Row], address: str) -> list[int]:
    return [money.whole(row['value']) for row in rows if _is_own(row, address)]


def _is_own(row: Row, address: str) -> bool:
    return bool(row['payment_addr']['bech32'] == address)


def _unit(asset: Row) -> str:
    return f'{asset.get("policy_id")}{asset.get("asset_name") or ""}'


def _after(rows: Sequence[Row], resume: str | None) -> str:
    """Return the position after these rows."""
    height = rows[-1]['block_height']
    resumed_at, _, read = (resume or '').partition('+')
    already = int(read) if resumed_at == str(height) else 0
    return f'{height}+{already + sum(row["block_height"] == height for row in rows)}'
