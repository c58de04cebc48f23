"""POST /oauth/token: the password and refresh grants, after RFC 6749."""

import base64
from urllib.parse import quote

import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib import auth, clock
from chalicelib.config import settings
from chalicelib.models import Client, Grant, RefreshToken, RevokedFamily, User, transact
from chalicelib.oauth import families
from tests.support.api import PASSWORD
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile, survives, table
from tests.support.oauth import BASIC, GOOD, ask


def test_a_password_gives_an_access_token_and_a_refresh_token(http: ChaliceClient, user: User, client: Client):
    response = ask(http, GOOD | {'scope': 'read write'})

    assert response.status_code == 200
    assert response.headers['Cache-Control'] == 'no-store'
    token = response.json_body
    assert (token['token_type'], token['expires_in'], token['scope']) == ('Bearer', 900, 'read write')
    claims = auth.verify(f'Bearer {token["access_token"]}')
    assert (claims['sub'], claims['client_id'], claims['scope']) == (user.user_id, 'test-app', 'read write')
    assert token['refresh_token']


def test_without_a_scope_one_may_read(http: ChaliceClient, user: User, client: Client):
    assert ask(http, GOOD).json_body['scope'] == 'read'


def test_a_client_may_name_itself_in_the_body(http: ChaliceClient, user: User, client: Client):
    body = GOOD | {'client_id': 'test-app', 'client_secret': 'secret'}

    assert ask(http, body, authorization=None).status_code == 200


def test_the_email_address_is_taken_in_any_case(http: ChaliceClient, user: User, client: Client):
    assert ask(http, GOOD | {'username': ' Test@EXAMPLE.com'}).status_code == 200


def test_basic_credentials_are_form_decoded(http: ChaliceClient, user: User):
    Client.register(client_id='a:b c', secret='s%:+ä', owner_id='x', name='x', redirect_uris=[], now=0)
    pair = f'{quote("a:b c")}:{quote("s%:+ä")}'

    assert ask(http, GOOD, 'Basic ' + base64.b64encode(pair.encode()).decode()).status_code == 200


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        ({'password': 'wrong'}, 'invalid_grant'),
        ({'username': 'nobody@example.com'}, 'invalid_grant'),
        ({'password': ''}, 'invalid_request'),
        ({'grant_type': ''}, 'unsupported_grant_type'),
        ({'grant_type': 'implicit'}, 'unsupported_grant_type'),
        ({'scope': 'read everything'}, 'invalid_scope'),
        ({'scope': 'READ'}, 'invalid_scope'),
    ],
)
def test_a_bad_request_is_400_with_the_rfcs_word(http: ChaliceClient, user: User, client: Client, change: dict, error: str):
    response = ask(http, GOOD | change)

    assert (response.status_code, response.json_body['error']) == (400, error)
    assert 'success' not in response.json_body


@pytest.mark.parametrize(
    'authorization',
    [
        None,
        'Basic ' + base64.b64encode(b'test-app:wrong').decode(),
        'Basic ' + base64.b64encode(b'nobody:secret').decode(),
        'Basic ' + base64.b64encode(b'test-app').decode(),
        'Basic ' + base64.b64encode(b':').decode(),
        'Basic ' + base64.b64encode(b'\xff:\xff').decode(),
        'Basic ' + base64.b64encode('test-app:é\u0661'.encode()).decode(),
        'Basic !',
    ],
)
def test_a_client_that_cannot_prove_itself_is_401(http: ChaliceClient, user: User, client: Client, authorization: str | None):
    response = ask(http, GOOD, authorization)

    assert (response.status_code, response.json_body['error']) == (401, 'invalid_client')
    assert response.headers['WWW-Authenticate'].startswith('Basic ')


def test_who_does_not_allow_remote_log_in_gets_the_same_answer_as_nobody(http: ChaliceClient, make_user, client: Client):
    make_user('local@example.com', allow_remote_login=False)

    refused = ask(http, GOOD | {'username': 'local@example.com'})
    unknown = ask(http, GOOD | {'username': 'nobody@example.com'})

    assert (refused.status_code, refused.body) == (unknown.status_code, unknown.body) == (400, unknown.body)


