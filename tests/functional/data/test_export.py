"""What an export holds, and that it is finished wherever it dies."""

import itertools
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.models import Item
from infra.data import archive, export
from infra.data.archive import Header, Writer
from infra.data.kinds import LEFT_OUT
from infra.data.progress import Progress
from infra.data.scan import Everything
from infra.data.table import Table, key_of, kind_of
from tests.support.api import Api
from tests.support.dynamodb import table
from tests.support.exports import World, add_second_factors, items, kinds, run, survives

READS = ('Scan', 'Query')


# What becomes of each kind: whoever adds one decides it here, in infra/data/kinds.py, and in infra/data/users.py if it belongs to a user.
OF_A_USER = {
    'account',
    *('user', 'email', 'portfolio', 'address', 'offset', 'purge', 'first_answer'),
    *('authenticator', 'recovery_codes', 'passkey'),
    *(
        'grant',
        'application',
        'client',
        'api_key',
        'api_key_secret',
        'share_link',
        'share_token',
        'ledger',
        'transaction',
        'snapshot',
        'watch',
    ),
}
# Exported with everything, never with a user: a link is the operator's word about one stage's issuers, and leftovers have a user no more.
OF_NOBODY = {'hourly-rates', 'closes', 'closes-state', 'linked-subject', 'linked-subject-pointer', 'leftovers'}


def told(file: Path) -> list[dict[str, Any]]:
    return sorted((item for item, _ in archive.check(file).items()), key=key_of)


def test_everything_but_what_is_ephemeral_is_exported(world: World, file: Path) -> None:
    world.can_log_in(0)

    assert run('export', '--all', file) == 0

    assert told(file) == items(settings().table_name)
    assert {kind_of(item) for item in table()} & LEFT_OUT.keys() >= {'session', 'refresh', 'attempts', 'bucket'}


def test_it_is_decided_of_every_kind_whether_it_is_exported() -> None:
    assert {*kinds(Item), 'schema'} == OF_A_USER | OF_NOBODY | LEFT_OUT.keys()


def test_the_export_of_a_user_has_every_kind_that_may_belong_to_one(world: World, file: Path) -> None:
    add_second_factors(world.apis[0].user_id)
    assert run('export', '--user', 'ann@example.com', file) == 0
    assert {kind_of(item) for item in told(file)} == OF_A_USER


@pytest.mark.parametrize('by', ['email', 'id'])
def test_everything_that_names_a_user_is_exported_with_the_ledgers_they_watch(world: World, file: Path, by: str) -> None:
    user_id, other_id = (api.user_id for api in world.apis)

    assert run('export', '--user', 'ANN@example.com' if by == 'email' else user_id, file) == 0

    ledgers = {item['pk']['S'] for item in items(settings().table_name) if item['sk']['S'].startswith(f'WATCH#{user_id}')}
    expected = [
        item
        for item in items(settings().table_name)
        if user_id in str(item) or (item['pk']['S'] in ledgers and kind_of(item) in ('ledger', 'transaction', 'snapshot'))
    ]
    assert told(file) == expected
    assert len(ledgers) == 5
    assert other_id not in file.read_text()


def test_a_user_without_anything_is_exported(world: World, file: Path, make_user: Any) -> None:
    make_user('new@example.com')

    assert run('export', '--user', 'new@example.com', file) == 0

    assert [kind_of(item) for item in told(file)] == ['email', 'user']


@pytest.mark.parametrize('whom', ['nobody@example.com', '0' * 32])
def test_an_unknown_user_is_told(api: Api, file: Path, whom: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', '--user', whom, file) == 1
    assert f'has no user {whom}' in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize('what', [['--all'], ['--user', 'ann@example.com']])
def test_an_export_that_dies_after_any_request_is_finished_by_resuming(world: World, file: Path, what: list[str]) -> None:
    assert run('export', *what, file.with_name('whole')) == 0
    whole = told(file.with_name('whole'))
    for requests in itertools.count(1):
        through = survives(lambda: run('export', *what, file), requests, READS)
        if file.exists() and not through:
            with file.open('ab') as added:
                added.write(b'{"pk": {"S": "LEDGER#btc')  # a page that came after the last checkpoint, half written
            assert run('export', '--resume', file) == 0
        if file.exists():
            assert told(file) == whole
            file.unlink()
        if through:
            return


def test_an_export_that_dies_again_and_again_is_finished_in_the_end(world: World, file: Path) -> None:
    def go_on() -> None:
        small_pages = Everything(Table(settings().table_name), Limit=1)
        begun = file.exists()
        with closing(Writer.resume(file) if begun else Writer.new(file, Header('x', 0, 'now', None), small_pages.starts())) as writer:
            export.write(writer, small_pages, Progress('exported'))

    deaths = 0
    while not survives(go_on, 12, READS):
        deaths += 1
    assert deaths > 2
    assert told(file) == items(settings().table_name)


def test_an_interrupted_export_is_no_whole_file(api: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not survives(lambda: run('export', '--all', file), 2, READS)

    assert run('import', file) == 1
    assert 'is not a whole export' in capsys.readouterr().err


def test_an_export_of_another_table_is_not_gone_on_with(api: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not survives(lambda: run('export', '--all', file), 2, READS)

    assert run('export', '--resume', '--table', 'cryptfolio-other', file) == 1
    assert 'is of cryptfolio-test, not of cryptfolio-other' in capsys.readouterr().err


def test_a_dry_run_tells_what_would_be_exported_and_writes_nothing(api: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('export', '--all', '--dry-run', file) == 0
    assert f'would export {len(items(settings().table_name))} items: 1 email, 1 user' in capsys.readouterr().err
    assert not file.exists()


def test_whoever_exports_is_told_that_the_file_is_secret(api: Api, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run('export', '--all', file)

    printed = capsys.readouterr()
    assert 'keep it secret' in printed.err
    assert 'left out: session (people log in again)' in printed.err
    assert printed.out == ''


def test_partitions_of_several_pages_are_exported_whole(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run('export', '--user', 'ann@example.com', file.with_name('whole')) == 0
    monkeypatch.setattr('infra.data.table._PAGE', 2)

    assert run('export', '--user', 'ann@example.com', file) == 0

    assert told(file) == told(file.with_name('whole'))


def test_an_export_goes_on_when_what_it_was_at_is_gone(world: World, file: Path) -> None:
    assert not survives(lambda: run('export', '--user', 'ann@example.com', file), 6, READS)
    assert run('users', 'forget', '--yes', 'ann@example.com') == 0

    assert run('export', '--resume', file) == 0
    assert archive.check(file).header.user_id == world.apis[0].user_id
