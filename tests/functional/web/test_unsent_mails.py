"""While no mail can be sent, pages say so, store nothing, and can be repeated; what was done already is not undone by it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest

from chalicelib import mail
from chalicelib.config import settings
from chalicelib.models import User
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile, refusing, table

NEW = {'name': 'Ada', 'email': 'ada@example.com', 'password': 'a good password'}
PAGES = {
    'sign-up': ('/signup', NEW),
    'sign-up of somebody with an account': ('/signup', NEW | {'email': 'test@example.com'}),
    'reset': ('/forgot', {'email': 'test@example.com'}),
    'reset without an account': ('/forgot', {'email': 'nobody@example.com'}),
    'change of address': ('/profile/email', {'email': 'new@example.com', 'current_password': PASSWORD}),
    'change to a taken address': ('/profile/email', {'email': 'other@example.com', 'current_password': PASSWORD}),
    'invitation': ('/profile/invitations', {'email': 'friend@example.com'}),
}
TAKEN = dict.fromkeys(PAGES, 200) | {'invitation': 303}


@contextmanager
def no_mail() -> Iterator[None]:
    """SES takes no mail, as it does not know the sender."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MAIL_FROM', 'nobody@example.com')
        settings.cache_clear()
        yield
    settings.cache_clear()
    mail._ses.cache_clear()


def stored() -> list[dict[str, Any]]:
    return [item for item in table() if item['kind']['S'] != 'attempts']


@pytest.mark.parametrize('page', PAGES)
def test_a_mail_that_cannot_be_sent_leaves_nothing_behind_and_is_sent_when_asked_for_again(
    logged_in: Browser, make_user: Callable[[str], User], mailbox: Mailbox, stopped_clock: StoppedClock, page: str
):
    make_user('other@example.com')
    path, fields = PAGES[page]
    before, mails = stored(), len(mailbox.read())

    with no_mail():
        for _ in range(6):  # one more than may be mailed to an address in an hour
            assert logged_in.post(path, fields).status_code == 503
    assert 'The email could not be sent' in logged_in.text
    assert logged_in.response.headers['Retry-After'] == '120'
    assert stored() == before

    assert logged_in.post(path, fields).status_code == TAKEN[page]
    assert len([text for _, text in mailbox.read()[mails:] if 'Subject: Your email address may change' not in text]) == 1


@pytest.mark.parametrize('page', ['sign-up', 'invitation'])
def test_what_cannot_be_taken_back_either_is_told_as_the_mail_and_opens_nothing(
    logged_in: Browser, mailbox: Mailbox, stopped_clock: StoppedClock, page: str
):
    path, fields = PAGES[page]
    with ExitStack() as stack, no_mail():
        refuse = partial(stack.enter_context, refusing('ThrottlingException', operations=['TransactWriteItems']))
        with meanwhile('TransactWriteItems', refuse):
            assert logged_in.post(path, fields).status_code == 503
    assert 'The email could not be sent' in logged_in.text
    assert logged_in.response.headers['Retry-After'] == '120'
    for _ in range(5):  # as many as may be mailed to an address in an hour: the one that failed does not count
        assert logged_in.post(path, fields).status_code == TAKEN[page]
    assert len(mailbox.read()) == 5


def test_an_address_is_changed_once_the_one_before_is_mailed_the_link_that_takes_the_change_back(
    logged_in: Browser, user: User, mailbox: Mailbox
):
    logged_in.post('/profile/email', {'email': 'new@example.com', 'current_password': PASSWORD})
    token = mailbox.link().partition('token=')[2]
    before = stored()
    with no_mail():
        assert logged_in.post('/confirm', {'token': token}).status_code == 503
    assert (User.find(user.user_id).email, stored()) == ('test@example.com', before)

    assert logged_in.post('/confirm', {'token': token}).status_code == 303
    assert User.find(user.user_id).email == 'new@example.com'
    assert any('/take-back?' in text for to, text in mailbox.read() if to == 'test@example.com')


def test_a_new_password_holds_even_if_nobody_can_be_told(logged_in: Browser, user: User, mailbox: Mailbox, stopped_clock: StoppedClock):
    logged_in.post('/forgot', {'email': user.email})
    token = mailbox.link().partition('token=')[2]
    with no_mail():
        assert logged_in.post('/reset', {'token': token, 'password': 'the new password'}).status_code == 303
    assert logged_in.get('/profile').status_code == 200
