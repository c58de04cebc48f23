"""The account: changing name, email address and password, and taking access back."""

import re
from collections.abc import Callable

import pytest

from chalicelib import clock
from chalicelib.models import Client, ClientIdentity, Email, Grant, User, transact
from tests.support.api import PASSWORD, Api
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock


def change(browser: Browser, what: str, **fields: str) -> None:
    browser.post(f'/profile/{what}', {'csrf': browser.csrf('/profile')} | fields)


def test_the_account_shows_name_address_and_since_when_and_leads_to_its_other_parts(logged_in: Browser, user: User):
    user.update([User.created_at.set(1510030494)])

    for path in ('/account', '/profile'):  # the last is the documented address
        logged_in.get(path)
        for shown in ('Test user', 'test@example.com', '7 November 2017'):
            assert shown in logged_in.text
        assert 'href="/oauth/applications"' in logged_in.page
    parts = ('', '/security', '/applications', '/data')
    assert re.findall(r'href="/account([^"]*)"(?: aria-current="page")?>', logged_in.page.partition('<main')[2]) == list(parts)
    for part in parts:
        logged_in.get(f'/account{part}')
        assert f'href="/account{part}" aria-current="page"' in logged_in.page


@pytest.mark.parametrize(('given', 'stored'), [('  Ada Lovelace ', 'Ada Lovelace'), ('', None), ('<b>', '<b>')])
def test_the_name_can_be_changed_and_taken_away(logged_in: Browser, user: User, given: str, stored: str | None):
    change(logged_in, 'name', name=given)

    assert (logged_in.status, logged_in.location) == (303, '/account?saved=name')
    assert User.find(user.user_id).name == stored
    logged_in.get(logged_in.location)
    assert 'Your name was saved' in logged_in.text
    assert '<b>' not in logged_in.page


def test_a_name_that_is_too_long_is_told_at_its_field(logged_in: Browser):
    change(logged_in, 'name', name='x' * 256)

    assert logged_in.status == 422
    assert 'href="#name-name"' in logged_in.page
    assert 'id="name-name"' in logged_in.page


def test_what_was_saved_is_said_in_our_own_words_only(logged_in: Browser):
    logged_in.get('/account?saved=<script>alert(1)</script>')

    assert ('alert' in logged_in.text, '<script' in logged_in.page) == (False, False)


OUTCOMES = {
    '/account?saved=email': 'Your email address was changed',
    '/account/security?saved=password': 'Your password was changed',
    '/account/applications?saved=revoked': 'no longer has access',
    '/account/data?done=deletion': 'will be deleted as shown below',
    '/profile/sessions?done=everywhere': 'logged out everywhere else',
    '/profile/api-keys?saved=revoked': 'The key was revoked',
    '/portfolios/1/share?saved=revoked': 'The link was revoked',
}


@pytest.mark.parametrize('path', OUTCOMES)
def test_no_link_of_another_site_has_a_page_say_what_did_not_happen(logged_in: Browser, api: Api, path: str):
    api.portfolio()
    said = OUTCOMES[path]
    for site in ('cross-site', 'same-site', 'none'):
        logged_in.request('GET', path, **{'Sec-Fetch-Site': site})
        assert (logged_in.status, said in logged_in.text) == (200, False)

    logged_in.request('GET', path, **{'Sec-Fetch-Site': 'same-origin'})
    assert (logged_in.status, said in logged_in.text) == (200, True)
    for back in (path, path.replace('saved', 's%61ved').replace('done', '%64one')):
        logged_in.log_in(next=back)
        assert (logged_in.status, logged_in.location) == (303, path.partition('?')[0])


def test_an_address_changes_when_the_link_mailed_there_is_followed(logged_in: Browser, user: User, mailbox: Mailbox):
    change(logged_in, 'email', email='new@example.com', current_password=PASSWORD)
    assert logged_in.status == 200
    [link] = mailbox.links('new@example.com')
    assert User.find(user.user_id).email == 'test@example.com'
    to, text = mailbox.last()
    assert to == 'test@example.com'
    assert 'to change its email address to new@example.com' in text
    assert text.endswith('Set a new password, which revokes all other access to it:\n\nhttps://cryptfolio.test/forgot')

    logged_in.get(link)
    assert 'new@example.com' in logged_in.text
    logged_in.post('/confirm', {'csrf': logged_in.csrf('/profile'), 'token': link.partition('token=')[2]})

    assert logged_in.location == '/account?saved=email'
    assert User.with_email('new@example.com').user_id == user.user_id
    assert User.with_email('test@example.com') is None
    assert mailbox.last()[0] == 'test@example.com'
    assert 'from test@example.com to new@example.com' in mailbox.last()[1]


