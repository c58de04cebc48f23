"""A fake Bybit with one account: verifies signatures as Bybit's documentation says, and answers in its format.

https://bybit-exchange.github.io/docs/v5/guide#authentication
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from chalicelib import clock
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

CREDENTIALS = {'key': 'bybit-key-of-a-test', 'secret': 'bybit-secret-of-a-test'}


@dataclass
class BybitAccount:
    """`unified` and `funding` are the rows of what it holds, their logs newest first; the others are what its key tells."""

    unified: Sequence[Mapping[str, str]] = ()
    funding: Sequence[Mapping[str, str]] = ()
    unified_log: Sequence[Mapping[str, Any]] = ()
    funding_log: Sequence[Mapping[str, Any]] = ()
    user_id: int = 24617703
    is_read_only: bool = True
    is_unified: bool = True
    fault: Answer | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.fault or self._fault(request)
        if fault is not None:
            return fault
        if request.url == '/v5/account/transaction-log':
            return self._listed(request, self.unified_log, 'transactionTime', ('startTime', 'endTime'), 1_000, 50)
        if request.url == '/v5/asset/fundinghistory':
            return self._listed(request, self.funding_log, 'createTime', ('createTimeFrom', 'createTimeTo'), 1, 100)
        results: Mapping[tuple[str, str | None], Any] = {
            ('/v5/user/query-api', None): {
                'id': '13770661',
                'userID': self.user_id,
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
        return answer(results[request.url, request.query.get('accountType')])

    def _listed(
        self, request: Request, log: Sequence[Mapping[str, Any]], time: str, names: tuple[str, str], second: int, most: int
    ) -> Answer:
        """Answer a page of a window; a cursor is the place of the next row counted from the oldest, so that new rows do not move it."""
        begin, end = (int(request.query[name]) for name in names)
        if not 0 <= end - begin <= 7 * 86_400 * second or begin < (clock.now() - 2 * 365 * 86_400) * second:
            return refusal(10001, 'The time range is invalid.')
        if int(request.query['limit']) > most:
            return refusal(10001, 'The limit is invalid.')
        after = len(log) - int(request.query['cursor']) if 'cursor' in request.query else 0
        rows = [(place, row) for place, row in enumerate(log) if place >= after and begin <= int(row[time]) <= end]
        page = rows[: int(request.query['limit'])]
        cursor = str(len(log) - page[-1][0] - 1) if len(rows) > len(page) else ''
        return answer({'list': [row for _, row in page], 'nextPageCursor': cursor})

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


def answer(result: Any) -> Answer:
    return as_json({'retCode': 0, 'retMsg': 'OK', 'result': result, 'retExtInfo': {}, 'time': clock.now() * 1_000})


def change(name: str, at: int, coin: str, amount: str, *, fee: str = '0', trade: str = '', kind: str = 'TRADE') -> dict[str, Any]:
    """Return a row of the unified account's log; `amount` is before the fee."""
    return {
        'id': name, 'symbol': '', 'category': 'spot', 'side': 'None', 'transactionTime': str(at * 1_000 + 123), 'type': kind,
        'transSubType': '', 'qty': amount, 'size': '0', 'currency': coin, 'tradePrice': '', 'funding': '', 'fee': fee,
        'cashFlow': amount, 'change': str(Decimal(amount) - Decimal(fee)), 'cashBalance': '0', 'feeRate': '', 'bonusChange': '',
        'tradeId': trade, 'orderId': '', 'orderLinkId': '', 'extraFees': '',
    }  # fmt: skip


def moved(name: str, at: int, coin: str, amount: str) -> dict[str, Any]:
    """Return a row of the funding account's log."""
    return {
        'memberId': '290118', 'currency': coin, 'ioDirection': 'O' if amount.startswith('-') else 'I', 'txnAmt': amount.lstrip('-'),
        'afterAmt': '0', 'createTime': str(at), 'showBusiType': '', 'showBusiTypeEn': 'Transfer', 'description': '',
        'descriptionEn': '', 'currcCursor': name,
    }  # fmt: skip


def refusal(code: int, message: str, status: int = 200) -> Answer:
    return as_json({'retCode': code, 'retMsg': message, 'result': {}, 'retExtInfo': {}, 'time': 1672211918471}, status)
