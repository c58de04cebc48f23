"""A fake MEXC with one account: verifies signatures as MEXC's documentation says, and answers in its format.

https://www.mexc.com/api-docs/spot-v3/general-info: HMAC-SHA256 over the query as it is sent, in hexadecimal notation.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'mexc-key-of-a-test', 'secret': 'mexc-secret-of-a-test'}


@dataclass
class MexcAccount:
    """`balances` are the rows of its spot wallet; `fault` takes the place of the answer."""

    balances: Sequence[Mapping[str, Any]] = ()
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or _fault(request)
        if fault is not None:
            return fault
        assert request.url == '/api/v3/account'
        rights = {'canTrade': True, 'canWithdraw': True, 'canDeposit': True}
        return as_json({**rights, 'updateTime': None, 'accountType': 'SPOT', 'balances': list(self.balances), 'permissions': ['SPOT']})


def refusal(code: int, message: str, status: int = 400) -> Answer:
    return as_json({'code': code, 'msg': message}, status)


def _fault(request: Request) -> Answer | None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get('x-mexc-apikey') != CREDENTIALS['key']:
        return refusal(10072, 'Api key info invalid')
    sent = dict(request.query)
    signature = sent.pop('signature')
    if signature != hmac.new(CREDENTIALS['secret'].encode(), urlencode(sent).encode(), hashlib.sha256).hexdigest():
        return refusal(700002, 'Signature for this request is not valid.')
    is_current = abs(int(sent['timestamp']) - clock.now_ms()) < int(sent['recvWindow'])
    return None if is_current else refusal(700003, 'Timestamp for this request is outside of the recvWindow.')
