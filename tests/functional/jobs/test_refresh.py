"""What a refresh leaves behind: whole ledgers, from whichever explorer answers, at a cost proportional to what is new."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.models import Ledger
from infra.fake_upstreams import faults
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.faults import Request
from infra.fake_upstreams.scripted_explorer import DOCUMENTED, Explorer, Txn, payments, txid
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import before_write, meanwhile
from tests.support.jobs import record, refresh_job, run_refresh
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, assert_whole, pk_of, rows, state
from tests.support.recordings import recorded


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


@pytest.fixture
def segwit(api: Api, portfolio: int) -> str:
    """The path of a watched address of 60 transactions' kind."""
    return f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'


@pytest.fixture
def legacy(api: Api, portfolio: int) -> str:
    return f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, LEGACY)}'


@pytest.mark.parametrize('address', DOCUMENTED)
def test_the_documented_addresses_have_the_documented_balances_and_transactions(
    api: Api, explorer: Explorer, portfolio: int, address: str
) -> None:
    expected = _expectations()[address]
    explorer.chain = dict(DOCUMENTED)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, address)}'
    assert run_refresh(address)
    balances = api.get(f'{path}/balances').json_body
    [balance] = balances['result']
    assert balances['complete'] is True
    assert balance['transactions'] >= expected.get('transactions_at_least', 0)
    for name in {'balance', 'sent', 'received', 'transactions'} & set(expected):
        assert balance[name] == expected[name]
    listed = api.get(f'{path}/transactions').json_body
    assert listed['complete'] is True
    for row, txn in zip(listed['result'], expected.get('txns') or expected['first_three_txns'], strict='txns' in expected):
        assert [row[name] for name in ('reference', 'delta', 'fee')] == [txn[name] for name in ('reference', 'delta', 'fee')]
        assert row['txn_at'] in txn['txn_at']  # which may say how exact it is


def _expectations() -> Any:
    return recorded('cryptfolio_reference/addresses_expected.json')


def test_an_address_whose_first_coins_were_paid_to_its_public_key_holds_them(api: Api, explorer: Explorer, legacy: str) -> None:
    explorer.chain[LEGACY] = DOCUMENTED[LEGACY]
    assert run_refresh(LEGACY)
    balances = api.get(f'{legacy}/balances').json_body
    [balance] = balances['result']
    assert (balance['balance'], balance['transactions'], balance['source']) == ('50.00501', 3, 'blockchain_info')
    assert balances['complete'] is True
    assert_whole(LEGACY, DOCUMENTED[LEGACY])


def test_a_legacy_address_read_without_public_keys_says_that_it_may_lack_some(
    api: Api, explorer: Explorer, legacy: str, portfolio: int
) -> None:
    explorer.chain[LEGACY] = DOCUMENTED[LEGACY]
    explorer.fail(faults.down, 'blockchain_info')
    assert run_refresh(LEGACY)
    for path in (f'{legacy}/balances', f'{legacy}/transactions'):
        body = api.get(path).json_body
        assert (body['complete'], body['reason']) == (False, 'p2pk_outputs_unknown')
    [bitcoin] = [row for row in api.get(f'/api/portfolios/{portfolio}/balances').json_body['result'] if row['currency'] == 'btc']
    assert (bitcoin['balance'], bitcoin['complete']) == ('0.00501', False)
    assert bitcoin['missing'][0]['reason'] == 'p2pk_outputs_unknown'


def test_a_whole_reading_replaces_one_that_lacked_outputs(explorer: Explorer, legacy: str) -> None:
    explorer.chain[LEGACY] = DOCUMENTED[LEGACY]
    explorer.fail(faults.down, 'blockchain_info')
    assert run_refresh(LEGACY)
    explorer.heal()
    CLOCK.advance(3_000)
    assert run_refresh(LEGACY)
    assert_whole(LEGACY, DOCUMENTED[LEGACY])


