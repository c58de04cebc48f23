"""Accounts at Bybit, read from a server that verifies its signatures."""

from collections.abc import Iterator

import pytest

from chalicelib.models import Ledger
from chalicelib.providers.exchanges.bybit import BybitReader
from chalicelib.providers.transport import Http
from infra.fake_upstreams.answer import Answer
from tests.support.accounts import PATH, balances, create, is_whole, problem, reached, run, shown
from tests.support.api import Api
from tests.support.bybit import CREDENTIALS, BybitAccount, change, moved, refusal
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives

DAY = 86_400


@pytest.fixture
def bybit(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BybitAccount]:
    """A unified account with a read-only key, in a portfolio."""
    account = BybitAccount(funding=[{'coin': 'BTC', 'transferBalance': '0', 'walletBalance': '0.1', 'bonus': ''}])
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'bybit', CREDENTIALS)
        yield account


def coin(code: str, balance: str) -> dict[str, str]:
    return {'coin': code, 'equity': balance, 'walletBalance': balance, 'spotBorrow': '0', 'unrealisedPnl': '0'}


def funded(code: str, balance: str) -> dict[str, str]:
    return {'coin': code, 'transferBalance': '0', 'walletBalance': balance, 'bonus': ''}


def listed(api: Api) -> list[tuple[str, str, str, str]]:
    """What an account lists: reference, currency, delta and fee of each entry, in no order."""
    return sorted((row['reference'], row['currency']['code'], row['delta'], row['fee']) for row in shown(api, '/txns?limit=1000')['result'])


def logs_asked(bybit: BybitAccount) -> int:
    return sum(request.path[-1] in ('transaction-log', 'fundinghistory') for request in bybit.requests)


def test_both_logs_are_read_to_the_end_and_add_up_and_later_only_the_last_weeks_are_read_again(api: Api, bybit: BybitAccount):
    start = CLOCK.now()
    bought = [change(f'B{n:03}', start - 20 * DAY - n, 'BTC', '0.001', fee='0.000001', trade=f'T{n:03}') for n in range(60)]
    paid = [change(f'P{n:03}', start - 20 * DAY - n, 'USDT', '-100.5', trade=f'T{n:03}') for n in range(60)]
    bybit.unified_log = [
        change('F1', start - DAY, 'USDT', '-0.25', kind='SETTLEMENT'),
        *bought, *paid,
        change('I1', start - 200 * DAY, 'USDT', '7000', kind='TRANSFER_IN'),
    ]  # fmt: skip
    bybit.funding_log = [
        moved('Tm93', start - 3 * DAY, 'LUNA', '2'),
        moved('T3V0', start - 200 * DAY, 'USDT', '-7000'),
        moved('SW4=', start - 201 * DAY, 'USDT', '7001.5'),
    ]
    # Bought: 60 * (0.001 - 0.000001). In the unified account: 7000 - 60 * 100.5 - 0.25 dollars; in funding 1.5.
    bybit.unified = [coin('BTC', '0.05994'), coin('USDT', '969.75')]
    bybit.funding = [funded('USDT', '1.5'), funded('LUNA', '2')]

    assert run(api)

    assert balances(api) == {'btc': '0.05994', 'usdt': '971.25', 'x-bybit-luna': '2.0'}
    assert shown(api, '/balances')['complete'] is True
    assert shown(api, '/txns')['complete'] is True
    entries = listed(api)
    assert len(entries) == 125
    assert [row for row in entries if row[0] == 'T007'] == [('T007', 'btc', '0.000999', '0.000001'), ('T007', 'usdt', '-100.5', '0.0')]
    assert [row for row in entries if row[0] in ('F1', 'SW4=')] == [('F1', 'usdt', '-0.25', '0.0'), ('SW4=', 'usdt', '7001.5', '0.0')]
    past = shown(api, '/history?interval=week&currency=usdt&order=asc')['result']
    assert next((row['balance'], row['complete']) for row in past if row['currency'] == 'usdt') == ('7001.5', True)

    bybit.requests.clear()
    changed = change('F1', start - DAY, 'USDT', '-0.3')
    new = [change('I3', start - DAY + 6, 'USDT', '-3', fee='-0.5'), change('I2', start - DAY + 5, 'USDT', '-3', fee='0.5')]
    bybit.unified_log = [*new, changed, *bybit.unified_log[1:]]
    bybit.unified = [coin('BTC', '0.05994'), coin('USDT', '963.7')]
    assert run(api)

    assert logs_asked(bybit) == 4  # two windows of each
    assert balances(api)['usdt'] == '965.2'
    assert [row for row in listed(api) if row[0] in ('F1', 'I2', 'I3')] == [
        ('F1', 'usdt', '-0.3', '0.0'), ('I2', 'usdt', '-3.5', '0.5'), ('I3', 'usdt', '-2.5', '0.0'),
    ]  # fmt: skip
    assert shown(api, '/txns')['complete'] is True


