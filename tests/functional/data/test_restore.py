"""An export put into another table answers as the table it was made of, wherever the import dies, and takes nothing from anybody."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import ApiKey, Ledger, Session, TakeBack, User, Watch, email_change, link_listing, transact
from infra.data import archive, migrate
from infra.data.archive import Header, Writer
from infra.data.table import Table, as_raw, key_of, kind_of
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import ALL_SCOPES, Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import RawBody
from tests.support.exports import SECOND, World, hooked, items, run, second_table, survives
from tests.support.jobs import refresh_queue, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, assert_whole, pk_of, rows, state

ANN = ['--user', 'ann@example.com']


def bring(*arguments: str | Path) -> int:
    return run('import', '--table', SECOND, *arguments)


def undated(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items without what is changed when a ledger that is there already is imported: that it is due now."""
    return [{name: value for name, value in item.items() if name not in ('due_at', 'seen_at')} for item in found]


def write(file: Path, found: list[dict[str, Any]], **header: Any) -> None:
    writer = Writer.new(file, Header(**{'table': 'x', 'schema': migrate.latest(), 'made_at': 'now', 'user_id': None} | header), {})
    writer.write(found)
    writer.finish()


def told(file: Path) -> list[dict[str, Any]]:
    return [item for item, _ in archive.check(file).items()]


@pytest.fixture
def ann(http: ChaliceClient, make_user: Callable[[str], User], explorer: Explorer) -> Api:
    """One person with two addresses, one of which has transactions."""
    explorer.chain[SEGWIT] = payments(3)
    api = Api(http, make_user('ann@example.com').user_id, ALL_SCOPES)
    for address in (SEGWIT, TAPROOT):
        api.address(api.portfolio(), address)
    assert run_refresh(SEGWIT, TAPROOT)
    return api


def test_everything_restored_answers_byte_for_byte_the_same(world: World, file: Path) -> None:
    before = world.answers()
    assert run('export', '--all', file) == 0

    with second_table():
        assert bring(file) == 0
        after = world.answers()
        logged_in = [world.can_log_in(0), world.can_log_in(1)]

    assert len(before) > 60
    assert after == before
    assert logged_in == [True, True]


def test_everything_restored_is_every_item_as_it_was(world: World, file: Path) -> None:
    assert run('export', '--all', file) == 0

    with second_table():
        assert bring(file) == 0
        assert items(SECOND) == items(settings().table_name)


def test_one_user_restored_answers_the_same_and_nobody_else_is_there(world: World, file: Path) -> None:
    before = {path: answer for path, answer in world.answers().items() if path.startswith('0 ')}
    assert run('export', *ANN, file) == 0

    with second_table():
        assert bring(file) == 0
        after = {path: answer for path, answer in world.answers().items() if path.startswith('0 ')}
        logged_in = world.can_log_in(0)
        others = world.apis[1].get('/api/user').status_code

    assert after == before
    assert (logged_in, others) == (True, 404)


def test_restored_ledgers_are_refreshed_by_the_sweep(ann: Api, file: Path, explorer: Explorer, queues: dict[str, str]) -> None:
    assert run('export', '--all', file) == 0
    refresh_queue(queues).bodies()
    explorer.chain[SEGWIT] = [*payments(2, first=50, first_height=800_100), *payments(3)]

    with second_table():
        assert bring(file) == 0
        CLOCK.advance(3_000)
        assert run_sweep() == 2
        refresh_queue(queues).drain()
        assert_whole(SEGWIT, explorer.chain[SEGWIT])
        assert ann.get('/api/portfolios/1/addresses/1/balances').json_body['result'][0]['transactions'] == 5


def test_a_ledger_that_was_leased_is_not_leased_when_it_is_restored(ann: Api, file: Path) -> None:
    now = clock.now()
    assert Ledger.lease(pk_of(SEGWIT), owner='somebody', now=now, looked_at=None)
    assert run('export', '--all', file) == 0

    with second_table():
        assert bring(file) == 0
        ledger = state(SEGWIT)

    assert (ledger.lease_owner, ledger.lease_until) == (None, None)
    assert ledger.due_at <= now + 60


def test_a_ledger_that_is_not_due_is_made_due(file: Path) -> None:
    write(file, [as_raw((pk_of(SEGWIT), 'STATE')) | {'kind': {'S': 'ledger'}}])

    with second_table():
        assert bring(file) == 0
        assert state(SEGWIT).due_at <= clock.now()
        assert run_sweep() == 1


