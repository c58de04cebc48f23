"""The public state of the service and of its upstreams."""

import re
import sys
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.formats import format_instant
from chalicelib.jobs import histories, purge, rates, refresh, sweep
from chalicelib.models import Item, JobRun, LatestRates, UpstreamState
from chalicelib.providers import exchanges
from chalicelib.providers.explorers import EXPLORERS
from chalicelib.providers.rates import RATE_SOURCES
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers.upstream_gate import UpstreamGate
from chalicelib.services.rates import current
from tests.support.browser import Browser
from tests.support.clock import CLOCK

HOST = Endpoint('mempool', 'https://mempool.space/api', min_interval_ms=0)
EVERY = [explorer for chain in EXPLORERS.values() for explorer in chain]
ACCOUNTS = {endpoint.key for endpoint, _ in exchanges.sources()}
UPSTREAMS = sorted({explorer.endpoint.key for explorer in EVERY} | {source.endpoint.key for source in RATE_SOURCES} | ACCOUNTS)
ALL = sorted(['database', *UPSTREAMS])
JOBS = [
    'fetch_rates',
    'purge_portfolios',
    'refresh_accounts',
    'refresh_histories',
    'refresh_ledgers',
    'snapshot_portfolios',
    'sweep_due',
    'update_rates',
]
PATHS = ['/api/status', '/api/sources', '/api/sources/mempool']


def get(http: ChaliceClient, path: str, token: str | None = None) -> HTTPResponse:
    return http.http.get(path, headers={'Authorization': token} if token else {})


def result(http: ChaliceClient, path: str) -> Any:
    response = get(http, path)
    assert response.status_code == 200, response.body
    return response.json_body['result']


def works() -> None:
    """Let the upstream answer a request."""
    gate = UpstreamGate()
    gate(HOST)
    gate.worked(HOST)


def fails(error: Upstream | None = None) -> None:
    """Let the upstream fail a request."""
    gate = UpstreamGate()
    gate(HOST)
    gate.failed(error or Upstream(HOST.key, 'answered 500'))


def health(http: ChaliceClient) -> str:
    return result(http, '/api/sources/mempool')['health']


def is_failing(http: ChaliceClient) -> bool:
    """Whether the upstream is named among what fails, and only there."""
    status = result(http, '/api/status')
    assert sorted(status['ok'] + status['failing']) == ALL
    return 'mempool' in status['failing']


def seconds_ago(text: str) -> float:
    return clock.now() - datetime.fromisoformat(text).timestamp()


def test_the_status_names_every_upstream_and_the_database(http: ChaliceClient):
    response = get(http, '/api/status').json_body

    assert response.keys() == {'success', 'time', 'result'}
    assert list(response['result']) == ['ok', 'failing', 'tickers', 'jobs', 'version']
    assert (response['result']['ok'], response['result']['failing']) == (ALL, [])


def test_the_status_tells_which_version_answers(http: ChaliceClient):
    version = result(http, '/api/status')['version']

    assert re.fullmatch(r'[0-9]+\.[0-9]+\.[0-9]+', version)
    assert version == get(http, '/openapi.json').json_body['info']['version']


def test_before_anything_ran_nothing_is_said_of_it(http: ChaliceClient):
    status = result(http, '/api/status')

    assert status['tickers'] == {'updated_at': None, 'age': None}
    assert status['jobs'] == [{'name': name, 'last_run_at': None} for name in JOBS]
    assert not {'tickers', 'jobs'} & {*status['ok'], *status['failing']}


def run_all() -> None:
    """Run every job: the scheduled ones in the tick of a schedule, the others on an empty batch."""
    tick = dict.fromkeys(('version', 'account', 'region', 'detail', 'detail-type', 'source', 'time', 'id', 'resources'), '')
    for job in (sweep.sweep_due, histories.snapshot_portfolios):
        job(tick, None)
    for job in (refresh.refresh_ledgers, refresh.refresh_accounts, purge.purge_portfolios, rates.fetch_rates, histories.refresh_histories):
        job({'Records': []}, None)
    JobRun.note('update_rates', clock.now())  # which would ask sources


