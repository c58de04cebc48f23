"""Etherscan, Blockscout and nodes of Ethereum and chains like it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.evm import GWEI, NOBODY, WORLDS, Inner, Transaction, Transfer, World, txn_hash

MOST_ROWS = 10_000

Json = dict[str, Any]
_OP_STACK = (10, 8453)


def answer_etherscan(worlds: Mapping[str, World], query: Mapping[str, str]) -> Answer:
    """The module `account` of https://docs.etherscan.io/api-reference, for the chain that is asked for."""
    world = worlds.get(query.get('chainid', ''))
    if world is None:
        return _failure('Missing or unsupported chainid parameter (required for v2 api), please see the list of supported chainids')
    return _answer_account(world, query, _ETHERSCAN_LISTS)


def answer_blockscout(world: World, query: Mapping[str, str]) -> Answer:
    """The module `account` of https://docs.blockscout.com/devs/apis/rpc/account."""
    return _answer_account(world, query, _BLOCKSCOUT_LISTS)


def _answer_account(world: World, query: Mapping[str, str], lists: 'Mapping[str, Lister]') -> Answer:
    address, action = query.get('address', '').lower(), query.get('action', '')
    if len(address) != 42 or not address.startswith('0x'):
        return _failure('Error! Invalid address format')
    if action == 'balance':
        return _success(str(world.balance(address)))
    if action == 'tokenbalance':
        return _success(str(world.tokens(address).get(query['contractaddress'].lower(), 0)))
    if action not in lists:
        return _failure('Error! Missing Or invalid Action name')
    return _answer_list([*lists[action](world, address)], query)


def _answer_list(rows: list[Json], query: Mapping[str, str]) -> Answer:
    """Sort and cut as asked for: `tokenlist` is not, and `getminedblocks` knows no blocks."""
    if 'page' in query:
        number, size = int(query['page']), int(query['offset'])
        if number * size > MOST_ROWS:
            text = 'Result window is too large, PageNo x Offset size must be less than or equal to 10000'
            return as_json({'status': '0', 'message': text, 'result': None})
        end = int(query['endblock']) if query['action'] != 'getminedblocks' else 10**12
        found = [row for row in rows if int(row['blockNumber']) <= end]
        found.sort(key=lambda row: int(row['blockNumber']), reverse=query['sort'] == 'desc')
        rows = found[(number - 1) * size : number * size]
    return _success(rows) if rows else as_json({'status': '0', 'message': 'No transactions found', 'result': []})


def _success(result: object) -> Answer:
    return as_json({'status': '1', 'message': 'OK', 'result': result})


def _failure(reason: str) -> Answer:
    return as_json({'status': '0', 'message': 'NOTOK', 'result': reason})


def _list_transactions(world: World, address: str) -> Iterator[Json]:
    for txn in world.transactions:
        if address in (txn.sender, txn.receiver, txn.created):
            yield {
                **_row(txn),
                'blockHash': txn_hash('block', txn.height),
                'nonce': '0',
                'transactionIndex': '0',
                'from': txn.sender,
                'to': txn.receiver,
                'value': str(txn.value),
                'gas': str(txn.gas_used),
                'gasPrice': str(txn.gas_price),
                'isError': str(int(txn.failed)),
                'txreceipt_status': str(int(not txn.failed)),
                'input': '0x',
                'contractAddress': txn.created,
                'gasUsed': str(txn.gas_used),
                'confirmations': '1000',
                **({'L1FeesPaid': str(txn.l1_fee)} if world.chain_id in _OP_STACK else {}),
            }


def _list_genesis_too(world: World, address: str) -> Iterator[Json]:
    yield from _list_transactions(world, address)
    if address in world.genesis:
        yield {
            'blockNumber': '0',
            'timeStamp': str(world.began),
            'hash': f'GENESIS_{address.removeprefix("0x")}',
            'blockHash': '',
            'nonce': '',
            'from': 'GENESIS',
            'to': address,
            'value': str(world.genesis[address]),
            'gasPrice': '0',
            'gasUsed': '0',
            'contractAddress': '',
            'isError': '0',
            'txreceipt_status': '',
        }


def _list_inner(world: World, address: str) -> Iterator[tuple[Transaction, Inner, Json]]:
    for txn in world.transactions:
        for call in txn.inner:
            if address in (call.sender, call.receiver) and call.value:
                is_made = call.kind == 'create'
                row = {
                    'blockNumber': str(txn.height),
                    'timeStamp': str(txn.time),
                    'from': call.sender,
                    'to': '' if is_made else call.receiver,
                    'contractAddress': call.receiver if is_made else '',
                    'value': str(call.value),
                    'isError': str(int(call.failed)),
                    'input': '',
                }
                yield txn, call, row


def _list_inner_of_etherscan(world: World, address: str) -> Iterator[Json]:
    for txn, call, row in _list_inner(world, address):
        yield {**row, 'hash': txn.hash, 'type': call.kind, 'traceId': call.trace, 'errCode': ''}


