"""People take their data along, and leave nothing behind a week after they asked to go."""

import csv
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import charges, clock
from chalicelib.api.presenters.own_data import FIELDS
from chalicelib.config import settings
from chalicelib.domain.conversion import Rate
from chalicelib.errors import AccessEnded, Conflict
from chalicelib.models import Code, Follower, Grant, Item, LatestRates, TakeBack, User, email_change, link_listing, transact
from chalicelib.services.histories import refresh
from chalicelib.services.ledgers import policy
from chalicelib.services.users import leaving, own_data
from infra.data.table import kind_of
from tests.support.api import PASSWORD, Api
from tests.support.browser import Browser, Mailbox
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile, survives, table
from tests.support.exports import SECOND, World, add_second_factors, items, kinds, run, second_table
from tests.support.jobs import accounts_queue, purge_queue, refresh_queue, run_sweep
from tests.support.ledgers import SEGWIT, TAPROOT, state
from tests.support.secrets import MARK

WEEK = 7 * 86_400


def download(browser: Browser) -> zipfile.ZipFile:
    browser.post_from('/profile/data', '/profile/data/download', {})
    assert browser.response.headers['Content-Type'] == 'application/zip'
    assert 'attachment' in browser.response.headers['Content-Disposition']
    return zipfile.ZipFile(io.BytesIO(browser.response.body))


