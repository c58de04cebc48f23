"""Ethereum and chains like it for the sample upstream, told as Etherscan, Blockscout and plain nodes do.

A world is all that happened on a chain; what an address holds is counted from all of it, who sends and who receives alike.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
