"""An extended public key as an address: its parts are found, read once, told as one; and the key itself is nowhere to be seen."""

import json
import logging
from decimal import Decimal
from functools import cache
from typing import Any

import boto3
import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain import hd_wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Gap
from chalicelib.domain.work_groups import work_group
from chalicelib.models import Ledger, Transaction, UpstreamState, Watch
from chalicelib.services.ledgers import refresh
from infra.fake_upstreams import faults, scripted_explorer
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, payments, txid
from tests.support import addresses
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import killed_after, survives, table
from tests.support.jobs import record, refresh_job, refresh_queue, run_purge, run_sweep
from tests.support.ledgers import watchers

KEYS = {(row['currency'], row['key'][:4]): row['key'] for row in addresses.vectors('extended_keys')['derived']}
ZPUB = KEYS['btc', 'zpub']  # account 0 of BIP-84's test vector
SHOWN = 'zpub6rFR7y4Q…2AGutZYs'
PK = hd_wallets.identify('btc', ZPUB).key.text
FIRST = 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
LITECOIN_EXPLORERS = {'litecoinspace': scripted_explorer.UPSTREAMS['blockstream']}


@cache
def at(branch: int, index: int) -> str:
    """Return an address of the HD wallet, of the kind that its key means."""
    return CHAINS['btc'].hd_wallet(ZPUB).kinds[0].branches[branch].address(index)


def of_other_kinds(gap: int = hd_wallets.GAP) -> set[str]:
    """Return the addresses where it is looked whether other kinds of script are used."""
    others = CHAINS['btc'].hd_wallet(ZPUB).kinds[1:]
    assert [kind.script.value for kind in others] == ['p2sh-p2wpkh', 'p2pkh', 'p2tr']
    return {kind.branches[0].address(index) for kind in others for index in range(gap)}


RECEIVED, SPENT, MOVED, LATE = (txid(number) for number in (1, 2, 3, 4))


def history(gap: int = hd_wallets.GAP) -> dict[str, list[Txn]]:
    """Return an HD wallet's: paid twice, spends both outputs with change, moves the change, and is paid after a gap just not too long."""
    return {
        at(0, 0): [Txn(SPENT, 800_010, sent=(5_000,), fee=100), Txn(RECEIVED, 800_000, received=(5_000,))],
        at(0, 1): [Txn(SPENT, 800_010, sent=(3_000,), fee=100), Txn(RECEIVED, 800_000, received=(3_000,))],
        at(1, 0): [Txn(MOVED, 800_020, sent=(1_900,), fee=50), Txn(SPENT, 800_010, received=(1_900,), fee=100)],
        at(0, 2): [Txn(MOVED, 800_020, received=(1_850,), fee=50)],
        at(0, 2 + gap): [Txn(LATE, 800_030, received=(777,))],
    }


FEW = 5 + 2 + 1 + 2 + 3 * 2  # its derived ledgers if two unused addresses are the last: receiving, change, other kinds

EXPECTED = [(LATE, 777, 0), (MOVED, -50, 50), (SPENT, -6_100, 100), (RECEIVED, 8_000, 0)]


def run(*, seconds: float = 60) -> bool:
    """Run the refresh job on the HD wallet; say whether it went well."""
    if seconds == 60:
        return not refresh_job(record({'ledger': PK}))
    refresh.refresh(PK, looked_at=None, deadline=clock.monotonic() + seconds)
    return True


def hd_wallet() -> Ledger:
    found = Ledger.find(PK)
    assert found is not None
    return found


def parts() -> list[str]:
    """Return the addresses that the HD wallet watches."""
    return [item['pk']['S'].split('#')[2] for item in table() if item['sk']['S'] == f'WATCH#WALLET#{PK.split("#")[2]}']


def rows() -> list[tuple[str, int, int | None]]:
    """Return the HD wallet's transactions, newest first: reference, delta and fee in satoshi."""
    return [(one.reference, int(one.delta * 10**8), None if one.fee is None else int(one.fee * 10**8)) for one in Transaction.every(PK)]


