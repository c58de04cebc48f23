"""Read each new block of a chain once, and note which ledgers moved in it.

That costs explorers some requests for each block, however many ledgers there are, and DynamoDB one batch get for each hundred addresses
of a block. What is noted is `moved_at` of the ledgers; the chain says since when no block was missed, and until when.

Every step can be repeated. A block counts as read after all of its addresses were noted, so whoever dies before has them noted again.
Blocks that a reorganisation undid are forgotten after their addresses were noted once more, as these have to be read again.
"""

import contextlib
import logging
import uuid
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

from chalicelib import clock, errors, telemetry
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey
from chalicelib.errors import Blame
from chalicelib.messages import FollowBlocks
from chalicelib.models import ChainBlocks, LeaseLost, Ledger, MovedInBlock, ReadBlock
from chalicelib.providers.explorers import Block, TellsBlocks, tellers_of_blocks
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers import policy
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen

log = logging.getLogger(__name__)

_NOTED_AT_ONCE = 8


def follow(currency: str, deadline: float) -> None:
    """Read the new blocks of a chain, as many as `deadline` (clock.monotonic()) allows, from the first explorer that works.

    Nothing happens if another worker is at it, or has just been. Failures are logged only: the next call goes on where this one ended.

    follow('btc', deadline=clock.monotonic() + 60)
    """
    now = clock.now()
    earlier = ChainBlocks.find(currency)
    if earlier is None:
        ChainBlocks.create(currency)
    elif now - policy.past(earlier.through_at, now) < policy.FOLLOWED_EVERY_SECONDS:
        return
    chain = ChainBlocks.lease(currency, uuid.uuid4().hex, now)
    if chain is None:
        return
    try:
        _tell_if_late(chain, now)
        if chain.blocks and now - _last_read_at(chain) > policy.LONGEST_CATCH_UP_SECONDS:
            chain.forget(now)
        chain.release_through(_read_from_any(chain, deadline))
    except LeaseLost:
        log.info('%s: another worker took over', chain.pk)
    except Exception:
        with contextlib.suppress(LeaseLost):
            chain.release()
        raise