def rows_of(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_a_person_downloads_everything_and_no_secret(world: World, http: ChaliceClient) -> None:
    browser = Browser(http)
    browser.log_in('ann@example.com')

    archive = download(browser)

    document = json.loads(archive.read('data.json'))
    ids = {'portfolios', 'addresses', 'accounts', 'offsets', 'connected_applications', 'applications', 'sessions', 'balances'}
    ids |= {'api_keys', 'share_links'}
    assert all(document[name] for name in {*ids, 'user', 'transactions'})
    api = world.apis[0]
    listed = {row['title'] for row in api.get('/api/portfolios').json_body['result']}
    assert {row['title'] for row in document['portfolios']} == listed
    parts = [row for kind in ('addresses', 'accounts', 'offsets', 'balances', 'transactions') for row in document[kind]]
    assert {row['portfolio_id'] for row in parts} == {row['portfolio_id'] for row in document['portfolios']}  # none of a deleted one
    balances = [row for row in document['balances'] if row['kind'] == 'address']
    assert len(balances) == 4
    for row in balances:
        answer = api.get(f'/api/portfolios/{row["portfolio_id"]}/addresses/{row["id"]}/balances').json_body
        assert [row['balance']] == [shown['balance'] for shown in answer['result']]
    [offset, *_] = document['offsets']
    assert {'currency': 'usd', 'balance': '-7.5'}.items() <= next(one for one in offset['balances'] if one['currency'] == 'usd').items()
    assert document['transactions_left_out'] is False
    rows = rows_of(archive, 'transactions.csv')
    assert [row['delta'] for row in rows] == [row['delta'] for row in document['transactions']]
    assert {f'{name}.csv' for name in {*ids, 'user', 'transactions'}} <= set(archive.namelist())
    stored = [item for item in table() if api.user_id in str(item)]
    secrets = {value['S'] for item in stored for name, value in item.items() if name.endswith('hash') and 'S' in value}
    text = ''.join(archive.read(name).decode() for name in archive.namelist())
    assert secrets
    assert not [secret for secret in (*secrets, MARK.decode(), world.secrets[0][1]) if secret in text]
    assert world.apis[1].user_id not in text
    assert 'bob@example.com' not in text


def test_what_a_spreadsheet_would_run_is_text(http: ChaliceClient, api: Api) -> None:
    for title in ('=cmd()', '+1', '@x', '-x'):
        api.portfolio(title)
    browser = Browser(http)
    browser.log_in()

    archive = download(browser)

    assert [row['title'] for row in rows_of(archive, 'portfolios.csv')] == ["'=cmd()", "'+1", "'@x", "'-x"]
    assert [row['allow_remote_login'] for row in rows_of(archive, 'user.csv')] == ['true']  # as in the lists of the API


def test_what_would_take_longer_than_a_response_may_is_told_as_that(logged_in: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_data, 'MOST_ROWS', 15)
    offset = f'/api/portfolios/{api.portfolio()}/offsets'
    for number, status in ((1, 200), (2, 413)):
        balances = [{'currency': code, 'balance': '1'} for code in ('btc', 'eth', 'ltc', 'usd', 'eur', 'gbp')]
        assert api.post(offset, {'title': f'{number}', 'balances': balances}).status_code == 201
        logged_in.post_from('/profile/data', '/profile/data/download', {})
        assert logged_in.status == status
    assert 'Programs can read all of it page by page, from the lists of the API.' in logged_in.text


def test_a_download_is_charged_for_by_what_is_read(api: Api, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_data, '_ROWS_PER_REQUEST', 4)
    monkeypatch.setattr(policy, 'LEDGERS_PER_REQUEST', 1)
    number = api.portfolio()
    for address in (SEGWIT, TAPROOT):
        api.address(number, address)
    balances = [{'currency': code, 'balance': '1'} for code in ('btc', 'eth', 'ltc', 'usd', 'eur', 'gbp')]
    assert api.post(f'/api/portfolios/{number}/offsets', {'title': 'x', 'balances': balances}).status_code == 201
    rows = sum(item['pk']['S'] == user.pk for item in table()) + len(balances) - 1

    with charges.counted_by(lambda more: None) as charged:
        own_data.read(user, clock.now())

    assert charged.requests == rows // 4 + 2


@pytest.mark.parametrize('first', [1, 2, 500])
def test_transactions_are_in_the_order_of_their_ledgers_however_many_are_read_at_once(
    world: World, http: ChaliceClient, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(own_data, '_FIRST', first)
    monkeypatch.setattr(own_data, '_LEDGERS_AT_ONCE', 2)
    browser = Browser(http)
    browser.log_in('ann@example.com')

    rows = json.loads(download(browser).read('data.json'))['transactions']

    children = [(row['portfolio_id'], row['kind'], row['id']) for row in rows]
    assert len(set(children)) > 2
    assert [child for child, _ in itertools.groupby(children)] == list(dict.fromkeys(children))
    for child in set(children):
        times = [row['txn_at'] for row in rows if (row['portfolio_id'], row['kind'], row['id']) == child]
        assert times == sorted(times, reverse=True)


def test_answers_that_may_be_given_again_are_not_read(api: Api, user: User) -> None:
    assert api.request('POST', '/api/portfolios', {'title': 'x', 'currencies': ['btc']}, {'Idempotency-Key': 'one'}).status_code == 201

    kinds_read = {type(item).__name__ for item in own_data.read(user, clock.now()).items}

    assert 'IdempotencyRecord' not in kinds_read
    assert {'User', 'Portfolio'} <= kinds_read
    assert any(item['sk']['S'].startswith('IDEMPOTENCY#') for item in table())


def test_one_download_at_a_time_takes_the_memory_that_it_needs(logged_in: Browser, http: ChaliceClient) -> None:
    second = Browser(http)
    second.log_in()

    def download_meanwhile() -> None:
        second.post_from('/profile/data', '/profile/data/download', {})
        assert (second.status, second.response.headers['Retry-After']) == (503, '1')

    with meanwhile('Query', download_meanwhile):
        assert download(logged_in).namelist()
    assert download(second).namelist()


def test_more_transactions_than_a_response_may_carry_are_left_out_and_said_to_be(
    world: World, http: ChaliceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(http)
    browser.log_in('ann@example.com')
    every = json.loads(download(browser).read('data.json'))['transactions']

    monkeypatch.setattr(own_data, 'MOST_TRANSACTIONS', len(every) - 1)
    document = json.loads(download(browser).read('data.json'))

    assert (document['transactions'], document['transactions_left_out']) == (every[:-1], True)


def test_an_account_is_deleted_after_a_week_unless_its_user_stays(
    world: World, http: ChaliceClient, queues: dict[str, str], mailbox: Mailbox
) -> None:
    user_id, browser = world.apis[0].user_id, Browser(http)
    browser.log_in('ann@example.com')
    browser.post_from('/profile/data', '/profile/data/delete', {'current_password': 'wrong'})
    assert browser.status == 422
    browser.post_from('/profile/data', '/profile/data/delete', {'current_password': PASSWORD})
    assert 'It will be deleted with everything in it on' in mailbox.last()[1]
    browser.get('/profile')
    assert 'Your account will be deleted on' in browser.text
    browser.post_from('/profile/data', '/profile/data/keep', {})
    assert 'It will not be deleted' in mailbox.last()[1]
    mails = len(mailbox.read())
    browser.post('/profile/data/keep', {'csrf': browser.csrf('/profile')})
    assert (browser.status, len(mailbox.read())) == (303, mails)
    CLOCK.advance(WEEK)
    work_off(queues)
    assert User.find(user_id).delete_at is None

    browser.log_in('ann@example.com')
    browser.post_from('/profile/data', '/profile/data/delete', {'current_password': PASSWORD})
    CLOCK.advance(WEEK - 1)
    work_off(queues)
    assert world.can_log_in(0)
    CLOCK.advance(1)
    work_off(queues)

    assert not world.can_log_in(0)
    assert world.can_log_in(1)
    CLOCK.advance(3_600)
    work_off(queues)
    assert user_id not in str(table())
    assert 'ann@example.com' not in str(table())
    assert state(SEGWIT).ready  # which somebody else watches


# Kinds that never say whose they are: what all share, counts, by digests, of the requests of minutes, and addresses of an HD wallet.
OF_NOBODY = {
    *('hourly-rates', 'closes', 'closes-state', 'latest-rates', 'wanted-currency', 'bucket', 'job-run', 'revoked_family'),
    *('attempts', 'request-count', 'chain-blocks', 'moved-in-block', 'derived_addresses'),
}


# What is stored beside a user and not downloaded: told by the name of what it points to, or of use here alone.
POINTERS = {'application', 'session_pointer', 'linked-subject-pointer'}
OF_USE_HERE_ALONE = {
    *('authenticator', 'recovery_codes', 'known_browser', 'one_time_secret', 'first_answer', 'purge', 'leftovers'),
}


def test_what_is_stored_of_a_user_is_downloaded_kind_by_kind(world: World, http: ChaliceClient) -> None:
    fill_with_everything(world, http, Browser(http))
    stored = {kind_of(item) for item in table() if item['pk']['S'] == f'USER#{world.apis[0].user_id}'}
    told = {Item.kind.get_discriminator(kind) for kind in FIELDS}

    assert stored - POINTERS - OF_USE_HERE_ALONE == told, 'a new kind belongs in FIELDS of chalicelib/api/presenters/own_data.py'
    assert told >= {*kinds(Follower)}


def test_nothing_of_any_kind_names_a_user_who_has_left(world: World, http: ChaliceClient, queues: dict[str, str], mailbox: Mailbox) -> None:
    user_id, browser = world.apis[0].user_id, Browser(http)
    fill_with_everything(world, http, browser)
    assert {kind_of(item) for item in table()} >= {*kinds(Item)} - OF_NOBODY - {'leftovers'}

    browser.post('/profile/data/delete', {'current_password': PASSWORD})
    CLOCK.advance(WEEK)
    work_off(queues)
    CLOCK.advance(3_600)
    work_off(queues)

    for name in (user_id, 'ann@example.com', 'ann-marie@example.com', 'ann of the issuer', 'Ann Marie'):
        assert [kind_of(item) for item in table() if name in str(item)] == []


def fill_with_everything(world: World, http: ChaliceClient, browser: Browser) -> None:
    """Let Ann, who is logged in, have something of each kind that a user may have."""
    user_id, now = world.apis[0].user_id, clock.now()
    assert world.can_log_in(0)
    assert run('users', 'link', 'https://login.example', 'ann of the issuer', 'ann@example.com') == 0
    browser.log_in('ann@example.com')
    browser.post('/profile/name', {'name': 'Ann Marie'})
    browser.post('/profile/email', {'email': 'ann-marie@example.com', 'current_password': PASSWORD})
    browser.post('/profile/invitations', {'email': 'friend@example.com'})
    browser.post('/profile/api-keys', {'name': 'x', 'scopes': 'read', 'lifetime': ''})
    granted = {'user_id': user_id, 'client_id': 'app-0', 'scopes': ['read'], 'family': 'x', 'grant_id': 'x'}
    Code.new('a code', **granted, created_at=now, expires_at=now + 60).store()
    rate = Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'usd', 'eur'), now + 86_400))
    refresh.refresh(user_id, 1)
    add_second_factors(user_id)
    Browser(http).log_in('ann@example.com')  # its second step is still to come
    user, until = User.find(user_id), now + 2 * WEEK
    transact(link_listing(user, TakeBack('x', until, user.email), now).write)
    transact(*email_change(user, 'ann-marie@example.com', until, now))