def assert_whole(expected: list[tuple[str, int, int]], incomplete: str | None = None) -> None:
    """Assert that the HD wallet is exactly this, that its sums fit, and that it rests."""
    ledger = hd_wallet()
    assert rows() == expected
    [held] = ledger.holdings
    deltas = [Decimal(delta) / 10**8 for _, delta, _ in expected]
    assert held.balance == held.received - held.sent == sum(deltas)
    assert (held.transactions, ledger.incomplete) == (len(expected), incomplete)
    assert (ledger.lease_owner, ledger.derived.begun_at, ledger.change_pending_since) == (None, None, None)
    assert ledger.due_at > clock.now()


@pytest.fixture(autouse=True)
def patient_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice of the job last as long as an HD wallet takes, on a slow machine too."""
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 3_600)


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


@pytest.fixture
def path(api: Api, explorer: Explorer, portfolio: int) -> str:
    """The path of an HD wallet with a history, of which nothing was read yet."""
    explorer.chain = history()
    return f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, ZPUB)}'


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two unused addresses be the last: sixteen parts take a tenth of the time."""
    monkeypatch.setattr(hd_wallets, 'GAP', 2)


@pytest.fixture
def quick(few: None, api: Api, explorer: Explorer, portfolio: int) -> str:
    """The path of an HD wallet likewise, of few addresses."""
    explorer.chain = history(2)
    return f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, ZPUB)}'


def test_an_hd_wallet_is_not_ready_until_it_was_read(api: Api, quick: str) -> None:
    assert api.get(f'{quick}/balances').status_code == 503
    assert run()
    assert api.get(f'{quick}/balances').status_code == 200


def test_the_requests_for_an_hd_wallets_addresses_are_the_work_of_who_looked_at_it(api: Api, quick: str) -> None:
    assert run()
    assert UpstreamState.find_many(['blockstream'])['blockstream'].last_group == work_group(api.user_id)


def test_an_hd_wallets_balances_and_transactions_are_those_of_its_addresses_as_one(api: Api, quick: str, portfolio: int) -> None:
    assert run()
    balances = api.get(f'{quick}/balances').json_body
    [balance] = balances['result']
    told = {name: balance[name] for name in ('balance', 'unconfirmed', 'received', 'sent', 'transactions', 'source')}
    assert told == {
        'balance': '0.00002627', 'unconfirmed': '0.0', 'received': '0.00008777', 'sent': '0.0000615',
        'transactions': 4, 'source': 'blockstream',
    }  # fmt: skip
    listed = api.get(f'{quick}/transactions').json_body
    assert balances['complete'] is listed['complete'] is True
    assert [(row['reference'], row['delta'], row['fee']) for row in listed['result']] == [
        (LATE, '0.00000777', '0.0'),
        (MOVED, '-0.0000005', '0.0000005'),
        (SPENT, '-0.000061', '0.000001'),
        (RECEIVED, '0.00008', '0.0'),
    ]
    [bitcoin] = [row for row in api.get(f'/api/portfolios/{portfolio}/balances').json_body['result'] if row['currency'] == 'btc']
    assert (bitcoin['balance'], bitcoin['complete']) == ('0.00002627', True)
    assert api.get(quick).json_body['result']['txns_last_updated'] is not None
    assert_whole(EXPECTED)


def test_reading_an_hd_wallet_costs_what_reading_an_address_costs(api: Api, quick: str, requests_made: list[str]) -> None:
    assert run()
    for below in ('balances', 'transactions'):
        requests_made.clear()
        assert api.get(f'{quick}/{below}').status_code == 200
        assert len(requests_made) == 2


def test_the_parts_end_twenty_unused_addresses_after_the_last_used_one_on_both_branches(explorer: Explorer, path: str) -> None:
    explorer.chain[at(0, 43)] = [Txn(txid(9), 800_040, received=(1,))]  # one too far
    assert run()
    expected = {at(0, index) for index in range(22 + 1 + 20)} | {at(1, index) for index in range(1 + 20)} | of_other_kinds()
    assert set(parts()) == expected
    assert_whole(EXPECTED)


