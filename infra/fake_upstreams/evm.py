"""Ethereum and chains like it for the sample upstream, told as Etherscan, Blockscout and plain nodes do.

A world is all that happened on a chain; what an address holds is counted from all of it, who sends and who receives alike.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

MOST_ROWS = 10_000
ETHER = 10**18
GWEI = 10**9
# Made up: the hash of a text, which is no hash of any known key. One address for all chains, as people have it.
ADDRESS = '0xAD135DC9E9a2F1523645D580D238722C743fC74D'
STRANGER = '0x67a60f44bdebc205a02b78f6aed76e2593a0617c'
EXCHANGE = '0x8a6221fc8258ab03a2f1e3858975f2a7bd359102'
CONTRACT = '0xe7d9af252c6a352afc398b4be9a2c0b9439ea5ca'
NOBODY = '0x' + 40 * '0'
USDC = '0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48'
DAI = '0x6b175474e89094c44da98b954eedeac495271d0f'
SPAM = '0x992de2a609dab0a54ad94eb921567f1c68ad58d9'


class Inner(NamedTuple):
    """A call that a contract makes, below the transaction itself; one that failed, or is of another `kind`, moves nothing."""

    sender: str
    receiver: str
    value: int
    failed: bool = False
    kind: str = 'call'

    @property
    def moved(self) -> int:
        return 0 if self.failed or self.kind in ('delegatecall', 'staticcall', 'callcode') else self.value


class Transfer(NamedTuple):
    """A Transfer event of a token."""

    contract: str
    sender: str
    receiver: str
    value: int


class Transaction(NamedTuple):
    """A transaction of a block; `receiver` is empty where it makes the contract `created`. One that failed costs gas only."""

    hash: str
    height: int
    time: int
    sender: str
    receiver: str
    value: int = 0
    gas_used: int = 21_000
    gas_price: int = 20 * GWEI
    failed: bool = False
    created: str = ''
    inner: tuple[Inner, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    @property
    def fee(self) -> int:
        return self.gas_used * self.gas_price

    @property
    def moved(self) -> int:
        return 0 if self.failed else self.value


class Reward(NamedTuple):
    """What no transaction pays: a validator's withdrawal, with its `number`, or the reward of a mined block."""

    height: int
    time: int
    receiver: str
    wei: int
    number: int | None = None


@dataclass(frozen=True)
class World:
    """All that happened on a chain, oldest first; `genesis` is what addresses were given before."""

    chain_id: int
    transactions: Sequence[Transaction] = ()
    rewards: Sequence[Reward] = ()
    genesis: Mapping[str, int] = field(default_factory=dict)
    began: int = 1_438_269_973

    def balance(self, address: str) -> int:
        """Return what an address, in lower case, holds of the coin."""
        total = self.genesis.get(address, 0) + sum(reward.wei for reward in self.rewards if reward.receiver == address)
        for txn in self.transactions:
            total += txn.moved * ((txn.receiver or txn.created) == address) - (txn.moved + txn.fee) * (txn.sender == address)
            inner = () if txn.failed else txn.inner
            total += sum(call.moved * ((call.receiver == address) - (call.sender == address)) for call in inner)
        return total

    def tokens(self, address: str) -> dict[str, int]:
        """Return what an address, in lower case, holds of each token it ever had, by contract."""
        held: dict[str, int] = {}
        for transfer in (transfer for txn in self.transactions for transfer in txn.transfers):
            if address in (transfer.sender, transfer.receiver):
                change = transfer.value * ((transfer.receiver == address) - (transfer.sender == address))
                held[transfer.contract] = held.get(transfer.contract, 0) + change
        return held


def txn_hash(*parts: object) -> str:
    """Return a made-up transaction hash."""
    return '0x' + hashlib.sha256(' '.join(map(str, parts)).encode()).hexdigest()


def answer_etherscan(worlds: Mapping[str, World], query: Mapping[str, str]) -> Answer:
    """The module `account` of https://docs.etherscan.io/api-reference, for the chain that is asked for."""
    world = worlds.get(query.get('chainid', ''))
    if world is None:
        return _refused('Missing or unsupported chainid parameter (required for v2 api), please see the list of supported chainids')
    return _answer_account(world, query, _ETHERSCAN_LISTS)


def answer_blockscout(world: World, query: Mapping[str, str]) -> Answer:
    """The module `account` of https://docs.blockscout.com/devs/apis/rpc/account."""
    return _answer_account(world, query, _BLOCKSCOUT_LISTS)


def answer_node(world: World, questions: Sequence[Json]) -> Answer:
    """A batch of https://ethereum.org/developers/docs/apis/json-rpc: who we are, what is held of the coin and of tokens."""
    return as_json([{'jsonrpc': '2.0', 'id': question['id'], **_answer_question(world, question)} for question in questions])


