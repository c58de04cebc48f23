"""What users watch in benchmarks.upstream_economy, as it is stored at some moment of a day."""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from infra.growth.assumptions import DAY, People

if TYPE_CHECKING:  # models need settings, which the benchmark makes first
    from chalicelib.domain.marks import Mark
    from chalicelib.models import Ledger, Transaction

CHAIN = 'eth'
BEGIN = 1_900_000_000  # of the day
PAID_AT = BEGIN - 99 * DAY  # when each address got what it has


class User(NamedTuple):
    """One who watches some addresses, and when they looked last; None if not within a day."""

    user_id: str
    addresses: Sequence[str]
    looked_at: int | None


def users_of(addresses: Sequence[str], dice: random.Random) -> list[User]:
    """Return users with their addresses; those who look on a day did so at any time of it."""
    people = People(len(addresses))
    each = round(people.addresses)
    return [
        User(
            f'u{start:06}',
            addresses[start : start + each],
            BEGIN - dice.randrange(DAY // round(people.visits)) if dice.random() < people.active else None,
        )
        for start in range(0, len(addresses), each)
    ]


def put_user(user: User) -> None:
    """Store a user's portfolio with the addresses."""
    from chalicelib.models import Address, Item, Portfolio, Watch
    from chalicelib.models import User as StoredUser

    header = Portfolio(
        StoredUser.pk_of(user.user_id),
        'PORTFOLIO#000001',
        user_id=user.user_id,
        portfolio_id=1,
        title='x',
        currencies=[CHAIN],
        addresses=len(user.addresses),
        created_at=1,
        updated_at=1,
    )
    items: list[Item] = [header]
    for number, address in enumerate(user.addresses, 1):
        child = Address.at(user.user_id, 1, number)
        child.user_id, child.portfolio_id, child.address_id = user.user_id, 1, number
        child.title, child.currency, child.address = 'x', CHAIN, address
        child.created_at = child.updated_at = 1
        items += [child, Watch.of(child)]
    Item.write_many(put=items)


def store(users: Sequence[User], template: 'Ledger', transactions: 'Sequence[Transaction]', dice: random.Random) -> None:
    """Store what all users watch as it is at some moment of a day."""
    from chalicelib.domain.ledger_keys import AddressKey
    from chalicelib.domain.work_groups import work_group
    from chalicelib.models import LEDGERS, Item, Ledger, Transaction
    from chalicelib.services.ledgers import policy

    raw, rows = template.serialize(), [row.serialize() for row in transactions]
    height = transactions[0].height
    for user in users:
        put_user(user)
        since_look = DAY if user.looked_at is None else BEGIN - user.looked_at
        every = next((every for within, every in policy.INTERVALS if since_look < within), policy.LONGEST_INTERVAL)
        due_of_user = BEGIN + dice.randrange(every)
        items: list[Item] = []
        for address in user.addresses:
            pk = AddressKey(CHAIN, address).text
            ledger = Ledger.from_raw_data({**raw, 'pk': {'S': pk}})
            due_at = due_of_user if user.looked_at is not None else BEGIN + dice.randrange(every)
            ledger.looked_at = user.looked_at or BEGIN - 9 * DAY
            ledger.updated_at = due_at - every
            trust = policy.LONGEST_TRUST_UNSEEN_SECONDS if user.looked_at is None else policy.LONGEST_TRUST_SECONDS
            ledger.read_at = min(BEGIN - dice.randrange(trust), ledger.updated_at)
            ledger.tokens_asked_at, ledger.created_at = ledger.read_at, BEGIN - 9 * DAY
            ledger.mark = _mark(ledger.updated_at, height)
            ledger.work_group, ledger.due_shard, ledger.due_at = work_group(user.user_id), LEDGERS.shard_of(pk), due_at
            items += [ledger, *(Transaction.from_raw_data({**row, 'pk': {'S': pk}}) for row in rows)]
        Item.write_many(put=items)


def _mark(at: int, first_height: int) -> 'Mark':
    from chalicelib.domain.marks import Mark

    return Mark('0', BEGIN - 9 * DAY, first_height + (at - PAID_AT) // 12)