def _list_inner_of_blockscout(world: World, address: str) -> Iterator[Json]:
    """What makes a contract is among the inner calls too, with index 0."""
    for txn, call, row in _list_inner(world, address):
        kind = {'type': 'call', 'callType': call.kind} if call.kind != 'create' else {'type': 'create', 'callType': ''}
        yield {**row, **kind, 'transactionHash': txn.hash, 'index': str(1 + txn.inner.index(call)), 'errCode': ''}
    for txn in world.transactions:
        if txn.created and txn.value and address in (txn.sender, txn.created):
            made = {'from': txn.sender, 'to': '', 'contractAddress': txn.created, 'type': 'create', 'callType': '', 'index': '0'}
            row = {'value': str(txn.value), 'isError': str(int(txn.failed)), 'input': '', 'errCode': ''}
            yield {'blockNumber': str(txn.height), 'timeStamp': str(txn.time), 'transactionHash': txn.hash, **made, **row}


def _list_transfers(world: World, address: str) -> Iterator[Json]:
    for txn in world.transactions:
        yield from _rows_of_transfers(txn, txn.transfers, address)


def _list_wrappings_too(world: World, address: str) -> Iterator[Json]:
    """Coins put into a contract like WETH9 are listed as transfers from nobody, and those taken out as transfers to nobody."""
    for txn in world.transactions:
        wrapped = [
            Transfer(contract, NOBODY, owner, value) if value > 0 else Transfer(contract, owner, NOBODY, -value)
            for contract, owner, value in txn.wrappings
        ]
        yield from _rows_of_transfers(txn, (*txn.transfers, *wrapped), address)


def _rows_of_transfers(txn: Transaction, transfers: Sequence[Transfer], address: str) -> Iterator[Json]:
    for transfer in transfers:
        if address in (transfer.sender, transfer.receiver):
            yield {
                **_row(txn),
                'from': transfer.sender,
                'to': transfer.receiver,
                'contractAddress': transfer.contract,
                'value': str(transfer.value),
                'tokenName': 'Sample',
                'tokenSymbol': 'USDC',
                'tokenDecimal': '18',
                'gasPrice': str(txn.gas_price),
                'gasUsed': str(txn.gas_used),
                'input': 'deprecated',
            }


def _list_withdrawals(world: World, address: str) -> Iterator[Json]:
    for reward in world.rewards:
        if reward.receiver == address and reward.number is not None:
            yield {
                'withdrawalIndex': str(reward.number),
                'validatorIndex': '1',
                'address': address,
                'amount': str(reward.wei // GWEI),
                'blockNumber': str(reward.height),
                'timestamp': str(reward.time),
            }


def _list_mined_blocks(world: World, address: str) -> Iterator[Json]:
    for reward in world.rewards:
        if reward.receiver == address and reward.number is None:
            yield {'blockNumber': str(reward.height), 'timeStamp': str(reward.time), 'blockReward': str(reward.wei)}


def _list_tokens_held(world: World, address: str) -> Iterator[Json]:
    for contract, units in world.tokens(address).items():
        if units:
            yield {
                'balance': str(units), 'contractAddress': contract, 'decimals': '18', 'name': 'Sample', 'symbol': 'USDC', 'type': 'ERC-20'
            }  # fmt: skip


def _row(txn: Transaction) -> Json:
    return {'blockNumber': str(txn.height), 'timeStamp': str(txn.time), 'hash': txn.hash}


Lister = Callable[[World, str], Iterator[Json]]
_ETHERSCAN_LISTS: Mapping[str, Lister] = {
    'txlist': _list_genesis_too,
    'txlistinternal': _list_inner_of_etherscan,
    'tokentx': _list_transfers,
    'txsBeaconWithdrawal': _list_withdrawals,
    'getminedblocks': _list_mined_blocks,
}
_BLOCKSCOUT_LISTS: Mapping[str, Lister] = {
    'txlist': _list_transactions,
    'txlistinternal': _list_inner_of_blockscout,
    'tokentx': _list_wrappings_too,
    'tokenlist': _list_tokens_held,
}


_BY_NUMBER = {str(world.chain_id): world for world in WORLDS.values()}
_INSTANCES = {
    'blockscout': 'eth',
    'blockscout_etc': 'etc',
    'blockscout_pol': 'pol',
    'blockscout_arbitrum': 'eth-arbitrum',
    'blockscout_optimism': 'eth-optimism',
    'blockscout_base': 'eth-base',
}


def _instance(world: World) -> Callable[[list[str], dict[str, str]], Answer]:
    return lambda _, query: answer_blockscout(world, query)


UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {
    'etherscan': lambda _, query: answer_etherscan(_BY_NUMBER, query),
    'routescan': lambda path, query: answer_etherscan(_BY_NUMBER, {**query, 'chainid': path[4]}),
    'blockscout_pro': lambda path, query: answer_blockscout(_BY_NUMBER[path[0]], query),
    **{key: _instance(WORLDS[chain]) for key, chain in _INSTANCES.items()},
}
