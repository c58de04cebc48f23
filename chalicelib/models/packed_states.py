"""Pack the states of portfolios into as little as they can be stored in, and unpack them.

A state is a JSON object with a key for each thing that may stay the same while others change:

    `b <code>`  a balance                                      "0.5"
    `c <code>`  a value in a reporting currency                "20000.0"
    `m <code>`  the currencies not in that value, if any       ["doge"]
    `m *`       the currencies that may lack something, if not all of them do    ["eth"]
    `m *<code>` the currencies not in a value whose rate was disputed, if any    ["doge"]
    `n`         covered, total, complete                       [2, 3, false]

Earlier releases read no other kinds of keys, and pass over a currency that is none: so whatever comes later is under `m *`.
Amounts are in the notation of `money.canonical`; earlier releases stored values padded to the decimals of their currency. A list of
states has the first whole, and of each later one what differs, null for what is gone.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_05UP, Context, Decimal
from functools import lru_cache
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.timeline import PortfolioState, StateAt
from chalicelib.models.attributes import PackedAttribute

Packed = dict[str, Any]

_PARSERS: dict[str, Callable[[Any], Any]] = {'b': Decimal, 'c': Decimal, 'm': tuple, 'n': tuple}
_BESIDE = '*'
_GUARD_DIGITS = 2
_LEAST_DIGITS = 8  # of values: fewer would show, in a percentage of little money, how much that is
# Rounded this way the last digit is 0 or 5 only if nothing was cut off, so that to round once more gives what rounding once would.
_GUARDED = Context(prec=1_000, rounding=ROUND_05UP)


class StateAttribute(PackedAttribute):
    """One state of a portfolio."""

    def serialize(self, value: PortfolioState) -> bytes:
        return super().serialize(pack(value))

    def deserialize(self, value: bytes) -> PortfolioState:
        return unpack(super().deserialize(value))


class StatesAttribute(PackedAttribute):
    """States of a portfolio, oldest first, each with its first instant in epoch seconds; those that equal the one before are left out."""

    def serialize(self, value: Iterable[StateAt]) -> bytes:
        return super().serialize(_differences((at, pack(state)) for at, state in value))

    def deserialize(self, value: bytes) -> list[StateAt]:
        return list(_restored(super().deserialize(value)))


def pack(state: PortfolioState) -> Packed:
    """Return a state as a JSON object. Values keep eight digits, and two more than their currency has: enough to round them later."""
    return {
        **{f'b {code}': money.canonical(balance) for code, balance in state.balances.items()},
        'n': [state.covered, state.total, state.complete],
        **{
            f'c {code}': money.canonical(value.quantize(_finest(code, value.adjusted()), context=_GUARDED))
            for code, value in state.values.items()
        },
        **{f'm {code}': list(missing) for code, missing in state.unconverted.items()},
        **({f'm {_BESIDE}': sorted(state.incomplete)} if state.incomplete else {}),
        **{f'm {_BESIDE}{code}': list(disputed) for code, disputed in state.disputed.items()},
    }


def unpack(packed: Packed) -> PortfolioState:
    """Return the state that was packed."""
    ((_, state),) = _restored([(0, packed)])
    return state


@lru_cache(4_096)
def _finest(code: str, exponent: int) -> Decimal:
    """Return the last digit that is kept of a value in a currency, of whose first digit this is the exponent."""
    return Decimal(1).scaleb(min(-currencies.get(code).decimals - _GUARD_DIGITS, exponent + 1 - _LEAST_DIGITS))


def _differences(states: Iterable[tuple[int, Packed]]) -> list[tuple[int, Packed]]:
    """Return the first state whole, and of each later one that differs the keys that do."""
    differences: list[tuple[int, Packed]] = []
    before: Packed = {}
    for at, after in states:
        changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
        changed |= dict.fromkeys(before.keys() - after.keys())
        if changed or not differences:
            differences.append((at, changed))
        before = after
    return differences


def _restored(differences: Iterable[tuple[int, Packed]]) -> Iterator[StateAt]:
    """Yield the states that differences were made of. Each amount is parsed once, however long it stays the same."""
    parts: dict[str, dict[str, Any]] = {kind: {} for kind in _PARSERS}
    for at, changed in differences:
        parts = {kind: dict(by_code) for kind, by_code in parts.items()}
        for key, value in changed.items():
            kind, _, code = key.partition(' ')
            if value is None:
                del parts[kind][code]
            else:
                parts[kind][code] = _PARSERS[kind](value)
        missing = {code: of for code, of in parts['m'].items() if not code.startswith(_BESIDE)}
        disputed = {code.removeprefix(_BESIDE): of for code, of in parts['m'].items() if code.startswith(_BESIDE) and code != _BESIDE}
        covered, total, complete = parts['n']['']
        incomplete = frozenset(parts['m'].get(_BESIDE, ()))
        yield at, PortfolioState(parts['b'], parts['c'], missing, covered, total, complete, disputed, incomplete)
