"""Transactions that many addresses of a portfolio have in common: one list, whatever the size of its pages, and what it is charged as."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import charges, clock
from chalicelib.domain.hd_wallets import identify
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.models import Address, Item, Ledger, Transaction
from chalicelib.services.portfolios import balances, transactions
from tests.support.api import Api

AT = 1_600_000_000


class Row(NamedTuple):
    """What is compared of a transaction of the list; rows are in its order."""

    at: int
    reference: str
    n: int
    child: int
    currency: str
    delta: int

    @property
    def transaction(self) -> tuple[int, str]:
        return self.at, self.reference


rows = st.builds(
    Row,
    st.integers(AT, AT + 3),
    st.sampled_from(['aa', 'ab', 'b']),
    st.integers(0, 2),
    st.integers(1, 20),
    st.sampled_from(['btc', 'x-test']),
    st.integers(-1, 1),
)


def create(api: Api, children: int, moved: Sequence[Row]) -> int:
    """Store a portfolio of so many addresses, which have the transactions `moved`; return its id."""
    number = api.portfolio()
    ledgers = {child: Ledger.at(f'LEDGER#btc#bc1q{number:019}{child:019}') for child in range(1, children + 1)}
    with Address.batch_write() as batch:
        for child, ledger in ledgers.items():
            batch.save(address(api.user_id, number, child))
            ledger.holdings, ledger.source, ledger.updated_at = [Holding('btc', Decimal(1), None, None, 1)], 'blockstream', clock.now()
            ledger.newest_at = max((row.at for row in moved if row.child == child), default=None)
            batch.save(ledger)
    entries = [(ledgers[row.child].pk, Entry(row.reference, row.n, row.currency, Decimal(row.delta), None, row.at, 1)) for row in moved]
    Transaction.store(Transaction.of(pk, entry, source='blockstream', run=None, now=AT) for pk, entry in entries)
    return number


def address(user_id: str, portfolio_id: int, child: int) -> Address:
    added = Address.at(user_id, portfolio_id, child)
    added.user_id, added.portfolio_id, added.address_id, added.title, added.currency = user_id, portfolio_id, child, 'x', 'btc'
    added.point_to(identify('btc', f'bc1q{portfolio_id:019}{child:019}'))
    added.created_at = added.updated_at = AT
    return added


def listed(user_id: str, portfolio_id: int, limit: int) -> Iterator[tuple[Row, bool]]:
    """Yield the rows of all pages, and whether each is marked as a transfer."""
    after = None
    while True:
        page = transactions.list_transactions(user_id, portfolio_id, after=after, limit=limit).rows
        for transaction, child, is_internal in page:
            entry = transaction.entry()
            yield Row(entry.at, entry.reference, entry.n, child.follower.child_id, entry.currency, int(entry.delta)), is_internal
        if len(page) < limit:
            return
        after = page[-1].place


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(rows, min_size=1, max_size=40, unique_by=lambda row: row[:4]), st.integers(1, 12))
def test_pages_are_the_list_that_comparing_all_with_each_other_makes(api: Api, moved: list[Row], limit: int):
    number = create(api, 20, moved)
    expected = [
        (
            row,
            any(
                other.transaction == row.transaction
                and other.child != row.child
                and other.currency == row.currency
                and (other.delta > 0) != (row.delta > 0)
                for other in moved
            ),
        )
        for row in sorted(moved, reverse=True)
    ]

    assert list(listed(api.user_id, number, limit)) == expected


def test_a_transaction_of_many_addresses_is_charged_for_before_it_is_read(api: Api, requests_made: list[str]):
    number = create(api, 100, [Row(AT, 'aa', 0, child, 'btc', 1) for child in range(1, 101)])
    charged: list[tuple[int, int]] = []
    requests_made.clear()

    with charges.counted_by(lambda more: charged.append((more, len(requests_made)))):
        page = transactions.list_transactions(api.user_id, number, after=None, limit=1)

    assert len(page.rows) == 1
    assert sum(more for more, _ in charged) == 3
    assert [made for _, made in charged] == sorted({made for _, made in charged})


def test_what_many_addresses_held_is_charged_for_before_their_transactions_are_read(api: Api):
    number = create(api, 100, [Row(AT, 'aa', 0, child, 'btc', 1) for child in range(1, 101)])

    for at, expected in ((AT - 1, 3), (AT, 0)):  # of those that are quiet since then nothing is read
        with charges.counted_by(lambda more: None) as charged:
            balances.sum_up(api.user_id, number, at)
        assert charged.requests == expected


def test_the_first_page_of_a_large_portfolio_is_charged_for_nothing_more(api: Api):
    number = create(api, 100, [Row(AT + child, 'aa', 0, child, 'btc', 1) for child in range(1, 101)])

    with charges.counted_by(lambda more: None) as charged:
        transactions.list_transactions(api.user_id, number, after=None, limit=10)

    assert charged.requests == 0


def test_of_what_is_older_than_a_page_nothing_is_read(api: Api):
    """Of the first eight addresses it is not known yet how old that is."""
    moved = [Row(AT + second, 'aa', 0, child, 'btc', 1) for child in range(1, 41) for second in range(60)]
    number = create(api, 40, moved)
    read = []
    events = Item.connection().client.meta.events
    events.register('after-call.dynamodb.Query', lambda parsed, **_: read.append(parsed['Count']), 'count')

    page = transactions.list_transactions(api.user_id, number, after=None, limit=40)

    events.unregister('after-call.dynamodb.Query', unique_id='count')
    assert len(page.rows) == 40
    assert len(read) == 1 + 40
    assert sum(sorted(read)[:32]) <= 32 * 5
