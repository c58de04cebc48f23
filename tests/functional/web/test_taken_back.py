"""What users take back from applications does not come back by what these began before, wherever in it that happens."""

import itertools
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.errors import AccessEnded
from chalicelib.models import Authenticator, Client, ClientIdentity, Grant, Item, LogInStep, Passkey, RecoveryCodes, User, transact
from chalicelib.oauth import consents
from chalicelib.services.users import access, passkeys, second_factors
from tests.support.browser import Browser
from tests.support.dynamodb import before_write, survives
from tests.support.oauth import GOOD, ask
from tests.support.passkey_device import Device

HERE, ELSEWHERE = 'https://b.example/', 'https://elsewhere.example/'
ASKED = {'response_type': 'code', 'client_id': 'test-app', 'redirect_uri': HERE, 'scope': 'read write'}
PATH = '/oauth/authorize?' + urlencode(ASKED)
ALLOW = {'query': urlencode(ASKED), 'decision': 'allow'}
NAME = 'x'


@pytest.fixture
def app() -> Client:
    uris = [HERE, ELSEWHERE]
    return Client.register(client_id='test-app', secret='secret', owner_id='somebody else', name=NAME, redirect_uris=uris, now=1)[0]


def allow(browser: Browser) -> str:
    """Press Allow with all selected; return the code."""
    browser.post_all('/oauth/authorize', [*ALLOW.items(), ('granted', 'read'), ('granted', 'write')])
    return code_of(browser)


def code_of(browser: Browser) -> str:
    return parse_qs(urlsplit(browser.location).query)['code'][0]


