"""Reading each new block once, and which ledgers are noted to have moved: in whatever way explorers fail and the chain is reorganised."""

from dataclasses import replace

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import ChainBlocks, Ledger
from chalicelib.providers.explorers import EXPLORERS, tellers_of_blocks
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request
from tests.support.api import Api
from tests.support.block_chain import MINER, PAGE, Block, BlockChain, Payment
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives, table
from tests.support.following import follow, followed
from tests.support.jobs import record, refresh_job, refresh_queue, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, pk_of, state
from tests.support.logs import Lines
from tests.support.one_chain import STRANGER, Output
from tests.support.unforeseen import SAID, noted, surprised

DEEPEST = 6  # blocks of Bitcoin that a reorganisation may undo, as domain.chains says


@pytest.fixture
def chain(followed_chain: BlockChain) -> BlockChain:
    return followed_chain


@pytest.fixture
def watched(api: Api) -> None:
    """Three addresses of a portfolio, not due for a long time."""
    portfolio = api.portfolio()
    for address in (SEGWIT, LEGACY, TAPROOT):
        api.address(portfolio, address)
        Ledger.at(pk_of(address)).update([Ledger.due_at.set(clock.now() + 10**6)])


def moved(*addresses: str) -> dict[str, int | None]:
    """Return how many seconds ago ledgers were noted to have moved."""
    found = {}
    for address in addresses or (SEGWIT, LEGACY, TAPROOT):
        at: int | None = state(address).moved_at
        found[address] = None if at is None else clock.now() - at
    return found


def read_blocks(chain: BlockChain) -> list[str]:
    """Return the hashes of the blocks that were read, in that order."""
    return [request.path[1] for request in chain.requests if len(request.path) == 2 and request.path[0] in ('block', 'rawblock')]


def assert_read(chain: BlockChain, through: int = 0) -> None:
    """Assert that the newest blocks of the main chain are those that were read, and that nothing newer was there so long ago."""
    known = followed()
    assert known.through_at == clock.now() - through
    assert [block.hash for block in known.blocks] == [block.hash for block in chain.main[-len(known.blocks) :]]
    assert (known.lease_owner, known.lease_until) == (None, None)


@pytest.mark.usefixtures('watched')
def test_each_new_block_is_read_once_and_who_moved_in_it_is_due(chain: BlockChain) -> None:
    began = follow()
    assert began.continuous_since == clock.now()
    mined = [chain.mine(Payment(to=(SEGWIT, 'nobody'))), chain.mine(Payment(by=(TAPROOT,)))]
    follow()
    assert read_blocks(chain) == [chain.main[0].hash, mined[1].hash, mined[0].hash]
    assert moved() == {SEGWIT: 0, LEGACY: None, TAPROOT: 0}
    assert [state(address).due_at - clock.now() for address in (SEGWIT, TAPROOT)] == [0, 0]
    assert state(LEGACY).due_at > clock.now()
    assert_read(chain)
    assert followed().continuous_since == began.continuous_since
    assert 'nobody' not in str(table())

    follow()
    assert len(read_blocks(chain)) == 3
    assert moved() == {SEGWIT: 120, LEGACY: None, TAPROOT: 120}


@pytest.mark.usefixtures('watched')
def test_a_ledger_that_moves_all_the_time_is_not_due_all_the_time(chain: BlockChain) -> None:
    follow()
    chain.mine(Payment(to=(SEGWIT,)))
    follow()
    Ledger.at(pk_of(SEGWIT)).update([Ledger.due_at.set(clock.now() + 10**6)])
    chain.mine(Payment(to=(SEGWIT,)))
    follow()
    assert (moved(SEGWIT), state(SEGWIT).due_at > clock.now()) == ({SEGWIT: 0}, True)
    chain.mine(Payment(to=(SEGWIT,)))
    follow(after=3_601)
    assert (moved(SEGWIT), state(SEGWIT).due_at) == ({SEGWIT: 0}, clock.now())


