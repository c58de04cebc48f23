"""Accounts at an exchange, read from a Kraken that verifies signatures: balances, entries, refusals, and credentials that stay secret."""

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.jobs import refresh as refresh_jobs
from chalicelib.models import Credentials, Ledger, Transaction, UpstreamState, User
from chalicelib.providers.exchanges import CONNECTORS
from chalicelib.providers.exchanges.kraken import KrakenReader
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.kraken_account import LedgerRow
from tests.support.api import ALL_SCOPES, Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives, table
from tests.support.jobs import accounts_queue, purge_queue, record
from tests.support.kraken import CREDENTIALS, FIRST_AT, KEY, SECRET, Kraken, create_account, trades
from tests.support.unforeseen import SAID, noted, surprised_kind

PATH = '/api/portfolios/1/accounts/1'


@pytest.fixture
def account(api: Api, kraken: Kraken) -> str:
    """An account that was not read yet; its ledger."""
    api.portfolio()
    create_account(api)
    return f'LEDGER#ACCOUNT#{api.user_id}#000001#000001'


def refresh(queues: dict[str, str], *, seconds: int = 60) -> None:
    """Let time pass, and the job do what is waiting for it."""
    CLOCK.advance(seconds)
    accounts_queue(queues).drain()


def run(ledger: str) -> bool:
    """Let time pass, and run the job on one ledger; say whether it went well."""
    CLOCK.advance(60)
    return run_at_once(ledger)


def run_at_once(ledger: str) -> bool:
    return not refresh_jobs.refresh_accounts({'Records': [record({'ledger': ledger})]}, None)['batchItemFailures']


def result(api: Api, path: str = PATH) -> Any:
    response = api.get(path)
    assert response.status_code == 200, response.body
    return response.json_body['result']


def balances(api: Api, path: str = f'{PATH}/balances') -> dict[str, str]:
    return {row['currency']['code']: row['balance'] for row in result(api, path)}


def state(ledger: str) -> Ledger:
    found = Ledger.find(ledger)
    assert found is not None
    return found


def test_120_entries_over_three_pages_add_up_to_the_balances(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(60)[:-1]  # 119 entries: without the deposit
    kraken.account.rows = [*kraken.account.rows, LedgerRow('L0', 'R0', FIRST_AT, 'deposit', 'ZUSD', Decimal(60_000))]

    refresh(queues)

    # Bought: 1 + 2 + … + 60 = 1830 ten-thousandths. Paid: 1830 + 60 * 100.25 = 7845 and 60 * 0.16 = 9.60 in fees.
    assert balances(api) == {'btc': '0.183', 'usd': '52145.4'}
    body = api.get(f'{PATH}/transactions').json_body
    assert (len(body['result']), body['complete']) == (121, True)
    assert sum(Decimal(row['delta']) for row in body['result'] if row['currency']['code'] == 'usd') == Decimal('52145.4')
    assert api.get(f'{PATH}/txns').json_body['result'] == body['result']
    assert [request.path[2] for request in kraken.requests].count('Ledgers') == 3
    assert state(account).is_whole


def test_a_trade_is_two_entries_with_one_reference_and_a_fee_that_is_in_its_delta(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str]
):
    kraken.account.rows = trades(1)

    refresh(queues)

    rows = result(api, f'{PATH}/txns')
    shown = [(row['reference'], row['currency']['code'], row['delta'], row['fee'], row['txn_at'], row['source']) for row in rows]
    assert sorted(shown) == [
        ('R000001', 'usd', '1000.0', '0.0', '2020-09-13T12:26:40+00:00', 'kraken_accounts'),
        ('T000001', 'btc', '0.0001', '0.0', '2020-09-13T13:26:40+00:00', 'kraken_accounts'),
        ('T000001', 'usd', '-101.41', '0.16', '2020-09-13T13:26:40+00:00', 'kraken_accounts'),
    ]


def test_a_fee_in_a_third_currency_is_an_entry_of_its_own_and_an_unknown_one_is_shown_as_such(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str]
):
    fee = LedgerRow('LF', 'T000001', FIRST_AT + 3_600, 'trade', 'KFEE', Decimal('-12.5'))
    credit = LedgerRow('LC', 'R9', FIRST_AT - 1, 'deposit', 'KFEE', Decimal(100))
    kraken.account.rows = [fee, *trades(1), credit]

    refresh(queues)

    assert balances(api) == {'btc': '0.0001', 'usd': '898.59', 'x-kraken-kfee': '87.5'}
    assert {'title': 'KFEE at kraken', 'code': 'x-kraken-kfee'} in [row['currency'] for row in result(api, f'{PATH}/balances')]
    rows = [row for row in result(api, f'{PATH}/txns') if row['reference'] == 'T000001']
    assert sorted(row['currency']['code'] for row in rows) == ['btc', 'usd', 'x-kraken-kfee']


