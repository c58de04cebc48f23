"""The XRP Ledger as rippled tells of it: recorded metadata, and every way in which an account's balance can change or an answer say no."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from chalicelib.domain import currencies, money
from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import rippled_nodes
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.xrp import ADDRESS, STRANGER
from tests.support import account_explorers
from tests.support.account_explorers import Request, Server
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

XRPLCLUSTER = explorer_of('xrp', 'xrplcluster')
RIPPLE = explorer_of('xrp', 'ripple')
HASH = 'AB' * 32


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with account_explorers.leading_to(server) as leading:
        yield leading


def info(drops: str = '0', address: str = ADDRESS, **changed: Any) -> dict[str, Any]:
    data = {'account_data': {'Account': address, 'Balance': drops}, 'ledger_index': 80_000_000, 'validated': True}
    return {'result': {**data, 'status': 'success', **changed}}


def row(*nodes: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a transaction somebody else sent, with the nodes it affected."""
    txn = {'Account': STRANGER, 'Fee': '12', 'date': 600_000_000, 'hash': HASH, 'ledger_index': 70_000_000} | changed
    return {'tx': txn, 'meta': {'AffectedNodes': nodes, 'TransactionResult': 'tesSUCCESS'}, 'validated': True}


def node(kind: str, **fields: Any) -> dict[str, Any]:
    return {kind: {'LedgerEntryType': 'AccountRoot', **fields}}


def changed(before: str, after: str, address: str = ADDRESS) -> dict[str, Any]:
    return node('ModifiedNode', FinalFields={'Account': address, 'Balance': after}, PreviousFields={'Balance': before})


