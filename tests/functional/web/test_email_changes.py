"""Who changes the email address of an account, and who does not, whatever they know of it."""

import itertools
from collections.abc import Callable
from functools import partial

import pytest

from chalicelib import clock
from chalicelib.models import FormerEmail, Session, TakeBack, User, transact
from chalicelib.services.users import email_changes
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import Killed, before_write, survives
from tests.support.email_changes import OWNERS, ask_for, change, set_password, take_back, take_back_links, token_of
from tests.support.jobs import run_sweep
from tests.support.passkey_device import Device, add_passkey, options
from tests.support.thief import NEW_PASSWORD, NOTHING, Thief

DAY = 86_400
THIEFS_PASSWORD = 'the password of a thief'
EVIL = 'evil@example.net'


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


def test_the_mail_to_the_address_before_throws_a_thief_out_who_changed_it(
    browser: Browser, thief: Thief, user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(thief.browser, mailbox, EVIL)
    ask_for(thief.browser, 'more@example.net')
    thief.browser.post('/forgot', {'email': EVIL})
    to, text = next(mail for mail in mailbox.read() if 'CryptFolio account from test@example.com to evil@example.net' in mail[1])
    assert (to, 'expires in seven days' in text) == (OWNERS, True)
    [link] = take_back_links(mailbox)
    stopped_clock.advance(7 * DAY - 1)
    thief.browser.log_in(EVIL)

    browser.get(link)
    assert (browser.status, 'Your account will use test@example.com again' in browser.text) == (200, True)
    assert User.find(user.user_id).email == EVIL  # nothing yet
    assert take_back(browser, link) == 303

    assert User.find(user.user_id).email == OWNERS
    assert (User.with_email(OWNERS).user_id, User.with_email(EVIL)) == (user.user_id, None)
    assert thief.opens() == NOTHING
    for email in (EVIL, OWNERS):
        assert thief.browser.log_in(email).status_code == 422
    for pending in (*mailbox.links(EVIL), *mailbox.links('more@example.net')):
        assert thief.browser.get(pending).status_code == 404
    set_password(browser)
    assert browser.location == '/account/security?saved=password'
    assert browser.get('/profile').status_code == 200
    assert thief.opens() == NOTHING


def test_nobody_is_mailed_of_a_change_to_an_address_that_somebody_else_got_meanwhile(
    logged_in: Browser, user: User, make_user: Callable[[str], User], mailbox: Mailbox
):
    ask_for(logged_in, 'new@example.com')
    token = token_of(mailbox.links('new@example.com')[0])
    make_user('new@example.com')
    mails = len(mailbox.read())

    assert logged_in.post('/confirm', {'token': token}).status_code == 404

    assert (User.find(user.user_id).email, len(mailbox.read())) == (OWNERS, mails)


def test_of_many_who_confirm_a_change_at_once_one_mails_a_link_and_it_works(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    faster = new_browser()
    faster.log_in()
    email, statuses = OWNERS, set()
    for number in itertools.count(1):
        before, email = email, f'new{number}@example.com'
        ask_for(logged_in, email)
        token = {'token': token_of(mailbox.links(email)[-1])}
        fields = {'csrf': logged_in.csrf(), **token}

        with before_write(number, partial(faster.post, '/confirm', token), 'MAILED#') as writes:
            logged_in.post('/confirm', fields)

        [link] = take_back_links(mailbox, before)
        assert new_browser().get(link).status_code == 200
        assert User.find(user.user_id).email == email
        if len(writes) < number:
            break
        statuses.add((logged_in.status, faster.status))
    assert statuses == {(429, 303), (303, 429)}


def die() -> None:
    raise Killed


def test_the_link_of_a_change_that_dies_works_as_does_that_of_its_repetition(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    ask_for(logged_in, EVIL)
    token = token_of(mailbox.links(EVIL)[0])
    with pytest.raises(Killed), before_write(2, die, 'MAILED#'):
        email_changes.change_email(token, logged_in=user, password='', now=clock.now())
    assert User.find(user.user_id).email == OWNERS
    assert logged_in.post('/confirm', {'token': token}).status_code == 429
    assert logged_in.response.headers['Retry-After'] == '60'
    stopped_clock.advance(60)
    assert logged_in.post('/confirm', {'token': token}).status_code == 303
    links, owner = take_back_links(mailbox), new_browser()
    assert [owner.get(link).status_code for link in links] == [200, 200]

    assert take_back(owner, links[0]) == 303

    assert User.find(user.user_id).email == OWNERS
    assert logged_in.get('/profile').status_code == 303


def test_the_link_of_a_change_that_fails_once_it_was_mailed_sets_a_password_all_the_same(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    ask_for(logged_in, EVIL)
    fields = {'csrf': logged_in.csrf(), 'token': token_of(mailbox.links(EVIL)[0])}
    with before_write(2, User.find(user.user_id).end_sessions, 'MAILED#'):
        logged_in.post('/confirm', fields)
    assert (logged_in.status, User.find(user.user_id).email) == (404, OWNERS)
    [link], owner, mails = take_back_links(mailbox), new_browser(), len(mailbox.read())

    assert take_back(owner, link) == 303

    assert len(mailbox.read()) == mails  # nothing was changed back
    set_password(owner)
    assert owner.get('/profile').status_code == 200


def test_an_account_that_a_thief_wanted_deleted_after_moving_it_stays_when_it_is_taken_back(
    browser: Browser, thief: Thief, user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(thief.browser, mailbox, EVIL)
    [link] = take_back_links(mailbox)
    thief.browser.post('/profile/data/delete', {'current_password': PASSWORD})
    assert User.find(user.user_id).delete_at is not None

    assert take_back(browser, link) == 303

    assert User.find(user.user_id).delete_at is None
    stopped_clock.advance(8 * DAY)
    assert run_sweep() == 0


@pytest.mark.parametrize('what_happened', ['used', 'seven days', 'account deleted', 'another purpose'])
def test_a_change_is_taken_back_once_in_time(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock, what_happened: str
):
    change(logged_in, mailbox, EVIL)
    [link] = take_back_links(mailbox)
    owner = new_browser()
    match what_happened:
        case 'used':
            assert take_back(owner, link) == 303
        case 'seven days':
            stopped_clock.advance(7 * DAY)
        case 'account deleted':
            user.delete()
        case 'another purpose':
            link = mailbox.links(EVIL)[0]

    assert owner.get(link.replace('/confirm', '/take-back')).status_code == 404
    assert 'This link is no longer valid' in owner.text
    assert take_back(owner, link) == 404


def test_an_address_that_became_somebody_elses_is_not_taken_from_them(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    transact(FormerEmail.forgetting(OWNERS))  # as that of a change before addresses were kept
    other, owner = make_user(OWNERS), new_browser()

    assert take_back(owner, take_back_links(mailbox)[0]) == 409

    assert 'Another account now uses this address' in owner.text
    assert (User.with_email(OWNERS).user_id, User.find(user.user_id).email) == (other.user_id, EVIL)
    assert logged_in.get('/profile').status_code == 200  # nothing was ended


def test_a_sign_up_that_nobody_confirmed_does_not_keep_the_address(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    transact(FormerEmail.forgetting(OWNERS))  # as that of a change before addresses were kept
    logged_in.post('/signup', {'email': OWNERS, 'password': 'a good long one'})
    owner = new_browser()

    assert take_back(owner, take_back_links(mailbox)[0]) == 303

    assert User.with_email(OWNERS).user_id == user.user_id


def test_the_first_owner_has_the_last_word_however_often_an_address_changes(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    thief, owner = logged_in, new_browser()
    change(thief, mailbox, EVIL)
    change(thief, mailbox, 'more@example.net')
    [owners], [thiefs] = take_back_links(mailbox), take_back_links(mailbox, EVIL)

    assert take_back(thief, thiefs) == 303  # the later change alone
    assert User.find(user.user_id).email == EVIL
    set_password(thief, EVIL, THIEFS_PASSWORD)
    change(thief, mailbox, 'third@example.net', THIEFS_PASSWORD)
    assert take_back(owner, owners) == 303

    set_password(owner)
    links = [link for link in mailbox.links() if link.startswith('/take-back?')]
    assert len(links) == 3  # of three changes, and none of what was taken back
    assert [take_back(thief, link) for link in links] == [404] * 3
    assert User.find(user.user_id).email == OWNERS
    assert (
        'changed back from third@example.net to test@example.com' in [text for to, text in mailbox.read() if to == 'third@example.net'][-1]
    )


def test_what_was_taken_back_does_not_void_the_links_of_changes_after_it(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    owner = new_browser()
    change(logged_in, mailbox, EVIL)
    take_back(owner, take_back_links(mailbox)[0])
    set_password(owner)
    change(owner, mailbox, 'again@example.net', NEW_PASSWORD)

    assert take_back(new_browser(), take_back_links(mailbox)[-1]) == 303

    assert User.find(user.user_id).email == OWNERS


def test_who_returns_to_the_address_before_has_taken_back_what_came_after_it(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, 'more@example.net')
    [thiefs] = take_back_links(mailbox, EVIL)

    change(logged_in, mailbox, OWNERS)

    thief = new_browser()
    assert take_back_links(mailbox, 'more@example.net') == []
    assert 'changed back' in [text for to, text in mailbox.read() if to == 'more@example.net'][-1]
    assert thief.get(thiefs).status_code == 404
    assert take_back(thief, thiefs) == 404
    assert User.find(user.user_id).email == OWNERS
    assert take_back(new_browser(), take_back_links(mailbox)[0]) == 303  # which ends what a thief may have opened meanwhile
    assert User.find(user.user_id).email == OWNERS


def test_who_returns_to_a_later_address_leaves_the_first_owners_link(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, 'more@example.net')

    change(logged_in, mailbox, EVIL)

    assert User.find(user.user_id).email == EVIL
    assert take_back(new_browser(), take_back_links(mailbox)[0]) == 303
    assert User.find(user.user_id).email == OWNERS


def test_a_move_after_a_return_can_be_taken_back(logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, OWNERS)
    change(logged_in, mailbox, 'more@example.net')

    assert take_back(new_browser(), take_back_links(mailbox)[-1]) == 303

    assert User.find(user.user_id).email == OWNERS


def test_the_first_owners_link_works_as_long_as_any_later_one_and_a_week_after_that_was_used(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(logged_in, mailbox, EVIL)
    stopped_clock.advance(6 * DAY)
    change(logged_in, mailbox, 'more@example.net')
    [owners], [thiefs] = take_back_links(mailbox), take_back_links(mailbox, EVIL)
    stopped_clock.advance(7 * DAY - 1)

    assert new_browser().get(owners).status_code == 200
    assert take_back(new_browser(), thiefs) == 303
    stopped_clock.advance(7 * DAY - 1)
    assert FormerEmail.kept_for(OWNERS, clock.now()) == user.user_id
    assert take_back(new_browser(), owners) == 303

    assert User.find(user.user_id).email == OWNERS


def test_who_keeps_changing_the_address_keeps_the_first_one_for_ninety_days_at_most(
    logged_in: Browser, user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(logged_in, mailbox, EVIL)
    began = clock.now()
    while clock.now() < began + 120 * DAY:
        kept = FormerEmail.kept_for(OWNERS, clock.now())
        assert kept == (user.user_id if clock.now() < began + 90 * DAY else None)
        stopped_clock.advance(6 * DAY)
        logged_in.log_in(EVIL)
        change(logged_in, mailbox, 'more@example.net')
        change(logged_in, mailbox, EVIL)


def test_where_no_later_change_is_the_first_owners_link_works_for_a_week(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(logged_in, mailbox, EVIL)
    stopped_clock.advance(3 * DAY)
    change(logged_in, mailbox, 'more@example.net')
    stopped_clock.advance(7 * DAY)

    for link in (take_back_links(mailbox)[0], take_back_links(mailbox, EVIL)[0]):
        assert take_back(new_browser(), link) == 404
    assert FormerEmail.kept_for(OWNERS, clock.now()) is None


@pytest.mark.parametrize(('first', 'status'), [('same', 404), ('later', 409)])
def test_of_two_who_take_back_at_once_one_succeeds_and_the_first_owner_in_the_end(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, first: str, status: int
):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, 'more@example.net')
    [owners], [thiefs] = take_back_links(mailbox), take_back_links(mailbox, EVIL)
    owner, faster = new_browser(), new_browser()
    csrf = owner.csrf()

    with before_write(1, lambda: take_back(faster, owners if first == 'same' else thiefs), 'MAILED#'):
        owner.post('/take-back', {'csrf': csrf, 'token': token_of(owners)})

    assert (faster.status, owner.status) == (303, status)
    if first == 'later':
        assert User.find(user.user_id).email == EVIL
        assert take_back(owner, owners) == 303
    assert User.find(user.user_id).email == OWNERS
    assert take_back(faster, thiefs) == 404


def test_what_dies_after_the_address_was_restored_is_made_good_by_a_reset(
    browser: Browser, thief: Thief, user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    change(thief.browser, mailbox, EVIL)
    [link] = take_back_links(mailbox)
    writes = next(
        number
        for number in itertools.count(1)
        if survives(lambda: email_changes.take_back(token_of(link), clock.now()), number) or User.find(user.user_id).email == OWNERS
    )
    assert writes > 1
    assert take_back(browser, link) == 404
    assert thief.browser.get('/profile').status_code == 303

    browser.post('/forgot', {'email': OWNERS})
    browser.post('/reset', {'token': token_of(mailbox.link()), 'password': NEW_PASSWORD})

    assert browser.get('/profile').status_code == 200
    assert thief.opens() == NOTHING


def test_a_second_factor_stays(logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox):
    add_passkey(logged_in, Device())
    change(logged_in, mailbox, 'new@example.com')
    owner = new_browser()

    take_back(owner, take_back_links(mailbox)[0])
    set_password(owner)

    assert owner.location.startswith('/login/second?')


@pytest.mark.parametrize(
    ('has_factor', 'path'),
    [
        (False, '/profile/second-factor/app'),
        (False, '/profile/passkeys'),
        (True, '/profile/second-factor/app'),
        (True, '/profile/passkeys'),
        (True, '/profile/second-factor/codes'),
    ],
)
def test_no_factor_is_added_nor_codes_replaced_while_a_change_can_be_taken_back(
    logged_in: Browser, mailbox: Mailbox, stopped_clock: StoppedClock, path: str, has_factor: bool
):
    """They would stay when the owner takes the change back, and a thief's mailbox have vouched for them."""
    if has_factor:
        add_passkey(logged_in, Device())
    change(logged_in, mailbox, EVIL)
    mails = len(mailbox.read())

    logged_in.post(path, {'current_password': PASSWORD})
    assert (logged_in.status, 'Your email address was changed. You can add second factors and generate' in logged_in.text) == (422, True)
    assert len(mailbox.read()) == mails

    stopped_clock.advance(7 * DAY)
    logged_in.post(path, {'current_password': PASSWORD})
    assert (logged_in.status, 'We sent an email to evil@example.net' in logged_in.text) == (200, True)


def test_who_returned_to_the_first_address_may_add_a_factor_at_once(logged_in: Browser, mailbox: Mailbox):
    change(logged_in, mailbox, EVIL)
    change(logged_in, mailbox, OWNERS)

    logged_in.post('/profile/passkeys', {'current_password': PASSWORD})

    assert (logged_in.status, f'We sent an email to {OWNERS}' in logged_in.text) == (200, True)


def test_another_spelling_of_an_address_is_taken_back_too(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox
):
    change(logged_in, mailbox, 'Test@Example.com')

    assert take_back(new_browser(), take_back_links(mailbox)[0]) == 303

    assert (User.find(user.user_id).email, User.with_email(OWNERS).user_id) == (OWNERS, user.user_id)


def test_an_address_changes_twenty_times_in_a_week_at_most(logged_in: Browser, user: User, mailbox: Mailbox, stopped_clock: StoppedClock):
    now = clock.now()
    user.update([User.take_backs.set([TakeBack(str(number), now + number) for number in range(21)])])
    ask_for(logged_in, 'new@example.com')
    token = token_of(mailbox.links('new@example.com')[0])

    assert logged_in.post('/confirm', {'token': token}).status_code == 429
    stopped_clock.advance(1)
    assert logged_in.post('/confirm', {'token': token}).status_code == 303

    assert len(User.find(user.user_id).take_backs) == 20


def test_mails_and_pages_are_in_the_language_of_their_reader(logged_in: Browser, mailbox: Mailbox):
    logged_in.headers = {'Accept-Language': 'de'}
    change(logged_in, mailbox, 'new@example.com')
    assert 'Machen Sie die Änderung hier rückgängig' in mailbox.last()[1]

    logged_in.get(take_back_links(mailbox)[0])

    assert 'Ihr Konto verwendet dann wieder test@example.com' in logged_in.text
