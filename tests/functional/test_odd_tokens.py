"""Whatever is sent as a token, the authorizer refuses it or accepts it: nobody sets off an alarm with a header."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import auth
from chalicelib.config import settings
from tests.support.odd_tokens import HEADER, ISSUER, NESTED, ODD_JSON, claims, is_accepted, mutants, signed, with_odd

MUTANTS = 3_000


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
def test_any_json_in_signed_claims_is_no_error(name: str) -> None:
    for odd in ODD_JSON:
        is_accepted('Bearer ' + signed(json.dumps(HEADER).encode(), with_odd(claims(), name, odd)))


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


def test_mutated_tokens_are_no_error() -> None:
    for header in mutants(20, MUTANTS):
        is_accepted(header)


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
