"""Whatever is sent as a token, the authorizer refuses it or accepts it: nobody sets off an alarm with a header."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.test import Client as ChaliceClient
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jose import jwk

from chalicelib import auth, clock
from chalicelib.config import settings

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {name: str(value) for name, value in jwk.construct(KEY.public_key(), 'ES256').to_dict().items()} | {'kid': 'theirs'}
ISSUER = {'issuer': 'https://login.example', 'audience': 'our-api', 'jwks': {'keys': [JWK]}, 'algorithms': ['ES256']}
HEADER = {'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'theirs'}
MUTANTS = 3_000

NESTED = '[' * 2_900 + ']' * 2_900
ODD_JSON = [
    'null', 'true', '-1', '0.5', '""', '"x"', '[]', '{}', '[[]]', '{"a": {}}', '["ES256"]', '{"alg": "ES256"}',
    'Infinity', '-Infinity', 'NaN', '1e999', '1e-999', '9' * 400, '9' * 5_000, '"' + 'a' * 5_000 + '"',
    '"\\u0000"', '"\\ud800"', '"\\u00e9\\u4e2d"', NESTED, '{"a":' * 900 + '1' + '}' * 900,
]  # fmt: skip


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv('TRUSTED_ISSUERS', json.dumps([ISSUER]))
    settings.cache_clear()
    auth._issuers.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    auth._issuers.cache_clear()


def claims() -> dict[str, Any]:
    now = clock.now()
    rest = {'client_id': 'spa', 'scope': 'read', 'iat': now, 'exp': now + 60}
    return {'iss': 'https://login.example', 'aud': 'our-api', 'sub': 'somebody'} | rest


def with_odd(good: dict[str, Any], name: str, odd: str) -> bytes:
    """Return the JSON of an object in which one member is some other JSON."""
    return json.dumps(good | {name: 'PLACE'}).replace('"PLACE"', odd).encode()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def signed(header: bytes, payload: bytes) -> str:
    signing_input = f'{encode(header)}.{encode(payload)}'
    r, s = decode_dss_signature(KEY.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    return f'{signing_input}.{encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))}'


def is_accepted(header: str) -> bool:
    """Return whether the authorizer accepts a header; anything but that and a refusal is raised."""
    try:
        auth.verify(header)
    except auth.InvalidToken:
        return False
    return True


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


def mutations(draw: random.Random) -> list[Callable[[str], str]]:
    place = draw.random()

    def at(text: str) -> int:
        return int(place * len(text))

    odd = draw.choice(['', '.', '\0', '\n', ' ', '=', '-', 'é', '中', '\ud800', '\U0001f4a9', '/', 'A' * 9_000, '.' * 500, '%00'])
    return [
        lambda text: text[: at(text)] + odd + text[at(text) :],
        lambda text: text[: at(text)] + odd + text[at(text) + 1 :],
        lambda text: text[: at(text)],
        lambda text: text[at(text) :],
        lambda text: text[: at(text)] + text,
        lambda text: '.'.join(draw.sample(text.split('.'), len(text.split('.')))),
    ]


def test_thousands_of_mutated_tokens_are_no_error() -> None:
    draw = random.Random(20)
    good = json.dumps(HEADER), json.dumps(claims())
    signature = signed(good[0].encode(), good[1].encode()).rpartition('.')[2]
    for _ in range(MUTANTS):
        header, payload = (draw.choice(mutations(draw))(part) if draw.random() < 0.4 else part for part in good)
        if draw.random() < 0.5:
            header = with_odd(HEADER, draw.choice(list(HEADER)), draw.choice(ODD_JSON)).decode()
        token = '.'.join([*(encode(part.encode('utf-8', 'surrogatepass')) for part in (header, payload)), signature])
        if draw.random() < 0.5:
            token = draw.choice(mutations(draw))(token)
        if draw.random() < 0.2:
            token = 'cfk_' + token
        is_accepted(f'Bearer {token}')


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
