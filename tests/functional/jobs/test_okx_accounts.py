"""Accounts at OKX, read from a server that verifies its signatures."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, assert_it_has_a_balance_and_no_entries, balances, create, problem, reached, run
from tests.support.api import Api
from tests.support.okx import CREDENTIALS, OkxAccount, refusal


@pytest.fixture
def okx(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[OkxAccount]:
    """An account with a read-only key, in a portfolio."""
    account = OkxAccount(funding=[{'ccy': 'BTC', 'bal': '0.1', 'availBal': '0.1', 'frozenBal': '0'}])
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'okx', CREDENTIALS)
        yield account


def test_trading_funding_and_simple_earn_are_summed(api: Api, okx: OkxAccount):
    okx.trading = [
        {'ccy': 'USDT', 'cashBal': '4834.317093622894', 'frozenBal': '834.3', 'eq': '4992.890093622894', 'upl': '158.573'},
        {'ccy': 'ETH', 'cashBal': '0', 'availBal': '0', 'frozenBal': '0', 'eq': '-0.25', 'liab': '0.25'},  # borrowed
        {'ccy': 'LUNA', 'cashBal': '2', 'availBal': '2', 'frozenBal': '0', 'eq': '2'},
    ]
    okx.funding = [
        {'ccy': 'USDT', 'bal': '0.000000000001', 'availBal': '0', 'frozenBal': '0.000000000001'},
        {'ccy': 'BETH', 'bal': '1', 'availBal': '1', 'frozenBal': '0'},
    ]
    okx.lent = [{'ccy': 'USDT', 'amt': '11', 'earnings': '0.0010737388', 'loanAmt': '10', 'pendingAmt': '1', 'redemptAmt': ''}]

    assert run(api)

    # 4992.890093622894 + 0.000000000001 + 11
    assert balances(api) == {'eth': '-0.25', 'luna': '2.0', 'usdt': '5003.890093622895', 'x-okx-beth': '1.0'}
    assert_it_has_a_balance_and_no_entries(api)


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
