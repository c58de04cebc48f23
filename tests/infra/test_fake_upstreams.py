"""The sample upstream, asked over HTTP as a program asks an explorer."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from embit import base58, bech32, script

from infra.fake_upstreams import bitcoin_chain
from infra.fake_upstreams.http_server import serving
from infra.fake_upstreams.sample import ADDRESSES, respond
from tests.support.processes import PATIENCE_SECONDS
from tests.support.recordings import recorded

EARLY, BUSY = ADDRESSES
UNUSED = (
    'bc1qflkdcthrgkvjlwas5sm64zx87ft2acspa58fql',
    '16JpfjD6Fxe7MCT3n13zLjLgrHht4q6Ftr',
    'bc1q3fmt4g78mfqskzjaxdculnmums0kld03wd4mulky6hr0854ye8hsuxqfu6',
    'BC1QFLKDCTHRGKVJLWAS5SM64ZX87FT2ACSPA58FQL',
    # Valid in BIP-350: versions 16 and 2.
    'BC1SW50QGDZ25J',
    'bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs',
)
BAD = (
    'notanaddress',
    EARLY[:-1] + 'v',
    '1' + EARLY,
    BUSY[:-1] + 'f',
    BUSY[:-1] + BUSY[-1].upper(),
    'bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4',
    'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdt',
    'tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx',
    # Invalid in BIP-350: checksum of the other kind, program too short, program of a wrong length, version 17, bad padding.
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd',
    'bc1pw5dgrnzv',
    'BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P',
    'BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R',
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf',
    'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn',
    'bc1',
)
COINBASE = '63522845d294ee9b0188ae5cac91bf389a0c3723f084ca1025e7d9cdfe481ce1'


@pytest.fixture(scope='module')
def upstream():
    with serving(respond) as url:
        yield url


def get_text(url):
    """Status, content type and body, whatever the status."""
    try:
        with urlopen(url, timeout=PATIENCE_SECONDS) as response:
            return response.status, response.headers['Content-Type'], response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers['Content-Type'], error.read().decode()


def get(url) -> Any:
    status, content_type, body = get_text(url)
    assert (status, content_type) == (200, 'application/json'), body
    return json.loads(body)


def page_through_esplora(upstream, address):
    pages = [get(f'{upstream}/blockstream/address/{address}/txs/chain')]
    while pages[-1] and len(pages) < 12:
        pages.append(get(f'{upstream}/blockstream/address/{address}/txs/chain/{pages[-1][-1]["txid"]}'))
    return pages


def page_through_multiaddr(upstream, address, size):
    pages = []
    while not pages or (pages[-1] and len(pages) < 12):
        offset = size * len(pages)
        pages.append(get(f'{upstream}/blockchain_info/multiaddr?active={address}&n={size}&offset={offset}')['txs'])
    return pages


def flatten(pages):
    return [transaction for page in pages for transaction in page]


def esplora_delta(transaction, address):
    received = sum(output['value'] for output in transaction['vout'] if output.get('scriptpubkey_address') == address)
    spent = [coin['prevout'] for coin in transaction['vin'] if coin['prevout']]
    return received - sum(output['value'] for output in spent if output.get('scriptpubkey_address') == address)


def blockchain_info_delta(transaction, address):
    received = sum(output['value'] for output in transaction['out'] if output.get('addr') == address)
    return received - sum(coin['prev_out']['value'] for coin in transaction['inputs'] if coin['prev_out'].get('addr') == address)


def test_esplora_leaves_out_what_was_paid_to_the_public_key_of_the_early_address(upstream):
    stats = get(f'{upstream}/blockstream/address/{EARLY}')['chain_stats']
    assert stats == {'funded_txo_count': 2, 'funded_txo_sum': 501_000, 'spent_txo_count': 0, 'spent_txo_sum': 0, 'tx_count': 2}
    assert [(t['txid'], t['status']['block_time'], esplora_delta(t, EARLY)) for t in get(f'{upstream}/mempool/address/{EARLY}/txs')] == [
        ('06d7d63d6c1966a378bbbd234a27a5b583f37d3bdf9fb9ef50f4724c86b4559b', 1_462_227_851, 500_000),
        ('b565336983c6139e2fd4d5bdd127d7a8b94e9d2dba084a97c002871766a079f3', 1_437_559_971, 1_000),
    ]


def test_blockchain_info_counts_what_was_paid_to_the_public_key_of_the_early_address(upstream):
    answer = get(f'{upstream}/blockchain_info/multiaddr?active={EARLY}&n=100&offset=0')
    totals = {'final_balance': 5_000_501_000, 'n_tx': 3, 'total_received': 5_000_501_000, 'total_sent': 0}
    assert answer['addresses'] == [{'address': EARLY, **totals}]
    assert answer['wallet'] == {**totals, 'n_tx_filtered': 3}
    assert [(t['hash'][:8], t['time'], t['result'], t['balance']) for t in answer['txs']] == [
        ('06d7d63d', 1_462_227_851, 500_000, 5_000_501_000),
        ('b5653369', 1_437_559_971, 1_000, 5_000_001_000),
        ('63522845', 1_231_471_428, 5_000_000_000, 5_000_000_000),
    ]


def test_the_coinbase_on_esplora_spends_nothing_and_names_no_address(upstream):
    coinbase = get(f'{upstream}/blockstream/tx/{COINBASE}')
    assert (coinbase['vin'][0]['is_coinbase'], coinbase['vin'][0]['prevout'], coinbase['fee']) == (True, None, 0)
    assert coinbase['vout'][0]['scriptpubkey_type'] == 'p2pk'
    assert 'scriptpubkey_address' not in coinbase['vout'][0]


def test_the_coinbase_on_blockchain_info_spends_an_output_without_value_or_address(upstream):
    coinbase = get(f'{upstream}/blockchain_info/rawaddr/{EARLY}')['txs'][-1]
    assert coinbase['inputs'][0]['prev_out']['value'] == 0
    assert 'addr' not in coinbase['inputs'][0]['prev_out']
    assert (coinbase['out'][0]['addr'], coinbase['fee']) == (EARLY, 0)


def test_the_coinbase_hashes_to_its_public_transaction_id(upstream):
    coinbase = get(f'{upstream}/blockstream/tx/{COINBASE}')
    unlocking, paid = bytes.fromhex(coinbase['vin'][0]['scriptsig']), coinbase['vout'][0]
    raw = bytes.fromhex('01000000' + '01' + '00' * 32 + 'ffffffff') + bytes([len(unlocking)]) + unlocking + bytes.fromhex('ffffffff' + '01')
    raw += paid['value'].to_bytes(8, 'little') + bytes([len(paid['scriptpubkey']) // 2]) + bytes.fromhex(paid['scriptpubkey'] + '00000000')
    assert hashlib.sha256(hashlib.sha256(raw).digest()).digest()[::-1].hex() == COINBASE
    assert coinbase['size'] == len(raw)


def test_the_public_key_of_the_coinbase_belongs_to_the_early_address():
    digest = hashlib.new('ripemd160', hashlib.sha256(bitcoin_chain.COINBASE_PUBLIC_KEY).digest()).digest()
    assert base58.encode_check(b'\0' + digest) == EARLY


def test_the_busy_address_pays_to_its_made_up_program():
    assert bech32.encode('bc', 0, bytes.fromhex('0fbee6f9b74590101318815320830dc49b900673')) == BUSY


@pytest.mark.parametrize('address', [*ADDRESSES, *bitcoin_chain.PARTIES])
def test_an_address_pays_to_the_script_that_another_library_derives(address):
    assert bitcoin_chain.script_of(address) == script.address_to_scriptpubkey(address).data


def test_esplora_pages_are_of_25_newest_first_and_end_with_an_empty_one(upstream):
    pages = page_through_esplora(upstream, BUSY)
    assert [len(page) for page in pages] == [25, 25, 10, 0]
    heights = [transaction['status']['block_height'] for transaction in flatten(pages)]
    assert heights == sorted(heights, reverse=True)
    assert pages[0] == get(f'{upstream}/blockstream/address/{BUSY}/txs') == get(f'{upstream}/blockstream/address/{BUSY}/txs/chain/')


def test_pages_end_inside_a_block(upstream):
    first, second, third, _ = page_through_esplora(upstream, BUSY)
    assert first[-1]['status'] == second[0]['status']
    assert second[-1]['status'] == third[0]['status']


@pytest.mark.parametrize(('size', 'lengths'), [(50, [50, 10, 0]), (7, [7] * 8 + [4, 0]), (100, [60, 0])])
def test_multiaddr_pages_by_offset(upstream, size, lengths):
    assert [len(page) for page in page_through_multiaddr(upstream, BUSY, size)] == lengths


def test_rawaddr_gives_at_most_50_a_page(upstream):
    pages = [get(f'{upstream}/blockchain_info/rawaddr/{BUSY}?limit=99&offset={offset}')['txs'] for offset in (0, 50, 60)]
    assert [len(page) for page in pages] == [50, 10, 0]
    assert [t['hash'] for t in flatten(pages)] == [t['hash'] for t in flatten(page_through_multiaddr(upstream, BUSY, 50))]


def test_both_apis_tell_the_same_ids_deltas_and_fees(upstream):
    esplora = flatten(page_through_esplora(upstream, BUSY))
    blockchain_info = flatten(page_through_multiaddr(upstream, BUSY, 50))
    told = [(t['txid'], esplora_delta(t, BUSY), t['fee'], t['status']['block_time']) for t in esplora]
    assert told == [(t['hash'], t['result'], t['fee'], t['time']) for t in blockchain_info]
    assert len(set(told)) == 60


def test_the_deltas_sum_to_a_positive_balance_on_both_apis(upstream):
    stats = get(f'{upstream}/mempool/address/{BUSY}')['chain_stats']
    totals = get(f'{upstream}/blockchain_info/multiaddr?active={BUSY}')['addresses'][0]
    balance = sum(esplora_delta(t, BUSY) for t in flatten(page_through_esplora(upstream, BUSY)))
    assert balance == stats['funded_txo_sum'] - stats['spent_txo_sum'] == totals['final_balance'] > 0
    assert (stats['funded_txo_sum'], stats['spent_txo_sum']) == (totals['total_received'], totals['total_sent'])
    assert stats['tx_count'] == totals['n_tx'] == 60


def test_the_result_of_blockchain_info_is_what_its_inputs_and_outputs_say(upstream):
    for transaction in flatten(page_through_multiaddr(upstream, BUSY, 50)):
        assert transaction['result'] == blockchain_info_delta(transaction, BUSY)


def test_the_running_balance_of_blockchain_info_is_the_sum_of_the_results_so_far(upstream):
    balance = 0
    for transaction in reversed(flatten(page_through_multiaddr(upstream, BUSY, 7))):
        balance += transaction['result']
        assert transaction['balance'] == balance >= 0


def test_multiaddr_leaves_out_what_an_incoming_transaction_pays_to_others(upstream):
    for transaction in get(f'{upstream}/blockchain_info/multiaddr?active={BUSY}&n=100')['txs']:
        incoming = all(coin['prev_out']['addr'] != BUSY for coin in transaction['inputs'])
        own = [output for output in transaction['out'] if output['addr'] == BUSY]
        assert len(transaction['out']) == (len(own) if incoming else transaction['vout_sz'])


def test_rawaddr_lists_every_output(upstream):
    for transaction in get(f'{upstream}/blockchain_info/rawaddr/{BUSY}')['txs']:
        assert len(transaction['out']) == transaction['vout_sz']


def test_every_coin_spent_was_received_before_and_is_spent_once(upstream):
    unspent: dict[tuple[str, int], int] = {}
    for transaction in reversed(flatten(page_through_esplora(upstream, BUSY))):
        for coin in transaction['vin']:
            if coin['prevout']['scriptpubkey_address'] == BUSY:
                assert unspent.pop((coin['txid'], coin['vout'])) == coin['prevout']['value']
        for number, output in enumerate(transaction['vout']):
            if output['scriptpubkey_address'] == BUSY:
                unspent[transaction['txid'], number] = output['value']
    answer = get(f'{upstream}/blockchain_info/rawaddr/{BUSY}')
    assert (sum(unspent.values()), len(unspent)) == (answer['final_balance'], answer['n_unredeemed'])


def test_blockchain_info_calls_spent_exactly_the_outputs_that_a_later_transaction_spends(upstream):
    transactions = [t for offset in (0, 50) for t in get(f'{upstream}/blockchain_info/rawaddr/{BUSY}?offset={offset}')['txs']]
    spent = {(coin['prev_out']['tx_index'], coin['prev_out']['n']) for t in transactions for coin in t['inputs']}
    for output in (output for t in transactions for output in t['out']):
        assert output['spent'] is bool(output['spending_outpoints']) is ((output['tx_index'], output['n']) in spent)


def test_the_fee_is_what_the_inputs_hold_beyond_the_outputs(upstream):
    for transaction in flatten(page_through_esplora(upstream, BUSY)):
        held = sum(coin['prevout']['value'] for coin in transaction['vin'])
        assert transaction['fee'] == held - sum(output['value'] for output in transaction['vout']) > 0
        assert all(output['value'] > 546 for output in transaction['vout'])


def test_the_busy_address_shows_every_kind_of_transaction(upstream):
    kinds = set()
    for transaction in flatten(page_through_esplora(upstream, BUSY)):
        inputs = [coin['prevout']['scriptpubkey_address'] == BUSY for coin in transaction['vin']]
        outputs = [output['scriptpubkey_address'] == BUSY for output in transaction['vout']]
        kinds.add((tuple(inputs), tuple(outputs)))
    assert kinds == {
        ((False,), (True, False)),
        ((True,), (False, True)),
        ((True, True, True), (True, False)),
        ((True,), (True, True)),
        ((True, False), (False,)),
    }


def test_nothing_is_unconfirmed(upstream):
    assert get(f'{upstream}/blockstream/address/{BUSY}/txs/mempool') == []


def test_a_history_past_a_transaction_it_does_not_hold_is_empty(upstream):
    assert get(f'{upstream}/blockstream/address/{BUSY}/txs/chain/{"0" * 64}') == []


def test_a_listed_transaction_is_the_one_found_by_its_id(upstream):
    listed = get(f'{upstream}/mempool/address/{BUSY}/txs')[7]
    assert get(f'{upstream}/mempool/tx/{listed["txid"]}') == listed


def test_both_apis_stand_at_the_same_height_above_every_transaction(upstream):
    status, content_type, body = get_text(f'{upstream}/blockstream/blocks/tip/height')
    assert (status, content_type) == (200, 'text/plain')
    answer = get(f'{upstream}/blockchain_info/multiaddr?active={BUSY}')
    assert int(body) == answer['info']['latest_block']['height'] > answer['txs'][0]['block_height']
    assert answer['info']['latest_block']['time'] > answer['txs'][0]['time']


@pytest.mark.parametrize('address', [*UNUSED, *bitcoin_chain.PARTIES])
def test_a_valid_unused_address_has_zeros_and_no_transactions(upstream, address):
    nothing = {'funded_txo_count': 0, 'funded_txo_sum': 0, 'spent_txo_count': 0, 'spent_txo_sum': 0, 'tx_count': 0}
    assert get(f'{upstream}/blockstream/address/{address}') == {'address': address, 'chain_stats': nothing, 'mempool_stats': nothing}
    assert get(f'{upstream}/blockstream/address/{address}/txs/chain') == []
    answer = get(f'{upstream}/blockchain_info/multiaddr?active={address}')
    assert answer['addresses'] == [{'address': address, 'final_balance': 0, 'n_tx': 0, 'total_received': 0, 'total_sent': 0}]
    assert answer['txs'] == []


@pytest.mark.parametrize('address', BAD)
def test_esplora_refuses_what_is_no_mainnet_address_in_plain_text(upstream, address):
    for path in (address, f'{address}/txs/chain'):
        assert get_text(f'{upstream}/blockstream/address/{path}') == (400, 'text/plain', 'Invalid Bitcoin address')


@pytest.mark.parametrize('address', [*BAD, '', f'{EARLY}|{BUSY}'])
def test_blockchain_info_refuses_what_is_no_mainnet_address_with_an_error_code(upstream, address):
    status, _, body = get_text(f'{upstream}/blockchain_info/multiaddr?active={address}')
    assert (status, json.loads(body)['error']) == (400, 'not-found-or-invalid-arg')


@pytest.mark.parametrize('query', ['n=-1', 'n=many', 'offset=-5', 'offset=1.5'])
def test_blockchain_info_refuses_a_page_that_is_no_number(upstream, query):
    assert get_text(f'{upstream}/blockchain_info/multiaddr?active={BUSY}&{query}')[0] == 400


@pytest.mark.parametrize(
    ('path', 'status', 'body'),
    [
        ('/', 404, 'no such upstream'),
        ('/nosuch/blocks/tip/height', 404, 'no such upstream'),
        ('/blockstream', 404, 'endpoint does not exist'),
        (f'/blockstream/address/{BUSY}/utxo', 404, 'endpoint does not exist'),
        ('/blockstream/tx/12', 400, 'Invalid hex string'),
        (f'/blockstream/tx/{"0" * 64}', 404, 'Transaction not found'),
        ('/blockchain_info/latestblock', 404, 'Not Found'),
    ],
)
def test_what_is_not_served_is_refused_in_plain_text(upstream, path, status, body):
    assert get_text(upstream + path) == (status, 'text/plain', body)


def test_requests_are_not_logged(upstream, capfd):
    get(f'{upstream}/blockstream/address/{BUSY}')
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_answers_slowly_when_told_to_and_ends_on_a_signal(number):
    root = Path(__file__).parents[2]
    command = [sys.executable, '-m', 'infra.fake_upstreams', '--delay', '0.2']
    with subprocess.Popen(command, cwd=root, env={**os.environ, 'PYTHONPATH': str(root)}, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = line.removeprefix('sample upstream at ').strip()
            assert line == f'sample upstream at {url}\n'
            started = time.monotonic()
            assert get_text(f'{url}/mempool/blocks/tip/height')[0] == 200
            assert time.monotonic() - started >= 0.2
        finally:
            process.send_signal(number)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0


def shape(value):
    """The types below the given value, key by key; the union of them in a list."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        merged: dict[str, Any] = {}
        for inner in value:
            if not isinstance(inner, dict):
                return list
            merged |= shape(inner)
        return [merged]
    return type(value)


def contains(whole, part):
    """Whether every key of `part` is in `whole` with the same types."""
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], inner) for key, inner in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return contains(whole[0], part[0])
    return whole == part


def test_an_esplora_transaction_has_no_field_or_type_that_the_real_one_lacks(upstream):
    real = recorded('esplora/blockstream_txs_chain_bc1qw508d6_page1.json')
    assert contains(shape(real), shape(get(f'{upstream}/blockstream/address/{BUSY}/txs/chain')))


def test_esplora_statistics_have_the_fields_and_types_of_the_real_ones(upstream):
    real = recorded('esplora/blockstream_address_1XPTgDRh_pizza.json')
    assert shape(real) == shape(get(f'{upstream}/blockstream/address/{BUSY}'))


def test_multiaddr_has_no_field_or_type_that_the_real_one_lacks(upstream):
    real = recorded('blockchain_info/multiaddr_bc1qw508d6_n100.json')
    assert contains(shape(real), shape(get(f'{upstream}/blockchain_info/multiaddr?active={BUSY}&n=100')))