def test_the_hd_wallet_grows_when_the_last_address_of_the_gap_is_used(explorer: Explorer, path: str) -> None:
    assert run()
    explorer.chain[at(1, 20)] = [Txn(txid(9), 800_040, received=(5,))]
    explorer.chain[at(1, 40)] = [Txn(txid(10), 800_050, received=(7,))]
    CLOCK.advance(3_000)
    assert run()
    assert_whole([(txid(10), 7, 0), (txid(9), 5, 0), *EXPECTED])
    change = {at(1, index) for index in range(100)}
    assert sum(part in change for part in parts()) == 61


def test_an_unused_hd_wallet_holds_nothing(api: Api, explorer: Explorer, portfolio: int) -> None:
    api.address(portfolio, ZPUB)
    assert run()
    assert_whole([])
    assert len(parts()) == 2 * 20 + 3 * 20


def test_what_is_unconfirmed_is_summed(explorer: Explorer, quick: str) -> None:
    explorer.chain[at(0, 3)] = [Txn(txid(9), None, received=(50,))]
    explorer.chain[at(0, 4)].insert(0, Txn(txid(9), None, sent=(777,), fee=1))
    assert run()
    [held] = hd_wallet().holdings
    assert held.unconfirmed == Decimal('-0.00000727')
    assert_whole(EXPECTED)


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize(('currency', 'start'), sorted(KEYS))
def test_every_kind_of_key_is_taken_and_its_first_address_found(
    api: Api, explorer: Explorer, portfolio: int, monkeypatch: pytest.MonkeyPatch, currency: str, start: str
) -> None:
    for name, tell in LITECOIN_EXPLORERS.items():
        monkeypatch.setitem(scripted_explorer.UPSTREAMS, name, tell)
    key = KEYS[currency, start]
    [first] = {row['addresses'][0] for row in addresses.vectors('extended_keys')['derived'] if (row['key'], row['branch']) == (key, 0)}
    explorer.chain[first] = [Txn(txid(1), 2_600_000, received=(12_345,))]
    response = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': currency, 'address': key})
    assert response.status_code == 201, response.body
    assert not refresh_job(record({'ledger': hd_wallets.identify(currency, key).key.text}))
    [balance] = api.get(f'/api/portfolios/{portfolio}/addresses/1/balances').json_body['result']
    assert (balance['balance'], balance['transactions']) == ('0.00012345', 1)


def test_a_reorganisation_is_followed(explorer: Explorer, quick: str) -> None:
    assert run()
    explorer.chain[at(0, 4)] = [Txn(txid(9), 800_031, received=(700,))]
    explorer.chain[at(0, 2)] = []
    explorer.chain[at(1, 0)] = explorer.chain[at(1, 0)][1:]
    CLOCK.advance(3_000)
    assert run()
    assert_whole([(txid(9), 700, 0), *EXPECTED[2:]])


def test_with_nothing_new_no_transaction_is_read_or_written(explorer: Explorer, quick: str, requests_made: list[str]) -> None:
    assert run()
    CLOCK.advance(3_000)
    before = rows()
    reads: list[str] = []
    events = Ledger.connection().client.meta.events

    def note(params: Any, **_: Any) -> None:
        reads.append(json.dumps(params['body'] if isinstance(params['body'], str) else params['body'].decode()))

    events.register('before-call.dynamodb', note)
    try:
        assert run()
    finally:
        events.unregister('before-call.dynamodb', note)
    assert 'BatchWriteItem' not in requests_made[-len(reads) :]
    assert not [body for body in reads if 'ENTRY#' in body and PK in body]
    assert rows() == before
    assert_whole(EXPECTED)


def test_a_new_transaction_is_the_only_one_written(explorer: Explorer, quick: str) -> None:
    assert run()
    written = {item['sk']['S']: item for item in table() if item['pk']['S'] == PK and item['sk']['S'].startswith('ENTRY#')}
    explorer.chain[at(0, 0)].insert(0, Txn(txid(9), 800_040, received=(9,)))
    CLOCK.advance(3_000)
    assert run()
    assert_whole([(txid(9), 9, 0), *EXPECTED])
    now = {item['sk']['S']: item for item in table() if item['pk']['S'] == PK and item['sk']['S'].startswith('ENTRY#')}
    assert {sk: now[sk] for sk in written} == written


