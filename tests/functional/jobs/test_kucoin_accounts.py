"""Accounts at KuCoin, read from a server that verifies its signatures."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.providers.exchanges.kucoin import KucoinReader
from chalicelib.providers.transport import Http
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, is_whole, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.kucoin import KEY, PASSPHRASE, SECRET, KucoinAccount, refused

DAY = 86_400
CREDENTIALS = {'key': KEY, 'secret': SECRET, 'password': PASSPHRASE}


def listed(kind: str, currency: str, balance: str, holds: str = '0') -> dict[str, Any]:
    return {'id': f'{kind}{currency}', 'currency': currency, 'type': kind, 'balance': balance, 'available': '0', 'holds': holds}


def margin(currency: str, total: str, liability: str = '0') -> dict[str, Any]:
    row = {'currency': currency, 'total': total, 'available': total, 'hold': '0', 'liability': liability}
    return row | {'maxBorrowSize': '0', 'borrowEnabled': True, 'transferInEnabled': True}


def pair(base: dict[str, Any], quote: dict[str, Any]) -> dict[str, Any]:
    symbol = f'{base["currency"]}-{quote["currency"]}'
    return {'symbol': symbol, 'status': 'EFFECTIVE', 'debtRatio': '0', 'baseAsset': base, 'quoteAsset': quote}


@pytest.fixture
def kucoin(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[KucoinAccount]:
    """An empty account, in a portfolio."""
    account = KucoinAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'kucoin', CREDENTIALS)
        yield account


def test_something_in_an_account_of_an_unknown_kind_leaves_the_balance_of_its_currency_unknown(api: Api, kucoin: KucoinAccount):
    kucoin.listed = [listed('main', 'BTC', '3'), listed('unified', 'BTC', '4'), listed('main', 'ETH', '1')]

    assert run(api)

    assert balances(api) == {'btc': None, 'eth': '1.0'}
    assert shown(api, '/balances')['complete'] is False


def entry(
    number: int, at: int, currency: str, amount: str, direction: str, kind: str, account: str = 'MAIN', **more: Any
) -> dict[str, Any]:
    """Return an entry as the ledgers of funding and of the fast trading account list it."""
    row = {'id': f'{10**14 + number}', 'currency': currency, 'amount': amount, 'fee': '0', 'accountType': account, 'bizType': kind}
    return row | {'direction': direction, 'createdAt': at * 1_000, 'context': ''} | more


def traded(number: int, at: int, currency: str, amount: str, direction: str, fee: str = '0') -> dict[str, Any]:
    context = f'{{"symbol":"BTC-USDT","orderId":"9","tradeId":"{number // 2}"}}'
    more = {'fee': fee, 'createdAt': f'{at}417', 'context': context}
    return entry(number, at, currency, amount, direction, 'TRADE_EXCHANGE', 'TRADE_HF', **more)


def test_all_wallets_with_what_funding_tells_of_a_year_and_what_trading_forgets_after_three_days(api: Api, kucoin: KucoinAccount):
    """One flow, as the first read of an account asks for each day of the year."""
    at = CLOCK.now() - 5
    codes = {'BCHSV': 'bsv', 'TON': 'ton', 'KCS': 'kcs', 'LUNC': 'lunc', 'LUNA': 'luna', 'GALAX': 'x-kucoin-galax', 'ALT': 'x-kucoin-alt'}
    trades = [
        row
        for n in range(110, 0, -1)
        for row in (traded(2 * n + 1, at - n, 'USDT', '60.06', 'out', '0.06'), traded(2 * n, at - n, 'BTC', '0.001', 'in'))
    ]
    kucoin.trading = [*trades, entry(1, at - DAY, 'USDT', '8000', 'in', 'TRANSFER', 'TRADE_HF')]
    kucoin.ledger = [
        entry(906, at - 60, 'USDT', '62.5', 'in', 'Transfer', 'MARGIN'),
        entry(905, at - 60, 'BTC', '0.5', 'in', 'Transfer', 'ISOLATED'),
        entry(904, at - 70, 'USDT', '40.5', 'in', 'Borrowings', 'MARGIN'),
        entry(903, at - DAY, 'USDT', '8000', 'out', 'Transfer'),
        entry(902, at - 50 * DAY, 'USDT', '100.5', 'out', 'Withdrawal', fee='0.5'),
        *(entry(800 + number, at - 299 * DAY, symbol, '3', 'in', 'Deposit') for number, symbol in enumerate((*codes, 'SOL'))),
        entry(700, at - 300 * DAY, 'USDT', '10000', 'in', 'Deposit'),
    ]
    kucoin.listed = [
        listed('main', 'USDT', '1899.5', holds='6'),
        listed('trade_hf', 'USDT', '1393.4'),
        listed('trade_hf', 'BTC', '0.11'),
        listed('margin', 'USDT', '100'),  # again below, with its debt
        listed('isolated', 'SOL', '3'),
        listed('pool', 'ETH', '0'),
        *(listed('trade', symbol, '3') for symbol in codes),
    ]
    kucoin.cross = [margin('USDT', '100', '40.5')]
    kucoin.isolated = [
        pair(margin('SOL', '3'), margin('USDT', '1')),
        pair(margin('BTC', '1', '0.4') | {'interest': '0.1'}, margin('USDT', '2')),
    ]

    assert run(api)

    # 1899.5 + 1393.4 + 100 - 40.5 + 1 + 2 = 10000 - 100.5 - 110 * 60.06 + 62.5; 110 * 0.001 + 0.5
    assert balances(api) == {'usdt': '3355.4', 'btc': '0.61', 'sol': '3.0', **dict.fromkeys(codes.values(), '3.0')}
    assert is_whole(api)
    rows = [(one['reference'], one['currency']['code'], one['delta'], one['fee']) for one in shown(api, '/txns?limit=1000')['result']]
    assert len(rows) == 2 * 110 + 1 + 5 + 8
    assert sorted(one for one in rows if one[0] == 'trade-110') == [
        ('trade-110', 'btc', '0.001', '0.0'), ('trade-110', 'usdt', '-60.06', '0.06'),
    ]  # fmt: skip
    asked = [request for request in kucoin.requests if request.url == '/api/v1/hf/accounts/ledgers']
    assert [request.query.get('lastId') for request in asked] == [None, trades[199]['id']]
    [wallet] = [one for one in api.get('/api/wallets').json_body['result'] if one['code'] == 'kucoin']
    assert (wallet['history'], [one['name'] for one in wallet['credentials']]) == ('three days', ['key', 'secret', 'password'])

    for _ in range(5):
        CLOCK.advance(DAY - 60)
        requests = len(kucoin.requests)
        assert run(api)
        assert len(kucoin.requests) - requests < 20
    assert (is_whole(api), len(shown(api, '/txns?limit=1000')['result'])) == (True, len(rows))

    kucoin.fault = refused(429, '429000', 'Too Many Requests')
    assert not run(api)
    assert (shown(api)['result']['valid'], balances(api)['usdt']) == (True, '3355.4')
    kucoin.fault = None
    CLOCK.advance(3_600)
    assert run(api)

    now = CLOCK.now()
    kucoin.mode = 'UNIFIED'
    unified = {'accountType': 'UNIFIED', 'currency': 'USDT', 'fee': '0', 'tax': '0', 'remark': 'Funding Account', 'ts': now * 10**9}
    kucoin.trading = [
        unified | {'id': '3', 'direction': 'OUT', 'businessType': 'FUNDING_FEE', 'amount': '0.25'},
        unified | {'id': '2', 'direction': 'IN', 'businessType': 'TRANSFER', 'amount': '30'},
    ]
    kucoin.ledger = [entry(907, now, 'USDT', '30', 'out', 'Transfer'), *kucoin.ledger]
    amounts = {'equity': '9', 'hold': '0', 'available': '0'}
    kucoin.unified = {
        'UNIFIED': [{'currency': 'USDT', 'balance': '30', 'liability': '0.25'} | amounts],
        'FUNDING': [{'currency': 'USDT', 'balance': '3325.4', 'liability': '0'} | amounts]
        + [{'currency': code, 'balance': '3', 'liability': '0'} | amounts for code in (*codes, 'SOL')]
        + [{'currency': 'BTC', 'balance': '0.61', 'liability': '0'} | amounts],
    }
    assert run(api)

    assert (balances(api)['usdt'], is_whole(api)) == ('3355.15', True)


def test_a_download_that_is_resumed_days_later_ends_with_the_year_and_leaves_what_came_meanwhile_to_the_next(kucoin: KucoinAccount):
    begun = CLOCK.now()
    resume = json.dumps({'begun at': begun, 'funding': f'{(begun - 363 * DAY) * 1_000}:1'})

    CLOCK.advance(3 * DAY)
    report = KucoinReader(CREDENTIALS).read(Http(lambda _: None), '', resume)
    pages = list(report.pages)

    assert pages[-1].resume is None
    assert (report.listed_up_to, report.final_below) == (begun, begun)
    assert all(int(request.query.get('startAt', CLOCK.now_ms())) > (CLOCK.now() - 365 * DAY) * 1_000 for request in kucoin.requests)


@pytest.mark.parametrize(
    ('permission', 'problem'),
    [
        ('General,Futures,Spot', ('key_may_trade', 'Futures, Spot')),
        ('General, Transfer', ('key_may_trade', 'Transfer')),
        ('Earn', ('permission_missing', 'General')),
    ],
)
def test_only_keys_that_read_are_taken(api: Api, kucoin: KucoinAccount, permission: str, problem: tuple[str, str]):
    kucoin.permission = permission

    assert run(api)

    told = shown(api)['result']['problem']
    assert told['reason'] == problem[0]
    assert told['message'].endswith(problem[1])
    assert len(kucoin.requests) == 1


@pytest.mark.parametrize(
    ('credentials', 'reason'),
    [
        ({'key': 'other'}, 'wrong_key'),
        ({'secret': 'other'}, 'wrong_secret'),
        ({'password': 'other'}, 'wrong_secret'),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, kucoin: KucoinAccount, credentials: dict[str, str], reason: str):
    assert api.patch(PATH, {'credentials': CREDENTIALS | credentials}).status_code == 200

    assert run(api)

    assert shown(api)['result']['problem']['reason'] == reason


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (refused(400, '400002', 'KC-API-TIMESTAMP Invalid'), 'clock_differs'),
        (refused(401, '400005', 'Invalid KC-API-SIGN'), 'wrong_secret'),
        (refused(403, '400006', 'Invalid request ip'), 'address_not_allowed'),
        (refused(403, '400007', 'Access denied, require more permission.'), 'permission_missing'),
        (refused(403, '411100', 'User is frozen.'), 'locked_out'),
    ],
)
def test_refusals_are_told_when_they_do_not_pass(api: Api, kucoin: KucoinAccount, answer: Answer, reason: str):
    kucoin.fault = answer

    while not run(api):
        assert len(kucoin.requests) < 3

    assert shown(api)['result']['problem']['reason'] == reason


@pytest.mark.parametrize(
    'answer',
    [
        refused(429, '429000', 'Too Many Requests'),
        refused(500, '500000', 'Internal Server Error'),
        refused(503, '503', 'Service Unavailable'),
        Answer(502, '<html>Bad gateway</html>', 'text/html'),
        Answer(200, '<html>Are you human?</html>', 'text/html'),
        Answer(200, '{"code": "200000"}', 'application/json'),
    ],
)
def test_limits_outages_and_pages_for_people_are_tried_again_and_say_nothing_of_the_account(
    api: Api, kucoin: KucoinAccount, answer: Answer
):
    kucoin.fault = answer

    assert not run(api)

    assert (shown(api)['result']['valid'], api.get(f'{PATH}/balances').status_code) == (True, 503)
