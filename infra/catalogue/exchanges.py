"""Writes chalicelib/data/experimental_exchanges.json: `python -m infra.catalogue.exchanges`. Reads the ccxt that is installed, offline."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain import experimental_exchanges
from chalicelib.domain.exchanges import EXCHANGES

OUTPUT = Path(experimental_exchanges.__file__).parents[1] / 'data' / 'experimental_exchanges.json'

# What ccxt calls credentials that an account can be read with, and what we do. Private keys and wallets are never asked for.
_NAMES = {'apiKey': 'key', 'secret': 'secret', 'password': 'password', 'uid': 'uid'}
# Signs with a key pair, or counts what no balance is.
_LEFT_OUT = ('alpaca', 'binancecoinm', 'binanceusdm', 'deribit', 'krakenfutures', 'kucoinfutures', 'mudrex')


class _Asked(Exception):
    """The URL of the first request for balances."""


def main(arguments: list[str] | None = None) -> None:
    """Write the exchanges that are listed, by code."""
    argparse.ArgumentParser(prog='python -m infra.catalogue.exchanges', description=__doc__).parse_args(arguments)
    codes = [code for code in importlib.import_module('ccxt').exchanges if code not in EXCHANGES and code not in _LEFT_OUT]
    rows = [row for code in codes if (row := describe(code)) is not None]
    OUTPUT.write_text('[\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]\n')
    print(f'{OUTPUT}: {len(rows)} exchanges')


def describe(code: str) -> dict[str, Any] | None:
    """Return what is to be known of an exchange of ccxt, None of one whose balances cannot be asked for with an API key alone."""
    made = _exchange(code)
    needed = [name for name, is_needed in made.requiredCredentials.items() if is_needed]
    if not made.has['fetchBalance'] or not {'apiKey', 'secret'} <= {*needed} <= _NAMES.keys():
        return None
    try:
        made.fetch_balance()
    except _Asked as asked:
        url = urlsplit(str(asked))
    except Exception as error:
        print(f'{code}: left out, {type(error).__name__}', file=sys.stderr)
        return None
    documentation = made.urls.get('doc')
    return {
        'code': code,
        'title': made.name,
        'documentation': documentation[0] if isinstance(documentation, list) else documentation,
        'needs': [ours for theirs, ours in _NAMES.items() if theirs in needed],
        'host': f'{url.scheme}://{url.netloc}',
    }


def _exchange(code: str) -> Any:
    """Return ccxt's client of an exchange, with credentials of the usual form, that raises what it would ask for."""
    kind = getattr(importlib.import_module('ccxt'), code)
    made = kind({'apiKey': 'a' * 32, 'secret': 'YWFh' * 11, 'password': 'p', 'uid': '1', 'enableRateLimit': False})

    def fetch(url: str, *_: Any, **__: Any) -> Any:
        raise _Asked(url)

    made.fetch, made.load_markets = fetch, lambda *_, **__: {}
    return made


if __name__ == '__main__':
    main()
