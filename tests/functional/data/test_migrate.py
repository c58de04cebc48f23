"""Migrations: through the whole table, wherever they die, and beside people who go on working."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Portfolio, User
from chalicelib.services.users import leaving
from infra.data import migrate
from infra.data.migrations import MIGRATIONS, Migration, count_portfolios
from infra.data.progress import Progress
from infra.data.table import Key, Problem, Table, as_raw, key_of, kind_of
from tests.support import dynamodb
from tests.support.api import Api
from tests.support.dynamodb import Killed
from tests.support.exports import dies_after, hooked, run, survives

PK = 'USER#1'
KEY = (PK, 'USER')


class People:
    """Users as they are stored, and what the application does to them: portfolio and count in one transaction, the id before."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def add(self, pk: str, portfolios: int, counted: int | None = None) -> None:
        user = as_raw((pk, 'USER')) | {'kind': {'S': 'user'}, 'last_portfolio_id': {'N': str(portfolios)}}
        count = {} if counted is None else {'portfolio_count': {'N': str(counted)}}
        self.table.put([user | count, *(header(pk, number) for number in range(1, portfolios + 1))])

    def draw(self) -> int:
        assert self.table.update_if(KEY, 'SET last_portfolio_id = last_portfolio_id + :one', 'attribute_exists(pk)', one={'N': '1'})
        return int(self.table.get([KEY])[KEY]['last_portfolio_id']['N'])

    def create(self, number: int | None = None) -> None:
        number = number or self.draw()
        self._transact({'Put': {'TableName': self.table.name, 'Item': header(PK, number)}}, '1')

    def delete(self, number: int) -> None:
        gone = {'pk': {'S': PK}, 'sk': header(PK, number)['sk']}
        self._transact({'Delete': {'TableName': self.table.name, 'Key': gone}}, '-1')

    def _transact(self, write: Any, change: str) -> None:
        counted = {
            'TableName': self.table.name,
            'Key': as_raw(KEY),
            'UpdateExpression': 'ADD portfolio_count :change',
            'ExpressionAttributeValues': {':change': {'N': change}},
        }
        self.table.client.transact_write_items(TransactItems=[write, {'Update': counted}])

    def counts(self) -> dict[str, int | None]:
        users = {item['pk']['S']: item for item in self._scan() if item['sk']['S'] == 'USER'}
        return {pk: int(user['portfolio_count']['N']) if 'portfolio_count' in user else None for pk, user in users.items()}

    def portfolios(self, pk: str = PK) -> int:
        return sum(item['pk']['S'] == pk and 'lsk' in item for item in self._scan())

    def _scan(self) -> list[Any]:
        return self.table.scan(0, 1, None).items


def header(pk: str, number: int) -> dict[str, Any]:
    return as_raw((pk, f'PORTFOLIO#{number:06}')) | {'kind': {'S': 'portfolio'}, 'lsk': {'S': f'{number:06}'}}


@pytest.fixture
def people() -> People:
    return People(Table(settings().table_name))


@pytest.fixture
def many(people: People) -> People:
    """Thirty users with none to three portfolios, none of them counted."""
    for number in range(30):
        people.add(f'USER#{number}', number % 4)
    return people


def change(people: People, key: Key = KEY) -> bool:
    """Run the migration on one user, with a client of its own."""
    table = Table(people.table.name)
    return count_portfolios.change(table, table.get([key])[key])


def test_portfolios_that_were_never_counted_are_counted(many: People) -> None:
    assert run('migrate') == 0

    assert many.counts() == {f'USER#{number}': number % 4 or None for number in range(30)}


@pytest.mark.parametrize(('counted', 'changed'), [(3, False), (1, True), (-1, True), (None, True)])
def test_a_count_that_began_late_is_put_right_and_a_right_one_left_alone(people: People, counted: int | None, changed: bool) -> None:
    people.add(PK, 3, counted)

    assert change(people) is changed

    assert people.counts()[PK] == 3


def test_a_second_run_changes_nothing(many: People) -> None:
    assert run('migrate') == 0
    before = many.table.scan(0, 1, None).items

    progress = Progress('changed')
    for migration in MIGRATIONS:
        migrate.run(many.table, migration, progress)

    assert (progress.count, many.table.scan(0, 1, None).items) == (0, before)


def test_a_migration_that_dies_after_any_request_is_finished_by_the_next_run(many: People) -> None:
    deaths = 0
    while not survives(lambda: run('migrate'), 15, ('Query', 'UpdateItem', 'PutItem')):
        deaths += 1
        assert migrate.version(many.table) == 0
    assert deaths > 2
    assert many.counts() == {f'USER#{number}': number % 4 or None for number in range(30)}
    assert migrate.version(many.table) == migrate.latest()


def test_a_migration_goes_on_where_it_was(many: People) -> None:
    small_pages = Migration(1, 'small', count_portfolios.WHICH | {'Limit': 2}, count_portfolios.change)
    with pytest.raises(Killed), dies_after(20, ('Scan',)):
        migrate.run(Table(many.table.name), small_pages, Progress('changed'))
    scans: list[str] = []
    second = Table(many.table.name)
    second.client.meta.events.register('before-call.dynamodb.Scan', lambda **_: scans.append('Scan'))

    migrate.run(second, small_pages, Progress('changed'))

    assert many.counts() == {f'USER#{number}': number % 4 or None for number in range(30)}
    assert 8 < len(scans) < 40  # of 45 and one for each lane


