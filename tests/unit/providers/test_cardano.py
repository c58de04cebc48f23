"""Cardano as Koios and Blockfrost tell of it: collateral, keys, and every way in which an answer says no."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import currencies
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream, UpstreamNotAsked, UpstreamRejected
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.cardano import ADDRESS, STRANGER
from tests.support import account_explorers
from tests.support.account_explorers import Request, Server
from tests.support.upstreams import explorer_of, http

KOIOS = explorer_of('ada', 'koios')
BLOCKFROST = explorer_of('ada', 'blockfrost')
TXID = 'ab' * 32
PLACE = {'tx_hash': TXID, 'block_height': 9_000_000, 'block_time': 1_690_000_000}


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv('UPSTREAM_KOIOS_KEY', 'koios-key')
    monkeypatch.setenv('UPSTREAM_BLOCKFROST_KEY', 'blockfrost-key')
    with account_explorers.leading_to(server) as leading:
        yield leading


def koios_coin(value: str, whose: str = ADDRESS) -> dict[str, Any]:
    return {'payment_addr': {'bech32': whose, 'cred': '00'}, 'value': value}


def koios_txn(inputs: list[Any], outputs: list[Any], **changed: Any) -> dict[str, Any]:
    return {'tx_hash': TXID, 'fee': '170000', 'inputs': inputs, 'outputs': outputs} | changed


def say_koios(upstream: Server, places: list[Any], *answers: Any, assets: Any = ()) -> None:
    """Answer an address with its assets, where its transactions are, and then these."""
    upstream.say([{'address': ADDRESS, 'balance': '5'}], list(assets), places, *answers)


def read_koios(upstream: Server, told: Any, **place: Any) -> Entry:
    say_koios(upstream, [PLACE | place], [told])
    [entry] = account_explorers.read(KOIOS, ADDRESS)[1]
    return entry


def coin(value: str, whose: str = ADDRESS, *, collateral: bool = False, **more: Any) -> dict[str, Any]:
    token = {'unit': 'ab' * 30, 'quantity': '12'}
    return {'address': whose, 'amount': [{'unit': 'lovelace', 'quantity': value}, token], 'collateral': collateral, **more}


def blockfrost(upstream: Server, inputs: list[Any], outputs: list[Any], **changed: Any) -> None:
    """Answer one transaction."""
    told = {'hash': TXID, 'fees': '170000', 'valid_contract': True} | changed
    sums = {'received_sum': [{'unit': 'lovelace', 'quantity': '9'}], 'sent_sum': [], 'tx_count': 1}

    def tell(request: Request) -> Answer:
        bodies = {'total': sums, 'transactions': [PLACE | {'tx_index': 0}], 'utxos': {'hash': TXID, 'inputs': inputs, 'outputs': outputs}}
        return as_json(bodies.get(request.path[-1], told))

    upstream.tell = tell


def read_blockfrost(upstream: Server, inputs: list[Any], outputs: list[Any], **changed: Any) -> Entry:
    blockfrost(upstream, inputs, outputs, **changed)
    [entry] = account_explorers.read(BLOCKFROST, ADDRESS)[1]
    return entry


def test_who_spends_pays_the_whole_fee_on_koios(upstream: Server) -> None:
    entry = read_koios(upstream, koios_txn([koios_coin('900'), koios_coin('50', STRANGER)], [koios_coin('200'), koios_coin('7', STRANGER)]))
    assert entry == Entry(TXID, 0, 'ada', Decimal('-0.0007'), Decimal('0.17'), 1_690_000_000, 9_000_000)


def test_who_receives_pays_nothing_on_koios(upstream: Server) -> None:
    entry = read_koios(upstream, koios_txn([koios_coin('900', STRANGER)], [koios_coin('200'), koios_coin('1')]))
    assert (entry.delta, entry.fee) == (Decimal('0.000201'), Decimal(0))


def test_collateral_that_stays_is_not_spent_on_koios(upstream: Server) -> None:
    told = koios_txn([koios_coin('900', STRANGER)], [koios_coin('200')], collateral_inputs=[koios_coin('5000000')])
    assert read_koios(upstream, told).delta == Decimal('0.0002')


def test_koios_is_asked_for_no_more_than_is_needed(upstream: Server) -> None:
    read_koios(upstream, koios_txn([], [koios_coin('200')]))
    assert [request.query['select'] for request in upstream.requests] == [
        'address,balance',
        'policy_id,asset_name,quantity',
        'tx_hash,block_height,block_time',
        'tx_hash,fee,inputs,outputs',
    ]
    policies = {str(token.contract)[:56] for token in currencies.tokens_on('ada')}
    assert {*upstream.requests[1].query['policy_id'].removeprefix('in.(').removesuffix(')').split(',')} == policies
    assert upstream.requests[3].body == {'_tx_hashes': [TXID], '_inputs': True, '_assets': True}


def test_a_body_of_koios_fits_into_a_kilobyte(upstream: Server) -> None:
    rows = [PLACE | {'tx_hash': f'{n:064x}'} for n in range(10)]
    say_koios(upstream, rows, [koios_txn([], [], tx_hash=row['tx_hash']) for row in rows], [])
    assert len(account_explorers.read(KOIOS, ADDRESS)[1]) == 10
    assert max(int(request.headers['Content-Length']) for request in upstream.requests) < 1024


def test_the_key_of_koios_is_a_bearer_token(upstream: Server) -> None:
    upstream.say([])
    account_explorers.read(KOIOS, ADDRESS)
    assert {request.headers['Authorization'] for request in upstream.requests} == {'Bearer koios-key'}


def test_koios_is_asked_without_a_key_too(upstream: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('UPSTREAM_KOIOS_KEY')
    settings.cache_clear()
    upstream.say([])
    account_explorers.read(KOIOS, ADDRESS)
    assert all('Authorization' not in request.headers for request in upstream.requests)


def test_a_transaction_that_koios_lists_and_does_not_tell_of_does_not_vanish(upstream: Server) -> None:
    say_koios(upstream, [PLACE], [])
    with pytest.raises(Upstream, match='lacks a transaction'):
        account_explorers.read(KOIOS, ADDRESS)


@pytest.mark.parametrize(
    'told',
    [
        koios_txn([koios_coin('1.5')], []),
        koios_txn([{'value': '1'}], []),
        koios_txn([], [koios_coin('1')], fee=None),
        koios_txn(None, []),
        {'tx_hash': TXID},
    ],
)
def test_a_transaction_of_another_shape_costs_only_itself_on_koios(upstream: Server, told: Any) -> None:
    say_koios(upstream, [PLACE], [told])
    assert account_explorers.unread(KOIOS, ADDRESS) == [Unreadable('ada', TXID, 'unexpected shape', at=1_690_000_000, height=9_000_000)]


@pytest.mark.parametrize('time', [None, '2020', 5])
def test_a_time_of_another_shape_costs_only_its_transaction_on_koios(upstream: Server, time: Any) -> None:
    say_koios(upstream, [PLACE | {'block_time': time}], [koios_txn([], [])])
    assert account_explorers.unread(KOIOS, ADDRESS) == [Unreadable('ada', TXID, 'unexpected shape', at=None, height=9_000_000)]


def test_a_transaction_that_koios_alone_of_a_page_does_not_tell_of_costs_only_itself(upstream: Server) -> None:
    other = 'cd' * 32
    say_koios(upstream, [PLACE, PLACE | {'tx_hash': other}], [koios_txn([], [])])
    [page] = KOIOS.read(http(), ADDRESS).pages
    assert [entry.reference for entry in page.entries] == [TXID]
    assert page.unreadable == [Unreadable('ada', other, 'listed but not returned', at=1_690_000_000, height=9_000_000)]


@pytest.mark.parametrize('place', [{'tx_hash': 'x'}, {'block_height': None}])
def test_a_place_of_another_shape_is_refused_from_koios(upstream: Server, place: dict[str, Any]) -> None:
    with pytest.raises(Upstream, match='unexpected shape'):
        read_koios(upstream, koios_txn([], []), **place)


@pytest.mark.parametrize('told', [[{'address': STRANGER, 'balance': '5'}], [{'address': ADDRESS, 'balance': 1.5}], [{'address': ADDRESS}]])
def test_an_address_of_another_shape_is_refused_from_koios(upstream: Server, told: Any) -> None:
    upstream.say(told)
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(KOIOS, ADDRESS)


@pytest.mark.parametrize('status', [400, 404, 406, 413])
def test_an_error_of_koios_is_a_failure_of_its_own(upstream: Server, status: int) -> None:
    upstream.say({'code': 'PGRST100', 'message': 'failed to parse'}, status=status)
    with pytest.raises(Upstream, match=f'returned {status}') as caught:
        account_explorers.read(KOIOS, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)


def test_who_spends_pays_the_whole_fee_on_blockfrost(upstream: Server) -> None:
    entry = read_blockfrost(upstream, [coin('900'), coin('50', STRANGER)], [coin('200'), coin('7', STRANGER)])
    assert entry == Entry(TXID, 0, 'ada', Decimal('-0.0007'), Decimal('0.17'), 1_690_000_000, 9_000_000)


def test_what_is_held_is_what_came_less_what_went_on_blockfrost(upstream: Server) -> None:
    token = {'unit': 'ab' * 30, 'quantity': '12'}
    sums = {'received_sum': [{'unit': 'lovelace', 'quantity': '900'}, token], 'sent_sum': [{'unit': 'lovelace', 'quantity': '700'}]}
    upstream.say(sums | {'tx_count': 0})
    holding, _ = account_explorers.read(BLOCKFROST, ADDRESS)
    assert holding == Holding('ada', Decimal('0.0002'), Decimal('0.0007'), Decimal('0.0009'), 0)


def test_collateral_that_stays_and_references_are_not_spent_on_blockfrost(upstream: Server) -> None:
    inputs = [coin('900'), coin('5000000', collateral=True), coin('8000000', reference=True)]
    assert read_blockfrost(upstream, inputs, [coin('200'), coin('4000000', collateral=True)]).delta == Decimal('-0.0007')


def test_a_failed_script_costs_the_collateral_and_moves_nothing_else(upstream: Server) -> None:
    inputs = [coin('5000000'), coin('5000000', collateral=True)]
    outputs = [coin('4000000'), coin('4000000', collateral=True)]
    entry = read_blockfrost(upstream, inputs, outputs, valid_contract=False, fees='1000000')
    assert (entry.delta, entry.fee) == (Decimal(-1), Decimal(1))


def test_the_key_of_blockfrost_is_a_header(upstream: Server) -> None:
    read_blockfrost(upstream, [], [coin('1')])
    assert {request.headers['project_id'] for request in upstream.requests} == {'blockfrost-key'}


def test_blockfrost_is_not_asked_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('UPSTREAM_BLOCKFROST_KEY', raising=False)
    settings.cache_clear()
    with pytest.raises(UpstreamNotAsked, match='UPSTREAM_BLOCKFROST_KEY'):
        account_explorers.read(BLOCKFROST, ADDRESS)


def problem(status: int, message: str) -> dict[str, Any]:
    return {'status_code': status, 'error': 'x', 'message': message}


def test_an_address_never_used_is_not_found_and_holds_nothing(upstream: Server) -> None:
    upstream.say(problem(404, 'The requested component has not been found.'), status=404)
    holding, entries = account_explorers.read(BLOCKFROST, ADDRESS)
    assert (holding, entries) == (Holding('ada', Decimal(0), Decimal(0), Decimal(0), 0), [])
    assert len(upstream.requests) == 1


def test_an_address_that_blockfrost_cannot_read_is_rejected(upstream: Server) -> None:
    upstream.say(problem(400, 'Invalid address for this network or malformed address format.'), status=400)
    with pytest.raises(UpstreamRejected):
        account_explorers.read(BLOCKFROST, ADDRESS)


def test_who_is_banned_by_blockfrost_leaves_it_alone(upstream: Server) -> None:
    upstream.say(problem(418, 'IP has been auto-banned for flooding.'), status=418)
    with pytest.raises(Upstream) as caught:
        account_explorers.read(BLOCKFROST, ADDRESS)
    assert caught.value.throttled


@pytest.mark.parametrize(
    ('status', 'message'),
    [(400, 'Backend is not available'), (403, 'Invalid project token.'), (404, 'not'), (425, 'Mempool is full'), (500, 'x')],
)
@pytest.mark.parametrize('last', ['total', 'transactions', TXID, 'utxos'])
def test_its_other_errors_are_failures_of_its_own(upstream: Server, last: str, status: int, message: str) -> None:
    blockfrost(upstream, [], [coin('1')])
    usual = upstream.tell
    body = {'message': message} if status == 404 else problem(status, message)
    upstream.tell = lambda request: as_json(body, status) if request.path[-1] == last else usual(request)
    with pytest.raises(Upstream) as caught:
        account_explorers.read(BLOCKFROST, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)
    assert not caught.value.throttled


@pytest.mark.parametrize(
    ('inputs', 'changed'),
    [
        ([coin('1.5')], {}),
        ([{'address': ADDRESS, 'amount': []}], {}),
        ([coin('1', reference='no')], {}),
        ([coin('1')], {'valid_contract': None}),
        ([coin('1')], {'fees': 1.5}),
    ],
)
def test_a_transaction_of_another_shape_costs_only_itself_on_blockfrost(
    upstream: Server, inputs: list[Any], changed: dict[str, Any]
) -> None:
    blockfrost(upstream, inputs, [], **changed)
    [row] = account_explorers.unread(BLOCKFROST, ADDRESS)
    assert (row.currency, row.reference, row.reason) == ('ada', TXID, 'unexpected shape')


def test_another_transaction_than_asked_for_is_refused(upstream: Server) -> None:
    with pytest.raises(Upstream, match='unexpected shape'):
        read_blockfrost(upstream, [coin('1')], [], hash='x')


SNEK = '279c909f348e533da5808898f87f9a14bb2c3dfbbacccd631d927a3f534e454b'
MIN = '29d222ce763455e3d7a09a665ce554f00ac89d2e99a1a83d267170c64d494e'


def asset(unit: str, quantity: Any) -> dict[str, Any]:
    return {'policy_id': unit[:56], 'asset_name': unit[56:] or None, 'quantity': quantity, 'decimals': 0}


def amount(unit: str, quantity: Any) -> dict[str, Any]:
    return {'unit': unit, 'quantity': quantity}


def test_of_tokens_those_of_the_catalogue_are_held_by_policy_and_name(upstream: Server) -> None:
    held = [(SNEK, '7'), (SNEK[:56], '9'), (SNEK + 'aa', '9'), (MIN, '2500000')]
    expected = {'ada': Decimal('0.000005'), 'snek': Decimal(7), 'min': Decimal('2.5')}
    say_koios(upstream, [], assets=[asset(*each) for each in held])
    assert account_explorers.balances(KOIOS, ADDRESS) == expected
    sums = {'received_sum': [amount('lovelace', '12'), *(amount(*each) for each in held), amount(SNEK, '3')], 'tx_count': 1}
    upstream.say(sums | {'sent_sum': [amount('lovelace', '7'), amount(SNEK, '3')]})
    assert account_explorers.balances(BLOCKFROST, ADDRESS) == expected


def test_a_balance_that_cannot_be_read_costs_only_its_token(upstream: Server) -> None:
    for quantity in ('1.5', None, '-1'):
        say_koios(upstream, [], assets=[asset(SNEK, quantity), asset(MIN, '1')])
        report = KOIOS.read(http(), ADDRESS)
        assert [holding.currency for holding in report.holdings] == ['ada', 'min']
        assert report.unreadable == [Unreadable('snek', SNEK, 'unexpected shape')]


@pytest.mark.parametrize(
    ('spent', 'received', 'deltas'),
    [
        ([], [(SNEK, '7'), (SNEK, '2')], {'snek': 9}),
        ([(SNEK, '7'), (MIN, '5')], [(SNEK, '2')], {'snek': -5, 'min': Decimal('-0.000005')}),
        ([(SNEK, '7')], [(SNEK, '7')], {}),
        ([(SNEK[:56], '7')], [(SNEK + 'aa', '7')], {}),
    ],
)
def test_a_token_moves_by_what_is_created_less_what_is_spent_as_both_tell_it(
    upstream: Server, spent: list[Any], received: list[Any], deltas: dict[str, Any]
) -> None:
    told = koios_txn(
        [
            koios_coin('9', STRANGER) | {'asset_list': [asset(SNEK, '99')]},
            koios_coin('5') | {'asset_list': [asset(*each) for each in spent]},
        ],
        [koios_coin('5') | {'asset_list': [asset(*each) for each in received]}, koios_coin('1') | {'asset_list': None}],
    )
    say_koios(upstream, [PLACE], [told])
    entries = account_explorers.read(KOIOS, ADDRESS)[1]
    assert {entry.currency: entry.delta for entry in entries[1:]} == deltas
    inputs = [coin('5') | {'amount': [amount('lovelace', '5'), *(amount(*each) for each in spent)]}, coin('9', STRANGER)]
    kept = coin('8', collateral=True) | {'amount': [amount('lovelace', '8'), amount(MIN, '8')]}
    outputs = [coin('6') | {'amount': [amount('lovelace', '6'), *(amount(*each) for each in received)]}, kept]
    blockfrost(upstream, [*inputs, kept], outputs)
    assert account_explorers.read(BLOCKFROST, ADDRESS)[1] == entries
    assert [entry.n for entry in entries] == [0, *(currencies.get(code).id for code in sorted(deltas))]


@pytest.mark.parametrize('quantity', ['x', None, '-5'])
def test_a_quantity_that_cannot_be_read_costs_only_its_token(upstream: Server, quantity: Any) -> None:
    say_koios(upstream, [PLACE], [koios_txn([], [koios_coin('5') | {'asset_list': [asset(SNEK, quantity), asset(MIN, '1')]}])])
    [koios_page] = KOIOS.read(http(), ADDRESS).pages
    told = [amount('lovelace', '5'), amount(SNEK, quantity), amount(MIN, '1')]
    blockfrost(upstream, [], [coin('5') | {'amount': told}])
    [blockfrost_page] = BLOCKFROST.read(http(), ADDRESS).pages
    for page in (koios_page, blockfrost_page):
        assert [entry.currency for entry in page.entries] == ['ada', 'min']
        assert page.unreadable == [Unreadable('snek', TXID, 'unexpected shape', at=1_690_000_000, height=9_000_000)]


def test_an_output_that_cannot_be_read_costs_only_the_coin_and_the_tokens_that_it_names(upstream: Server) -> None:
    nameless = koios_coin('5') | {'asset_list': [{'quantity': '1'}, 'x', asset(MIN, '1')]}
    whose = koios_coin('1') | {'payment_addr': None, 'asset_list': [asset(SNEK, '3')]}
    say_koios(upstream, [PLACE], [koios_txn([], [nameless, whose])])
    [koios_page] = KOIOS.read(http(), ADDRESS).pages
    named = coin('5') | {'amount': [{'quantity': '1'}, 'x', amount('lovelace', '5'), amount(MIN, '1')]}
    blockfrost(upstream, [], [named, coin('1', collateral=None) | {'amount': [amount(SNEK, '3')]}])
    [blockfrost_page] = BLOCKFROST.read(http(), ADDRESS).pages
    for page in (koios_page, blockfrost_page):
        assert [(entry.currency, entry.delta) for entry in page.entries] == [('min', Decimal('0.000001'))]
        assert [(row.currency, row.reference) for row in page.unreadable] == [('ada', TXID), ('snek', TXID)]
