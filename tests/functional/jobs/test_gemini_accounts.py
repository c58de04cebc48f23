"""Accounts at Gemini, read from a server that verifies its signatures: balances, whose past is what was observed."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.gemini import AUDITOR, KEY, SECRET, GeminiAccount, refused


def traded(currency: str, amount: str, available: str = '0') -> dict[str, Any]:
    row = {'type': 'exchange', 'currency': currency, 'amount': amount, 'available': available}
    return row | {'availableForWithdrawal': available, 'pendingWithdrawal': '0', 'pendingDeposit': '0'}


def staked(currency: str, balance: float) -> dict[str, Any]:
    row = {'type': 'Staking', 'currency': currency, 'balance': balance, 'available': 0, 'availableForWithdrawal': balance}
    return row | {'balanceByProvider': {'62b21e17-2534-4b9f-afcf-b7edb609dd8d': {'balance': balance}}}


@pytest.fixture
def gemini(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiAccount]:
    """An empty account, in a portfolio."""
    account = GeminiAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'gemini', {'key': KEY, 'secret': SECRET})
        yield account


def test_what_is_traded_and_what_is_staked_add_up_and_unknown_symbols_stay_so(api: Api, gemini: GeminiAccount):
    gemini.traded = [
        traded('BTC', '1154.62034001', '1129.10517279'),
        traded('USD', '18722.79'),
        traded('ETH', '0.3'),
        traded('LUNA', '7'),
        traded('efil', '0.25'),
    ]
    gemini.staked = [staked('ETH', 3.20000001), staked('SOL', 10)]

    assert run(api)

    assert balances(api) == {
        'btc': '1154.62034001', 'usd': '18722.79', 'eth': '3.50000001', 'sol': '10.0', 'x-gemini-luna': '7.0', 'x-gemini-efil': '0.25',
    }  # fmt: skip
    assert [request.url for request in gemini.requests] == ['/v1/roles', '/v1/balances', '/v1/balances/staking']


def test_balances_are_complete_and_the_past_is_what_was_observed(api: Api, gemini: GeminiAccount):
    gemini.traded = [traded('BTC', '2')]
    assert run(api)
    CLOCK.advance(3_600)
    gemini.traded = [traded('BTC', '1.5')]
    assert run(api)

    assert (balances(api), shown(api, '/balances')['complete']) == ({'btc': '1.5'}, True)
    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert [(row['currency'], row['balance'], row['complete']) for row in summed] == [('btc', '1.5', True), ('usd', '0.0', True)]
    listed = shown(api, '/txns')
    assert (listed['result'], listed['complete'], listed['reason']) == ([], False, 'transactions_unknown')
    past = shown(api, '/history?interval=hour&order=asc')['result']
    assert [(row['balance'], row['complete']) for row in past] == [('2.0', False), ('1.5', False)]
    [wallet] = [one for one in api.get('/api/wallets').json_body['result'] if one['code'] == 'gemini']
    assert wallet['history'] == 'none'


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
    create(api, 'gemini', {'key': key, 'secret': secret})

    assert run(api, account=2)

    problem = api.get('/api/portfolios/1/accounts/2').json_body['result']['problem']
    assert (problem['reason'], len(gemini.requests)) == (reason, asked)


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
