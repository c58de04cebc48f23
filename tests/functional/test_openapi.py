"""GET /openapi.json: the description of the API holds for the API, and tools can work with it."""

import copy
import importlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import schemathesis
from chalice.app import Blueprint, Chalice, Response
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib import config, errors
from chalicelib.api import answers
from chalicelib.api.openapi import document
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import AT
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import currencies
from infra import gateway
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.filled import fill_portfolio
from tests.support.kraken import create_account
from tests.support.ledgers import ADDRESS, SEGWIT, observe

ROOT = Path(__file__).parents[2]
DOCUMENT = document.describe(app)
SCHEMAS = DOCUMENT['components']['schemas']
RESPONSES = DOCUMENT['components']['responses']
OPERATIONS = {
    (method.upper(), path): operation for path, operations in DOCUMENT['paths'].items() for method, operation in operations.items()
}
GETS = [path for method, path in OPERATIONS if method == 'GET']
BODIES = [route for route, operation in OPERATIONS.items() if 'requestBody' in operation]
JSON, FORM = 'application/json', 'application/x-www-form-urlencoded'
VALUES = {'portfolio_id': 1, 'address_id': 1, 'account_id': 1, 'offset_id': 1, 'currency': 'btc', 'code': 'btc', 'key': 'mempool'}
NEEDED = {
    'GET': [{'read'}, {'admin'}],
    'POST': [{'read', 'write'}, {'admin'}],
    'PATCH': [{'read', 'write'}, {'admin'}],
    'DELETE': [{'read', 'delete'}, {'admin'}],
}
SAID_BY_SCHEMAS = {'type', 'length', 'required', 'empty', 'too_many'}


@pytest.fixture
def world(api: Api, beginnings: Beginnings) -> Api:
    """A portfolio with an address whose ledger is known and an offset."""
    beginnings.begin('filled portfolio', lambda: fill_portfolio(api))
    return api


