"""Attacks from outside: every route with tokens, ids and bodies that nobody should send, and mutated tokens at the authorizer."""

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from chalice.test import Client as ChaliceClient

from app import app
from chalicelib import auth, clock
from chalicelib.config import settings
from chalicelib.domain import scopes
from chalicelib.models import User
from chalicelib.oauth import signing
from tests.support import odd_tokens
from tests.support.api import ALL_SCOPES, Api
from tests.support.clock import CLOCK
from tests.support.ledgers import LEGACY
from tests.support.routes import routes

ODD_IDS = ('0', '-1', '1e3', '9' * 400, '%00', '1%2F..', "1'--", 'é', '..', '000001', '\u0661')
ODD_BODIES = (
    b'',
    b'{',
    b'null',
    b'[]',
    b'"x"',
    b'[' * 100_000,
    b'{"title": 1e999999999}',
    b'\xff\xfe',
    b'{"a":' * 3_000,
    b'x' * 11_000_000,
)
ODD_QUERIES = ('cursor=x', 'cursor=%00', 'limit=-1', 'limit=1e9', 'at=never', 'from=9999999999999', 'expand[]=x', 'interval=0', 'order=x')
REFUSED_BODY = (400, 404, 413, 415, 422)


class Outcome(NamedTuple):
    """How many attacks or tokens were tried, and which were not held off."""

    tried: int
    failed: list[str]


class Attack(NamedTuple):
    """A request, and the statuses of an answer that holds it off."""

    name: str
    method: str
    path: str
    held: tuple[int, ...]
    token: str = ''
    body: bytes = b''


def run_requests() -> Outcome:
    """Attack with requests as thieves and the careless send them; return which were not held off."""
    http = ChaliceClient(app, stage_name='test')
    attacks = list(_attacks(*(_user(http, name) for name in ('victim', 'thief'))))
    failed = [failure for attack in attacks if (failure := _attempt(http, attack)) is not None]
    return Outcome(len(attacks), failed)


def run_tokens(number: int, seed: int) -> Outcome:
    """Show mutated tokens to the authorizer, which is to refuse each that says anything else than what was signed."""
    _trust(odd_tokens.ISSUER)
    signed = auth.verify(f'Bearer {odd_tokens.good()}')
    failed = [failure for header in odd_tokens.mutants(seed, number) if (failure := _take(header, signed)) is not None]
    return Outcome(number, failed)


def _take(header: str, signed: dict[str, Any]) -> str | None:
    try:
        taken = auth.verify(header)
    except auth.InvalidToken:
        return None
    except Exception as error:  # of which callers would see a 500
        return f'a mutated token: {type(error).__name__} for {header[:200]!r}'
    return None if taken == signed else f'a mutated token was taken: {header[:200]!r}'


def _user(http: ChaliceClient, name: str) -> Api:
    user = User.create(name=name, email=f'{name}@example.com', password_hash='x', allow_remote_login=False, now=clock.now())
    return Api(http, user.user_id, ALL_SCOPES)


def _attempt(http: ChaliceClient, attack: Attack) -> str | None:
    headers = {'Content-Type': 'application/json'} | ({'Authorization': f'Bearer {attack.token}'} if attack.token else {})
    answer = http.http.request(attack.method, attack.path, headers=headers, body=attack.body)
    if answer.status_code in attack.held:
        return None
    return f'{attack.name}: {attack.method} {attack.path[:80]} answered {answer.status_code}, not {attack.held}'


def _attacks(victim: Api, thief: Api) -> Iterator[Attack]:
    portfolio = victim.portfolio()
    victim.address(portfolio, LEGACY)
    victim.post(f'/api/portfolios/{portfolio}/offsets', {'title': 'x', 'balances': []})
    private = [(method, path) for (method, path), entry in routes().items() if entry.authorizer is not None]
    expired = _expired(thief)
    good = thief.token()
    for method, route in private:
        path = _filled(route, '1')
        yield Attack('no token', method, path, (401,))
        yield Attack('a token that is none', method, path, (401,), 'x.y.z')
        yield Attack('an expired token', method, path, (401,), expired)
        yield Attack('an unsigned token', method, path, (401,), _unsigned(good))
        yield Attack('a token signed by somebody else', method, path, (401,), _signed_by_another(thief))
        yield Attack('a token without the scope', method, path, (403,), _with_scope(thief, 'public'))
        if '{' in route:
            yield Attack("somebody else's id", method, path, (404, 422), good, b'{"title": "x"}')
            yield from (Attack('an odd id', method, _filled(route, odd), (404, 405, 422), good) for odd in ODD_IDS)
        if method in ('POST', 'PATCH'):
            yield from (Attack('an odd body', method, path, REFUSED_BODY, good, body) for body in ODD_BODIES)
        if method == 'GET':
            yield from (Attack('an odd query', method, f'{path}?{query}', (200, 400, 404, 422), good) for query in ODD_QUERIES)


def _filled(route: str, value: str) -> str:
    return '/'.join(value if part.startswith('{') else part for part in route.split('/'))


def _expired(api: Api) -> str:
    token = api.token()
    CLOCK.advance(signing.LIFETIME_SECONDS + 1)
    return token


def _unsigned(token: str) -> str:
    _, payload, _ = token.split('.')
    return f'{odd_tokens.encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode())}.{payload}.'


def _signed_by_another(api: Api) -> str:
    claims = odd_tokens.claims() | {'iss': settings().issuer, 'aud': settings().audience, 'sub': api.user_id, 'scope': ' '.join(scopes.ALL)}
    kid = json.loads(os.environ['JWKS'])['keys'][0]['kid']
    return odd_tokens.signed(json.dumps(odd_tokens.HEADER | {'kid': kid}).encode(), json.dumps(claims).encode())


def _with_scope(api: Api, scope: str) -> str:
    return Api(api.http, api.user_id, [scope]).token()


def _trust(issuer: object) -> None:
    os.environ['TRUSTED_ISSUERS'] = json.dumps([issuer])
    settings.cache_clear()
    auth._issuers.cache_clear()
