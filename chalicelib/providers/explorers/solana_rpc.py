"""Nodes of Solana, over JSON-RPC.

https://solana.com/docs/rpc, `getBalance`, `getSignaturesForAddress` and, in small batches, `getTransaction`. No key. The public node allows
40 questions of a kind in ten seconds for each IP address, and is not for production: put a node of your own in its place.
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
_FIRST_PAGE = 4  # enough for what is new
_PAGE = 20
_FINALIZED = {'commitment': 'finalized'}
_SIGNATURE = re.compile('[1-9A-HJ-NP-Za-km-z]{64,88}')
_THROTTLED = re.compile('too many requests|rate limit', re.IGNORECASE)
_THROTTLED_CODES = (429, -32429)
_INVALID_PARAMS = -32602

Question = tuple[str, list[Any]]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SolanaRpc:
    """Tells SOL, in whole lamports; tokens are not told of.

    Every transaction that names the address is an entry, those too that move none of its SOL. What comes without one, which is
    the reward of a stake, is not listed, so the ledger of a stake account does not add up. Pages go on from a signature, and end
    with one of nothing.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held: Collection[str] = ()) -> AddressReport:
        [told] = self._ask(http, [('getBalance', [address, _FINALIZED])])
        with expected_shape(self.endpoint, 'a balance'):
            balance = self.chain.amount(money.whole(told['value']))
        holding = Holding(self.chain.currency, balance, sent=None, received=None, transactions=None)
        return AddressReport([holding], self._pages(http, address, resume))

    def _pages(self, http: Http, address: str, before: str | None) -> Iterator[Page]:
        while True:
            rows = self._signatures(http, address, before)
            told = self._transactions(http, [row['signature'] for row in rows])
            with expected_shape(self.endpoint, 'transactions'):
                entries = [self._entry(row, txn, address) for row, txn in zip(rows, told, strict=True)]
            before = rows[-1]['signature'] if rows else None
            yield Page(entries, before)
            if before is None:
                return

    def _signatures(self, http: Http, address: str, before: str | None) -> list[Row]:
        limit, place = (_FIRST_PAGE, {}) if before is None else (_PAGE, {'before': before})
        rows: list[Row]
        [rows] = self._ask(http, [('getSignaturesForAddress', [address, {**_FINALIZED, **place, 'limit': limit}])])
        with expected_shape(self.endpoint, 'signatures'):
            slots = [money.whole(row['slot']) for row in rows]
            if not isinstance(rows, list) or len(rows) > limit or slots != sorted(slots, reverse=True):
                raise ValueError('not as asked for')
            if not all(_SIGNATURE.fullmatch(row['signature']) for row in rows) or before in [row['signature'] for row in rows]:
                raise ValueError('not what comes before')
        return rows

    def _transactions(self, http: Http, signatures: Sequence[str]) -> list[Row]:
        """Return transactions in the order of their signatures. Raises Upstream when one that was listed is no longer kept."""
        config = {**_FINALIZED, 'encoding': 'json', 'maxSupportedTransactionVersion': 0}
        told: list[Row] = []
        for start in range(0, len(signatures), _BATCH):
            told += self._ask(http, [('getTransaction', [signature, config]) for signature in signatures[start : start + _BATCH]])
        if any(txn is None for txn in told):
            raise Upstream(self.endpoint.key, 'does not keep a transaction that it lists')
        return told

    def _ask(self, http: Http, questions: Sequence[Question]) -> list[Any]:
        """Return the answers in the order of the questions; one alone is no batch."""
        asked = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(questions)]
        body = http.post(self.endpoint, '', asked if len(asked) > 1 else asked[0]).json()
        with expected_shape(self.endpoint, 'an envelope'):
            rows = [body] if isinstance(body, dict) else list(body)
            errors = [row['error'] for row in rows if row.get('error') is not None]
            refusal = self._refusal(errors[0], questions) if errors else None
        if refusal is not None:
            raise refusal
        with expected_shape(self.endpoint, 'an envelope'):
            by_number = {row['id']: row['result'] for row in rows}
            return [by_number[number] for number in range(len(questions))]

    def _refusal(self, error: Row, questions: Sequence[Question]) -> Upstream:
        if error['code'] in _THROTTLED_CODES or _THROTTLED.search(error['message']):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        if error['code'] == _INVALID_PARAMS and questions[0][0] == 'getBalance':
            return UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        return Upstream(self.endpoint.key, 'returned an error')

    def _entry(self, row: Row, told: Row, address: str) -> Entry:
        """Net one transaction: balances are told before and after, fee included, which the first account pays, failed or not."""
        message, meta = told['transaction']['message'], told['meta']
        loaded = meta.get('loadedAddresses') or {'writable': [], 'readonly': []}
        keys = [*message['accountKeys'], *loaded['writable'], *loaded['readonly']]
        before, after = ([money.whole(units) for units in meta[name]] for name in ('preBalances', 'postBalances'))
        if not len(keys) == len(before) == len(after) or told['transaction']['signatures'][0] != row['signature']:
            raise ValueError('not the transaction asked for')
        place = keys.index(address)
        entry = Entry(
            reference=row['signature'],
            n=0,
            currency=self.chain.currency,
            delta=self.chain.amount(after[place] - before[place]),
            fee=self.chain.amount(money.whole(meta['fee'])) if place == 0 else money.ZERO,
            at=money.whole(told['blockTime']),
            height=money.whole(told['slot']),
        )
        return checked(entry, self.chain, _SIGNATURE)
