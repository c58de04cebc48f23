"""Accounts at a fake Kraken: verifies signatures and nonces as Kraken's documentation says, and answers in its format.

https://docs.kraken.com/api/docs/guides/spot-rest-auth
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request

PAGE = 50
READ_ONLY = ('query-funds', 'query-ledger')
# Of the sample, which has one account.
SAMPLE_KEY = 'sample-kraken-key'
SAMPLE_SECRET = base64.b64encode(b'a secret that everybody knows').decode()

Json = dict[str, Any]


@dataclass(frozen=True)
class LedgerRow:
    """One entry of a ledger: `amount` with its sign, without the `fee`."""

    id: str
    reference: str
    at: int
    kind: str
    asset: str
    amount: Decimal
    fee: Decimal = Decimal(0)

    def to_json(self) -> Json:
        return {
            'refid': self.reference,
            'time': self.at + 0.25,
            'type': self.kind,
            'subtype': '',
            'aclass': 'currency',
            'asset': self.asset,
            'amount': str(self.amount),
            'fee': str(self.fee),
            'balance': '0.0000',
        }


@dataclass
class KrakenAccount:
    """One account with its API key. `rows` are its ledger, newest first. It holds what these sum to, or `balances` if given."""

    key: str = SAMPLE_KEY
    secret: str = SAMPLE_SECRET
    permissions: Sequence[str] = READ_ONLY
    rows: Sequence[LedgerRow] = ()
    balances: Mapping[str, str] | None = None
    last_nonce: int = 0
    checks_nonces: bool = True

    def respond(self, request: Request) -> Answer:
        """Answer a request to `/0/private/<method>`."""
        if request.path[:2] != ['0', 'private'] or len(request.path) != 3:
            return _error('EGeneral:Unknown method')
        form = {name: values[0] for name, values in parse_qs(request.raw).items()}
        fault = self._fault(request, form)
        if fault is not None:
            return _error(fault)
        return self._answer(request.path[2], form)

    def _fault(self, request: Request, form: Mapping[str, str]) -> str | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get('api-key') != self.key:
            return 'EAPI:Invalid key'
        nonce = form.get('nonce', '')
        digest = hashlib.sha256((nonce + request.raw).encode()).digest()
        signed = hmac.new(base64.b64decode(self.secret), request.url.encode() + digest, hashlib.sha512).digest()
        if not hmac.compare_digest(base64.b64encode(signed).decode(), headers.get('api-sign', '')):
            return 'EAPI:Invalid signature'
        if self.checks_nonces and not (nonce.isdecimal() and int(nonce) > self.last_nonce):
            return 'EAPI:Invalid nonce'
        self.last_nonce = int(nonce)
        return None

    def _answer(self, method: str, form: Mapping[str, str]) -> Answer:
        if method == 'GetApiKeyInfo':
            return _result({'api_key_name': 'CryptFolio', 'permissions': list(self.permissions), 'valid_until': '0'})
        needed = {'BalanceEx': 'query-funds', 'Ledgers': 'query-ledger'}.get(method)
        if needed is None:
            return _error('EGeneral:Unknown method')
        if needed not in self.permissions:
            return _error('EGeneral:Permission denied')
        return _result(self._balances()) if method == 'BalanceEx' else self._ledger(form)

    def _balances(self) -> Json:
        held = dict(self.balances) if self.balances is not None else {code: str(total) for code, total in self.totals().items()}
        return {asset: {'balance': balance, 'hold_trade': '0.0000'} for asset, balance in held.items()}

    def totals(self) -> dict[str, Decimal]:
        """What the entries sum to, by asset."""
        sums: dict[str, Decimal] = {}
        for row in self.rows:
            sums[row.asset] = sums.get(row.asset, Decimal(0)) + row.amount - row.fee
        return sums

    def _ledger(self, form: Mapping[str, str]) -> Answer:
        end = int(form['end']) if 'end' in form else None
        listed = [row for row in self.rows if end is None or row.at <= end]
        offset = int(form.get('ofs', '0'))
        return _result({'ledger': {row.id: row.to_json() for row in listed[offset : offset + PAGE]}, 'count': len(listed)})


def _sample_rows() -> list[LedgerRow]:
    """The ledger of the sample, newest first: euros come in, bitcoin and ether are bought each week, ether is staked and earns."""
    began, week = 1_672_531_200, 604_800  # 2023-01-01
    rows = [LedgerRow('LSAMPLE-DEPOSIT', 'RSAMPLE-DEPOSIT', began, 'deposit', 'ZEUR', Decimal('10000.00'))]
    for n in range(1, 41):
        asset, bought = (('XXBT', Decimal('0.0025')), ('XETH', Decimal('0.04')))[n % 2]
        trade, at = f'TSAMPLE-{n:05}', began + n * week
        rows.append(LedgerRow(f'LSAMPLE-{n:05}-PAID', trade, at, 'trade', 'ZEUR', Decimal('-50.00'), Decimal('0.13')))
        rows.append(LedgerRow(f'LSAMPLE-{n:05}-GOT', trade, at, 'trade', asset, bought))
    staked = began + 41 * week
    rows.append(LedgerRow('LSAMPLE-UNSTAKED', 'RSAMPLE-MOVED', staked, 'transfer', 'XETH', Decimal('-0.5')))
    rows.append(LedgerRow('LSAMPLE-STAKED', 'RSAMPLE-MOVED', staked, 'transfer', 'ETH.S', Decimal('0.5')))
    rows.append(LedgerRow('LSAMPLE-REWARD', 'RSAMPLE-REWARD', staked + week, 'staking', 'ETH.S', Decimal('0.0004821')))
    return rows[::-1]


def _result(result: Json) -> Answer:
    return as_json({'error': [], 'result': result})


def _error(text: str) -> Answer:
    return as_json({'error': [text]})


# Anybody may use it at the same time, so it takes any nonce.
SAMPLE = KrakenAccount(rows=_sample_rows(), checks_nonces=False)
