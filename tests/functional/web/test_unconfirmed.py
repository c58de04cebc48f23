"""A sign-up that nobody confirms leaves nothing and keeps nobody from the address; one that was confirmed stays, whatever comes between."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Email, User
from infra.data import scan
from infra.data.table import Table
from infra.data.users import OneUser
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import before_write, table
from tests.support.exports import run

HOUR, DAY = 3_600, 86_400
ADA = 'ada@example.com'
NEW = {'name': 'Ada', 'email': ADA, 'password': 'a good long one'}
MY_PASSWORD = 'a password of my own'

Json = dict[str, Any]


def stored(sk: str) -> list[Json]:
    """Return the raw items of everybody's users, or e-mail addresses."""
    return [item for item in table() if item['sk']['S'] == sk]


def expiries() -> list[int | None]:
    """Return when the address and the user of the only sign-up expire."""
    [address], [user] = stored('EMAIL'), stored('USER')
    return [int(item['expires_at']['N']) if 'expires_at' in item else None for item in (address, user)]


def token(mailbox: Mailbox) -> str:
    return mailbox.link().partition('token=')[2]


def confirm(browser: Browser, mailbox: Mailbox, **fields: str) -> None:
    browser.post('/confirm', {'token': token(mailbox), **fields})


def without_address() -> None:
    [item] = stored('EMAIL')
    Email(item['pk']['S'], 'EMAIL').delete()


def without_user() -> None:
    [item] = stored('USER')
    User(item['pk']['S'], 'USER').delete()


def test_what_nobody_confirms_expires_after_its_link_and_each_sign_up_renews_it(
    browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock
):
    browser.post('/signup', NEW)
    first = clock.now()
    assert len(set(expiries())) == 1
    assert first + DAY <= expiries()[0] <= first + 2 * DAY  # a link works for a day

    stopped_clock.advance(20 * HOUR)
    browser.post('/signup', NEW)
    assert len(set(expiries())) == 1
    assert clock.now() + DAY <= expiries()[0] <= clock.now() + 2 * DAY


def test_what_was_confirmed_stays(browser: Browser, mailbox: Mailbox):
    browser.post('/signup', NEW)
    confirm(browser, mailbox)

    assert browser.status == 303
    assert expiries() == [None, None]


def test_what_was_confirmed_by_a_new_password_stays(browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock):
    browser.post('/signup', NEW)
    stopped_clock.advance(DAY - 1)
    browser.post('/forgot', {'email': ADA})
    stopped_clock.advance(HOUR - 1)
    assert min(expiries()) > clock.now()  # what a link that works leads to is there

    browser.post('/reset', {'token': token(mailbox), 'password': MY_PASSWORD})

    assert browser.status == 303
    assert expiries() == [None, None]


def test_what_was_confirmed_by_somebody_who_was_invited_stays(browser: Browser, mailbox: Mailbox, invitations_only: str):
    browser.post_from(f'/signup?invitation={invitations_only}', '/signup', NEW | {'invitation': invitations_only})
    assert None not in expiries()

    confirm(browser, mailbox)

    assert browser.status == 303
    assert expiries() == [None, None]


@pytest.fixture
def invitations_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """Where only who was invited may sign up, an invitation."""
    monkeypatch.delenv('SIGNUP')
    settings.cache_clear()
    assert run('users', 'invite', settings().issuer) == 0
    yield capsys.readouterr().out.split('invitation=')[1].split()[0]
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize('delete', [lambda: None, without_address, without_user])
def test_an_expired_sign_up_of_which_anything_is_left_is_no_obstacle_to_another(
    browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock, delete: Callable[[], None]
):
    browser.post('/signup', NEW | {'password': 'the password of a stranger'})
    stopped_clock.advance(2 * DAY)
    delete()

    browser.post('/signup', NEW)
    confirm(browser, mailbox)

    assert browser.status == 303
    assert User.with_email(ADA).confirmed_at == clock.now()
    assert [item for item in stored('EMAIL') if 'expires_at' in item] == []
    browser.log_in(ADA, NEW['password'])
    assert browser.status == 303


