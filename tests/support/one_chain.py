"""A made-up chain of unspent outputs, whole: every transaction with all that it spends and makes, whoever owns it.

Its renderers in one_chain_tellers.py tell one and the same chain as each explorer would.
"""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

FIRST_HEIGHT = 3_000_000
FIRST_TIME = 1_700_000_000
STRANGER = 'stranger'


class Output(NamedTuple):
    """`kind` is `p2pkh`, `p2pk` (a bare public key), `multisig` (bare, of the keys of its `owners`) or `data`, which has no owner."""

    kind: str
    owners: tuple[str, ...]
    value: int


class Transaction(NamedTuple):
    """A coinbase spends nothing. Amounts are in the smallest unit."""

    txid: str
    height: int
    time: int
    spent: tuple[Output, ...]
    made: tuple[Output, ...]

    @property
    def fee(self) -> int:
        return sum(each.value for each in self.spent) - sum(each.value for each in self.made) if self.spent else 0


class Addresses(NamedTuple):
    """`keys` are those of whom bare public keys are paid too, `shared` also has its key in multisig outputs."""

    plain: str
    keys: str
    shared: str


def generate(seed: int, addresses: Addresses, length: int = 60) -> list[Transaction]:
    """Return a chain of `length` transactions, newest first, of one to three in a block."""
    return _Chain(random.Random(seed), addresses).grown(length)


class _Chain:
    def __init__(self, dice: random.Random, addresses: Addresses) -> None:
        self.dice = dice
        self.addresses = addresses
        self.coins: list[Output] = []
        self.transactions: list[Transaction] = []

    def grown(self, length: int) -> list[Transaction]:
        height = FIRST_HEIGHT
        steps: Sequence[Callable[[], tuple[list[Output], list[Output]]]] = (
            self._coinbase,
            self._income,
            self._payment,
            self._self_send,
            self._joint,
            self._shared,
            self._data,
        )
        for number in range(length):
            step = self.dice.choice(steps) if number >= len(self.addresses) and self._own() else self._coinbase
            spent, made = step()
            height += self.dice.choice((0, 1, 1, 7))
            for coin in spent:
                self.coins.remove(coin)
            self.coins += [each for each in made if each.owners and each.value]
            self.transactions.append(Transaction(f'{number + 1:064x}', height, FIRST_TIME + 60 * height, tuple(spent), tuple(made)))
        return self.transactions[::-1]

    def _coinbase(self) -> tuple[list[Output], list[Output]]:
        return [], [self._pay(self.addresses[len(self.transactions) % len(self.addresses)], 10**9), Output('data', (), 0)]

    def _income(self) -> tuple[list[Output], list[Output]]:
        """Income from a stranger, at times of dust or nothing, and twice to one address."""
        mine = [self._pay(self._any(), self.dice.choice((0, 1, 546, 10**7))) for _ in range(self.dice.randint(1, 3))]
        return [*self._from_stranger(sum(each.value for each in mine) + 500)], mine

    def _payment(self) -> tuple[list[Output], list[Output]]:
        """One or more coins of one or more own addresses, with change to any of them, or none."""
        spent = self._pick(self.dice.randint(1, 3))
        left = sum(coin.value for coin in spent)
        change = left // self.dice.randint(2, 5)
        return spent, [self._pay(STRANGER, (left - change) // 2), *([self._pay(self._any(), change)] if self.dice.random() < 0.8 else [])]

    def _self_send(self) -> tuple[list[Output], list[Output]]:
        spent = self._pick(1)
        owner = spent[0].owners[0]
        return spent, [self._pay(owner, spent[0].value // 2), self._pay(owner, spent[0].value // 3)]

    def _joint(self) -> tuple[list[Output], list[Output]]:
        """Coins of several own addresses and of strangers; each gets about what it gave, and somebody more."""
        spent = self._pick(2)
        others = self._from_stranger(10**8)
        made = [self._pay(self._any(), coin.value) for coin in spent] + [self._pay(self._any(), 10**7), self._pay(STRANGER, 10**7)]
        self.dice.shuffle(made)
        return [*spent, *others], made

    def _shared(self) -> tuple[list[Output], list[Output]]:
        """A payment by a stranger or ourselves to multisig outputs, of one key or two, and of what was locked so before."""
        owners = self.dice.choice(((self.addresses.shared, STRANGER), (STRANGER, self.addresses.shared), (self.addresses.shared,)))
        spent = self._pick(1) if self.dice.random() < 0.5 else self._from_stranger(10**8)
        locked = [coin for coin in self.coins if coin.kind == 'multisig' and coin not in spent][:1]
        value = sum(coin.value for coin in spent) // 3
        return [*spent, *locked], [Output('multisig', owners, value), self._pay(self._any(), value)]

    def _data(self) -> tuple[list[Output], list[Output]]:
        spent = self._pick(1)
        return spent, [Output('data', (), 0), self._pay(self._any(), spent[0].value - spent[0].value // 100)]

    def _any(self) -> str:
        return self.dice.choice(self.addresses)

    def _pay(self, owner: str, value: int) -> Output:
        bare = owner in (self.addresses.keys, self.addresses.shared) and self.dice.random() < 0.3
        return Output('p2pk' if bare else 'p2pkh', (owner,), value)

    def _from_stranger(self, value: int) -> list[Output]:
        coin = Output('p2pkh', (STRANGER,), value)
        self.coins.append(coin)
        return [coin]

    def _pick(self, number: int) -> list[Output]:
        own = self._own()
        return self.dice.sample(own, min(number, len(own)))

    def _own(self) -> list[Output]:
        """Return own coins worth splitting."""
        return [coin for coin in self.coins if coin.kind != 'multisig' and coin.owners[0] in self.addresses and coin.value > 1_000]
