"""HD wallets of tests: keys of one account in every spelling, their addresses by a derivation of our own, and their refreshes."""

from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from chalicelib.domain import hd_wallets
from infra.fake_upstreams.scripted_explorer import Txn, txid
from tests.support import bip32
from tests.support.api import Api
from tests.support.bip32 import Node
from tests.support.jobs import record, refresh_job

ZPUB = 'zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs'
_PAYLOAD = bip32.decode_base58(ZPUB)[4:78]
XPUB, YPUB, LTUB = (bip32.encode_base58check(bytes.fromhex(version) + _PAYLOAD) for version in ('0488b21e', '049d7cb2', '019da462'))
OTHER_XPUB = 'xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj'
KINDS = {'p2pkh': bip32.p2pkh, 'p2sh-p2wpkh': bip32.p2sh_p2wpkh, 'p2wpkh': bip32.p2wpkh, 'p2tr': bip32.p2tr}


@pytest.fixture
def few_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two unused addresses be the last, and a slice of the job last as long as an HD wallet takes."""
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 3_600)


@cache
def key(branch: int, index: int) -> bytes:
    """Return a public key of the account."""
    return Node.of(ZPUB).below(branch, index).key


@cache
def at(branch: int, index: int, kind: str = 'p2wpkh') -> str:
    """Return an address of the account."""
    return KINDS[kind](key(branch, index))


def chain_key(branch: int) -> str:
    """Return the extended key of the receiving (0) or change (1) addresses of the account, as xpub."""
    node = Node.of(ZPUB).child(branch)
    place = bytes([4]) + bip32.hash160(Node.of(ZPUB).key)[:4] + branch.to_bytes(4, 'big')
    return bip32.encode_base58check(bytes.fromhex('0488b21e') + place + node.chain_code + node.key)


def paid(amount: str, number: int, height: int = 800_000) -> list[Txn]:
    """Return the one transaction of an address that was paid an amount of bitcoin."""
    return [Txn(txid(number), height + number, received=(int(Decimal(amount) * 10**8),))]


def read(text: str, currency: str = 'btc') -> bool:
    """Run the refresh job on an HD wallet; say whether it went well."""
    return not refresh_job(record({'ledger': hd_wallets.identify(currency, text).key.text}))


def add(api: Api, portfolio: int, text: str, **fields: Any) -> str:
    """Add an HD wallet or address of Bitcoin; return its path."""
    path = f'/api/portfolios/{portfolio}/addresses'
    response = api.post(path, {'address': text, 'currency': 'btc', 'title': 'One'} | fields)
    assert response.status_code == 201, response.body
    return f'{path}/{response.json_body["result"]["id"]}'


def balance(api: Api, path: str) -> str:
    """Return the one balance of an HD wallet."""
    [row] = api.get(f'{path}/balances').json_body['result']
    return str(row['balance'])


def bitcoin(api: Api, portfolio: int, query: str = '') -> dict[str, Any]:
    """Return how much bitcoin a portfolio holds."""
    rows = api.get(f'/api/portfolios/{portfolio}/balances{query}').json_body['result']
    [row] = [row for row in rows if row['currency'] == 'btc']
    return dict(row)