def test_the_status_tells_when_each_job_ran_last(http: ChaliceClient):
    run_all()
    at = format_instant(clock.now())
    CLOCK.advance(100)

    status = result(http, '/api/status')

    assert status['jobs'] == [{'name': name, 'last_run_at': at} for name in JOBS]
    assert 'jobs' in status['ok']


@pytest.mark.parametrize(
    ('job', 'seconds', 'late'),
    [
        ('sweep_due', 180, False), ('sweep_due', 181, True), ('update_rates', 900, False), ('update_rates', 901, True),
        ('snapshot_portfolios', 10_800, False), ('snapshot_portfolios', 10_801, True), ('purge_portfolios', 10**6, False),
    ],
)  # fmt: skip
def test_jobs_fail_when_a_scheduled_one_missed_three_runs(http: ChaliceClient, job: str, seconds: int, late: bool):
    run_all()
    JobRun.note(job, clock.now() - seconds)

    status = result(http, '/api/status')

    assert ('jobs' in status['failing'], 'jobs' in status['ok']) == (late, not late)


def test_a_scheduled_run_that_fails_is_not_noted(http: ChaliceClient):
    tick = dict.fromkeys(('version', 'account', 'region', 'detail', 'detail-type', 'source', 'time', 'id', 'resources'), '')
    Item.delete_table()
    try:
        with pytest.raises(Exception, match='ResourceNotFound'):
            sweep.sweep_due(tick, None)
    finally:
        Item.create_table(billing_mode='PAY_PER_REQUEST')

    assert JobRun.last() == {}


def test_a_run_that_cannot_be_noted_is_a_run_all_the_same():
    Item.delete_table()
    try:
        assert purge.purge_portfolios({'Records': []}, None) == {'batchItemFailures': []}
    finally:
        Item.create_table(billing_mode='PAY_PER_REQUEST')


def test_a_process_notes_the_runs_of_a_queues_job_once_a_minute(requests_made: list[str]):
    for _ in range(3):
        purge.purge_portfolios({'Records': []}, None)
    assert requests_made == ['UpdateItem']

    CLOCK.advance(60)
    purge.purge_portfolios({'Records': []}, None)
    assert requests_made == ['UpdateItem'] * 2
    assert JobRun.last() == {'purge_portfolios': clock.now()}


@pytest.mark.parametrize(('age', 'part'), [(0, 'ok'), (900, 'ok'), (901, 'failing')])
def test_the_status_tells_how_old_the_rates_are(http: ChaliceClient, age: int, part: str):
    LatestRates.find().store(clock.now() - age, [], [], {})

    status = result(http, '/api/status')

    assert status['tickers'] == {'updated_at': format_instant(clock.now() - age), 'age': age}
    assert 'tickers' in status[part]


def test_the_first_rates_are_seen_within_seconds(http: ChaliceClient):
    assert result(http, '/api/status')['tickers']['age'] is None
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(('btc', 'eth', 'eur', 'usd'), 1))
    CLOCK.advance(10)

    assert result(http, '/api/status')['tickers']['age'] == 10


def test_the_status_costs_three_requests_and_two_in_the_minute_after(http: ChaliceClient, requests_made: list[str]):
    get(http, '/api/status')
    assert requests_made == ['BatchGetItem', 'Query', 'GetItem']

    requests_made.clear()
    get(http, '/api/status')
    assert requests_made == ['BatchGetItem', 'Query']


def test_an_upstream_that_was_never_asked_is_unknown(http: ChaliceClient):
    source = result(http, '/api/sources/mempool')

    assert (source['health'], source['last_success_at'], source['last_failure_at']) == ('unknown', None, None)


