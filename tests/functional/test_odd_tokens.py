"""Whatever is sent as a token, the authorizer refuses it or accepts it: nobody sets off an alarm with a header."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import auth
from chalicelib.config import settings
from tests.support.odd_tokens import HEADER, ISSUER, NESTED, ODD_JSON, claims, good, is_accepted, mutants, signed, with_odd

MUTANTS = 3_000
_PAST = ['true', '-1', '0.5', '1e-999']
_LATER = '9' * 400
_TEXTS = [odd for odd in ODD_JSON if odd.startswith('"')]
# What each claim may be instead of what it was; all else in its place is refused.
TAKEN: dict[str, list[str]] = {
    'sub': ['"x"'],
    'client_id': ['"x"'],
    'scope': [*_TEXTS, '[]', '[[]]', '["ES256"]'],
    'iat': [*_PAST, _LATER],
    'nbf': _PAST,
    'exp': [_LATER],
    'jti': _TEXTS,
    'other': [odd for odd in ODD_JSON if odd not in (NESTED, '9' * 5_000)],  # which no JSON reader here takes
}


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv('TRUSTED_ISSUERS', json.dumps([ISSUER]))
    settings.cache_clear()
    auth._issuers.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    auth._issuers.cache_clear()


def test_the_unchanged_token_is_good() -> None:
    assert is_accepted('Bearer ' + signed(json.dumps(HEADER).encode(), json.dumps(claims()).encode()))


@pytest.mark.parametrize('name', HEADER)
def test_any_json_in_the_header_is_refused(name: str) -> None:
    for odd in ODD_JSON:
        assert not is_accepted('Bearer ' + signed(with_odd(HEADER, name, odd), json.dumps(claims()).encode())), odd[:40]


@pytest.mark.parametrize('name', ['iss', 'aud', 'sub', 'client_id', 'scope', 'iat', 'nbf', 'exp', 'jti', 'at_hash', 'other'])
def test_any_json_in_signed_claims_is_no_error_and_taken_only_where_it_can_be_meant(name: str) -> None:
    for odd in ODD_JSON:
        token = signed(json.dumps(HEADER).encode(), with_odd(claims(), name, odd))
        assert is_accepted(f'Bearer {token}') is (odd in TAKEN.get(name, [])), odd[:40]


@pytest.mark.parametrize('odd', ['null', '[]', '{}', 'Infinity', '-Infinity', 'NaN', '1e999', '"soon"', '""', NESTED])
def test_an_expiry_that_is_no_instant_is_refused(odd: str) -> None:
    assert not is_accepted('Bearer ' + signed(json.dumps(HEADER).encode(), with_odd(claims(), 'exp', odd)))


@pytest.mark.parametrize('name', ['sub', 'client_id'])
@pytest.mark.parametrize('odd', ['""', '"\\u0000"', '"\\ud800"', '"\\u00e9"', '"' + 'a' * 256 + '"', '"a\\n"'])
def test_a_subject_or_client_that_can_be_no_identifier_is_refused(name: str, odd: str) -> None:
    assert not is_accepted('Bearer ' + signed(json.dumps(HEADER).encode(), with_odd(claims(), name, odd)))


@pytest.mark.parametrize('whole', ODD_JSON)
def test_any_json_as_a_whole_part_is_refused(whole: str) -> None:
    good = json.dumps(HEADER).encode(), json.dumps(claims()).encode()

    assert not is_accepted('Bearer ' + signed(whole.encode(), good[1]))
    assert not is_accepted('Bearer ' + signed(good[0], whole.encode()))


def test_mutated_tokens_are_no_error_and_none_is_accepted_but_what_came_out_as_it_was() -> None:
    accepted = {header for header in mutants(20, MUTANTS) if is_accepted(header)}

    [token] = accepted
    assert token.rpartition('.')[0] == 'Bearer ' + good().rpartition('.')[0]


@pytest.mark.parametrize('header', ['alg', 'typ', 'kid'])
@pytest.mark.parametrize('odd', ['["ES256"]', '{"ES256": 1}', NESTED])
def test_the_response_is_401(http: ChaliceClient, header: str, odd: str) -> None:
    token = signed(with_odd(HEADER, header, odd), json.dumps(claims()).encode())

    assert http.http.get('/api/user', headers={'Authorization': f'Bearer {token}'}).status_code == 401


@pytest.mark.parametrize('key', ['cfk_', 'cfk_é', 'cfk_' + 'a' * 9_000, 'cfk_\0', 'cfk_\ud800', 'é', '\0'])
@pytest.mark.parametrize('place', ['authorization', 'x-api-key', 'query'])
def test_an_odd_api_key_is_refused_wherever_it_is_sent(key: str, place: str) -> None:
    event: dict[str, Any] = {'headers': {place: f'Bearer {key}' if place == 'authorization' else key}}
    if place == 'query':
        event = {'headers': None, 'queryStringParameters': {'api_key': key}}

    assert not is_accepted(auth.credentials(event))
