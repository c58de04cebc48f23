"""A password reset throws out whoever was in the account, however they would come back."""

import base64
import itertools
import re
from collections.abc import Callable

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.errors import Invalid
from chalicelib.models import ApiKey, ClientIdentity, Grant, Item, Portfolio, ShareLink, User, new_token, transact
from chalicelib.services.users import access, authentication
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import before_write, meanwhile, survives
from tests.support.oauth import GOOD, ask
from tests.support.thief import EVERYTHING, NEW_PASSWORD, NOTHING, OWN, Thief, as_it_was


def reset_link(user: User) -> str:
    """Mail a link, as far as the table goes; return its token."""
    token = new_token()
    transact(authentication.reset_token(token, user, clock.now()))
    return token


def test_nothing_that_opened_the_account_does_any_more(
    browser: Browser, thief: Thief, user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    browser.post('/forgot', {'email': user.email})
    stopped_clock.advance(1)

    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': NEW_PASSWORD})

    assert browser.get('/profile').status_code == 200
    assert thief.opens() == NOTHING
    assert Grant.of_user(user.user_id) == ApiKey.of_user(user.user_id) == []


def test_the_owner_makes_a_new_secret_and_connects_again(
    http: ChaliceClient, browser: Browser, thief: Thief, user: User, stopped_clock: StoppedClock
):
    authentication.reset_password(reset_link(user), NEW_PASSWORD, now=clock.now())
    stopped_clock.advance(1)
    browser.log_in(password=NEW_PASSWORD)

    browser.post('/oauth/applications/thiefs/secret')
    browser.get(browser.location)
    secret = re.search(r'[A-Za-z0-9_-]{43}(?=<)', browser.page)[0]
    browser.post('/profile/remote', {'allow_remote_login': 'on'})

    assert ask(http, OWN, 'Basic ' + base64.b64encode(f'thiefs:{secret}'.encode()).decode()).status_code == 200
    assert ask(http, GOOD | {'password': NEW_PASSWORD}).status_code == 200


def test_who_made_browsers_known_while_they_were_in_guesses_in_them_no_more_than_in_others(
    new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, browser: Browser
):
    former = [new_browser() for _ in range(3)]
    for one in former:
        one.log_in()
    browser.post('/forgot', {'email': user.email})
    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': NEW_PASSWORD})

    statuses = [one.log_in(password='a guess').status_code for _ in range(10) for one in former]

    assert statuses == [422] * 10 + [429] * 20
    browser.post('/logout')
    assert browser.log_in(password=NEW_PASSWORD).status_code == 303  # where the owner set the password


def test_the_person_is_mailed_what_ended(thief: Thief, user: User, mailbox: Mailbox):
    authentication.reset_password(reset_link(user), NEW_PASSWORD, now=clock.now())

    to, text = mailbox.last()
    assert (to, text.splitlines()[0]) == (user.email, 'Subject: Your password was changed')
    for said in (
        'logged out everywhere',
        'No application has access',
        'API keys and passkeys were deleted',
        'links that showed a portfolio',
        'secrets of applications',
        'log in with your password',
    ):
        assert said in text
    assert 'https://cryptfolio.test/oauth/applications' in text
    assert NEW_PASSWORD not in text


def test_it_can_be_repeated_wherever_it_dies(http: ChaliceClient, thief: Thief, user: User, mailbox: Mailbox, stopped_clock: StoppedClock):
    token, changed = reset_link(user), 0
    for writes in itertools.count(1):
        stopped_clock.advance(1)
        if survives(lambda token=token: authentication.reset_password(token, NEW_PASSWORD, now=clock.now()), writes):
            break
        if User.find(user.user_id).password_hash != user.password_hash:
            changed += 1
            assert thief.opens() == NOTHING  # the link was good once, and needs to be no more
            token = reset_link(User.find(user.user_id))

    assert writes > 3
    assert changed > 1
    assert thief.opens() == NOTHING
    assert mailbox.last()[0] == user.email


def test_what_a_thief_makes_while_it_goes_on_ends_too(
    make_user: Callable[[str], User], thief: Thief, user: User, stopped_clock: StoppedClock
):
    other = make_user('other@example.com')
    _, others = ApiKey.create(other.user_id, name='x', scopes=['read'], now=1)

    token = reset_link(user)

    def act() -> None:
        assert User.find(user.user_id).password_hash != user.password_hash
        Grant.allow(User.find(user.user_id), 'thiefs', ['read'], clock.now(), shown=ClientIdentity('x', 'https://a.example/'))
        ApiKey.create(user.user_id, name='y', scopes=['read'], now=1)

    with meanwhile('TransactWriteItems', act, number=4):  # three delete a consent, a key and a link, the fourth sets the password
        authentication.reset_password(token, NEW_PASSWORD, now=clock.now())

    assert Grant.of_user(user.user_id) == ApiKey.of_user(user.user_id) == []
    assert thief.http.http.get('/api/user', headers={'Authorization': f'Bearer {others}'}).status_code == 200


def test_who_ends_all_sessions_over_and_over_does_not_stop_a_reset(
    new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    for number in itertools.count(1):
        stopped_clock.advance(3_600)  # so that no limit hinders the thief
        as_it_was(user).save()
        thief, owner = new_browser(), new_browser()
        thief.log_in()
        owner.post('/forgot', {'email': user.email})
        link = mailbox.link()
        end_all(thief)
        assert owner.get(link).status_code == 200
        end_all(thief)

        with before_write(number, lambda thief=thief: end_all(thief), user.pk) as writes:
            owner.post('/reset', {'csrf': owner.csrf(link), 'token': link.partition('token=')[2], 'password': NEW_PASSWORD})

        assert (owner.get('/profile').status_code, thief.get('/profile').status_code) == (200, 303)
        end_all(thief)
        assert owner.get('/profile').status_code == 200
        if len(writes) < number:
            break
    assert number > 2


def end_all(browser: Browser) -> None:
    browser.post_all('/profile/sessions/end-all', [('keep', opener.name) for opener in access.OPENERS])


def test_many_links_and_applications_are_ended_by_few_requests(http: ChaliceClient, user: User, requests_made: list[str]):
    portfolio = Portfolio.draft(user.user_id, title='x', currencies=['btc'], now=1)
    portfolio.insert()
    values = {'name': 'x', 'shows_amounts': True, 'expires_at': 10**10, 'now': 1}
    made = [ShareLink.creation(user.user_id, portfolio.portfolio_id, **values) for _ in range(60)]
    Item.write_many(put=[write.item for _, writes in made for write in writes[1:]])
    for number in range(60):
        Grant.allow(User.find(user.user_id), f'application-{number}', ['read'], 1)
    token = reset_link(user)
    requests_made.clear()

    authentication.reset_password(token, NEW_PASSWORD, now=clock.now())

    assert len(requests_made) < 40
    assert Grant.of_user(user.user_id) == ShareLink.of_user(user.user_id) == []
    assert http.http.get(f'/s/{made[-1][0]}').status_code == 404


def test_a_refused_password_ends_nothing(thief: Thief, user: User):
    with pytest.raises(Invalid):
        authentication.reset_password(reset_link(user), 'short', now=clock.now())

    assert thief.opens() == EVERYTHING


def change_password(browser: Browser, old: str, new: str) -> int:
    """Change the password of who is logged in; return the status."""
    browser.get('/account/security')
    browser.post('/profile/password', {'current_password': old, 'password': new})
    return browser.status


def test_who_knows_the_password_keeps_its_owner_out_by_five_changes_a_day_at_most(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, stopped_clock: StoppedClock
):
    """Each change ends the links of before, whoever asked for them; the mail about it has one of its own."""
    thief, owner = logged_in, new_browser()
    passwords = [PASSWORD, *(f'password {number} of a thief' for number in range(6))]
    links = []
    for old, new in itertools.pairwise(passwords[:6]):
        assert change_password(thief, old, new) == 303
        links.append(mailbox.link())
    assert change_password(thief, *passwords[5:]) == 429

    stopped_clock.advance(23 * 3_600)
    for link in links[:-1]:
        owner.get(link)
        assert owner.status == 404
    owner.get(links[-1])
    owner.post('/reset', {'token': links[-1].partition('token=')[2], 'password': NEW_PASSWORD})

    assert owner.get('/profile').status_code == 200
    assert thief.get('/profile').status_code == 303
