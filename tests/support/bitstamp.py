"""A fake Bitstamp with one account: verifies signatures as Bitstamp's documentation says, and answers in its format.

https://www.bitstamp.net/api/#section/Request-example
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

KEY, SECRET = 'bitstamp-key-of-a-test', 'bitstamp-secret-of-a-test'
_HOST = 'www.bitstamp.net'


@dataclass
class BitstampAccount:
    """`rows` are its transactions, newest first, `balances` what it holds."""

    rows: Sequence[Mapping[str, Any]] = ()
    balances: Mapping[str, str] = field(default_factory=dict)
    nonces: set[str] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self._fault(request)
        if fault is not None:
            reason, code = fault
            return as_json({'status': 'error', 'reason': reason, 'code': code}, 403)
        body = request.body
        if request.url == '/api/v2/account_balances/':
            rows = [{'currency': code, 'total': total, 'available': total, 'reserved': '0.00'} for code, total in self.balances.items()]
            return as_json(rows)
        if request.url == '/api/v2/user_transactions/':
            offset, limit = int(body['offset']), int(body['limit'])
            return as_json(list(self.rows[offset : offset + limit]))
        return as_json({'status': 'error', 'reason': 'Not found', 'code': 'API0404'}, 404)

    def _fault(self, request: Request) -> tuple[str, str] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get('x-auth') != f'BITSTAMP {KEY}':
            return 'API key not found', 'API0001'
        nonce, timestamp = headers['x-auth-nonce'], headers['x-auth-timestamp']
        signed = (
            f'BITSTAMP {KEY}POST{_HOST}{request.url}{headers["content-type"]}{nonce}{timestamp}{headers["x-auth-version"]}{request.raw}'
        )
        if headers['x-auth-signature'] != hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest():
            return 'Invalid signature', 'API0005'
        if nonce in self.nonces:
            return 'Invalid nonce', 'API0004'
        self.nonces.add(nonce)
        return None
