"""Of what a user may have only so many of, they have no more, however many are asked for at once."""

import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlencode

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock, errors
from chalicelib.errors import AccessEnded
from chalicelib.models import ApiKey, Client, Passkey, ShareLink, User, Write, make_one_more
from chalicelib.oauth import consents
from chalicelib.services.users import passkeys
from chalicelib.services.users.new_factors import FactorKind
from chalicelib.web import api_keys, applications, share_links
from tests.support.browser import Browser
from tests.support.dynamodb import before_write
from tests.support.oauth import GOOD
from tests.support.oauth import ask as ask_for_tokens
from tests.support.passkey_device import Device, begin_factor, options


def _key(user: User) -> list[Write]:
    return ApiKey.creation(user.user_id, name='x', scopes=['read'], expires_at=None, now=1)[2]


def _application(user: User) -> list[Write]:
    return Client.registration(owner_id=user.user_id, name='x', redirect_uris=['https://c.example/'], confidential=True, now=1)[2]


def _link(user: User) -> list[Write]:
    return ShareLink.creation(user.user_id, 1, name='x', shows_amounts=False, expires_at=clock.now() + 86_400, now=1)[1]


def _ask_for_key(browser: Browser) -> None:
    browser.post('/profile/api-keys', {'name': 'x', 'scopes': 'read', 'lifetime': ''})


def _ask_for_application(browser: Browser) -> None:
    browser.post('/oauth/applications', {'name': 'x', 'redirect_uris': 'https://c.example/', 'kind': 'confidential'})


def _ask_for_link(browser: Browser, portfolio_id: int = 1) -> None:
    browser.get(f'/portfolios/{portfolio_id}/share')
    ends = re.search(r'name="ends"[^>]* value="([^"]+)"', browser.page)[1]
    browser.post(f'/portfolios/{portfolio_id}/share', {'name': 'x', 'ends': ends, 'shows': 'amounts'})


@pytest.mark.parametrize(
    ('ask', 'make', 'list_of', 'module', 'most'),
    [
        (_ask_for_key, _key, ApiKey.of_user, api_keys, 'MOST_KEYS'),
        (_ask_for_application, _application, Client.owned_by, applications, 'MOST_APPLICATIONS'),
        (_ask_for_link, _link, ShareLink.of_user, share_links, 'MOST_LINKS'),
        (_ask_for_link, _link, ShareLink.of_user, share_links, 'MOST_OF_USER'),
    ],
)
def test_one_that_is_made_between_counting_and_storing_is_counted(
    logged_in: Browser,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Browser], None],
    make: Callable[[User], list[Write]],
    list_of: Callable[[str], list[object]],
    module: object,
    most: str,
):
    monkeypatch.setattr(module, most, 2)
    logged_in.post('/portfolios', {'title': 'x', 'currency': 'usd'})
    ask(logged_in)
    assert logged_in.status == 303

    with before_write(1, lambda: make_one_more(User.find(user.user_id), lambda: None, *make(user)), user.pk):
        ask(logged_in)

    assert (logged_in.status, '2' in logged_in.text) == (422, True)
    assert len(list_of(user.user_id)) == 2


def test_links_to_all_portfolios_count_together(logged_in: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(share_links, 'MOST_OF_USER', 1)
    for _ in range(2):
        logged_in.post('/portfolios', {'title': 'x', 'currency': 'usd'})
    _ask_for_link(logged_in, 1)
    assert logged_in.status == 303

    _ask_for_link(logged_in, 2)

    assert (logged_in.status, 'There are 1 links to your portfolios' in logged_in.text) == (422, True)


def test_a_user_connects_so_many_applications_and_goes_on_using_those(
    http: ChaliceClient, logged_in: Browser, user: User, client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(consents, 'MOST_GRANTS', 1)
    Client.register(client_id='another', secret='secret', owner_id='x', name='x', redirect_uris=['https://b.example/'], now=1)
    query = urlencode({'response_type': 'code', 'client_id': 'another', 'redirect_uri': 'https://b.example/', 'scope': 'read'})
    consent = {'query': query, 'decision': 'allow', 'granted': 'read'}
    user.allow_remote()

    with before_write(
        1, lambda: consents.open_with_consent(User.find(user.user_id), client, ['read'], 1), f'{user.pk}"}}, "sk": {{"S": "GRANT'
    ):
        logged_in.post('/oauth/authorize', consent)
    assert (logged_in.status, 'Too many applications' in logged_in.text, '/account/applications' in logged_in.page) == (409, True, True)
    another = 'Basic ' + base64.b64encode(b'another:secret').decode()
    refused = ask_for_tokens(http, GOOD, another)
    assert (refused.status_code, refused.json_body['error']) == (400, 'invalid_grant')
    assert 'too many connected applications' in refused.json_body['error_description']
    assert ask_for_tokens(http, GOOD).status_code == 200

    logged_in.post('/profile/revoke', {'client_id': client.client_id})
    logged_in.post('/oauth/authorize', consent)
    assert logged_in.location.startswith('https://b.example/?code=')


def test_of_passkeys_that_were_begun_before_there_were_too_many_none_is_stored(
    logged_in: Browser, user: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passkeys, 'MOST_PASSKEYS', 1)
    begin_factor(logged_in, FactorKind.PASSKEY)
    credential = Device().create(options(logged_in, '/profile/passkeys'))
    passkey = Passkey.at(user.user_id, 'ab')
    passkey.credential_id, passkey.public_key, passkey.sign_count, passkey.name, passkey.created_at = b'x', b'x', 0, 'x', 1
    passkey.save()

    logged_in.post('/profile/passkeys/new', {'credential': credential, 'name': 'x'})

    assert (logged_in.status, 'You already have 1 passkeys' in logged_in.text) == (422, True)
    assert len(Passkey.of_user(user.user_id)) == 1


def test_of_many_at_once_as_many_are_made_as_there_is_room_for(user: User):
    class Full(Exception):
        pass

    def check_room() -> None:
        if len(ApiKey.of_user(user.user_id)) >= 3:
            raise Full

    def make(_: int) -> str:
        reader = User.find(user.user_id)
        try:
            check_room()
            make_one_more(reader, check_room, *_key(reader))
        except (Full, errors.Conflict) as refused:
            return type(refused).__name__
        return 'made'

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(make, range(6)))

    assert outcomes.count('made') == len(ApiKey.of_user(user.user_id)) == 3
    assert set(outcomes) <= {'made', 'Full'}


def test_nothing_is_made_in_an_account_whose_sessions_ended_meanwhile(user: User):
    reader = User.find(user.user_id)
    User.find(user.user_id).end_sessions()

    with pytest.raises(AccessEnded):
        make_one_more(reader, partial(pytest.fail, 'not asked'), *_key(reader))

    assert ApiKey.of_user(user.user_id) == []