def test_a_whole_reading_is_not_replaced_by_one_that_lacks_outputs(api: Api, explorer: Explorer, legacy: str) -> None:
    explorer.chain[LEGACY] = DOCUMENTED[LEGACY]
    assert run_refresh(LEGACY)
    explorer.fail(faults.down, 'blockchain_info')
    CLOCK.advance(3_000)
    assert not run_refresh(LEGACY)
    body = api.get(f'{legacy}/balances').json_body
    assert (body['result'][0]['balance'], body['complete']) == ('50.00501', True)
    assert len(rows(LEGACY)) == 3


def test_a_deleted_and_added_again_address_is_read_from_any_explorer(api: Api, explorer: Explorer, legacy: str, portfolio: int) -> None:
    explorer.chain[LEGACY] = DOCUMENTED[LEGACY]
    assert run_refresh(LEGACY)
    api.delete(legacy)
    with meanwhile('BatchWriteItem', lambda: api.address(portfolio, LEGACY)):
        run_refresh(LEGACY)
    explorer.fail(faults.down, 'blockchain_info')
    assert run_refresh(LEGACY)
    assert state(LEGACY).incomplete == 'p2pk_outputs_unknown'


def test_a_ledger_of_which_nothing_is_new_is_written_thrice(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(5)
    assert run_refresh(SEGWIT)
    CLOCK.advance(3_000)
    with before_write(0, lambda: None, pk_of(SEGWIT)) as writes:
        assert run_refresh(SEGWIT)
    assert len(writes) == 3, 'its lease, what was observed, and that the lease is over'
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.parametrize('broken', ['blockstream', 'mempool', 'blockchain_info'])
def test_any_one_explorer_may_be_down(explorer: Explorer, segwit: str, broken: str) -> None:
    explorer.chain[SEGWIT] = payments(60)
    explorer.fail(faults.down, broken)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.parametrize('working', ['blockstream', 'mempool', 'blockchain_info'])
def test_any_one_explorer_suffices(explorer: Explorer, segwit: str, working: str) -> None:
    explorer.chain[SEGWIT] = payments(230)
    explorer.fail(faults.down)
    explorer.heal(working)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert state(SEGWIT).source == working


FAULTS: dict[str, faults.Fault] = {
    'hangs up': faults.down,
    'answers 429': faults.status(429),
    'answers 429 with a time': faults.status(429, Retry_After='7'),
    'answers 500': faults.status(500),
    'answers 502': faults.status(502),
    'answers 403': faults.status(403),
    'answers 404': faults.status(404),
    'redirects': faults.status(302, Location='http://127.0.0.1:9/'),
    'answers a page': faults.html,
    'answers nothing': faults.text(''),
    'answers null': faults.text('null'),
    'answers a number': faults.text('1'),
    'answers a string': faults.text('"x"'),
    'answers an empty object': faults.text('{}'),
    'answers an empty list': faults.text('[]'),
    'answers NaN': faults.text('NaN'),
    'answers nested lists': faults.text('[' * 100_000),
    'answers bytes that are no text': lambda _, answer: replace(answer, body=b'\xff\xfe{'),
    'stops in the middle': faults.truncated_json,
    'hangs up in the middle': faults.truncated_body,
    'answers 40 MB': faults.enormous(40 * 1024 * 1024),
}


@pytest.mark.parametrize('fault', FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize('broken', ['blockstream', 'blockchain_info'])
def test_an_explorer_that_fails_in_any_way_is_passed_over(explorer: Explorer, api: Api, portfolio: int, broken: str, fault: Any) -> None:
    address = LEGACY if broken == 'blockchain_info' else SEGWIT  # whom the broken one is asked first about
    api.address(portfolio, address)
    explorer.chain[address] = payments(30)
    explorer.fail(fault, broken)
    assert run_refresh(address)
    assert explorer.count(broken) == 1
    assert_whole(address, explorer.chain[address], None if address == SEGWIT else 'p2pk_outputs_unknown')


def _each_txn(change: Any) -> faults.Fault:
    def apply(body: Any) -> None:
        for txn in body if isinstance(body, list) else body.get('txs', []):
            change(txn)

    return faults.changed(apply)


def _put(*path: Any) -> Any:
    """Return a function that sets what stands at path[:-1] to path[-1], or drops it when that is `...`."""

    def change(value: Any) -> None:
        *parents, key, new = path
        for parent in parents:
            value = value[parent]
        if new is ...:
            del value[key]
        else:
            value[key] = new

    return change


def _stats(change: Any) -> faults.Fault:
    return faults.changed(lambda body: change(body) if isinstance(body, dict) else None)


ESPLORA_SHAPES: dict[str, faults.Fault] = {
    'stats without chain_stats': _stats(_put('chain_stats', ...)),
    'a sum that is a float': _stats(_put('chain_stats', 'funded_txo_sum', 1.5)),
    'a sum of null': _stats(_put('chain_stats', 'funded_txo_sum', None)),
    'a sum of 300 digits': _stats(_put('chain_stats', 'funded_txo_sum', int('9' * 300))),
    'stats that are a string': _stats(_put('chain_stats', 'none')),
    'no txid': _each_txn(_put('txid', ...)),
    'a txid of null': _each_txn(_put('txid', None)),
    'an empty txid': _each_txn(_put('txid', '')),
    'no status': _each_txn(_put('status', ...)),
    'a status of null': _each_txn(_put('status', None)),
    'a time in milliseconds': _each_txn(_put('status', 'block_time', 1_700_000_000_000)),
    'a negative time': _each_txn(_put('status', 'block_time', -(10**14))),
    'a time that is a float': _each_txn(_put('status', 'block_time', 1.5)),
    'a height of null': _each_txn(_put('status', 'block_height', None)),
    'inputs of null': _each_txn(_put('vin', None)),
    'inputs that are strings': _each_txn(_put('vin', ['x'])),
    'outputs that are strings': _each_txn(_put('vout', ['x'])),
    'a value that is a float': _each_txn(lambda txn: [out.update(value=0.1) for out in txn['vout']]),
    'a value of 300 digits': _each_txn(lambda txn: [out.update(value=int('9' * 300)) for out in txn['vout']]),
    'a fee that is a list': _each_txn(lambda txn: txn.update(fee=[1]) if txn['vin'][0]['prevout'] else None),
    'transactions that are strings': faults.changed(lambda body: ['x'] if isinstance(body, list) else None),
}  # fmt: skip

MULTIADDR_SHAPES: dict[str, faults.Fault] = {
    'no addresses': faults.changed(_put('addresses', ...)),
    'an empty list of addresses': faults.changed(_put('addresses', [])),
    'addresses of null': faults.changed(_put('addresses', [None])),
    'another address': faults.changed(_put('addresses', 0, 'address', TAPROOT)),
    'a balance that is a float': faults.changed(_put('addresses', 0, 'final_balance', 1.5)),
    'a balance of 300 digits': faults.changed(_put('addresses', 0, 'final_balance', int('9' * 300))),
    'no transactions': faults.changed(_put('txs', ...)),
    'transactions of null': faults.changed(_put('txs', None)),
    'transactions that are strings': faults.changed(_put('txs', ['x'])),
    'transactions that are lists': faults.changed(_put('txs', [[]])),
    'unconfirmed outputs that are strings': _each_txn(lambda txn: txn.update(out=['x'], block_height=None)),
    'no hash': _each_txn(_put('hash', ...)),
    'a hash of null': _each_txn(_put('hash', None)),
    'inputs of null': _each_txn(_put('inputs', None)),
    'inputs that are strings': _each_txn(_put('inputs', ['x'])),
    'outputs that are strings': _each_txn(_put('out', ['x'])),
    'a value that is a float': _each_txn(_put('out', 0, 'value', 0.1)),
    'a time in milliseconds': _each_txn(_put('time', 1_700_000_000_000)),
    'a height that is text': _each_txn(_put('block_height', 'high')),
}


@pytest.mark.parametrize('fault', ESPLORA_SHAPES.values(), ids=ESPLORA_SHAPES.keys())
def test_an_esplora_that_answers_other_shapes_is_passed_over(explorer: Explorer, segwit: str, fault: Any) -> None:
    explorer.chain[SEGWIT] = payments(30)
    explorer.fail(fault, 'blockstream')
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert state(SEGWIT).source == 'mempool'


@pytest.mark.parametrize('fault', MULTIADDR_SHAPES.values(), ids=MULTIADDR_SHAPES.keys())
def test_a_blockchain_info_that_answers_other_shapes_is_passed_over(explorer: Explorer, legacy: str, fault: Any) -> None:
    explorer.chain[LEGACY] = payments(30)
    explorer.fail(fault, 'blockchain_info')
    assert run_refresh(LEGACY)
    assert_whole(LEGACY, explorer.chain[LEGACY], 'p2pk_outputs_unknown')


def test_an_explorer_that_lists_a_transaction_twice_on_a_page_is_understood(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(10)
    explorer.fail(faults.changed(lambda body: [body[0], *body] if isinstance(body, list) else None), 'blockstream')
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_an_address_that_every_explorer_refuses_is_not_valid(api: Api, explorer: Explorer, segwit: str, portfolio: int) -> None:
    explorer.fail(faults.status(400, 'Invalid Bitcoin address'))
    assert run_refresh(SEGWIT)
    assert api.get(segwit).json_body['result']['valid'] is False


def test_an_address_that_every_explorer_comes_to_refuse_is_not_valid_any_more(api: Api, explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(3)
    assert run_refresh(SEGWIT)
    explorer.fail(faults.status(400, 'Invalid Bitcoin address'))
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert api.get(segwit).json_body['result']['valid'] is False


def test_an_address_that_one_explorer_refuses_is_read_from_another(api: Api, explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(3)
    explorer.fail(faults.status(400, 'Invalid Bitcoin address'), 'blockstream')
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert api.get(segwit).json_body['result']['valid'] is True


def test_an_address_without_transactions_is_known_to_hold_nothing(api: Api, explorer: Explorer, segwit: str) -> None:
    assert run_refresh(SEGWIT)
    body = api.get(f'{segwit}/balances').json_body
    assert (body['result'][0]['balance'], body['result'][0]['transactions'], body['complete']) == ('0.0', 0, True)
    assert api.get(f'{segwit}/transactions').json_body['result'] == []
    assert_whole(SEGWIT, [])


def test_the_first_transaction_of_a_known_address_is_found(explorer: Explorer, segwit: str) -> None:
    assert run_refresh(SEGWIT)
    explorer.chain[SEGWIT] = payments(1)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.parametrize('address', [SEGWIT, LEGACY])
def test_unconfirmed_transactions_count_when_they_are_confirmed(explorer: Explorer, api: Api, portfolio: int, address: str) -> None:
    api.address(portfolio, address)
    settled = payments(130)
    pending = [replace(txn, height=None) for txn in payments(3, first=500)]
    explorer.chain[address] = [*pending, *settled]
    assert run_refresh(address)
    assert_whole(address, settled)
    explorer.chain[address] = [*payments(3, first=500, first_height=810_000), *settled]
    CLOCK.advance(3_000)
    assert run_refresh(address)
    assert_whole(address, explorer.chain[address])


@pytest.mark.parametrize(
    ('address', 'known', 'new', 'most'),
    [(SEGWIT, 300, 0, 2), (SEGWIT, 300, 1, 2), (SEGWIT, 300, 60, 4), (LEGACY, 300, 0, 1), (LEGACY, 300, 150, 2)],
)
def test_a_refresh_costs_requests_in_proportion_to_what_is_new(
    explorer: Explorer, api: Api, portfolio: int, address: str, known: int, new: int, most: int
) -> None:
    api.address(portfolio, address)
    explorer.chain[address] = payments(known)
    assert run_refresh(address)
    explorer.chain[address] = [*payments(new, first=known + 1, first_height=900_000), *explorer.chain[address]]
    explorer.requests.clear()
    CLOCK.advance(3_000)
    assert run_refresh(address)
    assert explorer.count() <= most
    assert_whole(address, explorer.chain[address])


def test_more_new_transactions_than_fit_into_one_item_are_read(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(100)
    explorer.page = 250
    assert run_refresh(SEGWIT)
    explorer.chain[SEGWIT] = [*payments(4_500, first=101, first_height=900_000, per_block=10), *payments(100)]
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_thousands_of_transactions_in_one_block_are_read(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(1_100, per_block=1_100)
    assert run_refresh(SEGWIT)
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


RECENT = payments(40)

REORGANISATIONS = {
    'the newest is gone': RECENT[1:],
    'the newest three are gone': RECENT[3:],
    'the newest is replaced': [replace(RECENT[0], txid=txid(900)), *RECENT[1:]],
    'the newest moves to another block': [replace(RECENT[0], height=RECENT[0].height + 1), *RECENT[1:]],
    'the newest moves to another block of the same time': [replace(RECENT[0], height=RECENT[0].height + 1, at=RECENT[0].time), *RECENT[1:]],
    'one is gone from the middle': [*RECENT[:3], *RECENT[4:]],
    'one of six blocks ago is gone': [*RECENT[:5], *RECENT[6:]],
    'one has another amount': [*RECENT[:2], replace(RECENT[2], received=(7,)), *RECENT[3:]],
    'the newest is unconfirmed again': [replace(RECENT[0], height=None), *RECENT[1:]],
    'the newest is gone and others come': [*payments(3, first=800, first_height=RECENT[0].height), *RECENT[1:]],
    'one of nine blocks ago is gone': [*RECENT[:9], *RECENT[10:]],
    'all are gone': [],
}  # fmt: skip


@pytest.mark.parametrize('after', REORGANISATIONS.values(), ids=REORGANISATIONS.keys())
@pytest.mark.parametrize('address', [SEGWIT, LEGACY])
def test_after_a_reorganisation_the_ledger_is_what_the_explorer_lists(
    explorer: Explorer, api: Api, portfolio: int, address: str, after: list[Txn]
) -> None:
    api.address(portfolio, address)
    explorer.chain[address] = RECENT
    assert run_refresh(address)
    explorer.chain[address] = after
    CLOCK.advance(3_000)
    assert run_refresh(address)
    assert_whole(address, after)


def _on_request(explorer: Explorer, number: int, act: Any) -> None:
    """Do something before the answer to the request of this number from now on."""
    start = explorer.count()

    def before(_: Request) -> None:
        if explorer.count() - start == number:
            act()

    explorer.before = before


def _requests_of_a_first_reading() -> Iterator[tuple[str, int, int]]:
    """Yield every request there is for some numbers of transactions about full pages of three."""
    for known in (2, 3, 4, 5, 6, 7):
        pages = -(-known // 3)
        yield from ((SEGWIT, known, number) for number in range(1, pages + 2))
        yield from ((LEGACY, known, number) for number in range(1, pages + 1))


@pytest.mark.parametrize(('address', 'known', 'number'), [*_requests_of_a_first_reading()])
def test_a_transaction_that_comes_during_a_first_reading_is_not_lost(
    explorer: Explorer, api: Api, portfolio: int, address: str, known: int, number: int
) -> None:
    api.address(portfolio, address)
    explorer.chain[address] = payments(known)
    explorer.page = 3
    more = [*payments(1, first=500, first_height=900_000), *payments(known)]
    _on_request(explorer, number, lambda: explorer.chain.update({address: more}))
    assert run_refresh(address)
    assert explorer.chain[address] is more
    CLOCK.advance(3_000)
    assert run_refresh(address)
    assert_whole(address, more)


@pytest.mark.parametrize(('new', 'number'), [(1, 1), (1, 2), *itertools.product((24, 25, 26), (1, 2, 3))])
def test_a_transaction_that_comes_during_a_later_reading_is_not_lost(explorer: Explorer, segwit: str, new: int, number: int) -> None:
    explorer.chain[SEGWIT] = payments(30)
    assert run_refresh(SEGWIT)
    before = [*payments(new, first=100, first_height=850_000), *payments(30)]
    after = [*payments(1, first=500, first_height=900_000), *before]
    explorer.chain[SEGWIT] = before
    _on_request(explorer, number, lambda: explorer.chain.update({SEGWIT: after}))
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).incomplete is None
    assert explorer.chain[SEGWIT] is after
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, after)


def test_a_transaction_that_a_reorganisation_takes_during_a_first_reading_is_not_kept(explorer: Explorer, legacy: str) -> None:
    explorer.chain[LEGACY] = payments(250)
    _on_request(explorer, 2, lambda: explorer.chain.update({LEGACY: payments(250)[1:]}))
    assert run_refresh(LEGACY)
    CLOCK.advance(3_000)
    assert run_refresh(LEGACY)
    assert_whole(LEGACY, payments(250)[1:])


def test_a_list_that_does_not_add_up_is_shown_as_lacking_transactions(api: Api, explorer: Explorer, segwit: str, portfolio: int) -> None:
    explorer.chain[SEGWIT] = payments(60)
    explorer.unlisted = {txid(30)}
    assert run_refresh(SEGWIT)
    for path in (f'{segwit}/balances', f'{segwit}/transactions'):
        body = api.get(path).json_body
        assert (body['complete'], body['reason']) == (False, 'transactions_missing')
    [bitcoin] = [row for row in api.get(f'/api/portfolios/{portfolio}/balances').json_body['result'] if row['currency'] == 'btc']
    assert (bitcoin['complete'], bitcoin['missing'][0]['reason']) == (False, 'transactions_missing')
    assert len(rows(SEGWIT)) == 59


def test_a_list_that_stops_adding_up_is_shown_as_lacking_transactions(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(60)
    assert run_refresh(SEGWIT)
    explorer.chain[SEGWIT] = payments(63)
    explorer.unlisted = {txid(62)}
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).reason == 'transactions_missing'


@pytest.mark.parametrize('missing', [59, 30, 1])
def test_a_ledger_is_whole_again_a_day_after_its_explorer_is_at_the_latest(explorer: Explorer, segwit: str, missing: int) -> None:
    explorer.chain[SEGWIT] = payments(60)
    explorer.unlisted = {txid(missing)}
    assert run_refresh(SEGWIT)
    explorer.unlisted = set()
    CLOCK.advance(3_000)
    ledger = state(SEGWIT)
    ledger.cursor.checked_at -= 86_400
    ledger.update([Ledger.cursor.set(ledger.cursor)])
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_ledger_that_does_not_add_up_is_not_downloaded_again_and_again(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(250)
    explorer.unlisted = {txid(30)}
    assert run_refresh(SEGWIT)
    assert run_refresh(SEGWIT)  # once more: transactions that come and go while pages are read do not add up either
    explorer.requests.clear()
    CLOCK.advance(300)
    assert run_refresh(SEGWIT)
    assert explorer.count() <= 6


def test_the_same_message_three_times_asks_once(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(60)
    for _ in range(3):
        assert run_refresh(SEGWIT)
    assert explorer.count() == 4
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_a_second_worker_that_comes_while_the_first_reads_leaves_it_alone(explorer: Explorer, segwit: str, number: int) -> None:
    explorer.chain[SEGWIT] = payments(60)
    second: list[bool] = []
    _on_request(explorer, number, lambda: second.append(run_refresh(SEGWIT)))
    assert run_refresh(SEGWIT)
    assert second == [True]
    assert explorer.count() == 4
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_ledger_leased_by_a_dead_worker_is_left_alone_until_the_lease_is_over(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(60)
    state(SEGWIT).update([Ledger.lease_owner.set('dead'), Ledger.lease_until.set(4_000_000_000)])
    assert run_refresh(SEGWIT)
    assert explorer.count() == 0
    state(SEGWIT).update([Ledger.lease_until.set(1)])
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.fixture
def thief(explorer: Explorer) -> Iterator[Any]:
    """Return a function that lets another worker take a ledger over during the request of a number."""

    def steal() -> None:
        state(SEGWIT).update([Ledger.lease_owner.set('another'), Ledger.lease_until.set(4_000_000_000)])

    yield lambda number: _on_request(explorer, number, steal)
    explorer.before = lambda request: None


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_who_lost_the_lease_writes_nothing_more_of_a_first_reading(explorer: Explorer, segwit: str, thief: Any, number: int) -> None:
    explorer.chain[SEGWIT] = payments(60)
    thief(number)
    assert run_refresh(SEGWIT)
    assert len(rows(SEGWIT)) == max(0, 25 * (number - 2))
    assert state(SEGWIT).lease_owner == 'another'


@pytest.mark.parametrize('number', [1, 2])
def test_who_lost_the_lease_writes_nothing_more_of_a_later_reading(explorer: Explorer, segwit: str, thief: Any, number: int) -> None:
    explorer.chain[SEGWIT] = payments(60)
    assert run_refresh(SEGWIT)
    stored = rows(SEGWIT)
    explorer.chain[SEGWIT] = [replace(txn, received=(5,)) for txn in payments(60)[1:4]] + payments(60)[4:]
    CLOCK.advance(3_000)
    thief(number)
    assert run_refresh(SEGWIT)
    assert rows(SEGWIT) == stored
    assert state(SEGWIT).lease_owner == 'another'


def _slices(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', seconds)


def test_a_download_goes_on_in_slices_and_asks_for_no_page_twice(explorer: Explorer, segwit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.chain[SEGWIT] = payments(300)
    _slices(0, monkeypatch)
    for _ in range(13):
        assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert explorer.count(path='/chain') <= 13


@pytest.mark.parametrize('interrupted', [SEGWIT, LEGACY])
def test_a_download_that_is_not_finished_says_so(
    api: Api, explorer: Explorer, portfolio: int, interrupted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, interrupted)}'
    explorer.chain[interrupted] = payments(300)
    _slices(0, monkeypatch)
    assert run_refresh(interrupted)
    body = api.get(f'{path}/transactions').json_body
    assert (body['complete'], body['reason']) == (False, 'transactions_pending')


def test_a_download_stays_with_the_explorer_that_has_got_furthest(explorer: Explorer, segwit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.chain[SEGWIT] = payments(300)
    explorer.fail(faults.down, 'blockstream')
    _slices(0, monkeypatch)
    for _ in range(5):
        assert run_refresh(SEGWIT)
    explorer.heal()
    CLOCK.advance(901)
    for _ in range(8):
        assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_download_from_an_explorer_that_fails_now_and_then_comes_to_its_end(
    explorer: Explorer, segwit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer.chain[SEGWIT] = payments(300)
    _slices(0, monkeypatch)

    def flaky(request: Request, answer: Answer) -> Answer:
        return faults.down(request, answer) if explorer.count('blockstream') % 7 == 0 else answer

    explorer.fail(flaky, 'blockstream')
    for _ in range(25):
        run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_reorganisation_at_the_place_where_a_download_goes_on_hides_nothing(
    explorer: Explorer, segwit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = payments(100, per_block=30)
    explorer.chain[SEGWIT] = before
    _slices(0, monkeypatch)
    assert run_refresh(SEGWIT)
    explorer.chain[SEGWIT] = [*before[:20], *before[30:]]
    for _ in range(8):
        assert run_refresh(SEGWIT)
        CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_ten_ledgers_in_one_event_fail_one_by_one(explorer: Explorer, api: Api, portfolio: int) -> None:
    for address in (SEGWIT, TAPROOT):
        api.address(portfolio, address)
        explorer.chain[address] = payments(5)
    explorer.fail(lambda request, answer: faults.down(request, answer) if TAPROOT in str(request) else answer)
    good, bad = record({'ledger': pk_of(SEGWIT)}), record({'ledger': pk_of(TAPROOT)})
    assert refresh_job(good, bad) == [bad['messageId']]
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_message_for_a_ledger_that_is_not_there_is_done(explorer: Explorer) -> None:
    assert run_refresh(SEGWIT)
    assert Ledger.find(pk_of(SEGWIT)) is None


def test_a_message_that_is_no_json_fails_alone(explorer: Explorer, segwit: str) -> None:
    broken = record({}) | {'body': 'no json'}
    good = record({'ledger': pk_of(SEGWIT)})
    assert refresh_job(broken, good) == [broken['messageId']]
