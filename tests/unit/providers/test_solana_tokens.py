"""Tokens of Solana: in which accounts they are, what a transaction moves of them, and what of them cannot be read."""

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.addresses.solana_tokens import PROGRAM, PROGRAM_2022, associated_account, read_state
from chalicelib.domain.ledgers import Unreadable
from chalicelib.errors import Upstream
from infra.fake_upstreams.solana import ACCOUNTS, ADDRESS, PYUSD, STRANGER, USDC
from tests.support import account_explorers
from tests.support.account_explorers import Server
from tests.support.recordings import recorded
from tests.support.solana import SIGNATURE, SLOT, SOLANA, answer, calls, tell, txn
from tests.support.upstreams import explorer_of, http

ACCOUNT = ACCOUNTS[USDC]  # that wallet programs derive
UNKNOWN = 'Hv69wUkD225TYq111eAar9CtjhNpzBTRFpHkpY3pbonk'  # a mint that the catalogue does not have


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with account_explorers.leading_to(server) as leading:
        yield leading


@pytest.mark.parametrize(
    ('owner', 'mint', 'program', 'account'),
    [  # of the tests of @solana/spl-token and of micro-sol-signer; the last holds much PYUSD
        (
            'B8UwBUUnKwCyKuGMbFKWaG7exYdDk2ozZrPg72NyVbfj',
            '7o36UsWR1JQLpZ9PE2gn9L4SQ69CNNiWAXd4Jt7rqz9Z',
            PROGRAM,
            'DShWnroshVbeUp28oopA3Pu7oFPDBtC1DBmPECXXAQ9n',
        ),
        ('22Wnk8PwyWZV7BfkZGJEKT9jGGdtvu7xY6EXeRh7zkBa', PYUSD, PROGRAM_2022, '5nu6HDY7t1Ds8oPNsArrhb1rzvRqmGubyteyAUncFyNb'),
    ],
)
def test_the_account_that_wallet_programs_use_is_derived_from_owner_mint_and_program(
    owner: str, mint: str, program: str, account: str
) -> None:
    assert associated_account(owner, mint, program) == account


def test_recorded_accounts_are_those_that_are_derived_from_what_their_state_says() -> None:
    rows = recorded('solana/getTokenAccountsByOwner_7pFGok3z.json')['result']['value']
    states = {row['pubkey']: read_state(base64.b64decode(row['account']['data'][0])) for row in rows}
    assert {state.owner for state in states.values()} == {'7pFGok3zuvacRP797Ke3bUZqbq24PbVQNLvwopfErvih'}
    assert [associated_account(state.owner, state.mint, PROGRAM) for state in states.values()] == list(states)
    assert {state.mint: state.units for state in states.values()}['Hv69wUkD225TYq111eAar9CtjhNpzBTRFpHkpY3pbonk'] == 233_884_967_632


def test_recorded_balances_of_tokens_that_the_catalogue_lacks_are_left_out(upstream: Server) -> None:
    told = recorded('solana/getTokenAccountsByOwner_7pFGok3z.json')['result']
    answer(upstream, lambda method, *_: {'result': told} if method == 'getTokenAccountsByOwner' else None)
    report = SOLANA.read(http(), '7pFGok3zuvacRP797Ke3bUZqbq24PbVQNLvwopfErvih')
    assert [holding.currency for holding in report.holdings] == ['sol']  # its account of JUP is empty