def test_each_address_is_asked_about_once_in_a_cycle(explorer: Explorer, quick: str) -> None:
    assert run()
    asked = [str(request) for request in explorer.requests if not request.path.endswith('/txs/chain')]
    assert len(asked) == len(set(asked)) == FEW


def test_two_people_with_one_key_cost_one_download(api: Api, other: Api, explorer: Explorer, quick: str) -> None:
    assert run()
    before = explorer.count()
    theirs = other.portfolio()
    address = other.address(theirs, ZPUB)
    answer = other.get(f'/api/portfolios/{theirs}/addresses/{address}/balances')
    assert (answer.status_code, answer.json_body['result'][0]['balance']) == (200, '0.00002627')
    assert run()
    assert explorer.count() == before


def test_an_address_that_somebody_watches_already_is_not_read_again(api: Api, other: Api, explorer: Explorer, quick: str) -> None:
    theirs = other.portfolio()
    other.address(theirs, FIRST)
    assert not refresh_job(record({'ledger': f'LEDGER#btc#{FIRST}'}))
    before = explorer.count(path=FIRST)
    assert run()
    assert explorer.count(path=FIRST) == before
    assert watchers(FIRST) == 2
    assert_whole(EXPECTED)


def test_who_shows_only_the_part_is_told_of_its_refresh_and_the_hd_wallet_is_not(api: Api, other: Api, quick: str) -> None:
    theirs = other.portfolio()
    address = other.address(theirs, FIRST)
    assert run()
    CLOCK.advance(3_000)
    assert not refresh_job(record({'ledger': f'LEDGER#btc#{FIRST}'}))
    assert other.get(f'/api/portfolios/{theirs}/addresses/{address}').json_body['result']['txns_last_updated'] is not None


def test_the_key_is_shown_in_part_and_can_be_given_once_in_a_portfolio(api: Api, quick: str, portfolio: int) -> None:
    assert api.get(quick).json_body['result']['address'] == SHOWN
    assert api.get(f'/api/portfolios/{portfolio}/addresses').json_body['result'][0]['address'] == SHOWN
    again = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': ZPUB})
    assert (again.status_code, again.json_body['fields'][0]['code']) == (422, 'duplicate_address')
    assert ZPUB not in again.body.decode()


def test_what_is_shown_of_a_key_can_be_sent_back_and_changes_nothing(api: Api, quick: str, portfolio: int) -> None:
    answer = api.patch(quick, {'address': SHOWN, 'title': 'New'})
    assert (answer.status_code, answer.json_body['result']['title']) == (200, 'New')
    assert watchers_of_hd_wallet() == 1
    assert api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': SHOWN}).status_code == 422


@pytest.mark.parametrize('name', ['private', 'test_networks'])
def test_other_keys_are_refused(api: Api, portfolio: int, name: str) -> None:
    keys = addresses.vectors('extended_keys')[name]
    for key in keys.values() if isinstance(keys, dict) else keys:
        answer = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': key})
        assert (answer.status_code, answer.json_body['fields'][0]['code']) == (422, 'invalid_address')
        assert key not in answer.body.decode()


def watchers_of_hd_wallet() -> int:
    return len(Watch.every(PK))


def _received_messages(queues: dict[str, str]) -> str:
    return json.dumps([refresh_queue(queues).bodies()])