def test_in_another_browser_an_address_changes_with_the_password_only_and_nobody_is_logged_in(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], user: User, mailbox: Mailbox
):
    """Else whoever reads the mail, whose address a stranger entered, would vouch for the stranger's account by one click."""
    make_user('victim@example.com')
    change(logged_in, 'email', email='new@example.com', current_password=PASSWORD)
    link = mailbox.link()
    token = link.partition('token=')[2]
    nobody, somebody_else = new_browser(), new_browser()
    somebody_else.log_in('victim@example.com')

    for other in (nobody, somebody_else):
        other.get(link)
        assert ('password of your account' in other.text, 'not logged in to the account' in other.text) == (True, True)
        for password in ('', 'wrong password'):
            other.post('/confirm', {'token': token, 'password': password})
            assert (other.status, 'This is not the password of the account' in other.text) == (422, True)
    assert User.find(user.user_id).email == 'test@example.com'

    nobody.post('/confirm', {'token': token, 'password': PASSWORD})
    assert (nobody.status, User.find(user.user_id).email) == (303, 'new@example.com')
    assert nobody.get('/profile').status_code == 303


def test_passwords_for_a_link_that_changes_an_address_are_counted(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, 'email', email='new@example.com', current_password=PASSWORD)
    token, other = mailbox.link().partition('token=')[2], new_browser()

    statuses = [other.post('/confirm', {'token': token, 'password': 'wrong'}).status_code for _ in range(11)]

    assert statuses == [422] * 10 + [429]
    assert other.post('/confirm', {'token': token, 'password': PASSWORD}).status_code == 429
    assert User.find(user.user_id).email == 'test@example.com'
    logged_in.post('/confirm', {'token': token})
    assert User.find(user.user_id).email == 'new@example.com'


def test_an_address_cannot_be_changed_without_the_password(logged_in: Browser, mailbox: Mailbox):
    change(logged_in, 'email', email='new@example.com', current_password='wrong')

    assert (logged_in.status, 'current password is incorrect' in logged_in.text) == (422, True)
    assert 'id="email-current_password-error"' in logged_in.page
    assert 'id="password-current_password-error"' not in logged_in.page
    assert mailbox.read() == []


def test_somebody_elses_address_gets_word_and_the_page_tells_nothing(
    logged_in: Browser, make_user: Callable[..., User], user: User, mailbox: Mailbox, requests_made: list[str]
):
    other = make_user('other@example.com')
    seen = []

    for email in ('other@example.com', 'nobody@example.com'):
        token = logged_in.csrf('/profile')
        requests_made.clear()
        logged_in.post('/profile/email', {'csrf': token, 'email': email, 'current_password': PASSWORD})
        seen.append((logged_in.status, logged_in.text.replace(email, 'EMAIL'), list(requests_made)))

    assert seen[0] == seen[1]
    assert 'token=' not in mailbox.read()[0][1]
    assert User.with_email('other@example.com').user_id == other.user_id


def test_an_address_taken_meanwhile_is_not_taken_over(logged_in: Browser, make_user: Callable[..., User], user: User, mailbox: Mailbox):
    change(logged_in, 'email', email='new@example.com', current_password=PASSWORD)
    other = make_user('new@example.com')

    logged_in.post('/confirm', {'csrf': logged_in.csrf('/profile'), 'token': mailbox.link().partition('token=')[2]})

    assert logged_in.status == 404
    assert User.with_email('new@example.com').user_id == other.user_id
    assert User.find(user.user_id).email == 'test@example.com'


def test_ones_own_address_can_be_written_differently(logged_in: Browser, user: User, mailbox: Mailbox):
    change(logged_in, 'email', email='Test@Example.com', current_password=PASSWORD)

    logged_in.post('/confirm', {'csrf': logged_in.csrf('/profile'), 'token': mailbox.link().partition('token=')[2]})

    assert User.find(user.user_id).email == 'Test@Example.com'
    assert User.with_email('test@example.com').user_id == user.user_id
    assert Email.get(Email.key('test@example.com'), 'EMAIL').user_id == user.user_id


def test_links_to_change_an_address_die_with_the_password(logged_in: Browser, mailbox: Mailbox):
    change(logged_in, 'email', email='new@example.com', current_password=PASSWORD)
    link = mailbox.link()
    change(logged_in, 'password', current_password=PASSWORD, password='the new password')

    assert logged_in.get(link).status_code == 404


