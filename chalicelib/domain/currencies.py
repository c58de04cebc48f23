"""The catalogue of currencies: their codes, names and decimals. Pure: a file of the package, no network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from chalicelib.errors import NotFound

_CATALOGUE = Path(__file__).parents[1] / 'data' / 'currencies.json'


@dataclass(frozen=True, slots=True)
class Currency:
    """One entry of the catalogue.

    `id` never changes and is never reused. `code` is lower case and unique. `kind` is `cryptocurrency`, `fiat` or `token`
    (ERC-20 on Ethereum's main network). Tokens alone have a `contract`, with its EIP-55 checksum. `decimals` is the number of
    fractional digits that an amount may have (fiat: ISO 4217 minor units). `prices` maps rate sources to their names for the
    currency: `coingecko` to a coin id, `coingecko_vs` to a quote currency, `ecb` to a reference rate. `created_at` and
    `updated_at` are when the entry was added and last changed (epoch seconds).
    """

    id: int
    code: str
    title: str
    kind: str
    decimals: int
    contract: str | None
    prices: Mapping[str, str]
    created_at: int
    updated_at: int


def find(code: str) -> Currency | None:
    """Return the currency with this code, ignoring case, or None."""
    return _by_code().get(code.lower())


def require(code: str) -> Currency:
    """Return the currency with this code, ignoring case. Raises NotFound."""
    currency = find(code)
    if currency is None:
        raise NotFound
    return currency


def get(code: str) -> Currency:
    """Return the currency with a code from the database or the code itself. Raises KeyError for any other."""
    return _by_code()[code]


@lru_cache
def every() -> tuple[Currency, ...]:
    """Return the whole catalogue, sorted by id."""
    entries = json.loads(_CATALOGUE.read_bytes())
    return tuple(
        Currency(
            id=entry['id'],
            code=entry['code'],
            title=entry['title'],
            kind=entry['kind'],
            decimals=entry['decimals'],
            contract=entry.get('contract'),
            prices=MappingProxyType(entry['prices']),
            created_at=entry['created_at'],
            updated_at=entry['updated_at'],
        )
        for entry in entries
    )


def of_kind(kind: str) -> tuple[Currency, ...]:
    """Return the currencies of a kind: `cryptocurrency`, `fiat` or `token`, sorted by id."""
    return tuple(currency for currency in every() if currency.kind == kind)


@lru_cache
def tokens_on(coin: str) -> tuple[Currency, ...]:
    """Return the tokens on the chain of a coin, sorted by id: there are only tokens on Ethereum."""
    return of_kind('token') if coin == 'eth' else ()


@lru_cache
def _by_code() -> dict[str, Currency]:
    return {currency.code: currency for currency in every()}