def test_an_upstream_that_worked_is_ok(http: ChaliceClient):
    works()

    source = result(http, '/api/sources/mempool')
    assert (source['health'], source['last_failure_at']) == ('ok', None)
    assert seconds_ago(source['last_success_at']) < 5
    assert not is_failing(http)


def test_an_upstream_that_failed_is_failing(http: ChaliceClient):
    works()
    CLOCK.advance(30)
    fails()

    source = result(http, '/api/sources/mempool')
    assert source['health'] == 'failing'
    assert seconds_ago(source['last_failure_at']) < 5
    assert seconds_ago(source['last_success_at']) >= 30
    assert is_failing(http)


def test_an_upstream_that_failed_and_never_worked_is_failing(http: ChaliceClient):
    fails()

    assert health(http) == 'failing'


def test_an_upstream_that_works_again_is_ok_at_once(http: ChaliceClient):
    works()
    fails()
    works()

    assert health(http) == 'ok'
    assert not is_failing(http)


def test_a_failure_of_a_quarter_of_an_hour_ago_says_nothing_about_now(http: ChaliceClient):
    works()
    fails()
    CLOCK.advance(901)

    assert health(http) == 'unknown'
    assert not is_failing(http)


def test_a_failure_of_minutes_ago_still_counts(http: ChaliceClient):
    fails()
    CLOCK.advance(840)

    assert is_failing(http)


def test_an_upstream_whose_circuit_is_open_is_failing_however_long_ago_it_failed(http: ChaliceClient):
    fails(Upstream(HOST.key, 'answered 429', throttled=True, retry_after=3600))
    CLOCK.advance(1800)

    assert health(http) == 'failing'
    assert is_failing(http)


@pytest.mark.parametrize('kind', [UpstreamRejected, UpstreamNotAsked])
def test_what_is_no_failure_of_the_upstream_does_not_count(http: ChaliceClient, kind: type[Upstream]):
    fails(kind(HOST.key, 'x'))

    assert health(http) == 'unknown'


def test_a_success_is_noted_once_a_minute(requests_made: list[str]):
    works()
    requests_made.clear()
    works()
    assert requests_made == ['UpdateItem']

    CLOCK.advance(60)
    requests_made.clear()
    works()
    assert requests_made == ['UpdateItem', 'UpdateItem']


def test_a_success_after_a_failure_is_noted_at_once(requests_made: list[str]):
    works()
    fails()
    requests_made.clear()
    works()

    assert requests_made == ['UpdateItem', 'UpdateItem']


def test_a_failure_and_its_reason_cost_no_request_of_their_own(requests_made: list[str]):
    fails()

    assert requests_made == ['UpdateItem', 'UpdateItem']
    assert UpstreamState.find_many(['mempool'])['mempool'].last_error == 'answered 500'


@pytest.mark.parametrize('path', PATHS)
def test_why_an_upstream_failed_is_nobodys_business(http: ChaliceClient, path: str):
    fails(Upstream(HOST.key, 'secret reason'))

    assert b'secret' not in get(http, path).body


def test_without_its_database_the_service_says_so(http: ChaliceClient):
    Item.delete_table()
    try:
        status = result(http, '/api/status')
    finally:
        Item.create_table(billing_mode='PAY_PER_REQUEST')

    assert (status['ok'], status['failing']) == ([], ['database'])
    assert status['tickers'] == {'updated_at': None, 'age': None}
    assert [job['last_run_at'] for job in status['jobs']] == [None] * len(JOBS)