def work_off(queues: dict[str, str]) -> None:
    run_sweep()
    purge_queue(queues).drain()
    refresh_queue(queues).drain()
    accounts_queue(queues).drain()


def test_it_is_repeated_wherever_it_dies(user: User, queues: dict[str, str]) -> None:
    Grant.allow(user, 'x', ['read'], 1)
    user.schedule_deletion(clock.now())
    for writes in itertools.count(1):
        if survives(lambda: leaving.forget_user(user.user_id, clock.now()), writes):
            break
        due = [item for item in table() if 'due_at' in item and user.user_id in str(item)]
        assert due  # the next sweep goes on
    assert writes > 2
    assert [item for item in table() if user.user_id in str(item)] == []


def test_kept_answers_are_deleted_page_by_page(user: User, requests_made: list[str]) -> None:
    key = {'pk': {'S': user.pk}, 'kind': {'S': 'first_answer'}, 'fingerprint': {'S': 'x'}, 'location': {'S': 'x'}}
    for number in range(5):  # of which a page of a query has two
        item = key | {'sk': {'S': f'IDEMPOTENCY#{number}'}, 'result': {'S': 'x' * 390_000}}
        boto3.client('dynamodb').put_item(TableName=settings().table_name, Item=item)
    leaving.ask_to_leave(user, clock.now())
    CLOCK.advance(WEEK)
    requests_made.clear()

    leaving.forget_user(user.user_id, clock.now())

    first, *_, last = (number for number, name in enumerate(requests_made) if name == 'DeleteItem')
    assert requests_made[first:last].count('Query') >= 2
    assert not [item for item in table() if item['pk']['S'] == user.pk]


