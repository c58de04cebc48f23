"""Accounts at OKX, read from a server that verifies its signatures."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, problem, reached, run, shown
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.okx import CREDENTIALS, OkxAccount, refusal


@pytest.fixture
def okx(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[OkxAccount]:
    """An account with a read-only key, in a portfolio."""
    account = OkxAccount(funding=[{'ccy': 'BTC', 'bal': '0.1', 'availBal': '0.1', 'frozenBal': '0'}])
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'okx', CREDENTIALS)
        yield account


def bill(number: int, ts: int, currency: str, moved: str, kind: str, **more: str) -> dict[str, str]:
    """Return a bill of either account as OKX lists it."""
    return {'billId': f'{623950854533513219 + number}', 'ccy': currency, 'balChg': moved, 'bal': '0', 'type': kind, 'ts': str(ts)} | more


def test_bills_of_both_accounts_and_what_simple_earn_earned_add_up(api: Api, okx: OkxAccount):
    now = CLOCK.now_ms()
    hour = 3_600_000
    trades = [
        bill(2 * n + side, now - n * hour, currency, moved, '2', fee=fee, tradeId=str(n), ordId='9')
        for n in range(1, 61)
        for side, (currency, moved, fee) in enumerate([('BTC', '0.000999', '-0.000001'), ('USDT', '-60', '')])
    ]
    moved_in = bill(0, now - 90 * hour, 'USDT', '4000', '1', fee='')
    okx.trading_bills = [bill(500, now, 'USDT', '-1', '8', fee='-1'), *trades, moved_in]
    saved = bill(902, now - 100 * hour, 'USDT', '-1000', '75', notes='Simple Earn subscription')
    moved_out = bill(901, now - 90 * hour, 'USDT', '-4000', '130')
    okx.funding_bills = [bill(903, now, 'USDT', '-2', '2'), moved_out, saved, bill(900, now - 200 * hour, 'USDT', '6000', '1')]
    okx.earnings = [
        {'ccy': ccy, 'amt': '1000', 'earnings': '0.01', 'rate': '0.01', 'ts': str(now - n * hour)}
        for n in range(60)
        for ccy in ('USDT', 'DAI')
    ]
    okx.trading = [
        {'ccy': 'USDT', 'cashBal': '399', 'eq': '549', 'upl': '100', 'isoEq': '50'},
        {'ccy': 'BTC', 'cashBal': '0.05994', 'eq': '0.05994', 'upl': '0'},
    ]
    okx.funding = [{'ccy': 'USDT', 'bal': '998', 'availBal': '998', 'frozenBal': '0'}]
    okx.lent = [{'ccy': 'USDT', 'amt': '1000.6'}, {'ccy': 'DAI', 'amt': '500.6'}]

    assert run(api)
    while not run(api):  # a second download, as the Dai that came in before the bills begin is missing
        pass

    # 4000 - 60 * 60 - 1; 6000 - 1000 - 4000 - 2; 1000 + 60 * 0.01. 60 * 0.000999. 500 of an earlier time.
    assert balances(api) == {'usdt': '2397.6', 'btc': '0.05994', 'dai': '500.6'}
    missing = {row['currency']: row['complete'] for row in api.get('/api/portfolios/1/balances').json_body['result']}
    assert missing == {'btc': True, 'dai': False, 'usdt': True, 'usd': True}
    listed = shown(api, '/txns?limit=1000')['result']
    assert len(listed) == 2 * 60 + 2 + 4 + 1 + 2 * 60
    rows = [(one['reference'], one['currency']['code'], one['delta'], one['fee']) for one in listed]
    assert sorted(one for one in rows if one[0] == 'trade-60') == [
        ('trade-60', 'btc', '0.000999', '0.000001'), ('trade-60', 'usdt', '-60.0', '0.0'),
    ]  # fmt: skip
    assert sorted(one[2] for one in rows if one[0] == saved['billId']) == ['-1000.0', '1000.0']
    assert rows.count((okx.trading_bills[0]['billId'], 'usdt', '-1.0', '1.0')) == 1
    [wallet] = [one for one in api.get('/api/wallets').json_body['result'] if one['code'] == 'okx']
    assert wallet['history'] == 'three months'


def test_a_passphrase_that_no_header_can_hold_is_told_and_says_nothing_of_the_exchange(api: Api, okx: OkxAccount):
    assert api.patch(PATH, {'credentials': CREDENTIALS | {'password': 'pässwörd\n1'}}).status_code == 200

    run(api)

    assert problem(api) == 'credentials_refused'
    assert api.get('/api/sources/okx_accounts').json_body['result']['health'] == 'unknown'


def test_trading_funding_and_simple_earn_are_summed(api: Api, okx: OkxAccount):
    okx.trading = [
        {'ccy': 'USDT', 'cashBal': '4834.317093622894', 'frozenBal': '834.3', 'eq': '4992.890093622894', 'upl': '158.573'},
        {'ccy': 'ETH', 'cashBal': '-0.25', 'availBal': '0', 'frozenBal': '0', 'eq': '-0.25', 'liab': '0.25'},  # borrowed
        {'ccy': 'LUNA', 'cashBal': '2', 'availBal': '2', 'frozenBal': '0', 'eq': '2'},
        {'ccy': 'SOL', 'cashBal': '9', 'eq': '9', 'isoEq': '4', 'isoLiab': '5'},
    ]
    okx.funding = [
        {'ccy': 'USDT', 'bal': '0.000000000001', 'availBal': '0', 'frozenBal': '0.000000000001'},
        {'ccy': 'BETH', 'bal': '1', 'availBal': '1', 'frozenBal': '0'},
    ]
    okx.lent = [{'ccy': 'USDT', 'amt': '11', 'earnings': '0.0010737388', 'loanAmt': '10', 'pendingAmt': '1', 'redemptAmt': ''}]

    assert run(api)

    # 4834.317093622894 + 0.000000000001 + 11
    assert balances(api) == {
        'eth': '-0.25', 'luna': '2.0', 'sol': None, 'usdt': '4845.317093622895', 'x-okx-beth': '1.0',
    }  # fmt: skip
    assert shown(api, '/balances')['complete'] is False


@pytest.mark.parametrize(
    ('credentials', 'reason'),
    [
        (CREDENTIALS | {'key': 'other'}, 'wrong_key'),
        (CREDENTIALS | {'secret': 'other'}, 'wrong_secret'),
        (CREDENTIALS | {'password': 'other'}, 'wrong_passphrase'),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, okx: OkxAccount, credentials: dict[str, str], reason: str):
    assert api.patch(PATH, {'credentials': credentials}).status_code == 200

    assert run(api)

    assert problem(api) == reason


@pytest.mark.parametrize(
    ('perm', 'reason'),
    [
        ('read_only', None),
        ('read_only,trade', 'key_may_trade'),
        ('read_only,withdraw,trade', 'key_may_trade'),
        ('withdraw', 'permission_missing'),
    ],
)
def test_a_key_must_be_able_to_read_and_nothing_else(api: Api, okx: OkxAccount, perm: str, reason: str | None):
    okx.perm = perm

    assert run(api)

    assert problem(api) == reason


def test_keys_that_may_trade_are_taken_where_that_is_allowed(api: Api, okx: OkxAccount, monkeypatch: pytest.MonkeyPatch):
    okx.perm = 'read_only,trade'
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    assert run(api)

    assert (problem(api), balances(api)) == (None, {'btc': '0.1'})


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (refusal('50110', 'Your IP is not included in your API key whitelist.', 401), 'address_not_allowed'),
        (refusal('50120', "This API key doesn't have permission to use this function"), 'permission_missing'),
    ],
)
def test_refusals_are_told(api: Api, okx: OkxAccount, answer: Answer, reason: str):
    okx.fault = answer

    assert run(api)

    assert problem(api) == reason


def test_a_clock_that_differs_is_tried_again_before_it_is_told(api: Api, okx: OkxAccount):
    okx.fault = refusal('50102', 'Timestamp request expired', 401)

    assert [run(api), run(api), run(api)] == [False, False, True]

    assert problem(api) == 'clock_differs'


@pytest.mark.parametrize(
    'answer',
    [
        refusal('50011', 'Rate limit reached. Please refer to API documentation and throttle requests accordingly', 429),
        refusal('50001', 'Service temporarily unavailable. Try again later', 503),
        refusal('50026', 'System error. Try again later', 500),
        Answer(503, '<html>maintenance</html>', 'text/html'),
        Answer(200, '<html>are you human?</html>', 'text/html'),
    ],
)
def test_limits_outages_and_pages_for_people_say_nothing_of_the_account(api: Api, okx: OkxAccount, answer: Answer):
    okx.fault = answer

    assert not run(api)

    assert problem(api) is None
    assert api.get(f'{PATH}/balances').status_code == 503


@pytest.mark.parametrize('data', ['[]', '{}', 'null', '[{}]', '[{"perm":null}]'])
def test_an_answer_of_another_shape_is_a_failure_of_the_exchange(api: Api, okx: OkxAccount, caplog: pytest.LogCaptureFixture, data: str):
    okx.fault = Answer(200, f'{{"code":"0","data":{data}}}', 'application/json')

    assert not run(api)

    assert 'okx_accounts: returned' in caplog.text
    assert problem(api) is None
