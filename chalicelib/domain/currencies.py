"""The catalogue of currencies: which exist, how they are called and how finely they divide. Asks no network."""

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

    `id` never changes and is never given to another currency. `code` is lower case and unique. `kind` is
    `cryptocurrency`, `fiat` or `token` (ERC-20 on Ethereum's main network; only these have a `contract`, in EIP-55).
    `decimals` is how many fractional digits an amount may have (fiat: ISO 4217 minor units). `prices` maps a price
    source to its own name for the currency: `coingecko` a coin id, `coingecko_vs` a quote currency, `ecb` a reference rate.
    `created_at` is when it came into the catalogue, `updated_at` when what is said of it last changed.
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
    """Return the currency with this code, in whichever case it is written, or None."""
    return _by_code().get(code.lower())


def require(code: str) -> Currency:
    """Return the currency with this code, in whichever case it is written. Raises NotFound."""
    currency = find(code)
    if currency is None:
        raise NotFound
    return currency


def get(code: str) -> Currency:
    """Return the currency with a code that this service itself stored. Raises KeyError for any other."""
    return _by_code()[code]


@lru_cache
def every() -> tuple[Currency, ...]:
    """Return the whole catalogue, by id."""
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
    """Return the part of the catalogue that is `cryptocurrency`, `fiat` or `token`, by id."""
    return tuple(currency for currency in every() if currency.kind == kind)


@lru_cache
def _by_code() -> dict[str, Currency]:
    return {currency.code: currency for currency in every()}
