"""What a transaction changes of native tokens of Cardano for an address. Pure.

A token is written as its policy and name, both in hexadecimal. Tokens are in the same outputs as the coin, which belong to an address by
the rules in outputs.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers.explorer import ODD_SHAPE, checked, place_of, read_token_holdings

Row = Mapping[str, Any]
Quantity = tuple[str, object]  # a token, and how much of it, as the upstream writes it


class Sides(NamedTuple):
    """The tokens in the outputs of an address that a transaction creates and spends.

    A token whose quantity cannot be read, or of which it is unclear whether the output is the address's, is there without a quantity.
    """

    received: Sequence[Quantity]
    spent: Sequence[Quantity]

    def codes(self, chain: Chain) -> list[str]:
        """Return the tokens of the catalogue among them, sorted."""
        tokens = currencies.tokens_by_contract(chain.currency)
        return sorted({tokens[unit].code for unit, _ in (*self.received, *self.spent) if unit in tokens})


def objects_in(row: object, name: str) -> list[Row]:
    """Return the objects in a list of a row, as far as there are any: what is none tells of no token."""
    listed = row.get(name) if isinstance(row, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def sides(transaction: object, is_own: Callable[[Row], bool], amounts: str, token_of: Callable[[Row], str]) -> Sides:
    """Return the tokens that a transaction creates and spends in its `outputs` and `inputs`.

    Each of these lists its `amounts`. One of which `is_own` cannot tell whether it is the address's (it raises one of ODD_SHAPE) costs only
    the tokens that it names.
    """
    received, spent = ([*_quantities(objects_in(transaction, name), is_own, amounts, token_of)] for name in ('outputs', 'inputs'))
    return Sides(received, spent)


def _quantities(outputs: Iterable[Row], is_own: Callable[[Row], bool], amounts: str, token_of: Callable[[Row], str]) -> Iterator[Quantity]:
    for output in outputs:
        try:
            owned: bool | None = is_own(output)
        except ODD_SHAPE:
            owned = None
        for amount in objects_in(output, amounts) if owned is not False else ():
            yield token_of(amount), amount.get('quantity') if owned else None


def entry(chain: Chain, code: str, txid: str, sides: Sides, *, at: int, height: int) -> Entry:
    """Return what a transaction changes of a token. Raises ValueError for what is no quantity, or no transaction."""
    delta = _net(sides, currencies.get(code))
    return checked(Entry(txid, place_of(code, chain), code, delta, money.ZERO, at, height), chain)


def holdings(chain: Chain, received: Sequence[Quantity], spent: Sequence[Quantity] = ()) -> tuple[list[Holding], list[Unreadable]]:
    """Return what is held of the tokens of the catalogue, and those of which the balance cannot be read."""
    sides = Sides(received, spent)
    tokens = [currencies.get(code) for code in sides.codes(chain)]
    return read_token_holdings(chain, ((token.contract or '', partial(_net, sides, token)) for token in tokens))


def _net(sides: Sides, token: Currency) -> Decimal:
    units = _sum(sides.received, token.contract) - _sum(sides.spent, token.contract)
    return money.scaled(units, token.decimals)


def _sum(quantities: Iterable[Quantity], unit: str | None) -> int:
    numbers = [money.whole(quantity) for each, quantity in quantities if each == unit]
    if min((0, *numbers)) < 0:
        raise ValueError('less than nothing')
    return sum(numbers)
