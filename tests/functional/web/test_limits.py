"""How often things may be tried, per account and per network address."""

from collections.abc import Callable

import pytest

from chalicelib import clock, errors
from chalicelib.models import AttemptCounter, User
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import table
from tests.support.passkey_device import options

DAY = 86_400
NEW = {'email': 'ada@example.com', 'password': 'a good long one'}


@pytest.fixture(autouse=True)
def _early_in_the_window(stopped_clock: StoppedClock) -> None:
    """A minute into windows of an hour and less."""
    stopped_clock.move_to(stopped_clock.now() // 3_600 * 3_600 + 60)


def test_up_to_the_limit_is_taken_and_then_refused_until_the_window_ends():
    for _ in range(3):
        AttemptCounter.record('kind', 'subject', 3, 60, 130)

    with pytest.raises(errors.TooMany) as refused:
        AttemptCounter.record('kind', 'subject', 3, 60, 150)

    assert refused.value.headers() == {'Retry-After': '30'}
    AttemptCounter.record('kind', 'subject', 3, 60, 180)
    AttemptCounter.record('kind', 'other', 3, 60, 150)
    AttemptCounter.record('other', 'subject', 3, 60, 150)


def test_an_attempt_costs_one_request(requests_made: list[str]):
    requests_made.clear()

    AttemptCounter.record('kind', 'subject', 1, 60, 0)

    assert requests_made == ['UpdateItem']


def test_what_succeeded_is_given_back_and_never_more_than_that():
    AttemptCounter.record('kind', 'subject', 1, 60, 0)
    AttemptCounter.undo('kind', 'subject', 60, 0)
    AttemptCounter.undo('kind', 'subject', 60, 0)
    AttemptCounter.undo('kind', 'nobody', 60, 0)
    AttemptCounter.record('kind', 'subject', 1, 60, 0)

    with pytest.raises(errors.TooMany):
        AttemptCounter.record('kind', 'subject', 1, 60, 0)


def test_attempts_are_forgotten_and_do_not_say_whose_they_are():
    AttemptCounter.record('kind', 'ada@example.com', 1, 60, 100)

    [item] = AttemptCounter.scan()
    assert item.expires_at == 120
    assert 'ada@' not in str(item.serialize())


def test_a_page_that_begins_a_log_in_by_passkey_does_so_once_and_is_limited_by_network(
    browser: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock
):
    for headers in ({'Sec-Fetch-Site': 'cross-site'}, {'Origin': 'https://evil.example'}):
        assert browser.post('/login/passkey/begin', {}, **headers).status_code == 403
    assert table() == []
    challenges = {options(browser, '/login/passkey') for _ in range(3)}
    assert len(challenges) == 3
    assert [item['kind']['S'] for item in table() if item['kind']['S'] != 'attempts'] == ['log_in_step']

    for _ in range(99):
        AttemptCounter.record('passkey_network', '127.0.0.1', 100, 900, stopped_clock.now())
    stranger = new_browser()
    assert stranger.get('/login/passkey').status_code == 303  # an image on another page counts nothing
    assert stranger.location == '/login?next=%2Fportfolios'
    assert stranger.post('/login/passkey/begin').status_code == 429
    assert stranger.step == ''
    assert browser.get('/login/passkey').status_code == 200


@pytest.mark.parametrize('email', ['test@example.com', 'nobody@example.com'])
def test_the_eleventh_failure_to_log_in_is_refused_whoever_it_is_for(browser: Browser, user: User, email: str):
    for _ in range(10):
        browser.log_in(email, 'wrong')
        assert browser.status == 422

    browser.log_in(email.upper())

    assert browser.status == 429
    assert browser.response.headers['Retry-After'] == '840'
    assert browser.response.headers['Content-Type'] == 'text/html; charset=utf-8'
    assert 'Too many attempts' in browser.text
    assert 'try again in 14 minutes' in browser.text


@pytest.mark.parametrize(
    ('seconds', 'told', 'told_in_german'),
    [
        (23 * 3_600, '23 hours', '23 Stunden'),
        (7_201, '3 hours', '3 Stunden'),
        (7_141, '2 hours', '2 Stunden'),
        (7_140, '119 minutes', '119 Minuten'),
        (60, '1 minute', '1 Minute'),
    ],
)
def test_how_long_to_wait_is_told_in_hours_from_two_on(
    browser: Browser, user: User, stopped_clock: StoppedClock, seconds: int, told: str, told_in_german: str
):
    stopped_clock.move_to((stopped_clock.now() // DAY + 2) * DAY - seconds)
    browser.log_in()
    for _ in range(20):
        AttemptCounter.record('invite', user.user_id, 20, DAY, stopped_clock.now())

    assert browser.post('/profile/invitations', {'email': 'ada@example.com'}).status_code == 429
    assert f'try again in {told}.' in browser.text
    browser.headers['Accept-Language'] = 'de'
    browser.post('/profile/invitations', {'email': 'ada@example.com'})
    assert f'in {told_in_german} noch einmal' in browser.text


def test_logging_in_does_not_use_attempts_up(browser: Browser, user: User):
    for _ in range(15):
        browser.log_in()
        assert browser.status == 303


def test_a_locked_account_opens_with_the_next_window(browser: Browser, user: User, stopped_clock: StoppedClock):
    for _ in range(11):
        browser.log_in(password='wrong')
    stopped_clock.advance(900)

    browser.log_in()

    assert browser.status == 303


def test_one_network_address_fails_a_hundred_times_at_most(browser: Browser, user: User):
    for _ in range(100):
        AttemptCounter.record('log_in_network', '127.0.0.1', 100, 900, clock.now())

    browser.log_in()

    assert browser.status == 429


def test_sign_ups_are_limited_by_network_address_and_by_mail_address(browser: Browser, mailbox: Mailbox):
    for _ in range(5):
        assert browser.post('/signup', NEW).status_code == 200
    assert browser.post('/signup', NEW).status_code == 429
    for number in range(14):
        assert browser.post('/signup', NEW | {'email': f'a{number}@example.com'}).status_code == 200

    browser.post('/signup', NEW | {'email': 'b@example.com'})

    assert (browser.status, browser.response.headers['Retry-After']) == (429, '3540')
    assert len(mailbox.read()) == 19


def test_forgotten_passwords_are_limited_by_account_and_by_network_address(browser: Browser, user: User, mailbox: Mailbox):
    for email in ('test@example.com', 'nobody@example.com'):
        for _ in range(5):
            assert browser.post('/forgot', {'email': email}).status_code == 200
        assert browser.post('/forgot', {'email': email}).status_code == 429
    for number in range(18):
        assert browser.post('/forgot', {'email': f'a{number}@example.com'}).status_code == 200

    assert browser.post('/forgot', {'email': 'b@example.com'}).status_code == 429
    assert len(mailbox.read()) == 28


@pytest.mark.parametrize(('path', 'form'), [('/signup', NEW), ('/forgot', {'email': 'nobody@example.com'})])
def test_mails_that_anybody_has_sent_to_a_mailbox_are_limited_by_the_day(
    browser: Browser, mailbox: Mailbox, stopped_clock: StoppedClock, path: str, form: dict[str, str]
):
    stopped_clock.move_to(stopped_clock.now() // DAY * DAY)
    for hour in range(3):
        stopped_clock.move_to(stopped_clock.now() // DAY * DAY + hour * 3_600)
        for _ in range(5):
            browser.post(path, form)
    assert (browser.status, browser.response.headers['Retry-After'], len(mailbox.read())) == (429, str(DAY - 2 * 3_600), 10)

    stopped_clock.move_to(stopped_clock.now() // DAY * DAY + DAY)
    assert browser.post(path, form).status_code == 200


def test_who_asks_for_anothers_reset_keeps_nobody_from_it_in_a_browser_of_theirs(
    new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    owner, stranger = new_browser(), new_browser()
    owner.log_in()
    owner.post('/logout')
    for _ in range(6):
        stranger.post('/forgot', {'email': user.email})
    assert stranger.status == 429

    assert owner.post('/forgot', {'email': user.email}).status_code == 200


def test_mails_that_users_have_sent_to_a_strangers_address_are_limited_by_that_whoever_sends_them(
    new_browser: Callable[[], Browser], make_user: Callable[[str], User], mailbox: Mailbox, stopped_clock: StoppedClock
):
    users = [new_browser() for _ in range(3)]
    for number, user in enumerate(users):
        email = make_user(f'user{number}@example.com').email
        user.log_in(email)
    one, other, third = users

    def change(user: Browser, email: str) -> int:
        return user.post('/profile/email', {'email': email, 'current_password': PASSWORD}).status_code

    def invite(user: Browser, email: str) -> int:
        return user.post('/profile/invitations', {'email': email}).status_code

    answers = [
        invite(one, 'ada@example.com'),
        change(one, 'A.da+1@example.com'),
        invite(other, 'ADA+two@example.com'),
        change(other, 'ada@example.com'),
    ]
    assert answers == [303, 200] * 2
    assert invite(third, 'ada@example.com') == 303
    assert [invite(third, 'a.d.a@example.com'), change(third, 'ada@example.com')] == [429, 429]
    assert 'Too many attempts' in third.text
    assert len([to for to, _ in mailbox.read() if to.lower().replace('.', '').startswith('ada')]) == 5

    assert [invite(third, 'bob@example.com'), invite(third, '')] == [303, 303]
    assert third.post('/signup', NEW).status_code == 200  # whoever asks for a mail to themselves is counted by themselves
    stopped_clock.advance(86_400)
    assert invite(third, 'ada@example.com') == 303


def test_guessing_the_current_password_is_limited_like_logging_in(logged_in: Browser):
    for _ in range(10):
        logged_in.post('/profile/password', {'csrf': logged_in.csrf('/profile'), 'current_password': 'wrong', 'password': 'x'})
        assert logged_in.status == 422

    logged_in.post('/profile/password', {'csrf': logged_in.csrf('/profile'), 'current_password': 'wrong', 'password': 'x'})

    assert logged_in.status == 429


def test_who_guesses_the_current_password_in_another_session_does_not_keep_the_user_from_changing_it(
    logged_in: Browser, new_browser: Callable[[], Browser]
):
    thief, new = new_browser(), {'current_password': PASSWORD, 'password': 'the new password'}
    thief.log_in()

    for _ in range(10):
        thief.post('/profile/data/delete', {'current_password': 'wrong'})
    assert thief.post('/profile/password', new).status_code == 429
    assert thief.get('/profile').status_code == 303

    assert logged_in.post('/profile/password', new).status_code == 303


@pytest.mark.parametrize(
    ('address', 'counted'),
    [
        ('192.0.2.7', '192.0.2.7'),
        ('2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'),
        ('2001:db8:1:2::', '2001:db8:1:2::'),
        ('::ffff:192.0.2.7', '192.0.2.7'),
    ],
)
def test_an_ipv6_customer_counts_as_one(address: str, counted: str):
    from types import SimpleNamespace

    from chalicelib.http_io.request import network

    request = SimpleNamespace(context={'identity': {'sourceIp': address}})

    assert network(request) == counted
