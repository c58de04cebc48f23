"""Delete everything of a user: every item whose key or owner names them, found by reading the whole table.

Can be repeated, and goes on where it was interrupted: the e-mail address, by which the user is found, goes last.
"""

import re
from collections.abc import Iterable

from chalicelib import clock
from chalicelib.models import Item, Ledger, Operation, Write, transact
from chalicelib.services.users import access
from infra.data import scan
from infra.data.progress import Progress
from infra.data.scan import Everything
from infra.data.table import Key, Problem, Table, key_of

_ID = re.compile('[0-9a-f]{32}')
_NAMES_THEM = 'contains(pk, :id) OR contains(sk, :id) OR user_id = :id OR owner_id = :id'


def keys_of(table: Table, user_id: str) -> list[Key]:
    """Return the keys of all items that name a user, in the order in which they are to go."""
    if not _ID.fullmatch(user_id):
        raise Problem(f'{user_id} is no user id: 32 digits and letters from a to f')
    names = {'FilterExpression': _NAMES_THEM, 'ExpressionAttributeValues': {':id': {'S': user_id}}}
    reader = Everything(table, ProjectionExpression='pk, sk', **names)
    return sorted((key_of(item) for _, page in scan.read(reader, reader.starts()) for item in page.items), key=_turn)


def forget(table: Table, user_id: str, progress: Progress) -> None:
    """Delete everything that names a user, until nothing does: an access token of theirs may live for minutes.

    What opens the account ends first, so that nobody gets at it meanwhile.
    """
    access.end_all(user_id, clock.now())
    while keys := keys_of(table, user_id):
        for turn in range(_LAST_TURN + 1):
            _delete(table, [key for key in keys if _turn(key) == turn])
        progress.add(len(keys))


_LAST_TURN = 4


def _turn(key: Key) -> int:
    """The user first, so that no portfolio is created any more, then portfolios, so that nothing is put into them."""
    _, sk = key
    if sk == 'USER':
        return 0
    if sk.startswith('PORTFOLIO#') and sk.count('#') == 1:
        return 1
    if sk.startswith('WATCH#'):
        return 2
    return _LAST_TURN if sk == 'EMAIL' else 3


def _delete(table: Table, keys: Iterable[Key]) -> None:
    """A ledger whose watch goes is made due: its refresh deletes it when nobody else watches it."""
    rest: list[Key] = []
    for pk, sk in keys:
        if sk.startswith('WATCH#'):
            transact(Write(Operation.DELETE, Item(pk, sk)), Ledger.make_due(pk, clock.now()))
        else:
            rest.append((pk, sk))
    table.delete(rest)
