"""A fake OKX with one account: verifies signatures as OKX's documentation says, and answers in its format.

https://www.okx.com/docs-v5/en/#overview-rest-authentication
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'okx-key-of-a-test', 'secret': 'okx-secret-of-a-test', 'password': 'okx-passphrase-of-a-test'}


@dataclass
class OkxAccount:
    """`trading`, `funding` and `lent` are the rows of what it holds, `perm` what its key may do."""

    trading: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    lent: Sequence[Mapping[str, str]] = ()
    perm: str = 'read_only'
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        data = {
            '/api/v5/account/config': [{'uid': '44705892343619584', 'acctLv': '2', 'perm': self.perm, 'autoLoan': False}],
            '/api/v5/account/balance': [{'totalEq': '55415.62', 'details': list(self.trading), 'uTime': '1705449605015'}],
            '/api/v5/asset/balances': list(self.funding),
            '/api/v5/finance/savings/balance': list(self.lent),
        }
        return as_json({'code': '0', 'data': data[request.url], 'msg': ''})

    def _fault(self, request: Request) -> Answer | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        at = headers['ok-access-timestamp']
        if headers['ok-access-key'] != CREDENTIALS['key']:
            return refusal('50119', "API key doesn't exist", 401)
        if headers['ok-access-passphrase'] != CREDENTIALS['password']:
            return refusal('50105', 'Request header OK-ACCESS-PASSPHRASE incorrect', 401)
        query = f'?{urlencode(request.query)}' if request.query else ''
        signed = f'{at}GET{request.url}{query}{request.raw}'
        digest = hmac.new(CREDENTIALS['secret'].encode(), signed.encode(), hashlib.sha256).digest()
        if headers['ok-access-sign'] != base64.b64encode(digest).decode():
            return refusal('50113', 'Invalid Sign', 401)
        if not at.endswith('Z') or abs(datetime.fromisoformat(at).timestamp() - clock.now()) > 30:
            return refusal('50102', 'Timestamp request expired', 401)
        return None


def refusal(code: str, message: str, status: int = 200) -> Answer:
    return as_json({'msg': message, 'code': code}, status)
