"""A node's own blocks, receipts, events and traces as the world that explorers tell: what Etherscan makes of them, amounts untouched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.fake_upstreams import evm
from tests.node.anvil import Node

_TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'  # keccak of Transfer(address,address,uint256)
_BALANCE_OF = '0x70a08231'


@dataclass(frozen=True)
class NodeWorld(evm.World):
    """A world of which the node itself says what is held."""

    node: Node | None = None

    def balance(self, address: str) -> int:
        assert self.node is not None
        return balance_at(self.node, address)

    def tokens(self, address: str) -> dict[str, int]:
        assert self.node is not None
        contracts = {transfer.contract for txn in self.transactions for transfer in txn.transfers}
        return {contract: token_balance_at(self.node, contract, address) for contract in sorted(contracts)}


def world_of(node: Node, given: dict[str, int]) -> NodeWorld:
    """Return all that happened on a node; `given` is what addresses had at the beginning."""
    began = int(node.ask('eth_getBlockByNumber', '0x0', False)['timestamp'], 16)
    return NodeWorld(node.quantity('eth_chainId'), [*_transactions(node)], genesis=given, began=began, node=node)


def balance_at(node: Node, address: str, block: int | None = None) -> int:
    return node.quantity('eth_getBalance', address, 'latest' if block is None else hex(block))


def token_balance_at(node: Node, contract: str, address: str, block: int | None = None) -> int:
    data = _BALANCE_OF + address.removeprefix('0x').rjust(64, '0')
    answer = node.ask('eth_call', {'to': contract, 'data': data}, 'latest' if block is None else hex(block))
    return 0 if answer == '0x' else int(answer, 16)


def _transactions(node: Node) -> Iterator[evm.Transaction]:
    for number in range(1, node.quantity('eth_blockNumber') + 1):
        block = node.ask('eth_getBlockByNumber', hex(number), True)
        for row in block['transactions']:
            yield _transaction(node, row, node.receipt(row['hash']), int(block['timestamp'], 16))


def _transaction(node: Node, row: Any, receipt: Any, time: int) -> evm.Transaction:
    trace = node.ask('debug_traceTransaction', row['hash'], {'tracer': 'callTracer'})
    return evm.Transaction(
        row['hash'],
        int(row['blockNumber'], 16),
        time,
        row['from'],
        row['to'] or '',
        int(row['value'], 16),
        int(receipt['gasUsed'], 16),
        int(receipt['effectiveGasPrice'], 16),
        failed=receipt['status'] == '0x0',
        created=receipt['contractAddress'] or '',
        inner=tuple(_inner(trace, failed='error' in trace)),
        transfers=tuple(_transfer(log) for log in receipt['logs'] if log['topics'][0] == _TRANSFER),
    )


def _inner(call: Any, *, failed: bool) -> Iterator[evm.Inner]:
    """Walk the calls below a call; what failed takes with it all that was done inside."""
    for inner in call.get('calls', ()):
        undone = failed or 'error' in inner
        yield evm.Inner(inner['from'], inner.get('to', ''), int(inner.get('value', '0x0'), 16), undone, _KINDS[inner['type']])
        yield from _inner(inner, failed=undone)


_KINDS = {
    'CALL': 'call',
    'CREATE': 'create',
    'CREATE2': 'create',
    'DELEGATECALL': 'delegatecall',
    'STATICCALL': 'staticcall',
    'SELFDESTRUCT': 'selfdestruct',
}


def _transfer(log: Any) -> evm.Transfer:
    sender, receiver = ('0x' + topic[-40:] for topic in log['topics'][1:3])
    return evm.Transfer(log['address'], sender, receiver, int(log['data'], 16))
