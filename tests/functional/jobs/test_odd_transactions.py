"""What belongs to no address, and what nobody can read, through the API: the right number, or that it is not whole."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.fake_upstreams import coins, sample, solana
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import BASE58
from infra.fake_upstreams.http_server import Request
from tests.support import one_chain_tellers
from tests.support.account_explorers import Server, serving
from tests.support.api import Api
from tests.support.jobs import refresh_queue
from tests.support.one_chain import Output, Transaction
from tests.support.upstreams import upstreams_at

PATH = '/api/portfolios/1/addresses/1'
SIGNATURE = '5gJFZweW8EsTQCNWH2EyjJA3vm2VcT91vQtrNAcx7YXeq4zHmqXzSqxxnhb9GxiLvecWJJZv8xxW6opHSnJME643'
SIGNATURES = [SIGNATURE[:-1] + BASE58[number] for number in range(3)]
SLOT, AT = 447_120_004, 1_789_434_000  # version 1 came in September 2026


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    """All explorers at this server."""
    with upstreams_at(server.url):
        yield server


@pytest.fixture
def watch(api: Api, upstream: Server, queues: dict[str, str]) -> Callable[[str, str], dict[str, Any]]:
    """Return a function that follows an address and returns its balances."""

    def follow(currency: str, address: str) -> dict[str, Any]:
        api.portfolio(currencies=(currency, 'usd'))
        response = api.post('/api/portfolios/1/addresses', {'title': 'Odd', 'address': address, 'currency': currency})
        assert response.status_code == 201, response.body
        refresh_queue(queues).drain()
        return dict(api.get(f'{PATH}/balances').json_body)

    return follow


def test_coins_in_a_bare_multisig_output_are_not_the_addresss(
    api: Api, upstream: Server, watch: Callable[[str, str], dict[str, Any]]
) -> None:
    """1,000 DOGE to two of three, of which BlockCypher says that they are the address's and Blockchair that they are not."""
    address = coins.ADDRESSES['doge']
    outputs = (Output('multisig', (address, 'stranger'), 1_000 * 10**8), Output('p2pkh', (address,), 5 * 10**8))
    income = Transaction('ab' * 32, 5_000_000, AT, (Output('p2pkh', ('stranger',), 1_006 * 10**8),), outputs)
    upstream.tell = lambda request: one_chain_tellers.TELLERS[request.upstream]([income], request.path, request.query)
    balances = watch('doge', address)
    assert [(row['balance'], row['source']) for row in balances['result']] == [('5.0', 'blockchair')]
    assert balances['complete'] is True
    assert [row['delta'] for row in api.get(f'{PATH}/transactions').json_body['result']] == ['5.0']


def node(middle: Callable[[dict[str, Any]], None]) -> Callable[[Request], Answer]:
    """Answer as a node that lists three transactions of 1 SOL each, the middle one as `middle` changes it."""

    def result(method: str, subject: Any = None, config: Any = None, *_: Any) -> Any:
        if method == 'getTransaction':
            place = SIGNATURES.index(subject)
            assert config['maxSupportedTransactionVersion'] >= 1
            txn = {
                'slot': SLOT - place,
                'blockTime': AT - place,
                'version': 0,
                'transaction': {'signatures': [subject], 'message': {'accountKeys': [solana.STRANGER, solana.ADDRESS]}},
                'meta': {'err': None, 'fee': 5_000, 'preBalances': [10**12, (2 - place) * 10**9], 'postBalances': [0, (3 - place) * 10**9]},
            }
            if place == 1:
                middle(txn)
            return txn
        listed = [{'signature': each, 'slot': SLOT - place, 'err': None, 'blockTime': None} for place, each in enumerate(SIGNATURES)]
        before = config.get('before') if isinstance(config, dict) else None
        signatures = [] if before or subject != solana.ADDRESS else listed
        told = {'getBalance': {'value': 3 * 10**9}, 'getSignaturesForAddress': signatures, 'getTokenAccountsByOwner': {'value': []}}
        return told.get(method)

    def answer(request: Request) -> Answer:
        questions = request.body if isinstance(request.body, list) else [request.body]
        told = [{'jsonrpc': '2.0', 'id': each['id'], 'result': result(each['method'], *each['params'])} for each in questions]
        return as_json(told if isinstance(request.body, list) else told[0])

    return answer


def test_a_transaction_of_version_1_between_others_is_one_of_three(
    api: Api, upstream: Server, watch: Callable[[str, str], dict[str, Any]]
) -> None:
    upstream.tell = node(lambda txn: txn.update(version=1))
    balances = watch('sol', solana.ADDRESS)
    assert ([row['balance'] for row in balances['result']], balances['complete']) == (['3.0'], True)
    assert [row['reference'] for row in api.get(f'{PATH}/transactions').json_body['result']] == SIGNATURES


@pytest.mark.parametrize('change', [{'blockTime': None}, {'meta': {'err': None}}], ids=['no block time', 'no balances'])
def test_a_transaction_that_nobody_can_read_hides_no_other(
    api: Api, upstream: Server, watch: Callable[[str, str], dict[str, Any]], change: dict[str, Any]
) -> None:
    upstream.tell = node(lambda txn: txn.update(change))
    balances = watch('sol', solana.ADDRESS)
    assert ([row['balance'] for row in balances['result']], balances['complete']) == (['3.0'], False)
    listed = api.get(f'{PATH}/transactions').json_body['result']
    assert [row['reference'] for row in listed if row['reference'] in SIGNATURES] == [SIGNATURES[0], SIGNATURES[2]]


# What the sample tells of the transaction that brings 250 of a token, and the same as nobody can read it.
ODD_TOKENS = {
    'sol': ('"amount":"350000000","decimals":6', '"amount":"350000000","decimals":7', 'usdc-sol', '280.0'),
    'xlm': ('"amount":"250.0000000"', '"amount":"250"', 'usdc-xlm', '280.0'),
    'xrp': ('"value":"350"', '"value":"three hundred and fifty"', 'rlusd-xrp', '280.0'),
    'ada': ('"quantity":"250000000"', '"quantity":"250 million"', 'snek', '280000000.0'),
}


@pytest.mark.parametrize('chain', ODD_TOKENS)
def test_a_token_of_which_a_row_cannot_be_read_costs_only_itself(
    api: Api, upstream: Server, watch: Callable[[str, str], dict[str, Any]], chain: str
) -> None:
    told, odd, code, balance = ODD_TOKENS[chain]

    def tell(request: Request) -> Answer:
        answer = sample.respond(request)
        return replace(answer, body=answer.body.replace(told, odd))

    upstream.tell = tell
    balances = watch(chain, sample.SAMPLE_ADDRESSES[chain])
    shown = {row['currency']['code']: row for row in balances['result']}
    assert len(shown) == 3
    assert shown[code]['balance'] == balance
    assert {each: row.get('reason') for each, row in shown.items() if not row.get('complete', True)} == {code: 'transactions_unreadable'}
    assert balances['complete'] is False
    unlike = {row['currency']['code'] for row in api.get(f'{PATH}/transactions').json_body['result']}
    assert unlike == shown.keys()
