"""A fake Binance with one account: verifies signatures as Binance's documentation says, and answers in its format.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'binance-key-of-a-test', 'secret': 'binance-secret-of-a-test'}
_ROUTES = {
    'GET': ('/sapi/v1/account/apiRestrictions', '/sapi/v1/simple-earn/flexible/position', '/sapi/v1/simple-earn/locked/position'),
    'POST': ('/sapi/v3/asset/getUserAsset', '/sapi/v1/asset/get-funding-asset'),
}


@dataclass
class BinanceAccount:
    """`spot` and `funding` are rows of wallets, `flexible` and `locked` of Simple Earn, `rights` what the key may do besides reading."""

    spot: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    flexible: Sequence[Mapping[str, Any]] = ()
    locked: Sequence[Mapping[str, Any]] = ()
    rights: Mapping[str, bool] = field(default_factory=dict)
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        page = request.url.split('/')[-2:]
        if page[-1] == 'apiRestrictions':
            refused = dict.fromkeys(('enableWithdrawals', 'enableSpotAndMarginTrading', 'permitsUniversalTransfer'), False)
            return as_json({'ipRestrict': True, 'createTime': 1698645219000, 'enableReading': True} | refused | dict(self.rights))
        if page[-1] == 'position':
            rows = self.flexible if page[0] == 'flexible' else self.locked
            size = int(request.query['size'])
            first = (int(request.query['current']) - 1) * size
            return as_json({'rows': list(rows[first : first + size]), 'total': len(rows)})
        return as_json(list(self.spot if page[-1] == 'getUserAsset' else self.funding))

    def _fault(self, request: Request) -> Answer | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        is_post = bool(request.raw)
        if request.url not in _ROUTES['POST' if is_post else 'GET']:
            return Answer(404, '<html>404</html>', 'text/html')
        if headers.get('x-mbx-apikey') != CREDENTIALS['key']:
            return refusal(-2015, 'Invalid API-key, IP, or permissions for action.', 401)
        sent = parse_qsl(request.raw) if is_post else list(request.query.items())
        name, signature = sent.pop()
        signed = urlencode(sent)
        if (name, signature) != ('signature', hmac.new(CREDENTIALS['secret'].encode(), signed.encode(), hashlib.sha256).hexdigest()):
            return refusal(-1022, 'Signature for this request is not valid.')
        if abs(int(dict(sent)['timestamp']) - clock.now() * 1_000) > 10_000:
            return refusal(-1021, 'Timestamp for this request is outside of the recvWindow.')
        return None


def refusal(code: int, message: str, status: int = 400) -> Answer:
    return as_json({'code': code, 'msg': message}, status)


def holding(asset: str, free: str, locked: str = '0', freeze: str = '0', withdrawing: str = '0') -> dict[str, str]:
    """Return a row of a wallet."""
    return {'asset': asset, 'free': free, 'locked': locked, 'freeze': freeze, 'withdrawing': withdrawing, 'btcValuation': '0'}
