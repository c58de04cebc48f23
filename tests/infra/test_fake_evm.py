"""The sample upstream's Ethereum and chains like it: every explorer of each tells the same of the documented address, and it adds up."""

import json
from collections.abc import Iterator
from decimal import Decimal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from chalicelib.config import settings
from chalicelib.domain.addresses import evm as addresses
from chalicelib.providers.explorers import EXPLORERS, Explorer
from infra.fake_upstreams import evm
from infra.fake_upstreams.http_server import serving
from infra.fake_upstreams.sample import respond
from tests.support.evm import balances, read, sums

HELD = {
    'eth': {
        'eth': Decimal('1.170398530987654323'),
        'usdc': Decimal(1500),
        'dai': Decimal('999.123456789012345678'),
        'weth': Decimal('0.75'),
    },
    'etc': {'etc': Decimal('1.924898530987654323')},
    'bnb': {'bnb': Decimal('1.924898530987654323'), 'usdc-bnb': Decimal('0.000000000007')},
    'pol': {'pol': Decimal('1.924898530987654323'), 'usdc-pol': Decimal(7)},
    'avax': {'avax': Decimal('1.924898530987654323'), 'usdc-avax': Decimal(7)},
    'eth-arbitrum': {'eth-arbitrum': Decimal('1.924898530987654323'), 'usdc-arbitrum': Decimal(7)},
    'eth-optimism': {'eth-optimism': Decimal('1.924852330987654323'), 'usdc-optimism': Decimal(7)},
    'eth-base': {'eth-base': Decimal('1.924852330987654323'), 'usdc-base': Decimal(7)},
}
EVERY = [(coin, explorer) for coin in evm.WORLDS for explorer in EXPLORERS[coin]]


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    with serving(respond) as url:
        yield url


@pytest.fixture(autouse=True)
def asked(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.mark.parametrize(('coin', 'explorer'), EVERY, ids=lambda value: value if isinstance(value, str) else value.endpoint.key)
def test_every_explorer_tells_the_same_and_it_adds_up(coin: str, explorer: Explorer) -> None:
    holdings, entries = read(explorer, evm.ADDRESS)
    assert balances(holdings) == HELD[coin]
    if explorer.info.lists_transactions:
        assert sums(entries) == HELD[coin]


def test_the_address_is_one_as_it_would_be_stored() -> None:
    assert '0x' + addresses.checksum(evm.ADDRESS[2:]) == evm.ADDRESS


def test_another_address_has_nothing() -> None:
    holdings, entries = read(EXPLORERS['eth'][0], '0x' + '0f' * 20)
    assert (balances(holdings), entries) == ({}, [])


def test_an_unknown_upstream_is_not_found_by_post_either(url: str) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f'{url}/nosuch', json.dumps([]).encode(), method='POST'))
    caught.value.close()
    assert caught.value.code == 404