def test_a_download_that_is_resumed_days_later_ends_where_the_logs_end_by_then(bybit: BybitAccount):
    start = CLOCK.now()
    days = {'bmV3': 1, 'bWlk': 720, 'b2xk': 728}  # three days later, a window with the oldest is refused
    bybit.funding_log = [moved(name, start - ago * DAY, 'BTC', '0.1') for name, ago in days.items()]
    reader, http = BybitReader(CREDENTIALS), Http(lambda endpoint: None)
    first = next(iter(reader.read(http, '').pages))

    CLOCK.advance(3 * DAY)
    report = reader.read(http, '', first.resume)
    rest = list(report.pages)

    assert rest[-1].resume is None
    assert [entry.reference for page in rest for entry in page.entries] == ['bmV3', 'bWlk']
    assert start - 728 * DAY < report.listed_from < start - 720 * DAY


def test_who_dies_among_windows_in_which_nothing_happened_has_not_read_them_for_nothing(api: Api, bybit: BybitAccount):
    bybit.funding_log = [moved('SW4=', CLOCK.now() - 725 * DAY, 'BTC', '0.1')]
    assert not survives(lambda: run(api), 120)  # each request takes its turn by a write
    read = logs_asked(bybit)
    CLOCK.advance(600)
    bybit.requests.clear()

    assert run(api)

    assert is_whole(api)
    assert read > 50
    assert logs_asked(bybit) <= 2 * 104 - read + 10 + 4  # what is left, what was not noted, and the last weeks again


def test_entries_of_another_account_go_also_those_that_are_too_old_to_be_listed(api: Api, bybit: BybitAccount):
    bybit.funding_log = [moved('SW4=', CLOCK.now() - 700 * DAY, 'BTC', '0.1')]
    assert run(api)
    assert (balances(api), shown(api, '/txns')['complete']) == ({'btc': '0.1'}, True)

    CLOCK.advance(60 * DAY)
    bybit.user_id, bybit.funding = 7, [funded('ETH', '2')]
    bybit.funding_log = [moved('QQ==', CLOCK.now() - DAY, 'ETH', '2')]
    assert run(api)

    assert [row['reference'] for row in shown(api, '/txns')['result']] == ['QQ==']
    assert (balances(api), shown(api, '/txns')['complete']) == ({'eth': '2.0'}, True)


def test_debts_and_open_positions_are_no_part_of_the_balance_and_what_no_log_tells_is_missing_from_its_currency_alone(
    api: Api, bybit: BybitAccount
):
    bybit.unified = [
        {'coin': 'USDT', 'equity': '201.34882644', 'walletBalance': '204.5', 'spotBorrow': '5', 'unrealisedPnl': '1.84882644'},
        {'coin': 'BTC', 'equity': '1.75', 'walletBalance': '1.5', 'spotBorrow': '0', 'unrealisedPnl': '0.25'},
        coin('ETH', '1'),
    ]
    bybit.funding = []
    at = CLOCK.now() - 9
    bybit.unified_log = [change('D1', at, 'BTC', '1.5', kind='TRANSFER_IN'), change('D2', at, 'ETH', '1') | {'change': '?'}]

    assert run(api)

    # 204.5 - 5; bitcoin without the quarter that is not realised
    assert balances(api) == {'btc': '1.5', 'eth': '1.0', 'usdt': '199.5'}
    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert {row['currency']: row['complete'] for row in summed} == {'btc': True, 'eth': False, 'usdt': False, 'usd': True}
    ledger = Ledger.find(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001')
    assert ledger is not None
    assert {gap.currency: (gap.reason, str(gap.difference)) for gap in ledger.gaps} == {
        'eth': ('transactions_unreadable', '1'), 'usdt': ('transactions_missing', '199.50000000'),
    }  # fmt: skip


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
