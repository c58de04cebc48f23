"""Nodes of Solana, over JSON-RPC.

https://solana.com/docs/rpc, `getBalance`, `getSignaturesForAddress` and, in small batches, `getTransaction`. No API key. The public
node allows 40 calls of a method in ten seconds for each IP address and is not meant for production: use your own node there.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers.explorer import AddressReport, Page, checked, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BATCH = 4
_FIRST_PAGE = 4  # enough for new transactions
_PAGE = 20
_FINALIZED = {'commitment': 'finalized'}
_SIGNATURE = re.compile('[1-9A-HJ-NP-Za-km-z]{64,88}')
_THROTTLED = re.compile('too many requests|rate limit', re.IGNORECASE)
_THROTTLED_CODES = (429, -32429)
_INVALID_PARAMS = -32602

Call = tuple[str, list[Any]]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SolanaRpc:
    """Returns SOL only, in lamports.

    Every transaction that names the address is an entry, even if it moves none of its SOL. Staking rewards come without a
    transaction, so the ledger of a stake account does not reconcile. A page starts after a signature; the last page is empty.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        [balance_row] = self._query(http, [('getBalance', [address, _FINALIZED])])
        with expected_shape(self.endpoint, 'a balance'):
            balance = self.chain.amount(money.whole(balance_row['value']))
        holding = Holding(self.chain.currency, balance, sent=None, received=None, transactions=None)
        return AddressReport([holding], self._pages(http, address, resume))

    def _pages(self, http: Http, address: str, before: str | None) -> Iterator[Page]:
        while True:
            rows = self._signatures(http, address, before)
            txns = self._transactions(http, [row['signature'] for row in rows])
            with expected_shape(self.endpoint, 'transactions'):
                entries = [self._entry(row, txn, address) for row, txn in zip(rows, txns, strict=True)]
            before = rows[-1]['signature'] if rows else None
            yield Page(entries, before)
            if before is None:
                return

    def _signatures(self, http: Http, address: str, before: str | None) -> list[Row]:
        limit, place = (_FIRST_PAGE, {}) if before is None else (_PAGE, {'before': before})
        rows: list[Row]
        [rows] = self._query(http, [('getSignaturesForAddress', [address, {**_FINALIZED, **place, 'limit': limit}])])
        with expected_shape(self.endpoint, 'signatures'):
            slots = [money.whole(row['slot']) for row in rows]
            if not isinstance(rows, list) or len(rows) > limit or slots != sorted(slots, reverse=True):
                raise ValueError('not as requested')
            if not all(_SIGNATURE.fullmatch(row['signature']) for row in rows) or before in [row['signature'] for row in rows]:
                raise ValueError('not what comes before')
        return rows

    def _transactions(self, http: Http, signatures: Sequence[str]) -> list[Row]:
        """Return transactions in the order of their signatures. Raises Upstream if the node no longer has one that it lists."""
        config = {**_FINALIZED, 'encoding': 'json', 'maxSupportedTransactionVersion': 0}
        txns: list[Row] = []
        for start in range(0, len(signatures), _BATCH):
            txns += self._query(http, [('getTransaction', [signature, config]) for signature in signatures[start : start + _BATCH]])
        if any(txn is None for txn in txns):
            raise Upstream(self.endpoint.key, 'lacks a transaction that it lists')
        return txns

    def _query(self, http: Http, calls: Sequence[Call]) -> list[Any]:
        """Return the results in the order of the calls; a single one is not sent as a batch."""
        bodies = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(calls)]
        body = http.post(self.endpoint, '', bodies if len(bodies) > 1 else bodies[0]).json()
        with expected_shape(self.endpoint, 'an envelope'):
            rows = [body] if isinstance(body, dict) else list(body)
            errors = [row['error'] for row in rows if row.get('error') is not None]
            refusal = self._refusal(errors[0], calls) if errors else None
        if refusal is not None:
            raise refusal
        with expected_shape(self.endpoint, 'an envelope'):
            by_number = {row['id']: row['result'] for row in rows}
            return [by_number[number] for number in range(len(calls))]

    def _refusal(self, error: Row, calls: Sequence[Call]) -> Upstream:
        if error['code'] in _THROTTLED_CODES or _THROTTLED.search(error['message']):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        if error['code'] == _INVALID_PARAMS and calls[0][0] == 'getBalance':
            return UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        return Upstream(self.endpoint.key, 'returned an error')

    def _entry(self, row: Row, txn: Row, address: str) -> Entry:
        """Net one transaction by the balances before and after it. The first account pays the fee, even if the transaction failed."""
        message, meta = txn['transaction']['message'], txn['meta']
        loaded = meta.get('loadedAddresses') or {'writable': [], 'readonly': []}
        keys = [*message['accountKeys'], *loaded['writable'], *loaded['readonly']]
        before, after = ([money.whole(units) for units in meta[name]] for name in ('preBalances', 'postBalances'))
        if not len(keys) == len(before) == len(after) or txn['transaction']['signatures'][0] != row['signature']:
            raise ValueError('not the requested transaction')
        place = keys.index(address)
        entry = Entry(
            reference=row['signature'],
            n=0,
            currency=self.chain.currency,
            delta=self.chain.amount(after[place] - before[place]),
            fee=self.chain.amount(money.whole(meta['fee'])) if place == 0 else money.ZERO,
            at=money.whole(txn['blockTime']),
            height=money.whole(txn['slot']),
        )
        return checked(entry, self.chain, _SIGNATURE)
