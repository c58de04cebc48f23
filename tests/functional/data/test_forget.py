"""A user who is forgotten has left nothing behind, and took nothing of anybody else's along."""

import itertools
from collections.abc import Callable

import pytest

from chalicelib.config import settings
from chalicelib.models import ApiKey, Email, Ledger, Session, User, Watch
from infra.data.table import Table, as_raw
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import table
from tests.support.exports import World, run, survives
from tests.support.jobs import refresh_queue, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, pk_of, state


@pytest.mark.parametrize('by', ['email', 'id'])
def test_nothing_names_a_forgotten_user(world: World, by: str) -> None:
    user_id = world.apis[0].user_id
    Session.start(User.find(user_id), 1_795_000_000_000)
    assert world.can_log_in(0)  # there is a refresh token

    assert run('users', 'forget', '--yes', 'Ann@example.com' if by == 'email' else user_id) == 0

    assert user_id not in str(table())
    assert 'ann@example.com' not in str(table())


def test_everybody_else_keeps_everything(world: World) -> None:
    before = {path: answer for path, answer in world.answers().items() if path.startswith('1 ')}

    assert run('users', 'forget', '--yes', 'ann@example.com') == 0

    assert {path: answer for path, answer in world.answers().items() if path.startswith('1 ')} == before
    assert world.can_log_in(1)
    assert {watch.user_id for watch in Watch.every(pk_of(SEGWIT))} == {world.apis[1].user_id}


def test_ledgers_that_nobody_watches_any_more_go_with_their_next_refresh(world: World, queues: dict[str, str]) -> None:
    refresh_queue(queues).bodies()

    assert run('users', 'forget', '--yes', 'ann@example.com') == 0

    CLOCK.advance(3_000)
    run_sweep()
    refresh_queue(queues).drain()
    assert Ledger.find(pk_of(TAPROOT)) is None  # only hers
    assert [state(address).ready for address in (SEGWIT, LEGACY)] == [True, True]


def test_a_user_is_forgotten_wherever_it_dies_again_and_again(world: World) -> None:
    user_id = world.apis[0].user_id
    for requests in itertools.count(1):
        if survives(lambda: run('users', 'forget', '--yes', 'ann@example.com'), requests):
            break
        assert Email.get(Email.key('ann@example.com'), 'EMAIL').user_id == user_id  # so that they are found once more
    assert requests > 3
    assert user_id not in str(table())


def test_a_user_who_is_half_forgotten_is_still_found_by_their_address(make_user: Callable[[str], User]) -> None:
    for requests in itertools.count(1):
        user = make_user(f'{requests}@example.com')
        ApiKey.create(user.user_id, name='Sheet', scopes=['read'], now=1)
        if survives(lambda user=user: run('users', 'forget', '--yes', user.email), requests):
            break
        if user.user_id in str(table()):
            assert Email.get(Email.key(user.email), 'EMAIL').user_id == user.user_id
    assert requests == 4


def test_an_item_that_names_them_by_its_key_alone_goes_too(user: User) -> None:
    Table(settings().table_name).put([as_raw(('OTHER', f'OF#{user.user_id}')), as_raw((f'OF#{user.user_id}', 'OTHER'))])

    assert run('users', 'forget', '--yes', user.email) == 0

    assert table() == []


def test_whoever_is_asked_and_does_not_say_yes_changes_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr('builtins.input', lambda question: asked.append(question) or 'y')
    before = table()

    assert run('users', 'forget', 'test@example.com') == 1

    assert table() == before
    assert asked[0].endswith('items of test@example.com? Type yes: ')


def test_a_dry_run_asks_nothing_and_changes_nothing(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    before = table()

    assert run('users', 'forget', '--dry-run', 'test@example.com') == 0

    assert table() == before
    assert f'{settings().table_name} has ' in capsys.readouterr().err


@pytest.mark.parametrize('whom', ['nobody@example.com', 'f' * 32, 'a', '', 'PORTFOLIO'])
def test_nobody_is_forgotten_for_somebody_unknown(api: Api, whom: str) -> None:
    api.portfolio()
    before = table()

    assert run('users', 'forget', '--yes', whom) == 1

    assert table() == before