@pytest.mark.parametrize('lacking', [0, 1, 2])
def test_a_ledger_whose_transactions_are_not_those_of_its_state_is_read_in_full(
    ann: Api, file: Path, explorer: Explorer, lacking: int
) -> None:
    """The transactions were read before a refresh, its state afterwards."""
    explorer.chain[SEGWIT] = payments(8, per_block=1)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    torn = items(settings().table_name)
    del torn[[kind_of(item) for item in torn].index('transaction') + 3 * lacking]
    write(file, torn)

    with second_table():
        assert bring(file) == 0
        shown = ann.get('/api/portfolios/1/addresses/1/balances').json_body['result'][0]['balance']
        CLOCK.advance(3_000)
        assert run_refresh(SEGWIT)
        assert_whole(SEGWIT, explorer.chain[SEGWIT])

    assert shown == ann.get('/api/portfolios/1/addresses/1/balances').json_body['result'][0]['balance']


def test_a_whole_ledger_is_not_read_in_full_again(ann: Api, file: Path, explorer: Explorer) -> None:
    explorer.chain[SEGWIT] = payments(30)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert run('export', '--all', file) == 0
    asked = explorer.count()

    with second_table():
        assert bring(file) == 0
        CLOCK.advance(3_000)
        assert run_refresh(SEGWIT)

    assert explorer.count() - asked == 2


def test_a_download_that_was_under_way_is_gone_on_with(ann: Api, file: Path) -> None:
    ledger = state(SEGWIT)
    ledger.cursor.resume, ledger.cursor.final_height = 'page-2', None
    ledger.update([Ledger.cursor.set(ledger.cursor)])
    assert run('export', '--all', file) == 0

    with second_table():
        assert bring(file) == 0
        assert state(SEGWIT).cursor.resume == 'page-2'


