"""Rules for all endpoints of the document at once: long lists, conditional and repeated requests; and the document's example flow."""

from decimal import Decimal

import pytest

from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.conformance import document
from tests.conformance.allowed import NOT_BUILT, unlike_document
from tests.conformance.preparations import PREPARATIONS, World, an_empty_portfolio
from tests.support.ledgers import LEGACY, SEGWIT, observe

SPECIFICATION = document.load()
BUILT = [endpoint for endpoint in SPECIFICATION.examples if endpoint not in NOT_BUILT]
NEW_ADDRESS = SPECIFICATION.examples['POST /api/portfolios/ID/addresses']
BALANCES = 'GET /api/portfolios/ID/addresses/ID/balances'
TRANSACTIONS = 'GET /api/portfolios/ID/addresses/ID/transactions'


def of_method(*methods: str) -> list[str]:
    return [endpoint for endpoint in BUILT if endpoint.split()[0] in methods]


def test_the_documents_flow_leads_from_a_new_address_to_its_transactions(world: World):
    an_empty_portfolio(world)
    for address_id in range(1, 12):
        world.address(SEGWIT)
        world.api.delete(f'/api/portfolios/1/addresses/{address_id}')

    created = world.api.post('/api/portfolios/1/addresses', NEW_ADDRESS.body)
    too_early = world.api.get('/api/portfolios/1/addresses/12/balances')
    world.refresh()
    balances = world.api.get('/api/portfolios/1/addresses/12/balances').json_body
    transactions = world.api.get('/api/portfolios/1/addresses/12/transactions').json_body

    assert (created.json_body['result']['id'], too_early.status_code) == (12, 503)
    assert unlike_document(SPECIFICATION, BALANCES, balances) == []
    assert unlike_document(SPECIFICATION, TRANSACTIONS, transactions) == []
    assert balances['result'][0]['balance'] == '50.00501'
    assert [row['delta'] for row in transactions['result']] == ['0.005', '0.00001', '50.0']


def test_of_ten_thousand_entries_each_page_has_a_thousand_and_says_where_the_next_is(world: World):
    an_empty_portfolio(world)
    world.address(LEGACY)
    observe(LEGACY, 10_000, 10_000)
    path = '/api/portfolios/1/addresses/1/transactions'

    first = world.api.get(path)
    second = world.api.get(f'{path}?cursor={first.json_body["next"]}').json_body

    assert unlike_document(SPECIFICATION, TRANSACTIONS, first.json_body) == []
    assert unlike_document(SPECIFICATION, TRANSACTIONS, second) == []
    assert first.headers['Link'] == f'<{path}?cursor={first.json_body["next"]}>; rel="next"'
    shown = [row['reference'] for page in (first.json_body, second) for row in page['result']]
    assert shown == [f'{number:064x}' for number in range(9_999, 7_999, -1)]
    assert 'next' in second


def test_the_deltas_of_a_complete_ledger_sum_to_its_balance(world: World, explorer: Explorer):
    explorer.chain[SEGWIT] = payments(30)
    an_empty_portfolio(world)
    world.address(SEGWIT)
    world.refresh()

    (held,) = world.api.get('/api/portfolios/1/addresses/1/balances').json_body['result']
    rows = world.api.get('/api/portfolios/1/addresses/1/transactions').json_body['result']

    assert sum(Decimal(row['delta']) for row in rows) == Decimal(held['balance'])
    assert Decimal(held['received']) - Decimal(held['sent']) == Decimal(held['balance'])
    assert {row['fee'] for row in rows if Decimal(row['delta']) > 0} == {'0.0'}


@pytest.mark.parametrize('below', ['', '/1/addresses', '/1/addresses/1/transactions', '/1/offsets'])
def test_every_list_can_be_read_one_by_one(world: World, below: str):
    world.portfolio()
    world.portfolio()
    for address in (LEGACY, SEGWIT):
        world.address(address)
        world.offset(btc='1')
    world.refresh()
    whole = world.api.get(f'/api/portfolios{below}').json_body['result']

    first = world.api.get(f'/api/portfolios{below}?limit=1').json_body
    second = world.api.get(f'/api/portfolios{below}?limit=1&cursor={first["next"]}').json_body

    assert len(whole) > 1
    assert first['result'] + second['result'] == whole[:2]


@pytest.mark.parametrize('endpoint', of_method('GET'))
def test_every_get_has_a_tag_and_is_not_sent_again_to_who_has_it(world: World, endpoint: str):
    PREPARATIONS[endpoint](world)
    path = SPECIFICATION.examples[endpoint].path

    again = world.api.request('GET', path, headers={'If-None-Match': world.api.get(path).headers['ETag']})

    assert (again.status_code, again.body) == (304, b'')


@pytest.mark.parametrize('endpoint', of_method('PATCH', 'DELETE'))
def test_every_change_is_made_only_to_the_expected_version(world: World, endpoint: str):
    PREPARATIONS[endpoint](world)
    example = SPECIFICATION.examples[endpoint]
    before = world.api.get(example.path)

    refused = world.api.request(example.method, example.path, example.body, {'If-Match': '"another"'})
    unchanged = world.api.get(example.path)
    made = world.api.request(example.method, example.path, example.body, {'If-Match': before.headers['ETag']})

    assert refused.status_code == 412
    assert unchanged.json_body['result'] == before.json_body['result']
    assert (made.status_code, unlike_document(SPECIFICATION, endpoint, made.json_body)) == (200, [])


@pytest.mark.parametrize('endpoint', of_method('POST'))
def test_every_create_that_is_repeated_with_its_key_is_made_once(world: World, endpoint: str):
    PREPARATIONS[endpoint](world)
    example = SPECIFICATION.examples[endpoint]
    before = len(world.api.get(example.path).json_body['result'])

    answers = [world.api.request('POST', example.path, example.body, {'Idempotency-Key': 'once'}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].json_body['result'] == answers[0].json_body['result']
    assert len(world.api.get(example.path).json_body['result']) == before + 1
