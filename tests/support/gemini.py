"""A fake Gemini with one account: verifies signatures as Gemini's documentation says, and answers in its format.

https://docs.gemini.com/rest-api/#authentication
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

KEY, SECRET = 'account-key-of-a-test', 'gemini-secret-of-a-test'
AUDITOR = {'counterparty_id': 'EMONNYXK', 'isAuditor': True, 'isFundManager': False, 'isTrader': False}


@dataclass
class GeminiAccount:
    """`traded` and `staked` are its balances, then what it lists; `roles` are those of the key. `fault` takes the place of every answer."""

    traded: Sequence[Mapping[str, Any]] = ()
    staked: Sequence[Mapping[str, Any]] = ()
    trades: Sequence[Mapping[str, Any]] = ()
    transfers: Sequence[Mapping[str, Any]] = ()
    rewards: Sequence[Mapping[str, Any]] = ()
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
        payload = _payload(request)
        answers: Mapping[str, Callable[[], Any]] = {
            '/v1/roles': lambda: self.roles,
            '/v1/balances': lambda: list(self.traded),
            '/v1/balances/staking': lambda: list(self.staked),
            '/v1/mytrades': lambda: _listed(self.trades, payload['timestamp'], min(payload['limit_trades'], 500)),
            '/v1/transfers': lambda: _listed(self.transfers, payload['timestamp'], min(payload['limit_transfers'], 50)),
            '/v1/staking/history': lambda: self._rewards(payload),
        }
        return as_json(answers[request.url]()) if request.url in answers else refused(404, 'EndpointNotFound')

    def _rewards(self, payload: Mapping[str, Any]) -> list[Any]:
        """Return what was earned since an instant by each of two providers, oldest first."""
        assert payload['interestOnly']
        assert payload['sortAsc']
        since = [row for row in self.rewards if row['dateTime'] >= payload['since']][: min(payload['limit'], 500)]
        return [{'providerId': str(part), 'transactions': since[part::2]} for part in (0, 1)]

    def _refusal(self, request: Request) -> str | None:
        """Return what is wrong with a request: the payload is base64 of JSON, signed with HMAC-SHA384 in hexadecimal notation."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get('x-gemini-apikey') != KEY:
            return 'InvalidApiKey'
        signed = headers['x-gemini-payload'].encode()
        if headers['x-gemini-signature'] != hmac.new(SECRET.encode(), signed, hashlib.sha384).hexdigest():
            return 'InvalidSignature'
        told = _payload(request)
        if told['request'] != request.url:
            return 'EndpointMismatch'
        if int(told['nonce']) <= self.last_nonce:
            return 'InvalidNonce'
        self.last_nonce = int(told['nonce'])
        return None


def _payload(request: Request) -> dict[str, Any]:
    """Return the parameters of a request, which are in a header, as base64 of JSON."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    payload: dict[str, Any] = json.loads(base64.b64decode(headers['x-gemini-payload'], validate=True))
    return payload


def _listed(rows: Sequence[Mapping[str, Any]], since: int, most: int) -> list[Mapping[str, Any]]:
    """Return the first rows since an instant (in milliseconds), the newest of them first."""
    later = sorted((row for row in rows if row['timestampms'] >= since), key=lambda row: int(row['timestampms']))
    return later[:most][::-1]


def trade(tid: int, at_ms: int, symbol: str, kind: str, amount: str, price: str, fee: str, paid_in: str = 'USD') -> dict[str, Any]:
    return {
        'price': price, 'amount': amount, 'timestamp': at_ms // 1_000, 'timestampms': at_ms, 'type': kind, 'aggressor': True,
        'fee_currency': paid_in, 'fee_amount': fee, 'tid': tid, 'order_id': '107317524', 'exchange': 'gemini', 'is_clearing_fill': False,
        'symbol': symbol,
    }  # fmt: skip


def transfer(
    eid: int, at_ms: int, kind: str, currency: str, amount: str, *, status: str = 'Complete', fee: str | None = None
) -> dict[str, Any]:
    row = {'type': kind, 'status': status, 'timestampms': at_ms, 'eid': eid, 'currency': currency, 'amount': amount}
    return row if fee is None else row | {'feeAmount': fee, 'feeCurrency': currency}


def reward(name: str, instant: str, currency: str, amount: float) -> dict[str, Any]:
    row = {'transactionId': name, 'transactionType': 'Interest', 'amountCurrency': currency, 'amount': amount}
    return row | {'priceCurrency': 'USD', 'priceAmount': 1.5, 'dateTime': instant}


def refused(status: int, reason: str, message: str = 'refused') -> Answer:
    return as_json({'result': 'error', 'reason': reason, 'message': message}, status)
