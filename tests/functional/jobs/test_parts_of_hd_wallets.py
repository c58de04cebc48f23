"""An address of an HD wallet in the same portfolio counts once, in all that is summed, whichever came first, and says whose it is."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain import hd_wallets
from chalicelib.domain.conversion import Rate
from chalicelib.formats import format_instant
from chalicelib.jobs import histories
from chalicelib.models import LatestRates, Ledger
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.hd_wallets import XPUB, ZPUB, add, at, balance, bitcoin, chain_key, paid, read
from tests.support.jobs import Queue, run_refresh

OWN, LATER, STRANGE = at(0, 0), at(0, 2), at(7, 7)
pytestmark = pytest.mark.usefixtures('few_unused')


@pytest.fixture
def portfolio(api: Api, explorer: Explorer) -> int:
    explorer.chain = {OWN: paid('0.5', 1), at(1, 0): paid('0.25', 2), STRANGE: paid('8', 3)}
    return api.portfolio()


@pytest.fixture
def history_queue(queues: dict[str, str], delayed_messages: list[Any]) -> Queue:
    return Queue(queues[settings().history_queue], histories.refresh_histories)


def part_of(api: Api, path: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = api.get(path).json_body['result'].get('part_of')
    return found


def held(api: Api, portfolio: int) -> tuple[str, bool]:
    row = bitcoin(api, portfolio)
    return row['balance'], row['complete']


@pytest.mark.parametrize('first', ['address', 'HD wallet', 'read HD wallet'])
def test_an_address_and_its_hd_wallet_count_once_whichever_comes_first(api: Api, portfolio: int, first: str) -> None:
    if first == 'address':
        path = add(api, portfolio, OWN, title='Mine')
        assert run_refresh(OWN)
        assert (held(api, portfolio), part_of(api, path)) == (('0.5', True), None)
        hd_wallet = add(api, portfolio, ZPUB, title='All of it')
        assert bitcoin(api, portfolio)['balance'] == '0.5'
    else:
        hd_wallet = add(api, portfolio, ZPUB, title='All of it')
        assert first == 'HD wallet' or read(ZPUB)
        path = add(api, portfolio, OWN, title='Mine')
    if first == 'read HD wallet':
        assert held(api, portfolio) == ('0.75', True)
    assert read(ZPUB)
    assert run_refresh(OWN)
    assert held(api, portfolio) == ('0.75', True)
    assert part_of(api, path) == {'id': int(hd_wallet.rpartition('/')[2]), 'title': 'All of it'}
    assert part_of(api, hd_wallet) is None
    assert (balance(api, path), balance(api, hd_wallet)) == ('0.5', '0.75')
    api.patch(hd_wallet, {'title': 'Renamed'})
    assert part_of(api, path) == {'id': int(hd_wallet.rpartition('/')[2]), 'title': 'Renamed'}


def test_other_addresses_and_offsets_count_as_ever(api: Api, portfolio: int) -> None:
    add(api, portfolio, ZPUB)
    strange = add(api, portfolio, STRANGE)
    api.post(f'/api/portfolios/{portfolio}/offsets', {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '100'}]})
    assert read(ZPUB)
    assert run_refresh(STRANGE)
    assert held(api, portfolio) == ('108.75', True)
    assert part_of(api, strange) is None


@pytest.mark.parametrize('gone', ['deleted', 'moved'])
def test_without_its_hd_wallet_an_address_counts_by_itself_again(api: Api, portfolio: int, gone: str) -> None:
    path, hd_wallet = add(api, portfolio, OWN), add(api, portfolio, ZPUB)
    assert read(ZPUB)
    assert held(api, portfolio) == ('0.75', True)
    answer = api.delete(hd_wallet) if gone == 'deleted' else api.patch(hd_wallet, {'address': STRANGE})
    assert answer.status_code == 200
    assert bitcoin(api, portfolio)['balance'] == '0.5'
    assert part_of(api, path) is None


def test_an_address_that_is_deleted_says_whose_it_was_and_the_hd_wallet_counts_on(api: Api, portfolio: int) -> None:
    path, hd_wallet = add(api, portfolio, OWN), add(api, portfolio, ZPUB, title='All of it')
    assert read(ZPUB)
    assert api.delete(path).json_body['result']['part_of']['title'] == 'All of it'
    assert (held(api, portfolio), balance(api, hd_wallet)) == (('0.75', True), '0.75')


def test_an_address_that_the_hd_wallet_reaches_later_counts_once_at_every_moment(api: Api, explorer: Explorer, portfolio: int) -> None:
    far = at(0, 5)
    explorer.chain[far] = paid('4', 5)
    path, hd_wallet = add(api, portfolio, far), add(api, portfolio, ZPUB)
    assert run_refresh(far)
    assert read(ZPUB)
    assert (held(api, portfolio), part_of(api, path)) == (('4.75', True), None)
    explorer.chain |= {at(0, 2): paid('1', 6), at(0, 4): paid('2', 7)}
    CLOCK.advance(3_000)
    assert read(ZPUB)
    assert (held(api, portfolio), balance(api, hd_wallet)) == (('7.75', True), '7.75')
    assert part_of(api, path) is not None


def test_between_derivation_and_merging_an_address_still_counts_by_itself(api: Api, explorer: Explorer, portfolio: int) -> None:
    far = at(0, 3)
    explorer.chain[far] = paid('4', 5)
    add(api, portfolio, far)
    add(api, portfolio, ZPUB)
    assert run_refresh(far)
    assert read(ZPUB)
    explorer.chain[at(0, 1)] = paid('1', 6)
    CLOCK.advance(3_000)
    pk = hd_wallets.identify('btc', ZPUB).key.text
    before = Ledger.find(pk)
    assert before is not None
    assert read(ZPUB)
    assert held(api, portfolio) == ('5.75', True)
    Ledger.at(pk).update([Ledger.derived.set(before.derived), Ledger.holdings.set(before.holdings)])  # as it was while that went on
    assert held(api, portfolio) == ('4.75', True)


def test_the_hd_wallet_of_somebody_else_does_not_matter(api: Api, other: Api, portfolio: int) -> None:
    path = add(api, portfolio, OWN)
    add(other, other.portfolio(), ZPUB)
    add(api, api.portfolio('Another'), ZPUB)
    assert read(ZPUB)
    assert (held(api, portfolio), part_of(api, path)) == (('0.5', True), None)


@pytest.mark.parametrize('chain_first', [False, True])
def test_of_two_hd_wallets_the_one_that_has_all_addresses_of_the_other_counts(
    api: Api, explorer: Explorer, portfolio: int, delayed_messages: list[Any], chain_first: bool
) -> None:
    receiving = chain_key(0)
    texts = [receiving, XPUB] if chain_first else [XPUB, receiving]
    paths = {}
    for text in texts:
        paths[text] = add(api, portfolio, text, title='Account' if text == XPUB else 'Chain')
        assert read(text)
        assert bitcoin(api, portfolio)['balance'] == ('0.5' if text == texts[0] == receiving else held(api, portfolio)[0])
    assert held(api, portfolio) == ('0.75', True)
    assert delayed_messages == []  # the first one is not read again for the sum, and says whose part it is when it is
    CLOCK.advance(20)
    assert read(receiving)
    assert held(api, portfolio) == ('0.75', True)
    assert part_of(api, paths[receiving]) == {'id': int(paths[XPUB].rpartition('/')[2]), 'title': 'Account'}
    assert part_of(api, paths[XPUB]) is None
    own = add(api, portfolio, OWN)
    assert run_refresh(OWN)
    assert held(api, portfolio) == ('0.75', True)
    assert part_of(api, own)['title'] == ('Chain' if chain_first else 'Account')
    assert api.delete(paths[XPUB]).status_code == 200
    assert held(api, portfolio) == ('0.5', True)


def test_hd_wallets_that_share_only_some_used_addresses_say_that_the_later_one_is_missing(
    api: Api, explorer: Explorer, portfolio: int, delayed_messages: list[Any]
) -> None:
    receiving = chain_key(0)
    explorer.chain[at(0, 9)] = paid('4', 5)
    add(api, portfolio, XPUB)
    add(api, portfolio, receiving, gap_limit=20)
    for _ in range(2):
        assert read(XPUB)
        assert read(receiving)
        CLOCK.advance(3_000)
    row = bitcoin(api, portfolio)
    assert (row['balance'], row['complete']) == ('0.75', False)
    assert [missing['reason'] for missing in row['missing']] == ['shared_with_wallet']
    assert api.patch(f'/api/portfolios/{portfolio}/addresses/1', {'gap_limit': 20}).status_code == 200
    for _ in range(2):
        assert read(XPUB)
        assert read(receiving)
        CLOCK.advance(3_000)
    assert held(api, portfolio) == ('4.75', True)


def test_the_past_and_the_history_count_it_once_too(api: Api, portfolio: int, history_queue: Queue) -> None:
    path = add(api, portfolio, OWN)
    earlier = f'?at={format_instant(clock.now() - 500 * 86_400)[:10]}'
    assert run_refresh(OWN)
    history_queue.drain()
    assert history(api, portfolio)[-1] == '0.5'
    hd_wallet = add(api, portfolio, ZPUB)
    assert read(ZPUB)
    history_queue.drain()
    assert set(history(api, portfolio)) == {'0.75'}
    assert bitcoin(api, portfolio, earlier)['balance'] == '0.75'
    rows = api.get(f'/api/portfolios/{portfolio}/balances/btc/history').json_body['result']
    assert {(row['covered'], row['total']) for row in rows} == {(1, 1)}
    assert api.delete(hd_wallet).status_code == 200
    history_queue.drain()
    assert set(history(api, portfolio)) == {'0.5'}
    assert bitcoin(api, portfolio, earlier)['balance'] == '0.5'
    assert part_of(api, path) is None


def history(api: Api, portfolio: int) -> list[str]:
    return [row['balance'] for row in api.get(f'/api/portfolios/{portfolio}/balances/btc/history').json_body['result']]


def test_the_value_counts_it_once_too(api: Api, portfolio: int) -> None:
    now = clock.now()
    rates = [Rate('btc', 'usd', Decimal('10000'), now, 'kraken')]
    assert LatestRates.find().store(now, [], rates, dict.fromkeys(('btc', 'usd'), now + 86_400))
    add(api, portfolio, OWN)
    add(api, portfolio, ZPUB)
    assert read(ZPUB)
    rows = api.get(f'/api/portfolios/{portfolio}/converted').json_body['result']
    assert {row['currency']: row['balance'] for row in rows} == {'btc': '0.75', 'usd': '7500.00'}


def test_sums_cost_no_more_and_a_part_costs_one_request_more_than_another_address(
    api: Api, portfolio: int, requests_made: list[str]
) -> None:
    path, hd_wallet = add(api, portfolio, OWN), add(api, portfolio, ZPUB)
    strange = add(api, portfolio, STRANGE)
    assert read(ZPUB)
    assert run_refresh(STRANGE)
    costs = {f'/api/portfolios/{portfolio}/balances': 2, path: 2, hd_wallet: 1, strange: 1, f'{path}/balances': 2}
    for asked, most in costs.items():
        requests_made.clear()
        assert api.get(asked).status_code == 200
        assert len(requests_made) <= most, (asked, requests_made)
