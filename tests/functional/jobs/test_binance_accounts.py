"""Accounts at Binance, read from a server that verifies its signatures."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.fake_upstreams.answer import Answer
from tests.support.accounts import balances, create, problem, reached, run, shown
from tests.support.api import Api
from tests.support.binance import CREDENTIALS, LISTS, MARKETS, BinanceAccount, holding, refusal, trade
from tests.support.clock import CLOCK

DAY = 86_400
JANUARY_2023 = 1_673_784_000


@pytest.fixture
def binance(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinanceAccount]:
    """An account with a read-only key, in a portfolio, when there was not much of the past to list yet."""
    CLOCK.move_to(JANUARY_2023)
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
    binance.locked = [{'positionId': n, 'asset': 'BTC', 'amount': '0.01000000', 'rewardAmt': '0.1'} for n in range(201)]

    assert run(api)

    # 0.1234 + 1 + 201 * 0.01; 1.25 + 75.46
    assert balances(api) == {'btc': '3.1334', 'ldo': '3.0', 'luna': '2.0', 'usdt': '76.71', 'x-binance-1000sats': '5.0'}
    pages = [request.query['current'] for request in binance.requests if request.url.endswith('locked/position')]
    assert pages[:4] == ['1', '2', '3', '1']


def test_all_lists_are_read_and_add_up_and_what_is_in_none_is_missing_from_its_currency(api: Api, binance: BinanceAccount):
    now = CLOCK.now()
    binance.rights = {'enableFixReadOnly': True}
    binance.lists = {
        'fiat in': [
            {'orderNo': 'F1', 'fiatCurrency': 'EUR', 'indicatedAmount': '2001', 'amount': '2000', 'totalFee': '1', 'status': 'Successful',
             'createTime': (now - 300 * DAY) * 1_000},
            {'orderNo': 'F2', 'fiatCurrency': 'EUR', 'amount': '7', 'totalFee': '0', 'status': 'Failed', 'createTime': now * 1_000},
        ],
        'purchases': [
            {'orderNo': 'P1', 'sourceAmount': '400', 'fiatCurrency': 'EUR', 'obtainAmount': '0.01', 'cryptoCurrency': 'BTC',
             'totalFee': '2', 'status': 'Completed', 'paymentMethod': 'Credit Card', 'createTime': (now - 270 * DAY) * 1_000},
        ],
        'deposits': [
            {'id': '1', 'amount': '2', 'coin': 'SOL', 'status': 0, 'insertTime': now * 1_000},
            {'id': '9', 'amount': '3', 'coin': 'ETH', 'status': 2, 'insertTime': (now - 2 * DAY) * 1_000},  # rejected
            {'id': '2', 'amount': '0.5', 'coin': 'ETH', 'status': 6, 'insertTime': (now - 260 * DAY) * 1_000},
            {'id': '3', 'amount': '1', 'coin': 'BNB', 'status': 1, 'insertTime': (now - 261 * DAY) * 1_000},
        ],
        'conversions': [
            {'quoteId': 'q', 'orderId': 8, 'orderStatus': 'SUCCESS', 'fromAsset': 'ETH', 'fromAmount': '0.5', 'toAsset': 'USDT',
             'toAmount': '600', 'createTime': (now - 40 * DAY) * 1_000},
        ],
        'withdrawals': [
            {'id': 'w4', 'amount': '50', 'transactionFee': '1', 'coin': 'USDT', 'status': 4, 'applyTime': '2023-01-14 11:12:02'},
            {'id': 'w6', 'amount': '300', 'transactionFee': '1', 'coin': 'USDT', 'status': 6, 'applyTime': '2022-12-12 11:12:02',
             'completeTime': '2022-12-12 11:20:00'},
        ],
        'dividends': [{'id': 5, 'tranId': 6, 'amount': '12', 'asset': 'DOGE', 'divTime': (now - 30 * DAY) * 1_000, 'enInfo': 'Launchpool'}],
        'dust': [
            {'operateTime': (now - 20 * DAY) * 1_000, 'transId': 45178372831, 'userAssetDribbletDetails': [
                {'fromAsset': 'DOGE', 'amount': '12', 'transferedAmount': '0.0098', 'serviceChargeAmount': '0.0002',
                 'operateTime': (now - 20 * DAY) * 1_000, 'transId': 45178372831},
            ]},
        ],
        'REALTIME': [{'asset': 'USDT', 'rewards': '0.01', 'time': (now - n * 3 * 3_600) * 1_000} for n in range(130)],
    }  # fmt: skip
    binance.trades = {
        'EURUSDT': [trade(5, now - 290 * DAY, '1000', '1.1', '1.1', 'USDT', buys=False)],
        'BTCEUR': [trade(5, now - 280 * DAY, '0.02', '40000', '0.00002', 'BTC')],
        'BTCUSDT': [trade(7, now - 3 * DAY, '0.05', '20000', '0.003', 'BNB')],
    }
    # EUR: 2000 - 1000 - 800. USDT: 1100 - 1.1 - 1000 + 600 - 301 + 1.3. BTC: 0.01998 + 0.05 + 0.01. BNB: 1 - 0.003 + 0.0098.
    binance.spot = [holding('EUR', '200'), holding('USDT', '348.2', withdrawing='51'), holding('BTC', '0.07998'), holding('BNB', '1.0068')]

    assert run(api)

    assert balances(api) == {'bnb': '1.0068', 'btc': '0.07998', 'eur': '200.0', 'usdt': '399.2'}
    assert (shown(api, '/balances')['complete'], shown(api, '/txns')['complete']) == (True, True)
    entries = sorted(
        (row['reference'], row['currency']['code'], row['delta'], row['fee']) for row in shown(api, '/txns?limit=1000')['result']
    )
    assert [entry for entry in entries if entry[0] in ('BTCUSDT:7', '45178372831', 'w6', '8')] == [
        ('45178372831', 'bnb', '0.0098', '0.0002'), ('45178372831', 'doge', '-12.0', '0.0'),
        ('8', 'eth', '-0.5', '0.0'), ('8', 'usdt', '600.0', '0.0'),
        ('BTCUSDT:7', 'bnb', '-0.003', '0.003'), ('BTCUSDT:7', 'btc', '0.05', '0.0'), ('BTCUSDT:7', 'usdt', '-1000.0', '0.0'),
        ('w6', 'usdt', '-301.0', '1.0'),
    ]  # fmt: skip

    binance.requests.clear()
    assert run(api)
    lists = [request.url for request in binance.requests if request.url in LISTS]
    markets = [request.query['symbol'] for request in binance.requests if request.url.endswith('myTrades')]
    assert (len(lists), sorted(markets)) == (10, sorted(set(markets)))  # two pages of rewards
    assert set(markets) <= set(MARKETS) - {'SOLUSDT', 'LTCUSDT'}

    binance.spot = [*binance.spot[2:], holding('EUR', '200'), holding('USDT', '299.2')]  # a hundred went where no list looks
    assert run(api)

    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert {row['currency']: (row['balance'], row['complete']) for row in summed} == {
        'bnb': ('1.0068', True), 'btc': ('0.07998', True), 'eur': ('200.0', True), 'usdt': ('299.2', False), 'usd': ('0.0', True),
    }  # fmt: skip


def test_positions_that_are_not_all_told_are_no_balance(api: Api, binance: BinanceAccount):
    class Short(list[dict[str, str]]):
        def __len__(self) -> int:
            return 2

    binance.locked = Short([{'positionId': '1', 'asset': 'BTC', 'amount': '0.01'}])

    assert not run(api)

    assert api.get('/api/portfolios/1/accounts/1/balances').status_code == 503


def test_positions_without_end_are_a_failure(api: Api, binance: BinanceAccount):
    class Endless(list[dict[str, str]]):
        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, place: Any) -> Any:
            return [{'positionId': '1', 'asset': 'BTC', 'amount': '0.01'}] * 100

    binance.locked = Endless()

    assert not run(api)

    assert sum(request.url.endswith('locked/position') for request in binance.requests) == 50


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
    ],
)
def test_a_key_must_be_able_to_read_and_nothing_else(api: Api, binance: BinanceAccount, rights: dict[str, bool], reason: str):
    binance.rights = rights

    assert run(api)

    assert problem(api) == reason


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
