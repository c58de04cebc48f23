"""Whole blocks, told by every explorer that tells them: whose outputs they create and spend is the same at each, and by our rules."""

import json
from collections.abc import Iterator

import pytest
from embit import base58

from chalicelib.config import settings
from chalicelib.domain.chains import CHAINS
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import EXPLORERS, TellsBlocks, tellers_of_blocks
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.bitcoin_chain import EARLY_ADDRESS, script_of
from infra.fake_upstreams.coins import ADDRESSES, STRANGERS
from infra.fake_upstreams.http_server import Request
from tests.support import block_chain
from tests.support.block_chain import MINER, PAGE, BlockChain, Payment
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT
from tests.support.one_chain import STRANGER, Output
from tests.support.upstreams import http, upstreams_at

SCRIPT_HASH = '3QHkmg5hHQjjLhZb7qVpHKRncu8MkY7vB9'
CASES = [(coin, explorer) for coin in CHAINS for explorer in EXPLORERS[coin] if isinstance(explorer, TellsBlocks)]
each_teller = pytest.mark.parametrize(('coin', 'teller'), CASES, ids=[f'{coin}-{teller.endpoint.key}' for coin, teller in CASES])
FORMS = {'btc': (LEGACY, SCRIPT_HASH, SEGWIT, TAPROOT)} | {coin: (ADDRESSES[coin], STRANGERS[coin]) for coin in ADDRESSES}


@pytest.fixture(scope='module')
def server() -> Iterator[BlockChain]:
    with block_chain.serving() as server:
        yield server


@pytest.fixture
def chain(server: BlockChain) -> Iterator[BlockChain]:
    server.reset()
    own = {f'UPSTREAM_BLOCKBOOK_{coin.upper()}_URL': f'{server.url}/blockbook_{coin}' for coin in ADDRESSES}
    with upstreams_at(server.url, **own):
        yield server


def test_which_explorers_tell_blocks() -> None:
    keys = {(coin, teller.endpoint.key) for coin, teller in CASES}
    esplora = {('btc', 'blockstream'), ('btc', 'mempool'), ('ltc', 'litecoinspace')}
    haskoin = {('bch', 'haskoin'), ('bch', 'blockchain_info_bch')}
    assert keys == {*esplora, *haskoin, ('btc', 'blockchain_info'), *((coin, f'blockbook_{coin}') for coin in ADDRESSES)}


def test_no_public_server_is_asked_for_blocks_of_bitcoin_25_transactions_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [teller.endpoint.key for teller in tellers_of_blocks('btc')] == ['blockchain_info']
    assert [teller.endpoint.key for teller in tellers_of_blocks('ltc')] == ['litecoinspace']
    assert tellers_of_blocks('doge') == []
    assert tellers_of_blocks('xrp') == []
    monkeypatch.setenv('UPSTREAM_MEMPOOL_URL', 'http://127.0.0.1:1')
    monkeypatch.setenv('UPSTREAM_BLOCKBOOK_DOGE_URL', 'http://127.0.0.1:1')
    settings.cache_clear()
    own, doge = [teller.endpoint.key for teller in tellers_of_blocks('btc')], tellers_of_blocks('doge')
    settings.cache_clear()
    assert (own, len(doge)) == (['mempool', 'blockchain_info'], 1)


@each_teller
def test_a_block_is_told_with_whose_outputs_it_makes_and_spends(chain: BlockChain, coin: str, teller: TellsBlocks) -> None:
    first, second = FORMS[coin][0], FORMS[coin][1]
    before = chain.main[-1]
    mined = chain.mine(Payment(to=(first, 'other')), Payment(by=(second, STRANGER)), *[Payment()] * (2 * PAGE))
    assert teller.tip(http()) == mined.hash
    block = teller.block(http(), mined.hash)
    assert (block.height, block.hash, block.parent) == (mined.height, mined.hash, before.hash)
    assert block.addresses == {first, 'other', second, STRANGER, MINER}


@each_teller
def test_addresses_of_every_form_are_told(chain: BlockChain, coin: str, teller: TellsBlocks) -> None:
    mined = chain.mine(outputs=[Output('p2pkh', (address,), 1) for address in FORMS[coin]])
    addresses = teller.block(http(), mined.hash).addresses
    assert addresses >= set(FORMS[coin])
    assert {CHAINS[coin].normalise(address) for address in FORMS[coin]} <= addresses  # spelled as ledgers are


