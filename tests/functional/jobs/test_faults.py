"""Whose fault a failure is: what an upstream cannot do for one address costs that address alone, and then not for long."""

from collections.abc import Iterator

import pytest

from chalicelib import clock
from chalicelib.models import Ledger, UpstreamState
from chalicelib.providers.explorers import EXPLORERS
from chalicelib.services.portfolios import addresses
from infra.fake_upstreams import evm, faults
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.evm import Request, Server, generated, leading_to, serving, telling, truth
from tests.support.jobs import record, refresh_job, run_refresh
from tests.support.ledgers import SEGWIT, TAPROOT, assert_whole, state
from tests.support.unforeseen import SAID, noted, surprised

ODD = [
    'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte',
    'bc1qaxxukj5fgexluc40cvxw4kpsu2vajqlhdfwc0z',
    'bc1qjfyvsnzt7kv86q0sjhz9fpa2d3pd86gpjugu7v',
    TAPROOT,
]
ODD_ANSWERS = {
    'another shape': faults.text('{}'),
    'an endless number': faults.text('{"chain_stats": {"funded_txo_sum": 1e9999999999999999999}}'),
    'a number of a million digits': faults.text('{"chain_stats": {"funded_txo_sum": %s}}' % ('9' * 1_000_000)),
    'nested lists': faults.text('{"chain_stats": ' + '[' * 100_000 + ']' * 100_000 + '}'),
    'an error': faults.status(404),
}
FAILURES = {'gateway timeout': faults.status(504), 'too long': faults.enormous(40 * 1024 * 1024)}


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


def watch(api: Api, portfolio: int, explorer: Explorer, *watched: str) -> None:
    for place, address in enumerate(watched):
        api.address(portfolio, address)
        explorer.chain[address] = payments(5, first=100 * place)


def health(api: Api, key: str = 'blockstream') -> str:
    told: str = api.get(f'/api/sources/{key}').json_body['result']['health']
    return told


def fault_for(address: str, fault: faults.Fault) -> faults.Fault:
    return faults.only(address, fault)


def sources(*watched: str) -> list[str | None]:
    return [state(address).source for address in watched]