def _answer_account(world: World, query: Mapping[str, str], lists: 'Mapping[str, Lister]') -> Answer:
    address, action = query.get('address', '').lower(), query.get('action', '')
    if len(address) != 42 or not address.startswith('0x'):
        return _refused('Error! Invalid address format')
    if action == 'balance':
        return _told(str(world.balance(address)))
    if action == 'tokenbalance':
        return _told(str(world.tokens(address).get(query['contractaddress'].lower(), 0)))
    if action not in lists:
        return _refused('Error! Missing Or invalid Action name')
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
    return _told(rows) if rows else as_json({'status': '0', 'message': 'No transactions found', 'result': []})


def _told(result: object) -> Answer:
    return as_json({'status': '1', 'message': 'OK', 'result': result})


def _refused(reason: str) -> Answer:
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
        yield {**row, 'hash': txn.hash, 'type': call.kind, 'traceId': '0', 'errCode': ''}


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
        for transfer in txn.transfers:
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
    'tokentx': _list_transfers,
    'tokenlist': _list_tokens_held,
}


def _answer_question(world: World, question: Json) -> Json:
    match question['method'], question['params']:
        case 'eth_chainId', []:
            return {'result': hex(world.chain_id)}
        case 'eth_getBalance', [address, 'latest']:
            return {'result': hex(world.balance(address.lower()))}
        case 'eth_call', [{'to': contract, 'data': data}, 'latest'] if data.startswith('0x70a08231'):
            held = world.tokens('0x' + data[-40:]).get(contract.lower())
            return {'result': '0x' if held is None else f'0x{held:064x}'}
    return {'error': {'code': -32601, 'message': 'the method does not exist'}}


def _history(chain: str, first_height: int) -> tuple[Transaction, ...]:
    """Return what happens to the sample's address on every chain: it is paid, pays, and once in vain."""
    me = ADDRESS.lower()
    steps: tuple[Json, ...] = (
        {'sender': EXCHANGE, 'receiver': me, 'value': 2 * ETHER},
        {'sender': me, 'receiver': STRANGER, 'value': 123_456_789_012_345_678},
        {'sender': me, 'receiver': CONTRACT, 'value': ETHER, 'gas_used': 61_234, 'failed': True},
        {'sender': STRANGER, 'receiver': CONTRACT, 'gas_used': 90_000, 'inner': (Inner(CONTRACT, me, 50_000_000_000_000_001),)},
    )
    return tuple(_sample(chain, first_height, number, step) for number, step in enumerate(steps))


def _token_history(first_height: int) -> tuple[Transaction, ...]:
    """Return the sample's tokens: a swap of one for another, one that is given away again, and one that nobody asked for."""
    me = ADDRESS.lower()
    swap = (Transfer(USDC, me, CONTRACT, 1_000_000_000), Transfer(DAI, CONTRACT, me, 999_123_456_789_012_345_678))
    steps: tuple[Json, ...] = (
        {'sender': EXCHANGE, 'receiver': USDC, 'gas_used': 65_000, 'transfers': (Transfer(USDC, EXCHANGE, me, 2_500_000_000),)},
        {'sender': me, 'receiver': CONTRACT, 'gas_used': 150_000, 'transfers': swap},
        {'sender': STRANGER, 'receiver': SPAM, 'gas_used': 400_000, 'transfers': (Transfer(SPAM, NOBODY, me, 10**24),)},
    )
    return tuple(_sample('tokens', first_height, number, step) for number, step in enumerate(steps))


def _sample(chain: str, first_height: int, number: int, step: Json) -> Transaction:
    return Transaction(txn_hash(chain, number), first_height + 1000 * number, 1_704_067_200 + 12_000 * number, **step)


WORLDS = {
    'eth': World(1, (*_history('eth', 18_908_895), *_token_history(18_912_895))),
    'etc': World(61, _history('etc', 19_000_000)),
    'pol': World(137, _history('pol', 51_800_000)),
    'bnb': World(56, _history('bnb', 34_800_000)),
    'avax': World(43114, _history('avax', 39_800_000)),
}
_ETHERSCAN = {str(world.chain_id): world for world in WORLDS.values()}
UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {
    'etherscan': lambda _, query: answer_etherscan(_ETHERSCAN, query),
    'blockscout': lambda _, query: answer_blockscout(WORLDS['eth'], query),
    'blockscout_etc': lambda _, query: answer_blockscout(WORLDS['etc'], query),
    'blockscout_pol': lambda _, query: answer_blockscout(WORLDS['pol'], query),
}
POSTED: dict[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    'publicnode': lambda _, __, body: answer_node(WORLDS['eth'], body),
    'merkle': lambda _, __, body: answer_node(WORLDS['eth'], body),
    'rivet': lambda _, __, body: answer_node(WORLDS['etc'], body),
    'publicnode_pol': lambda _, __, body: answer_node(WORLDS['pol'], body),
    'publicnode_bnb': lambda _, __, body: answer_node(WORLDS['bnb'], body),
    'publicnode_avax': lambda _, __, body: answer_node(WORLDS['avax'], body),
}
