"""What follows a ledger: which child a watch leads to, and which portfolios wait for ledgers."""

from typing import Any

import pytest

from chalicelib.models import Address, Follower, Offset, Portfolio, PortfolioTree, Watch

ADDRESS = Address.at('u1', 2, 3)
ADDRESS.user_id, ADDRESS.portfolio_id, ADDRESS.address_id = 'u1', 2, 3
ADDRESS.currency, ADDRESS.address = 'btc', 'bc1qxyz'


def test_a_watch_says_which_kind_of_child_it_is_of_and_leads_to_it() -> None:
    watch = Watch.of(ADDRESS)
    assert (watch.pk, watch.sk) == ('LEDGER#btc#bc1qxyz', 'WATCH#u1#000002')
    assert (watch.child_kind, watch.child_id) == ('address', 3)
    assert (type(watch.child), watch.child.pk, watch.child.sk) == (Address, ADDRESS.pk, ADDRESS.sk)


def test_a_watch_stored_without_a_kind_is_of_an_address() -> None:
    stored: dict[str, Any] = {name: value for name, value in Watch.of(ADDRESS).serialize().items() if name != 'child_kind'}
    watch = Watch.from_raw_data(stored)
    assert watch.child_kind is None
    assert (type(watch.child), watch.child.sk) == (Address, ADDRESS.sk)


def test_addresses_are_among_what_follows_ledgers_and_offsets_are_not() -> None:
    tree = PortfolioTree(Portfolio.at('u1', 2), [ADDRESS, Offset()])
    assert tree.of_kind(Follower) == [ADDRESS]
    assert ADDRESS.follower_kind == 'address'


@pytest.mark.parametrize(('counts', 'expected'), [({}, False), ({'offsets': 2}, False), ({'addresses': 1}, True), ({'accounts': 1}, True)])
def test_a_portfolio_of_accounts_alone_follows_ledgers_too(counts: dict[str, int], expected: bool) -> None:
    assert Portfolio(**counts).follows_ledgers is expected