def test_a_refresh_token_gives_new_tokens_and_is_used_up(http: ChaliceClient, user: User, client: Client):
    first = ask(http, GOOD | {'scope': 'read write'}).json_body

    second = ask(http, {'grant_type': 'refresh_token', 'refresh_token': first['refresh_token']}).json_body

    assert second['scope'] == 'read write'
    assert second['refresh_token'] != first['refresh_token']
    assert auth.verify(f'Bearer {second["access_token"]}')['sub'] == user.user_id


def refresh(http: ChaliceClient, token: str, authorization: str = BASIC, **more: str) -> HTTPResponse:
    return ask(http, {'grant_type': 'refresh_token', 'refresh_token': token} | more, authorization)


def is_refused(response: HTTPResponse) -> bool:
    return (response.status_code, response.json_body.get('error')) == (400, 'invalid_grant')


class TestASecondUse:
    """Of a refresh token: within ten seconds an answer that was lost, or a race; later a theft."""

    def test_long_after_the_first_it_ends_the_family(self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock):
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']
        stopped_clock.advance(11)

        assert is_refused(refresh(http, first))
        assert is_refused(refresh(http, second))
        assert is_refused(refresh(http, first))
        assert ask(http, GOOD).status_code == 200

    def test_after_it_would_have_expired_it_ends_the_family_too(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        stopped_clock.advance(29 * 86_400)
        second = refresh(http, first).json_body['refresh_token']
        stopped_clock.advance(2 * 86_400)

        assert is_refused(refresh(http, first))
        assert is_refused(refresh(http, second))

    @pytest.mark.parametrize('later', [0, 1, 10])
    def test_within_seconds_it_gets_a_token_of_its_own_and_the_same_next_one(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock, later: int
    ):
        first = ask(http, GOOD | {'scope': 'read write'}).json_body['refresh_token']
        lost = refresh(http, first).json_body
        stopped_clock.advance(later)

        answer = refresh(http, first)

        assert answer.status_code == 200
        assert (answer.json_body['scope'], answer.json_body['refresh_token']) == ('read write', lost['refresh_token'])
        assert answer.json_body['access_token'] != lost['access_token']
        assert auth.verify(f'Bearer {answer.json_body["access_token"]}')['sub'] == user.user_id
        stopped_clock.advance(3_600)
        third = refresh(http, answer.json_body['refresh_token'])
        assert third.status_code == 200
        assert refresh(http, third.json_body['refresh_token']).status_code == 200

    def test_many_within_seconds_are_one(self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock):
        first = ask(http, GOOD).json_body['refresh_token']

        following = set()
        for _ in range(5):
            following.add(refresh(http, first).json_body['refresh_token'])
            stopped_clock.advance(2)

        assert len(following) == 1

    def test_the_seconds_count_from_the_first_use_not_from_the_last(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        refresh(http, first)
        stopped_clock.advance(9)
        refresh(http, first)
        stopped_clock.advance(9)

        assert is_refused(refresh(http, first))

    def test_after_the_next_token_was_used_too_it_gets_the_newest(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']
        third = refresh(http, second).json_body['refresh_token']

        assert refresh(http, first).json_body['refresh_token'] == third
        assert refresh(http, third).status_code == 200

    def test_a_thief_who_was_as_quick_is_found_out_at_the_next_use(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        owners, thiefs = (refresh(http, first).json_body['refresh_token'] for _ in range(2))
        stopped_clock.advance(900)
        newest = refresh(http, owners).json_body['refresh_token']
        stopped_clock.advance(900)

        assert is_refused(refresh(http, thiefs))
        assert is_refused(refresh(http, newest))

    def test_of_two_at_once_both_get_the_same(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        answers: list[HTTPResponse] = []

        with meanwhile('GetItem', lambda: answers.append(refresh(http, first)), number=4):  # everything was looked up
            answers.append(refresh(http, first))

        assert [answer.status_code for answer in answers] == [200, 200]
        assert len({answer.json_body['refresh_token'] for answer in answers}) == 1
        assert refresh(http, answers[0].json_body['refresh_token']).status_code == 200

    def test_an_answer_that_comes_late_tells_the_newest_token(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        newest: list[str] = []

        def overtake() -> None:
            newest.append(refresh(http, refresh(http, first).json_body['refresh_token']).json_body['refresh_token'])

        with meanwhile('GetItem', overtake, number=4):  # everything was looked up
            assert refresh(http, first).json_body['refresh_token'] == newest[0]

    def test_one_that_died_right_after_its_use_is_finished_by_its_repetition(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        survived = survives(lambda: refresh(http, first), 1)
        stopped_clock.advance(5)

        again = refresh(http, first)

        assert (survived, again.status_code) == (False, 200)
        assert refresh(http, again.json_body['refresh_token']).status_code == 200

    def test_one_whose_access_token_could_not_be_signed_is_not_used_up(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        monkeypatch.setenv('SIGNING_KEY_ID', 'alias/nosuch')
        settings.cache_clear()
        assert refresh(http, first).status_code == 500
        monkeypatch.undo()
        settings.cache_clear()
        stopped_clock.advance(60)

        assert refresh(http, first).status_code == 200

    def test_another_client_gets_nothing_and_ends_nothing(self, http: ChaliceClient, user: User, client: Client):
        Client.register(client_id='other', secret='secret', owner_id='x', name='x', redirect_uris=[], now=0)
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']

        assert is_refused(refresh(http, first, 'Basic ' + base64.b64encode(b'other:secret').decode()))
        assert refresh(http, second).status_code == 200

    def test_a_revoked_family_stays_revoked(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']
        form = {'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': BASIC}
        http.http.post('/oauth/revoke', headers=form, body=f'token={second}'.encode())

        assert is_refused(refresh(http, first))
        assert is_refused(refresh(http, second))

    def test_a_family_that_is_revoked_while_a_refresh_is_under_way_stays_so_for_as_long_as_the_new_token_lasts(
        self, http: ChaliceClient, user: User, client: Client, stopped_clock: StoppedClock
    ):
        first = ask(http, GOOD).json_body['refresh_token']
        family = RefreshToken.find(first).family

        def revoke() -> None:
            families.revoke(family, clock.now())
            stopped_clock.advance(20)

        with meanwhile('GetItem', revoke, number=4):  # the token was looked up, and its family
            second = refresh(http, first).json_body['refresh_token']

        mark = RevokedFamily.get(f'FAMILY#{family}', 'FAMILY')
        assert RefreshToken.find(second).expires_at <= mark.expires_at
        assert is_refused(refresh(http, second))

    def test_consent_that_was_taken_back_stays_so(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        refresh(http, first)
        Grant.revoke(user.user_id, 'test-app')

        assert is_refused(refresh(http, first))

    def test_of_a_token_that_an_earlier_release_used_up_it_ends_the_family(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']
        RefreshToken.find(first).update([RefreshToken.seed.remove()])

        assert is_refused(refresh(http, first))
        assert is_refused(refresh(http, second))

    def test_what_is_stored_does_not_tell_the_next_token(self, http: ChaliceClient, user: User, client: Client):
        first = ask(http, GOOD).json_body['refresh_token']
        second = refresh(http, first).json_body['refresh_token']

        assert len(second) == 43
        assert second not in str(table())
        assert first not in str(table())


def test_a_refresh_can_ask_for_less_but_not_for_more(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD | {'scope': 'read write'}).json_body['refresh_token']

    more = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'scope': 'read admin'})
    less = ask(http, {'grant_type': 'refresh_token', 'refresh_token': token, 'scope': 'read'})
    again = ask(http, {'grant_type': 'refresh_token', 'refresh_token': less.json_body['refresh_token']})

    assert (more.status_code, more.json_body['error']) == (400, 'invalid_scope')
    assert less.json_body['scope'] == 'read'
    assert again.json_body['scope'] == 'read write'


def test_another_clients_refresh_token_is_refused(http: ChaliceClient, user: User, client: Client):
    Client.register(client_id='other', secret='secret', owner_id='x', name='x', redirect_uris=[], now=0)
    token = ask(http, GOOD).json_body['refresh_token']

    response = ask(
        http,
        {'grant_type': 'refresh_token', 'refresh_token': token},
        'Basic ' + base64.b64encode(b'other:secret').decode(),
    )

    assert (response.status_code, response.json_body['error']) == (400, 'invalid_grant')
    assert ask(http, {'grant_type': 'refresh_token', 'refresh_token': token}).status_code == 200


def test_an_expired_refresh_token_is_refused_though_still_stored(http: ChaliceClient, user: User, client: Client):
    token = ask(http, GOOD).json_body['refresh_token']
    RefreshToken.find(token).update([RefreshToken.expires_at.set(1)])

    assert ask(http, {'grant_type': 'refresh_token', 'refresh_token': token}).status_code == 400


def test_parameters_named_after_our_own_attributes_change_nothing(http: ChaliceClient, user: User, client: Client):
    body = GOOD | {'spent_token': 'x', 'user': 'somebody', 'client': 'x', 'scopes': 'admin', 'expires_in': '9999999'}

    token = ask(http, body).json_body

    claims = auth.verify(f'Bearer {token["access_token"]}')
    assert (claims['sub'], claims['scope'], token['expires_in']) == (user.user_id, 'read', 900)


def test_nothing_secret_is_stored_as_it_is(http: ChaliceClient, user: User, client: Client):
    from chalicelib.models import Item

    token = ask(http, GOOD).json_body

    stored = ' '.join(str(item.serialize()) for item in Item.scan())
    for secret in (PASSWORD, "'secret'", token['refresh_token'], token['access_token']):
        assert secret not in stored


def test_a_form_as_curl_sends_it_is_read(http: ChaliceClient, user: User, client: Client):
    body = f'grant_type=password&username=test@example.com&password={PASSWORD}&scope=read write'

    assert ask(http, body.encode()).json_body['scope'] == 'read write'


def test_too_many_fields_are_a_bad_request(http: ChaliceClient, user: User, client: Client):
    response = ask(http, b'&'.join(b'a=b' for _ in range(101)))

    assert (response.status_code, response.json_body['error']) == (400, 'invalid_request')


def test_other_forms_of_request_get_the_rfcs_shape(http: ChaliceClient, user: User, client: Client):
    as_json = ask(http, b'{"grant_type": "password"}', **{'Content-Type': 'application/json'})
    too_large = ask(http, b'x' * 300_000)
    nonsense = ask(http, b'\xff\xfe%%%')

    assert (as_json.status_code, as_json.json_body) == (415, {
        'error': 'invalid_request',
        'error_description': 'Send the parameters as a form, with Content-Type: application/x-www-form-urlencoded',
        'error_uri': f'{settings().issuer}/reference#oauth-error-invalid_request',
    })  # fmt: skip
    assert (too_large.status_code, too_large.json_body['error']) == (413, 'invalid_request')
    assert nonsense.status_code == 400


def test_guessing_passwords_is_limited_per_account_whether_it_exists_or_not(http: ChaliceClient, user: User, client: Client):
    for name in ('test@example.com', 'nobody@example.com'):
        statuses = [ask(http, GOOD | {'username': name, 'password': 'wrong'}).status_code for _ in range(11)]
        limited = ask(http, GOOD | {'username': name})

        assert statuses == [400] * 10 + [429]
        assert (limited.status_code, limited.json_body['error']) == (429, 'temporarily_unavailable')
        assert 1 <= int(limited.headers['Retry-After']) <= 900


def test_logging_in_rightly_is_not_limited(http: ChaliceClient, user: User, client: Client):
    assert {ask(http, GOOD).status_code for _ in range(15)} == {200}


def test_where_a_request_comes_from_cannot_be_made_up(http: ChaliceClient, user: User, client: Client):
    for number in range(100):
        wrong = GOOD | {'username': f'{number}@example.com', 'password': 'wrong'}
        ask(http, wrong, **{'X-Network-Address': f'10.0.0.{number}', 'X-Forwarded-For': f'10.0.0.{number}'})

    assert ask(http, GOOD).status_code == 429


def test_an_account_that_was_not_confirmed_gets_no_token(http: ChaliceClient, client: Client, password_hash: str):
    User.create(name=None, email='new@example.com', password_hash=password_hash, allow_remote_login=True, now=1, confirmed=False)

    assert ask(http, GOOD | {'username': 'new@example.com'}).json_body['error'] == 'invalid_grant'


def test_the_grant_says_what_an_application_may_do_and_when_it_last_did(http: ChaliceClient, user: User, client: Client):
    first = ask(http, GOOD | {'scope': 'info'}).json_body
    ask(http, GOOD | {'scope': 'read'})
    transact(Grant.at(user.user_id, 'test-app').touch(1))

    ask(http, {'grant_type': 'refresh_token', 'refresh_token': first['refresh_token']})

    (grant,) = Grant.of_user(user.user_id)
    assert grant.scopes == {'info', 'read'}
    assert grant.last_used_at > 1
