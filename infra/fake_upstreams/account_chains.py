"""What XRP, Stellar, Solana and Cardano have in common in the sample upstream: what happens to one address, and a made-up history."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Event(NamedTuple):
    """A transaction as it touches one address: the whole change of its balance in the smallest unit, and the `fee` in it that it paid."""

    reference: str
    height: int
    time: int
    delta: int
    fee: int = 0
    failed: bool = False


@dataclass(frozen=True)
class World:
    """What happened to addresses, newest first; no page is longer than `page`."""

    histories: Mapping[str, Sequence[Event]]
    page: int = 10_000

    def of(self, address: str) -> Sequence[Event]:
        return self.histories.get(address, ())

    def balance(self, address: str) -> int:
        return sum(event.delta for event in self.of(address))


def reference(chain: str, number: int) -> str:
    """Return the hash of a made-up transaction."""
    return hashlib.sha256(f'sample {chain} {number}'.encode()).hexdigest()


def made_up(chain: str, *, unit: int, fee: int, first_height: int, seconds: int) -> list[Event]:
    """Return twelve transactions of a chain, newest first: income, payments, one that moves nothing and one that only costs its fee.

    `unit` is how many of the smallest unit make a coin, `seconds` how long a block takes.
    """
    steps = (100, -20, 3, 0, -7, 41, -1, None, 12, -5, 2, -30)
    events = []
    for number, coins in enumerate(steps):
        blocks = 1_000 * number
        paid = fee if coins is None or coins < 0 else 0
        delta = (coins or 0) * unit + (number + 1) * (unit // 1_000 if coins and coins > 0 else 0) - paid
        place = (first_height + blocks, 1_704_067_200 + blocks * seconds)
        events.append(Event(reference(chain, number), *place, delta, paid, failed=coins is None))
    return events[::-1]
