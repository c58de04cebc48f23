"""Ethereum and chains like it for the sample upstream, told as Etherscan, Blockscout and plain nodes do.

A world is all that happened on a chain; what an address holds is counted from all of it, who sends and who receives alike.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

Json = dict[str, Any]

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
USDC_ON = {
    'pol': '0x3c499c542cef5e3811e1192ce70d8cc03d5c3359',
    'bnb': '0x8ac76a51cc950d9822d68b83fe1ad97b32cd580d',
    'avax': '0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e',
    'eth-arbitrum': '0xaf88d065e77c8cc2239327c5edb3a432268e5831',
    'eth-optimism': '0x0b2c639c533813f4aa9d7837caf62653d097ff85',
    'eth-base': '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913',
}
WETH = '0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2'
STETH = '0xae7ab96520de3a18e5e111b5eaab095312d7fe84'
SPAM = '0x992de2a609dab0a54ad94eb921567f1c68ad58d9'


class Inner(NamedTuple):
    """A call that a contract makes, below the transaction itself; one that failed, or is of another `kind`, moves nothing.

    One that was `undone` did not fail, but a call around it did. `trace` is its place: `0_1` is the second call of the first.
    """

    sender: str
    receiver: str
    value: int
    failed: bool = False
    kind: str = 'call'
    undone: bool = False
    trace: str = '0'

    @property
    def moved(self) -> int:
        return 0 if self.failed or self.undone or self.kind in ('delegatecall', 'staticcall', 'callcode') else self.value


class Transfer(NamedTuple):
    """A Transfer event of a token."""

    contract: str
    sender: str
    receiver: str
    value: int


class Wrapping(NamedTuple):
    """A Deposit or, below zero, a Withdrawal event of a contract like WETH9, beside which there is no Transfer event."""

    contract: str
    owner: str
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
    wrappings: tuple[Wrapping, ...] = ()
    l1_fee: int = 0
    blob_fee: int = 0

    @property
    def fee(self) -> int:
        return self.gas_used * self.gas_price + self.l1_fee + self.blob_fee

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
    """All that happened on a chain, oldest first; `genesis` is what addresses were given before.

    `grown` is by how much the balance of an address of each token differs from its transfers, as that of one which pays interest.
    `broken` are contracts that tell no balance.
    """

    chain_id: int
    transactions: Sequence[Transaction] = ()
    rewards: Sequence[Reward] = ()
    genesis: Mapping[str, int] = field(default_factory=dict)
    began: int = 1_438_269_973
    grown: Mapping[tuple[str, str], int] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

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
        return self._tokens.get(address, {})

    @cached_property
    def _tokens(self) -> dict[str, dict[str, int]]:
        """What is held by owner and contract; counted once, as nodes are asked for each of hundreds of contracts."""
        held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (contract, owner), units in self.grown.items():
            held[owner][contract] += units
        for wrapping in (wrapping for txn in self.transactions for wrapping in txn.wrappings):
            held[wrapping.owner][wrapping.contract] += wrapping.value
        for transfer in (transfer for txn in self.transactions for transfer in txn.transfers):
            held[transfer.sender][transfer.contract] -= transfer.value
            held[transfer.receiver][transfer.contract] += transfer.value
        return {owner: dict(units) for owner, units in held.items()}


def txn_hash(*parts: object) -> str:
    """Return a made-up transaction hash."""
    return '0x' + hashlib.sha256(' '.join(map(str, parts)).encode()).hexdigest()


def _history(chain: str, first_height: int, usdc: str = '', l1_fee: int = 0) -> tuple[Transaction, ...]:
    """Return what happens to the sample's address on every chain: it is paid, pays, and once in vain; paid in `usdc` too, where that is."""
    me = ADDRESS.lower()
    steps: tuple[Json, ...] = (
        {'sender': EXCHANGE, 'receiver': me, 'value': 2 * ETHER},
        {'sender': me, 'receiver': STRANGER, 'value': 123_456_789_012_345_678},
        {'sender': me, 'receiver': CONTRACT, 'value': ETHER, 'gas_used': 61_234, 'failed': True},
        {'sender': STRANGER, 'receiver': CONTRACT, 'gas_used': 90_000, 'inner': (Inner(CONTRACT, me, 50_000_000_000_000_001),)},
        {'sender': EXCHANGE, 'receiver': usdc, 'gas_used': 65_000, 'transfers': (Transfer(usdc, EXCHANGE, me, 7_000_000),)},
    )[: 5 if usdc else 4]
    return tuple(_sample(chain, first_height, number, {**step, 'l1_fee': l1_fee}) for number, step in enumerate(steps))


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


def _wrapping_history(first_height: int) -> tuple[Transaction, ...]:
    """Return how some of the coin is put into a contract like WETH9, and a part of it taken out again."""
    me = ADDRESS.lower()
    steps: tuple[Json, ...] = (
        {'sender': me, 'receiver': WETH, 'value': ETHER, 'gas_used': 45_000, 'wrappings': (Wrapping(WETH, me, ETHER),)},
        {
            'sender': me,
            'receiver': WETH,
            'gas_used': 30_000,
            'inner': (Inner(WETH, me, ETHER // 4),),
            'wrappings': (Wrapping(WETH, me, -ETHER // 4),),
        },
    )
    return tuple(_sample('wrapping', first_height, number, step) for number, step in enumerate(steps))


WORLDS = {
    'eth': World(1, (*_history('eth', 18_908_895), *_token_history(18_912_895), *_wrapping_history(18_917_895))),
    'etc': World(61, _history('etc', 19_000_000)),
    'pol': World(137, _history('pol', 51_800_000, USDC_ON['pol'])),
    'bnb': World(56, _history('bnb', 34_800_000, USDC_ON['bnb'])),
    'avax': World(43114, _history('avax', 39_800_000, USDC_ON['avax'])),
    'eth-arbitrum': World(42161, _history('eth-arbitrum', 166_000_000, USDC_ON['eth-arbitrum'])),
    'eth-optimism': World(10, _history('eth-optimism', 114_000_000, USDC_ON['eth-optimism'], l1_fee=23_100_000_000_000)),
    'eth-base': World(8453, _history('eth-base', 8_700_000, USDC_ON['eth-base'], l1_fee=23_100_000_000_000)),
}
