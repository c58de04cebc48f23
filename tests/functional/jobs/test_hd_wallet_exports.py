"""What HD wallets really export: xpubs of all kinds of accounts, keys of other levels, descriptors, and searches that reach further."""

import logging
from typing import Any

import pytest

from chalicelib import clock, vault
from chalicelib.config import settings
from chalicelib.domain import hd_wallets
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.jobs import histories
from chalicelib.models import Address, Ledger, Watch
from chalicelib.models.derived import Derived
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support import bip32
from tests.support.api import Api
from tests.support.bip32 import Node
from tests.support.clock import CLOCK
from tests.support.dynamodb import table
from tests.support.hd_wallets import LTUB, OTHER_XPUB, XPUB, YPUB, ZPUB, add, at, balance, chain_key, key, paid, read
from tests.support.jobs import Queue, record, refresh_job, refresh_queue, run_sweep

DESCRIPTOR = f'wpkh([73c5da0a/84h/0h/0h]{XPUB}/<0;1>/*)'
MULTISIG = f'wsh(sortedmulti(2,[73c5da0a/48h/0h/0h/2h]{XPUB}/<0;1>/*,{OTHER_XPUB}/<0;1>/*))'


@pytest.fixture(autouse=True)
def patient_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice of the job last as long as an HD wallet takes, on a slow machine too."""
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 3_600)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two unused addresses be the last where nobody says otherwise."""
    monkeypatch.setattr(hd_wallets, 'GAP', 2)


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


def shown(api: Api, path: str) -> dict[str, Any]:
    return dict(api.get(path).json_body['result'])


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize('kind', ['p2wpkh', 'p2sh-p2wpkh', 'p2tr', 'p2pkh'])
def test_an_xpub_shows_the_coins_of_an_account_of_any_kind(api: Api, explorer: Explorer, portfolio: int, kind: str) -> None:
    explorer.chain = {at(0, 0, kind): paid('0.5', 1), at(1, 0, kind): paid('0.25', 2)}
    path = add(api, portfolio, XPUB)
    assert shown(api, path)['script_types'] == []
    assert read(XPUB)
    assert balance(api, path) == '0.75'
    assert shown(api, path)['script_types'] == [kind]
    assert api.get(f'{path}/balances').json_body['complete'] is True


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize('spelling', [XPUB, YPUB, ZPUB, DESCRIPTOR])
def test_coins_of_several_kinds_are_all_counted_and_the_kinds_told(api: Api, explorer: Explorer, portfolio: int, spelling: str) -> None:
    explorer.chain = {
        at(0, 1, 'p2pkh'): paid('0.5', 1),
        at(0, 0): paid('0.25', 2),
        at(1, 1, 'p2tr'): paid('1', 3),
        at(0, 0, 'p2tr'): paid('2', 4),
    }
    path = add(api, portfolio, spelling)
    assert read(spelling)
    assert balance(api, path) == '3.75'
    assert sorted(shown(api, path)['script_types']) == ['p2pkh', 'p2tr', 'p2wpkh']


