"""Who changes the email address of an account, and who does not, whatever they know of it."""

from collections.abc import Callable

from chalicelib.models import Session, User
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.passkey_device import Device, add_passkey, options

EVIL = 'evil@example.net'


def token_of(link: str) -> str:
    return link.partition('token=')[2]


def ask_for(browser: Browser, email: str, password: str = PASSWORD) -> None:
    browser.post('/profile/email', {'email': email, 'current_password': password})
    assert browser.status == 200, browser.text


def test_with_a_second_factor_the_password_alone_does_not_confirm_a_change_that_a_thief_asked_for_before(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    thief, elsewhere = new_browser(), new_browser()
    thief.log_in()
    ask_for(thief, EVIL)
    [link] = mailbox.links(EVIL)
    logged_in.post('/profile/sessions/end', {'session_id': Session.id_of(thief.cookie)})
    assert thief.get('/profile').status_code == 303
    add_passkey(logged_in, Device())

    for browser in (thief, elsewhere):
        browser.get(link)
        assert (browser.status, 'Your account has a second factor' in browser.text, 'type="password"' in browser.page) == (200, True, False)
        browser.post('/confirm', {'token': token_of(link), 'password': PASSWORD})
        assert (browser.status, 'Log in to the account first' in browser.text) == (422, True)

    assert User.find(user.user_id).email == 'test@example.com'


def test_who_logs_in_with_the_second_factor_comes_back_to_the_link(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    device, elsewhere = Device(), new_browser()
    add_passkey(logged_in, device)
    ask_for(logged_in, 'new@example.com')
    link = mailbox.link()

    elsewhere.get(link)
    assert f'href="/login?next=%2Fconfirm%3Ftoken%3D{token_of(link)}"' in elsewhere.page
    elsewhere.log_in(next=link)
    elsewhere.post('/login/passkey', {'credential': device.get(options(elsewhere, '/login/passkey')), 'next': link})
    assert elsewhere.location == link
    elsewhere.get(link)
    assert 'type="password"' not in elsewhere.page
    elsewhere.post('/confirm', {'token': token_of(link)})

    assert (elsewhere.status, User.find(user.user_id).email) == (303, 'new@example.com')


def test_who_is_logged_in_to_another_account_is_led_to_log_in_to_this_one(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], mailbox: Mailbox
):
    make_user('other@example.com')
    add_passkey(logged_in, Device())
    ask_for(logged_in, 'new@example.com')
    link, elsewhere = mailbox.link(), new_browser()
    elsewhere.log_in('other@example.com')

    elsewhere.get(link)
    assert 'You are logged in as other@example.com' in elsewhere.text
    assert f'name="next" value="{link}"' in elsewhere.page
    elsewhere.post('/logout', {'next': link})

    assert elsewhere.location == f'/login?next=%2Fconfirm%3Ftoken%3D{token_of(link)}'
