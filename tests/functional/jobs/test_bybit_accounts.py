"""Accounts at Bybit, read from a server that verifies its signatures."""

from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, assert_it_has_a_balance_and_no_entries, balances, create, problem, reached, run, shown
from tests.support.api import Api
from tests.support.bybit import CREDENTIALS, BybitAccount, refusal


@pytest.fixture
def bybit(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BybitAccount]:
    """A unified account with a read-only key, in a portfolio."""
    account = BybitAccount(funding=[{'coin': 'BTC', 'transferBalance': '0', 'walletBalance': '0.1', 'bonus': ''}])
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'bybit', CREDENTIALS)
        yield account


def test_the_unified_account_and_funding_are_summed(api: Api, bybit: BybitAccount):
    bybit.unified = [
        {'coin': 'USDT', 'equity': '201.34882644', 'walletBalance': '204.5', 'spotBorrow': '5', 'unrealisedPnl': '1.84882644'},
        {'coin': 'ETH', 'equity': '-0.25', 'walletBalance': '0', 'spotBorrow': '0.25', 'unrealisedPnl': '0', 'locked': '0'},
        {'coin': 'LUNA', 'equity': '2', 'walletBalance': '2', 'spotBorrow': '0', 'unrealisedPnl': '0', 'locked': '0'},
    ]
    bybit.funding = [
        {'coin': 'USDT', 'transferBalance': '0', 'walletBalance': '0.000000000001', 'bonus': '0'},
        {'coin': 'BTC', 'transferBalance': '1', 'walletBalance': '1.5', 'bonus': ''},
    ]

    assert run(api)

    # 201.34882644 + 0.000000000001
    assert balances(api) == {'btc': '1.5', 'eth': '-0.25', 'usdt': '201.348826440001', 'x-bybit-luna': '2.0'}
    assert_it_has_a_balance_and_no_entries(api)


@pytest.mark.parametrize(
    ('credentials', 'reason'),
    [(CREDENTIALS | {'key': 'other'}, 'wrong_key'), (CREDENTIALS | {'secret': 'other'}, 'wrong_secret')],
)
def test_what_is_wrong_with_the_credentials_is_told(api: Api, bybit: BybitAccount, credentials: dict[str, str], reason: str):
    assert api.patch(PATH, {'credentials': credentials}).status_code == 200

    assert run(api)

    assert problem(api) == reason


def test_a_key_that_may_write_is_refused_with_what_it_may(api: Api, bybit: BybitAccount):
    bybit.is_read_only = False

    assert run(api)

    assert problem(api) == 'key_may_trade'
    assert 'AccountTransfer, SpotTrade' in shown(api)['result']['problem']['message']


def test_keys_that_may_trade_are_taken_where_that_is_allowed(api: Api, bybit: BybitAccount, monkeypatch: pytest.MonkeyPatch):
    bybit.is_read_only = False
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    assert run(api)

    assert (problem(api), balances(api)) == (None, {'btc': '0.1'})


def test_a_classic_account_is_not_half_read(api: Api, bybit: BybitAccount):
    bybit.is_unified = False

    assert run(api)

    assert problem(api) == 'account_unsupported'
    assert 'Unified Trading Account' in shown(api)['result']['problem']['message']


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (refusal(10005, 'Permission denied, please check your API key permissions.'), 'permission_missing'),
        (refusal(10010, "Unmatched IP, please check your API key's bound IP addresses."), 'address_not_allowed'),
        (refusal(33004, 'Your api key has expired.'), 'wrong_key'),
    ],
)
def test_refusals_are_told(api: Api, bybit: BybitAccount, answer: Answer, reason: str):
    bybit.fault = answer

    assert run(api)

    assert problem(api) == reason


def test_a_clock_that_differs_is_tried_again_before_it_is_told(api: Api, bybit: BybitAccount):
    bybit.fault = refusal(10002, 'invalid request, please check your server timestamp or recv_window param.')

    assert [run(api), run(api), run(api)] == [False, False, True]

    assert problem(api) == 'clock_differs'


@pytest.mark.parametrize(
    'answer',
    [
        refusal(10006, 'Too many visits. Exceeded the API Rate Limit.'),
        refusal(10018, 'Exceeded the IP Rate Limit.'),
        refusal(10016, 'Server error.'),
        Answer(403, '<html>access from your country is blocked</html>', 'text/html'),
        Answer(503, '<html>maintenance</html>', 'text/html'),
        Answer(200, '<html>are you human?</html>', 'text/html'),
    ],
)
def test_limits_outages_and_pages_for_people_say_nothing_of_the_account(api: Api, bybit: BybitAccount, answer: Answer):
    bybit.fault = answer

    assert not run(api)

    assert problem(api) is None
    assert api.get(f'{PATH}/balances').status_code == 503


@pytest.mark.parametrize('result', ['[]', 'null', '{}', '{"readOnly":1,"permissions":{}}'])
def test_an_answer_of_another_shape_is_a_failure_of_the_exchange(
    api: Api, bybit: BybitAccount, caplog: pytest.LogCaptureFixture, result: str
):
    bybit.fault = Answer(200, f'{{"retCode":0,"result":{result}}}', 'application/json')

    assert not run(api)

    assert 'bybit_accounts: returned' in caplog.text
    assert problem(api) is None
