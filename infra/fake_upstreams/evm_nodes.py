"""Nodes of Ethereum and chains like it: https://ethereum.org/developers/docs/apis/json-rpc, and the contract Multicall3 on each."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.evm import WORLDS, Transaction, World, txn_hash

MULTICALL = '0xca11bde05977b3631167028862be2a173976ca11'
TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
_BALANCE_OF, _AGGREGATE3, _ETH_BALANCE = '0x70a08231', '0x82ad56cb', '0x4d2301cc'
_BLOCK_SECONDS = 12
_NO_METHOD = {'error': {'code': -32601, 'message': 'the method does not exist'}}
_REVERTED = {'error': {'code': 3, 'message': 'execution reverted', 'data': '0x'}}

Json = dict[str, Any]


def now() -> int:
    """Return when the newest block was made."""
    return int(time.time())


def height(world: World) -> int:
    """Return the number of the newest block: since the last transaction one came every twelve seconds."""
    last = max(world.transactions, key=lambda txn: txn.height, default=None)
    return (last.height + max(0, now() - last.time) // _BLOCK_SECONDS) if last else 1_000


def answer_node(world: World, questions: Sequence[Json]) -> Answer:
    """Answer a batch: who we are, what is held of the coin and of tokens, what transactions cost, and who moved tokens."""
    return as_json([{'jsonrpc': '2.0', 'id': question['id'], **_answer_question(world, question)} for question in questions])


def _answer_question(world: World, question: Json) -> Json:
    match question['method'], question['params']:
        case 'eth_chainId', []:
            return {'result': hex(world.chain_id)}
        case 'eth_getBlockByNumber', ['latest', False]:
            return {'result': {'number': hex(height(world)), 'timestamp': hex(now())}}
        case 'eth_getBalance', [address, 'latest']:
            return {'result': hex(world.balance(address.lower()))}
        case 'eth_getTransactionCount', [address, 'latest']:
            return {'result': hex(sum(txn.sender == address.lower() for txn in world.transactions))}
        case 'eth_call', [{'to': to, 'data': data}, 'latest']:
            return _call(world, to.lower(), data)
        case 'eth_getLogs', [wanted]:
            return {'result': [*_logs(world, wanted)]}
        case 'eth_getTransactionReceipt', [reference]:
            return {'result': _receipt(world, reference)}
    return _NO_METHOD


def _call(world: World, contract: str, data: str) -> Json:
    if contract == MULTICALL and data.startswith(_AGGREGATE3):
        return {'result': _aggregate(world, data)}
    if not data.startswith(_BALANCE_OF):
        return _NO_METHOD
    held = _balance(world, contract, data)
    return _REVERTED if held is None else {'result': f'0x{held:064x}'}


def _logs(world: World, wanted: Json) -> Iterator[Json]:
    first, last = int(wanted['fromBlock'], 16), int(wanted['toBlock'], 16)
    contracts = {contract.lower() for contract in wanted['address']}
    for txn in world.transactions:
        if first <= txn.height <= last:
            yield from (log for log in _transfers(txn) if log['address'] in contracts and _fits(log['topics'], wanted['topics']))


def _transfers(txn: Transaction) -> Iterator[Json]:
    for contract, sender, receiver, value in txn.transfers:
        topics = [TRANSFER, *(f'0x{party.removeprefix("0x"):0>64}' for party in (sender, receiver))]
        where = {'blockNumber': hex(txn.height), 'blockHash': txn_hash('block', txn.height), 'transactionHash': txn.hash}
        yield {'address': contract, 'topics': topics, 'data': f'0x{value:064x}', 'removed': False, **where}


def _fits(topics: Sequence[str], wanted: Sequence[Any]) -> bool:
    sides = zip(topics, wanted, strict=False)
    return all(side is None or topic == side or (isinstance(side, list) and topic in side) for topic, side in sides)


def _balance(world: World, contract: str, data: str) -> int | None:
    if contract == MULTICALL and data.startswith(_ETH_BALANCE):
        return world.balance('0x' + data[-40:])
    return None if contract in world.broken else world.tokens('0x' + data[-40:]).get(contract, 0)


def _aggregate(world: World, data: str) -> str:
    """Answer calls of `balanceOf` and `getEthBalance`.

    Their tuples all have the same length: contract, may fail, offset, 36 bytes of data in 64.
    """
    words = [data[start : start + 64] for start in range(len(_AGGREGATE3), len(data), 64)]
    number = int(words[1], 16)
    tuples = [words[2 + number + 6 * place : 8 + number + 6 * place] for place in range(number)]
    balances = [_balance(world, '0x' + row[0][24:], '0x' + ''.join(row[4:6])[:72]) for row in tuples]
    results = [_words(0, 64, 0) if balance is None else _words(1, 64, 32, balance) for balance in balances]
    starts = [number * 32 + sum(len(result) // 2 for result in results[:place]) for place in range(number)]
    return '0x' + _words(32, number, *starts) + ''.join(results)


def _words(*numbers: int) -> str:
    return ''.join(f'{number:064x}' for number in numbers)


def _receipt(world: World, reference: str) -> Json | None:
    for txn in world.transactions:
        if txn.hash == reference:
            blobs = {'blobGasUsed': hex(txn.blob_fee), 'blobGasPrice': '0x1'} if txn.blob_fee else {}
            data = {'l1Fee': hex(txn.l1_fee)} if txn.l1_fee else {}
            return {'transactionHash': reference, 'gasUsed': hex(txn.gas_used), 'effectiveGasPrice': hex(txn.gas_price), **blobs, **data}
    return None


_NODES = {
    'publicnode': 'eth',
    'drpc': 'eth',
    'merkle': 'eth',
    'rivet': 'etc',
    'publicnode_pol': 'pol',
    'drpc_pol': 'pol',
    'publicnode_bnb': 'bnb',
    'drpc_bnb': 'bnb',
    'publicnode_avax': 'avax',
    'avalanche': 'avax',
    'publicnode_arbitrum': 'eth-arbitrum',
    'arbitrum': 'eth-arbitrum',
    'publicnode_optimism': 'eth-optimism',
    'optimism': 'eth-optimism',
    'publicnode_base': 'eth-base',
    'base': 'eth-base',
}


def _node(world: World) -> Callable[[list[str], Mapping[str, str], Any], Answer]:
    return lambda _, __, body: answer_node(world, body)


POSTED: dict[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {key: _node(WORLDS[chain]) for key, chain in _NODES.items()}
