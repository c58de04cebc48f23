"""An account's first second factor in a real browser: the mailed link, the app, the recovery codes, and the next log-in."""

import secrets
import time

import pyotp
import pytest

from tests.support import axe
from tests.support.chromium import CHROMIUM, DRIVER, Visitor
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='needs chromium and chromedriver')]

PASSWORD = 'a password to test with'


def test_an_app_is_set_up_through_a_mailed_link(visitor: Visitor) -> None:
    email = f'{secrets.token_hex(4)}@example.com'
    visitor.go('/signup')
    visitor.type(name='Ada Lovelace', email=email, password=PASSWORD)
    visitor.press('Sign up')
    visitor.go(visitor.mailed_link(email))
    visitor.press('Confirm and log in')

    visitor.go('/profile/second-factor')
    visitor.look('second-factor-none')
    visitor.find('#app-current_password').send_keys(PASSWORD)
    visitor.press('Set up an app')
    assert f'We sent an email to {email}' in visitor.text
    wait_until(lambda: '/profile/second-factor/begin' in visitor.mailed_link(email))
    visitor.go(visitor.mailed_link(email))
    axe.assert_good(visitor, 'second-factor-begin')
    visitor.press('Set up an app')

    app = pyotp.TOTP(visitor.find('code.value').text.replace(' ', ''))
    visitor.find('#confirm-code').send_keys(app.at(int(time.time())))
    visitor.press('Confirm')
    assert 'Keep these recovery codes' in visitor.text
    axe.assert_good(visitor, 'second-factor-codes')
    visitor.press('log out everywhere else')
    assert visitor.path == '/profile/sessions'
    visitor.press('Log out')
    visitor.go('/login')
    visitor.type(email=email, password=PASSWORD)
    visitor.press('Log in')
    assert 'ask the operator of this server' in visitor.text
    axe.assert_good(visitor, 'login-second')
