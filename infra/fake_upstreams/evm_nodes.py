"""Nodes of Ethereum and chains like it: https://ethereum.org/developers/docs/apis/json-rpc, and the contract Multicall3 on each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.evm import WORLDS, World

MULTICALL = '0xca11bde05977b3631167028862be2a173976ca11'
_BALANCE_OF, _AGGREGATE3 = '0x70a08231', '0x82ad56cb'
_REVERTED = {'error': {'code': 3, 'message': 'execution reverted', 'data': '0x'}}

Json = dict[str, Any]


def answer_node(world: World, questions: Sequence[Json]) -> Answer:
    """Answer a batch: who we are, what is held of the coin and of tokens, and what transactions cost."""
    return as_json([{'jsonrpc': '2.0', 'id': question['id'], **_answer_question(world, question)} for question in questions])


def _answer_question(world: World, question: Json) -> Json:
    match question['method'], question['params']:
        case 'eth_chainId', []:
            return {'result': hex(world.chain_id)}
        case 'eth_getBalance', [address, 'latest']:
            return {'result': hex(world.balance(address.lower()))}
        case 'eth_call', [{'to': to, 'data': data}, 'latest'] if to.lower() == MULTICALL and data.startswith(_AGGREGATE3):
            return {'result': _aggregate(world, data)}
        case 'eth_call', [{'to': contract, 'data': data}, 'latest'] if data.startswith(_BALANCE_OF):
            held = _balance(world, contract.lower(), data)
            return _REVERTED if held is None else {'result': f'0x{held:064x}'}
        case 'eth_getTransactionReceipt', [reference]:
            return {'result': _receipt(world, reference)}
    return {'error': {'code': -32601, 'message': 'the method does not exist'}}


def _balance(world: World, contract: str, data: str) -> int | None:
    return None if contract in world.broken else world.tokens('0x' + data[-40:]).get(contract, 0)


def _aggregate(world: World, data: str) -> str:
    """Answer calls of `balanceOf`, whose tuples all have the same length: contract, may fail, offset, 36 bytes of data in 64."""
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
