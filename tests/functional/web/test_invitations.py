"""Who may sign up, and by whose invitation."""

import re
from collections.abc import Callable, Iterator

import pytest

from chalicelib import mail
from chalicelib.config import settings
from chalicelib.models import Invitation, User
from chalicelib.models.invitation import VALID_SECONDS
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import table
from tests.support.exports import run

Policy = Callable[[str | None], None]
NEW = {'name': 'Ada', 'email': 'ada@example.com', 'password': 'a good long one'}


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Policy]:
    """Set SIGNUP, None for its default."""

    def choose(value: str | None) -> None:
        monkeypatch.setenv('SIGNUP', value) if value else monkeypatch.delenv('SIGNUP')
        settings.cache_clear()

    yield choose
    monkeypatch.undo()
    settings.cache_clear()


def token_of(text: str) -> str:
    return re.search(r'https://cryptfolio\.test/signup\?invitation=([\w-]{43})', text)[1]


def sign_up(browser: Browser, token: str, email: str) -> None:
    browser.post_from(f'/signup?invitation={token}', '/signup', NEW | {'invitation': token, 'email': email})


def test_by_default_one_person_signs_up_with_one_invitation_by_link_or_mail(
    logged_in: Browser,
    new_browser: Callable[[], Browser],
    policy: Policy,
    mailbox: Mailbox,
    stopped_clock: StoppedClock,
):
    policy(None)
    stranger, friend = new_browser(), new_browser()
    assert stranger.get('/signup').status_code == 403
    stranger.post_from('/login', '/signup', NEW)
    assert (stranger.status, 'by invitation' in stranger.text) == (403, True)
    assert User.with_email(NEW['email']) is None
    assert 'href="/signup"' not in stranger.get('/').body.decode()

    logged_in.post_from('/profile/invitations', '/profile/invitations', {})
    logged_in.get(logged_in.location)
    by_link = token_of(logged_in.page)
    logged_in.post_from('/profile/invitations', '/profile/invitations', {'email': 'friend@example.com'})
    assert mailbox.last()[0] == 'friend@example.com'
    assert 'A user with the email address <test@example.com> invites you' in mailbox.last()[1]
    by_mail = token_of(mailbox.last()[1])

    sign_up(friend, by_link, 'friend@example.com')
    confirmation = mailbox.link()
    sign_up(stranger, by_link, 'stranger@example.com')  # not used up before somebody confirms
    late = mailbox.link()
    friend.post_from(confirmation, '/confirm', {'token': confirmation.partition('token=')[2]})
    assert friend.location == '/portfolios/new'
    stranger.post_from(late, '/confirm', {'token': late.partition('token=')[2]})
    assert stranger.status == 404
    stranger.post('/forgot', {'email': 'stranger@example.com'})  # a reset would confirm the address
    assert '/reset' not in mailbox.last()[1]
    assert stranger.get(f'/signup?invitation={by_link}').status_code == 404
    assert stranger.get(f'/signup?invitation={by_mail}').status_code == 200
    stopped_clock.advance(VALID_SECONDS)
    assert stranger.get(f'/signup?invitation={by_mail}').status_code == 404


@pytest.mark.parametrize('email', ['', 'friend@example.com'])
def test_a_form_makes_one_invitation_however_often_it_is_sent_and_shows_it_once(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, email: str
):
    form = {'email': email, 'csrf': logged_in.csrf('/profile/invitations')}
    for _ in range(21):  # one more than may be made in a day
        logged_in.post('/profile/invitations', form)
        assert logged_in.status == 303
    assert stored_invitations() == 1
    mails = mailbox.read()
    assert [to for to, _ in mails] == ([email] if email else [])
    shown_at, other = logged_in.location, new_browser()
    other.log_in()
    other.get(shown_at)
    assert (email or 'signup?invitation=') not in other.page

    logged_in.get(shown_at)
    assert (f'We sent an invitation to {email}. If it does not arrive, send them this link.' in logged_in.text) is bool(email)
    shown = token_of(logged_in.page)
    assert [token_of(text) for _, text in mails] == ([shown] if email else [])
    logged_in.get(shown_at)
    assert 'The invitation was created and has already been mailed or shown.' in logged_in.text
    assert not email or email not in logged_in.page
    assert 'signup?invitation=' not in logged_in.page

    logged_in.post_from('/profile/invitations', '/profile/invitations', {'email': email})
    assert stored_invitations() == 2


def test_a_form_whose_mail_could_not_be_sent_can_be_sent_again(logged_in: Browser, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch):
    form = {'email': 'friend@example.com', 'csrf': logged_in.csrf('/profile/invitations')}
    with monkeypatch.context() as patch:
        patch.setenv('MAIL_FROM', 'nobody@example.com')  # SES does not know the sender
        settings.cache_clear()
        assert logged_in.post('/profile/invitations', form).status_code == 503
    settings.cache_clear()
    mail._ses.cache_clear()
    assert stored_invitations() == 0

    assert logged_in.post('/profile/invitations', form).status_code == 303

    assert [to for to, _ in mailbox.read()] == ['friend@example.com']


def stored_invitations() -> int:
    return len([item for item in table() if item['kind']['S'] == 'invitation'])


def test_who_signs_up_in_the_last_second_of_an_invitation_can_confirm_it_for_a_day(
    new_browser: Callable[[], Browser], policy: Policy, mailbox: Mailbox, stopped_clock: StoppedClock
):
    policy('invite')
    friend, token = new_browser(), Invitation.create(stopped_clock.now())
    stopped_clock.advance(VALID_SECONDS - 1)
    sign_up(friend, token, 'friend@example.com')
    confirmation = mailbox.link()
    stopped_clock.advance(86_399)

    left = [item for item in table() if item['kind']['S'] == 'invitation']
    assert int(left[0]['expires_at']['N']) > stopped_clock.now()  # or DynamoDB may delete it
    assert friend.get(f'/signup?invitation={token}').status_code == 404
    friend.post_from(confirmation, '/confirm', {'token': confirmation.partition('token=')[2]})
    assert friend.location == '/portfolios/new'


def test_a_closed_server_takes_nobody_and_nobody_is_invited(logged_in: Browser, new_browser: Callable[[], Browser], policy: Policy):
    token = Invitation.create(2_000_000_000)
    policy('closed')
    stranger = new_browser()

    stranger.post_from('/login', '/signup', NEW | {'invitation': token})
    assert (stranger.status, User.with_email(NEW['email'])) == (403, None)
    logged_in.post_from('/profile', '/profile/invitations', {'email': 'friend@example.com'})
    assert logged_in.status == 404

    assert logged_in.get(f'/signup?invitation={token}').status_code == 403
    assert logged_in.get('/profile/invitations').status_code == 404
    assert 'Invitations' not in logged_in.get('/profile').body.decode()


def test_the_operator_invites_the_first_user(browser: Browser, policy: Policy, capsys: pytest.CaptureFixture[str]):
    policy('invite')

    assert run('users', 'invite', 'https://cryptfolio.test/') == 0

    token = token_of(capsys.readouterr().out)
    assert browser.get(f'/signup?invitation={token}').status_code == 200
    assert f'value="{token}"' in browser.page


@pytest.mark.parametrize('value', ['invited', 'OPEN', 'no'])
def test_another_policy_is_no_setting(policy: Policy, value: str):
    from chalicelib.config import BadSetting

    policy(value)
    with pytest.raises(BadSetting, match='SIGNUP'):
        settings()
