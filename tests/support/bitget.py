"""A fake Bitget with one account: verifies signatures as Bitget's documentation says, and answers in its format.

https://www.bitget.com/api-doc/common/signature: base64 of HMAC-SHA256 over the time, the method, the path with its query, and the body.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'bitget-key-of-a-test', 'secret': 'bitget-secret-of-a-test', 'password': 'bitget-passphrase-of-a-test'}


@dataclass
class BitgetAccount:
    """`spot` are the rows of the wallet of a classic account, `unified` those of a unified one, which it is if there are any."""

    spot: Sequence[Mapping[str, Any]] = ()
    unified: Sequence[Mapping[str, Any]] = ()
    faults: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.faults:
            return self.faults.pop(0)
        fault = _fault(request)
        if fault is not None:
            return fault
        if request.url == '/api/v3/account/settings' and not self.unified:
            return refusal('40084', 'You are in Classic Account mode, and the Unified Account API is not supported at this time')
        answers: Mapping[str, Any] = {
            '/api/v3/account/settings': {'uid': '1234567890', 'accountMode': 'unified', 'assetMode': 'single'},
            '/api/v3/account/assets': {'accountEquity': '11.13', 'assets': list(self.unified)},
            '/api/v2/spot/account/assets': list(self.spot),
        }
        return as_json({'code': '00000', 'msg': 'success', 'requestTime': clock.now_ms(), 'data': answers[request.url]})


def spot_row(coin: str, available: Any, frozen: Any = '0', locked: Any = '0') -> dict[str, Any]:
    """Return a row of the spot wallet."""
    return {'coin': coin, 'available': available, 'frozen': frozen, 'locked': locked, 'limitAvailable': '0', 'uTime': '1622697148'}


def refusal(code: str, message: str, status: int = 400) -> Answer:
    return as_json({'code': code, 'msg': message, 'requestTime': clock.now_ms(), 'data': None}, status)


def _fault(request: Request) -> Answer | None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    at = headers['access-timestamp']
    if headers['access-key'] != CREDENTIALS['key']:
        return refusal('40037', 'Apikey does not exist')
    if headers['access-passphrase'] != CREDENTIALS['password']:
        return refusal('40012', 'apikey/password is incorrect')
    query = f'?{urlencode(request.query)}' if request.query else ''
    signed = f'{at}GET{request.url}{query}{request.raw}'
    digest = hmac.new(CREDENTIALS['secret'].encode(), signed.encode(), hashlib.sha256).digest()
    if headers['access-sign'] != base64.b64encode(digest).decode():
        return refusal('40009', 'sign signature error')
    return None if abs(int(at) - clock.now_ms()) < 30_000 else refusal('40008', 'Request timestamp expired')
