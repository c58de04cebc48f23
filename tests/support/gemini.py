"""A fake Gemini with one account: verifies signatures as Gemini's documentation says, and answers in its format.

https://docs.gemini.com/rest-api/#authentication
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

KEY, SECRET = 'account-key-of-a-test', 'gemini-secret-of-a-test'
AUDITOR = {'counterparty_id': 'EMONNYXK', 'isAuditor': True, 'isFundManager': False, 'isTrader': False}


@dataclass
class GeminiAccount:
    """`traded` and `staked` are its balances, `roles` those of the key; `fault` takes the place of every answer."""

    traded: Sequence[Mapping[str, Any]] = ()
    staked: Sequence[Mapping[str, Any]] = ()
    roles: Mapping[str, Any] = field(default_factory=lambda: AUDITOR)
    fault: Answer | None = None
    last_nonce: int = 0
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        refusal = self._refusal(request)
        if self.fault is not None:
            return self.fault
        if refusal is not None:
            return refused(400, refusal)
        answers = {'/v1/roles': self.roles, '/v1/balances': list(self.traded), '/v1/balances/staking': list(self.staked)}
        return as_json(answers[request.url]) if request.url in answers else refused(404, 'EndpointNotFound')

    def _refusal(self, request: Request) -> str | None:
        """Return what is wrong with a request: the payload is base64 of JSON, signed with HMAC-SHA384 in hexadecimal notation."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get('x-gemini-apikey') != KEY:
            return 'InvalidApiKey'
        payload = headers['x-gemini-payload']
        if headers['x-gemini-signature'] != hmac.new(SECRET.encode(), payload.encode(), hashlib.sha384).hexdigest():
            return 'InvalidSignature'
        told = json.loads(base64.b64decode(payload, validate=True))
        if told['request'] != request.url:
            return 'EndpointMismatch'
        if int(told['nonce']) <= self.last_nonce:
            return 'InvalidNonce'
        self.last_nonce = int(told['nonce'])
        return None


def refused(status: int, reason: str, message: str = 'refused') -> Answer:
    return as_json({'result': 'error', 'reason': reason, 'message': message}, status)
