"""How a node of Solana is asked: JSON-RPC, several calls in one request. https://solana.com/docs/rpc/json-rpc"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers.explorer import expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

_BATCH = 4
_THROTTLED = re.compile('too many requests|rate limit', re.IGNORECASE)
_THROTTLED_CODES = (429, -32429)
_INVALID_PARAMS = -32602
_OF_THE_NODE = (-32005, -32011, -32019)  # it lags behind, keeps no transactions, or should be asked again

Call = tuple[str, list[Any]]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SolanaNode:
    """A node that answers calls, each of them a method and its parameters."""

    endpoint: Endpoint
    http: Http

    def query(self, calls: Sequence[Call]) -> list[Any]:
        """Return the results in the order of the calls. Raises Upstream for any error."""
        return self.results(self.each(calls), calls)

    def results(self, answers: Sequence[Row], calls: Sequence[Call]) -> list[Any]:
        """Return the results in the answers to calls, one for each. Raises Upstream for any error."""
        for answer, (method, _) in zip(answers, calls, strict=True):
            if answer.get('error') is not None:
                raise self.refusal(answer['error'], method)
        with expected_shape(self.endpoint, 'an envelope'):
            return [answer['result'] for answer in answers]

    def each(self, calls: Sequence[Call]) -> list[Row]:
        """Return the answers to calls, results or errors, in small batches. Raises Upstream for errors that are not of one call."""
        answers: list[Row] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._answers(calls[start : start + _BATCH])
        return answers

    def refusal(self, error: Row | None, method: str) -> Upstream:
        """Return the exception for the error of a call, or for none where a result is lacking."""
        if error is None:
            return Upstream(self.endpoint.key, 'lacks a transaction that it lists')
        if _is_throttling(error):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        if error['code'] == _INVALID_PARAMS and method == 'getBalance':
            return UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        return Upstream(self.endpoint.key, 'returned an error')

    def _answers(self, calls: Sequence[Call]) -> list[Row]:
        """Send calls, a single one not as a batch."""
        bodies = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(calls)]
        body = self.http.post(self.endpoint, '', bodies if len(bodies) > 1 else bodies[0]).json()
        with expected_shape(self.endpoint, 'an envelope'):
            rows: list[Row] = [body] if isinstance(body, dict) else list(body)
            of_the_node = [row['error'] for row in rows if self._is_of_the_node(row, len(calls))]
            refusal = self.refusal(of_the_node[0], calls[0][0]) if of_the_node else None
        if refusal is not None:
            raise refusal
        with expected_shape(self.endpoint, 'an envelope'):
            by_number = {row['id']: row for row in rows if row.get('error') is not None or 'result' in row}
            return [by_number[number] for number in range(len(calls))]

    def _is_of_the_node(self, row: Row, calls: int) -> bool:
        """Whether an error says nothing about a single call."""
        error = row.get('error')
        return error is not None and (row.get('id') not in range(calls) or error['code'] in _OF_THE_NODE or _is_throttling(error))


def _is_throttling(error: Row) -> bool:
    return error['code'] in _THROTTLED_CODES or _THROTTLED.search(error['message']) is not None