def test_a_new_password_ends_every_other_session(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, stopped_clock: StoppedClock
):
    other = new_browser()
    other.log_in()
    before = logged_in.cookie
    stopped_clock.advance(1)

    change(logged_in, 'password', current_password=PASSWORD, password='the new password')

    assert logged_in.location == '/account/security?saved=password'
    assert logged_in.get('/profile').status_code == 200
    assert other.get('/profile').status_code == 303
    logged_in.cookie = before
    assert logged_in.get('/profile').status_code == 303
    other.log_in(password='the new password')
    assert other.status == 303


@pytest.mark.parametrize(
    ('current', 'password', 'field'),
    [('wrong', 'the new password', 'current_password'), (PASSWORD, 'short', 'password'), (PASSWORD, 'test@example.com', 'password')],
)
def test_a_password_is_changed_by_its_owner_to_a_good_one_only(logged_in: Browser, user: User, current: str, password: str, field: str):
    change(logged_in, 'password', current_password=current, password=password)

    assert logged_in.status == 422
    assert f'id="password-{field}-error"' in logged_in.page
    assert User.find(user.user_id).password_hash == user.password_hash


def test_everything_wrong_with_a_change_is_said_at_once(logged_in: Browser):
    change(logged_in, 'email', email='nonsense', current_password='wrong')
    assert logged_in.status == 422
    assert 'id="email-email-error"' in logged_in.page
    assert 'id="email-current_password-error"' in logged_in.page

    change(logged_in, 'password', current_password='wrong', password='short')
    assert logged_in.status == 422
    assert 'id="password-current_password-error"' in logged_in.page
    assert 'id="password-password-error"' in logged_in.page


def test_applications_may_use_the_password_only_when_that_is_ticked(logged_in: Browser, user: User):
    change(logged_in, 'remote')
    assert User.find(user.user_id).allow_remote_login is False
    logged_in.get(logged_in.location)
    assert 'was saved' in logged_in.text
    assert 'value="yes" aria' in logged_in.page

    change(logged_in, 'remote', allow_remote_login='yes')
    assert User.find(user.user_id).allow_remote_login is True
    logged_in.get('/account/security')
    assert 'value="yes" checked' in logged_in.page


def test_connected_applications_are_shown_with_what_they_may_do_and_can_be_revoked(logged_in: Browser, user: User):
    evil, _ = Client.register(owner_id='x', name='<i>Charts</i>', redirect_uris=[], now=0)
    Grant.allow(user, 'gone', ['public'], 1510030494)
    Grant.allow(user, evil.client_id, ['info', 'read'], 1511000000)
    transact(Grant.at(user.user_id, evil.client_id).touch(1512000000))

    logged_in.get('/account/applications')
    dates = ('18 November 2017', '30 November 2017')
    for shown in ('<i>Charts</i>', 'signup date.', 'balances, and transactions.', *dates, 'Deleted application'):
        assert shown in logged_in.text
    assert '<i>' not in logged_in.page
    assert logged_in.text.index('Charts') < logged_in.text.index('Deleted application')
    change(logged_in, 'revoke', client_id=evil.client_id)

    assert logged_in.location == '/account/applications?saved=revoked'
    assert [grant.client_id for grant in Grant.of_user(user.user_id)] == ['gone']


def test_an_application_that_has_another_name_by_now_is_found_by_the_one_that_was_allowed(logged_in: Browser, user: User):
    client, _ = Client.register(owner_id='x', name='Tool', redirect_uris=['https://a.example/cb'], now=0)
    for allowed in ('Tool', None):
        shown = ClientIdentity(allowed, 'https://a.example/cb') if allowed else None
        Grant.allow(user, client.client_id if allowed else 'by-password', ['read'], 1, shown=shown)
    logged_in.get('/account/applications')
    assert 'When you last allowed it' not in logged_in.text

    client.update([Client.name.set('Backup of <i>your</i> settings')])
    logged_in.get('/account/applications')

    assert 'Backup of <i>your</i> settings When you last allowed it, it was called Tool.' in ' '.join(logged_in.text.split())
    assert logged_in.text.count('When you last allowed it') == 1
    client.delete()
    logged_in.get('/account/applications')
    assert 'Deleted application When you last allowed it, it was called Tool.' in ' '.join(logged_in.text.split())


@pytest.mark.parametrize('client_id', ['', 'unknown', 'x' * 10_000])
def test_revoking_what_is_not_there_is_no_error(logged_in: Browser, client_id: str):
    change(logged_in, 'revoke', client_id=client_id)

    assert logged_in.status == 303


def test_only_ones_own_grant_is_revoked(logged_in: Browser, make_user: Callable[..., User], client: Client):
    other = make_user('other@example.com')
    Grant.allow(other, client.client_id, ['read'], clock.now())

    change(logged_in, 'revoke', client_id=client.client_id)

    assert Grant.find(other.user_id, client.client_id)
