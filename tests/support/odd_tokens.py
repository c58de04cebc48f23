"""Tokens as nobody should send them: signed by an issuer that is trusted, odd in every part, and mutated."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jose import jwk

from chalicelib import auth, clock

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {name: str(value) for name, value in jwk.construct(KEY.public_key(), 'ES256').to_dict().items()} | {'kid': 'theirs'}
ISSUER = {'issuer': 'https://login.example', 'audience': 'our-api', 'jwks': {'keys': [JWK]}, 'algorithms': ['ES256']} | {
    'subjects': 'user_ids',
    'subject_claim': 'sub',
    'scopes': {'read': 'read'},
}
HEADER = {'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'theirs'}

NESTED = '[' * 2_900 + ']' * 2_900
ODD_JSON = [
    'null', 'true', '-1', '0.5', '""', '"x"', '[]', '{}', '[[]]', '{"a": {}}', '["ES256"]', '{"alg": "ES256"}',
    'Infinity', '-Infinity', 'NaN', '1e999', '1e-999', '9' * 400, '9' * 5_000, '"' + 'a' * 5_000 + '"',
    '"\\u0000"', '"\\ud800"', '"\\u00e9\\u4e2d"', NESTED, '{"a":' * 900 + '1' + '}' * 900,
]  # fmt: skip


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


def good() -> str:
    """Return a token that is as it should be."""
    return signed(json.dumps(HEADER).encode(), json.dumps(claims()).encode())


def is_accepted(header: str) -> bool:
    """Return whether the authorizer accepts a header; anything but that and a refusal is raised."""
    try:
        auth.verify(header)
    except auth.InvalidToken:
        return False
    return True


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


def mutants(seed: int, number: int) -> Iterator[str]:
    """Yield values of the Authorization header, each a good token until it was mutated."""
    draw = random.Random(seed)
    parts = json.dumps(HEADER), json.dumps(claims())
    signature = signed(parts[0].encode(), parts[1].encode()).rpartition('.')[2]
    for _ in range(number):
        header, payload = (draw.choice(mutations(draw))(part) if draw.random() < 0.4 else part for part in parts)
        if draw.random() < 0.5:
            header = with_odd(HEADER, draw.choice(list(HEADER)), draw.choice(ODD_JSON)).decode()
        token = '.'.join([*(encode(part.encode('utf-8', 'surrogatepass')) for part in (header, payload)), signature])
        if draw.random() < 0.5:
            token = draw.choice(mutations(draw))(token)
        if draw.random() < 0.2:
            token = 'cfk_' + token
        yield f'Bearer {token}'