@pytest.mark.parametrize('fault', ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_odd_answers_about_some_addresses_leave_another_as_it_is(explorer: Explorer, api: Api, portfolio: int, fault: faults.Fault) -> None:
    watch(api, portfolio, explorer, *ODD, SEGWIT)
    explorer.fail(lambda request, answer: answer if SEGWIT in request.path else fault(request, answer), 'blockstream')
    for address in (*ODD, SEGWIT):
        assert run_refresh(address)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert sources(*ODD, SEGWIT) == ['mempool'] * 4 + ['blockstream']


def test_an_explorer_that_fails_in_a_way_that_nobody_foresaw_is_followed_by_the_next(
    explorer: Explorer, api: Api, portfolio: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = EXPLORERS['btc']
    monkeypatch.setitem(EXPLORERS, 'btc', (surprised(first, 'read'), *others))
    watch(api, portfolio, explorer, SEGWIT)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert (sources(SEGWIT), noted('blockstream')) == (['mempool'], SAID)


def test_an_upstream_whose_answers_are_all_odd_is_failing_and_still_asked(explorer: Explorer, api: Api, portfolio: int) -> None:
    watch(api, portfolio, explorer, *ODD, SEGWIT)
    explorer.fail(faults.text('{}'), 'blockstream')
    told = []
    for address in ODD:
        assert run_refresh(address)
        told.append(health(api))
    assert told == ['unknown', 'unknown', 'failing', 'failing']
    explorer.heal()
    assert run_refresh(SEGWIT)
    assert (sources(SEGWIT), health(api)) == (['blockstream'], 'ok')


@pytest.mark.parametrize('fault', FAILURES.values(), ids=FAILURES.keys())
def test_an_address_that_is_too_much_for_an_upstream_does_not_close_it_to_others(
    explorer: Explorer, api: Api, portfolio: int, fault: faults.Fault
) -> None:
    watch(api, portfolio, explorer, TAPROOT, SEGWIT)
    explorer.fail(fault_for(TAPROOT, fault), 'blockstream')
    for _ in range(4):
        assert run_refresh(TAPROOT)
        CLOCK.advance(86_401)  # the address is to be asked about there again
    assert explorer.count('blockstream', TAPROOT) == 4
    assert run_refresh(SEGWIT)
    assert sources(TAPROOT, SEGWIT) == ['mempool', 'blockstream']


def test_three_addresses_at_which_an_upstream_fails_close_it(explorer: Explorer, api: Api, portfolio: int) -> None:
    watch(api, portfolio, explorer, *ODD, SEGWIT)
    explorer.fail(lambda request, answer: answer if SEGWIT in request.path else faults.status(504)(request, answer), 'blockstream')
    for address in (*ODD, SEGWIT):
        assert run_refresh(address)
    assert sources(SEGWIT) == ['mempool']
    assert explorer.count('blockstream') == 3
    assert health(api) == 'failing'
    CLOCK.advance(901)
    assert run_refresh(SEGWIT)
    assert (sources(SEGWIT), health(api)) == (['blockstream'], 'ok')
    assert UpstreamState.get('BUCKET#blockstream', 'BUCKET').failed_for is None


def test_an_upstream_that_is_down_for_long_keeps_a_state_of_one_size(explorer: Explorer, api: Api, portfolio: int) -> None:
    watch(api, portfolio, explorer, *ODD)
    explorer.fail(faults.down, 'blockstream')
    for _ in range(3):
        for address in ODD:
            assert run_refresh(address)
            CLOCK.advance(1_801)
    assert len(UpstreamState.get('BUCKET#blockstream', 'BUCKET').failed_for) == 3


def test_an_address_rests_ever_longer_from_an_upstream_that_fails_for_it(explorer: Explorer, api: Api, portfolio: int) -> None:
    watch(api, portfolio, explorer, SEGWIT)
    explorer.fail(faults.text('{}'), 'blockstream')
    asked = []
    for _ in range(40):
        assert run_refresh(SEGWIT)
        asked.append(explorer.count('blockstream'))
        CLOCK.advance(300)
    # Asked at the first refresh, and 5, 10, 20, 40 and 80 minutes after the time before.
    assert [asked.index(count) for count in range(1, 7)] == [0, 1, 3, 7, 15, 31]
    explorer.heal()
    CLOCK.advance(86_400)
    assert run_refresh(SEGWIT)
    assert sources(SEGWIT) == ['blockstream']
    assert list(state(SEGWIT).troubles) == []


def test_where_no_other_upstream_serves_it_an_address_does_not_rest(explorer: Explorer, api: Api, portfolio: int) -> None:
    watch(api, portfolio, explorer, SEGWIT)
    explorer.fail(faults.text('{}'))
    assert not run_refresh(SEGWIT)
    explorer.heal('blockstream')
    assert run_refresh(SEGWIT)
    assert sources(SEGWIT) == ['blockstream']


# Where the steps can be smaller


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as leading:
        yield leading


PK = f'LEDGER#eth#{evm.ADDRESS}'


def test_an_address_whose_pages_are_too_much_is_read_in_smaller_ones(api: Api, upstream: Server) -> None:
    world = generated(3, 200, rewards=False)

    def answer(request: Request) -> Answer:
        return Answer(504, '') if int(request.query.get('offset', '0')) > 50 else telling(world, request)

    upstream.answer = answer
    portfolio = api.portfolio(currencies=('eth',))
    addresses.store(addresses.draft(api.user_id, portfolio, title='Mine', currency='eth', address=evm.ADDRESS, now=clock.now()))
    assert not refresh_job(record({'ledger': PK}))
    ledger = Ledger.find(PK)
    assert ledger is not None
    assert (ledger.source, ledger.reason) == ('etherscan', None)
    assert {held.currency: held.balance for held in ledger.holdings} == truth(world)
    upstream.requests.clear()
    CLOCK.advance(3_000)
    assert not refresh_job(record({'ledger': PK}))
    assert {request.query.get('offset') for request in upstream.requests} == {None, '50'}  # as it is known now
    assert health(api, 'etherscan') == 'ok'
    upstream.requests.clear()
    CLOCK.advance(86_400)
    upstream.tell(world)
    assert not refresh_job(record({'ledger': PK}))
    assert {request.query.get('offset') for request in upstream.requests} == {None, '100'}
    found = Ledger.find(PK)
    assert found is not None
    assert list(found.troubles) == []


# Keys

REFUSED = {'status': '0', 'message': 'NOTOK', 'result': 'Invalid API Key (#err2)'}
BNB = f'LEDGER#bnb#{evm.ADDRESS}'


def watch_bnb(api: Api) -> str:
    """Watch an address of a chain whose transactions one explorer alone lists; return its path."""
    portfolio = api.portfolio(currencies=('bnb', 'btc'))
    addresses.store(addresses.draft(api.user_id, portfolio, title='Mine', currency='bnb', address=evm.ADDRESS, now=clock.now()))
    return f'/api/portfolios/{portfolio}'


def refusing(request: Request) -> Answer:
    """Refuse the key where there is one, and tell what nodes do."""
    return as_json(REFUSED) if request.body is None else telling(evm.WORLDS['bnb'], request)


def remedy(api: Api, key: str) -> str | None:
    told: str | None = api.get(f'/api/sources/{key}').json_body['result']['remedy']
    return told


def test_a_key_that_is_refused_is_told_as_that(api: Api, upstream: Server) -> None:
    upstream.answer = refusing
    path = watch_bnb(api)
    assert not refresh_job(record({'ledger': BNB}))
    told = api.get(f'{path}/addresses/1/balances').json_body
    assert (told['result'][0]['source'], told['complete'], told['reason']) == ('publicnode_bnb', False, 'explorers_need_key')
    rows = {row['currency']: row for row in api.get(f'{path}/balances').json_body['result']}
    assert [missing['reason'] for missing in rows['bnb']['missing']] == ['explorers_need_key']
    assert rows['btc']['complete'] is True
    assert (health(api, 'etherscan'), remedy(api, 'etherscan')) == ('failing', 'Set UPSTREAM_ETHERSCAN_KEY to an API key that it accepts')
    upstream.tell(evm.WORLDS['bnb'])
    CLOCK.advance(3_000)
    assert not refresh_job(record({'ledger': BNB}))
    assert api.get(f'{path}/addresses/1/balances').json_body['complete'] is True
    assert (health(api, 'etherscan'), remedy(api, 'etherscan')) == ('ok', None)


def test_an_address_that_nothing_is_known_of_for_want_of_keys_says_so(api: Api, upstream: Server) -> None:
    upstream.answer = lambda request: as_json(REFUSED) if request.body is None else Answer(401, '')
    path = watch_bnb(api)
    assert refresh_job(record({'ledger': BNB}))
    for below in ('/addresses/1/balances', '/balances'):
        told = api.get(path + below)
        assert (told.status_code, told.json_body['message'], told.json_body['reason']) == (503, 'Not ready', 'explorers_need_key')
    assert remedy(api, 'publicnode_bnb') == 'It demands an API key now: set UPSTREAM_PUBLICNODE_BNB_URL to another server'
    upstream.answer = lambda request: Answer(500, '')  # which is no matter of keys
    CLOCK.advance(901)
    assert refresh_job(record({'ledger': BNB}))
    assert 'reason' not in api.get(f'{path}/balances').json_body


def test_what_needs_a_key_that_is_not_set_says_which_setting(api: Api) -> None:
    assert remedy(api, 'etherscan') == 'Set UPSTREAM_ETHERSCAN_KEY to an API key'
    assert remedy(api, 'blockstream') is None
    assert remedy(api, 'blockbook_ltc') is None  # has no public server, so nobody misses a key
