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
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.providers.explorers.explorer import AddressReport, Page, checked, expected_shape, read_row, unreadable
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
_UNSUPPORTED = -32015
_OF_THE_NODE = (-32005, -32011, -32019)  # it lags behind, keeps no transactions, or should be asked again
_ANY_VERSION = 255  # the highest; version 1 came in September 2026
_FIRST_EPOCH = 432_000  # slots; nothing could be transferred yet

Call = tuple[str, list[Any]]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SolanaRpc:
    """Returns SOL only, in lamports.

    Every transaction that names the address is an entry, even if it moves none of its SOL. Of each version, known or not, only what
    all of them have in common is read: who takes part, the balances before and after, the fee and the time. Staking rewards come
    without a transaction, so the ledger of a stake account does not reconcile. A page starts after a signature; the last page is
    empty.
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
            listed = self._signatures(http, address, before)
            if not listed and before is None:
                self._check_history(http)
            rows = self._read(http, listed, address)
            before = listed[-1]['signature'] if listed else None
            with expected_shape(self.endpoint, 'transactions'):
                page = Page.of(rows, before)
            yield page
            if before is None:
                return

    def _check_history(self, http: Http) -> None:
        """Raise UpstreamNotAsked if an empty list of transactions may only mean that the node has dropped the old ones."""
        [first] = self._query(http, [('getFirstAvailableBlock', [])])
        with expected_shape(self.endpoint, 'a slot'):
            begins_late = money.whole(first) > _FIRST_EPOCH
        if begins_late:
            raise UpstreamNotAsked(self.endpoint.key, 'keeps recent ledgers only')

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

    def _read(self, http: Http, listed: Sequence[Row], address: str) -> list[Entry | Unreadable]:
        answers = self._transactions(http, [row['signature'] for row in listed])
        with expected_shape(self.endpoint, 'transactions'):
            pairs = list(zip(listed, answers, strict=True))
            timeless = {money.whole(row['slot']) for row, answer in pairs if _time(row, answer.get('result')) is None}
        times = self._times(http, sorted(timeless))
        with expected_shape(self.endpoint, 'transactions'):
            return [self._row(row, answer, times, address) for row, answer in pairs]

    def _transactions(self, http: Http, signatures: Sequence[str]) -> list[Row]:
        """Return the answers about transactions, in the order of their signatures.

        One that the node cannot return costs nothing but itself. Raises Upstream if it returns none of them, unless they are of
        versions that it does not support.
        """
        config = {**_FINALIZED, 'encoding': 'json', 'maxSupportedTransactionVersion': _ANY_VERSION}
        answers = self._each(http, [('getTransaction', [signature, config]) for signature in signatures])
        with expected_shape(self.endpoint, 'an envelope'):
            lacking = [answer for answer in answers if answer.get('result') is None and _code(answer) != _UNSUPPORTED]
        if lacking and len(lacking) == len(answers):
            raise self._refusal(lacking[0].get('error'), 'getTransaction')
        return answers

    def _times(self, http: Http, slots: Sequence[int]) -> dict[int, Any]:
        """Return the times of blocks, None where the node does not know one."""
        answers = self._each(http, [('getBlockTime', [slot]) for slot in slots])
        return {slot: answer.get('result') for slot, answer in zip(slots, answers, strict=True)}

    def _each(self, http: Http, calls: Sequence[Call]) -> list[Row]:
        """Return the answers to calls, results or errors, in small batches. Raises Upstream for errors that are not of one call."""
        answers: list[Row] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._answers(http, calls[start : start + _BATCH])
        return answers

    def _query(self, http: Http, calls: Sequence[Call]) -> list[Any]:
        """Return the results in the order of the calls. Raises Upstream for any error."""
        answers = self._answers(http, calls)
        for answer, (method, _) in zip(answers, calls, strict=True):
            if answer.get('error') is not None:
                raise self._refusal(answer['error'], method)
        with expected_shape(self.endpoint, 'an envelope'):
            return [answer['result'] for answer in answers]

    def _answers(self, http: Http, calls: Sequence[Call]) -> list[Row]:
        """Send calls, a single one not as a batch."""
        bodies = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(calls)]
        body = http.post(self.endpoint, '', bodies if len(bodies) > 1 else bodies[0]).json()
        with expected_shape(self.endpoint, 'an envelope'):
            rows: list[Row] = [body] if isinstance(body, dict) else list(body)
            of_the_node = [row['error'] for row in rows if self._is_of_the_node(row, len(calls))]
            refusal = self._refusal(of_the_node[0], calls[0][0]) if of_the_node else None
        if refusal is not None:
            raise refusal
        with expected_shape(self.endpoint, 'an envelope'):
            by_number = {row['id']: row for row in rows if row.get('error') is not None or 'result' in row}
            return [by_number[number] for number in range(len(calls))]

    def _is_of_the_node(self, row: Row, calls: int) -> bool:
        """Whether an error says nothing about a single call."""
        error = row.get('error')
        return error is not None and (row.get('id') not in range(calls) or error['code'] in _OF_THE_NODE or _is_throttling(error))

    def _refusal(self, error: Row | None, method: str) -> Upstream:
        if error is None:
            return Upstream(self.endpoint.key, 'lacks a transaction that it lists')
        if _is_throttling(error):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        if error['code'] == _INVALID_PARAMS and method == 'getBalance':
            return UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        return Upstream(self.endpoint.key, 'returned an error')

    def _row(self, row: Row, answer: Row, times: Mapping[int, Any], address: str) -> Entry | Unreadable:
        signature, slot, txn = row['signature'], money.whole(row['slot']), answer.get('result')
        at = _time(row, txn) if _time(row, txn) is not None else times.get(slot)
        reason = self._lack(answer, at)
        if reason:
            return unreadable(self.chain, signature, reason, at=lambda: at, height=lambda: slot)
        return read_row(
            lambda: self._entry(row, txn, at, address), self.chain, signature, at=lambda: at, height=lambda: slot, known=_SIGNATURE
        )

    def _lack(self, answer: Row, at: Any) -> str | None:
        """Return why a transaction cannot be read, if that is known without looking into it."""
        if answer.get('result') is None:
            return 'version not supported by the node' if _code(answer) == _UNSUPPORTED else 'listed but not returned'
        return 'no block time' if at is None else None

    def _entry(self, row: Row, txn: Any, at: Any, address: str) -> Entry:
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
            at=money.whole(at),
            height=money.whole(txn['slot']),
        )
        return checked(entry, self.chain, _SIGNATURE)


def _time(row: Row, txn: Any) -> Any:
    """Return when a transaction was made, as itself or the list of signatures says; None if neither knows."""
    own = txn.get('blockTime') if isinstance(txn, dict) else None
    return row.get('blockTime') if own is None else own


def _code(answer: Row) -> Any:
    return (answer.get('error') or {}).get('code')


def _is_throttling(error: Row) -> bool:
    return error['code'] in _THROTTLED_CODES or _THROTTLED.search(error['message']) is not None