def test_an_expired_sign_up_counts_as_none_where_a_password_is_forgotten(browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock):
    browser.post('/signup', NEW)
    stopped_clock.advance(DAY)

    browser.post('/forgot', {'email': ADA})

    assert 'no account uses this email address' in mailbox.last()[1]


@pytest.mark.parametrize('delete', [without_address, without_user])
def test_nobody_confirms_what_expires_at_that_moment(browser: Browser, mailbox: Mailbox, delete: Callable[[], None]):
    browser.post('/signup', NEW)
    sent = {'csrf': browser.csrf(), 'token': token(mailbox)}
    with before_write(1, delete, partition='MAILED#'):
        browser.post('/confirm', sent)

    assert browser.status == 404
    assert [item for item in stored('USER') if 'confirmed_at' in item] == []


def change_to_ada(user: Browser) -> None:
    user.post('/profile/email', {'csrf': user.csrf('/profile'), 'email': ADA, 'current_password': PASSWORD})
    assert user.status == 200


@pytest.mark.parametrize('of_an_earlier_release', [False, True])
def test_a_user_changes_to_an_address_that_a_stranger_signed_up_with_and_nobody_confirmed(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, of_an_earlier_release: bool
):
    stranger = new_browser()
    stranger.post('/signup', NEW)
    link_of_the_sign_up = token(mailbox)
    if of_an_earlier_release:
        signed_up = User.with_email(ADA)
        signed_up.update([User.expires_at.remove()])
        Email(Email.key(ADA), 'EMAIL').update([Email.expires_at.remove()])

    change_to_ada(logged_in)
    logged_in.post('/confirm', {'csrf': logged_in.csrf('/profile'), 'token': token(mailbox)})

    assert User.with_email(ADA).user_id == user.user_id
    assert expiries() == [None, None]  # nobody else is left
    stranger.post('/confirm', {'token': link_of_the_sign_up})
    assert stranger.status == 404
    assert User.with_email(ADA).user_id == user.user_id


def test_an_address_that_is_confirmed_at_that_moment_is_not_taken_over(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    owner = new_browser()
    owner.post('/signup', NEW)
    confirmation = {'csrf': owner.csrf(), 'token': token(mailbox)}
    change_to_ada(logged_in)
    change = {'csrf': logged_in.csrf('/profile'), 'token': token(mailbox)}

    with before_write(1, lambda: owner.post('/confirm', confirmation), partition='MAILED#'):
        logged_in.post('/confirm', change)

    assert (owner.status, logged_in.status) == (303, 404)
    assert User.with_email(ADA).user_id != user.user_id
    assert User.find(user.user_id).email == 'test@example.com'


def test_an_operator_creates_a_user_whose_address_a_stranger_signed_up_with(
    browser: Browser, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    browser.post('/signup', NEW)
    monkeypatch.setattr('getpass.getpass', lambda _: MY_PASSWORD)
    monkeypatch.setattr('sys.stdin.isatty', lambda: True, raising=False)

    assert run('users', 'create', ADA) == 0

    assert expiries() == [None, None]
    browser.log_in(ADA, MY_PASSWORD)
    assert browser.status == 303


def test_the_address_of_an_expired_sign_up_is_not_exported_with_it_once_it_is_anothers(
    browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock
):
    browser.post('/signup', NEW)
    expired = User.with_email(ADA)
    stopped_clock.advance(2 * DAY)
    without_address()
    browser.post('/signup', NEW)

    reader = OneUser(Table(settings().table_name), expired.user_id)

    items = [item for _, page in scan.read(reader, reader.starts()) for item in page.items]
    assert {item['sk']['S'] for item in items} == {'USER'}
