"""Accounts at Bitfinex, read from a server that verifies its signatures."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.domain.ledgers import Holding
from chalicelib.models import Snapshot
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.accounts import PATH, balances, create, is_whole, problem, reached, run, shown
from tests.support.api import Api
from tests.support.bitfinex import KEY, READ_ONLY, SECRET, BitfinexAccount, refusal
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives

CREDENTIALS = {'key': KEY, 'secret': SECRET}
DAY = 86_400


def row(number: int, at: int, currency: str, moved: Any, said: str) -> list[Any]:
    """Return an entry as Bitfinex lists it: an array with nothing in some places, and numbers that are no strings."""
    return [number, currency, None, at * 1_000, None, moved, 0, None, f'{said} on wallet exchange']


@pytest.fixture
def bitfinex(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BitfinexAccount]:
    """An empty account, in a portfolio."""
    account = BitfinexAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'bitfinex', CREDENTIALS)
        yield account


def test_trades_fees_and_interest_of_all_wallets_add_up(api: Api, bitfinex: BitfinexAccount):
    at = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
    bitfinex.rows = [
        row(8, at + 9 * DAY, 'UDC', -25, 'Crypto Withdrawal fee'),
        row(7, at + 9 * DAY, 'UDC', -100, 'Crypto Withdrawal #1234'),
        row(6, at + 5 * DAY, 'UST', 0.00012345, 'Margin Funding Payment'),
        row(5, at + 61, 'LEO', -0.5, 'Trading fees for 0.25 BTC (BTCUST) @ 60000.0 on BFX (0.2%)'),
        row(4, at + 61, 'BTC', 0.25, 'Exchange 0.25 BTC for UST @ 60000.0'),
        row(3, at + 60, 'UST', -15000, 'Exchange 0.25 BTC for UST @ 60000.0'),
        row(2, at + 1, 'LEO', 2, 'Deposit (LEO) #11'),
        row(1, at, 'UST', 20000, 'Deposit (TETHERUSX) #10'),
        row(0, at, 'UDC', 125, 'Deposit (UDC) #9'),
    ]
    bitfinex.wallets = [
        ['exchange', 'UST', 4900, 0, 4900, None, None],
        ['funding', 'UST', 100.00012345, 0.01, 0, None, None],
        ['margin', 'BTC', 0.25, 0, 0.25, None, None],
        ['exchange', 'LEO', 1.5, 0, 1.5, None, None],
        ['exchange', 'UDC', 0, 0, 0, None, None],
    ]

    assert run(api)

    assert balances(api) == {'btc': '0.25', 'leo': '1.5', 'usdt': '5000.00012345'}
    assert is_whole(api)
    rows = [(one['reference'], one['currency']['code'], one['delta'], one['fee']) for one in shown(api, '/txns')['result']]
    trade = {reference for reference, code, *_ in rows if code in ('btc', 'usdt') and reference.startswith('trade-')}
    assert len(trade) == 1
    assert sorted(one for one in rows if one[0] not in trade) == [
        ('0', 'usdc', '125.0', '0.0'), ('1', 'usdt', '20000.0', '0.0'), ('2', 'leo', '2.0', '0.0'), ('5', 'leo', '-0.5', '0.5'),
        ('6', 'usdt', '0.00012345', '0.0'), ('7', 'usdc', '-100.0', '0.0'), ('8', 'usdc', '-25.0', '25.0'),
    ]  # fmt: skip
    assert sorted(one[1:] for one in rows if one[0] in trade) == [('btc', '0.25', '0.0'), ('usdt', '-15000.0', '0.0')]
    [wallet] = [one for one in api.get('/api/wallets').json_body['result'] if one['code'] == 'bitfinex']
    assert wallet['history'] == 'six years'


def test_pages_overlap_and_what_became_too_old_to_be_listed_stays(api: Api, bitfinex: BitfinexAccount):
    bitfinex.page = 3
    oldest = clock.now() - 6 * 365 * DAY + DAY
    deposits = [row(number, oldest + number // 2 * 20 * DAY, 'UST', 1, 'Deposit') for number in range(10, 0, -1)]
    bitfinex.rows = deposits
    bitfinex.wallets = [['exchange', 'UST', 12, 0, 12, None, None]]
    while not run(api):
        pass

    # Two of the twelve came in before the six years of which the ledger tells.
    told = shown(api, '/balances')
    assert (balances(api), told['complete'], told['reason']) == ({'usdt': '12.0'}, False, 'transactions_missing')
    assert len(shown(api, '/txns')['result']) == 10
    ends = [request.body.get('end') for request in bitfinex.requests if request.path[-1] == 'hist']
    assert ends[:4] == [None, deposits[2][3], deposits[3][3], deposits[5][3]]

    bitfinex.rows = deposits[:-1]
    bitfinex.wallets = [['exchange', 'UST', 11, 0, 11, None, None]]
    CLOCK.advance(2 * DAY)
    assert run(api)

    assert len(shown(api, '/txns')['result']) == 10

    bitfinex.user_id, bitfinex.rows = 5, deposits[:1]  # the key is of another account
    while not run(api):
        pass
    assert len(shown(api, '/txns')['result']) == 1


def test_what_is_too_old_to_be_listed_goes_with_credentials_that_nothing_says_are_of_the_same_account(api: Api, bitfinex: BitfinexAccount):
    oldest = clock.now() - 6 * 365 * DAY + 15 * DAY
    bitfinex.rows = [row(1, oldest, 'UST', 1, 'Deposit')]
    bitfinex.wallets = [['exchange', 'UST', 1, 0, 1, None, None]]
    assert run(api)
    CLOCK.advance(20 * DAY)
    bitfinex.rows, bitfinex.wallets = [], []
    assert run(api)
    assert len(shown(api, '/txns')['result']) == 1  # of the same account, as far as anybody knows
    ledger = f'LEDGER#ACCOUNT#{api.user_id}#000001#000001'
    Snapshot.store(ledger, [Holding('usdt', Decimal(1), None, None, None)], clock.now())

    bitfinex.rights = READ_ONLY | {'account': (0, 0)}
    assert api.patch(PATH, {'credentials': CREDENTIALS}).status_code == 200
    for writes in range(1, 40):  # wherever a worker dies, the next one forgets what is left
        if survives(lambda: run(api), writes):
            break
        CLOCK.advance(3_000)

    assert shown(api, '/txns')['result'] == []
    assert is_whole(api)
    assert list(Snapshot.every(ledger)) == []


@pytest.mark.parametrize(('credentials', 'reason'), [({'key': 'other'}, 'wrong_key'), ({'secret': 'other'}, 'wrong_secret'), ({}, None)])
def test_what_is_wrong_with_the_credentials_is_told(api: Api, bitfinex: BitfinexAccount, credentials: dict[str, str], reason: str | None):
    assert api.patch(PATH, {'credentials': CREDENTIALS | credentials}).status_code == 200

    assert run(api)

    assert problem(api) == reason


@pytest.mark.parametrize(
    ('rights', 'reason'),
    [
        ({'orders': (1, 1)}, 'key_may_trade'),
        ({'withdraw': (1, 0)}, 'key_may_trade'),
        ({'settings': (0, 1)}, 'key_may_trade'),
        ({'history': (0, 0)}, 'permission_missing'),
    ],
)
def test_a_key_must_be_able_to_read_and_nothing_else(api: Api, bitfinex: BitfinexAccount, rights: dict[str, tuple[int, int]], reason: str):
    bitfinex.rights = READ_ONLY | rights

    assert run(api)

    assert problem(api) == reason


@pytest.mark.parametrize(
    ('answer', 'reason'),
    [
        (refusal(10001, 'api_key: permission invalid'), 'permission_missing'),
        (refusal(10114, 'nonce: small'), 'wrong_nonce'),
        (refusal(20060, 'maintenance'), None),
        (refusal(11010, 'ratelimit: error'), None),
        (as_json({'error': 'ERR_RATE_LIMIT'}, 429), None),
        (as_json({'code': 503, 'error': 'temporarily_unavailable', 'error_description': 'Sorry'}, 503), None),
        (Answer(502, '<html>Bad gateway</html>', 'text/html'), None),
        (Answer(200, '<html>Are you human?</html>', 'text/html'), None),
        (as_json({}), None),
    ],
)
def test_refusals_are_told_and_failures_are_not_taken_for_them(api: Api, bitfinex: BitfinexAccount, answer: Answer, reason: str | None):
    bitfinex.fault = answer

    results = [run(api) for _ in range(3)]

    assert results[-1] is (reason is not None)
    assert problem(api) == reason