def txs(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {'result': {'transactions': rows, 'validated': True, 'status': 'success', **more}}


def lines(*rows: dict[str, Any], address: str = ADDRESS, **more: Any) -> dict[str, Any]:
    return {'result': {'account': address, 'lines': rows, 'validated': True, 'status': 'success', **more}}


def say(upstream: Server, account: dict[str, Any], *answers: dict[str, Any]) -> None:
    """Answer an account that has no trust lines, and then these, one after the other."""
    data = account['result'].get('account_data')
    if isinstance(data, dict):
        data['OwnerCount'] = 0
    upstream.say(account, *answers)


def read_one(upstream: Server, told: dict[str, Any]) -> Entry:
    say(upstream, info(), txs(told))
    [entry] = account_explorers.read(XRPLCLUSTER, ADDRESS)[1]
    return entry


def error(code: str) -> dict[str, Any]:
    return {'result': {'error': code, 'error_code': 19, 'error_message': 'x', 'status': 'error', 'validated': True}}


def test_the_recorded_account_holds_its_drops(upstream: Server) -> None:
    told = recorded('xrp/rippled_account_info.json')
    told['result'] |= {'validated': True, 'status': 'success'}  # recorded from a WebSocket, which tells the status outside
    say(upstream, told)
    [holding] = XRPLCLUSTER.read(http(), told['result']['account_data']['Account']).holdings
    assert (holding.currency, holding.balance) == ('xrp', Decimal('922.913243'))


def test_recorded_transactions_that_move_nothing_cost_their_fee(upstream: Server) -> None:
    told = recorded('xrp/rippled_account_tx.json')['result']
    rows = [each | {'tx': each['tx_json']} for each in told['transactions']]
    say(upstream, info(address=told['account']), txs(*rows))
    entries = account_explorers.read(XRPLCLUSTER, told['account'])[1]
    assert [(entry.height, entry.delta, entry.fee) for entry in entries] == [
        (61_965_653, Decimal('-0.00001'), Decimal('0.00001')),
        (61_965_405, Decimal('-0.00001'), Decimal('0.00001')),
    ]
    assert entries[0].reference == '4E0AA11CBDD1760DE95B68DF2ABBE75C9698CEB548BEA9789053FCB3EBD444FB'
    assert entries[0].at == 1_614_818_881


def test_recorded_payments_sum_to_the_balance_but_for_the_fees_of_what_was_no_payment_and_not_recorded(upstream: Server) -> None:
    address = 'rMQ98K56yXJbDGv49ZSmW51sLn94Xe1mu1'
    told = recorded('xrp/ripple_data_v2_account_transactions.json')['transactions']
    rows = [
        {
            'tx': each['tx'] | {'hash': each['hash'], 'ledger_index': each['ledger_index'], 'date': 600_000_000},
            'meta': each['meta'],
            'validated': True,
        }
        for each in sorted(told, key=lambda each: -each['ledger_index'])
    ]
    say(upstream, info(address=address), txs(*rows))
    entries = account_explorers.read(XRPLCLUSTER, address)[1]
    assert len(entries) == len(told) == 23
    last = [
        node['FinalFields']['Balance']
        for each in rows[0]['meta']['AffectedNodes']
        for node in each.values()
        if node.get('FinalFields', {}).get('Account') == address and 'Balance' in node['FinalFields']
    ]
    assert money.total(entry.delta for entry in entries) - money.scaled(int(last[0]), 6) == Decimal('0.002')


def test_the_account_that_a_payment_makes_starts_with_it(upstream: Server) -> None:
    entry = read_one(upstream, row(node('CreatedNode', NewFields={'Account': ADDRESS, 'Balance': '25000000', 'Sequence': 1})))
    assert (entry.delta, entry.fee) == (Decimal(25), Decimal(0))


def test_an_account_made_with_nothing_has_no_balance_in_its_metadata(upstream: Server) -> None:
    assert read_one(upstream, row(node('CreatedNode', NewFields={'Account': ADDRESS, 'Sequence': 1}))).delta == 0


@pytest.mark.parametrize(
    'fields',
    [
        {'FinalFields': {'Account': ADDRESS, 'Balance': '0'}, 'PreviousFields': {'Balance': '9000012', 'Sequence': 5}},
        {'FinalFields': {'Account': ADDRESS, 'Balance': '9000012'}},
    ],
)
def test_a_deleted_account_leaves_nothing(upstream: Server, fields: dict[str, Any]) -> None:
    entry = read_one(upstream, row(node('DeletedNode', **fields), Account=ADDRESS, Fee='2000000'))
    assert (entry.delta, entry.fee) == (Decimal('-9.000012'), Decimal(2))


def test_what_a_partial_payment_delivers_counts_and_not_what_it_promises(upstream: Server) -> None:
    told = row(changed('1000000', '1000001'), Amount='999000000000', TransactionType='Payment', Flags=131_072)
    assert read_one(upstream, told).delta == Decimal('0.000001')


def test_a_failed_transaction_costs_its_sender_the_fee(upstream: Server) -> None:
    told = row(changed('1000000', '999988'), Account=ADDRESS, Amount='500000')
    told['meta']['TransactionResult'] = 'tecUNFUNDED_PAYMENT'
    entry = read_one(upstream, told)
    assert (entry.delta, entry.fee) == (Decimal('-0.000012'), Decimal('0.000012'))


def test_a_transaction_that_a_delegate_sends_costs_the_delegate(upstream: Server) -> None:
    sent_for_us = row(changed('1000000', '900000'), Account=ADDRESS, Delegate=STRANGER)
    assert read_one(upstream, sent_for_us).fee == 0
    sent_by_us = row(changed('1000000', '999988'), Account=STRANGER, Delegate=ADDRESS)
    assert read_one(upstream, sent_by_us).fee == Decimal('0.000012')


RLUSD, RLUSD_ISSUER = '524C555344000000000000000000000000000000', 'rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De'


def held(balance: Any, currency: str = RLUSD, issuer: str = RLUSD_ISSUER) -> dict[str, Any]:
    return {'account': issuer, 'currency': currency, 'balance': balance, 'limit': '1000', 'limit_peer': '0'}


def test_of_issued_currencies_those_of_the_catalogue_are_held_whoever_else_uses_their_code(upstream: Server) -> None:
    first = lines(held('12.5e-3'), held('7', issuer=STRANGER), marker='more')
    second = lines(
        held('9', 'USD', 'rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59B'), held('0', '534F4C4F' + 32 * '0', 'rsoLo2S1kiGeCcn6hCUXVrCpGMWLrRrLZz')
    )
    upstream.say(info('5'), first, second)
    assert account_explorers.balances(XRPLCLUSTER, ADDRESS) == {'xrp': Decimal('0.000005'), 'rlusd-xrp': Decimal('0.0125')}
    asked = [request.body['params'][0] for request in upstream.requests[1:]]
    assert [(each['ledger_index'], each.get('marker')) for each in asked] == [(80_000_000, None), (80_000_000, 'more')]


@pytest.mark.parametrize('balance', ['1,5', '1e', '0x5', 'NaN', '', 1.5, None, '-3', '1e999'])
def test_a_line_that_cannot_be_read_costs_only_its_currency(upstream: Server, balance: Any) -> None:
    upstream.say(
        info('5'), lines(held(balance), held('2', '5553444300000000000000000000000000000000', 'rGm7WCVp9gb4jZHWTEtGUr4dd74z2XuWhE'))
    )
    report = XRPLCLUSTER.read(http(), ADDRESS)
    assert [holding.currency for holding in report.holdings] == ['xrp', 'usdc-xrp']
    assert report.unreadable == [Unreadable('rlusd-xrp', f'{RLUSD}.{RLUSD_ISSUER}', 'unexpected shape')]


def test_of_lines_without_end_the_first_are_read_and_other_balances_are_unknown(upstream: Server) -> None:
    number = count()
    upstream.tell = lambda request: as_json(
        info('5') if request.body['method'] == 'account_info' else lines(held('2'), marker=f'm{next(number)}')
    )

    report = XRPLCLUSTER.read(http(), ADDRESS)

    assert {holding.currency for holding in report.holdings} == {'xrp', 'rlusd-xrp'}
    tokens = {token.code: token.contract for token in currencies.tokens_on('xrp') if token.code != 'rlusd-xrp'}
    assert {(row.currency, row.reference, row.reason) for row in report.unreadable} == {
        (code, contract, 'too many trust lines') for code, contract in tokens.items()
    }
    assert len(upstream.requests) == 26


@pytest.mark.parametrize('told', [lines(address=STRANGER), lines(marker='a'), error('lgrNotFound'), {'result': {'status': 'success'}}])
def test_lines_that_are_not_what_was_requested_are_refused(upstream: Server, told: dict[str, Any]) -> None:
    upstream.say(info('5'), told)
    with pytest.raises(Upstream):
        XRPLCLUSTER.read(http(), ADDRESS)


def trust_line(kind: str, before: str | None, after: str, *, ours: str = 'LowLimit', currency: str = RLUSD, **more: Any) -> dict[str, Any]:
    """Return a node of the line between the account and the issuer of RLUSD, with the balance as the low account sees it."""
    theirs = 'HighLimit' if ours == 'LowLimit' else 'LowLimit'
    limits = {ours: {'currency': currency, 'issuer': ADDRESS}, theirs: {'currency': currency, 'issuer': RLUSD_ISSUER}}
    fields = limits | {'Balance': {'currency': currency, 'issuer': 'rrrrrrrrrrrrrrrrrrrrBZbvji', 'value': after}}
    if kind == 'CreatedNode':
        return {kind: {'LedgerEntryType': 'RippleState', 'NewFields': fields | more}}
    previous = {} if before is None else {'Balance': {'value': before}}
    return {kind: {'LedgerEntryType': 'RippleState', 'FinalFields': fields | more, 'PreviousFields': previous}}


@pytest.mark.parametrize(
    ('told', 'delta'),
    [
        (trust_line('ModifiedNode', '10', '9.99998'), '-0.00002'),
        (trust_line('ModifiedNode', '-10', '-12.5', ours='HighLimit'), '2.5'),
        (trust_line('ModifiedNode', '9999999999999999e-15', '1'), '-8.999999999999999'),
        (trust_line('CreatedNode', None, '7'), '7'),
        (trust_line('CreatedNode', None, '-7', ours='HighLimit'), '7'),
        (trust_line('DeletedNode', '3', '0'), '-3'),
        (trust_line('DeletedNode', None, '0'), '0'),
        (trust_line('ModifiedNode', None, '5', Flags=131_072), '0'),
        (trust_line('ModifiedNode', '1', '2', currency='USD'), '0'),
    ],
)
def test_a_trust_line_moves_what_its_balance_says(upstream: Server, told: dict[str, Any], delta: str) -> None:
    say(upstream, info(), txs(row(told, changed('5', '9'))))
    entries = account_explorers.read(XRPLCLUSTER, ADDRESS)[1]
    expected = {'xrp': Decimal('0.000004')} | ({'rlusd-xrp': Decimal(delta)} if delta != '0' else {})
    assert {entry.currency: entry.delta for entry in entries} == expected
    assert [entry.n for entry in entries] == [0, currencies.get('rlusd-xrp').id][: len(entries)]


def test_a_recorded_line_is_told_as_the_low_account_sees_it(upstream: Server) -> None:
    """rLedgerMAX… paid 0.00002 XPD to its issuer, and is the low account."""
    told = recorded('xrp/ripple_data_v2_account_transactions.json')['transactions']
    nodes = [node for each in told for node in each['meta']['AffectedNodes'] if 'RippleState' in str(node)]
    change = rippled_nodes.token_change(nodes, 'rLedgerMAX4v6YjDTbKdccP2wPbN1XhdcX', 'XPD.rMCa3o92WJDHDw7GLZiP85Pp3ZRkb87xUp')
    assert change == Decimal('-0.00002')
    assert rippled_nodes.token_change(nodes, 'rMCa3o92WJDHDw7GLZiP85Pp3ZRkb87xUp', 'XPD.rLedgerMAX4v6YjDTbKdccP2wPbN1XhdcX') == Decimal(
        '0.00002'
    )


@pytest.mark.parametrize(
    'odd', [trust_line('ModifiedNode', '1', 'x'), trust_line('RenamedNode', '1', '2'), trust_line('ModifiedNode', '1', None)]
)
def test_a_line_of_a_transaction_that_cannot_be_read_costs_only_its_currency(upstream: Server, odd: dict[str, Any]) -> None:
    say(upstream, info(), txs(row(odd, changed('5', '9'))))
    [page] = XRPLCLUSTER.read(http(), ADDRESS).pages
    assert [(entry.currency, entry.delta) for entry in page.entries] == [('xrp', Decimal('0.000004'))]
    assert [(row.currency, row.reference, row.height) for row in page.unreadable] == [('rlusd-xrp', HASH, 70_000_000)]


@pytest.mark.parametrize('odd', ['x', {'ModifiedNode': None}, {'ModifiedNode': {'FinalFields': {'Account': STRANGER}}}])
def test_a_node_that_cannot_be_read_costs_only_the_coin(upstream: Server, odd: Any) -> None:
    say(upstream, info(), txs(row(odd, trust_line('ModifiedNode', '1', '2'), changed('5', '9'))))
    [page] = XRPLCLUSTER.read(http(), ADDRESS).pages
    assert [entry.currency for entry in page.entries] == ['rlusd-xrp']
    assert [(row.currency, row.reference) for row in page.unreadable] == [('xrp', HASH)]


def test_a_line_that_does_not_say_what_it_is_costs_only_its_currency(upstream: Server) -> None:
    line = trust_line('ModifiedNode', '1', '2')
    del line['ModifiedNode']['LedgerEntryType']
    say(upstream, info(), txs(row(line, changed('5', '9'))))
    [page] = XRPLCLUSTER.read(http(), ADDRESS).pages
    assert [(entry.currency, entry.delta) for entry in page.entries] == [('xrp', Decimal('0.000004'))]
    assert [(row.currency, row.reference) for row in page.unreadable] == [('rlusd-xrp', HASH)]


def test_issued_currencies_and_other_peoples_balances_are_not_ours(upstream: Server) -> None:
    line = {'ModifiedNode': {'LedgerEntryType': 'RippleState', 'FinalFields': {'Balance': {'currency': 'USD', 'value': '10'}}}}
    bookkeeping = node('ModifiedNode', LedgerIndex='0' * 64)
    entry = read_one(upstream, row(line, bookkeeping, changed('5', '9', address=STRANGER)))
    assert (entry.delta, entry.fee) == (Decimal(0), Decimal(0))


def test_transactions_are_read_up_to_the_ledger_of_the_balance(upstream: Server) -> None:
    say(upstream, info('7'), txs())
    account_explorers.read(XRPLCLUSTER, ADDRESS)
    first, second = (request.body for request in upstream.requests)
    assert (first['method'], first['params'][0]['ledger_index']) == ('account_info', 'validated')
    assert (second['method'], second['params'][0]['ledger_index_max']) == ('account_tx', 80_000_000)


def test_a_deleted_account_holds_nothing_and_keeps_its_transactions(upstream: Server) -> None:
    upstream.say(error('actNotFound'), txs(row(node('DeletedNode', FinalFields={'Account': ADDRESS, 'Balance': '5'}))))
    holding, entries = account_explorers.read(XRPLCLUSTER, ADDRESS)
    assert (holding.balance, len(entries)) == (0, 1)


def test_an_account_that_nobody_paid_to_yet_has_no_transactions(upstream: Server) -> None:
    upstream.say(error('actNotFound'))
    holding, entries = account_explorers.read(XRPLCLUSTER, ADDRESS)
    assert (holding.balance, entries) == (0, [])


def test_an_address_that_it_cannot_read_is_rejected(upstream: Server) -> None:
    upstream.say(error('actMalformed'))
    with pytest.raises(UpstreamRejected):
        account_explorers.read(RIPPLE, ADDRESS)


@pytest.mark.parametrize('code', ['slowDown', 'tooBusy'])
def test_a_server_that_slows_us_down_is_left_alone(upstream: Server, code: str) -> None:
    upstream.say(error(code))
    with pytest.raises(Upstream) as caught:
        account_explorers.read(RIPPLE, ADDRESS)
    assert caught.value.throttled


@pytest.mark.parametrize('code', ['noNetwork', 'noCurrent', 'noClosed', 'lgrNotFound', 'lgrIdxsInvalid', 'invalidParams', 'internal'])
@pytest.mark.parametrize('number', [0, 1])
def test_its_other_errors_are_failures_of_its_own(upstream: Server, code: str, number: int) -> None:
    say(upstream, *[info()] * number, error(code))
    with pytest.raises(Upstream, match='returned an error') as caught:
        account_explorers.read(RIPPLE, ADDRESS)
    assert not caught.value.throttled
    assert not isinstance(caught.value, UpstreamRejected)


def test_a_warning_beside_the_answer_does_no_harm(upstream: Server) -> None:
    say(upstream, info('5') | {'warning': 'load', 'warnings': [{'id': 2001, 'message': 'This is a clio server'}]}, txs())
    assert account_explorers.read(RIPPLE, ADDRESS)[0].balance == Decimal('0.000005')


def test_a_page_that_leads_back_to_itself_is_refused(upstream: Server) -> None:
    say(upstream, info(), txs(row(), marker={'ledger': 5, 'seq': 0}))
    with pytest.raises(Upstream, match='back to itself'):
        account_explorers.read(RIPPLE, ADDRESS)


def test_a_page_of_nothing_that_leads_on_is_gone_on_from(upstream: Server) -> None:
    say(upstream, info(), txs(marker={'ledger': 5, 'seq': 0}), txs(row()))
    assert len(account_explorers.read(RIPPLE, ADDRESS)[1]) == 1


def test_the_place_to_go_on_from_is_the_servers_own_marker(upstream: Server) -> None:
    say(upstream, info(), txs(row(), marker={'ledger': 5, 'seq': 3}))
    page = next(XRPLCLUSTER.read(http(), ADDRESS).pages)
    say(upstream, info(), txs())
    account_explorers.read(XRPLCLUSTER, ADDRESS, page.resume)
    assert upstream.requests[-1].body['params'][0]['marker'] == {'ledger': 5, 'seq': 3}


@pytest.mark.parametrize(
    'told',
    [
        row(Fee=1.5, Account=ADDRESS),
        row(Fee='1.5', Account=ADDRESS),
        row(date='2020-01-01'),
        row(date=5),
        row(ledger_index=None),
        row(node('ModifiedNode', FinalFields={'Account': ADDRESS, 'Balance': '1.5'}, PreviousFields={'Balance': '1'})),
        row(node('CreatedNode', NewFields={'Account': ADDRESS, 'Balance': {'value': '1'}})),
        row() | {'validated': False},
        row() | {'meta': 'AB12'},
        row() | {'meta': {}},
        row(node('ModifiedNode', FinalFields={'Account': ADDRESS}, PreviousFields={'Balance': '1'})),
        row(node('RenamedNode', FinalFields={'Account': ADDRESS, 'Balance': '7'}, PreviousFields={'Balance': '1'})),
    ],
)
def test_a_transaction_of_another_shape_costs_only_itself(upstream: Server, told: dict[str, Any]) -> None:
    say(upstream, info(), txs(told))
    [unread] = account_explorers.unread(RIPPLE, ADDRESS)
    assert (unread.currency, unread.reference, unread.reason) == ('xrp', HASH, 'unexpected shape')


@pytest.mark.parametrize(
    'told', [row(hash='x'), row(hash=HASH.lower()), {'tx_blob': 'AB', 'meta': 'AB', 'validated': True}], ids=['x', 'lower case', 'binary']
)
def test_what_is_no_transaction_is_refused(upstream: Server, told: dict[str, Any]) -> None:
    say(upstream, info(), txs(told))
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(RIPPLE, ADDRESS)


@pytest.mark.parametrize(
    'told', [info(address=STRANGER), info(validated=False), info('1.5'), info(ledger_index='current'), info(status='x')]
)
def test_an_account_of_another_shape_is_refused(upstream: Server, told: dict[str, Any]) -> None:
    say(upstream, told)
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(RIPPLE, ADDRESS)


def test_a_page_that_is_not_newest_first_is_refused(upstream: Server) -> None:
    say(upstream, info(), txs(row(ledger_index=5), row(ledger_index=6)))
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(RIPPLE, ADDRESS)


def test_a_server_that_answers_only_by_its_status_fails(upstream: Server) -> None:
    def tell(request: Request) -> Answer:
        return as_json(info(), 400)

    upstream.tell = tell
    with pytest.raises(Upstream, match='returned 400'):
        account_explorers.read(RIPPLE, ADDRESS)