def resolved(told: dict[str, Any]) -> Any:
    """Return what a reference refers to; what is none itself."""
    if '$ref' not in told:
        return told
    return reduce(lambda found, name: found[name], told['$ref'].removeprefix('#/').split('/'), DOCUMENT)


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Return in what a value is not as a schema of the document says."""
    validator = Draft202012Validator(schema | {'components': DOCUMENT['components']}, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f'{list(error.absolute_path)}: {error.message}' for error in validator.iter_errors(value)]


def media(method: str, path: str, status: int) -> dict[str, Any]:
    return resolved(OPERATIONS[method, path]['responses'][str(status)])['content'][JSON]


def check(method: str, path: str, response: HTTPResponse) -> None:
    """Hold an answer to what the document says of it, body and headers; it has no keys that are not told."""
    told = resolved(OPERATIONS[method, path]['responses'][str(response.status_code)])
    schema = told['content'][JSON]['schema']
    assert faults(schema, response.json_body) == []
    assert response.json_body.keys() <= resolved(schema)['properties'].keys()
    names = {name.lower() for name in response.headers} & {name.lower() for name in DOCUMENT['components']['headers']}
    assert names <= {name.lower() for name in told['headers']}


def test_it_is_there_for_everybody_and_may_be_kept(http: ChaliceClient):
    response = http.http.get('/openapi.json')

    assert (response.status_code, response.headers['Cache-Control']) == (200, 'public, max-age=300')
    assert http.http.get('/openapi.json', headers={'If-None-Match': response.headers['ETag']}).status_code == 304
    assert response.json_body == DOCUMENT


def test_it_is_valid_openapi():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_exactly_the_routes_below_api_are_operations():
    routes = {
        (method, path)
        for path, methods in app.routes.items()
        for method, route in methods.items()
        if path.startswith('/api/') and route.view_function.__name__ != 'method_not_allowed' and method != 'HEAD'
    }

    assert OPERATIONS.keys() == routes


def test_a_route_that_declares_no_operation_stops_it():
    other = Chalice(app_name='other')
    other.route('/api/things')(lambda: Response({}))

    with pytest.raises(KeyError):
        document.operations(other)


def test_it_is_the_same_in_every_process():
    script = 'import json; from app import app; from chalicelib.api.openapi import document; print(json.dumps(document.describe(app)))'
    env = os.environ | {'PYTHONHASHSEED': '1'}

    done = subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == json.dumps(DOCUMENT)


def test_no_request_changes_it(world: Api):
    for path in GETS:
        world.get(path.format(**VALUES))

    assert world.get('/openapi.json').json_body == document.describe(app) == DOCUMENT


def test_its_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())

    assert project['tool']['setuptools']['dynamic']['version'] == {'attr': 'chalicelib.config.VERSION'}
    assert DOCUMENT['info']['version'] == config.VERSION


def test_operations_have_names_of_their_own():
    names = [operation['operationId'] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
    assert {'create_portfolio', 'list_address_transactions', 'list_address_transactions_as_txns'} <= set(names)


@pytest.mark.parametrize('route', OPERATIONS, ids=' '.join)
def test_an_operation_is_told_whole(route: tuple[str, str]):
    operation = OPERATIONS[route]
    success, *errors = operation['responses'].values()

    assert operation['summary']
    assert operation['tags'][0] in {tag['name'] for tag in DOCUMENT['tags']}
    assert 'example' in success['content'][JSON]
    assert {'429', '500', '503'} <= operation['responses'].keys()
    assert all('$ref' in error for error in errors)


GENERAL = {'Instant', 'Amount', 'Id', 'CurrencyCode', 'CurrencyRef'}  # whose own descriptions say nothing of a field


def undescribed() -> Iterator[str]:
    """Yield where a description is empty, or is only that of a general schema."""
    for route, operation in OPERATIONS.items():
        yield from (f'{" ".join(route)} {part}' for part in ('summary', 'description') if not operation.get(part))
    for kind in ('parameters', 'headers', 'responses', 'schemas', 'securitySchemes'):
        yield from (f'{kind} {name}' for name, part in DOCUMENT['components'][kind].items() if not part.get('description'))
    yield from (f'tag {tag["name"]}' for tag in DOCUMENT['tags'] if not tag['description'])
    for name, schema in SCHEMAS.items():
        for field, part in schema.get('properties', {}).items():
            general = part.get('$ref', '').rpartition('/')[2] in GENERAL
            if not (part if general else {**resolved(part), **part}).get('description'):
                yield f'{name}.{field}'


def test_every_operation_parameter_and_field_is_described_in_words():
    assert list(undescribed()) == []


@pytest.mark.parametrize('route', OPERATIONS, ids=' '.join)
def test_the_scopes_are_the_specifications(route: tuple[str, str]):
    method, path = route
    needed = NEEDED[method] + [{'info'}] * (path == '/api/user')
    public = path.startswith(('/api/currencies', '/api/sources', '/api/status', '/api/wallets'))

    asked = [set(scopes) for one in OPERATIONS[route]['security'] for scheme, scopes in one.items() if scheme == 'oauth2']
    assert sorted(asked, key=sorted) == ([] if public else sorted(needed, key=sorted))
    assert ('401' in OPERATIONS[route]['responses']) is not public


def test_api_keys_are_for_reading_alone():
    with_keys = {method for (method, _), operation in OPERATIONS.items() for one in operation['security'] if 'apiKeyHeader' in one}

    assert with_keys == {'GET'}


def examples() -> Iterator[Any]:
    """Yield every body that has an example, with where it stands."""
    for route, operation in OPERATIONS.items():
        contents = [operation.get('requestBody', {}).get('content', {})]
        contents += [response.get('content', {}) for response in operation['responses'].values()]
        yield from (pytest.param(media, id=f'{" ".join(route)} {kind}') for content in contents for kind, media in content.items())
    for name, response in RESPONSES.items():
        yield from (pytest.param(media, id=name) for media in response.get('content', {}).values())
    for name, parameter in DOCUMENT['components']['parameters'].items():
        yield pytest.param({'schema': parameter['schema'], 'example': first_example(parameter['schema'])}, id=name)


def first_example(schema: dict[str, Any]) -> Any:
    return (schema if 'examples' in schema else resolved(schema))['examples'][0]


@pytest.mark.parametrize('told', list(examples()))
def test_an_example_is_as_its_schema_says(told: dict[str, Any]):
    assert faults(told['schema'], told['example']) == []


@pytest.mark.parametrize('kind', [JSON, FORM])
@pytest.mark.parametrize('route', BODIES, ids=' '.join)
def test_an_example_of_a_body_is_accepted(api: Api, route: tuple[str, str], kind: str):
    api.portfolio()
    if route[0] == 'PATCH':
        api.address(1, SEGWIT)
        create_account(api)
        api.post('/api/portfolios/1/offsets', {'title': 'x'})
    method, path = route
    example = OPERATIONS[route]['requestBody']['content'][kind]['example']
    body = json.dumps(example) if kind == JSON else urlencode(example, doseq=True)

    response = api.request(method, path.format(**VALUES), body.encode(), {'Content-Type': kind})

    assert response.status_code == (201 if method == 'POST' else 200), response.body
    check(method, path, response)


@pytest.mark.parametrize('query', ['', '?expand[]=currency', '?limit=1'])
@pytest.mark.parametrize('path', GETS)
def test_an_answer_is_as_its_schema_says(world: Api, path: str, query: str):
    response = world.get(path.format(**VALUES) + query)

    assert response.status_code == 200
    check('GET', path, response)


def parameters(method: str, path: str) -> set[str]:
    return {resolved(told)['name'] for told in OPERATIONS[method, path]['parameters']}


@pytest.mark.parametrize('path', GETS)
def test_exactly_those_that_take_a_limit_say_so(world: Api, path: str):
    refused = world.get(path.format(**VALUES) + '?limit=0')

    assert ({'limit', 'cursor'} <= parameters('GET', path)) is (refused.status_code == 422)


@pytest.mark.parametrize('route', OPERATIONS, ids=' '.join)
def test_exactly_those_that_expand_say_so(world: Api, route: tuple[str, str]):
    method, path = route
    body = OPERATIONS[route].get('requestBody', {}).get('content', {}).get(JSON, {}).get('example')

    refused = world.request(method, path.format(**VALUES) + '?expand[]=nosuch', body)

    assert ('expand[]' in parameters(method, path)) is (refused.status_code == 400)


@pytest.mark.parametrize('path', GETS)
def test_exactly_those_that_can_be_not_ready_say_so(api: Api, path: str):
    api.portfolio()
    api.address(1, SEGWIT)
    create_account(api)
    api.post('/api/portfolios/1/offsets', {'title': 'x'})

    told = OPERATIONS['GET', path]['responses']['503']['$ref'].endswith('/NotReady')
    assert told is (api.get(path.format(**VALUES)).status_code == 503)


@pytest.mark.parametrize('path', [path for path in GETS if '/balances' in path or 'transactions' in path or 'converted' in path])
def test_an_answer_with_something_missing_is_as_its_schema_says(world: Api, path: str):
    observe(ADDRESS, 3, 3, incomplete='count_mismatch')
    world.address(1, SEGWIT)

    check('GET', path, world.get(path.format(**VALUES)))


@pytest.mark.parametrize('path', [path for method, path in OPERATIONS if method == 'DELETE'])
def test_the_answer_to_a_delete_is_as_its_schema_says(world: Api, path: str):
    check('DELETE', path, world.delete(path.format(**VALUES)))


PORTFOLIO, OFFSETS = '/api/portfolios/{portfolio_id}', '/api/portfolios/{portfolio_id}/offsets'
BALANCES = '/api/portfolios/{portfolio_id}/addresses/{address_id}/balances'


@pytest.mark.parametrize(
    ('method', 'path', 'body', 'headers', 'name'),
    [
        ('POST', OFFSETS, b'{', {}, 'BadRequest'),
        ('GET', PORTFOLIO, None, {'Authorization': 'Bearer x'}, 'Unauthorized'),
        ('GET', '/api/sources/{key}', None, {}, 'NotFound'),
        ('PATCH', PORTFOLIO, {'title': 'y'}, {'If-Match': '"9-x"'}, 'PreconditionFailed'),
        ('POST', OFFSETS, b'x' * 300_000, {}, 'TooLarge'),
        ('POST', OFFSETS, b'x', {'Content-Type': 'text/plain'}, 'UnsupportedMediaType'),
        ('POST', OFFSETS, {}, {}, 'Invalid'),
        ('GET', BALANCES, None, {}, 'NotReady'),
    ],
)
def test_an_error_is_as_its_schema_says(api: Api, method: str, path: str, body: Any, headers: dict[str, str], name: str):
    api.portfolio()
    api.address(1, SEGWIT)

    response = api.request(method, path.format(**VALUES | {'key': 'nosuch'}), body, headers)

    assert OPERATIONS[method, path]['responses'][str(response.status_code)] == {'$ref': f'#/components/responses/{name}'}
    told = RESPONSES[name]['content'][JSON]
    assert faults(told['schema'], response.json_body) == []
    assert response.json_body['code'] == told['example']['code']
    assert response.json_body['message'] == told['example']['message'] or name in ('BadRequest', 'TooLarge')
    assert response.json_body.keys() == told['example'].keys() - {'reason'}  # which is there if time alone does not help


def test_the_errors_that_api_gateway_makes_are_those_it_is_configured_with():
    configured = gateway.responses()

    for name, kind in (('Unauthorized', 'UNAUTHORIZED'), ('Forbidden', 'ACCESS_DENIED')):
        example, answer = RESPONSES[name]['content'][JSON]['example'], configured[kind]
        assert (example['message'], example['code']) == (answer.body['message'], answer.body['code'])
        assert example.keys() == answer.body.keys()
        assert set(RESPONSES[name]['headers']) == {header for header in answer.headers if not header.startswith('Access-Control')}


def test_while_the_database_fails_api_gateway_answers_what_the_api_does():
    answer, busy = gateway.responses()['AUTHORIZER_FAILURE'], errors.Busy()

    assert (answer.status, answer.body['code'], answer.body['message']) == (busy.status, busy.code, busy.message)
    assert answer.headers.items() >= busy.headers().items()


def closed() -> list[str]:
    return [name for name, schema in SCHEMAS.items() if getattr(answers, name, None) and schema.get('type') == 'object']


@pytest.mark.parametrize('name', closed())
def test_what_no_shape_has_is_refused(name: str):
    assert SCHEMAS[name]['additionalProperties'] is False


def test_an_undocumented_key_in_an_answer_is_found(world: Api):
    answer = world.get('/api/portfolios/1').json_body
    answer['result']['addresses'][0]['more'] = 1

    [fault] = faults(media('GET', PORTFOLIO, 200)['schema'], answer)
    assert "'more' was unexpected" in fault


def references(told: Any) -> Iterator[dict[str, Any]]:
    if isinstance(told, dict):
        if '$ref' in told:
            yield told
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from references(one)


def test_a_name_stands_for_one_schema():
    assert [told for told in references(DOCUMENT) if not told.keys() <= {'$ref', 'description', 'examples'}] == []


def test_nothing_is_described_that_nothing_refers_to():
    used = {told['$ref'] for told in references(DOCUMENT)}
    described = {
        f'#/components/{kind}/{name}' for kind in ('schemas', 'parameters', 'headers', 'responses') for name in DOCUMENT['components'][kind]
    }

    assert described == used


def test_every_code_of_the_catalogue_is_as_its_schema_says():
    codes = [currency.code for currency in currencies.every()]

    assert [code for code in codes if faults(SCHEMAS['CurrencyCode'], code) or faults(SCHEMAS['AnyCurrencyCode'], code.upper())] == []


def test_an_idempotency_key_may_be_as_long_as_it_says(api: Api):
    longest = DOCUMENT['components']['parameters']['Idempotency-Key']['schema']['maxLength']
    body = {'title': 'x', 'currencies': ['btc']}

    statuses = [api.request('POST', '/api/portfolios', body, {'Idempotency-Key': 'k' * n}).status_code for n in (longest, longest + 1)]
    assert statuses == [201, 400]


@pytest.mark.parametrize(
    'title',
    [
        '\U0001f468\u200d\U0001f469\u200d\U0001f467',
        '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
        'a\u3000b',
        'a\xa0b',
        '\U000cffff',
        'x' * 255,
    ],
)
def test_a_schema_takes_a_title_that_is_taken(api: Api, title: str):
    body = {'title': title, 'currencies': ['btc']}

    assert api.post('/api/portfolios', body).json_body['result']['title'] == title
    assert faults(SCHEMAS['NewPortfolio'], body) == []


@pytest.mark.parametrize('title', ['', ' ', '\x1f', '\x85', 'a\tb', 'a\x9fb', 'a\u202eb', '\u2066a', 'x' * 256, 5, None])
def test_a_schema_refuses_a_title_that_is_refused(api: Api, title: Any):
    body = {'title': title, 'currencies': ['btc']}

    assert api.post('/api/portfolios', body).status_code == 422
    assert faults(SCHEMAS['NewPortfolio'], body) != []


def driven() -> Any:
    """Return what draws requests from the document, those with JSON bodies only."""
    document = copy.deepcopy(DOCUMENT)
    for route in BODIES:
        method, path = route
        del document['paths'][path][method.lower()]['requestBody']['content'][FORM]
    return schemathesis.openapi.from_dict(document)


DRIVEN = driven()


@pytest.mark.usefixtures('world')
@pytest.mark.parametrize('route', BODIES, ids=' '.join)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@drawn(data=st.data())
def test_what_a_schema_allows_is_not_refused_for_what_a_schema_can_say(api: Api, route: tuple[str, str], data: st.DataObject):
    method, path = route
    case = data.draw(DRIVEN[path][method].as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))

    response = api.request(method, path.format(**VALUES), case.body)

    assert response.status_code in (200, 201, 422)
    refused = response.json_body.get('fields', [])
    assert [fault for fault in refused if fault['code'] in SAID_BY_SCHEMAS or 'plain decimal' in fault['message']] == []


def test_the_parameters_of_a_query_are_told_and_can_be_refused():
    other = Chalice(app_name='other')

    things = Blueprint(__name__)

    @Router(things, authorizer=bearer).get('/api/things', answer=answers.Status, query=(AT,))
    def get_thing(_: ApiRequest) -> Response:
        """A thing."""
        return Response({})

    other.register_blueprint(things)

    operation = document.describe(other)['paths']['/api/things']['get']

    assert {'$ref': '#/components/parameters/at'} in operation['parameters']
    assert '422' in operation['responses']


def test_a_client_made_of_it_works(world: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / 'openapi.json').write_text(json.dumps(DOCUMENT))
    command = [Path(sys.executable).with_name('openapi-python-client'), 'generate', '--meta', 'none', '--fail-on-warning']
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    made = subprocess.run(
        [*command, '--path', 'openapi.json', '--output-path', 'made'],
        cwd=tmp_path,
        env=os.environ | {'PATH': path},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout
    monkeypatch.syspath_prepend(tmp_path)
    create, balances, models = (
        importlib.import_module(f'made.{name}') for name in ('api.offsets.create_offset', 'api.portfolios.get_portfolio_balances', 'models')
    )

    def ask(request: httpx.Request) -> httpx.Response:
        response = world.http.http.request(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        return httpx.Response(response.status_code, headers=response.headers, content=response.body)

    client = importlib.import_module('made').AuthenticatedClient(
        'https://cryptfolio.test', token=world.token(), httpx_args={'transport': httpx.MockTransport(ask)}
    )
    new = models.NewOffset(title='New', balances=[models.NewBalance(currency='btc', balance='0.1')])
    created = create.sync(1, client=client, body=new)
    form = create.sync(1, client=client, body=models.NewOffsetForm(title='As a form'))
    rows = balances.sync(1, client=client, expand=[models.Expandable.CURRENCY]).result

    assert (created.result.title, created.result.balances[0].balance) == ('New', '0.1')
    assert form.result.title == 'As a form'
    assert (rows[0].currency.code, rows[0].balance) == ('btc', '1.10000003')  # with that of the account
