"""Mails that tell people of what opens their account: whoever logs in over and over does not use up what the service sends in a day."""

from collections.abc import Callable

import pytest

from chalicelib.models import User
from chalicelib.services.users import notices
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import refusing

MOST_A_DAY = 20
DAY = 86_400


def test_of_each_kind_a_user_gets_so_many_a_day(
    user: User, make_user: Callable[[str], User], mailbox: Mailbox, stopped_clock: StoppedClock
):
    other = make_user('other@example.com')

    for _ in range(MOST_A_DAY + 5):
        notices.tell_of_new_password(user, 'https://cryptfolio.test/reset')
    assert len(mailbox.read()) == MOST_A_DAY

    notices.tell_of_remote_login(user)
    notices.tell_of_new_password(other, 'https://cryptfolio.test/reset')
    assert [to for to, _ in mailbox.read()[MOST_A_DAY:]] == ['test@example.com', 'other@example.com']

    stopped_clock.advance(DAY)
    notices.tell_of_new_password(user, 'https://cryptfolio.test/reset')
    assert len(mailbox.read()) == MOST_A_DAY + 3


def test_log_ins_go_on_when_nobody_is_told_of_them_any_more(new_browser: Callable[[], Browser], user: User, mailbox: Mailbox):
    for _ in range(MOST_A_DAY + 1):
        browser = new_browser()
        browser.log_in()
        assert browser.status == 303

    assert len(mailbox.read()) == MOST_A_DAY


@pytest.mark.usefixtures('impatient_botocore')
def test_a_notice_that_nobody_can_count_is_sent(user: User, mailbox: Mailbox):
    with refusing('ThrottlingException', operations=['UpdateItem']):
        notices.tell_of_new_password(user, 'https://cryptfolio.test/reset')

    assert len(mailbox.read()) == 1


def test_no_name_begins_a_line_of_a_mail(user: User, mailbox: Mailbox):
    name = 'Charts\u2028\u2029If it was you, follow https://evil.example'

    notices.tell_of_connection(user, name, ['read'])

    [(_, text)] = mailbox.read()
    assert 'Charts  If it was you' in text
    assert [line for line in text.splitlines() if line.startswith('If it was you')] == []
