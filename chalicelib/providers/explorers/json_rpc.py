"""Nodes of chains with an Ethereum Virtual Machine: current balances, and what single transactions cost, without a list of them.

https://ethereum.org/developers/docs/apis/json-rpc, calls in batches. No API key; public nodes publish no limits and ask for few requests.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Holding, Unreadable
from chalicelib.errors import Blame, Upstream
from chalicelib.providers.explorers import multicall
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

NO_BALANCE = 'the contract tells no balance'

_BATCH = 50  # calls in a request
_MOST_AGGREGATED = 460  # balances in one call, which open nodes are known to answer
_BALANCE_OF = '0x70a08231'  # of ERC-20
_QUANTITY = re.compile('0x[0-9a-fA-F]{1,64}')
_NO_CONTRACT = '0x'  # what a call of an address without a contract returns
_DATA = re.compile('0x(?:[0-9a-fA-F]{2})*')
_THROTTLED = re.compile('rate limit|too many requests|limit exceeded|capacity', re.IGNORECASE)
_LIMIT_EXCEEDED = -32005  # EIP-1474

Call = tuple[str, list[Any]]
Row = Mapping[str, Any]


class TokenBalances(NamedTuple):
    """What an address holds of tokens, without those of which it holds nothing, and the tokens of which that cannot be told."""

    holdings: list[Holding]
    unreadable: list[Unreadable]


@dataclass(frozen=True)
class JsonRpc:
    """Returns the balances of the coin and of the catalogue's tokens on its chain. Amounts are hexadecimal integers.

    Raises Upstream if the node belongs to another chain. Tokens with a zero balance are omitted. The requests of one report may
    belong to different blocks.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        chain_id, coin = self.results(http, [('eth_chainId', []), ('eth_getBalance', [address, 'latest'])])
        with expected_shape(self.endpoint, 'a quantity'):
            if quantity(chain_id) != self.chain.evm_id:
                raise Upstream(self.endpoint.key, 'is a node of another chain', blame=Blame.HOST)
            holding = _holding(currencies.get(self.chain.currency), quantity(coin))
        tokens = self.token_balances(http, address, [token.code for token in currencies.tokens_on(self.chain.currency)])
        return AddressReport([holding, *tokens.holdings], iter(()), tokens.unreadable)

    def token_balances(self, http: Http, address: str, codes: Collection[str]) -> TokenBalances:
        """Return the balances of the catalogue's tokens with these codes, as many as can be in one call. Raises Upstream.

        A token whose contract fails, or returns no number, is unreadable; the others are told all the same.
        """
        tokens = [currencies.get(code) for code in sorted(codes)]
        units: list[int | None] = []
        for start in range(0, len(tokens), _MOST_AGGREGATED):
            units += self._aggregated(http, address, tokens[start : start + _MOST_AGGREGATED])
        pairs = list(zip(tokens, units, strict=True))
        return TokenBalances(
            [_holding(token, held) for token, held in pairs if held],
            [Unreadable(token.code, token.contract or '', NO_BALANCE) for token, held in pairs if held is None],
        )

    def fees(self, http: Http, hashes: Sequence[str]) -> dict[str, Decimal]:
        """Return what transactions cost their senders by their receipts, without those that the node does not know. Raises Upstream."""
        rows = self.rows(http, [('eth_getTransactionReceipt', [reference]) for reference in hashes])
        with expected_shape(self.endpoint, 'receipts'):
            self._require_answers(rows)
            receipts = {reference: row['result'] for reference, row in zip(hashes, rows, strict=True) if row.get('result')}
            return {reference: self.chain.amount(_fee(receipt)) for reference, receipt in receipts.items()}

    def _aggregated(self, http: Http, address: str, tokens: Sequence[Currency]) -> list[int | None]:
        """Return the units held of tokens, None for each that cannot be told.

        Many are called in one. Where that fails, out of gas or time or with too long an answer, it is done in halves.
        """
        if len(tokens) <= _BATCH:
            return self._one_by_one(http, address, tokens)
        data = multicall.encode_calls([(token.contract or '', balance_of(address)) for token in tokens])
        [row] = self.rows(http, [('eth_call', [{'to': multicall.CONTRACT, 'data': data}, 'latest'])])
        if row.get('result') == _NO_CONTRACT:
            return self._one_by_one(http, address, tokens)
        if 'error' in row:
            middle = len(tokens) // 2
            return [*self._aggregated(http, address, tokens[:middle]), *self._aggregated(http, address, tokens[middle:])]
        with expected_shape(self.endpoint, 'balances'):
            return [units_in(returned) for returned in multicall.decode_results(checked_data(row['result']), len(tokens))]

    def _one_by_one(self, http: Http, address: str, tokens: Sequence[Currency]) -> list[int | None]:
        rows = self.rows(http, [('eth_call', [{'to': token.contract, 'data': balance_of(address)}, 'latest']) for token in tokens])
        with expected_shape(self.endpoint, 'balances'):
            self._require_answers(rows)
            return [None if 'error' in row else units_in(checked_data(row['result']).removeprefix('0x')) for row in rows]

    def _require_answers(self, rows: Sequence[Row]) -> None:
        """Raise Upstream if a node answers nothing at all: then the fault is its own, not that of one contract."""
        if rows and all('error' in row for row in rows) and len(rows) > 1:
            raise Upstream(self.endpoint.key, 'returned an error')

    def results(self, http: Http, calls: Sequence[Call]) -> list[Any]:
        """Return the results of calls, in their order, none of which may fail."""
        rows = self.rows(http, calls)
        if any('error' in row for row in rows):
            raise Upstream(self.endpoint.key, 'returned an error')
        return [row['result'] for row in rows]

    def rows(self, http: Http, calls: Sequence[Call]) -> list[Row]:
        """Return a row for each call, in their order, with a `result` or an `error`; 50 to a request. Raises Upstream."""
        rows: list[Row] = []
        for start in range(0, len(calls), _BATCH):
            rows += self._batch(http, calls[start : start + _BATCH])
        return rows

    def _batch(self, http: Http, calls: Sequence[Call]) -> list[Row]:
        body = [{'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params} for number, (method, params) in enumerate(calls)]
        response = http.post(self.endpoint, '', body).json()
        with expected_shape(self.endpoint, 'a batch'):
            rows = [response] if isinstance(response, dict) else list(response)
            for error in (row['error'] for row in rows if row.get('error')):
                if error['code'] == _LIMIT_EXCEEDED or _THROTTLED.search(error['message']):
                    raise Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
            if len(rows) == 1 and rows[0].get('error') and rows[0].get('id') is None:  # the batch as a whole
                raise Upstream(self.endpoint.key, 'returned an error')
            by_number = {row['id']: {'error': True} if row.get('error') else {'result': row['result']} for row in rows}
            return [by_number[number] for number in range(len(calls))]


def balance_of(address: str) -> str:
    """Return the call data that asks the contract of a token what an address holds."""
    return _BALANCE_OF + address.removeprefix('0x').lower().rjust(64, '0')


def _fee(receipt: Row) -> int:
    """Return all that a transaction cost by its receipt: gas, blobs (EIP-4844), and on the OP stack its data and operator.

    https://specs.optimism.io/protocol/isthmus/exec-engine.html#operator-fee
    """
    gas = quantity(receipt['gasUsed'])
    blobs = _optional(receipt, 'blobGasUsed') * _optional(receipt, 'blobGasPrice')
    operator = gas * _optional(receipt, 'operatorFeeScalar') // 10**6 + _optional(receipt, 'operatorFeeConstant')
    return gas * quantity(receipt['effectiveGasPrice']) + blobs + _optional(receipt, 'l1Fee') + operator


def _optional(receipt: Row, name: str) -> int:
    return quantity(receipt[name]) if receipt.get(name) is not None else 0


def quantity(text: str) -> int:
    """Return the number that a node tells. Raises ValueError if it is none."""
    if not _QUANTITY.fullmatch(text):
        raise ValueError('a quantity')
    return int(text, 16)


def checked_data(text: str) -> str:
    """Return the bytes that a contract returned, in hexadecimal with 0x. Raises ValueError if they are none."""
    if not _DATA.fullmatch(text):
        raise ValueError('no data')
    return text


def units_in(returned: str | None) -> int | None:
    """Return the number at the beginning of what a contract returned; None if it failed or returned less than a number."""
    return int(returned[:64], 16) if returned is not None and len(returned) >= 64 else None


def _holding(currency: Currency, units: int) -> Holding:
    return Holding(currency.code, money.scaled(units, currency.decimals), sent=None, received=None, transactions=None)
