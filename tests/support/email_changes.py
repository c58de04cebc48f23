"""Changing the email address of an account in a browser, and taking that back."""

from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.thief import NEW_PASSWORD

OWNERS = 'test@example.com'


def token_of(link: str) -> str:
    return link.partition('token=')[2]


def ask_for(browser: Browser, email: str, password: str = PASSWORD) -> None:
    browser.post('/profile/email', {'email': email, 'current_password': password})
    assert browser.status == 200, browser.text


def change(browser: Browser, mailbox: Mailbox, email: str, password: str = PASSWORD) -> None:
    """Change the address of who is logged in."""
    ask_for(browser, email, password)
    browser.post('/confirm', {'token': token_of(mailbox.links(email)[-1])})
    assert (browser.status, browser.location) == (303, '/account?saved=email')


def take_back_links(mailbox: Mailbox, to: str = OWNERS) -> list[str]:
    return [link for link in mailbox.links(to) if link.startswith('/take-back?')]


def take_back(browser: Browser, link: str) -> int:
    """Press the button behind a link; return the status."""
    return browser.post('/take-back', {'token': token_of(link)}).status_code


def set_password(browser: Browser, email: str = OWNERS, password: str = NEW_PASSWORD) -> None:
    """Set the password of an address on the page that a browser was sent to."""
    link = browser.location
    browser.get(link)
    assert (browser.status, email in browser.page) == (200, True)
    browser.post('/reset', {'token': token_of(link), 'password': password})