def test_a_teller_that_fails_in_a_way_that_nobody_foresaw_is_followed_by_the_next(
    chain: BlockChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tellers_of_blocks('btc')[0].endpoint.key
    changed = tuple(surprised(one, 'tip') if one.endpoint.key == first else one for one in EXPLORERS['btc'])
    monkeypatch.setitem(EXPLORERS, 'btc', changed)
    follow()
    assert_read(chain)
    assert noted(first) == SAID


def test_the_newest_block_is_asked_for_every_two_minutes_however_many_messages_come(chain: BlockChain) -> None:
    follow()
    for _ in range(4):
        follow(after=20)
    assert chain.count('tip') == 1
    follow(after=40)
    assert chain.count('tip') == 2


def test_the_sweep_has_the_chains_followed_that_are_named(
    chain: BlockChain, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv('FOLLOW_BLOCKS', 'ltc, btc,xrp')
    settings.cache_clear()
    assert run_sweep() == 2
    assert refresh_queue(queues).bodies() == [{'follow': 'btc'}, {'follow': 'ltc'}]
    assert 'FOLLOW_BLOCKS names xrp, whose blocks tell no addresses' in caplog.text
    monkeypatch.setenv('FOLLOW_BLOCKS', '')
    settings.cache_clear()
    assert run_sweep() == 0


def test_a_chain_whose_explorers_tell_no_blocks_is_not_followed(chain: BlockChain, caplog: pytest.LogCaptureFixture) -> None:
    """Without a Blockbook of one's own."""
    assert not refresh_job(record({'follow': 'doge'}))
    assert 'CHAIN#doge: none of its explorers tells blocks' in caplog.text
    assert chain.requests == []


@pytest.mark.usefixtures('watched')
def test_blocks_that_came_while_nobody_followed_are_read_in_their_order(chain: BlockChain) -> None:
    began = follow()
    CLOCK.advance(5 * 3_600)
    mined = [chain.mine(Payment(to=(SEGWIT,))), *(chain.mine() for _ in range(9)), chain.mine(Payment(to=(LEGACY,)))]
    follow()
    assert read_blocks(chain)[2:] == [block.hash for block in mined[:-1]]  # the last one tells how many they are, so it was read first
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    assert_read(chain)
    assert followed().continuous_since == began.continuous_since


def test_operators_are_told_when_no_explorer_told_blocks_for_an_hour(chain: BlockChain, caplog: pytest.LogCaptureFixture) -> None:
    follow()
    chain.before = lambda request: Answer(503, '')
    follow(after=3_600)
    assert [line for line in caplog.records if line.levelname == 'ERROR'] == []
    follow(after=60)
    assert [line.getMessage() for line in caplog.records if line.levelname == 'ERROR'] == [
        'CHAIN#btc: not read to the newest block for 61 minutes'
    ]


@pytest.mark.usefixtures('watched')
def test_who_was_off_for_too_long_begins_anew_and_says_so(chain: BlockChain) -> None:
    follow()
    for _ in range(50):
        chain.mine(Payment(to=(SEGWIT,)))
    CLOCK.advance(6 * 3_600)
    chain.mine(Payment(to=(LEGACY,)))
    restarted = follow()
    assert restarted.continuous_since == clock.now()
    assert moved() == {SEGWIT: None, LEGACY: 0, TAPROOT: None}
    assert len(read_blocks(chain)) == 2
    assert_read(chain)


def test_the_first_block_is_the_first_one_that_was_read_however_long_explorers_failed_before(chain: BlockChain) -> None:
    chain.before = lambda request: Answer(503, '')
    assert follow().continuous_since is None
    chain.before = lambda request: None
    assert follow(after=3_000).continuous_since == clock.now()


@pytest.mark.usefixtures('watched')
def test_what_takes_longer_than_a_message_may_is_gone_on_with_by_the_next(chain: BlockChain) -> None:
    follow()
    mined = [chain.mine(Payment(to=(SEGWIT,))) for _ in range(5)]

    def slow(request: Request) -> None:
        if request.path == ['block', mined[1].hash]:
            CLOCK.advance(61)

    chain.before = slow
    follow()
    assert [block.hash for block in followed().blocks][-1] == mined[1].hash
    assert followed().through_at < clock.now() - 120
    assert_moved_on(chain)


def assert_moved_on(chain: BlockChain) -> None:
    chain.before = lambda request: None
    follow(after=60)
    assert_read(chain)


@pytest.mark.usefixtures('watched')
@pytest.mark.parametrize('depth', [1, 5, DEEPEST])
def test_a_reorganisation_notes_who_moved_in_the_blocks_that_it_undid_and_in_those_that_took_their_place(
    chain: BlockChain, depth: int
) -> None:
    for _ in range(3):
        chain.mine()
        began = follow()
    chain.mine(Payment(to=(SEGWIT,)))
    for _ in range(depth - 1):
        chain.mine()
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: None, TAPROOT: None}

    chain.undo(depth)
    for _ in range(depth):
        chain.mine()
    chain.mine(Payment(by=(LEGACY,)))
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    assert_read(chain)
    assert followed().continuous_since == began.continuous_since


@pytest.mark.usefixtures('watched')
def test_a_reorganisation_that_undoes_more_than_is_remembered_begins_anew(chain: BlockChain) -> None:
    for _ in range(DEEPEST + 1):
        chain.mine(Payment(to=(SEGWIT,)))
        follow()
    chain.undo(DEEPEST + 1)
    for _ in range(DEEPEST + 2):
        chain.mine(Payment(to=(LEGACY,)))
    restarted = follow()
    assert restarted.continuous_since == clock.now()
    assert [block.hash for block in restarted.blocks] == [chain.main[-1].hash]
    assert_read(chain)


@pytest.mark.usefixtures('watched')
def test_a_fork_that_is_not_longer_is_not_followed_yet(chain: BlockChain) -> None:
    follow()
    chain.mine(Payment(to=(SEGWIT,)))
    before = follow()
    CLOCK.advance(120)
    chain.undo(1)
    chain.mine(Payment(to=(LEGACY,)))
    same = follow()
    assert [block.hash for block in same.blocks] == [block.hash for block in before.blocks]
    assert (same.through_at, moved(LEGACY)) == (before.through_at, {LEGACY: None})
    chain.mine()
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    assert_read(chain)


def test_of_explorers_that_are_behind_nothing_is_believed(chain: BlockChain) -> None:
    chain.mine()
    follow()
    chain.mine()
    follow()
    chain.behind = {'blockstream': 2}
    chain.mine()
    follow()
    assert_read(chain)  # the next explorer told it
    assert chain.count(upstream='mempool') > 0
    chain.behind = dict.fromkeys(('blockstream', 'mempool', 'blockchain_info'), 1)
    follow()
    assert_read(chain, through=120)
    chain.behind = {}
    follow()
    assert_read(chain)


def test_explorers_that_stand_still_are_not_believed_that_nothing_came(chain: BlockChain, caplog: pytest.LogCaptureFixture) -> None:
    """All of them are asked. Whoever has a newer block is believed, however many have not."""
    chain.mine()
    follow(after=3_600)
    assert_read(chain)
    follow()
    assert_read(chain, through=120)
    assert 'CHAIN#btc: blockstream: stands still: its newest block is 62 minutes old' in caplog.text
    chain.mine(Payment(to=('somebody',)))
    chain.behind = {'blockstream': 1, 'mempool': 1}
    follow()
    assert_read(chain)
    assert chain.count(upstream='blockchain_info') > 0


def test_a_pause_that_began_before_this_release_noted_when_blocks_were_made_counts_as_none(chain: BlockChain) -> None:
    known = follow()
    known.update([ChainBlocks.blocks.set([block._replace(made_at=None) for block in known.blocks])])
    follow(after=3_601)
    assert_read(chain)


@pytest.mark.usefixtures('watched')
def test_blocks_of_another_chain_are_not_read(chain: BlockChain, caplog: pytest.LogCaptureFixture) -> None:
    """As those of a server that is set up for the wrong coin: none of its addresses would ever be ours."""
    first = follow()
    answers = BlockChain(chain.url, chain.main, chain.known)

    def other(request: Request) -> Answer:
        answer = answers.respond(request)
        bodies = answer.body.replace(MINER, 'DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L').replace(STRANGER, 'ltc1qstranger')
        return replace(answer, body=bodies)

    chain.mine(Payment())
    chain.before = other
    assert follow().newest == first.newest
    assert_read_nothing(first)
    assert 'blockstream: tells blocks of another chain' in caplog.text
    assert_moved_on(chain)


def assert_read_nothing(since: ChainBlocks) -> None:
    assert (followed().blocks, followed().through_at) == (since.blocks, since.through_at)


@pytest.mark.usefixtures('watched')
def test_a_page_that_fails_in_the_middle_of_a_block_leaves_it_to_be_read_whole(chain: BlockChain) -> None:
    before = follow()
    payments = [Payment(to=(SEGWIT,)), *[Payment()] * PAGE, Payment(to=(LEGACY,)), *[Payment()] * PAGE]
    mined = chain.mine(*payments)
    whole = f'/rawblock/{mined.hash}'
    chain.before = lambda request: Answer(500, '') if request.path[-1] == str(PAGE) or request.url == whole else None
    assert follow().newest == before.newest
    assert moved() == {SEGWIT: None, LEGACY: None, TAPROOT: None}
    chain.before = lambda request: Answer(500, '') if request.path[-1] == str(PAGE) and request.upstream == 'blockstream' else None
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    assert_read(chain)


@pytest.mark.usefixtures('watched')
def test_who_dies_after_any_write_leaves_a_chain_that_is_read_whole(chain: BlockChain) -> None:
    """A reorganisation of one block, and two new ones; each of them moves a ledger."""
    follow()
    for writes in range(1, 100):
        chain.mine(Payment(to=(SEGWIT,)))
        began = follow()
        before = clock.now()
        chain.undo(1)
        chain.mine(Payment(to=(TAPROOT,)))
        chain.mine(Payment(to=(LEGACY,)))
        CLOCK.advance(120)
        done = survives(lambda: refresh_job(record({'follow': 'btc'})), writes)
        follow(after=181)
        assert_read(chain)
        assert followed().continuous_since == began.continuous_since
        assert all(state(address).moved_at > before for address in (SEGWIT, LEGACY, TAPROOT))
        if done:
            break
    assert done
    assert writes > 10


@pytest.mark.usefixtures('watched')
def test_of_two_workers_at_once_the_second_leaves_it_to_the_first(chain: BlockChain) -> None:
    follow()
    chain.mine(Payment(to=(SEGWIT,)))

    def second(request: Request) -> None:
        chain.before = lambda request: None
        assert not refresh_job(record({'follow': 'btc'}))

    chain.before = second
    follow()
    assert len(read_blocks(chain)) == 2
    assert_read(chain)


@pytest.mark.usefixtures('watched')
def test_who_lost_the_lease_to_another_worker_stores_nothing(chain: BlockChain) -> None:
    """The first one sleeps while it reads a block, so long that the second one takes over and reads further."""
    follow()
    first = chain.mine(Payment(to=(SEGWIT,)))

    def second(request: Request) -> None:
        if request.path == ['block', first.hash]:
            chain.before = lambda request: None
            CLOCK.advance(300)
            chain.mine(Payment(to=(LEGACY,)))
            assert not refresh_job(record({'follow': 'btc'}))

    chain.before = second
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    assert_read(chain)


@pytest.mark.usefixtures('watched')
def test_a_block_costs_dynamodb_as_much_as_it_has_addresses_whatever_is_watched(chain: BlockChain, lines: Lines) -> None:
    follow()
    chain.mine(outputs=[*(Output('p2pkh', (f'address{number}',), 1) for number in range(9_997)), Output('p2pkh', (SEGWIT,), 1)])
    follow()
    line = [line for line in lines() if line.get('Service') == 'refresh_ledgers'][-1]
    assert (line['addresses'], line['moved']) == (10_000, 1)
    # Beside the hundred batch gets: to find and lease the chain, three turns at the explorer and that it works, to note who moved and in
    # which block, that it was read, and to give the lease back.
    assert line['dynamodb_requests'] == 100 + 2 + 4 + 2 + 1 + 1


@pytest.mark.usefixtures('watched')
def test_a_block_of_more_ledgers_than_are_remembered_is_read_and_its_undoing_begins_anew(
    chain: BlockChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('chalicelib.models.MovedInBlock.MOST_ADDRESSES', 1)
    follow()
    chain.mine(Payment(to=(SEGWIT, LEGACY)))
    follow()
    assert moved() == {SEGWIT: 0, LEGACY: 0, TAPROOT: None}
    chain.undo(1)
    chain.mine()
    chain.mine()
    assert follow().continuous_since == clock.now()


def test_what_was_read_of_an_address_agrees_with_the_blocks(api: Api, chain: BlockChain) -> None:
    """The fake tells addresses and blocks of one chain."""
    api.address(api.portfolio(), SEGWIT)
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).is_unused
    block: Block = chain.mine(Payment(to=(SEGWIT,)))
    follow(after=3_600)
    follow()
    assert moved(SEGWIT) == {SEGWIT: 120}
    assert run_refresh(SEGWIT)
    [holding] = state(SEGWIT).holdings
    assert (holding.transactions, state(SEGWIT).cursor.revertible != [], block.height) == (1, True, followed().newest.height)
