"""A fake KuCoin with one account: verifies signatures as KuCoin's documentation says, and answers in its format.

https://www.kucoin.com/docs-new/authentication
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

KEY, SECRET, PASSPHRASE = 'kucoin-key-of-a-test', 'kucoin-secret-of-a-test', 'kucoin-passphrase-of-a-test'


@dataclass
class KucoinAccount:
    """`listed`, `cross` and `isolated` are its wallets, or `unified`, and `permission` what the key may do.

    `ledger` has the rows of funding, `trading` those of the fast trading account or the unified one, newest first; rows of trading are told
    for three days. `fault` takes the place of all answers.
    """

    listed: Sequence[Mapping[str, Any]] = ()
    cross: Sequence[Mapping[str, Any]] = ()
    isolated: Sequence[Mapping[str, Any]] = ()
    unified: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    ledger: Sequence[Mapping[str, Any]] = ()
    trading: Sequence[Mapping[str, Any]] = ()
    permission: str = 'General'
    mode: str = 'CLASSIC'
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        refusal = self._refusal(request)
        if self.fault is not None:
            return self.fault
        if refusal is not None:
            return refused(401, *refusal)
        query = request.query
        of_all = query.get('queryType') == 'ALL'  # without it, those of the fast margin accounts are left out
        answers: dict[str, Any] = {
            '/api/v1/user/api-key': {'remark': 'test', 'apiKey': KEY, 'apiVersion': 3, 'permission': self.permission, 'uid': 165_111_215},
            '/api/ua/v1/account/mode': {'selfAccountMode': self.mode},
            '/api/v1/accounts': list(self.listed),
            '/api/v3/margin/accounts': {'debtRatio': '0', 'status': 'EFFECTIVE', 'accounts': list(self.cross if of_all else ())},
            '/api/v3/isolated/accounts': {'timestamp': clock.now_ms(), 'assets': list(self.isolated if of_all else ())},
            '/api/v3/hf/margin/account/ledgers': [],
            '/api/ua/v1/account/balance': _balances(self.unified.get(query.get('accountType', ''), ())),
            '/api/ua/v1/unified/account/balance': _balances(self.unified.get('UNIFIED', ())),
        }
        if request.url == '/api/v1/accounts/ledgers':
            return self._day(int(query['startAt']), int(query['endAt']), int(query['currentPage']), int(query['pageSize']))
        if request.url in ('/api/v1/hf/accounts/ledgers', '/api/ua/v1/account/ledger'):
            rows = self._recent(query.get('lastId'), int(query.get('limit') or query['pageSize']))
            return as_json({'code': '200000', 'data': {'items': rows} if 'ua' in request.path else rows})
        if request.url not in answers:
            return refused(404, '404000', 'Url Not Found')
        return as_json({'code': '200000', 'data': answers[request.url]})

    def _day(self, start: int, end: int, page: int, size: int) -> Answer:
        if not 0 < end - start <= 86_400_000:
            return refused(200, '400100', 'time range error')
        rows = [row for row in self.ledger if start <= row['createdAt'] <= end]
        items = rows[(page - 1) * size : page * size]
        return as_json({'code': '200000', 'data': {'currentPage': page, 'totalPage': -(-len(rows) // size), 'items': items}})

    def _recent(self, last: str | None, limit: int) -> list[Mapping[str, Any]]:
        oldest = clock.now_ms() - 3 * 86_400_000
        rows = [row for row in self.trading if row.get('ts', 0) // 1_000_000 + int(row.get('createdAt', 0)) >= oldest]
        ids = [row['id'] for row in rows]
        return rows[0 if last is None else ids.index(last) + 1 :][:limit]

    def _refusal(self, request: Request) -> tuple[str, str] | None:
        """Return what is wrong with a request: signed are time, method, path with its query, and body; the passphrase is signed too."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get('kc-api-key') != KEY:
            return '400003', 'KC-API-KEY not exists'
        if headers['kc-api-key-version'] not in ('2', '3') or headers['kc-api-passphrase'] != _signed(PASSPHRASE):
            return '400004', 'Invalid KC-API-PASSPHRASE'
        at = headers['kc-api-timestamp']
        if abs(int(at) - clock.now_ms()) > 5_000:
            return '400002', 'KC-API-TIMESTAMP Invalid'
        query = f'?{urlencode(request.query)}' if request.query else ''
        if headers['kc-api-sign'] != _signed(f'{at}GET{request.url}{query}{request.raw}'):
            return '400005', 'Invalid KC-API-SIGN'
        return None


def _balances(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {'ts': clock.now_ms(), 'accounts': [{'currencies': list(rows)}]}


def refused(status: int, code: str, message: str = 'refused') -> Answer:
    return as_json({'code': code, 'msg': message}, status)


def _signed(text: str) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