def _tell_if_late(chain: ChainBlocks, now: int) -> None:
    if chain.blocks and now - _last_read_at(chain) > policy.BLOCKS_LATE_SECONDS:
        log.error('%s: not read to the newest block for %s minutes', chain.pk, (now - _last_read_at(chain)) // policy.MINUTE)


def _last_read_at(chain: ChainBlocks) -> int:
    """Return when a chain was last read to its newest block, or began to be."""
    return max(chain.through_at or 0, chain.continuous_since or 0)


def _read_from_any(chain: ChainBlocks, deadline: float) -> int | None:
    """Catch up with the first explorer that is not behind; return when it had nothing newer, None if there is more. Raises LeaseLost."""
    gate = UpstreamGate(FollowBlocks(chain.currency).group)
    http = _http(chain, gate)
    tellers = tellers_of_blocks(chain.currency)
    for teller in tellers:
        try:
            with foreseen(teller.endpoint, chain.pk):
                through_at = _catch_up(chain, teller, http, deadline)
        except errors.Upstream as error:
            log.log(logging.INFO if isinstance(error, errors.UpstreamNotAsked) else logging.WARNING, '%s: %s', chain.pk, error)
            gate.failed(error, chain.pk)
        else:
            gate.worked(teller.endpoint)
            return through_at
    if not tellers:
        log.warning('%s: none of its explorers tells blocks', chain.pk)
    return None


def _http(chain: ChainBlocks, gate: UpstreamGate) -> Http:
    """Return a client that keeps the lease and waits for its turn at `gate` before each request."""

    def prepare(endpoint: Endpoint) -> None:
        chain.renew_if_short(clock.now())
        gate(endpoint)

    return Http(prepare)


def _catch_up(chain: ChainBlocks, teller: TellsBlocks, http: Http, deadline: float) -> int | None:
    """Read all blocks up to the newest that an explorer has, or until the deadline; return as `_read_from_any`. Raises Upstream."""
    asked_at = clock.now()
    tip_hash = teller.tip(http)
    if chain.newest is None or tip_hash != chain.newest.hash:
        if any(block.hash == tip_hash for block in chain.blocks):
            raise errors.UpstreamNotAsked(teller.endpoint.key, 'is behind: its newest block was followed by others')
        _read_up_to(chain, teller, http, _block(chain, teller, http, tip_hash), deadline)
    if chain.newest is None or chain.newest.hash != tip_hash:
        return None
    _refuse_standstill(chain.newest, teller, asked_at)
    return asked_at


def _refuse_standstill(newest: ReadBlock, teller: TellsBlocks, now: int) -> None:
    """Raise UpstreamNotAsked if an explorer tells nothing newer than a block so old that there must be one."""
    age = 0 if newest.made_at is None else now - newest.made_at
    if age > policy.STANDSTILL_SECONDS:
        raise errors.UpstreamNotAsked(teller.endpoint.key, f'stands still: its newest block is {age // policy.MINUTE} minutes old')


def _block(chain: ChainBlocks, teller: TellsBlocks, http: Http, block_hash: str) -> Block:
    """Return a block of the chain. Raises Upstream too if none of its addresses can be one there, such as with a wrong server set up."""
    block = teller.block(http, block_hash)
    if block.addresses and not any(_is_on(chain.currency, address) for address in block.addresses):
        raise errors.Upstream(teller.endpoint.key, 'tells blocks of another chain', blame=Blame.HOST)
    return block


def _is_on(currency: str, address: str) -> bool:
    """Whether this is how we spell an address of a chain."""
    with contextlib.suppress(BadAddress):
        return CHAINS[currency].normalise(address) == address
    return False


def _read_up_to(chain: ChainBlocks, teller: TellsBlocks, http: Http, tip: Block, deadline: float) -> None:
    """Read the blocks up to `tip`, which is mostly the only one; before that go back to where the explorer's chain leaves ours."""
    if chain.newest is not None and tip.parent != chain.newest.hash:
        if tip.height <= chain.newest.height:
            raise errors.UpstreamNotAsked(teller.endpoint.key, 'is behind: its chain is not longer than what was read')
        _undo_forked(chain, teller, http)
    while chain.newest is not None and tip.parent != chain.newest.hash:
        next_hash = teller.hash_at(http, chain.newest.height + 1)
        if next_hash is None or next_hash == tip.hash or clock.monotonic() > deadline:
            return
        block = _block(chain, teller, http, next_hash)
        if block.parent != chain.newest.hash:
            return  # its chain changed meanwhile
        _note_block(chain, block)
    _note_block(chain, tip)


def _undo_forked(chain: ChainBlocks, teller: TellsBlocks, http: Http) -> None:
    """Forget the blocks that are not in the explorer's chain, whose addresses moved again by that; all if it has none of them."""
    undone: list[ReadBlock] = []
    kept = list(chain.blocks)
    while kept and _is_undone(kept[-1], teller, http):
        undone.append(kept.pop())
    if not undone:
        return
    moved = MovedInBlock.find(chain.currency, undone)
    if not kept or moved is None:
        log.warning('%s: a reorganisation undid more blocks than are remembered', chain.pk)
        chain.forget(clock.now())
        return
    log.info('%s: a reorganisation undid %s blocks', chain.pk, len(undone))
    _note_moved(chain, moved)
    chain.keep(kept, clock.now())


def _is_undone(block: ReadBlock, teller: TellsBlocks, http: Http) -> bool:
    block_hash = teller.hash_at(http, block.height)
    if block_hash is None:
        raise errors.Upstream(teller.endpoint.key, 'contradicts itself about its newest block')
    return block_hash != block.hash


def _note_block(chain: ChainBlocks, block: Block) -> None:
    """Note the ledgers that moved in a block, and then that it was read. Raises LeaseLost."""
    moved = _note_moved(chain, block.addresses)
    MovedInBlock.keep(chain.currency, block.hash, moved, clock.now())
    read = [*chain.blocks, ReadBlock(block.height, block.hash, len(moved), block.made_at)]
    chain.keep(read[-CHAINS[chain.currency].reorganisation - 1 :], clock.now())
    telemetry.note(block=block.height, addresses=len(block.addresses), moved=len(moved))


def _note_moved(chain: ChainBlocks, addresses: Iterable[str]) -> Collection[str]:
    """Note that the ledgers of these addresses moved, where there are any, and the HD wallets that these are of; return their addresses."""
    pks = (AddressKey(chain.currency, address).text for address in addresses)
    # A ledger of seconds ago may be missing, as it may if it is created a second later: see services/ledgers/unmoved.py.
    watched = Ledger.find_many(pks, consistent=False).values()
    hd_wallets = {HdWalletKey(chain.currency, member.hd_wallet) for ledger in watched for member in ledger.memberships}
    now = clock.now()

    def note_hd_wallet(hd_wallet: HdWalletKey) -> None:
        Ledger.note_address_moved(hd_wallet, now, policy.BUSY_SECONDS)

    if watched:
        with ThreadPoolExecutor(_NOTED_AT_ONCE) as pool:
            list(pool.map(telemetry.in_current_task(lambda ledger: ledger.note_moved(now, is_due=_is_due(ledger, now))), watched))
            list(pool.map(telemetry.in_current_task(note_hd_wallet), hd_wallets))
    return [ledger.address_key.address for ledger in watched]


def _is_due(ledger: Ledger, now: int) -> bool:
    """Whether a ledger that moved is to be read at once by itself: one that is only of an HD wallet is read with that."""
    moved_at: int | None = ledger.moved_at
    is_calm = moved_at is None or now - moved_at > policy.BUSY_SECONDS
    return is_calm and (not ledger.memberships or ledger.looked_at is not None)
