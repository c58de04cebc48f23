"""Accounts at KuCoin, read from a server that verifies its signatures: balances, whose past is what was observed."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.kucoin import KEY, PASSPHRASE, SECRET, KucoinAccount, refused

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


def test_every_wallet_counts_once_without_what_was_borrowed(api: Api, kucoin: KucoinAccount):
    kucoin.listed = [
        listed('main', 'USDT', '0.01'),
        listed('trade', 'USDT', '26.66759503', holds='6'),
        listed('trade_hf', 'BTC', '0.00000001'),
        listed('margin', 'USDT', '100'),  # again below, with its debt
        listed('isolated', 'SOL', '5'),
        listed('pool', 'ETH', '0'),
    ]
    kucoin.cross = [margin('USDT', '100', '40.5'), margin('ETH', '0', '0.25')]
    kucoin.isolated = [
        pair(margin('SOL', '5'), margin('USDT', '1')),
        pair(margin('BTC', '1', '0.4') | {'interest': '0.1'}, margin('USDT', '2')),
    ]

    assert run(api)

    # 0.01 + 26.66759503 + 100 - 40.5 + 1 + 2
    assert balances(api) == {'usdt': '89.17759503', 'btc': '0.50000001', 'eth': '-0.25', 'sol': '5.0'}
    assert [request.url for request in kucoin.requests] == [
        '/api/v1/user/api-key', '/api/ua/v1/account/mode', '/api/v1/accounts', '/api/v3/margin/accounts', '/api/v3/isolated/accounts',
    ]  # fmt: skip
    assert [request.query for request in kucoin.requests[3:]] == [{'queryType': 'ALL'}, {'queryType': 'ALL'}]


@pytest.mark.parametrize(
    ('symbol', 'code'),
    [
        ('BCHSV', 'bsv'),
        ('TON', 'ton'),
        ('KCS', 'kcs'),
        ('LUNC', 'lunc'),
        ('LUNA', 'luna'),
        ('GALAX', 'x-kucoin-galax'),
        ('ALT', 'x-kucoin-alt'),
    ],
)
def test_a_symbol_is_never_taken_for_its_namesake(api: Api, kucoin: KucoinAccount, symbol: str, code: str):
    kucoin.listed = [listed('main', symbol, '3')]

    assert run(api)

    assert balances(api) == {code: '3.0'}


def test_something_in_an_account_of_an_unknown_kind_is_no_balance_at_all(api: Api, kucoin: KucoinAccount):
    kucoin.listed = [listed('main', 'BTC', '3'), listed('unified', 'BTC', '4')]

    assert not run(api)

    assert api.get(f'{PATH}/balances').status_code == 503


def test_a_unified_account_is_told_that_it_cannot_be_read(api: Api, kucoin: KucoinAccount):
    kucoin.mode = 'UNIFIED'

    assert run(api)

    problem = shown(api)['result']['problem']
    assert problem['reason'] == 'account_unsupported'
    assert problem['message'].endswith('make it a classic account, not a unified one')


def test_balances_are_complete_and_the_past_is_what_was_observed(api: Api, kucoin: KucoinAccount):
    kucoin.listed = [listed('main', 'BTC', '2')]
    assert run(api)
    CLOCK.advance(3_600)
    kucoin.listed = [listed('main', 'BTC', '1.5')]
    assert run(api)

    assert (balances(api), shown(api, '/balances')['complete']) == ({'btc': '1.5'}, True)
    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert [(row['currency'], row['balance'], row['complete']) for row in summed] == [('btc', '1.5', True), ('usd', '0.0', True)]
    entries = shown(api, '/txns')
    assert (entries['result'], entries['complete'], entries['reason']) == ([], False, 'transactions_unknown')
    past = shown(api, '/history?interval=hour&order=asc')['result']
    assert [(row['balance'], row['complete']) for row in past] == [('2.0', False), ('1.5', False)]
    [wallet] = [one for one in api.get('/api/wallets').json_body['result'] if one['code'] == 'kucoin']
    assert wallet['history'] == 'none'
    assert [one['name'] for one in wallet['credentials']] == ['key', 'secret', 'password']


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


def test_keys_that_may_trade_are_taken_where_that_is_allowed(api: Api, kucoin: KucoinAccount, monkeypatch: pytest.MonkeyPatch):
    kucoin.permission = 'General,Spot'
    kucoin.listed = [listed('main', 'BTC', '2')]
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    assert run(api)

    assert balances(api) == {'btc': '2.0'}


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
    kucoin.listed = [listed('main', 'BTC', '2')]
    kucoin.fault = answer
    assert not run(api)
    assert (shown(api)['result']['valid'], api.get(f'{PATH}/balances').status_code) == (True, 503)

    kucoin.fault = None
    CLOCK.advance(3_600)

    assert run(api)
    assert balances(api) == {'btc': '2.0'}
