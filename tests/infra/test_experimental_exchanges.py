"""What is known of experimental exchanges is what the ccxt says that is installed."""

import json

from chalicelib.domain import experimental_exchanges
from infra.catalogue import exchanges


def test_the_file_says_what_ccxt_says():
    rows = {row['code']: row for row in json.loads(exchanges.OUTPUT.read_text())}

    assert {code: exchanges.describe(code) for code in ('bitget', 'gate', 'mexc', 'coinmate')} == {
        code: rows[code] for code in ('bitget', 'gate', 'mexc', 'coinmate')
    }
    assert not {'kraken', 'hyperliquid', 'aster', 'binanceusdm'} & rows.keys()
    assert all({*row['needs']} <= {'key', 'secret', 'password', 'uid'} for row in rows.values())
    assert experimental_exchanges.get('coinmate').needs == ('key', 'secret', 'uid')
