"""HD wallets whose addresses take long to derive: no message repeats what one before did, nor lets the lease run out."""

from collections.abc import Iterator
from typing import Any

import pytest
from embit.bip32 import HDKey

from chalicelib.domain import hd_wallets
from chalicelib.jobs import refresh
from chalicelib.models import DerivedAddresses, Ledger
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support import bip32
from tests.support.api import Api
from tests.support.bip32 import Node
from tests.support.clock import CLOCK
from tests.support.dynamodb import table
from tests.support.hd_wallets import XPUB, ZPUB, add, balance, paid, read

KEYS = 16
TEXTS = [
    bip32.encode_base58check(bytes.fromhex('0488b21e04') + bytes(4) + number.to_bytes(4, 'big') + child.chain_code + child.key)
    for number, child in enumerate(Node.of(XPUB).child(number) for number in range(KEYS))
]
MANY_KEYS = f'wsh(multi(1,{",".join(f"{text}/<0;1>/*" for text in TEXTS)}))'
GAP = 70
STEPS = 2 * (GAP + GAP) * KEYS  # as the last one of the first seventy is used, seventy more are looked at
REMAINDERS = 2 * 20 * KEYS  # fewer than so many are not worth a write
OF_BRANCHES = 2 * KEYS  # the parents of all keys, which each message needs
STEPS_A_SECOND = 60


def paying(branch: int, index: int) -> str:
    """Return an address of the HD wallet of many keys."""
    return bip32.p2wsh(bip32.multisig(1, [Node.of(text).below(branch, index).key for text in TEXTS]))


class Machine:
    """Derives so few keys in a second that a lease would run out meanwhile; `steps` are how many it did."""

    def __init__(self) -> None:
        self.steps = 0
        self.pk = hd_wallets.identify('btc', MANY_KEYS).key.text
        self.seconds_left: list[int] = []

    def step(self) -> None:
        self.steps += 1
        if self.steps % STEPS_A_SECOND == 0:
            CLOCK.advance(1)
            ledger = Ledger.find(self.pk)
            if ledger is not None and ledger.lease_until is not None:
                self.seconds_left.append(ledger.lease_until - CLOCK.now())

    def forget(self) -> int:
        """Return how many steps it did since this was called before."""
        steps, self.steps = self.steps, 0
        return steps


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine, derive = Machine(), HDKey.child

    def child(key: Any, index: int) -> Any:
        machine.step()
        return derive(key, index)

    with monkeypatch.context() as context:
        context.setattr(HDKey, 'child', child)
        yield machine


def stored() -> int:
    """Return how many items of derived addresses there are."""
    return sum('#DERIVED#' in f'#{item["sk"]["S"]}' for item in table())


def is_ready(api: Api, path: str) -> bool:
    return bool(api.get(f'{path}/balances').status_code == 200)


@pytest.fixture
def path(api: Api, explorer: Explorer) -> str:
    """The path of an HD wallet of many keys, which was paid at the last address of either branch."""
    explorer.chain = {paying(0, GAP - 1): paid('0.5', 1), paying(1, GAP - 1): paid('0.25', 2)}
    return add(api, api.portfolio(), MANY_KEYS, gap_limit=GAP)


def test_messages_derive_what_those_before_did_not_and_keep_the_lease(
    api: Api, path: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, 'SLICE_SECONDS', 20)
    of_messages = []
    while not is_ready(api, path):
        assert read(MANY_KEYS)
        of_messages.append(machine.forget())
        assert len(of_messages) < 10

    assert balance(api, path) == '0.75'
    assert max(of_messages) < STEPS / 2
    assert sum(of_messages) <= STEPS + len(of_messages) * (OF_BRANCHES + REMAINDERS)
    assert min(machine.seconds_left) > 0


def test_all_is_derived_under_the_lease_and_the_next_cycle_derives_nothing_again(
    api: Api, path: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, 'SLICE_SECONDS', 10**6)
    assert read(MANY_KEYS)
    assert is_ready(api, path)
    assert machine.forget() >= STEPS
    assert min(machine.seconds_left) > 0
    CLOCK.advance(2 * 86_400)

    assert read(MANY_KEYS)

    assert machine.steps <= REMAINDERS + OF_BRANCHES
    assert balance(api, path) == '0.75'


def test_a_message_that_has_no_time_at_all_gets_further_all_the_same(
    api: Api, explorer: Explorer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(refresh, 'SLICE_SECONDS', -1)
        reached = []
        for _ in range(6):
            assert read(MANY_KEYS)
            reached.append((stored(), sum('member_of' in item for item in table())))
    assert reached == sorted(set(reached))
    assert reached[0] == (3, 0)
    assert explorer.requests == []

    monkeypatch.setattr(refresh, 'SLICE_SECONDS', 10**6)
    assert read(MANY_KEYS)
    assert balance(api, path) == '0.75'


def test_an_hd_wallet_that_is_removed_leaves_no_addresses_and_keeps_its_lease(
    api: Api, path: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, 'SLICE_SECONDS', 10**6)
    assert read(MANY_KEYS)
    assert stored() == 2 * (2 * GAP // 20)
    DerivedAddresses.remove(machine.pk)  # as after an import
    machine.forget()
    machine.seconds_left.clear()
    assert api.delete(path).status_code == 200

    assert read(MANY_KEYS)

    assert (stored(), Ledger.find(machine.pk)) == (0, None)
    assert machine.steps >= STEPS
    assert min(machine.seconds_left) > 0


def test_of_an_ordinary_hd_wallet_nothing_is_stored_but_its_ledgers(api: Api, explorer: Explorer) -> None:
    add(api, api.portfolio(), ZPUB)
    assert read(ZPUB)
    assert stored() == 0
