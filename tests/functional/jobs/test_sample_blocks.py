"""The sample upstream's blocks: `FOLLOW_BLOCKS` works with it for each chain that can be followed."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from chalicelib.domain.chains import CHAINS
from chalicelib.models import ChainBlocks
from chalicelib.providers.explorers import tellers_of_blocks
from chalicelib.providers.transport import Http
from infra.fake_upstreams.coins import ADDRESSES, STRANGERS
from infra.fake_upstreams.http_server import serving
from infra.fake_upstreams.sample import SAMPLE_ADDRESSES, respond
from tests.support.clock import CLOCK, StoppedClock
from tests.support.jobs import record, refresh_job

COINS = ['btc', *ADDRESSES]


@pytest.fixture(scope='module')
def server() -> Iterator[str]:
    with serving(respond) as url:
        yield url


@pytest.fixture
def sample(server: str, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock) -> Iterator[None]:
    monkeypatch.setenv('UPSTREAM_URL', server)
    for coin in ADDRESSES:
        monkeypatch.setenv(f'UPSTREAM_BLOCKBOOK_{coin.upper()}_URL', f'{server}/blockbook_{coin}')
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures('sample')
@pytest.mark.parametrize('coin', COINS)
def test_all_who_tell_blocks_of_a_chain_tell_the_same(coin: str) -> None:
    http = Http(lambda _: None)
    tellers = [teller for teller in tellers_of_blocks(coin) if teller.endpoint.key != 'blockchain_info']
    newest = [teller.block(http, teller.tip(http)) for teller in tellers]
    assert tellers
    assert len(set(newest)) == 1
    assert STRANGERS[coin] in newest[0].addresses
    assert SAMPLE_ADDRESSES[coin] not in newest[0].addresses
    assert CLOCK.now() - 600 < newest[0].made_at <= CLOCK.now()
    for teller in tellers:
        assert teller.hash_at(http, newest[0].height - 1) == newest[0].parent
        assert teller.hash_at(http, newest[0].height + 1) is None


@pytest.mark.usefixtures('sample')
@pytest.mark.parametrize('coin', COINS)
def test_each_chain_can_be_followed(coin: str) -> None:
    for hours in range(3):
        CLOCK.advance(3_600 * min(hours, 1))
        assert refresh_job(record({'follow': coin})) == []
        chain = ChainBlocks.find(coin)
        assert chain is not None
        assert (chain.through_at, len(chain.blocks)) == (CLOCK.now(), min(1 + 6 * hours, CHAINS[coin].reorganisation + 1))
