"""A change of the email address in a real browser, and how the owner of the address before takes it back."""

import secrets

import pytest

from tests.support import axe
from tests.support.chromium import CHROMIUM, DRIVER, Visitor
from tests.support.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='needs chromium and chromedriver')]

PASSWORD = 'a password to test with'


def test_a_change_is_confirmed_and_taken_back_through_mailed_links(visitor: Visitor) -> None:
    old, new = (f'{secrets.token_hex(4)}@example.com' for _ in range(2))
    visitor.go('/signup')
    visitor.type(name='Ada Lovelace', email=old, password=PASSWORD)
    visitor.press('Sign up')
    visitor.go(visitor.mailed_link(old))
    visitor.press('Confirm and log in')

    visitor.go('/account')
    visitor.find('details:has(#email-email) summary').click()
    visitor.find('#email-email').send_keys(new)
    visitor.find('#email-current_password').send_keys(PASSWORD)
    visitor.press('Send link')
    visitor.go(visitor.mailed_link(new))
    axe.assert_good(visitor, 'confirm-new-email')
    visitor.press('Use this address')
    assert new in visitor.text

    wait_until(lambda: '/take-back' in visitor.mailed_link(old))
    visitor.go(visitor.mailed_link(old))
    axe.assert_good(visitor, 'take-back')
    visitor.press('Undo the change')
    assert visitor.path == '/reset'
    visitor.type(password=PASSWORD + '!')
    visitor.press('Set password')
    assert visitor.path == '/account/security'
    visitor.go('/account')
    assert old in visitor.text
