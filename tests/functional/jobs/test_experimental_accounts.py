"""Accounts at experimental exchanges: what ccxt makes of balances, read from servers that verify the signatures as their exchanges do."""

from collections.abc import Iterator

import pytest

from chalicelib.config import BadSetting, settings
from chalicelib.models import Item, Ledger
from chalicelib.services import upstream_status
from chalicelib.services.portfolios import accounts
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from tests.support import bitget, mexc
from tests.support.accounts import PATH, balances, create, problem, reached, run, shown
from tests.support.api import Api
from tests.support.bitget import BitgetAccount
from tests.support.clock import CLOCK
from tests.support.mexc import MexcAccount


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[BitgetAccount, MexcAccount]]:
    """An account at each of two exchanges that the operator offers."""
    both = BitgetAccount(), MexcAccount()

    def respond(request: Request) -> Answer:
        return both[request.upstream == 'mexc'].respond(request)

    monkeypatch.setenv('EXPERIMENTAL_EXCHANGES', 'bitget, mexc')
    upstream_status.every.cache_clear()
    with reached(respond, monkeypatch):
        yield both
    upstream_status.every.cache_clear()


@pytest.fixture
def at_bitget(offered: tuple[BitgetAccount, MexcAccount]) -> BitgetAccount:
    return offered[0]


@pytest.fixture
def at_mexc(offered: tuple[BitgetAccount, MexcAccount]) -> MexcAccount:
    return offered[1]


def test_without_the_setting_none_is_offered(api: Api):
    api.portfolio()

    assert not any(row['experimental'] for row in api.get('/api/wallets').json_body['result'])
    refused = api.post('/api/portfolios/1/accounts', {'wallet': 'mexc', 'credentials': mexc.CREDENTIALS})
    assert (refused.status_code, refused.json_body['fields'][0]['code']) == (422, 'unsupported_wallet')