def test_the_balance_of_a_token_is_that_of_all_its_accounts_of_both_programs(upstream: Server) -> None:
    held = {PROGRAM: [(USDC, 5), (USDC, 1_000_000), (UNKNOWN, 9)], PROGRAM_2022: [(PYUSD, 2**64 - 1)]}
    number = iter(range(9))

    def respond(method: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if method != 'getTokenAccountsByOwner':
            return None
        assert (config['encoding'], config['dataSlice']) == ('base64', {'offset': 0, 'length': 72})
        states = [b58(mint) + b58(ADDRESS) + units.to_bytes(8, 'little') for mint, units in next(programs)]
        rows = [
            {'pubkey': f'account {next(number)}', 'account': {'data': [base64.b64encode(state).decode(), 'base64']}} for state in states
        ]
        return {'result': {'value': rows}}

    programs = iter(held.values())
    answer(upstream, respond)
    report = SOLANA.read(http(), ADDRESS)
    assert [each[1]['programId'] for each in calls(upstream, 'getTokenAccountsByOwner')] == list(held)
    assert {holding.currency: holding.balance for holding in report.holdings} == {
        'sol': Decimal('0.000000007'),
        'usdc-sol': Decimal('1.000005'),
        'pyusd-sol': Decimal('18446744073709.551615'),
    }


def b58(key: str) -> bytes:
    number = 0
    for character in key:
        number = number * 58 + '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'.index(character)
    return number.to_bytes(32, 'big')


def test_a_node_that_tells_balances_alone_and_lists_no_accounts_leaves_tokens_unknown(upstream: Server) -> None:
    node = explorer_of('sol', 'publicnode_sol')
    refusal = {'error': {'code': -32601, 'message': 'Method not allowed'}}
    answer(upstream, lambda method, *_: {'result': {'value': 5}} if method == 'getBalance' else refusal)
    report = node.read(http(), ADDRESS)
    assert [(held.currency, held.balance) for held in report.holdings] == [('sol', Decimal('0.000000005'))]
    assert {row.currency for row in report.unreadable} == {token.code for token in currencies.tokens_on('sol')}
    assert list(report.pages) == []
    with pytest.raises(Upstream):
        SOLANA.read(http(), ADDRESS)


@pytest.mark.parametrize('data', ['', base64.b64encode(bytes(71)).decode(), base64.b64encode(bytes(72)).decode(), 'no base64', None])
def test_what_is_no_state_of_an_account_of_the_address_is_refused(upstream: Server, data: Any) -> None:
    told = {'value': [{'pubkey': ACCOUNT, 'account': {'data': [data, 'base64']}}]}
    answer(upstream, lambda method, *_: {'result': told} if method == 'getTokenAccountsByOwner' else None)
    with pytest.raises(Upstream, match='token accounts of an unexpected shape'):
        SOLANA.read(http(), ADDRESS)


def balance(place: int, amount: str, **row: Any) -> dict[str, Any]:
    return {'accountIndex': place, 'mint': USDC, 'owner': ADDRESS, 'uiTokenAmount': {'amount': amount, 'decimals': 6}} | row


def moving(keys: list[str], before: list[Any], after: list[Any]) -> dict[str, Any]:
    """Return a transaction that moves tokens and no SOL."""
    told = txn(keys, [5] * len(keys), [5] * len(keys))
    told['meta'] |= {'preTokenBalances': before, 'postTokenBalances': after}
    return told


def read_tokens(upstream: Server, told: dict[str, Any], account: str = ACCOUNT) -> list[tuple[str, Decimal, int]]:
    """Return what a transaction in the list of an account changes, by currency."""
    tell(upstream, told, account=account)
    entries = account_explorers.read(SOLANA, ADDRESS)[1]
    assert {(entry.reference, entry.at, entry.height) for entry in entries} <= {(SIGNATURE, 1_700_000_000, SLOT)}
    return [(entry.currency, entry.delta, entry.n) for entry in entries]


NUMBER = currencies.get('usdc-sol').id
KEYS = [STRANGER, ACCOUNT, 'second account', 'account of a stranger']


@pytest.mark.parametrize(
    ('before', 'after', 'delta'),
    [
        ([balance(1, '7')], [balance(1, '2000007')], '2'),
        ([], [balance(1, '5')], '0.000005'),  # it is opened
        ([balance(1, '5')], [], '-0.000005'),  # and closed
        ([balance(1, '5'), balance(2, '4')], [balance(1, '3'), balance(2, '9')], '0.000003'),  # two accounts
        ([balance(1, '5'), balance(3, '4', owner=STRANGER)], [balance(1, '6'), balance(3, '3', owner=STRANGER)], '0.000001'),
        ([balance(1, '5', owner=None)], [balance(1, '8', owner=None), balance(3, '9', owner=None)], '0.000003'),  # rows of before 2022
        ([balance(1, '5')], [balance(1, '5', owner=STRANGER)], '-0.000005'),  # the account is given away
        ([balance(1, '5'), balance(3, '1', mint=UNKNOWN)], [balance(1, '6'), balance(3, 'x', mint=UNKNOWN)], '0.000001'),
    ],
)
def test_a_transaction_that_names_only_the_account_changes_only_the_token(
    upstream: Server, before: list[Any], after: list[Any], delta: str
) -> None:
    assert read_tokens(upstream, moving(KEYS, before, after)) == [('usdc-sol', Decimal(delta), NUMBER)]


@pytest.mark.parametrize('rows', [[], [balance(1, '5')], [balance(1, '5', mint=UNKNOWN)], None])
def test_of_a_token_that_does_not_move_nothing_is_listed(upstream: Server, rows: Any) -> None:
    assert read_tokens(upstream, moving(KEYS, rows, rows)) == []


def test_a_swap_is_an_entry_of_each_currency(upstream: Server) -> None:
    told = moving([ADDRESS, ACCOUNT], [balance(1, '5')], [balance(1, '4'), balance(2, '2', mint=PYUSD)])
    number = currencies.get('pyusd-sol').id
    expected = [('sol', Decimal(0), 0), ('usdc-sol', Decimal('-0.000001'), NUMBER), ('pyusd-sol', Decimal('0.000002'), number)]
    assert read_tokens(upstream, told, account=ADDRESS) == expected


@pytest.mark.parametrize(
    'odd',
    [
        balance(1, 'x'),
        balance(1, '5', uiTokenAmount={'amount': '5', 'decimals': 9}),
        balance(1, '5', uiTokenAmount=None),
        balance(9, '5', owner=None),
    ],
)
def test_a_row_that_cannot_be_read_costs_only_its_token(upstream: Server, odd: dict[str, Any]) -> None:
    tell(upstream, moving([ADDRESS, ACCOUNT], [odd], [balance(1, '4'), balance(2, '2', mint=PYUSD)]))
    [page, _] = SOLANA.read(http(), ADDRESS, held_codes=['sol']).pages
    assert [(entry.currency, entry.delta) for entry in page.entries] == [('sol', Decimal(0)), ('pyusd-sol', Decimal('0.000002'))]
    assert page.unreadable == [Unreadable('usdc-sol', SIGNATURE, 'unexpected shape', at=1_700_000_000, height=SLOT)]


@pytest.mark.parametrize('odd', ['x', balance(7, '4', mint=None), balance(1, '4', mint=None), {'accountIndex': 1}])
def test_a_row_without_a_token_costs_only_that_of_its_account(upstream: Server, odd: Any) -> None:
    tell(upstream, moving([ADDRESS, ACCOUNT], [], [odd, balance(2, '2', mint=PYUSD)]))
    [page, _] = SOLANA.read(http(), ADDRESS, held_codes=['sol']).pages
    assert [(entry.currency, entry.delta) for entry in page.entries] == [('sol', Decimal(0)), ('pyusd-sol', Decimal('0.000002'))]
    is_of_account = isinstance(odd, dict) and odd['accountIndex'] == 1
    assert [(row.currency, row.reference) for row in page.unreadable] == ([('usdc-sol', SIGNATURE)] if is_of_account else [])


def test_tokens_of_accounts_that_take_part_are_missing_where_no_balance_of_tokens_can_be_read(upstream: Server) -> None:
    told = moving([ADDRESS, ACCOUNT], [], [])
    told['meta']['postTokenBalances'] = 'x'
    tell(upstream, told)
    [page, _] = SOLANA.read(http(), ADDRESS, held_codes=['sol']).pages
    assert [entry.currency for entry in page.entries] == ['sol']
    assert [row.currency for row in page.unreadable] == ['usdc-sol']


def test_a_transaction_that_is_not_returned_costs_the_currencies_in_whose_lists_it_is(upstream: Server) -> None:
    listed = [{'signature': SIGNATURE, 'slot': SLOT, 'blockTime': 1_700_000_000}]
    unsupported = {'error': {'code': -32015, 'message': 'Transaction version (300) is not supported'}}

    def respond(method: str, subject: Any, config: Any) -> dict[str, Any] | None:
        if method == 'getSignaturesForAddress' and subject in (ADDRESS, ACCOUNT):
            return {'result': [] if 'before' in config else listed}
        return unsupported if method == 'getTransaction' else None

    answer(upstream, respond)
    reason = 'version not supported by the node'
    assert account_explorers.unread(SOLANA, ADDRESS) == [
        Unreadable(code, SIGNATURE, reason, at=1_700_000_000, height=SLOT) for code in ('sol', 'usdc-sol')
    ]


def test_accounts_of_all_tokens_are_asked_for_at_first_and_then_those_that_may_be_used(upstream: Server) -> None:
    answer(upstream, lambda method, *_: {'result': 0} if method == 'getFirstAvailableBlock' else None)
    list(SOLANA.read(http(), ADDRESS).pages)
    assert next(subject for subject, _ in calls(upstream, 'getSignaturesForAddress')) == ADDRESS
    assert len(calls(upstream, 'getSignaturesForAddress')) == 1 + len(currencies.tokens_on('sol'))
    upstream.requests.clear()
    list(SOLANA.read(http(), ADDRESS, held_codes=['sol', 'usdc-sol']).pages)
    assert [subject for subject, _ in calls(upstream, 'getSignaturesForAddress')] == [ADDRESS, ACCOUNT]
