"""Whose work a local server takes a request for."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.models import User
from infra.local import callers
from tests.support.api import Api
from tests.support.browser import COOKIE, Browser
from tests.support.clock import StoppedClock
from tests.support.portfolio_pages import DAY, iso


def event(path: str = '/portfolios', cookie: str = '', authorized: dict[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    """Return what chalice's local server makes of a request."""
    context: dict[str, Any] = {'resourcePath': path, 'httpMethod': 'GET', 'path': path}
    return {
        'requestContext': context if authorized is None else context | {'authorizer': authorized},
        'headers': {'cookie': cookie},
        'multiValueQueryStringParameters': None,
        'pathParameters': parameters or None,
        'stageVariables': None,
        'body': None,
    }


def test_all_sessions_and_tokens_of_a_user_are_one_caller(
    new_browser: Callable[[], Browser], user: User, make_user: Callable[..., User]
) -> None:
    browsers = [new_browser() for _ in range(2)]
    for browser in browsers:
        browser.log_in()
    make_user('other@example.com')
    other = new_browser()
    other.log_in('other@example.com')

    found = {callers.of_request(event(cookie=f'a=b;\t{COOKIE}={browser.cookie}')) for browser in browsers}

    assert found == {f'user {user.user_id}'} == {callers.of_request(event(authorized={'principalId': user.user_id}))}
    assert callers.of_request(event(cookie=f'{COOKIE}={other.cookie}')) not in (None, *found)


def test_a_session_or_link_that_ended_is_nobodys_any_more(logged_in: Browser, api: Api, stopped_clock: StoppedClock) -> None:
    number = api.portfolio()
    logged_in.post(f'/portfolios/{number}/share', {'name': 'x', 'shows': 'amounts', 'ends': iso(clock.now() + DAY)[:10]})
    logged_in.get(logged_in.location)
    token, cookie = re.search(r'/s/([\w-]{43})<', logged_in.page)[1], f'{COOKIE}={logged_in.cookie}'
    events = (event(cookie=cookie), event('/s/{token}', token=token))
    assert None not in map(callers.of_request, events)

    logged_in.post('/logout')
    stopped_clock.advance(3)

    assert callers.of_request(events[0]) is None
    stopped_clock.advance(2 * DAY)
    assert callers.of_request(events[1]) is None


def test_all_links_of_a_user_are_one_caller_who_is_not_their_owner(logged_in: Browser, api: Api, user: User) -> None:
    found = set()
    for name in ('one', 'other'):
        number = api.portfolio(name)
        logged_in.post(f'/portfolios/{number}/share', {'name': name, 'shows': 'amounts', 'ends': iso(clock.now() + DAY)[:10]})
        logged_in.get(logged_in.location)
        token = re.search(r'/s/([\w-]{43})<', logged_in.page)[1]
        found |= {callers.of_request(event('/s/{token}', cookie, token=token)) for cookie in ('', f'{COOKIE}={logged_in.cookie}')}

    assert found == {f'links of {user.user_id}'}


@pytest.mark.parametrize('cookie', ['', 'session=', f'__Host-session={"a" * 43}', f'other={"a" * 43}', '__Host-session=\u20ac'])
def test_who_sends_nothing_that_is_known_is_a_stranger(browser: Browser, cookie: str) -> None:
    assert callers.of_request(event(cookie=cookie)) is None
    assert callers.of_request(event('/s/{token}', cookie, token='a' * 43)) is None
    assert callers.of_request(event('/s/{token}', cookie, token='\u20ac' * 5_000)) is None