def test_a_page_shows_what_the_api_says(http: ChaliceClient, browser: Browser, requests_made: list[str]):
    run_all()
    works()
    CLOCK.advance(60)
    fails(Upstream(HOST.key, 'secret reason'))
    LatestRates.find().store(clock.now() - 120, [], [], {})
    current.forget()
    status, sources = result(http, '/api/status'), get(http, '/api/sources?limit=1000').json_body['result']
    current.forget()
    requests_made.clear()

    browser.get('/status')

    assert (browser.status, len(requests_made)) == (200, 4)
    assert f'1 part fails {HOST.key} ' in browser.text
    assert f'Version {status["version"]} Rates {in_words(status["tickers"]["updated_at"])} , 2 minutes ago' in browser.text
    assert sorted(re.findall(r'href="/api/sources/(\w+)"', browser.page)) == [source['key'] for source in sources]
    assert sorted(re.findall(r'<h3><a [^>]*>([^<]+)', browser.page)) == sorted(source['title'] for source in sources)
    [mempool] = [source for source in sources if source['key'] == HOST.key]
    parts = f'Last success {in_words(mempool["last_success_at"])} , last failure {in_words(mempool["last_failure_at"])}'
    assert f'{", ".join(mempool["capabilities"]).replace("_", " ")}: BTC' in browser.text
    assert (parts in browser.text, browser.text.count(' fails '), 'secret' in browser.page) == (True, 2, False)
    jobs = re.findall(r'<code>(\w+)</code></th><td><time datetime="([^"]+)"', browser.page)
    assert jobs == [(job['name'], job['last_run_at']) for job in status['jobs']]

    Item.delete_table()
    try:
        browser.cookie = 'A' * 43
        browser.get('/status')
    finally:
        Item.create_table(billing_mode='PAY_PER_REQUEST')
    assert (browser.status, '1 part fails database' in browser.text) == (200, True)


def in_words(instant: str) -> str:
    return f'{instant[:16].replace("T", " ")} UTC'


def test_every_source_says_what_it_is_and_how_it_does(http: ChaliceClient):
    response = get(http, '/api/sources').json_body

    assert response.keys() == {'success', 'time', 'result'}
    assert [source['key'] for source in response['result']] == UPSTREAMS
    assert response['result'][UPSTREAMS.index('blockchain_info')] == {
        'key': 'blockchain_info',
        'title': 'Blockchain.com Explorer',
        'url': 'https://www.blockchain.com/explorer/api/blockchain_api',
        'currencies': ['btc'],
        'capabilities': ['balances', 'p2pk_outputs', 'sent_received', 'transactions', 'unconfirmed'],
        'needs_key': False,
        'own_server': False,
        'history': 'whole',
        'chains': [{'currency': 'btc', 'assets': ['coin'], 'key': 'none'}],
        'health': 'unknown',
        'last_success_at': None,
        'last_failure_at': None,
        'remedy': None,
    }


@pytest.mark.parametrize(
    ('key', 'needs_key', 'own_server', 'history'),
    [
        ('etherscan', True, False, 'whole'),
        ('blockbook_ltc', False, True, 'whole'),
        ('stellar', False, False, '1 year'),
        ('haskoin', False, False, '50000 transactions'),
        ('merkle', False, False, 'none'),
    ],
)
def test_a_source_says_what_it_needs_and_how_far_back_it_goes(
    http: ChaliceClient, key: str, needs_key: bool, own_server: bool, history: str
):
    source = result(http, f'/api/sources/{key}')

    assert (source['needs_key'], source['own_server'], source['history']) == (needs_key, own_server, history)


@pytest.mark.parametrize(
    ('key', 'chain', 'assets', 'needs'),
    [
        ('etherscan', 'eth', ['coin', 'tokens'], 'free'),
        ('etherscan', 'eth-arbitrum', ['coin', 'tokens'], 'free'),
        ('etherscan', 'bnb', ['coin', 'tokens'], 'paid'),
        ('etherscan', 'eth-base', ['coin', 'tokens'], 'paid'),
        ('routescan', 'avax', ['coin', 'tokens'], 'none'),
        ('blockscout_pro', 'eth-base', ['coin', 'tokens'], 'free'),
        ('blockscout_etc', 'etc', ['coin'], 'none'),
        ('publicnode_bnb', 'bnb', ['coin', 'tokens'], 'none'),
        ('blockfrost', 'ada', None, 'free'),
        ('xrplcluster', 'xrp', None, 'none'),
    ],
)
def test_a_source_says_of_each_chain_what_it_follows_and_which_key_that_needs(
    http: ChaliceClient, key: str, chain: str, assets: list[str] | None, needs: str
):
    followed = {row['currency']: row for row in result(http, f'/api/sources/{key}')['chains']}

    assert followed[chain]['key'] == needs
    assert assets is None or followed[chain]['assets'] == assets


