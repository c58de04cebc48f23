"""Accounts at Gemini, read from a server that verifies its signatures."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.models import Ledger
from chalicelib.providers.exchanges.gemini import GeminiReader
from chalicelib.providers.transport import Http
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.gemini import AUDITOR, KEY, SECRET, GeminiAccount, refused, reward, trade, transfer

DAY = 86_400_000


def traded(currency: str, amount: str, available: str = '0') -> dict[str, Any]:
    row = {'type': 'exchange', 'currency': currency, 'amount': amount, 'available': available}
    return row | {'availableForWithdrawal': available, 'pendingWithdrawal': '0', 'pendingDeposit': '0'}


def staked(currency: str, balance: float) -> dict[str, Any]:
    row = {'type': 'Staking', 'currency': currency, 'balance': balance, 'available': 0, 'availableForWithdrawal': balance}
    return row | {'balanceByProvider': {'62b21e17-2534-4b9f-afcf-b7edb609dd8d': {'balance': balance}}}


def instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')


@pytest.fixture
def gemini(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiAccount]:
    """An empty account, in a portfolio."""
    account = GeminiAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'gemini', {'key': KEY, 'secret': SECRET})
        yield account


def test_trades_transfers_and_rewards_are_read_to_the_end_and_add_up(api: Api, gemini: GeminiAccount):
    now = CLOCK.now() * 1_000
    bought = [trade(n, now - 100 * DAY - n, 'BTCUSD', 'Buy', '0.01', '100.5', '0.005') for n in range(1, 21)]
    sold = trade(9_000, now - DAY, 'ETHBTC', 'Sell', '2', '0.03', '0.0001', 'BTC')
    paid_in = [transfer(5_000 + n, now - 2_000 * DAY + n, 'Deposit', 'USD', '10') for n in range(70)]
    with_rebate = trade(9_001, now - DAY, 'BTCUSD', 'Sell', '0.01', '100', '-0.002')
    gemini.trades = [*bought, sold, with_rebate]
    gemini.transfers = [
        *paid_in,
        transfer(801, now - 200 * DAY, 'Deposit', 'ETH', '5', status='Advanced'),
        transfer(802, now - 150 * DAY, 'Withdrawal', 'ETH', '0.5', fee='0.001'),
        transfer(803, now - DAY, 'Deposit', 'LUNA', '7'),
        transfer(805, now - DAY, 'Deposit', 'efil', '0.25'),
        transfer(804, now - 1_000, 'Deposit', 'SOL', '1', status='Pending'),
    ]
    gemini.rewards = [
        reward('MPZ7LDD8', instant(now - 193 * DAY + 201), 'ETH', 0.0002),
        reward('65QN4XM5', instant(now - DAY), 'ETH', 0.00000001),
    ]
    # Dollars: 700 - 20 * 1.005 - 20 * 0.005 + 1.002. Bitcoin: 0.2 + 0.06 - 0.0001 - 0.01. Ether: 5 - 0.501 - 2 + 0.00020001.
    gemini.traded = [traded('USD', '680.802'), traded('BTC', '0.2499'), traded('ETH', '1.499'), traded('LUNA', '7'), traded('efil', '0.25')]
    gemini.staked = [staked('ETH', 1.00020001)]

    assert run(api)

    assert balances(api) == {'btc': '0.2499', 'eth': '2.49920001', 'usd': '680.802', 'x-gemini-luna': '7.0', 'x-gemini-efil': '0.25'}
    assert (shown(api, '/balances')['complete'], shown(api, '/txns')['complete']) == (True, True)
    entries = {(row['reference'], row['currency']['code']): (row['delta'], row['fee']) for row in shown(api, '/txns?limit=1000')['result']}
    assert [(key, value) for key, value in sorted(entries.items()) if key[0] in ('9000', '9001', '802', '20', '65QN4XM5', '804')] == [
        (('20', 'btc'), ('0.01', '0.0')), (('20', 'usd'), ('-1.01', '0.005')), (('65QN4XM5', 'eth'), ('0.00000001', '0.0')),
        (('802', 'eth'), ('-0.501', '0.001')), (('9000', 'btc'), ('0.0599', '0.0001')), (('9000', 'eth'), ('-2.0', '0.0')),
        (('9001', 'btc'), ('-0.01', '0.0')), (('9001', 'usd'), ('1.002', '0.0')),
    ]  # fmt: skip
    asked = [request.path[-1] for request in gemini.requests]
    assert (asked.count('mytrades'), asked.count('transfers'), asked.count('history')) == (2, 3, 2)

    gemini.requests.clear()
    gemini.transfers = [*gemini.transfers[:-1], transfer(804, now - 1_000, 'Deposit', 'SOL', '1')]
    gemini.traded = [*gemini.traded, traded('SOL', '1')]
    assert run(api)

    assert (balances(api)['sol'], shown(api, '/txns')['complete']) == ('1.0', True)
    assert [request.path[-1] for request in gemini.requests] == ['roles', 'balances', 'staking', 'mytrades', 'transfers', 'history']


def test_pages_that_end_between_entries_of_one_instant_lose_none(gemini: GeminiAccount):
    at = CLOCK.now() * 1_000
    gemini.trades = [trade(n, at - n // 6 * 1_000, 'BTCUSD', 'Buy', '0.01', '100', '0.005') for n in range(1_200)]

    pages = list(GeminiReader({'key': KEY, 'secret': SECRET}).read(Http(lambda _: None), '').pages)

    entries = {(entry.reference, entry.n): entry.delta for page in pages for entry in page.entries}
    assert (len(entries), sum(entries.values())) == (2_400, Decimal('-1194'))  # 1,200 times a hundredth, less 1.005
    assert [request.path[-1] for request in gemini.requests].count('mytrades') == 4


def test_what_cannot_be_read_or_is_not_listed_is_missing_from_its_currency_alone(api: Api, gemini: GeminiAccount):
    at = CLOCK.now() * 1_000
    gemini.transfers = [transfer(1, at, 'Deposit', 'ETH', '1'), transfer(2, at, 'Deposit', 'SOL', '1'), transfer(3, at, 'Gift', 'SOL', '1')]
    gemini.traded = [traded('ETH', '1'), traded('SOL', '2'), traded('BTC', '0.25')]

    assert run(api)

    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert {row['currency']: row['complete'] for row in summed} == {'btc': False, 'eth': True, 'sol': False, 'usd': True}
    ledger = Ledger.find(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001')
    assert ledger is not None
    assert [(gap.currency, gap.reason) for gap in ledger.gaps] == [('btc', 'transactions_missing'), ('sol', 'transactions_unreadable')]


def test_of_an_instant_with_more_entries_than_a_page_the_rest_is_missing_from_its_currency(api: Api, gemini: GeminiAccount):
    at = CLOCK.now() * 1_000
    gemini.transfers = [*(transfer(n, at, 'Deposit', 'ETH', '1') for n in range(51)), transfer(51, at + 2, 'Deposit', 'SOL', '1')]
    gemini.traded = [traded('ETH', '51'), traded('SOL', '1')]

    assert run(api)

    ledger = Ledger.find(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001')
    assert ledger is not None
    assert [(gap.currency, gap.reason, gap.difference) for gap in ledger.gaps] == [('eth', 'transactions_unreadable', 1)]
    assert len(gemini.requests) < 12


@pytest.mark.parametrize(
    ('roles', 'problem'),
    [
        (AUDITOR | {'isAuditor': False, 'isTrader': True}, ('key_may_trade', 'Trader')),
        (AUDITOR | {'isAuditor': False, 'isTrader': True, 'isFundManager': True}, ('key_may_trade', 'FundManager, Trader')),
        (AUDITOR | {'isAuditor': False}, ('permission_missing', 'Auditor, without a time-based nonce')),
    ],
)
def test_only_auditors_are_taken(api: Api, gemini: GeminiAccount, roles: dict[str, Any], problem: tuple[str, str]):
    gemini.roles = roles

    assert run(api)

    told = shown(api)['result']['problem']
    assert told['reason'] == problem[0]
    assert told['message'].endswith(problem[1])
    assert [request.url for request in gemini.requests] == ['/v1/roles']


def test_traders_are_taken_where_that_is_allowed(api: Api, gemini: GeminiAccount, monkeypatch: pytest.MonkeyPatch):
    gemini.roles = AUDITOR | {'isAuditor': False, 'isTrader': True}
    gemini.traded = [traded('BTC', '2')]
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    assert run(api)

    assert balances(api) == {'btc': '2.0'}


@pytest.mark.parametrize(
    ('key', 'secret', 'reason', 'asked'),
    [
        ('account-of-nobody', SECRET, 'wrong_key', 1),
        (KEY, 'another secret', 'wrong_secret', 1),
        ('master-key-of-a-test', SECRET, 'permission_missing', 0),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, gemini: GeminiAccount, key: str, secret: str, reason: str, asked: int):
    assert api.patch(PATH, {'credentials': {'key': key, 'secret': secret}}).status_code == 200

    assert run(api)

    assert (shown(api)['result']['problem']['reason'], len(gemini.requests)) == (reason, asked)


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (refused(403, 'MissingRole'), 'permission_missing'),
        (refused(400, 'InvalidNonce', "Nonce '1' has not increased since your last call"), 'wrong_nonce'),
        (refused(400, 'InvalidNonce', "Nonce '1' is not within 30 seconds of server time '100'"), 'permission_missing'),
    ],
)
def test_refusals_are_told_when_they_do_not_pass(api: Api, gemini: GeminiAccount, answer: Answer, reason: str):
    gemini.fault = answer

    while not run(api):
        assert len(gemini.requests) < 3

    assert shown(api)['result']['problem']['reason'] == reason


@pytest.mark.parametrize(
    'answer',
    [
        refused(429, 'RateLimit'),
        refused(503, 'Maintenance', 'The Gemini Exchange is currently undergoing maintenance.'),
        refused(500, 'System'),
        Answer(502, '<html>Bad gateway</html>', 'text/html'),
        Answer(200, '<html>Are you human?</html>', 'text/html'),
        Answer(200, '{"unexpected": true}', 'application/json'),
    ],
)
def test_limits_outages_and_pages_for_people_are_tried_again_and_say_nothing_of_the_account(
    api: Api, gemini: GeminiAccount, answer: Answer
):
    gemini.traded = [traded('BTC', '2')]
    gemini.fault = answer
    assert not run(api)
    assert (shown(api)['result']['valid'], api.get(f'{PATH}/balances').status_code) == (True, 503)

    gemini.fault = None
    CLOCK.advance(3_600)

    assert run(api)
    assert balances(api) == {'btc': '2.0'}
