"""Nodes of chains with an Ethereum Virtual Machine: current balances, without transactions.

https://ethereum.org/developers/docs/apis/json-rpc, calls in batches. No API key; public nodes publish no limits and ask for few requests.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import Blame, Upstream
from chalicelib.providers.explorers import evm
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BATCH = 50  # calls in a request
_BALANCE_OF = '0x70a08231'  # of ERC-20
_QUANTITY = re.compile('0x[0-9a-fA-F]{1,64}')
_NO_CONTRACT = '0x'
_THROTTLED = re.compile('rate limit|too many requests|limit exceeded|capacity', re.IGNORECASE)
_LIMIT_EXCEEDED = -32005  # EIP-1474

Call = tuple[str, list[Any]]


@dataclass(frozen=True)
class JsonRpc:
    """Returns the balances of the coin and of the catalogue's tokens on its chain. Amounts are hexadecimal integers.

    Raises Upstream if the node belongs to another chain. Tokens with a zero balance are omitted. The batches of one report may
    belong to different blocks.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        tokens = evm.tokens(self.chain.currency)
        calls: list[Call] = [('eth_chainId', []), ('eth_getBalance', [address, 'latest'])]
        calls += [('eth_call', [{'to': contract, 'data': _balance_of(address)}, 'latest']) for contract in tokens]
        chain_id, coin, *amounts = self._query(http, calls)
        with expected_shape(self.endpoint, 'a quantity'):
            if _quantity(chain_id) != self.chain.evm_id:
                raise Upstream(self.endpoint.key, 'is a node of another chain', blame=Blame.HOST)
            holdings = [_holding(self.chain.currency, _quantity(coin))]
            # A call to an address without a contract returns no data.
            held_units = [0 if amount == _NO_CONTRACT else _quantity(amount) for amount in amounts]
        holdings += [_holding(token.code, units) for token, units in zip(tokens.values(), held_units, strict=True) if units]
        return AddressReport(holdings, iter(()))

    def _query(self, http: Http, calls: Sequence[Call]) -> list[str]:
        """Return the results in the order of the calls."""
        results: list[str] = []
        for start in range(0, len(calls), _BATCH):
            results += self._query_batch(http, calls[start : start + _BATCH])
        return results

    def _query_batch(self, http: Http, calls: Sequence[Call]) -> list[str]:
        body = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(calls)]
        response = http.post(self.endpoint, '', body).json()
        with expected_shape(self.endpoint, 'a batch'):
            rows = [response] if isinstance(response, dict) else list(response)
            errors = [row['error'] for row in rows if row.get('error')]
            if errors:
                raise self._refusal(errors[0])
            by_number = {row['id']: row['result'] for row in rows}
            return [by_number[number] for number in range(len(calls))]

    def _refusal(self, error: Any) -> Upstream:
        if error['code'] == _LIMIT_EXCEEDED or _THROTTLED.search(error['message']):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        return Upstream(self.endpoint.key, 'returned an error')


def _balance_of(address: str) -> str:
    return _BALANCE_OF + address.removeprefix('0x').lower().rjust(64, '0')


def _quantity(text: str) -> int:
    if not _QUANTITY.fullmatch(text):
        raise ValueError('a quantity')
    return int(text, 16)


def _holding(code: str, units: int) -> Holding:
    return Holding(code, money.scaled(units, currencies.get(code).decimals), sent=None, received=None, transactions=None)
