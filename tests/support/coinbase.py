"""A fake Coinbase with one account: verifies tokens as Coinbase's documentation says, and answers in its format.

https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication
https://docs.cdp.coinbase.com/coinbase-app/api-architecture/pagination
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from tests.support.secrets import secret

_KEY_PAIR = ec.generate_private_key(ec.SECP256R1())
KEY = secret('organizations/6ab3f7b0-8b1d-4d0c-9d0c-0a4a5ab1f001/apiKeys/1f2e3d4c-5b6a-4788-9900-aabbccddeeff')
HOST = 'api.coinbase.com'


def in_pem(private: ec.EllipticCurvePrivateKey) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


SECRET = secret(in_pem(_KEY_PAIR))


@dataclass
class CoinbaseAccount:
    """`wallets` are what it holds, by id, `rows` the transactions of each, newest first, `rights` what the key may do."""

    wallets: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    rights: Sequence[str] = ('view',)
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if not self._is_signed(request):
            return Answer(401, 'Unauthorized\n')
        if self.fault is not None:
            return self.fault
        match request.path:
            case ['api', 'v3', 'brokerage', 'key_permissions']:
                rights = {f'can_{name}': name in self.rights for name in ('view', 'trade', 'transfer', 'receive')}
                return as_json(rights | {'portfolio_uuid': '6ab3f7b0', 'portfolio_type': 'DEFAULT'})
            case ['v2', 'accounts']:
                return _page(request, [_wallet(key, *held) for key, held in self.wallets.items()])
            case ['v2', 'accounts', wallet, 'transactions']:
                return _page(request, self.rows.get(wallet, ()))
        return as_json({'errors': [{'id': 'not_found', 'message': 'Not found'}]}, 404)

    def _is_signed(self, request: Request) -> bool:
        """A token is for one method and path, without the query, and for two minutes."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        token = headers['authorization'].removeprefix('Bearer ')
        try:
            unchecked = {'verify_exp': False, 'verify_nbf': False, 'verify_iat': False, 'verify_aud': False}
            claims = jwt.decode(token, _KEY_PAIR.public_key(), algorithms=['ES256'], options=unchecked)
        except jwt.InvalidTokenError:
            return False
        header = jwt.get_unverified_header(token)
        is_of_key = header['kid'] == claims['sub'] == KEY and claims['iss'] in ('cdp', 'coinbase-cloud') and len(header['nonce']) > 15
        is_current = claims['nbf'] <= clock.now() < claims['exp'] <= claims['nbf'] + 120
        return is_of_key and is_current and claims['uri'] == f'GET {HOST}{request.url}'


def _wallet(key: str, code: str, balance: str) -> dict[str, Any]:
    return {
        'id': key,
        'name': f'{code} Wallet',
        'type': 'wallet',
        'balance': {'amount': balance, 'currency': code},
        'currency': {'code': code, 'exponent': '8', 'type': 'crypto'},
        'resource': 'account',
    }


def _page(request: Request, rows: Sequence[Mapping[str, Any]]) -> Answer:
    limit = int(request.query.get('limit', '25'))
    ids = [row['id'] for row in rows]
    start = ids.index(request.query['starting_after']) + 1 if 'starting_after' in request.query else 0
    page = list(rows[start : start + limit])
    has_more = start + limit < len(rows)
    next_uri = f'{request.url}?limit={limit}&starting_after={page[-1]["id"]}' if has_more else None
    return as_json({'pagination': {'limit': limit, 'order': 'desc', 'next_uri': next_uri}, 'data': page})