@pytest.mark.usefixtures('few')
def test_kinds_of_which_nothing_is_used_are_looked_at_once_a_day(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {at(0, 0): paid('0.5', 1)}
    path = add(api, portfolio, XPUB)
    assert read(XPUB)
    others = [at(0, index, kind) for kind in ('p2pkh', 'p2sh-p2wpkh', 'p2tr') for index in range(2)]
    before = [explorer.count(path=address) for address in others]
    CLOCK.advance(3_600)
    assert read(XPUB)
    assert [explorer.count(path=address) for address in others] == before
    explorer.chain[at(0, 1, 'p2tr')] = paid('1', 2)
    CLOCK.advance(86_400)
    assert read(XPUB)
    assert balance(api, path) == '1.5'


def test_what_is_used_beyond_twenty_unused_addresses_is_found_with_a_gap_limit(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {at(0, 0): paid('0.1', 1), at(0, 25): paid('1', 2)}
    path = add(api, portfolio, ZPUB)
    assert shown(api, path)['gap_limit'] == 20
    assert read(ZPUB)
    assert balance(api, path) == '0.1'
    asked = explorer.count(path=at(0, 0))
    changed = api.patch(path, {'gap_limit': 30})
    assert (changed.status_code, changed.json_body['result']['gap_limit']) == (200, 30)
    assert read(ZPUB)
    assert balance(api, path) == '1.1'
    assert explorer.count(path=at(0, 0)) == asked
    assert shown(api, path)['gap_limit'] == 30


@pytest.mark.usefixtures('few')
def test_the_widest_gap_limit_counts_however_many_watch(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {at(0, 0): paid('0.1', 1), at(0, 5): paid('1', 2)}
    path = add(api, portfolio, ZPUB, gap_limit='5')
    [watch] = Watch.every(hd_wallets.identify('btc', ZPUB).key.text)
    others = [Watch(watch.pk, f'WATCH#{number:03}#000001', user_id=f'{number:03}', portfolio_id=1, child_id=1) for number in range(150)]
    Watch.write_many(put=others)  # which stand before it
    assert read(ZPUB)
    assert balance(api, path) == '1.1'


@pytest.mark.usefixtures('few')
def test_an_hd_wallet_can_begin_with_a_gap_limit(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {at(0, 0): paid('0.1', 1), at(0, 5): paid('1', 2)}
    path = add(api, portfolio, ZPUB, gap_limit='5')
    assert shown(api, path)['gap_limit'] == 5
    assert read(ZPUB)
    assert balance(api, path) == '1.1'


@pytest.mark.usefixtures('few')
def test_people_with_one_key_share_what_the_widest_of_their_gap_limits_finds(
    api: Api, other: Api, explorer: Explorer, portfolio: int
) -> None:
    explorer.chain = {at(0, 0): paid('0.1', 1), at(0, 5): paid('1', 2), at(0, 9): paid('10', 3)}
    mine, theirs = add(api, portfolio, ZPUB), add(other, other.portfolio(), ZPUB, gap_limit=5)
    assert read(ZPUB)
    assert [balance(api, mine), balance(other, theirs)] == ['11.1', '11.1']
    assert [shown(api, mine)['gap_limit'], shown(other, theirs)['gap_limit']] == [2, 5]
    assert other.delete(theirs).status_code == 200
    CLOCK.advance(3_000)
    assert read(ZPUB)
    assert balance(api, mine) == '11.1'


@pytest.mark.parametrize('gap', [0, -1, 1_001, 2.5, '1001', 'x', True, None, [1, 2], '9' * 5_000])
def test_a_gap_limit_is_a_whole_number_up_to_a_thousand(api: Api, portfolio: int, gap: object) -> None:
    answer = api.post(f'/api/portfolios/{portfolio}/addresses', {'address': ZPUB, 'currency': 'btc', 'gap_limit': gap})
    assert (answer.status_code, [fault['field'] for fault in answer.json_body['fields']]) == (422, ['gap_limit'])
    assert answer.json_body['invalid'] == ['gap_limit must be a whole number from 1 to 1,000']


def test_a_plain_address_has_no_gap_limit(api: Api, portfolio: int) -> None:
    path = f'/api/portfolios/{portfolio}/addresses'
    answer = api.post(path, {'address': at(0, 0), 'currency': 'btc', 'gap_limit': 5})
    assert (answer.status_code, answer.json_body['fields'][0]['code']) == (422, 'wallets_only')
    plain = add(api, portfolio, at(0, 0))
    assert api.patch(plain, {'gap_limit': 5}).json_body['fields'][0]['code'] == 'wallets_only'
    assert 'gap_limit' not in shown(api, plain)
    assert api.patch(plain, {'address': ZPUB, 'gap_limit': 5}).json_body['result']['gap_limit'] == 5
    assert api.patch(plain, {'address': at(0, 1), 'gap_limit': 5}).status_code == 422
    moved = api.patch(plain, {'address': at(0, 1)})
    assert (moved.status_code, 'gap_limit' in moved.json_body['result']) == (200, False)


def test_if_match_guards_a_gap_limit(api: Api, portfolio: int) -> None:
    path = add(api, portfolio, ZPUB)
    tag = api.get(path).headers['ETag']
    assert api.request('PATCH', path, {'gap_limit': 3}, {'If-Match': tag}).status_code == 200
    assert api.request('PATCH', path, {'gap_limit': 4}, {'If-Match': tag}).status_code == 412


@pytest.mark.usefixtures('few')
def test_an_hd_wallet_of_too_many_addresses_says_that_it_is_not_whole(
    api: Api, explorer: Explorer, portfolio: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hd_wallets, 'MOST_DERIVED', 12)
    explorer.chain = {at(0, index): paid('1', index + 1) for index in range(6)}
    path = add(api, portfolio, ZPUB)
    assert read(ZPUB)
    body = api.get(f'{path}/balances').json_body
    assert (body['complete'], body['reason']) == (False, 'too_many_addresses')


@pytest.mark.parametrize('again', [XPUB, YPUB, ZPUB, DESCRIPTOR, f'[73c5da0a/84h/0h/0h]{XPUB}', f'tr({ZPUB}/<0;1>/*)'])
def test_the_same_key_in_another_spelling_is_the_same_hd_wallet(api: Api, other: Api, portfolio: int, again: str) -> None:
    add(api, portfolio, XPUB)
    answer = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': again})
    assert (answer.status_code, answer.json_body['fields'][0]['code']) == (422, 'duplicate_address')
    add(other, other.portfolio(), again)
    assert len(Watch.every(hd_wallets.identify('btc', XPUB).key.text)) == 2


def test_litecoins_own_spelling_is_the_same_hd_wallet(api: Api, portfolio: int) -> None:
    path = f'/api/portfolios/{portfolio}/addresses'
    assert api.post(path, {'currency': 'ltc', 'address': LTUB}).status_code == 201
    assert api.post(path, {'currency': 'ltc', 'address': XPUB}).json_body['fields'][0]['code'] == 'duplicate_address'
    assert api.post(path, {'currency': 'btc', 'address': XPUB}).status_code == 201


@pytest.mark.usefixtures('few')
def test_the_key_of_the_change_addresses_shows_those_alone(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {at(0, 0): paid('1', 1), at(1, 1): paid('0.5', 2)}
    path = add(api, portfolio, chain_key(1))
    assert read(chain_key(1))
    assert balance(api, path) == '0.5'
    assert shown(api, path)['script_types'] == ['p2wpkh']


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize('used', [True, False])
def test_the_key_of_a_whole_seed_is_whole_once_something_is_found_below_it(
    api: Api, explorer: Explorer, portfolio: int, used: bool
) -> None:
    master = bip32.encode_base58check(bytes.fromhex('0488b21e') + bytes(9) + bip32.decode_base58(XPUB)[13:78])
    explorer.chain = {at(0, 0, 'p2pkh'): paid('1', 1)} if used else {}
    path = add(api, portfolio, master)
    assert read(master)
    body = api.get(f'{path}/balances').json_body
    assert (body['complete'], body.get('reason')) == ((True, None) if used else (False, 'account_key_needed'))


@pytest.mark.usefixtures('few')
@pytest.mark.parametrize(
    ('text', 'kind'), [(MULTISIG, 'p2wsh'), (MULTISIG.replace('wsh(sorted', 'sh(sorted'), 'p2sh'), (f'sh({MULTISIG})', 'p2sh-p2wsh')]
)
def test_an_hd_wallet_of_several_keys_is_read_from_its_descriptor(
    api: Api, explorer: Explorer, portfolio: int, text: str, kind: str
) -> None:
    def paying(branch: int, index: int) -> str:
        script = bip32.multisig(2, sorted([key(branch, index), Node.of(OTHER_XPUB).below(branch, index).key]))
        address = {
            'p2wsh': bip32.p2wsh(script),
            'p2sh': bip32.p2sh(script),
            'p2sh-p2wsh': bip32.p2sh(b'\x00\x20' + bip32.sha256(script)),
        }
        return address[kind]

    explorer.chain = {paying(0, 1): paid('1', 1), paying(1, 0): paid('0.25', 2)}
    path = add(api, portfolio, text)
    assert read(text)
    assert balance(api, path) == '1.25'
    assert shown(api, path)['script_types'] == [kind]


def test_the_descriptor_of_a_single_address_is_that_address(api: Api, portfolio: int) -> None:
    path = add(api, portfolio, f'wpkh([73c5da0a/84h/0h/0h]{XPUB}/0/7)')
    assert shown(api, path)['address'] == at(0, 7)
    assert 'gap_limit' not in shown(api, path)


@pytest.mark.usefixtures('few')
def test_a_descriptor_is_nowhere_to_be_seen(
    api: Api, explorer: Explorer, portfolio: int, queues: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, 'chalicelib')
    explorer.chain = {at(0, 0): paid('0.5', 1)}
    body = {'currency': 'btc', 'address': MULTISIG, 'gap_limit': 3}
    answers = [api.request('POST', f'/api/portfolios/{portfolio}/addresses', body, {'Idempotency-Key': 'once'}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    short = [f'{text[:12]}…{text[-8:]}/<0;1>/*' for text in (XPUB, OTHER_XPUB)]
    assert answers[0].json_body['result']['address'] == f'wsh(sortedmulti(2,{short[0]},{short[1]}))'
    seen = str(refresh_queue(queues).bodies())
    assert read(MULTISIG)
    answers += [api.get(f'/api/portfolios/{portfolio}/addresses/1{below}') for below in ('', '/balances', '/transactions')]
    answers += [api.patch(f'/api/portfolios/{portfolio}/addresses/1', {'address': answers[0].json_body['result']['address']})]
    assert answers[-1].status_code == 200
    bad = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': MULTISIG + '#qqqqqqqq'})
    assert bad.json_body['invalid'] == ['The checksum of this descriptor is wrong: copy it again, a character may be wrong or missing']
    seen += caplog.text + str(table()) + str(explorer.requests) + ' '.join(answer.body.decode() for answer in (*answers, bad))
    assert 'wallet-' in seen
    for text in (XPUB, OTHER_XPUB):
        for start in range(4, len(text) - 16):
            assert text[start : start + 16] not in seen


@pytest.fixture
def former(api: Api, explorer: Explorer, few: None, portfolio: int) -> str:
    """The path of an HD wallet as earlier releases stored it: named after its spelling, two branches derived and merged."""
    explorer.chain = {at(0, 0): paid('0.5', 1), at(1, 1): paid('0.25', 2), at(0, 1, 'p2tr'): paid('4', 3)}
    path = add(api, portfolio, at(0, 3))
    name = HdWalletKey.of_secret('btc', ZPUB)
    [item] = Address.page(api.user_id, portfolio, after=0, limit=9)
    Watch.of(item).delete()
    Ledger.at(f'LEDGER#btc#{at(0, 3)}').delete()
    item.hd_wallet, item.address = name.name, f'{ZPUB[:12]}…{ZPUB[-8:]}'
    item.save()
    watch = Watch.of(item)
    watch.save()
    secret = vault.encrypt(ZPUB, vault.ledger_context(name.text))
    write = Ledger.make_due(name.text, clock.now(), secret=secret)
    write.item.update(list(write.actions))
    progress = Derived(receiving=3, change=4, merged='old')
    Ledger.at(name.text).update([Ledger.derived.set(progress), Ledger.updated_at.set(1)])
    for branch, count in ((0, 3), (1, 4)):
        for index in range(count):
            pk = f'LEDGER#btc#{at(branch, index)}'
            Watch.of_hd_wallet(pk, name).save()
            made = Ledger.make_due(pk, clock.now())
            made.item.update(list(made.actions))
    return path


def test_an_hd_wallet_of_an_earlier_release_goes_on_and_finds_all_kinds(api: Api, former: str) -> None:
    name = HdWalletKey.of_secret('btc', ZPUB)
    assert not refresh_job(record({'ledger': name.text}))
    assert balance(api, former) == '4.75'
    assert shown(api, former)['script_types'] == ['p2wpkh', 'p2tr']


def test_histories_with_an_hd_wallet_of_an_earlier_release_are_computed_anew_once(
    api: Api, former: str, portfolio: int, queues: dict[str, str]
) -> None:
    """They may have counted an address twice that both the HD wallet and the portfolio have."""
    name = HdWalletKey.of_secret('btc', ZPUB)
    assert not refresh_job(record({'ledger': name.text}))
    known = Ledger.find(name.text)
    assert known is not None
    Ledger.at(name.text).update([Ledger.derived.set(Derived(receiving=3, change=4, merged=known.derived.merged))])
    history_queue = Queue(queues[settings().history_queue], histories.refresh_histories)
    told = []
    for _ in range(2):
        history_queue.bodies()
        CLOCK.advance(3_000)
        assert not refresh_job(record({'ledger': name.text}))
        told.append(history_queue.bodies())
    assert told == [[{'user_id': api.user_id, 'portfolio_id': portfolio}], []]
    assert balance(api, former) == '4.75'


def test_an_hd_wallet_of_an_earlier_release_is_the_same_hd_wallet_in_every_spelling(api: Api, former: str, portfolio: int) -> None:
    for again in (XPUB, ZPUB, DESCRIPTOR):
        answer = api.post(f'/api/portfolios/{portfolio}/addresses', {'currency': 'btc', 'address': again})
        assert (answer.status_code, answer.json_body['fields'][0]['code']) == (422, 'duplicate_address')
        assert api.patch(former, {'address': again}).status_code == 200
    assert len(Watch.every(HdWalletKey.of_secret('btc', ZPUB).text)) == 1


def test_an_hd_wallet_of_an_earlier_release_goes_with_all_its_parts(api: Api, former: str, queues: dict[str, str]) -> None:
    refresh_queue(queues).bodies()
    assert api.delete(former).status_code == 200
    for _ in range(3):
        CLOCK.advance(3_000)
        run_sweep()
        refresh_queue(queues).drain(200)
    assert [item['pk']['S'] for item in table() if item['pk']['S'].startswith('LEDGER#')] == []
