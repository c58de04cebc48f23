"""The users of a table, for an operator. Reads the whole table, as nothing lists users but that."""

from collections.abc import Iterable
from typing import NamedTuple

from chalicelib import formats
from chalicelib.models import User
from infra.data.progress import Progress
from infra.data.scan import Everything, read
from infra.data.table import Raw, Table, as_raw

_OPTIONS = {'FilterExpression': 'kind = :kind', 'ExpressionAttributeValues': {':kind': {'S': 'user'}}}


class UserPage(NamedTuple):
    """Users in no order that means anything, and the id after which the next page begins, None on the last one."""

    users: list[User]
    after: str | None


def page(table: Table, most: int, after: str | None) -> UserPage:
    """Return up to `most` users, those that come after the one with the id `after`."""
    position: Raw | None = as_raw((User.pk_of(after), 'USER')) if after else None
    users: list[User] = []
    while len(users) <= most:
        rows = table.scan(0, 1, position, **_OPTIONS)
        users += [User.from_raw_data(item) for item in rows.items]
        position = rows.after
        if position is None:
            break
    shown = users[:most]
    return UserPage(shown, shown[-1].user_id if len(users) > most else None)


def count(table: Table) -> int:
    """Return how many users there are."""
    reader, progress = Everything(table, **_OPTIONS), Progress('counted', 'users')
    for _, one in read(reader, reader.starts()):
        progress.add(len(one.items))
    return progress.count


def lines(users: Iterable[User]) -> list[str]:
    """Return a line for each user below a heading: when they came, how many portfolios they have, their state, address and id."""
    rows = [('created', 'portfolios', 'state', 'email address', 'id')]
    rows += [
        (formats.format_instant(user.created_at)[:10], str(user.portfolio_count), _state(user), user.email, user.user_id) for user in users
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ['  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _state(user: User) -> str:
    delete_at: int | None = user.delete_at
    if delete_at is not None:
        return f'to be deleted {formats.format_instant(delete_at)[:10]}'
    return 'active' if user.confirmed_at else 'not confirmed'