def test_staked_and_earning_coins_count_as_what_they_are(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    bought = LedgerRow('L1', 'R1', FIRST_AT, 'deposit', 'XETH', Decimal('2.5'))
    unstaked = LedgerRow('L2', 'R2', FIRST_AT + 9, 'transfer', 'XETH', Decimal('-1.5'))
    staked = LedgerRow('L3', 'R3', FIRST_AT + 9, 'transfer', 'ETH.S', Decimal('1.5'))
    reward = LedgerRow('L4', 'R4', FIRST_AT + 99, 'staking', 'ETH.S', Decimal('0.0001'))
    kraken.account.rows = [reward, staked, unstaked, bought]

    refresh(queues)

    assert balances(api) == {'eth': '2.5001'}
    assert api.get(f'{PATH}/txns').json_body['complete'] is True


@pytest.mark.parametrize(
    ('asset', 'code'),
    [('XBT', 'btc'), ('XXDG', 'doge'), ('LUNA', 'lunc'), ('LUNA2', 'luna'), ('UST', 'ustc'), ('BCH', 'bch'), ('REP', 'x-kraken-rep'),
     ('MNT', 'x-kraken-mnt'), ('SOS', 'x-kraken-sos'), ('ZEUR', 'eur')],
)  # fmt: skip
def test_a_symbol_is_never_taken_for_its_namesake(api: Api, kraken: Kraken, account: str, queues: dict[str, str], asset: str, code: str):
    kraken.account.rows = [LedgerRow('L1', 'R1', FIRST_AT, 'deposit', asset, Decimal(3))]

    refresh(queues)

    assert balances(api) == {code: '3.0'}


def test_later_refreshes_read_only_what_is_new(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(60)
    refresh(queues)
    kraken.requests.clear()
    kraken.account.rows = [*trades(1, first=61), *kraken.account.rows]

    assert run(account)

    assert [request.path[2] for request in kraken.requests] == ['GetApiKeyInfo', 'BalanceEx', 'Ledgers', 'Ledgers', 'Ledgers'][:5]
    assert len(result(api, f'{PATH}/txns')) == 123
    assert state(account).is_whole


def test_an_entry_that_changed_or_went_within_a_week_is_read_again(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(3)
    refresh(queues)
    [newest, *older] = kraken.account.rows
    kraken.account.rows = [LedgerRow(newest.id, newest.reference, newest.at, 'trade', 'XXBT', Decimal('0.5')), *older]

    assert run(account)

    # 1 + 2 ten-thousandths, and a half in the place of three.
    assert balances(api)['btc'] == '0.5003'
    assert len(result(api, f'{PATH}/txns')) == 7
    assert state(account).is_whole


def test_pages_that_shift_while_they_are_read_lose_nothing_and_double_nothing(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str]
):
    kraken.account.rows = trades(60)
    added = False

    def add_meanwhile(request: Request, answer: Answer) -> Answer:
        nonlocal added
        if request.path[2] == 'Ledgers' and not added:
            added = True
            kraken.account.rows = [*trades(2, first=61), *kraken.account.rows]
        return answer

    kraken.fault = add_meanwhile
    refresh(queues)

    assert (len(result(api, f'{PATH}/txns')), state(account).is_whole) == (121, True)
    assert run(account)
    assert (len(result(api, f'{PATH}/txns')), state(account).is_whole) == (125, True)
    assert balances(api)['btc'] == '0.1953'  # 62 * 63 / 2 ten-thousandths


def test_what_does_not_add_up_is_missing_from_its_currency_alone(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(2)
    kraken.account.balances = {'XXBT': '7.0', 'ZUSD': str(kraken.account.totals()['ZUSD'])}

    refresh(queues)

    missing = {row['currency']: (row['balance'], row['complete']) for row in result(api, '/api/portfolios/1/balances')}
    assert missing == {'btc': ('7.0', False), 'usd': ('1796.18', True)}


def test_an_empty_account_is_empty_and_complete(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.fault = lambda request, answer: as_json({'error': []}) if request.path[2] == 'BalanceEx' else answer

    refresh(queues)

    assert (result(api, f'{PATH}/balances'), result(api, f'{PATH}/txns')) == ([], [])
    assert result(api)['last_updated'] is not None


def test_an_emptied_account_keeps_its_past(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    out = LedgerRow('L2', 'R2', FIRST_AT + 86_400 * 3, 'withdrawal', 'XXBT', Decimal('-1'))
    kraken.account.rows = [out, LedgerRow('L1', 'R1', FIRST_AT, 'deposit', 'XXBT', Decimal(1))]

    refresh(queues)

    assert balances(api) == {}
    then = '?from=2020-09-13&to=2020-09-18&interval=day&order=asc'
    rows = result(api, f'{PATH}/history{then}')
    assert [(row['balance_at'][:10], row['balance']) for row in rows if row['currency'] == 'btc'] == [
        ('2020-09-14', '1.0'),
        ('2020-09-15', '1.0'),
        ('2020-09-16', '1.0'),
    ]
    assert [row['reference'] for row in result(api, '/api/portfolios/1/transactions')] == ['R2', 'R1']
    [row] = [row for row in result(api, '/api/portfolios/1/balances?at=2020-09-15') if row['currency'] == 'btc']
    assert (row['balance'], row['complete']) == ('1.0', True)


def test_a_negative_balance_counts_as_such(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = [LedgerRow('L1', 'R1', FIRST_AT, 'margin', 'ZUSD', Decimal('-5.25'))]

    refresh(queues)

    assert balances(api) == {'usd': '-5.25'}
    assert {row['currency']: row['balance'] for row in result(api, '/api/portfolios/1/balances')} == {'btc': '0.0', 'usd': '-5.25'}
    past = result(api, f'{PATH}/history?from=2020-09-12&to=2020-09-15&order=asc')
    assert [(row['balance_at'][:10], row['balance'], row['complete']) for row in past] == [
        ('2020-09-14', '-5.25', True), ('2020-09-15', '-5.25', True),
    ]  # fmt: skip


def test_a_row_that_cannot_be_read_costs_only_its_currency(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(2)

    def break_one(request: Request, answer: Answer) -> Answer:
        return Answer(200, answer.raw.replace(b'"amount":"0.0002"', b'"amount":"?"'), 'application/json')

    kraken.fault = break_one
    refresh(queues)

    [gap] = state(account).gaps
    assert (gap.currency, gap.reason) == ('btc', 'transactions_unreadable')


def answering(error: str) -> Callable[[Request, Answer], Answer]:
    return lambda request, answer: as_json({'error': [error]})


@pytest.mark.parametrize(
    ('credentials', 'permissions', 'error', 'reason', 'said'),
    [
        ({'key': 'other', 'secret': SECRET}, None, None, 'wrong_key', 'does not recognise this API key'),
        ({'key': KEY, 'secret': base64.b64encode(b'other').decode()}, None, None, 'wrong_secret', 'rejects the signature'),
        ({'key': KEY, 'secret': 'not base64!'}, None, None, 'wrong_secret', 'rejects the signature'),
        (CREDENTIALS, ['query-funds'], None, 'permission_missing', 'Query ledger entries'),
        (CREDENTIALS, ['query-funds', 'query-ledger', 'withdraw-funds'], None, 'key_may_trade', 'withdraw-funds'),
        (CREDENTIALS, None, 'EGeneral:Temporary lockout', 'locked_out', 'wait 15 minutes'),
        (CREDENTIALS, None, 'EGeneral:Permission denied', 'permission_missing', 'Query funds'),
    ],
)
def test_credentials_that_are_refused_say_why_and_are_not_tried_again_until_they_are_replaced(
    api: Api,
    kraken: Kraken,
    queues: dict[str, str],
    credentials: dict[str, str],
    permissions: list[str] | None,
    error: str | None,
    reason: str,
    said: str,
):
    api.portfolio()
    kraken.account.rows = trades(2)
    kraken.account.permissions = permissions or kraken.account.permissions
    kraken.fault = answering(error) if error else None
    create_account(api, credentials=credentials)
    refresh(queues)

    shown = result(api)
    assert (shown['valid'], shown['problem']['reason']) == (False, reason)
    assert said in shown['problem']['message']
    assert result(api, '/api/portfolios/1/accounts')[0]['valid'] is False
    asked = len(kraken.requests)
    assert run(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001')
    assert len(kraken.requests) == asked

    kraken.fault, kraken.account.permissions = None, ['query-funds', 'query-ledger']
    assert api.patch(PATH, {'credentials': CREDENTIALS}).json_body['result']['valid'] is True
    refresh(queues)

    shown = result(api)
    assert (shown['valid'], shown['problem']) == (True, None)
    assert balances(api) == {'btc': '0.0003', 'usd': '1796.18'}


def test_keys_that_may_trade_are_taken_where_that_is_allowed(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    kraken.account.permissions = ['query-funds', 'query-ledger', 'modify-trades']
    monkeypatch.setenv('ALLOW_TRADING_KEYS', 'true')
    settings.cache_clear()
    settings()

    refresh(queues)

    assert result(api)['valid'] is True


def test_a_refused_nonce_is_tried_again_and_told_when_it_stays_refused(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.fault = answering('EAPI:Invalid nonce')

    assert [run(account), run(account)] == [False, False]
    assert result(api)['valid'] is True
    assert run(account)

    assert (result(api)['valid'], result(api)['problem']['reason']) == (False, 'wrong_nonce')


def test_a_nonce_fault_that_passes_costs_nothing(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(1)
    kraken.fault = answering('EAPI:Invalid nonce')
    assert not run(account)
    kraken.fault = None

    assert run(account)

    assert balances(api) == {'btc': '0.0001', 'usd': '898.59'}


@pytest.mark.parametrize(
    ('answer', 'opens'),
    [
        (as_json({'error': ['EAPI:Rate limit exceeded']}), False),
        (as_json({'error': ['EService:Unavailable']}), True),
        (as_json({'error': ['EService:Busy']}), True),
        (Answer(503, '<html>maintenance</html>', 'text/html'), True),
        (Answer(200, '<html>are you human?</html>', 'text/html'), True),
        (Answer(520, ''), True),
        (Answer(429, 'slow down'), True),
    ],
)
def test_limits_outages_and_pages_for_people_are_tried_again_and_say_nothing_of_the_account(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str], answer: Answer, opens: bool
):
    kraken.account.rows = trades(1)
    kraken.fault = lambda request, right: answer
    assert not run(account)

    assert (result(api)['valid'], api.get(f'{PATH}/balances').status_code) == (True, 503)
    health = api.get('/api/sources/kraken_accounts').json_body['result']['health']
    assert health == ('failing' if opens else 'unknown')
    kraken.fault = None
    CLOCK.advance(3_600)
    assert run(account)
    assert balances(api) == {'btc': '0.0001', 'usd': '898.59'}
    assert UpstreamState.find_many(['kraken_accounts'])['kraken_accounts'].health(clock.now()) == 'ok'


def test_what_nobody_foresaw_of_an_exchange_is_noted_as_its_failure(kraken: Kraken, account: str, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.setitem(CONNECTORS, 'kraken', surprised_kind(KrakenReader, 'read'))
        assert not run(account)

    assert (state(account).last_error, noted('kraken_accounts')) == (SAID, SAID)
    CLOCK.advance(3_600)
    assert run(account)


def test_accounts_of_one_user_do_not_close_an_exchange_to_others(
    api: Api, kraken: Kraken, queues: dict[str, str], http: ChaliceClient, make_user: Callable[..., User]
):
    """Whoever makes up credentials can have a firewall answer as many accounts as they like with a page."""
    refused: set[str] = set()
    kraken.fault = lambda request, right: (
        Answer(403, '<html>blocked</html>', 'text/html') if request.headers['API-Key'] in refused else right
    )

    def refuse_accounts(owner: Api, number: int) -> list[bool]:
        owner.portfolio()
        refused.update(f'key of {owner.user_id} {n}' for n in range(number))
        ids = [create_account(owner, credentials=CREDENTIALS | {'key': f'key of {owner.user_id} {n}'}) for n in range(number)]
        return [run(f'LEDGER#ACCOUNT#{owner.user_id}#000001#{account_id:06}') for account_id in ids]

    assert refuse_accounts(api, 5) == [False] * 5
    other = Api(http, make_user('second@example.com').user_id, ALL_SCOPES)
    other.portfolio()
    good = create_account(other)
    assert run_at_once(f'LEDGER#ACCOUNT#{other.user_id}#000001#{good:06}')

    owners = [api, *(Api(http, make_user(f'{n}@example.com').user_id, ALL_SCOPES) for n in range(2))]
    for owner in owners[1:]:
        assert refuse_accounts(owner, 1) == [False]
    assert run(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001') is False
    reached = len(kraken.requests)
    assert not run_at_once(f'LEDGER#ACCOUNT#{other.user_id}#000001#{good:06}')
    assert len(kraken.requests) == reached


def test_a_limit_in_the_middle_of_a_download_keeps_the_pages_that_were_read(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(60)

    def limit_third_page(request: Request, answer: Answer) -> Answer:
        return as_json({'error': ['EAPI:Rate limit exceeded']}) if 'ofs=100' in request.raw else answer

    kraken.fault = limit_third_page
    assert not run(account)
    assert len(list(Transaction.every(account))) == 100
    assert api.get(f'{PATH}/txns').json_body['reason'] == 'transactions_pending'
    kraken.fault = None
    kraken.requests.clear()

    assert run(account)

    assert [request.raw.split('&')[1] for request in kraken.requests if request.path[2] == 'Ledgers'] == ['ofs=100']
    assert len(result(api, f'{PATH}/txns')) == 121


def test_a_key_that_is_revoked_during_a_download_stops_it(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(60)
    kraken.fault = lambda request, answer: as_json({'error': ['EAPI:Invalid key']}) if 'ofs=50' in request.raw else answer

    assert run(account)

    assert (result(api)['valid'], result(api)['problem']['reason']) == (False, 'wrong_key')
    row = next(row for row in result(api, '/api/portfolios/1/balances') if row['currency'] == 'btc')
    assert (row['complete'], row['missing'][0]['reason'], row['missing'][0]['type']) == (False, 'invalid_account', 'account')


def test_credentials_that_are_replaced_during_a_refresh_win(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(2)
    replaced = False

    def replace_meanwhile(request: Request, answer: Answer) -> Answer:
        nonlocal replaced
        if not replaced:
            replaced = True
            assert api.patch(PATH, {'credentials': CREDENTIALS}).status_code == 200
            return as_json({'error': ['EAPI:Invalid key']})
        return answer

    kraken.fault = replace_meanwhile
    refresh(queues)

    assert (result(api)['valid'], result(api)['problem']) == (True, None)
    assert balances(api) == {'btc': '0.0003', 'usd': '1796.18'}


def test_another_account_behind_other_credentials_takes_the_place_of_the_first(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str]
):
    kraken.account.rows = trades(2)
    refresh(queues)
    kraken.account.rows = [LedgerRow('LZ', 'RZ', FIRST_AT + 5, 'deposit', 'XLTC', Decimal(4))]
    assert api.patch(PATH, {'credentials': CREDENTIALS}).status_code == 200

    refresh(queues)

    assert balances(api) == {'ltc': '4.0'}
    assert [row['reference'] for row in result(api, f'{PATH}/txns')] == ['RZ']
    assert state(account).is_whole


def test_an_account_that_another_worker_reads_is_left_alone(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    assert Ledger.lease(account, owner='another worker', now=clock.now(), looked_at=None)

    assert run_at_once(account)

    assert kraken.requests == []


def test_a_deleted_accounts_credentials_are_gone_at_once_and_its_ledger_soon(
    api: Api, kraken: Kraken, account: str, queues: dict[str, str]
):
    kraken.account.rows = trades(2)
    refresh(queues)

    assert api.delete(PATH).status_code == 200

    assert Credentials.find(account) is None
    refresh(queues)
    assert [item for item in table() if item['pk']['S'] == account] == []


def test_a_deleted_portfolio_takes_its_accounts_and_their_credentials_along(api: Api, kraken: Kraken, account: str, queues: dict[str, str]):
    kraken.account.rows = trades(2)
    refresh(queues)
    assert api.delete('/api/portfolios/1').status_code == 200

    purge_queue(queues).drain()

    assert Credentials.find(account) is None
    refresh(queues)
    assert [item for item in table() if item['pk']['S'] == account] == []


@pytest.mark.parametrize('writes', range(1, 13))
def test_a_download_that_dies_after_any_write_is_made_up_for(api: Api, kraken: Kraken, account: str, writes: int):
    kraken.account.rows = trades(60)
    survives(lambda: run_at_once(account), writes)
    CLOCK.advance(3_000)

    assert run(account)

    assert balances(api)['btc'] == '0.183'
    assert len(result(api, f'{PATH}/txns')) == 121
    assert state(account).is_whole