@pytest.mark.usefixtures('few')
def test_the_key_is_nowhere_to_be_seen(
    api: Api, explorer: Explorer, portfolio: int, queues: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, 'chalicelib')
    explorer.chain = history(2)
    body = {'currency': 'btc', 'address': ZPUB}
    answers = [api.request('POST', f'/api/portfolios/{portfolio}/addresses', body, {'Idempotency-Key': 'once'}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json_body['result'] == answers[1].json_body['result']
    seen = _received_messages(queues)
    run(seconds=-1)
    explorer.fail(faults.down)
    assert not run()
    explorer.heal()
    CLOCK.advance(901)
    while hd_wallet().lease_owner or not hd_wallet().ready:
        CLOCK.advance(3_000)
        assert run()
    gets = [api.get(f'/api/portfolios/{portfolio}/addresses/1{below}') for below in ('', '/balances', '/transactions')]
    assert all(answer.status_code == 200 for answer in gets)
    seen += _received_messages(queues) + caplog.text + str(table()) + str(explorer.requests)
    seen += ' '.join(answer.body.decode() for answer in (*answers, *gets))
    assert 'wallet-' in seen
    for start in range(4, len(ZPUB) - 16):
        assert ZPUB[start : start + 16] not in seen


def test_the_stored_key_opens_with_its_own_ledger_alone(quick: str) -> None:
    kms = boto3.client('kms')
    secret = hd_wallet().secret
    opened = kms.decrypt(KeyId=settings().vault_key_id, CiphertextBlob=secret, EncryptionContext={'ledger': PK})
    assert opened['Plaintext'].decode() == ZPUB
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(KeyId=settings().vault_key_id, CiphertextBlob=secret, EncryptionContext={'ledger': PK + '0'})


def test_an_hd_wallet_goes_on_in_slices_and_is_not_ready_before_its_end(api: Api, quick: str, queues: dict[str, str]) -> None:
    refresh_queue(queues).bodies()
    run(seconds=-1)
    assert api.get(f'{quick}/balances').status_code == 503
    assert PK in {body['ledger'] for body in refresh_queue(queues).bodies()}
    slices = 1
    while not hd_wallet().ready:
        run(seconds=-1)
        slices += 1
    assert slices == FEW / 4
    assert_whole(EXPECTED)


def test_while_explorers_fail_an_hd_wallet_keeps_what_is_known_and_its_age(api: Api, explorer: Explorer, quick: str) -> None:
    assert run()
    CLOCK.advance(3_000)
    known = hd_wallet().updated_at
    explorer.fail(faults.down)
    assert not run()
    assert (hd_wallet().updated_at, hd_wallet().failures) == (known, 1)
    assert api.get(f'{quick}/balances').json_body['result'][0]['balance'] == '0.00002627'
    assert rows() == EXPECTED


def test_an_hd_wallet_is_as_old_as_the_oldest_of_its_parts(explorer: Explorer, quick: str) -> None:
    assert run()
    oldest = min(Ledger.find(f'LEDGER#btc#{part}').updated_at for part in parts())
    assert hd_wallet().updated_at == oldest


def test_a_part_that_somebody_else_is_reading_is_taken_as_it_is_known(explorer: Explorer, quick: str) -> None:
    assert run()
    CLOCK.advance(3_000)
    now = clock.now()
    assert Ledger.lease(f'LEDGER#btc#{FIRST}', owner='somebody', now=now, looked_at=None)
    explorer.chain[at(0, 1)].insert(0, Txn(txid(9), 800_040, received=(9,)))
    before = Ledger.find(f'LEDGER#btc#{FIRST}').updated_at
    run(seconds=0.005)
    while hd_wallet().derived.begun_at is not None:
        run(seconds=-1)
    assert hd_wallet().updated_at == before
    assert rows() == [(txid(9), 9, 0), *EXPECTED]


def test_what_a_part_lacks_the_hd_wallet_lacks(api: Api, explorer: Explorer, quick: str) -> None:
    explorer.unlisted = {RECEIVED}
    while not (Ledger.find(PK) and hd_wallet().ready):
        run()
        CLOCK.advance(20)
    assert hd_wallet().reason == 'transactions_missing'
    body = api.get(f'{quick}/balances').json_body
    assert (body['complete'], body['reason']) == (False, 'transactions_missing')


def test_a_row_of_a_part_that_cannot_be_read_is_one_of_the_hd_wallet(api: Api, explorer: Explorer, quick: str) -> None:
    def without_outputs(body: Any) -> None:
        for row in body if isinstance(body, list) else []:
            if row['txid'] == LATE:
                row['vout'] = None

    explorer.fail(faults.changed(without_outputs), 'blockstream')
    assert run()
    assert rows() == EXPECTED[1:]
    assert hd_wallet().gaps == [Gap('btc', 'transactions_unreadable', None, Decimal('0.00000777'))]
    body = api.get(f'{quick}/transactions').json_body
    assert (body['complete'], body['reason']) == (False, 'transactions_unreadable')
    assert ([row['reference'] for row in body['unreadable']], body['unreadable_count']) == ([LATE], 1)
    explorer.heal()
    CLOCK.advance(3_000)
    assert run()
    assert_whole(EXPECTED)
    assert hd_wallet().gaps == []
    assert 'unreadable' not in api.get(f'{quick}/transactions').json_body


def test_changes_of_the_past_are_noted_for_histories(explorer: Explorer, quick: str) -> None:
    assert run()
    noted = hd_wallet().changes
    CLOCK.advance(3_000)
    assert run()
    assert hd_wallet().changes == noted
    new = Txn(txid(9), 800_040, received=(9,))
    explorer.chain[at(0, 5)] = [new]
    CLOCK.advance(3_000)
    assert run()
    assert hd_wallet().changes.changed_since(noted.version) == new.time
    assert hd_wallet().newest_at == new.time


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize('to_hd_wallet', [True, False])
def test_an_address_can_become_an_hd_wallet_and_an_hd_wallet_an_address(
    api: Api, explorer: Explorer, portfolio: int, to_hd_wallet: bool
) -> None:
    explorer.chain = history(2)
    given, then = (FIRST, ZPUB) if to_hd_wallet else (ZPUB, FIRST)
    path = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, given)}'
    changed = api.patch(path, {'address': then})
    assert (changed.status_code, changed.json_body['result']['address']) == (200, SHOWN if to_hd_wallet else FIRST)
    assert not refresh_job(record({'ledger': PK if to_hd_wallet else f'LEDGER#btc#{FIRST}'}))
    assert api.get(f'{path}/balances').json_body['result'][0]['balance'] == ('0.00002627' if to_hd_wallet else '0.0')
    version = api.get(path).headers['ETag'].split('-')[0]
    assert api.patch(path, {'address': then}).headers['ETag'].split('-')[0] == version


