"""Workers die after any write, the database refuses, others act in between: nothing is lost, nothing is left behind."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.models import Address, Ledger
from chalicelib.services.portfolios import addresses
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile, refusing, survives, table
from tests.support.jobs import purge_queue, record, refresh_job, refresh_queue, run_purge, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, assert_whole, pk_of, rows, state, watchers

BEFORE = payments(12)
AFTER = [*payments(27, first=100, first_height=BEFORE[0].height + 1), *BEFORE[2:]]  # 27: more than one page, and than one batch


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


def _kill_everywhere(act: Callable[[], Any], prepare: Callable[[], Any], recover: Callable[[], Any], check: Callable[[], Any]) -> None:
    """Run `act` dying after its first write, then after its second, and so on until it gets through; recover and check each time."""
    for writes in itertools.count(1):
        prepare()
        through = survives(act, writes)
        recover()
        check()
        if through:
            return


def _forget_everything(api: Api, portfolio: int) -> None:
    for row in api.get(f'/api/portfolios/{portfolio}/addresses').json_body['result']:
        api.delete(f'/api/portfolios/{portfolio}/addresses/{row["id"]}')
    for address in (SEGWIT, LEGACY, TAPROOT):
        if Ledger.find(pk_of(address)):
            assert run_refresh(address)


def _resume(explorer: Explorer, address: str) -> None:
    """Run until there is nothing more to ask."""
    CLOCK.advance(3_000)
    for _ in range(8):
        asked = explorer.count()
        assert run_refresh(address)
        if explorer.count() == asked:
            return
    raise AssertionError('it asks for ever')


@pytest.mark.parametrize(
    ('address', 'number', 'page'), [(SEGWIT, 3, 2), (LEGACY, 3, 2), (LEGACY, 60, 100)], ids=['Esplora', 'blockchain.info', 'batches']
)
def test_a_first_reading_that_dies_after_any_write_is_finished_by_the_next(
    explorer: Explorer, api: Api, portfolio: int, address: str, number: int, page: int
) -> None:
    explorer.chain[address] = payments(number)
    explorer.page = page

    def prepare() -> None:
        _forget_everything(api, portfolio)
        api.address(portfolio, address)

    _kill_everywhere(
        lambda: run_refresh(address), prepare, lambda: _resume(explorer, address), lambda: assert_whole(address, payments(number))
    )


@pytest.mark.parametrize('address', [SEGWIT, LEGACY])
def test_a_later_reading_that_dies_after_any_write_is_finished_by_the_next(
    explorer: Explorer, api: Api, portfolio: int, address: str
) -> None:
    def prepare() -> None:
        _forget_everything(api, portfolio)
        explorer.chain[address] = BEFORE
        api.address(portfolio, address)
        assert run_refresh(address)
        explorer.chain[address] = AFTER
        CLOCK.advance(3_000)

    _kill_everywhere(lambda: run_refresh(address), prepare, lambda: _resume(explorer, address), lambda: assert_whole(address, AFTER))


def test_a_later_reading_that_dies_before_another_reorganisation_is_finished_by_the_next(
    explorer: Explorer, api: Api, portfolio: int
) -> None:
    final = [*payments(2, first=700, first_height=BEFORE[0].height + 2), *BEFORE[1:]]

    def prepare() -> None:
        _forget_everything(api, portfolio)
        explorer.chain[SEGWIT] = BEFORE
        api.address(portfolio, SEGWIT)
        assert run_refresh(SEGWIT)
        explorer.chain[SEGWIT] = AFTER
        CLOCK.advance(3_000)

    def recover() -> None:
        explorer.chain[SEGWIT] = final
        _resume(explorer, SEGWIT)

    are_whole: list[bool] = []
    _kill_everywhere(lambda: run_refresh(SEGWIT), prepare, recover, lambda: are_whole.append(_is_whole(final)))
    assert any(are_whole)


def _is_whole(txns: list[Txn]) -> bool:
    """Say whether the ledger is shown as whole, and assert that it is then: dying amid a reorganisation may cost another reading."""
    if not state(SEGWIT).is_whole:
        return False
    assert_whole(SEGWIT, txns)
    return True


def test_reading_everything_again_that_dies_after_any_write_leaves_no_foreign_rows(explorer: Explorer, api: Api, portfolio: int) -> None:
    """A deep reorganisation makes it read everything again; it dies, and the chain goes back to what it was."""
    deep = [*payments(3, first=700, first_height=BEFORE[0].height - 8), *BEFORE[9:]]

    def prepare() -> None:
        _forget_everything(api, portfolio)
        explorer.chain[SEGWIT] = BEFORE
        api.address(portfolio, SEGWIT)
        assert run_refresh(SEGWIT)
        explorer.chain[SEGWIT] = deep
        CLOCK.advance(3_000)

    def recover() -> None:
        explorer.chain[SEGWIT] = BEFORE
        _resume(explorer, SEGWIT)

    are_whole: list[bool] = []
    _kill_everywhere(lambda: run_refresh(SEGWIT), prepare, recover, lambda: are_whole.append(_is_whole(BEFORE)))
    assert any(are_whole)


def _assert_nothing_left(api: Api) -> None:
    """Only the user and things of no ledger may be left."""
    left = [(item['pk']['S'], item['sk']['S']) for item in table() if not item['pk']['S'].startswith(('BUCKET', 'JOBS', 'REQUESTS'))]
    assert {key[0].split('#')[0] for key in left} <= {'USER', 'EMAIL'}
    assert [key for key in left if '#' in key[1]] == []


def _settle(queues: dict[str, str], *addresses: str) -> None:
    """Let everything that is due or sent be done, some minutes later."""
    for _ in range(2):
        CLOCK.advance(3_000 * len(addresses))
        run_sweep()
        refresh_queue(queues).drain()
        purge_queue(queues).drain()


def test_a_delete_of_an_address_that_dies_after_any_write_leaves_nothing_behind(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(27)
    for writes in itertools.count(1):
        path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'
        assert run_refresh(SEGWIT)
        through = survives(lambda path=path: (api.delete(path), run_refresh(SEGWIT)), writes)
        _settle(queues, SEGWIT)
        assert api.get(path).status_code == 404
        assert Ledger.find(pk_of(SEGWIT)) is None
        assert (rows(SEGWIT), watchers(SEGWIT)) == ([], 0)
        assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 0
        if through:
            return


def test_an_address_whose_creation_dies_after_any_write_is_there_and_fresh_or_not_there(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(3)
    for writes in (1, 2, 3):
        survives(lambda: api.address(portfolio, SEGWIT), writes)
        _settle(queues, SEGWIT)
        listed = api.get(f'/api/portfolios/{portfolio}/addresses').json_body['result']
        assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == len(listed) == watchers(SEGWIT)
        if listed:
            assert_whole(SEGWIT, explorer.chain[SEGWIT])
            api.delete(f'/api/portfolios/{portfolio}/addresses/{listed[0]["id"]}')
        else:
            assert Ledger.find(pk_of(SEGWIT)) is None
        _settle(queues, SEGWIT)


def test_an_address_whose_change_dies_after_any_write_has_one_fresh_ledger(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]
) -> None:
    explorer.chain |= {SEGWIT: payments(3), TAPROOT: payments(4)}
    for writes in itertools.count(1):
        path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'
        assert run_refresh(SEGWIT)
        through = survives(lambda path=path: (api.patch(path, {'address': TAPROOT}), run_refresh(SEGWIT, TAPROOT)), writes)
        _settle(queues, SEGWIT, TAPROOT)
        shown = api.get(path).json_body['result']['address']
        gone = TAPROOT if shown == SEGWIT else SEGWIT
        assert_whole(shown, explorer.chain[shown])
        assert (Ledger.find(pk_of(gone)), rows(gone), watchers(gone)) == (None, [], 0)
        api.delete(path)
        _settle(queues, SEGWIT, TAPROOT)
        if through:
            return


def test_a_deleted_portfolio_is_cleaned_up_wherever_its_purge_dies(explorer: Explorer, api: Api, queues: dict[str, str]) -> None:
    explorer.chain |= {SEGWIT: payments(27), TAPROOT: payments(2)}
    for writes in itertools.count(1):
        portfolio = api.portfolio()
        for address in (SEGWIT, TAPROOT):
            api.address(portfolio, address)
            assert run_refresh(address)

        def act(portfolio: int = portfolio) -> None:
            api.delete(f'/api/portfolios/{portfolio}')
            run_purge(api.user_id, portfolio)
            run_refresh(SEGWIT)
            run_refresh(TAPROOT)

        through = survives(act, writes)
        _settle(queues, SEGWIT, TAPROOT)
        assert api.get(f'/api/portfolios/{portfolio}').status_code == 404
        _assert_nothing_left(api)
        if through:
            return


def test_a_worker_that_deletes_a_ledger_for_long_keeps_its_lease(explorer: Explorer, api: Api, portfolio: int) -> None:
    explorer.chain[SEGWIT] = payments(3)
    address = api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    api.delete(f'/api/portfolios/{portfolio}/addresses/{address}')
    left: list[int] = []

    almost_over = meanwhile('Query', lambda: CLOCK.advance(Ledger.LEASE_SECONDS - 1), number=2)
    with almost_over, meanwhile('BatchWriteItem', lambda: left.append(state(SEGWIT).lease_until - CLOCK.now())):
        assert run_refresh(SEGWIT)

    assert left == [Ledger.LEASE_SECONDS]


REQUESTS_OF_ANY_DELETE = [('UpdateItem', 1), ('UpdateItem', 2), ('Query', 1), ('Query', 2), ('Query', 3), ('DeleteItem', 1)]
REQUESTS_OF_A_DELETE = [
    *((known, *request) for known in (0, 27) for request in REQUESTS_OF_ANY_DELETE),
    (27, 'BatchWriteItem', 1),
    (27, 'BatchWriteItem', 2),
]


@pytest.mark.parametrize(('known', 'request_name', 'number'), REQUESTS_OF_A_DELETE)
def test_an_address_added_again_while_its_ledger_is_deleted_is_fresh_in_the_end(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str], request_name: str, number: int, known: int
) -> None:
    explorer.chain[SEGWIT] = payments(known)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'
    assert run_refresh(SEGWIT)
    api.delete(path)
    refresh_queue(queues).bodies()
    done: list[int] = []
    with meanwhile(request_name, lambda: done.append(api.address(portfolio, SEGWIT)), number=number):
        assert run_refresh(SEGWIT)
    refresh_queue(queues).drain()
    _settle(queues, SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    again = f'/api/portfolios/{portfolio}/addresses/{done[0]}'
    assert api.get(f'{again}/balances').status_code == 200


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_an_address_deleted_while_it_is_read_is_gone_in_the_end(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str], number: int
) -> None:
    explorer.chain[SEGWIT] = payments(60)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'

    def before(_: Any) -> None:
        if explorer.count() == number:
            api.delete(path)

    explorer.before = before
    assert run_refresh(SEGWIT)
    refresh_queue(queues).drain()
    _settle(queues, SEGWIT)
    assert Ledger.find(pk_of(SEGWIT)) is None
    assert rows(SEGWIT) == []
    assert api.get(path).status_code == 404


def test_an_address_deleted_while_it_is_read_is_not_kept_for_long(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(60)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'
    explorer.before = lambda _: api.delete(path) if explorer.count() == 2 else None
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).due_at - (state(SEGWIT).updated_at or 0) <= 310


def test_a_portfolio_deleted_while_an_address_is_read_is_gone_in_the_end(
    explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(60)
    api.address(portfolio, SEGWIT)

    def before(_: Any) -> None:
        if explorer.count() == 2:
            api.delete(f'/api/portfolios/{portfolio}')
            run_purge(api.user_id, portfolio)

    explorer.before = before
    assert run_refresh(SEGWIT)
    _settle(queues, SEGWIT)
    _assert_nothing_left(api)


def test_an_address_changed_after_its_portfolio_was_purged_is_gone(explorer: Explorer, api: Api, queues: dict[str, str]) -> None:
    portfolio = api.portfolio()
    api.address(portfolio, SEGWIT)
    child = Address.find(api.user_id, portfolio, 1)
    assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200
    assert run_purge(api.user_id, portfolio)
    with contextlib.suppress(errors.AppError):
        addresses.change(child, title=None, address=TAPROOT, now=1_700_000_000)
    _settle(queues, SEGWIT, TAPROOT)
    _assert_nothing_left(api)


def test_an_address_changed_while_its_portfolio_is_purged_is_gone_in_the_end(explorer: Explorer, api: Api, queues: dict[str, str]) -> None:
    """The change has read the address before the portfolio was deleted, and writes after the purge has read it."""
    portfolio = api.portfolio()
    api.address(portfolio, SEGWIT)
    child = Address.find(api.user_id, portfolio, 1)
    assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200

    def change() -> None:
        with contextlib.suppress(errors.AppError):
            addresses.change(child, title=None, address=TAPROOT, now=1_700_000_000)

    with meanwhile('Query', change):
        run_purge(api.user_id, portfolio)
    _settle(queues, SEGWIT, TAPROOT)
    _assert_nothing_left(api)


THROTTLED = 'ProvisionedThroughputExceededException'


@pytest.mark.parametrize('code', [THROTTLED, 'ThrottlingException', 'RequestLimitExceeded'])
def test_a_database_that_throttles_now_and_then_is_not_noticed(explorer: Explorer, api: Api, portfolio: int, code: str) -> None:
    explorer.chain[SEGWIT] = payments(30)
    with refusing(code, 1):
        api.address(portfolio, SEGWIT)
    for operation in ('UpdateItem', 'Query', 'BatchGetItem', 'BatchWriteItem'):
        CLOCK.advance(3_000)
        explorer.chain[SEGWIT] = payments(len(explorer.chain[SEGWIT]) + 1)
        with refusing(code, 1, [operation]):
            assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.parametrize(
    ('method', 'path', 'body'),
    [
        ('GET', '', None),
        ('POST', '', {'title': 'x', 'currencies': ['btc']}),
        ('GET', '/1', None),
        ('PATCH', '/1', {'title': 'y'}),
        ('DELETE', '/1', None),
        ('GET', '/1/balances', None),
        ('GET', '/1/addresses', None),
        ('POST', '/1/addresses', {'currency': 'btc', 'address': TAPROOT}),
        ('PATCH', '/1/addresses/1', {'address': TAPROOT}),
        ('DELETE', '/1/addresses/1', None),
        ('GET', '/1/addresses/1/balances', None),
        ('GET', '/1/addresses/1/transactions', None),
    ],
)
def test_a_database_that_throttles_for_ever_is_told_as_busy_and_nothing_is_half_done(
    api: Api, portfolio: int, method: str, path: str, body: Any
) -> None:
    api.address(portfolio, SEGWIT)
    before = table()
    with refusing(THROTTLED):
        response = api.request(method, f'/api/portfolios{path}', body)
    assert (response.status_code, response.json_body['code']) == (503, 'busy')
    assert int(response.headers['Retry-After']) >= 1
    assert table() == before


@pytest.mark.parametrize('operation', ['TransactWriteItems'])
def test_transactions_that_alone_are_throttled_are_told_as_busy(api: Api, portfolio: int, operation: str) -> None:
    path = f'/api/portfolios/{portfolio}/addresses'
    with refusing(THROTTLED, operations=[operation]):
        response = api.post(path, {'currency': 'btc', 'address': TAPROOT})
    assert (response.status_code, response.json_body['code']) == (503, 'busy')
    assert api.get(path).json_body['result'] == []
    assert Ledger.find(pk_of(TAPROOT)) is None


@pytest.mark.parametrize('operation', ['UpdateItem', 'Query', 'BatchGetItem', 'BatchWriteItem'])
def test_a_job_whose_database_throttles_fails_and_is_made_up_for(explorer: Explorer, api: Api, portfolio: int, operation: str) -> None:
    explorer.chain[SEGWIT] = payments(30)
    api.address(portfolio, SEGWIT)
    with refusing(THROTTLED, operations=[operation]):
        assert not run_refresh(SEGWIT)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_message_whose_handling_failed_on_the_database_fails_again_when_it_comes_back(
    explorer: Explorer, api: Api, portfolio: int
) -> None:
    """Otherwise it would never come to the dead-letter queue, and nobody would know."""
    explorer.chain[SEGWIT] = payments(30)
    api.address(portfolio, SEGWIT)
    message = record({'ledger': pk_of(SEGWIT)})
    with refusing(THROTTLED, operations=['BatchWriteItem']):
        assert refresh_job(message) == [message['messageId']]
        assert refresh_job(message) == [message['messageId']]


CONFLICT = 'TransactionConflictException'


def test_an_update_that_meets_a_transaction_on_the_same_item_is_repeated(explorer: Explorer, api: Api, portfolio: int) -> None:
    with refusing(CONFLICT, 2, ['UpdateItem']):
        response = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': SEGWIT})
    assert response.status_code == 201


@pytest.mark.parametrize('skipped', range(6))
def test_a_refresh_that_meets_transactions_on_the_same_items_goes_on(explorer: Explorer, api: Api, portfolio: int, skipped: int) -> None:
    explorer.chain[SEGWIT] = payments(3)
    api.address(portfolio, SEGWIT)
    left = iter(range(skipped))
    with refusing(CONFLICT, 1, ['UpdateItem'], unless=lambda: next(left, None) is not None):
        assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_title_changed_while_a_transaction_is_under_way_is_stored(api: Api, portfolio: int) -> None:
    with refusing(CONFLICT, 2, ['UpdateItem']):
        response = api.patch(f'/api/portfolios/{portfolio}', {'title': 'new'})
    assert response.status_code == 200
    assert api.get(f'/api/portfolios/{portfolio}').json_body['result']['title'] == 'new'


@pytest.mark.parametrize('operation', ['UpdateItem', 'TransactWriteItems'])
def test_portfolios_created_at_once_have_different_ids(api: Api, operation: str) -> None:
    made: list[int] = []
    for _ in range(5):
        with meanwhile(operation, lambda: made.append(api.portfolio())):
            made.append(api.portfolio())
    assert sorted(made) == list(range(1, 11))
    assert len(api.get('/api/portfolios').json_body['result']) == 10


def test_addresses_added_at_once_have_different_ids_and_are_counted(api: Api, portfolio: int) -> None:
    texts = [SEGWIT, LEGACY, TAPROOT, '12UFNYqDRmkpHm9YJEuf96jAjyMXeP36Gp', 'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte']

    path = f'/api/portfolios/{portfolio}/addresses'
    for text in texts:
        body = {'currency': 'btc', 'address': text}
        with meanwhile('UpdateItem', lambda body=body: api.post(path, body)):
            assert api.post(path, body).status_code == 422
    listed = api.get(f'/api/portfolios/{portfolio}/addresses').json_body['result']
    assert len({row['id'] for row in listed}) == len(listed) == 5
    assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 5
    assert [watchers(text) for text in texts] == [1] * 5


def test_a_purge_of_a_portfolio_that_is_still_there_removes_nothing(api: Api, portfolio: int) -> None:
    address = api.address(portfolio, SEGWIT)
    assert run_purge(api.user_id, portfolio)
    assert api.get(f'/api/portfolios/{portfolio}/addresses/{address}').status_code == 200
    assert watchers(SEGWIT) == 1
