"""Accounts at Coinbase, read from a server that verifies its tokens."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from tests.support.accounts import PATH, balances, create, is_whole, problem, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.coinbase import KEY, SECRET, CoinbaseAccount, in_pem

CREDENTIALS = {'key': KEY, 'secret': SECRET}
USD, BTC, STAKED = 'wallet-of-usd', 'wallet-of-btc', 'wallet-of-staked-ether'


def row(key: str, minute: int, kind: str, currency: str, delta: str, status: str = 'completed', **details: Any) -> dict[str, Any]:
    """Return a transaction as Coinbase lists it, of a minute of a day."""
    at = f'2026-03-01T{minute // 60:02}:{minute % 60:02}:07Z'
    moved = {'amount': delta, 'currency': currency}
    return {'id': key, 'type': kind, 'status': status, 'amount': moved, 'created_at': at, 'resource': 'transaction'} | details


def fill(key: str, minute: int, currency: str, delta: str, commission: str | None = None) -> dict[str, Any]:
    told = {'fill_price': '60000', 'product_id': 'BTC-USD', 'order_id': f'order-{minute}', 'order_side': 'buy'}
    told |= {} if commission is None else {'commission': commission}
    return row(key, minute, 'advanced_trade_fill', currency, delta, advanced_trade_fill=told)


@pytest.fixture
def coinbase(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[CoinbaseAccount]:
    """An empty account, in a portfolio."""
    account = CoinbaseAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'coinbase', CREDENTIALS)
        yield account


def test_fills_with_their_commission_movements_and_rewards_of_all_wallets_add_up(api: Api, coinbase: CoinbaseAccount):
    bought = [fill(f'b{n}', n, 'BTC', '0.001', '0.37') for n in range(110, 0, -1)]
    paid = [fill(f'p{n}', n, 'USD', '-60.00', '0.37' if n % 2 else None) for n in range(110, 0, -1)]
    sent = row('s1', 300, 'send', 'BTC', '-0.05', network={'hash': 'ab', 'transaction_fee': {'amount': '0.0002', 'currency': 'BTC'}})
    coinbase.rows = {
        USD: [row('w1', 310, 'fiat_withdrawal', 'USD', '-5.00', status='pending'), *paid, row('d1', 0, 'fiat_deposit', 'USD', '20000.00')],
        BTC: [sent, *bought],
        STAKED: [row('r1', 301, 'staking_reward', 'ETH2', '0.00012345'), row('m1', 1, 'staking_transfer', 'ETH2', '1.5')],
    }
    # 20000 - 110 * (60 + 0.37); 110 * 0.001 - 0.05; 1.5 + 0.00012345
    coinbase.wallets = {USD: ('USD', '13359.30'), BTC: ('BTC', '0.06'), STAKED: ('ETH2', '1.50012345'), 'old': ('LUNA', '0')}

    assert run(api)

    assert balances(api) == {'btc': '0.06', 'eth': '1.50012345', 'usd': '13359.3'}
    assert is_whole(api)
    listed = shown(api, '/txns?limit=1000')
    assert (len(listed['result']), listed['complete']) == (3 * 110 + 4, True)
    rows = [(one['reference'], one['currency']['code'], one['delta'], one['fee']) for one in listed['result']]
    assert rows[:2] == [('r1', 'eth', '0.00012345', '0.0'), ('s1', 'btc', '-0.05', '0.0002')]
    assert sorted(one for one in rows if one[0] == 'order-110') == [
        ('order-110', 'btc', '0.001', '0.0'), ('order-110', 'usd', '-0.37', '0.37'), ('order-110', 'usd', '-60.0', '0.0'),
    ]  # fmt: skip

    requests = len(coinbase.requests)
    coinbase.rows[STAKED] = [row('r2', 400, 'staking_reward', 'ETH2', '0.1'), *coinbase.rows[STAKED]]
    coinbase.wallets[STAKED] = ('ETH2', '1.60012345')
    assert run(api)

    assert is_whole(api)
    assert balances(api)['eth'] == '1.60012345'
    # The rights, the list of wallets, and their rows of the last week, here all: one page, two and two, none for the empty one.
    assert len(coinbase.requests) - requests == 2 + 1 + 2 + 2 + 1


@pytest.mark.parametrize(
    ('credentials', 'reason'),
    [
        ({'key': KEY.replace('1f2e', '0000')}, 'credentials_refused'),
        ({'secret': in_pem(ec.generate_private_key(ec.SECP256R1()))}, 'credentials_refused'),
        ({'secret': SECRET[:90]}, 'wrong_secret'),
        ({'secret': SECRET.replace('\n', '\\n')}, None),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, coinbase: CoinbaseAccount, credentials: dict[str, str], reason: str | None):
    assert api.patch(PATH, {'credentials': CREDENTIALS | credentials}).status_code == 200

    assert run(api)

    assert problem(api) == reason


@pytest.mark.parametrize(
    ('rights', 'reason'),
    [
        (['view', 'receive'], None),
        (['view', 'trade'], 'key_may_trade'),
        (['view', 'transfer'], 'key_may_trade'),
        (['receive'], 'permission_missing'),
    ],
)
def test_a_key_must_be_able_to_read_and_not_to_trade(api: Api, coinbase: CoinbaseAccount, rights: list[str], reason: str | None):
    coinbase.rights = rights

    assert run(api)

    assert problem(api) == reason


class Endless(CoinbaseAccount):
    """An account of which each page of wallets leads on to another."""

    def respond(self, request: Request) -> Answer:
        if request.path != ['v2', 'accounts']:
            return super().respond(request)
        self.requests.append(request)
        return as_json({'pagination': {'next_uri': f'{request.url}?starting_after={len(self.requests)}'}, 'data': []})


def test_wallets_without_end_are_a_failure(api: Api, monkeypatch: pytest.MonkeyPatch):
    account = Endless()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'coinbase', CREDENTIALS)

        assert not run(api)

    assert len(account.requests) == 51


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (as_json({'errors': [{'id': 'invalid_scope', 'message': 'Invalid scope'}]}, 403), 'permission_missing'),
        (as_json({'error': 'PERMISSION_DENIED', 'error_details': 'Missing required scopes'}, 403), 'permission_missing'),
        (as_json({'errors': [{'id': 'authentication_error', 'message': 'invalid api key'}]}, 401), 'credentials_refused'),
        (as_json({'errors': [{'id': 'authentication_error', 'message': 'request timestamp expired'}]}, 401), 'clock_differs'),
        (as_json({'errors': [{'id': 'rate_limit_exceeded', 'message': 'Too many requests'}]}, 429), None),
        (as_json({'errors': [{'id': 'internal_server_error', 'message': 'Oh'}]}, 500), None),
        (Answer(429, 'Too many requests'), None),
        (Answer(503, '<html>Maintenance</html>', 'text/html'), None),
        (Answer(200, '<html>Are you human?</html>', 'text/html'), None),
        (as_json({'can_trade': False}), None),
    ],
)
def test_refusals_are_told_and_failures_are_not_taken_for_them(api: Api, coinbase: CoinbaseAccount, answer: Answer, reason: str | None):
    coinbase.wallets = {BTC: ('BTC', '1')}
    coinbase.fault = answer

    results = [run(api) for _ in range(3)]

    assert results[-1] is (reason is not None)
    assert problem(api) == reason
    if reason is None:
        coinbase.fault = None
        coinbase.rows = {BTC: [row('1', 1, 'send', 'BTC', '1')]}
        CLOCK.advance(3_600)
        assert run(api)
        assert balances(api) == {'btc': '1.0'}