def _settle(queues: dict[str, str]) -> None:
    """Deliver everything, time and again, until nothing is left to do."""
    for _ in range(3):
        CLOCK.advance(3_000)
        run_sweep()
        refresh_queue(queues).drain(200)


def _ledgers() -> list[str]:
    return sorted({item['pk']['S'] for item in table() if item['pk']['S'].startswith('LEDGER#')})


@pytest.mark.parametrize('how', ['address', 'portfolio', 'change'])
def test_an_hd_wallet_that_nobody_watches_any_more_goes_with_its_parts_and_its_key(
    api: Api, explorer: Explorer, quick: str, portfolio: int, queues: dict[str, str], how: str
) -> None:
    refresh_queue(queues).bodies()
    assert run()
    left = 'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte'
    if how == 'address':
        assert api.delete(quick).status_code == 200
    elif how == 'portfolio':
        assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200
        assert run_purge(api.user_id, portfolio)
    else:
        assert api.patch(quick, {'address': left}).status_code == 200
    _settle(queues)
    assert _ledgers() == ([f'LEDGER#btc#{left}'] if how == 'change' else [])


def test_the_hd_wallet_stays_while_somebody_else_has_it(api: Api, other: Api, quick: str, queues: dict[str, str]) -> None:
    other.address(other.portfolio(), ZPUB)
    assert run()
    api.delete(quick)
    _settle(queues)
    assert rows() == EXPECTED
    assert len(parts()) == FEW


def test_a_part_that_somebody_else_watches_stays_when_the_hd_wallet_goes(api: Api, other: Api, quick: str, queues: dict[str, str]) -> None:
    other.address(other.portfolio(), FIRST)
    assert run()
    api.delete(quick)
    _settle(queues)
    assert _ledgers() == [f'LEDGER#btc#{FIRST}']
    assert [watch.user_id for watch in Watch.every(f'LEDGER#btc#{FIRST}')] == [other.user_id]


