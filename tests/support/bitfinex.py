"""A fake Bitfinex with one account: verifies signatures and nonces as Bitfinex's documentation says, and answers in its format.

https://docs.bitfinex.com/docs/rest-auth
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

KEY, SECRET = 'bitfinex-key-of-a-test', 'bitfinex-secret-of-a-test'
READ_ONLY = {'account': (1, 0), 'history': (1, 0), 'orders': (1, 0), 'wallets': (1, 0), 'withdraw': (0, 0), 'ui_withdraw': (0, 0)}


@dataclass
class BitfinexAccount:
    """`wallets` are rows of what it holds, `rows` its ledger, newest first, `rights` what the key may read and write, by scope.

    No answer has more than `page` rows.
    """

    wallets: Sequence[Sequence[Any]] = ()
    rows: Sequence[Sequence[Any]] = ()
    rights: Mapping[str, tuple[int, int]] = field(default_factory=lambda: READ_ONLY)
    page: int = 2_500
    user_id: int = 269_312
    fault: Answer | None = None
    last_nonce: int = 0
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        match request.path:
            case ['v2', 'auth', 'r', 'permissions']:
                return as_json([[scope, *rights] for scope, rights in self.rights.items()])
            case ['v2', 'auth', 'r', 'info', 'user']:
                return as_json([self.user_id, 'mail@example.com', 'name'])
            case ['v2', 'auth', 'r', 'wallets']:
                return as_json(list(self.wallets))
            case ['v2', 'auth', 'r', 'ledgers', 'hist']:
                listed = [row for row in self.rows if row[3] <= request.body.get('end', row[3])]
                return as_json(listed[: min(request.body['limit'], self.page)])
        return refusal(10020, 'symbol: invalid')

    def _fault(self, request: Request) -> Answer | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers['bfx-apikey'] != KEY:
            return refusal(10100, 'apikey: invalid')
        nonce = headers['bfx-nonce']
        signed = hmac.new(SECRET.encode(), f'/api{request.url}{nonce}{request.raw}'.encode(), hashlib.sha384).hexdigest()
        if headers['bfx-signature'] != signed:
            return refusal(10100, 'apikey: digest invalid')
        if int(nonce) <= self.last_nonce:
            return refusal(10114, 'nonce: small')
        self.last_nonce = int(nonce)
        return None


def refusal(code: int, message: str) -> Answer:
    return as_json(['error', code, message], 500)