def test_a_source_of_rates_says_what_it_can_price(http: ChaliceClient):
    source = result(http, '/api/sources/ecb')

    assert source['chains'] == []

    assert (source['title'], source['capabilities'], source['history']) == ('European Central Bank', ['daily_closes', 'rates'], 'none')
    assert {'usd', 'eur', 'gbp'} < {*source['currencies']}
    assert 'btc' not in source['currencies']


def test_where_it_cannot_be_read_which_keys_there_are_the_sources_say_the_rest(http: ChaliceClient, monkeypatch: pytest.MonkeyPatch):
    assert 'UPSTREAM_ETHERSCAN_KEY' in result(http, '/api/sources/etherscan')['remedy']
    monkeypatch.setenv('UPSTREAM_KEYS_PATH', '/cryptfolio/sources/upstream-keys')
    settings.cache_clear()
    client = boto3.client('ssm')
    throttled = {'Error': {'Code': 'ThrottlingException'}, 'ResponseMetadata': {'HTTPStatusCode': 400}}
    client.meta.events.register('before-call.ssm', lambda **_: (SimpleNamespace(status_code=400), throttled))
    monkeypatch.setattr(boto3, 'client', lambda _: client)

    source = result(http, '/api/sources/etherscan')

    assert (source['key'], source['health'], source['remedy']) == ('etherscan', 'unknown', None)


def test_one_source_is_what_the_list_says_of_it(http: ChaliceClient):
    works()

    assert result(http, '/api/sources/mempool') == result(http, '/api/sources')[UPSTREAMS.index('mempool')]


@pytest.mark.parametrize('key', ['nosuch', 'database', 'MEMPOOL', 'cryptfolio'])
def test_an_unknown_source_is_not_found(http: ChaliceClient, key: str):
    response = get(http, f'/api/sources/{key}')

    assert (response.status_code, response.json_body['message'], response.json_body['code']) == (404, 'Not found', 'not_found')


def test_sources_come_in_pages(http: ChaliceClient):
    first = get(http, '/api/sources?limit=2').json_body
    second = get(http, f'/api/sources?cursor={first["next"]}').json_body

    assert [source['key'] for source in first['result'] + second['result']] == UPSTREAMS
    assert 'next' not in second


@pytest.mark.parametrize('token', [None, 'Bearer garbage', 'nonsense'])
@pytest.mark.parametrize('path', PATHS)
def test_no_token_is_needed_and_a_bad_one_does_no_harm(http: ChaliceClient, path: str, token: str | None):
    assert get(http, path, token).status_code == 200


@pytest.mark.parametrize('explorer', EVERY, ids=lambda explorer: explorer.endpoint.key)
def test_who_counts_pay_to_public_key_outputs_says_so(explorer: Any):
    assert ('p2pk_outputs' in explorer.info.capabilities) == explorer.counts_p2pk


@pytest.mark.parametrize('kind', sorted({type(explorer) for explorer in EVERY}, key=lambda kind: kind.__name__))
def test_the_module_of_each_kind_of_explorer_says_where_its_api_is_documented(kind: type):
    assert 'https://' in (sys.modules[kind.__module__].__doc__ or '')


@pytest.mark.parametrize('explorer', EVERY, ids=lambda explorer: explorer.endpoint.key)
def test_a_source_is_documented_elsewhere_than_where_it_is_asked(explorer: Any):
    assert explorer.info.documentation.startswith('https://')
    assert not (explorer.endpoint.url and explorer.info.documentation.startswith(explorer.endpoint.url))
