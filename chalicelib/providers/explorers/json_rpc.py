"""Nodes of Ethereum and the chains that took its machine over: what an address holds now, and nothing of how that came about.

https://ethereum.org/developers/docs/apis/json-rpc, questions in batches. No key; public nodes publish no limits and ask for few requests.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import evm
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_BATCH = 50  # questions in a request
_BALANCE_OF = '0x70a08231'  # of ERC-20
_QUANTITY = re.compile('0x[0-9a-fA-F]{1,64}')
_NO_CONTRACT = '0x'
_THROTTLED = re.compile('rate limit|too many requests|limit exceeded|capacity', re.IGNORECASE)
_LIMIT_EXCEEDED = -32005  # EIP-1474

Question = tuple[str, list[Any]]


@dataclass(frozen=True)
class JsonRpc:
    """Tells the coin, and each of the catalogue's tokens on its chain. Amounts are hexadecimal integers.

    The node must be of the chain `chain_id` (EIP-155). A token of which nothing is held is not told of. The batches of one reading
    may be of different blocks.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held: Collection[str] = ()) -> AddressReport:
        tokens = evm.tokens(self.chain.currency)
        questions: list[Question] = [('eth_chainId', []), ('eth_getBalance', [address, 'latest'])]
        questions += [('eth_call', [{'to': contract, 'data': _balance_of(address)}, 'latest']) for contract in tokens]
        chain_id, coin, *amounts = self._ask(http, questions)
        with expected_shape(self.endpoint, 'a quantity'):
            if _quantity(chain_id) != self.chain.evm_id:
                raise Upstream(self.endpoint.key, 'is a node of another chain')
            holdings = [_holding(self.chain.currency, _quantity(coin))]
            # Where there is no contract, none of its tokens are held.
            held_units = [0 if amount == _NO_CONTRACT else _quantity(amount) for amount in amounts]
        holdings += [_holding(token.code, units) for token, units in zip(tokens.values(), held_units, strict=True) if units]
        return AddressReport(holdings, iter(()))

    def _ask(self, http: Http, questions: Sequence[Question]) -> list[str]:
        """Return the answers in the order of the questions."""
        answers: list[str] = []
        for start in range(0, len(questions), _BATCH):
            answers += self._ask_batch(http, questions[start : start + _BATCH])
        return answers

    def _ask_batch(self, http: Http, questions: Sequence[Question]) -> list[str]:
        body = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(questions)]
        told = http.post(self.endpoint, '', body).json()
        with expected_shape(self.endpoint, 'a batch'):
            rows = [told] if isinstance(told, dict) else list(told)
            errors = [row['error'] for row in rows if row.get('error')]
            if errors:
                raise self._refusal(errors[0])
            by_number = {row['id']: row['result'] for row in rows}
            return [by_number[number] for number in range(len(questions))]

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