def redeem(http: ChaliceClient, code: str) -> int:
    return ask(http, {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': HERE}).status_code


def refresh(http: ChaliceClient, token: str) -> int:
    return ask(http, {'grant_type': 'refresh_token', 'refresh_token': token}).status_code


def numbers_of_writes(user: User, begin: Callable[[], object], act: Callable[[], object], prepare: Callable[[], object]) -> Iterator[int]:
    """Begin something and do something else before a write of it, each in turn; yield the number of that write."""
    for number in itertools.count(1):
        prepare()
        with before_write(number, act, user.pk) as writes:
            begin()
        if len(writes) < number:
            break
        yield number
    assert number > 1


def test_a_revocation_is_not_undone_by_an_application_that_is_asking_for_what_it_had(
    http: ChaliceClient, logged_in: Browser, user: User, app: Client
):
    for _ in numbers_of_writes(user, lambda: logged_in.get(PATH), lambda: Grant.revoke(user.user_id, 'test-app'), lambda: allow(logged_in)):
        assert Grant.of_user(user.user_id) == []
        if 'code=' in logged_in.location:
            assert redeem(http, code_of(logged_in)) == 400
        else:
            assert logged_in.location == PATH
        assert logged_in.get(PATH).status_code == 200


def test_a_scope_that_was_deselected_is_not_brought_back_by_an_application_that_is_asking_for_it(
    logged_in: Browser, user: User, app: Client
):
    def deselect() -> None:
        Grant.withhold(user.user_id, 'test-app', ['write'])

    for _ in numbers_of_writes(user, lambda: logged_in.get(PATH), deselect, lambda: allow(logged_in)):
        assert Grant.find(user.user_id, 'test-app').scopes == {'read'}
        assert logged_in.get(PATH).status_code == 200


def test_a_scope_that_was_deselected_and_allowed_elsewhere_is_not_brought_back_where_it_was(logged_in: Browser, user: User, app: Client):
    def move() -> None:
        Grant.withhold(user.user_id, 'test-app', ['write'])
        shown, earlier = ClientIdentity(NAME, ELSEWHERE), Grant.find(user.user_id, 'test-app')
        Grant.allow(User.find(user.user_id), 'test-app', ['write'], clock.now(), shown=shown, earlier=earlier)

    for _ in numbers_of_writes(user, lambda: logged_in.get(PATH), move, lambda: allow(logged_in)):
        assert Grant.find(user.user_id, 'test-app').scopes_of(ClientIdentity(NAME, HERE)) == {'read'}
        assert logged_in.get(PATH).status_code == 200


@pytest.mark.parametrize('most', [1, 100])
def test_allowing_in_two_tabs_at_once_gives_a_code_in_each(
    http: ChaliceClient,
    logged_in: Browser,
    new_browser: Callable[[], Browser],
    user: User,
    app: Client,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
):
    monkeypatch.setattr(consents, 'MOST_GRANTS', most)
    other, codes = new_browser(), []
    other.cookie, other.known = logged_in.cookie, logged_in.known
    logged_in.csrf()

    for number in numbers_of_writes(
        user, lambda: codes.append(allow(logged_in)), lambda: codes.append(allow(other)), lambda: Grant.revoke(user.user_id, 'test-app')
    ):
        assert [redeem(http, code) for code in codes[-2:]] == [200, 200], number


@pytest.mark.parametrize('had', [True, False])
def test_forbidding_log_in_by_applications_leaves_none_that_is_about_to(http: ChaliceClient, user: User, app: Client, had: bool):
    tokens: list[str] = []

    def prepare() -> None:
        User.find(user.user_id).allow_remote()
        Grant.revoke(user.user_id, 'test-app')
        if had:
            assert ask(http, GOOD).status_code == 200

    for _ in numbers_of_writes(
        user,
        lambda: tokens.append(ask(http, GOOD).json_body.get('refresh_token', 'none')),
        lambda: access.forbid_remote_login(user.user_id),
        prepare,
    ):
        assert refresh(http, tokens[-1]) == 400
        assert Grant.of_user(user.user_id) == []


@pytest.mark.parametrize('had', [True, False])
@pytest.mark.parametrize('factor', ['app', 'codes'])
def test_no_application_logs_in_by_the_password_alone_beside_a_new_second_factor(
    http: ChaliceClient, user: User, app: Client, factor: str, had: bool
):
    """Even if the request that added it dies before it forbids them to."""
    if had:
        assert ask(http, GOOD).status_code == 200
    stored = Authenticator.creation(user.user_id, b'x', 1, 1) if factor == 'app' else RecoveryCodes.creation(user.user_id, ['x'])

    with before_write(1, lambda: transact(stored), f'{user.pk}"}}, "sk": {{"S": "GRANT'):
        refused = ask(http, GOOD)

    assert (refused.status_code, refused.json_body['error']) == (400, 'invalid_grant')


def test_a_second_factor_ends_log_in_by_applications_that_was_allowed_meanwhile(http: ChaliceClient, user: User, app: Client):
    user.forbid_remote()
    User.find(user.user_id).allow_remote()
    tokens = ask(http, GOOD).json_body

    second_factors.protect(user, 'An authenticator app')

    assert refresh(http, tokens['refresh_token']) == 400
    assert not User.find(user.user_id).allow_remote_login


def test_where_log_in_by_applications_is_forbidden_none_is_left_that_did(http: ChaliceClient, user: User, app: Client):
    for writes in itertools.count(1):
        User.find(user.user_id).allow_remote()
        assert ask(http, GOOD).status_code == 200

        came_to_its_end = survives(lambda: access.forbid_remote_login(user.user_id), writes)

        assert User.find(user.user_id).allow_remote_login or Grant.of_user(user.user_id) == []
        if came_to_its_end:
            break
    assert writes > 1


@pytest.mark.parametrize('factor', ['app', 'passkey'])
def test_a_second_factor_whose_request_dies_leaves_no_application_that_logged_in_by_the_password(
    http: ChaliceClient, user: User, app: Client, factor: str
):
    for writes in itertools.count(1):
        User.find(user.user_id).allow_remote()
        assert ask(http, GOOD).status_code == 200
        add = begin_to_add(User.find(user.user_id), factor)

        came_to_its_end = survives(add, writes)

        assert not second_factors.of_user(user.user_id).protect or Grant.of_user(user.user_id) == []
        if came_to_its_end:
            break
        for item in Item.query(user.pk, Item.sk.startswith('FACTOR#')):
            item.delete()
        for passkey in Passkey.of_user(user.user_id):
            passkey.delete()
    assert writes > 3


@pytest.mark.parametrize('factor', ['app', 'passkey'])
def test_an_application_that_was_about_to_log_in_by_the_password_does_not_once_a_second_factor_is_stored(user: User, factor: str):
    user.allow_remote()
    about_to_log_in = User.find(user.user_id)
    begin_to_add(User.find(user.user_id), factor)()  # whose request may die then
    User.find(user.user_id).allow_remote()  # by whoever is in a session

    with pytest.raises(AccessEnded):
        Grant.allow(about_to_log_in, 'app', ['read'], clock.now())


def begin_to_add(user: User, factor: str) -> Callable[[], object]:
    """Return what adds a second factor."""
    now = clock.now()
    if factor == 'app':
        step = LogInStep.find(second_factors.begin_authenticator(user, now), now, 'app')
        code = pyotp.TOTP(str(step.secret)).at(now)
        return lambda: second_factors.confirm_authenticator(user, step, code, now)
    step = LogInStep.find(passkeys.begin_registration(user, now), now, 'register')
    made = Device().create(passkeys.registration_options(user, [], step))
    return lambda: passkeys.register_passkey(user, step, made, 'Key', now)
