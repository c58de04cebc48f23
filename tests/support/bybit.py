"""A fake Bybit with one account: verifies signatures as Bybit's documentation says, and answers in its format.

https://bybit-exchange.github.io/docs/v5/guide#authentication
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

CREDENTIALS = {'key': 'bybit-key-of-a-test', 'secret': 'bybit-secret-of-a-test'}


@dataclass
class BybitAccount:
    """`unified` and `funding` are the rows of what it holds, `is_read_only` and `is_unified` are what its key tells."""

    unified: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    is_read_only: bool = True
    is_unified: bool = True
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        results: Mapping[tuple[str, str | None], Any] = {
            ('/v5/user/query-api', None): {
                'id': '13770661',
                'readOnly': int(self.is_read_only),
                'permissions': {'ContractTrade': [], 'Spot': ['SpotTrade'], 'Wallet': ['AccountTransfer'], 'Options': []},
                'uta': int(self.is_unified),
            },
            ('/v5/account/wallet-balance', 'UNIFIED'): {
                'list': [{'accountType': 'UNIFIED', 'totalEquity': '3.31', 'coin': list(self.unified)}]
            },
            ('/v5/asset/transfer/query-account-coins-balance', 'FUND'): {
                'accountType': 'FUND', 'memberId': '533285', 'balance': list(self.funding),
            },
        }  # fmt: skip
        result = results[request.url, request.query.get('accountType')]
        return as_json({'retCode': 0, 'retMsg': 'OK', 'result': result, 'retExtInfo': {}, 'time': clock.now() * 1_000})

    def _fault(self, request: Request) -> Answer | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        at, window = headers['x-bapi-timestamp'], headers['x-bapi-recv-window']
        if headers['x-bapi-api-key'] != CREDENTIALS['key']:
            return refusal(10003, 'API key is invalid.')
        signed = at + CREDENTIALS['key'] + window + urlencode(request.query)
        if headers['x-bapi-sign'] != hmac.new(CREDENTIALS['secret'].encode(), signed.encode(), hashlib.sha256).hexdigest():
            return refusal(10004, 'error sign! origin_string[...]')
        if not -2_000 < clock.now() * 1_000 - int(at) < int(window):
            return refusal(10002, 'invalid request, please check your server timestamp or recv_window param.')
        return None


def refusal(code: int, message: str, status: int = 200) -> Answer:
    return as_json({'retCode': code, 'retMsg': message, 'result': {}, 'retExtInfo': {}, 'time': 1672211918471}, status)
