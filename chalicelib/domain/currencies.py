"""The catalogue of currencies: which exist, how they are called and how finely they divide. Asks no network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

_CATALOGUE = Path(__file__).parents[1] / 'data' / 'currencies.json'


@dataclass(frozen=True, slots=True)
class Currency:
    """One entry of the catalogue.

    `id` never changes and is never given to another currency. `code` is lower case and unique. `kind` is
    `cryptocurrency`, `fiat` or `token` (ERC-20 on Ethereum's main network; only these have a `contract`, in EIP-55).
    `decimals` is how many fractional digits an amount may have (fiat: ISO 4217 minor units). `prices` maps a price
    source to its own name for the currency: `coingecko` a coin id, `coingecko_vs` a quote currency, `ecb` a reference rate.
    """

    id: int
    code: str
    title: str
    kind: str
    decimals: int
    contract: str | None
    prices: Mapping[str, str]

    def ref(self) -> dict[str, str]:
        """Return the short form in which other objects name the currency."""
        return {'title': self.title, 'code': self.code}


def find(code: str) -> Currency | None:
    """Return the currency with this code, in whichever case it is written, or None."""
    return _by_code().get(code.lower())


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
        )
        for entry in entries
    )


@lru_cache
def _by_code() -> dict[str, Currency]:
    return {currency.code: currency for currency in every()}
