"""Exchanges whose balances ccxt can read and nobody has compared with anything: offered only where the operator names them. Pure.

What is to be known of each is a file of the package, which `python -m infra.catalogue.exchanges` writes.
"""

import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from chalicelib.domain.exchanges import EXCHANGES, Exchange

_FILE = Path(__file__).parents[1] / 'data' / 'experimental_exchanges.json'


class UnknownExchange(ValueError):
    """A name that is no exchange of the file; the message lists those that are."""


class _Row(NamedTuple):
    exchange: Exchange
    host: str


def get(code: str) -> Exchange:
    """Return an exchange by its code, experimental or not, whether it is offered or not. Raises KeyError for any other code."""
    return EXCHANGES[code] if code in EXCHANGES else _rows()[code].exchange


def host_of(code: str) -> str:
    """Return scheme and host of the API of an experimental exchange. Raises KeyError for any other."""
    return _rows()[code].host


def offered(experimental: Collection[str]) -> Mapping[str, Exchange]:
    """Return the exchanges at which an account can be, by code: those that are supported, and some experimental ones.

    Raises UnknownExchange for a code that is of none.
    """
    unknown = sorted({*experimental} - _rows().keys()) if experimental else []
    if unknown:
        raise UnknownExchange(f'{", ".join(unknown)}: known are {", ".join(_rows())}')
    return {**EXCHANGES, **{code: _rows()[code].exchange for code in sorted(experimental)}}


@lru_cache(1)
def _rows() -> dict[str, _Row]:
    return {row['code']: _Row(_exchange(row), row['host']) for row in json.loads(_FILE.read_bytes())}


def _exchange(row: Mapping[str, Any]) -> Exchange:
    return Exchange(
        row['code'],
        row['title'],
        row['documentation'],
        needs=tuple(row['needs']),
        permissions=('reading balances',),
        covers=('the wallet that is asked for first, mostly spot',),
        lacks=('every other wallet', 'transactions', 'any check of what the API key may do'),
        is_experimental=True,
    )
