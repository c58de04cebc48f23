"""A second explorer is asked now and then: what is compared, what it costs, what people see of it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import BadSetting, settings
from chalicelib.models import User
from chalicelib.providers.explorers import EXPLORERS
from infra.fake_upstreams import faults
from infra.fake_upstreams.faults import status
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.clock import CLOCK
from tests.support.jobs import run_refresh
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, state
from tests.support.portfolio_pages import know_rates
from tests.support.unforeseen import SAID, noted, surprised

Rate = Callable[[str], None]
PATH = '/api/portfolios/1/addresses/1'
SELDOM = '0.000000001'


@pytest.fixture
def rate(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rate]:
    """Return a function that sets how often a second explorer is asked; always, at first."""

    def change(share: str) -> None:
        monkeypatch.setenv('CROSS_CHECK_RATE', share)
        settings.cache_clear()
        settings()

    change('1')
    yield change
    monkeypatch.undo()
    settings.cache_clear()
    settings()


def watch(api: Api, explorer: Explorer, address: str = SEGWIT, number: int = 3) -> None:
    api.address(api.portfolio(), address)
    explorer.chain[address] = payments(number)


def refresh(address: str = SEGWIT) -> None:
    """Refresh as if it were some time later."""
    CLOCK.advance(3_000)
    assert run_refresh(address)


def agreement(api: Api, path: str = PATH) -> Any:
    return api.get(path).json_body['result']['agreement']


def take_one_satoshi(stats: Any) -> None:
    if 'chain_stats' in stats:
        stats['chain_stats']['funded_txo_sum'] -= 1


@pytest.mark.usefixtures('rate')
class TestAlways:
    def test_an_address_says_that_a_second_explorer_agreed(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        refresh()

        found = agreement(api)
        assert (found['status'], found['sources']) == ('agreed', ['blockstream', 'mempool'])
        assert clock.now() - datetime.fromisoformat(found['checked_at']).timestamp() < 60

    def test_who_adds_an_address_that_others_watched_sees_no_agreement_of_before(
        self, api: Api, explorer: Explorer, rate: Rate, browser: Browser, make_user: Callable[[str], User]
    ):
        watch(api, explorer)
        refresh()
        assert agreement(api)
        CLOCK.advance(3_000)
        rate(SELDOM)
        stranger = Api(api.http, make_user('stranger@example.com').user_id, api.scopes)
        stranger.address(stranger.portfolio(), SEGWIT)
        assert run_refresh(SEGWIT)

        assert agreement(api)
        assert (stranger.get(PATH).json_body['result']['txns_last_updated'] is None, agreement(stranger)) == (False, None)
        know_rates()
        browser.log_in('stranger@example.com')
        for page, shown in (('/portfolios/1/addresses/1', 'Balances'), ('/portfolios/1/explain', 'What the amounts were read from')):
            browser.get(page)
            assert (shown in browser.text, 'agree' in browser.text) == (True, False)

        rate('1')
        refresh()
        assert agreement(stranger)['status'] == 'agreed'
        assert 'Two explorers agree' in browser.get('/portfolios/1/addresses/1').body.decode()
        know_rates()
        browser.get('/portfolios/1/explain')
        assert 'they agree' in browser.text

    def test_one_request_is_all_that_it_costs(self, api: Api, explorer: Explorer):
        watch(api, explorer, number=60)
        refresh()

        assert [request.path for request in explorer.requests if request.upstream == 'mempool'] == [f'/address/{SEGWIT}']
        assert explorer.count('blockstream', path=f'/address/{SEGWIT}/txs') == explorer.count('blockstream') - 1

    def test_an_address_says_that_a_second_explorer_disagreed_and_shows_what_the_first_told(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        explorer.fail(faults.changed(take_one_satoshi), 'mempool')
        refresh()

        assert agreement(api)['status'] == 'disputed'
        balances = api.get(f'{PATH}/balances').json_body
        assert Decimal(balances['result'][0]['balance']) == Decimal(sum(txn.delta for txn in payments(3))) / 10**8
        assert (balances['result'][0]['source'], balances['complete']) == ('blockstream', True)

    def test_another_number_of_transactions_is_a_disagreement(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        explorer.fail(faults.changed(lambda stats: stats['chain_stats'].update(tx_count=2)), 'mempool')
        refresh()

        assert agreement(api)['status'] == 'disputed'

    def test_a_disputed_address_that_is_agreed_on_later_is_agreed(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        explorer.fail(faults.changed(take_one_satoshi), 'mempool')
        refresh()
        explorer.heal('mempool')
        refresh()

        assert agreement(api)['status'] == 'agreed'

    def test_a_block_that_comes_between_the_two_is_no_disagreement(self, api: Api, explorer: Explorer):
        watch(api, explorer)

        def find_a_block(request: faults.Request) -> None:
            if request.upstream == 'mempool':
                explorer.chain[SEGWIT] = payments(4)

        explorer.before = find_a_block
        refresh()

        assert agreement(api)['status'] == 'agreed'

    def test_a_second_explorer_that_fails_changes_nothing_and_counts_as_failing(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        refresh()
        before = agreement(api)
        explorer.fail(status(500), 'mempool')
        refresh()

        assert (state(SEGWIT).last_error, agreement(api)) == (None, before)
        assert api.get('/api/sources/mempool').json_body['result']['last_failure_at'] is not None

    def test_a_second_explorer_that_fails_in_a_way_that_nobody_foresaw_changes_nothing(
        self, api: Api, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
    ):
        first, second, *others = EXPLORERS['btc']
        monkeypatch.setitem(EXPLORERS, 'btc', (first, surprised(second, 'read'), *others))
        watch(api, explorer)
        refresh()

        assert (state(SEGWIT).last_error, agreement(api), noted('mempool')) == (None, None, SAID)

    def test_a_legacy_address_is_compared_with_explorers_that_count_the_same_outputs(self, api: Api, explorer: Explorer):
        watch(api, explorer, LEGACY)
        refresh(LEGACY)

        assert {request.upstream for request in explorer.requests} == {'blockchain_info', 'blockcypher'}

    def test_a_legacy_address_of_which_only_lesser_explorers_tell_is_compared_among_those(self, api: Api, explorer: Explorer):
        watch(api, explorer, LEGACY)
        explorer.fail(faults.down, 'blockchain_info', 'blockcypher', 'blockchair')
        refresh(LEGACY)

        assert agreement(api)['sources'] == ['blockstream', 'mempool']

    def test_a_download_that_is_not_over_is_not_compared(self, api: Api, explorer: Explorer, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 0)
        watch(api, explorer, number=60)
        refresh()

        assert explorer.count('mempool') == 0

    def test_who_adds_an_address_that_is_known_sees_what_is_known_of_it(self, api: Api, other: Api, explorer: Explorer):
        watch(api, explorer)
        refresh()
        other.address(other.portfolio(), SEGWIT)
        assert run_refresh(SEGWIT)

        assert agreement(other) == agreement(api) is not None

    def test_what_is_said_of_an_address_is_not_said_of_the_one_that_takes_its_place(self, api: Api, explorer: Explorer):
        watch(api, explorer)
        refresh()

        assert api.patch(PATH, {'address': TAPROOT}).json_body['result']['agreement'] is None


def test_nobody_else_is_asked_at_a_rate_of_zero(api: Api, explorer: Explorer, rate: Rate):
    rate('0')
    watch(api, explorer)
    refresh()

    assert (agreement(api), explorer.count('mempool')) == (None, 0)


def test_a_disputed_address_is_compared_at_each_refresh_however_small_the_rate(api: Api, explorer: Explorer, rate: Rate):
    watch(api, explorer)
    explorer.fail(faults.changed(take_one_satoshi), 'mempool')
    refresh()
    rate(SELDOM)
    explorer.heal('mempool')
    refresh()
    asked = explorer.count('mempool')
    refresh()

    assert agreement(api)['status'] == 'agreed'
    assert explorer.count('mempool') == asked


@pytest.mark.parametrize('share', ['2', '-0.1', '1.1', '5 %', '1e-2', '.5', 'NaN', '0.0000000001'])
def test_a_rate_that_is_no_share_stops_the_process_with_its_name(rate: Rate, share: str):
    with pytest.raises(BadSetting, match=r'^CROSS_CHECK_RATE must be a number from 0 to 1'):
        rate(share)


def test_a_rate_is_read_exactly_and_is_one_in_twenty_unless_told(rate: Rate, monkeypatch: pytest.MonkeyPatch):
    rate('0.1')
    assert settings().cross_check_rate == Decimal('0.1')

    rate('')
    assert settings().cross_check_rate == Decimal('0.05')
