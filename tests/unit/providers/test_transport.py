"""One GET: bounded in time and size, with errors that name the upstream and nothing else."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from chalicelib.config import settings
from chalicelib.errors import Blame, Upstream, UpstreamNotAsked
from chalicelib.providers import transport
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint
from infra.fake_upstreams import faults
from infra.fake_upstreams.faults import Fault
from infra.fake_upstreams.scripted_explorer import Explorer, serving
from tests.support import account_explorers

SECRET = 'a-key-nobody-may-see'
PATH = '/address/bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
HOST = Endpoint('blockstream', 'https://blockstream.info/api', min_interval_ms=250)


@pytest.fixture(scope='module')
def server() -> Iterator[Explorer]:
    with serving(Explorer()) as explorer:
        yield explorer


@pytest.fixture
def explorer(server: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    server.reset()
    monkeypatch.setenv('UPSTREAM_URL', server.url)
    settings.cache_clear()
    yield server
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def get(explorer: Explorer) -> Callable[[], UpstreamResponse]:
    """Return a function that asks for an address, with a key in the query."""
    return lambda: Http(lambda _: None).get(HOST, PATH, {'key': SECRET})


def _failure(get: Callable[[], UpstreamResponse]) -> Upstream:
    with pytest.raises(Upstream) as caught:
        get().json()
    return caught.value


def test_an_answer_is_the_status_and_the_json(get: Callable[[], UpstreamResponse]) -> None:
    answer = get()
    assert (answer.key, answer.status) == ('blockstream', 200)
    assert answer.json()['chain_stats']['tx_count'] == 0


def test_numbers_with_a_fraction_are_decimals(explorer: Explorer, get: Callable[[], UpstreamResponse]) -> None:
    explorer.fail(faults.text('[0.1, 1e-8, 50.00501000, 12]'))
    numbers = get().json()
    assert [type(number) for number in numbers] == [Decimal, Decimal, Decimal, int]
    assert numbers[2] == Decimal('50.00501000')


@pytest.mark.parametrize(
    'body',
    ['1e9999999999999999999', '[-1E-9999999999999999999]', 'NaN', '{"balance": Infinity}', '[-Infinity]', '9' * 10**6, '[' * 10**6],
    ids=['exponent', 'negative exponent', 'NaN', 'infinity', 'negative infinity', 'a million digits', 'a million brackets'],
)
def test_what_no_number_and_no_nesting_can_hold_is_a_failure(explorer: Explorer, get: Callable[[], UpstreamResponse], body: str) -> None:
    explorer.fail(faults.text(body))
    error = _failure(get)
    assert (str(error), error.blame) == ('blockstream: returned JSON that cannot be read', Blame.REQUEST)


@pytest.mark.parametrize(
    'fault',
    [
        faults.down,
        faults.html,
        faults.text(''),
        faults.text(f'{SECRET} {PATH}'),
        faults.status(429, f'{SECRET} {PATH}'),
        faults.status(500, f'{SECRET} {PATH}'),
        faults.status(404, f'{SECRET} {PATH}'),
        faults.status(403, f'{SECRET} {PATH}'),
        faults.status(302, Location=f'https://example.org/?key={SECRET}'),
        faults.status(200, 'x', Content_Encoding='gzip'),
        faults.truncated_json,
        faults.truncated_body,
        faults.enormous(40 * 1024 * 1024),
    ],
)
def test_a_failure_names_the_upstream_and_repeats_neither_its_body_nor_its_url_nor_a_key(
    explorer: Explorer, get: Callable[[], UpstreamResponse], fault: Fault
) -> None:
    explorer.fail(fault)
    error = _failure(get)
    shown = f'{error} {error!r} {error.reason} {error.__cause__} {error.__context__ if not error.__suppress_context__ else ""}'
    assert error.key == 'blockstream'
    for secret in (SECRET, 'bc1q', '127.0.0.1', 'http', 'example', '<html'):
        assert secret not in shown


def test_nobody_listening_is_a_failure_that_shows_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('UPSTREAM_URL', 'http://127.0.0.1:9')
    settings.cache_clear()
    error = _failure(lambda: Http(lambda _: None).get(HOST, PATH, {'key': SECRET}))
    monkeypatch.undo()
    settings.cache_clear()
    assert str(error).startswith('blockstream: ')
    assert '127.0.0.1' not in str(error)
    assert SECRET not in str(error)


def test_a_redirect_is_not_followed(explorer: Explorer, get: Callable[[], UpstreamResponse]) -> None:
    explorer.fail(faults.status(302, Location=f'{explorer.url}/mempool/address/x'))
    _failure(get)
    assert explorer.count() == 1


@pytest.mark.parametrize(
    'fault', [faults.slow(5), faults.drip(0.05), faults.drip(0.05, chunked=True)], ids=['late', 'drip', 'chunked drip']
)
def test_an_upstream_that_takes_too_long_is_given_up(
    explorer: Explorer, get: Callable[[], UpstreamResponse], monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Each would have come to its end, and been an answer, in 5 seconds or more."""
    monkeypatch.setattr(transport, '_READ_SECONDS', 0.5)
    monkeypatch.setattr(transport, '_TOTAL_SECONDS', 1)
    explorer.fail(fault)
    assert str(_failure(get)) == 'blockstream: timed out'


@pytest.mark.parametrize('size', [33 * 1024 * 1024, 60 * 1024 * 1024])
def test_a_body_that_is_too_big_is_given_up(explorer: Explorer, get: Callable[[], UpstreamResponse], size: int) -> None:
    explorer.fail(faults.enormous(size))
    assert 'more than' in str(_failure(get))