@pytest.mark.parametrize('chunk', [2, 500])
def test_an_import_of_everything_that_dies_after_any_write_is_finished_by_resuming(
    ann: Api, file: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr('infra.data.restore._CHUNK', chunk)
    assert run('export', '--all', file) == 0
    _dies_everywhere(file, settings().table_name)


def test_an_import_of_a_user_that_dies_after_any_write_is_finished_by_resuming(ann: Api, other: Api, file: Path) -> None:
    assert run('export', *ANN, file) == 0
    expected = [item for item in items(settings().table_name) if other.user_id not in str(item)]
    assert len(expected) == len(told(file))
    _dies_everywhere(file, settings().table_name, but=other.user_id)


def _dies_everywhere(file: Path, source: str, but: str = 'nobody') -> None:
    expected = [item for item in items(source) if but not in str(item)]
    for requests in itertools.count(1):
        with second_table():
            through = survives(lambda: bring(file), requests)
            if not through:
                assert bring('--resume', file) == 0
            assert undated(items(SECOND)) == undated(expected)
        if through:
            assert requests > 4
            assert list(file.parent.iterdir()) == [file]
            return


def test_an_import_can_be_repeated(ann: Api, file: Path) -> None:
    assert run('export', '--all', file) == 0

    with second_table():
        assert bring(file) == 0
        assert bring(file, '--replace') == 0
        again = items(SECOND)

    assert undated(again) == undated(items(settings().table_name))


def test_nobody_can_log_in_before_everything_else_is_there(ann: Api, file: Path) -> None:
    assert run('export', *ANN, file) == 0
    wanted = {key_of(item) for item in told(file)}
    with second_table():
        for requests in itertools.count(1):
            if survives(lambda: bring(file), requests):
                break
            there = {key_of(item) for item in items(SECOND)}
            if User.with_email('ann@example.com') is not None:
                assert {key for key in wanted - there if key[1] not in ('STATE', 'USER', 'EMAIL')} == set()


def test_another_file_is_not_gone_on_with(ann: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', '--all', file) == 0
    with second_table():
        assert not survives(lambda: bring(file), 3)
        found = told(file)
        file.unlink()
        write(file, found[1:])
        assert bring('--resume', file) == 1
    assert 'is not the file that was being imported' in capsys.readouterr().err


def test_an_import_that_was_not_begun_is_not_gone_on_with(ann: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', '--all', file) == 0
    with second_table():
        assert bring('--resume', file) == 1
        assert items(SECOND) == []
    assert 'there is nothing to resume' in capsys.readouterr().err


def test_nothing_is_written_of_a_file_that_is_not_whole(ann: Api, file: Path) -> None:
    assert run('export', '--all', file) == 0
    file.write_bytes(file.read_bytes()[:-9])
    with second_table():
        assert bring(file) == 1
        assert items(SECOND) == []


def test_everything_is_refused_by_a_table_that_is_not_empty(
    ann: Api, file: Path, make_user: Callable[[str], User], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run('export', '--all', file) == 0
    with second_table():
        make_user('new@example.com')
        before = items(SECOND)
        assert bring(file) == 1
        assert items(SECOND) == before
        assert bring('--replace', file) == 0
        assert len(items(SECOND)) == len(before) + len(told(file))
    assert 'is not empty' in capsys.readouterr().err


def test_a_user_who_is_there_is_not_overwritten(ann: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', *ANN, file) == 0
    ann.patch('/api/portfolios/1', {'title': 'Newer'})

    assert run('import', file) == 1

    assert ann.get('/api/portfolios/1').json_body['result']['title'] == 'Newer'
    assert f'has the user {ann.user_id} already: --replace' in capsys.readouterr().err


def test_a_replaced_user_is_exactly_what_they_are_in_the_file(ann: Api, file: Path) -> None:
    own = unledgered()
    assert run('export', *ANN, file) == 0
    _live_on(ann)

    assert run('import', '--replace', file) == 0

    assert unledgered() == own
    assert User.with_email('moved@example.com') is None
    assert state(LEGACY).due_at <= clock.now()  # its next refresh finds that nobody watches it


def test_a_user_can_be_replaced_wherever_it_dies(ann: Api, file: Path) -> None:
    own = unledgered()
    assert run('export', *ANN, file) == 0
    for requests in itertools.count(1):
        _live_on(ann)
        through = survives(lambda: run('import', '--replace', file), requests)
        if not through:
            assert run('import', '--resume', file) == 0
        assert unledgered() == own
        if through:
            return


def unledgered() -> list[dict[str, Any]]:
    return [item for item in items(settings().table_name) if kind_of(item) != 'ledger']


def _live_on(api: Api) -> None:
    """Move to another e-mail address and an address to another ledger, add a portfolio and an API key."""
    user, now = User.find(api.user_id), clock.now()
    transact(link_listing(user, TakeBack('x', now + 1, user.email), now).write)
    transact(*email_change(user, 'moved@example.com', now + 1, now))
    assert api.patch('/api/portfolios/1/addresses/1', {'address': LEGACY}).status_code == 200
    ApiKey.create(api.user_id, name='Late', scopes=['read'], now=1)
    api.portfolio('Late')


def test_an_address_that_belongs_to_somebody_else_is_not_taken(
    ann: Api, file: Path, make_user: Callable[[str], User], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run('export', *ANN, file) == 0
    with second_table():
        thief = make_user('ann@example.com')
        before = items(SECOND)
        assert [bring(file), bring('--replace', file)] == [1, 1]
        assert items(SECOND) == before
    assert f'EMAIL#ann@example.com belongs to somebody else in {SECOND}, the user {thief.user_id}' in capsys.readouterr().err


def test_an_address_that_is_taken_while_it_is_imported_stays_with_whoever_took_it(
    ann: Api, file: Path, make_user: Callable[[str], User]
) -> None:
    assert run('export', *ANN, file) == 0
    with second_table():
        assert not survives(lambda: bring(file), 2)
        thief = make_user('ann@example.com')
        assert bring('--resume', file) == 1
        assert User.with_email('ann@example.com').user_id == thief.user_id


def test_a_ledger_that_is_there_stays_as_it_is_and_is_watched_and_due(ann: Api, file: Path, explorer: Explorer, other: Api) -> None:
    assert run('export', *ANN, file) == 0
    explorer.chain[SEGWIT] = payments(9, first=100)  # none of those in the file: the chain was reorganised since
    with second_table():
        User(User.pk_of(other.user_id), 'USER', user_id=other.user_id, email='o', password_hash='x', created_at=1).save()
        other.address(other.portfolio(), SEGWIT)
        assert run_refresh(SEGWIT)
        assert bring(file) == 0
        assert len(rows(SEGWIT)) == state(SEGWIT).holdings[0].transactions == 9
        assert {watch.user_id for watch in Watch.every(pk_of(SEGWIT))} == {ann.user_id, other.user_id}
        assert state(SEGWIT).due_at <= clock.now()
        assert ann.get('/api/portfolios/1/addresses/1/balances').json_body['result'][0]['transactions'] == 9


def test_a_file_of_a_newer_schema_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(file, [], schema=migrate.latest() + 1)
    with second_table():
        assert bring(file) == 1
        assert items(SECOND) == []
    assert 'was exported by a newer release' in capsys.readouterr().err


def test_items_of_an_older_schema_are_to_be_migrated_again(ann: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', *ANN, file) == 0
    with second_table():
        assert run('migrate', '--table', SECOND) == 0
        assert bring(file) == 0
        assert 'run migrate' in capsys.readouterr().err
        assert migrate.version(Table(SECOND)) == 0


def test_a_table_that_was_not_migrated_is_not_by_importing_what_was(ann: Api, file: Path) -> None:
    write(file, [], user_id='0' * 32)
    assert run('import', '--replace', file) == 0
    assert migrate.version(Table(settings().table_name)) == 0


def test_the_schema_of_the_source_is_that_of_the_copy(ann: Api, file: Path) -> None:
    assert run('migrate') == 0
    assert run('export', '--all', file) == 0
    with second_table():
        assert bring(file) == 0
        assert migrate.version(Table(SECOND)) == migrate.latest()


def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(ann: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', *ANN, file) == 0
    ann.portfolio('Late')
    before = items(settings().table_name)

    assert run('import', '--dry-run', '--replace', file) == 0
    printed = capsys.readouterr().err
    assert run('import', '--dry-run', file) == 1

    assert f'would import {len(told(file))} items' in printed
    assert 'would remove 1 items' in printed
    assert items(settings().table_name) == before


def test_sessions_in_the_table_stand_in_the_way_of_nothing_else(ann: Api, file: Path) -> None:
    assert run('export', *ANN, file) == 0
    with second_table():
        Session('SESSION#0', 'SESSION', user_id='0' * 32, started_at=1_795_000_000_000).save()
        assert bring(file) == 0


def test_what_meets_a_transaction_on_the_same_item_is_sent_again(ann: Api, file: Path) -> None:
    assert run('export', '--all', file) == 0
    refused: list[str] = []

    def refuse(request: Any, **_: Any) -> Any:
        if len(refused) > 2:
            return None
        refused.append(request.url)
        body = b'{"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException", "message": "refused"}'
        return AWSResponse(request.url, 400, {'x-amzn-requestid': 'test'}, RawBody(body))

    with second_table(), hooked('before-send.dynamodb.PutItem', refuse):
        assert bring(file) == 0
        assert undated(items(SECOND)) == undated(items(settings().table_name))  # moto carries out what is refused here
    assert len(refused) == 3


def test_a_table_that_takes_nothing_is_told(
    ann: Api, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('infra.data.table._LONGEST_PAUSE', 0)
    assert run('export', '--all', file) == 0

    def take_nothing(parsed: Any, context: Any, **_: Any) -> None:
        parsed['UnprocessedItems'] = {SECOND: [{'DeleteRequest': {'Key': as_raw(('x', 'x'))}}]}

    with second_table(), hooked('after-call.dynamodb.BatchWriteItem', take_nothing):
        assert bring(file) == 1
    assert f'{SECOND} is throttled and takes no more' in capsys.readouterr().err


def test_what_a_throttled_table_does_not_take_is_sent_again(ann: Api, file: Path) -> None:
    assert run('export', '--all', file) == 0
    held_back: list[Any] = []

    def send_less(params: Any, **_: Any) -> Any:
        [(name, requests)] = params['RequestItems'].items()
        held_back.append(requests[-1:] if len(requests) > 1 else [])
        return params | {'RequestItems': {name: requests[:-1] or requests}}

    def tell(parsed: Any, **_: Any) -> None:
        if held_back[-1]:
            raw = json.loads(json.dumps(held_back[-1]))
            parsed['UnprocessedItems'] = {SECOND: raw}

    with (
        second_table(),
        hooked('provide-client-params.dynamodb.BatchWriteItem', send_less),
        hooked('after-call.dynamodb.BatchWriteItem', tell),
    ):
        assert bring(file) == 0
        assert items(SECOND) == items(settings().table_name)
    assert any(held_back)
