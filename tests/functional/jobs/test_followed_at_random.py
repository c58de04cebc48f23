"""Whatever happens to a followed chain, and whoever dies meanwhile: what is told of a time was so then, or as explorers lag before it."""

import os
import random
from decimal import Decimal

import pytest

from chalicelib import clock
from chalicelib.domain import hd_wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.models import Ledger
from tests.support.api import Api
from tests.support.block_chain import BlockChain, Payment
from tests.support.clock import CLOCK
from tests.support.dynamodb import survives
from tests.support.hd_wallets import ZPUB
from tests.support.jobs import Queue, record, refresh_job, refresh_queue, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, pk_of

# Each takes seconds, so that the suite has one; `FIRST_SEED=100 SEEDS=20 STEPS=60` looks for more.
FIRST, SEEDS, STEPS = (int(os.environ.get(name, default)) for name, default in (('FIRST_SEED', '5'), ('SEEDS', '1'), ('STEPS', '12')))
MINUTE = 60
LAG = 31 * MINUTE
EXPLORERS = ('blockstream', 'mempool', 'blockchain_info')
STRANGER = 'somebody else'


class World:
    """A chain that goes on at random, what addresses held on it at each time, and who looks at them."""

    def __init__(self, api: Api, chain: BlockChain, queue: Queue, seed: int) -> None:
        self.api, self.chain, self.queue, self.chance = api, chain, queue, random.Random(seed)
        branches = CHAINS['btc'].hd_wallet(ZPUB).kinds[0].branches
        self.of_hd_wallet = [branches[branch].address(index) for branch in (0, 1) for index in (0, 1)]
        self.single = [SEGWIT, LEGACY, TAPROOT, self.of_hd_wallet[0]]
        self.truth: list[tuple[int, dict[str, Decimal]]] = []
        self.portfolio = api.portfolio()
        for address in self.single[:3]:
            api.address(self.portfolio, address)
        api.address(self.portfolio, ZPUB)
        api.address(api.portfolio(), self.single[3])
        self.note()

    @property
    def addresses(self) -> list[str]:
        return [*self.single[:3], *self.of_hd_wallet]

    def held(self) -> dict[str, Decimal]:
        held = dict.fromkeys(self.addresses, 0)
        for txn in (txn for block in self.chain.main for txn in block.transactions):
            for sign, outputs in ((-1, txn.spent), (1, txn.made)):
                for output in outputs:
                    for owner in output.owners:
                        if owner in held:
                            held[owner] += sign * output.value
        return {address: Decimal(units) / 10**8 for address, units in held.items()}

    def note(self) -> None:
        self.truth.append((clock.now(), self.held()))

    def payments(self) -> list[Payment]:
        held = self.held()
        rich = [address for address, amount in held.items() if amount >= Decimal('0.00001')]
        made = []
        for _ in range(self.chance.choice([0, 0, 1, 1, 2])):
            to = self.chance.choice([*self.addresses, STRANGER, STRANGER])
            by = self.chance.choice([*rich, STRANGER]) if not made else STRANGER
            made.append(Payment(to=(to,), by=() if by == STRANGER else (by,)))
        return made

    def mine(self) -> None:
        self.chain.mine(*self.payments())
        self.note()

    def reorganise(self) -> None:
        depth = self.chance.choice([1, 1, 2, 3, 6])
        if len(self.chain.main) <= depth + 1:
            return
        for _ in range(depth):
            self.chain.undo(1)
            self.note()  # an explorer that lags tells the part that both branches have
        for _ in range(depth + 1):
            self.mine()

    def lag(self) -> None:
        """Hide young blocks from some explorers."""
        young = sum(clock.now() - block.made_at < 20 * MINUTE for block in self.chain.main[1:])
        self.chain.behind = {key: self.chance.randrange(young + 1) for key in EXPLORERS if self.chance.random() < 0.4}

    def work(self) -> None:
        """Let what runs each minute run, some of it by workers that die."""
        for act in (lambda: refresh_job(record({'follow': 'btc'})), run_sweep, self.queue.drain):
            if self.chance.random() < 0.15:
                survives(act, self.chance.randrange(1, 12))
            else:
                act()

    def look(self) -> None:
        child = self.chance.randrange(1, 5)
        self.api.get(f'/api/portfolios/{self.portfolio}/addresses/{child}/balances')

    def step(self) -> None:
        CLOCK.advance(self.chance.choice([2, 5, 10, 20, 20, 45, 200]) * MINUTE)
        for _ in range(self.chance.choice([0, 1, 1, 2])):
            self.mine()
        if self.chance.random() < 0.1:
            self.reorganise()
        self.lag()
        if self.chance.random() < 0.15:
            self.look()
        self.work()

    def rest(self) -> None:
        """Let the chain go on for an hour as it mostly does: nobody dies, no explorer lags, and others are paid."""
        self.chain.behind = {}
        for _ in range(4):
            CLOCK.advance(15 * MINUTE)
            self.chain.mine(Payment(to=(STRANGER,)))
            self.note()
            refresh_job(record({'follow': 'btc'}))
            run_sweep()
            self.queue.drain()

    def check(self) -> None:
        for address in self.addresses:
            ledger = Ledger.find(pk_of(address))
            if ledger is not None and ledger.ready and ledger.is_whole:
                self._check_address(ledger)
        hd_wallet = Ledger.find(hd_wallets.identify('btc', ZPUB).key.text)
        assert hd_wallet is not None
        if hd_wallet.ready and hd_wallet.is_whole:
            self._check_hd_wallet(hd_wallet)

    def confirmed(self) -> int:
        """Return of how many addresses more is known than was read."""
        ledgers = filter(None, map(Ledger.find, map(pk_of, self.addresses)))
        return sum((ledger.updated_at or 0) > (ledger.attempted_at or 0) for ledger in ledgers)

    def _possible(self, since: int, until: int) -> list[dict[str, Decimal]]:
        """Return what was held at some time of a span."""
        began = [number for number, (at, _) in enumerate(self.truth) if at <= since]
        return [held for at, held in self.truth[began[-1] if began else 0 :] if at <= until]

    def _check_address(self, ledger: Ledger) -> None:
        until = int(ledger.updated_at)
        address = ledger.address_key.address
        [holding] = ledger.holdings
        assert holding.balance in {held[address] for held in self._possible(until - LAG, until)}, f'{address} at {until}'

    def _check_hd_wallet(self, hd_wallet: Ledger) -> None:
        """Its parts were observed at times of their own, the oldest of which it tells."""
        until = int(hd_wallet.updated_at)
        possible = self._possible(until - LAG, clock.now())
        each = [{held[address] for held in possible} for address in self.of_hd_wallet]
        [holding] = hd_wallet.holdings
        assert sum(map(min, each)) <= holding.balance <= sum(map(max, each)), f'an HD wallet at {until}'


@pytest.mark.parametrize('seed', range(FIRST, FIRST + SEEDS))
def test_what_is_told_was_so(
    api: Api, followed_chain: BlockChain, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    world = World(api, followed_chain, refresh_queue(queues), seed)
    for _ in range(STEPS):
        world.step()
        world.check()
    world.rest()
    world.check()
    assert world.confirmed() > 0
