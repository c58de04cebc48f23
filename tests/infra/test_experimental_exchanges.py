"""What is known of experimental exchanges is what the ccxt says that is installed."""

import importlib
import json
import zipfile
from pathlib import Path

import pytest

from chalicelib.domain import experimental_exchanges
from infra.catalogue import exchanges
from infra.deploy import slimming


def test_the_file_says_what_ccxt_says():
    rows = {row['code']: row for row in json.loads(exchanges.OUTPUT.read_text())}

    assert {code: exchanges.describe(code) for code in ('bitget', 'gate', 'mexc', 'coinmate')} == {
        code: rows[code] for code in ('bitget', 'gate', 'mexc', 'coinmate')
    }
    assert not {'kraken', 'hyperliquid', 'aster', 'binanceusdm'} & rows.keys()
    assert all({*row['needs']} <= {'key', 'secret', 'password', 'uid'} for row in rows.values())
    assert experimental_exchanges.get('coinmate').needs == ('key', 'secret', 'uid')


def test_a_package_has_the_exchanges_of_its_stage_with_those_whose_classes_theirs_are_made_of(tmp_path: Path):
    files = (
        '__init__',
        'base/exchange',
        *(f'{folder}{code}' for folder in ('', 'abstract/') for code in ('gate', 'gateeu', 'kraken', 'mexc')),
    )
    root = Path(importlib.import_module('ccxt').__file__ or '').parent
    for experimental in ([], ['gateeu']):
        path = tmp_path / f'{len(experimental)}.zip'
        with zipfile.ZipFile(path, 'w') as archive:
            for name in files:
                archive.write(root / f'{name}.py', f'ccxt/{name}.py')

        slimming.slim(path, experimental)

        with zipfile.ZipFile(path) as archive:
            modules = {name.removeprefix('ccxt/').removesuffix('.py') for name in archive.namelist() if 'abstract' not in name}
        assert modules == {'__init__', 'base/exchange', 'kraken', *(['gate', 'gateeu'] if experimental else [])}
    with pytest.raises(slimming.UnknownExchange, match='gateio'):
        slimming.slim(path, ['gateio'])
