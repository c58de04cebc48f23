"""What XRP, Stellar, Solana and Cardano have in common in the sample upstream: what happens to one address, and a made-up history."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Event(NamedTuple):
    """A transaction as it touches one address: the whole change of its balance in the smallest unit, and the `fee` in it that it paid.

    `tokens` are the changes of the tokens of its world, in the order that they have there.
    """

    reference: str
    height: int
    time: int
    delta: int
    fee: int = 0
    failed: bool = False
    tokens: Sequence[int] = ()


@dataclass(frozen=True)
class World:
    """What happened to addresses, newest first; no page is longer than `page`. `tokens` are what identifies tokens on the chain."""

    histories: Mapping[str, Sequence[Event]]
    page: int = 10_000
    tokens: Sequence[str] = ()

    def of(self, address: str) -> Sequence[Event]:
        return self.histories.get(address, ())

    def balance(self, address: str) -> int:
        return sum(event.delta for event in self.of(address))

    def held(self, address: str) -> dict[str, int]:
        """Return how much an address holds of each token that ever moved there."""
        moved = [zip(self.tokens, event.tokens, strict=False) for event in self.of(address) if event.tokens]
        held: dict[str, int] = {}
        for token, units in (pair for pairs in moved for pair in pairs):
            held[token] = held.get(token, 0) + units
        return held

    def changes(self, event: Event) -> dict[str, int]:
        """Return what a transaction changes of tokens, without those of which it moves none."""
        return {token: units for token, units in zip(self.tokens, event.tokens, strict=False) if units}


def reference(chain: str, number: int) -> str:
    """Return the hash of a made-up transaction."""
    return hashlib.sha256(f'sample {chain} {number}'.encode()).hexdigest()


def made_up(chain: str, *, unit: int, fee: int, first_height: int, seconds: int, token_unit: int = 0) -> list[Event]:
    """Return twelve transactions of a chain, newest first: income, payments, one that moves nothing and one that only costs its fee.

    `unit` is how many of the smallest unit make a coin, `token_unit` a token, and `seconds` how long a block takes. Some transactions move
    tokens too: the one that moves no coin brings both.
    """
    steps = (100, -20, 3, 0, -7, 41, -1, None, 12, -5, 2, -30)
    tokens = {2: (250, 0), 3: (100, 8), 4: (-50, 0), 6: (0, -8), 9: (-20, 3)}
    events = []
    for number, coins in enumerate(steps):
        blocks = 1_000 * number
        paid = fee if coins is None or coins < 0 else 0
        delta = (coins or 0) * unit + (number + 1) * (unit // 1_000 if coins and coins > 0 else 0) - paid
        place = (first_height + blocks, 1_704_067_200 + blocks * seconds)
        moved = [units * token_unit for units in tokens.get(number, ())]
        events.append(Event(reference(chain, number), *place, delta, paid, coins is None, moved if token_unit else ()))
    return events[::-1]
