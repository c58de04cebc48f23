"""Accounts at Binance, read from a server that verifies its signatures."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import assert_it_has_a_balance_and_no_entries, balances, create, problem, reached, run
from tests.support.api import Api
from tests.support.binance import CREDENTIALS, BinanceAccount, holding, refusal


@pytest.fixture
def binance(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceAccount]:
    """An account with a read-only key, in a portfolio."""
    account = BinanceAccount(spot=[holding('BTC', '0.10000000')])
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'binance', CREDENTIALS)
        yield account


def test_spot_funding_and_simple_earn_count_once_with_what_is_held_back(api: Api, binance: BinanceAccount):
    binance.spot = [
        holding('BTC', '0.10000000', locked='0.02000000', freeze='0.00300000', withdrawing='0.00040000'),
        holding('LDUSDT', '75.00000000'),  # the flexible position below
        holding('LDO', '3'),
        holding('LUNA', '2'),
        holding('1000SATS', '5'),
    ]
    binance.funding = [holding('USDT', '1.25'), holding('BTC', '1')]
    binance.flexible = [{'asset': 'USDT', 'totalAmount': '75.46000000', 'productId': 'USDT001', 'collateralAmount': '3'}]
    binance.locked = [
        {'positionId': 1, 'asset': 'BTC', 'amount': '0.50000000', 'rewardAmt': '0.1'},
        {'positionId': 2, 'asset': 'BTC', 'amount': '0.25000000', 'rewardAmt': '0.1'},
    ]

    assert run(api)

    # 0.1234 + 1 + 0.5 + 0.25; 1.25 + 75.46
    assert balances(api) == {'btc': '1.8734', 'ldo': '3.0', 'luna': '2.0', 'usdt': '76.71', 'x-binance-1000sats': '5.0'}
    assert_it_has_a_balance_and_no_entries(api)


def test_two_hundred_and_one_positions_are_three_pages(api: Api, binance: BinanceAccount):
    binance.locked = [{'positionId': n, 'asset': 'BTC', 'amount': '0.01'} for n in range(201)]

    assert run(api)

    assert balances(api) == {'btc': '2.11'}  # 0.1 + 201 * 0.01
    assert [request.query['current'] for request in binance.requests if request.url.endswith('locked/position')] == ['1', '2', '3']


def test_positions_that_are_not_all_told_are_no_balance(api: Api, binance: BinanceAccount):
    class Short(list[dict[str, str]]):
        def __len__(self) -> int:
            return 2

    binance.locked = Short([{'positionId': '1', 'asset': 'BTC', 'amount': '0.01'}])

    assert not run(api)

    assert api.get('/api/portfolios/1/accounts/1/balances').status_code == 503


@pytest.mark.parametrize(
    ('credentials', 'reason'),
    [(CREDENTIALS | {'key': 'other'}, 'key_refused'), (CREDENTIALS | {'secret': 'other'}, 'wrong_secret')],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, binance: BinanceAccount, credentials: dict[str, str], reason: str):
    assert api.patch('/api/portfolios/1/accounts/1', {'credentials': credentials}).status_code == 200

    assert run(api)

    assert problem(api) == reason


@pytest.mark.parametrize(
    ('rights', 'reason'),
    [
        ({'enableReading': False}, 'permission_missing'),
        ({'enableWithdrawals': True}, 'key_may_trade'),
        ({'enableSpotAndMarginTrading': True}, 'key_may_trade'),
        ({'permitsUniversalTransfer': True}, 'key_may_trade'),
        ({'enableSomethingNew': True}, 'key_may_trade'),
        ({'enableFixReadOnly': True}, None),
    ],
)
def test_a_key_must_be_able_to_read_and_nothing_else(api: Api, binance: BinanceAccount, rights: dict[str, bool], reason: str | None):
    binance.rights = rights

    assert run(api)

    assert problem(api) == reason


def test_keys_that_may_trade_are_taken_where_that_is_allowed(api: Api, binance: BinanceAccount, monkeypatch: pytest.MonkeyPatch):
    binance.rights = {'enableSpotAndMarginTrading': True}
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    assert run(api)

    assert (problem(api), balances(api)) == (None, {'btc': '0.1'})


@pytest.mark.parametrize(
    ('code', 'reason'), [(-2008, 'wrong_key'), (-2014, 'wrong_key'), (-2015, 'key_refused'), (-1002, 'permission_missing')]
)
def test_refusals_are_told(api: Api, binance: BinanceAccount, code: int, reason: str):
    binance.fault = refusal(code, 'Refused.', 401)

    assert run(api)

    assert problem(api) == reason


def test_a_clock_that_differs_is_tried_again_before_it_is_told(api: Api, binance: BinanceAccount):
    binance.fault = refusal(-1021, 'Timestamp for this request is outside of the recvWindow.')

    assert [run(api), run(api), run(api)] == [False, False, True]

    assert problem(api) == 'clock_differs'


@pytest.mark.parametrize(
    'answer',
    [
        refusal(-1003, 'Too many requests; current limit is 6000 request weight per 1 MINUTE.', 429),
        refusal(-1003, 'Way too much request weight used; IP banned until 1.', 418),
        refusal(-1001, 'Internal error; unable to process your request. Please try again.', 500),
        refusal(0, 'Service unavailable from a restricted location.', 451),
        Answer(503, '<html>maintenance</html>', 'text/html'),
        Answer(200, '<html>are you human?</html>', 'text/html'),
        Answer(200, '[]', 'application/json'),
    ],
)
def test_limits_outages_and_pages_for_people_say_nothing_of_the_account(api: Api, binance: BinanceAccount, answer: Answer):
    binance.fault = answer

    assert not run(api)

    assert problem(api) is None
    assert api.get('/api/portfolios/1/accounts/1/balances').status_code == 503
    assert api.get('/api/sources/binance_accounts').json_body['result']['health'] != 'ok'