def test_an_hd_wallet_added_again_while_it_is_deleted_is_whole_in_the_end(
    api: Api, explorer: Explorer, quick: str, portfolio: int, queues: dict[str, str]
) -> None:
    assert run()
    api.delete(quick)
    CLOCK.advance(3_000)
    assert not survives(run, 2)
    again = f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, ZPUB)}'
    _settle(queues)
    assert api.get(f'{again}/balances').status_code == 200
    assert_whole(EXPECTED)
    assert len(parts()) == FEW


@pytest.mark.parametrize('writes', range(1, 8))
def test_a_first_refresh_that_dies_anywhere_is_made_up_for(quick: str, writes: int) -> None:
    survives(run, writes)
    CLOCK.advance(3_000)
    assert run()
    assert_whole(EXPECTED)
    assert len(parts()) == FEW


@pytest.mark.parametrize('left', range(8))
def test_a_refresh_with_news_that_dies_while_it_merges_is_made_up_for(explorer: Explorer, quick: str, left: int) -> None:
    """Dies with `left` writes still to make. What a reorganisation undid is gone, what is new is there, once."""
    assert run()
    _change(explorer, 1)
    CLOCK.advance(3_000)
    total = _count_writes()
    _change(explorer, 2)
    CLOCK.advance(3_000)
    survives(run, total - left)
    CLOCK.advance(3_000)
    assert run()
    assert_whole([(txid(12), 700, 0), *EXPECTED[1:]])


def _change(explorer: Explorer, number: int) -> None:
    explorer.chain[at(0, 4)] = [Txn(txid(10 + number), 800_030 + number, received=(700,))]


def _count_writes() -> int:
    with killed_after(10**6) as made:
        assert run()
    return len(made)


def test_a_part_with_many_transactions_is_read_to_its_end(explorer: Explorer, quick: str) -> None:
    explorer.chain[at(0, 3)] = payments(260, first=1_000, first_height=700_000)
    assert run()
    assert len(rows()) == 264
    assert hd_wallet().incomplete is None
    assert [row.reference for row in Transaction.every(PK)][:4] == [LATE, MOVED, SPENT, RECEIVED]


def test_a_transaction_of_a_block_that_is_made_while_an_hd_wallet_is_read_has_it_read_again(
    api: Api, explorer: Explorer, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """It moves all from an address that was read before to one that is read after: for a moment both have it."""
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    monkeypatch.setattr('chalicelib.services.ledgers.hd_wallet._REFRESHED_AT_ONCE', 1)
    api.address(api.portfolio(), ZPUB)
    explorer.chain[at(0, 0)] = [Txn(RECEIVED, 800_000, received=(5_000,))]
    refresh_queue(queues).drain()
    CLOCK.advance(3_600)
    paid_on = {at(1, 1): [Txn(SPENT, 800_010, received=(4_900,), fee=100, at=CLOCK.now() + 5)]}

    def move(request: scripted_explorer.Request) -> None:
        if at(1, 1) in request.path or request.query.get('active') == at(1, 1):
            explorer.before = lambda request: None
            CLOCK.advance(10)
            explorer.chain |= paid_on
            explorer.chain[at(0, 0)] = [Txn(SPENT, 800_010, sent=(5_000,), fee=100, at=CLOCK.now() - 5), *explorer.chain[at(0, 0)]]

    explorer.before = move
    assert not refresh_job(record({'ledger': PK}))
    hd_wallet = Ledger.find(PK)
    assert hd_wallet is not None
    assert (hd_wallet.holdings[0].balance, hd_wallet.due_at) == (Decimal('0.000099'), CLOCK.now() + 10)
    CLOCK.advance(10)
    run_sweep()
    refresh_queue(queues).drain()
    hd_wallet = Ledger.find(PK)
    assert hd_wallet is not None
    assert (hd_wallet.holdings[0].balance, hd_wallet.due_at > CLOCK.now() + 60) == (Decimal('0.000049'), True)