@pytest.mark.parametrize(
    ('header', 'seconds'),
    [
        ('7', 7),
        ('0', 1),
        ('3600', 3600),
        ('999999999', 3600),
        ('-1', None),
        ('1.5', None),
        ('soon', None),
        ('', None),
        ('Wed, 21 Oct 2026 07:28:00 GMT', None),
        ('٣', None),
    ],
)
def test_retry_after_is_read_in_seconds(explorer: Explorer, get: Callable[[], UpstreamResponse], header: str, seconds: int | None) -> None:
    explorer.fail(faults.status(429, Retry_After=header) if header.isascii() else faults.status(429))
    error = _failure(get)
    assert (error.throttled, error.retry_after) == (True, seconds)


@pytest.mark.parametrize('code', [500, 502, 503, 401, 403])
def test_other_failures_are_not_throttling(explorer: Explorer, get: Callable[[], UpstreamResponse], code: int) -> None:
    explorer.fail(faults.status(code, Retry_After='9'))
    error = _failure(get)
    assert (error.throttled, error.retry_after, error.reason) == (False, 9, f'returned {code}')


def test_a_gate_that_forbids_keeps_the_request_from_being_sent(explorer: Explorer) -> None:
    def gate(endpoint: Endpoint) -> None:
        raise UpstreamNotAsked(endpoint.key, 'resting')

    with pytest.raises(UpstreamNotAsked):
        Http(gate).get(HOST, PATH)
    assert explorer.count() == 0


def test_an_upstream_of_ones_own_is_asked_as_fast_as_one_likes(explorer: Explorer) -> None:
    assert HOST.interval_ms == 0


def test_a_public_upstream_is_asked_at_its_pace() -> None:
    assert HOST.interval_ms == 250


@pytest.mark.parametrize(
    ('url', 'needs_secret', 'variable', 'is_available'),
    [
        ('https://x.example', False, 'NOTHING', True),
        ('https://x.example', True, 'NOTHING', False),
        ('https://x.example', True, 'UPSTREAM_X_KEY', True),
        ('https://x.example', True, 'UPSTREAM_X_URL', True),
        ('', False, 'NOTHING', False),
        ('', False, 'UPSTREAM_X_URL', True),
    ],
)
def test_an_upstream_is_available_that_has_a_server_and_the_key_it_needs(
    monkeypatch: pytest.MonkeyPatch, url: str, needs_secret: bool, variable: str, is_available: bool
) -> None:
    monkeypatch.setenv(variable, 'https://own.example')
    settings.cache_clear()
    endpoint = Endpoint('x', url, min_interval_ms=1, secret='key', needs_secret=needs_secret)
    assert endpoint.is_available == is_available
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ('template', 'name', 'value'),
    [('project_id: {}', 'project_id', SECRET), ('Authorization: Bearer {}', 'Authorization', f'Bearer {SECRET}')],
)
def test_a_key_goes_into_the_header_that_takes_it_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, template: str, name: str, value: str
) -> None:
    monkeypatch.setenv('UPSTREAM_BLOCKSTREAM_KEY', SECRET)
    with account_explorers.serving() as server, account_explorers.leading_to(server):
        server.say([])
        Http(lambda _: None).get(HOST._replace(secret_header=template), PATH)
        [request] = server.requests
    assert request.headers[name] == value
    assert not request.query


def test_without_a_key_no_header_says_who_we_are() -> None:
    with account_explorers.serving() as server, account_explorers.leading_to(server):
        server.say([])
        Http(lambda _: None).post(HOST._replace(secret_header='project_id: {}'), PATH, {})
        [request] = server.requests
    assert 'project_id' not in request.headers


BLAMES: dict[str, tuple[Fault, Blame]] = {
    'hangs up': (faults.down, Blame.HOST),
    'limits our rate': (faults.status(429), Blame.HOST),
    'our quota is used up': (faults.status(402), Blame.HOST),
    'redirects': (faults.status(302, Location='http://127.0.0.1:9/'), Blame.HOST),
    'keeps us out': (faults.status(403), Blame.HOST),
    'a page': (faults.html, Blame.HOST),
    'stops in the middle': (faults.truncated_json, Blame.HOST),
    'fails': (faults.status(500), Blame.LOAD),
    'waited for another in vain': (faults.status(504), Blame.LOAD),
    'is too long': (faults.enormous(40 * 1024 * 1024), Blame.LOAD),
    'demands a key': (faults.status(401), Blame.KEY),
    'does not know such a thing': (faults.status(404), Blame.REQUEST),
}


@pytest.mark.parametrize(('fault', 'blame'), BLAMES.values(), ids=BLAMES.keys())
def test_a_failure_says_what_it_blames(explorer: Explorer, get: Callable[[], UpstreamResponse], fault: Fault, blame: Blame) -> None:
    explorer.fail(fault)
    assert _failure(get).blame is blame


def test_a_refusal_by_a_host_that_knows_keys_blames_the_key(explorer: Explorer) -> None:
    explorer.fail(faults.status(403))
    endpoint = HOST._replace(secret='apikey')
    assert _failure(lambda: Http(lambda _: None).get(endpoint, PATH)).blame is Blame.KEY


def test_what_is_held_is_kept_during_a_pause() -> None:
    kept: list[None] = []
    Http(lambda _: None, keep=lambda: kept.append(None)).pause(0.001)
    assert kept == [None]
