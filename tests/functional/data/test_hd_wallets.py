"""HD wallets in exports, imports and forgetting: the key goes along as ciphertext, the parts are found anew."""

from pathlib import Path

import pytest

from chalicelib.domain import hd_wallets
from chalicelib.models import Ledger, Watch
from infra.data.table import kind_of
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, txid
from tests.support import addresses
from tests.support.api import Api
from tests.support.dynamodb import table
from tests.support.exports import items, run, second_table
from tests.support.hd_wallets import chain_key
from tests.support.jobs import record, refresh_job, refresh_queue, run_sweep

ZPUB = next(row['key'] for row in addresses.vectors('extended_keys')['derived'] if row['key'].startswith('zpub'))
FIRST = 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
XPUB_OF_RECEIVING = chain_key(0)
PK = hd_wallets.identify('btc', ZPUB).key.text


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two unused addresses be the last."""
    monkeypatch.setattr(hd_wallets, 'GAP', 2)


@pytest.fixture
def path(api: Api, explorer: Explorer) -> str:
    """The path of an HD wallet, of which one part is in the portfolio by itself too."""
    explorer.chain[FIRST] = [Txn(txid(1), 800_000, received=(5_000,))]
    portfolio = api.portfolio()
    api.address(portfolio, FIRST)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, ZPUB)}'
    assert not refresh_job(record({'ledger': PK}))
    return path


def told(api: Api, path: str) -> list[object]:
    return [api.get(f'{path}{below}').json_body['result'] for below in ('', '/balances', '/transactions')]


@pytest.mark.parametrize('what', [['--all'], ['--user', 'test@example.com']])
def test_an_hd_wallet_is_the_same_after_an_import_and_finds_its_parts_anew(
    api: Api, explorer: Explorer, path: str, tmp_path: Path, what: list[str]
) -> None:
    file = tmp_path / 'export.jsonl'
    before = told(api, path)
    assert run('export', *what, file) == 0
    assert ZPUB[8:] not in file.read_text()
    with second_table():
        assert run('import', '--table', 'cryptfolio-second', file) == 0
        assert told(api, path) == before
        explorer.chain[FIRST].insert(0, Txn(txid(2), 800_010, received=(7,)))
        for pk in (PK, f'LEDGER#btc#{FIRST}'):
            Ledger.at(pk).update([Ledger.updated_at.set(1)])  # long ago
        assert not refresh_job(record({'ledger': PK}))
        assert api.get(f'{path}/balances').json_body['result'][0]['balance'] == '0.00005007'
        assert len([item for item in items('cryptfolio-second') if item['sk']['S'].startswith('WATCH#WALLET#')]) == 3 + 2 + 3 * 2


def test_of_one_user_no_watch_of_an_hd_wallet_is_exported(path: str, tmp_path: Path) -> None:
    file = tmp_path / 'export.jsonl'
    assert run('export', '--user', 'test@example.com', file) == 0
    assert 'WATCH#WALLET#' not in file.read_text()


def test_of_one_user_it_is_not_exported_who_else_has_their_addresses(api: Api, other: Api, path: str, tmp_path: Path) -> None:
    other.address(other.portfolio(), XPUB_OF_RECEIVING)
    assert not refresh_job(record({'ledger': hd_wallets.identify('btc', XPUB_OF_RECEIVING).key.text}))
    file = tmp_path / 'export.jsonl'
    assert run('export', '--user', 'test@example.com', file) == 0
    assert hd_wallets.identify('btc', XPUB_OF_RECEIVING).key.name not in file.read_text()


def test_forgetting_the_only_one_who_has_an_hd_wallet_takes_all_of_it(path: str, queues: dict[str, str]) -> None:
    refresh_queue(queues).bodies()
    assert run('users', 'forget', '--yes', 'test@example.com') == 0
    for _ in range(2):
        run_sweep()
        refresh_queue(queues).drain()
    assert [item for item in table() if kind_of(item) in ('ledger', 'transaction', 'watch')] == []
    assert Watch.every(PK) == []
