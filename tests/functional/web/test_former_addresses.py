"""An address that a user moved away from is nobody else's, and its mailbox is told so, until the change can no longer be taken back."""

import re
from collections.abc import Callable

import boto3
import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.errors import Invalid
from chalicelib.models import FormerEmail, Invitation, User
from chalicelib.services.users import leaving, sign_ups
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import before_write, table
from tests.support.email_changes import OWNERS, ask_for, change, set_password, take_back, take_back_links, token_of

DAY = 86_400
EVIL = 'evil@example.net'
SIGN_UP = {'name': 'Ann', 'email': OWNERS, 'password': 'a good long one'}
SUBJECT = 'Subject: Your account has another email address now'


def kept() -> list[str]:
    return sorted(item['pk']['S'].partition('#')[2] for item in table() if item['kind']['S'] == 'former_email')


@pytest.mark.parametrize(('path', 'fields'), [('/signup', SIGN_UP), ('/forgot', {'email': 'Test@example.com'})])
def test_who_has_lost_the_address_is_led_to_the_link_and_not_to_a_new_account(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, path: str, fields: dict[str, str]
):
    change(logged_in, mailbox, EVIL)
    owner, pages = new_browser(), []
    for email in (fields['email'], 'nobody@example.com'):
        owner.post(path, fields | {'email': email})
        pages.append((owner.status, owner.text.replace(email, 'EMAIL')))
        if email != 'nobody@example.com':
            to, text = mailbox.last()

    assert pages[0] == pages[1]
    assert (to.lower(), SUBJECT in text, 'token=' in text, EVIL in text) == (OWNERS, True, False, False)
    assert 'the email that this address got then,\n"Your email address was changed"' in text
    assert User.with_email(OWNERS) is None
    assert take_back(owner, take_back_links(mailbox)[0]) == 303
    set_password(owner)
    assert (User.with_email(OWNERS).user_id, kept()) == (user.user_id, [])


@pytest.mark.parametrize('path', ['/signup', '/forgot'])
def test_for_an_address_that_is_kept_the_same_requests_are_made_as_for_one_that_is_not(
    logged_in: Browser, new_browser: Callable[[], Browser], requests_made: list[str], mailbox: Mailbox, path: str
):
    change(logged_in, mailbox, EVIL)
    visitor, seen = new_browser(), []
    for email in (OWNERS, EVIL, 'nobody@example.com'):
        csrf = visitor.csrf()
        requests_made.clear()
        visitor.post(path, SIGN_UP | {'email': email, 'csrf': csrf})
        seen.append(list(requests_made))

    assert seen[0] == seen[1] == seen[2]


def test_a_link_of_an_earlier_release_which_noted_no_address_takes_the_change_back(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    [stored] = [item for item in table() if 'take_backs' in item]
    for link in stored['take_backs']['L']:
        del link['M']['email']
    boto3.client('dynamodb').put_item(TableName=settings().table_name, Item=stored)

    assert take_back(new_browser(), take_back_links(mailbox)[0]) == 303
    assert User.with_email(OWNERS).user_id == user.user_id


def test_a_week_later_anybody_may_sign_up_with_the_address(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(logged_in, mailbox, EVIL)
    stopped_clock.advance(7 * DAY)
    owner = new_browser()
    owner.post('/signup', SIGN_UP)

    owner.post('/confirm', {'token': token_of(mailbox.links(OWNERS)[-1])})

    assert owner.status == 303
    assert User.with_email(OWNERS).user_id != user.user_id


def test_a_sign_up_that_was_begun_before_the_address_was_kept_is_answered_by_the_mail(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], mailbox: Mailbox
):
    visitor = new_browser()
    csrf = visitor.csrf()
    keep = FormerEmail(*FormerEmail.key('new@example.com'), user_id='somebody else', expires_at=clock.now() + DAY)

    with before_write(1, keep.save, 'new@example.com'):
        visitor.post('/signup', SIGN_UP | {'email': 'new@example.com', 'csrf': csrf})

    assert (visitor.status, SUBJECT in mailbox.last()[1], User.with_email('new@example.com')) == (200, True, None)


def test_no_other_account_moves_to_the_address(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    other = make_user('other@example.com')
    others = new_browser()
    others.log_in('other@example.com')

    ask_for(others, OWNERS)

    assert SUBJECT in [text for to, text in mailbox.read() if to == OWNERS][-1]
    assert User.find(other.user_id).email == 'other@example.com'


@pytest.mark.parametrize('when', ['before the link is followed', 'just before the change'])
def test_nobody_moves_to_an_address_that_was_kept_since_they_asked_for_it(
    logged_in: Browser, user: User, mailbox: Mailbox, stopped_clock: StoppedClock, when: str
):
    ask_for(logged_in, 'new@example.com')
    fields = {'csrf': logged_in.csrf(), 'token': token_of(mailbox.links('new@example.com')[0])}
    keep = FormerEmail(*FormerEmail.key('new@example.com'), user_id='somebody else', expires_at=clock.now() + 1)
    mails = len(mailbox.read())

    if when == 'before the link is followed':
        keep.save()
        logged_in.post('/confirm', fields)
        assert len(mailbox.read()) == mails
    else:
        with before_write(2, keep.save, 'MAILED#'):
            logged_in.post('/confirm', fields)

    assert (logged_in.status, User.find(user.user_id).email) == (404, OWNERS)
    stopped_clock.advance(60)
    assert logged_in.post('/confirm', fields).status_code == 303


def test_who_moved_away_from_the_address_may_return_to_it(logged_in: Browser, user: User, mailbox: Mailbox):
    change(logged_in, mailbox, 'new@example.com')

    change(logged_in, mailbox, OWNERS)

    assert User.with_email(OWNERS).user_id == user.user_id
    logged_in.post('/forgot', {'email': OWNERS})
    assert 'Subject: Set a new password' in mailbox.last()[1]


def test_the_operator_makes_no_user_of_the_address(logged_in: Browser, mailbox: Mailbox):
    change(logged_in, mailbox, EVIL)

    with pytest.raises(Invalid) as refused:
        sign_ups.create_confirmed(name=None, email=OWNERS, password='a good long one', now=clock.now())

    assert 'can still undo its change' in refused.value.faults[0].message


def test_an_invitation_is_left_for_when_the_address_is_free(logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    change(logged_in, mailbox, EVIL)
    logged_in.post('/profile/invitations', {'email': OWNERS})
    [invitation] = re.findall('invitation=(.+)', mailbox.last()[1])

    new_browser().post('/signup', SIGN_UP | {'invitation': invitation})

    assert SUBJECT in mailbox.last()[1]
    assert Invitation.is_good(invitation, clock.now())


def test_addresses_are_kept_as_long_as_their_links_work(logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, 'more@example.net')
    assert kept() == [EVIL, OWNERS]

    assert take_back(new_browser(), take_back_links(mailbox, EVIL)[0]) == 303
    assert kept() == [OWNERS]

    assert take_back(new_browser(), take_back_links(mailbox)[0]) == 303
    assert kept() == []


def test_a_deleted_account_leaves_no_address_behind(logged_in: Browser, user: User, mailbox: Mailbox, stopped_clock: StoppedClock):
    leaving.ask_to_leave(user, clock.now())
    stopped_clock.advance(6 * DAY)
    logged_in.log_in()
    change(logged_in, mailbox, EVIL)
    stopped_clock.advance(DAY)

    leaving.forget_user(user.user_id, clock.now())

    assert kept() == []