@each_teller
def test_a_bare_key_is_that_of_its_address_and_no_other_bare_script_is_anybodys(chain: BlockChain, coin: str, teller: TellsBlocks) -> None:
    shared = Output('multisig', ('one', 'two'), 5), Output('multisig', ('alone',), 5), Output('data', (), 0)
    mined = chain.mine(outputs=[Output('p2pk', (EARLY_ADDRESS,), 50), *shared])
    # Esplora tells the script alone, so that the address is ours to make: of the hash that Bitcoin's address has, by Litecoin's version.
    litecoins = base58.encode_check(b'\x30' + script_of(EARLY_ADDRESS)[3:23])
    owner = litecoins if teller.endpoint.key == 'litecoinspace' else EARLY_ADDRESS
    assert teller.block(http(), mined.hash).addresses == {owner, STRANGER, MINER}


@each_teller
def test_the_hash_at_a_height_is_that_of_the_main_chain(chain: BlockChain, coin: str, teller: TellsBlocks) -> None:
    chain.mine(Payment())
    [orphan] = chain.undo(1)
    mined = chain.mine(Payment())
    assert mined.height == orphan.height
    assert teller.hash_at(http(), mined.height) == mined.hash != orphan.hash
    assert teller.hash_at(http(), mined.height + 1) is None


@each_teller
def test_a_block_one_page_of_which_fails_is_not_told(chain: BlockChain, coin: str, teller: TellsBlocks) -> None:
    mined = chain.mine(*[Payment(to=('someone',), by=('payer',))] * (2 * PAGE))
    paged = teller.endpoint.key.startswith('blockbook') or teller.endpoint.key in ('blockstream', 'mempool', 'litecoinspace')

    def broken(request: Request) -> Answer | None:
        is_second = request.query.get('page') == '2' or request.path[-1] == str(PAGE)
        return Answer(500, '') if is_second or (not paged and mined.hash in request.url) else None

    chain.before = broken
    with pytest.raises(Upstream, match='returned 500'):
        teller.block(http(), mined.hash)


SHORT = {
    'blockbook_ltc': lambda body: body.update(txs=body['txs'][:-1]),
    'blockchain_info': lambda body: body.update(tx=body['tx'][:-1]),
    'haskoin': lambda body: body.update(tx=[*body['tx'], 'ab' * 32]) if isinstance(body, dict) else None,
    'litecoinspace': lambda body: body.clear() if isinstance(body, list) else None,
}
OTHER = {
    'blockbook_ltc': lambda body: body.update(hash='ab' * 32),
    'blockchain_info': lambda body: body.update(hash='ab' * 32),
    'haskoin': lambda body: body.update(hash='ab' * 32) if isinstance(body, dict) else None,
    'litecoinspace': lambda body: body.update(id='ab' * 32) if isinstance(body, dict) else None,
}
NAMELESS = {
    'blockbook_ltc': lambda body: body['txs'][-1]['vout'][0].update(addresses=[7]),
    'blockchain_info': lambda body: body['tx'][-1]['inputs'][0].pop('prev_out'),
    'haskoin': lambda body: body[-1]['outputs'][0].pop('address') if isinstance(body, list) else None,
    'litecoinspace': lambda body: body[-1]['vin'][0].update(prevout=None) if isinstance(body, list) else None,
}


@pytest.mark.parametrize('key', SHORT)
@pytest.mark.parametrize('odd', [SHORT, OTHER, NAMELESS], ids=['fewer transactions', 'another block', 'an input of nobody'])
def test_an_odd_block_is_a_failure_and_never_one_that_lacks_something(chain: BlockChain, key: str, odd: dict[str, object]) -> None:
    [teller] = [teller for _, teller in CASES if teller.endpoint.key == key]
    mined = chain.mine(Payment(to=('someone',), by=('payer',)))
    answers = BlockChain(chain.url, chain.main, chain.known)

    def changed(request: Request) -> Answer | None:
        answer = answers.respond(request)
        body = json.loads(answer.raw)
        odd[key](body)  # type: ignore[operator]
        return Answer(200, json.dumps(body))

    chain.before = changed
    with pytest.raises(Upstream, match='a block of an unexpected shape'):
        teller.block(http(), mined.hash)
