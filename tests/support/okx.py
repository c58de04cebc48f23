"""A fake OKX with one account: verifies signatures as OKX's documentation says, and answers in its format.

https://www.okx.com/docs-v5/en/#overview-rest-authentication
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'okx-key-of-a-test', 'secret': 'okx-secret-of-a-test', 'password': 'okx-passphrase-of-a-test'}


@dataclass
class OkxAccount:
    """`trading`, `funding` and `lent` are the rows of what it holds, `perm` what its key may do.

    Bills and earnings are newest first. The lists of all bills are late by `late` of them.
    """

    trading: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    lent: Sequence[Mapping[str, str]] = ()
    trading_bills: Sequence[Mapping[str, str]] = ()
    funding_bills: Sequence[Mapping[str, str]] = ()
    earnings: Sequence[Mapping[str, str]] = ()
    late: int = 1
    perm: str = 'read_only'
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        limit = int(request.query.get('limit', '10000'))
        return as_json({'code': '0', 'data': self._rows(request)[:limit], 'msg': ''})

    def _rows(self, request: Request) -> list[Mapping[str, Any]]:
        held: dict[str, Sequence[Mapping[str, Any]]] = {
            '/api/v5/account/config': [{'uid': '44705892343619584', 'acctLv': '2', 'perm': self.perm, 'autoLoan': False}],
            '/api/v5/account/balance': [
                {'totalEq': '55415.62', 'details': [{'isoLiab': ''} | dict(row) for row in self.trading], 'uTime': '1705449605015'}
            ],
            '/api/v5/asset/balances': self.funding,
            '/api/v5/finance/savings/balance': self.lent,
            '/api/v5/account/bills': self.trading_bills,
            '/api/v5/asset/bills': self.funding_bills,
        }
        return list(held[request.url]) if request.url in held else self._older(request, request.query.get('after'))

    def _older(self, request: Request, after: str | None) -> list[Mapping[str, Any]]:
        """Return what comes after a bill, or a timestamp."""
        match request.path[2:]:
            case ['account', 'bills-archive']:
                return _after_bill(self.trading_bills[self.late :], after)
            case ['asset', 'bills-history'] if request.query['pagingType'] == '2':  # without it, `after` would be a timestamp
                return _after_bill(self.funding_bills[self.late :], after)
            case ['finance', 'savings', 'lending-history']:
                return [row for row in self.earnings if after is None or int(row['ts']) < int(after)]
        raise LookupError(request.url)

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


def _after_bill(rows: Sequence[Mapping[str, str]], bill: str | None) -> list[Mapping[str, Any]]:
    ids = [row['billId'] for row in rows]
    return list(rows[0 if bill is None else ids.index(bill) + 1 :])


def refusal(code: str, message: str, status: int = 200) -> Answer:
    return as_json({'msg': message, 'code': code}, status)
