"""Transactions of chains like Bitcoin as they touch one address, and how the rest of such a transaction is made up."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from infra.fake_upstreams.bitcoin_chain import Coin, Output, Transaction
from infra.fake_upstreams.coins import STRANGERS

_DUST = 77


class Touching(Protocol):
    """A transaction as it touches one address, amounts in the smallest unit.

    `received` are the values of outputs to the address, `spent` of outputs of it that the transaction spends; `height` is None
    while it is in no block; `p2pk` says that the outputs pay to the bare public key; `strangers` outputs to others, at least one,
    come before those.
    """

    @property
    def txid(self) -> str: ...
    @property
    def height(self) -> int | None: ...
    @property
    def time(self) -> int: ...
    @property
    def received(self) -> tuple[int, ...]: ...
    @property
    def spent(self) -> tuple[int, ...]: ...
    @property
    def fee(self) -> int: ...
    @property
    def strangers(self) -> int: ...
    @property
    def p2pk(self) -> bool: ...
    @property
    def whole(self) -> Transaction | None:
        """The transaction itself, where it is not made up around the payment."""


class Payment(NamedTuple):
    """A transaction as it touches one address; see `Touching`."""

    txid: str
    height: int | None
    time: int
    received: tuple[int, ...] = ()
    spent: tuple[int, ...] = ()
    fee: int = 0
    strangers: int = 1
    p2pk: bool = False
    whole: Transaction | None = None

    @property
    def delta(self) -> int:
        return sum(self.received) - sum(self.spent)


@dataclass(frozen=True)
class World:
    """Payments, newest first, by coin and address, as explorers show them.

    A page holds `page` transactions, or as many as the real explorer's when that is None. Transactions in `unlisted` are counted,
    but missing from lists.
    """

    histories: Mapping[str, Mapping[str, Sequence[Touching]]]
    page: int | None = None
    unlisted: frozenset[str] = field(default_factory=frozenset)

    def page_size(self, real: int) -> int:
        return self.page or real

    def of(self, coin: str, address: str, *, p2pk: bool = True) -> Sequence[Touching]:
        """Return all payments of an address; without `p2pk` as an explorer counts them that looks for its script alone."""
        payments = self.histories[coin].get(address, ())
        return payments if p2pk else [payment for payment in payments if not payment.p2pk]

    def listed(self, coin: str, address: str, *, p2pk: bool = True) -> Sequence[Touching]:
        payments = self.of(coin, address, p2pk=p2pk)
        return [payment for payment in payments if payment.txid not in self.unlisted] if self.unlisted else payments


class Side(NamedTuple):
    """The inputs or outputs of a transaction, as value and address."""

    rows: list[tuple[int, str]]

    @property
    def total(self) -> int:
        return sum(value for value, _ in self.rows)


def outputs(payment: Touching, coin: str, address: str) -> Side:
    """Return the outputs: what is not received and no fee goes to strangers."""
    rest = net_delta(payment) + payment.fee + _DUST * (payment.strangers - 1)
    values = [max(_DUST, -rest), *[_DUST] * (payment.strangers - 1)]
    return Side([(value, STRANGERS[coin]) for value in values] + [(value, address) for value in payment.received])


def inputs(payment: Touching, coin: str, address: str) -> Side:
    """Return the inputs. Where the address spends too little, a stranger pays the rest and the fee."""
    missing = outputs(payment, coin, address).total + payment.fee - sum(payment.spent)
    return Side([(value, address) for value in payment.spent] + ([(missing, STRANGERS[coin])] if missing > 0 else []))


def transaction_of(payment: Touching, coin: str, address: str) -> Transaction:
    """Return the whole transaction, with made-up scripts where it is made up."""
    if payment.whole:
        return payment.whole
    spent = tuple(
        Coin(_digest(f'{payment.txid} {number}').hex(), 0, Output(owner, value, _script(owner)))
        for number, (value, owner) in enumerate(inputs(payment, coin, address).rows)
    )
    paid = tuple(Output(owner, value, _script(owner)) for value, owner in outputs(payment, coin, address).rows)
    return Transaction(payment.txid, payment.height or 0, payment.time, spent, (*paid, Output('', 0, b'\x6a')))


def net_delta(payment: Touching) -> int:
    return sum(payment.received) - sum(payment.spent)


def total_received(payments: Sequence[Touching]) -> int:
    return sum(sum(payment.received) for payment in payments)


def total_spent(payments: Sequence[Touching]) -> int:
    return sum(sum(payment.spent) for payment in payments)


def balance(payments: Sequence[Touching]) -> int:
    return total_received(payments) - total_spent(payments)


def confirmed_and_pending(payments: Sequence[Touching]) -> tuple[list[Touching], list[Touching]]:
    return [each for each in payments if each.height is not None], [each for each in payments if each.height is None]


def _script(address: str) -> bytes:
    return b'\x00\x14' + _digest(address)[:20]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