def test_a_deletion_that_was_under_way_is_finished_after_a_restore(api: Api, tmp_path: Path, queues: dict[str, str]) -> None:
    api.portfolio()
    User.find(api.user_id).schedule_deletion(clock.now())
    assert not survives(lambda: leaving.forget_user(api.user_id, clock.now()), 1)
    assert run('export', '--all', tmp_path / 'export') == 0

    with second_table():
        assert run('import', '--table', SECOND, tmp_path / 'export') == 0
        assert [item for item in items(SECOND) if api.user_id in str(item)]
        work_off(queues)
        CLOCK.advance(3_600)
        work_off(queues)

        assert [item for item in items(SECOND) if api.user_id in str(item)] == []


def test_who_asks_twice_is_not_given_another_week(user: User, mailbox: Mailbox) -> None:
    leaving.ask_to_leave(user, 1_000)
    leaving.ask_to_leave(User.find(user.user_id), 2_000)

    first, second = mailbox.read()
    assert first == second

    assert User.find(user.user_id).delete_at == 1_000 + WEEK
    assert User.find(user.user_id).due_at == 1_000 + WEEK


def test_who_stays_while_they_ask_again_is_told_just_that_and_not_of_a_new_password(user: User) -> None:
    user.schedule_deletion(clock.now() + WEEK)
    asking = User.find(user.user_id)

    with before_read(user.pk, lambda: User.at(user.user_id).cancel_deletion()), pytest.raises(Conflict) as refused:
        asking.schedule_deletion(clock.now() + WEEK)

    assert refused.type is Conflict
    assert User.find(user.user_id).delete_at is None


def test_who_asks_with_a_password_of_before_is_told_so_even_where_it_was_asked_already(user: User) -> None:
    asking = User.find(user.user_id)
    user.schedule_deletion(clock.now() + WEEK)
    User.find(user.user_id).end_sessions()

    with pytest.raises(AccessEnded):
        asking.schedule_deletion(clock.now() + WEEK)


@contextmanager
def before_read(partition: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something else right before the first get of an item of a partition."""
    events = Item.connection().client.meta.events
    acted: list[str] = []

    def before(params: Any, **_: Any) -> None:
        if partition.encode() in params['body'] and not acted:
            acted.append(partition)
            act()

    events.register('before-call.dynamodb.GetItem', before)
    yield
    events.unregister('before-call.dynamodb.GetItem', before)