@contextmanager
def before_request(number: int, act: Callable[[], Any]) -> Iterator[None]:
    """Do something just before a client that is made from now on sends its request of this number."""
    sent = itertools.count(1)

    def watch(**_: Any) -> None:
        if next(sent) == number:
            act()

    with hooked('before-call.dynamodb', watch):
        yield


DEEDS: dict[str, Callable[[People], Any]] = {
    'a create': lambda people: people.create(),
    'a create whose id was drawn before': lambda people: people.create(4),
    'a delete': lambda people: people.delete(2),
    'a delete, then a create': lambda people: (people.delete(2), people.create(4)),
    'a create, then its delete': lambda people: (people.create(4), people.delete(4)),
    'two deletes': lambda people: (people.delete(2), people.delete(1)),
}


@pytest.mark.parametrize('counted', [None, 3])
@pytest.mark.parametrize('deed', DEEDS)
@pytest.mark.parametrize('number', range(2, 6))
def test_what_is_created_and_deleted_meanwhile_is_counted(people: People, deed: str, number: int, counted: int | None) -> None:
    people.add(PK, 3, counted)
    people.draw()

    with before_request(number, lambda: DEEDS[deed](people)):
        change(people)

    assert people.counts()[PK] == people.portfolios()


@pytest.mark.parametrize('first', range(2, 6))
@pytest.mark.parametrize('second', range(2, 6))
def test_a_delete_and_a_create_at_different_moments_are_counted(people: People, first: int, second: int) -> None:
    people.add(PK, 3, 0)
    people.draw()

    with before_request(first, lambda: people.delete(2)), before_request(second, lambda: people.create(4)):
        change(people)
    counted = people.counts()[PK]

    assert counted == people.portfolios()


@pytest.mark.parametrize('number', range(2, 6))
def test_the_application_goes_on_with_the_count(api: Api, people: People, number: int) -> None:
    for _ in range(3):
        api.portfolio()
    key = (User.pk_of(api.user_id), 'USER')
    assert people.table.update_if(key, 'REMOVE portfolio_count', 'attribute_exists(portfolio_count)')  # as it was stored before

    with before_request(number, lambda: api.delete('/api/portfolios/2') if number % 2 else api.portfolio()):
        change(people, key)
    api.portfolio()

    assert User.find(api.user_id).portfolio_count == people.portfolios(key[0]) == len(Portfolio.page(api.user_id, after=0, limit=9))


def test_a_user_who_changes_all_the_time_is_told(people: People) -> None:
    people.add(PK, 1)
    table = Table(people.table.name)
    table.client.meta.events.register('before-call.dynamodb.UpdateItem', lambda **_: people.create())

    with pytest.raises(Problem, match='changes all the time'):
        count_portfolios.change(table, table.get([KEY])[KEY])


def test_a_user_who_is_deleted_meanwhile_stays_deleted(people: People) -> None:
    people.add(PK, 1)
    for number in range(2, 6):
        with before_request(number, lambda: people.table.delete([KEY])):
            change(people)
        assert people.counts() == {}
        people.add(PK, 1)


def test_a_link_made_before_users_pointed_to_theirs_is_found_by_its_user(people: People, make_user: Callable[[str], User]) -> None:
    user = make_user('ann@example.com')
    for subject, user_id in (('hers', user.user_id), ('nobodys', 'f' * 32)):
        link = {'kind': {'S': 'linked-subject'}, 'issuer': {'S': 'x'}, 'subject': {'S': subject}, 'user_id': {'S': user_id}}
        people.table.put([as_raw((f'SUBJECT#{subject}', 'SUBJECT')) | link])

    assert run('migrate') == 0

    named = {key_of(item) for item in dynamodb.table() if 'SUBJECT#' in str(item)}
    assert named == {('SUBJECT#hers', 'SUBJECT'), (user.pk, 'SUBJECT#hers')}
    migrate.run(people.table, MIGRATIONS[1], progress := Progress('changed'))
    assert progress.count == 0
    user.schedule_deletion(clock.now())
    leaving.forget_user(user.user_id, clock.now())
    assert {kind_of(item) for item in dynamodb.table()} == {'schema'}


def test_a_link_that_moves_to_another_user_or_ends_is_pointed_to_by_nobody_else(make_user: Callable[[str], User]) -> None:
    for email in ('ann@example.com', 'bob@example.com'):
        make_user(email)
        for _ in range(2):
            assert run('users', 'link', 'https://login.example', 'somebody', email) == 0
        [pointer] = [item for item in dynamodb.table() if kind_of(item) == 'linked-subject-pointer']
        assert pointer['pk']['S'] == User.with_email(email).pk
    assert run('users', 'unlink', 'https://login.example', 'somebody') == 0
    assert 'SUBJECT#' not in str(dynamodb.table())


def test_what_is_pending_can_be_asked_for(many: People, capsys: pytest.CaptureFixture[str]) -> None:
    before = many.counts()

    assert run('migrate', '--dry-run') == 0
    assert '0001 count_portfolios would look at 30 items' in capsys.readouterr().err
    assert run('migrate', '--check') == 1
    assert 'lacks count_portfolios, point_to_subjects: run migrate' in capsys.readouterr().err
    assert many.counts() == before
    assert run('migrate') == 0
    assert run('migrate', '--check') == 0


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
