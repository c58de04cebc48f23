"""What an HD wallet's first reading asks of the table grows with its addresses, not with their square."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.domain import hd_wallets
from chalicelib.jobs import refresh
from chalicelib.models import Ledger
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.hd_wallets import ZPUB, add, at, balance, paid, read

USED = 20  # in a row, each of which shows two more
DERIVED = (USED + 2) + 2 + 3 * 2  # receiving, change, the first ones of other kinds of script


@contextmanager
def states_read() -> Iterator[list[str]]:
    """Yield the keys of the ledgers whose states are read by batches, once for each time."""
    events = Ledger.connection().client.meta.events
    read_keys: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        for wanted in params['RequestItems'].values():
            read_keys.extend(key['pk']['S'] for key in wanted['Keys'] if key['sk']['S'] == 'STATE')

    events.register('provide-client-params.dynamodb.BatchGetItem', note)
    yield read_keys
    events.unregister('provide-client-params.dynamodb.BatchGetItem', note)


def test_an_hd_wallet_that_is_found_by_and_by_is_not_read_as_a_whole_each_time_it_grows(
    api: Api, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    path = add(api, api.portfolio(), ZPUB)
    explorer.chain = {at(0, index): paid('0.1', index) for index in range(USED)}

    with states_read() as keys:
        assert read(ZPUB)

    assert balance(api, path) == f'{USED / 10}'
    assert len(set(keys)) == DERIVED
    assert len(keys) <= 4 * DERIVED  # before it is made, when it is, when it was refreshed, and in the end


def test_a_message_that_leaves_addresses_to_the_next_reads_the_hd_wallet_twice_at_most(
    api: Api, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hd_wallets, 'GAP', 2)
    path = add(api, api.portfolio(), ZPUB)
    explorer.chain = {at(0, index): paid('0.1', index) for index in range(USED)}
    assert read(ZPUB)
    CLOCK.advance(2 * 86_400)

    with monkeypatch.context() as context, states_read() as keys:
        context.setattr(refresh, 'SLICE_SECONDS', -1)
        assert read(ZPUB)

    assert len(keys) == 2 * DERIVED  # to see which are to be read, and what became of these
    explorer.chain[at(0, USED - 1)] = paid('0.3', USED - 1)
    assert read(ZPUB)
    assert balance(api, path) == f'{(USED + 2) / 10}'