@pytest.mark.parametrize('value', ['mexc,nosuch', 'mexc;bitget', 'kraken'])
def test_a_setting_that_names_no_such_exchange_says_so(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv('EXPERIMENTAL_EXCHANGES', value)
    settings.cache_clear()

    with pytest.raises(BadSetting, match=r'^EXPERIMENTAL_EXCHANGES'):
        accounts.offered_exchanges()


def test_balances_are_shown_to_the_digit_and_never_whole_as_nothing_confirms_them(api: Api, at_bitget: BitgetAccount):
    wallets = {row['code']: row for row in api.get('/api/wallets').json_body['result']}
    assert (wallets['bitget']['experimental'], wallets['bitget']['history'], wallets['kraken']['experimental']) == (True, 'none', False)
    assert [each['name'] for each in wallets['bitget']['credentials']] == ['key', 'secret', 'password']
    assert 'any check of what the API key may do' in wallets['bitget']['lacks']
    api.portfolio()
    missing = api.post('/api/portfolios/1/accounts', {'wallet': 'bitget', 'credentials': bitget.CREDENTIALS | {'password': ''}})
    assert missing.status_code == 422
    create(api, 'bitget', bitget.CREDENTIALS)
    at_bitget.spot = [
        bitget.spot_row('BTC', 0.1, '0.2', '0.000000000000000001'),
        bitget.spot_row('XBT', '1'),  # ccxt takes it for bitcoin, as which it would be counted in the place of the other
        bitget.spot_row('LUNA', '7'),  # of that code in the catalogue, or another: nobody has looked
        bitget.spot_row('BCHSV', '2'),
        bitget.spot_row('ETH', '0'),
        {'coin': 'SOL', 'frozen': '0', 'locked': '0'},
    ]

    assert run(api)

    assert balances(api) == {
        'btc': '0.300000000000000001', 'x-bitget-xbt-btc': '1.0', 'x-bitget-luna': '7.0', 'x-bitget-bchsv-bsv': '2.0', 'sol': None,
    }  # fmt: skip
    assert [shown(api, f'/{part}')['complete'] for part in ('balances', 'txns')] == [False, False]
    assert [shown(api, f'/{part}')['reason'] for part in ('balances', 'txns')] == ['history_not_read', 'history_not_read']
    assert shown(api, '/txns')['result'] == []
    summed = {row['currency']: row for row in api.get('/api/portfolios/1/balances').json_body['result']}
    assert (summed['btc']['complete'], summed['btc']['balance']) == (False, '0.300000000000000001')
    CLOCK.advance(3_600)
    at_bitget.spot = [bitget.spot_row('BTC', '2')]
    assert run(api)
    past = shown(api, '/history?interval=hour&currency=btc&order=asc')['result']
    assert [(row['balance'], row['complete']) for row in past][:1] == [('0.300000000000000001', False)]
    [source] = [row for row in api.get('/api/sources').json_body['result'] if row['key'] == 'bitget_accounts']
    assert (source['health'], source['history'], source['capabilities']) == ('ok', 'none', ['balances'])


def test_what_is_borrowed_leaves_the_balance_unknown_and_an_outage_says_nothing_of_the_kind_of_account(api: Api, at_bitget: BitgetAccount):
    at_bitget.unified = [
        {'coin': 'USDT', 'equity': '90', 'available': '100', 'locked': '0', 'debt': '10'},
        {'coin': 'BTC', 'equity': '1', 'available': '1', 'locked': '0', 'debt': '0'},
    ]
    at_bitget.faults = [Answer(503, '<html>Sorry</html>', 'text/html')]  # ccxt would take it for a classic account
    api.portfolio()
    create(api, 'bitget', bitget.CREDENTIALS)

    assert [run(api), problem(api)] == [False, None]
    assert run(api)

    assert balances(api) == {'btc': '1.0', 'usdt': None}


def test_an_outage_is_told_before_what_ccxt_stumbles_over_as_it_went_on(api: Api, at_bitget: BitgetAccount):
    at_bitget.faults = [
        Answer(503, '<html>Sorry</html>', 'text/html'),
        as_json({'code': '00000', 'data': [bitget.spot_row('BTC', 'x', 'y')]}),
    ]
    api.portfolio()
    create(api, 'bitget', bitget.CREDENTIALS)

    assert not run(api)

    [ledger] = [item for item in Item.scan() if isinstance(item, Ledger)]
    assert ledger.last_error == 'returned 503'


def test_an_account_without_a_passphrase_is_read_with_key_and_secret_from_its_own_server(api: Api, at_mexc: MexcAccount):
    api.portfolio()
    create(api, 'mexc', mexc.CREDENTIALS)
    at_mexc.balances = [{'asset': 'USDT', 'free': '0.000000000674', 'locked': '1'}, {'asset': 'GMT', 'free': '5', 'locked': '0'}]

    assert run(api)

    assert balances(api) == {'usdt': '1.000000000674', 'x-mexc-gmt-gmttoken': '5.0'}
    assert len(at_mexc.requests) == 1


@pytest.mark.parametrize(
    ('wallet', 'credentials', 'reason'),
    [
        ('mexc', mexc.CREDENTIALS | {'key': 'other'}, 'credentials_refused'),
        ('mexc', mexc.CREDENTIALS | {'secret': 'other'}, 'credentials_refused'),
        ('bitget', bitget.CREDENTIALS | {'key': 'other'}, 'credentials_refused'),
        ('bitget', bitget.CREDENTIALS | {'secret': 'other'}, 'credentials_refused'),
        ('bitget', bitget.CREDENTIALS | {'password': 'other'}, 'credentials_refused'),
    ],
)
@pytest.mark.usefixtures('offered')
def test_refused_credentials_are_told_and_not_tried_again(api: Api, wallet: str, credentials: dict[str, str], reason: str):
    api.portfolio()
    create(api, wallet, credentials)

    assert run(api)

    assert problem(api) == reason


def test_limits_outages_and_pages_for_people_say_nothing_of_the_account(api: Api, at_mexc: MexcAccount):
    api.portfolio()
    create(api, 'mexc', mexc.CREDENTIALS)
    for fault in (
        mexc.refusal(429, 'Too Many Requests', 429),
        Answer(502, '<html>Bad gateway</html>', 'text/html'),
        Answer(200, '<html>Are you human?</html>', 'text/html'),
    ):
        at_mexc.fault = fault
        CLOCK.advance(3_600)
        assert not run(api)
        assert problem(api) is None


def test_an_exchange_that_is_offered_no_more_is_not_asked_and_its_accounts_still_shown(
    api: Api, at_mexc: MexcAccount, monkeypatch: pytest.MonkeyPatch
):
    api.portfolio()
    create(api, 'mexc', mexc.CREDENTIALS)
    monkeypatch.setenv('EXPERIMENTAL_EXCHANGES', 'bitget')
    settings.cache_clear()

    assert run(api)

    assert (problem(api), shown(api)['result']['wallet']['title'], at_mexc.requests) == ('account_unsupported', 'MEXC Global', [])
    assert api.delete(PATH).status_code == 200
