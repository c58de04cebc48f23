"""What belongs to one user: which items of which partitions. Reads it in the order of its keys."""

import zlib
from bisect import bisect_left
from collections.abc import Iterator

from chalicelib.models import ApiKey, ApiKeySecret, Application, Email, Follower, FormerEmail, Item, ShareLink, ShareToken, User
from infra.data.scan import Page, Position, Positions
from infra.data.table import THREADS, Problem, Raw, Table, kind_of

_OF_THE_STAGE = 'linked-subject-pointer'  # of links that the operator of one stage made; an export takes neither along


def find(table: Table, text: str) -> str:
    """Return the id of the user with this e-mail address or id. Raises Problem when there is nobody."""
    if '@' in text:
        key = (Email.key(text), 'EMAIL')
        found = table.get([key])
        if found:
            return str(found[key]['user_id']['S'])
    elif table.get([(User.pk_of(text), 'USER')]):
        return text
    raise Problem(f'{table.name} has no user {text}')


class OneUser:
    """Everything of one user: their partition, what is found by their e-mail address, API keys and clients, and their ledgers.

    Ledgers are shared: only this user's watching of them is exported.
    """

    def __init__(self, table: Table, user_id: str) -> None:
        self._table = table
        self._user_id = user_id
        self._lanes: dict[int, list[str]] = {}
        own = User.pk_of(user_id)
        for pk in sorted({own, *(pk for item in table.partition(own) for pk in _leads_to(item))}):
            self._lanes.setdefault(zlib.crc32(pk.encode()) % THREADS, []).append(pk)

    def starts(self) -> Positions:
        return dict.fromkeys(self._lanes)

    def page(self, lane: int, position: Position | None) -> Page:
        """A position is a partition and a key in it; the partitions may be others by now than when it was made."""
        partitions = self._lanes.get(lane, [])
        place = bisect_left(partitions, position['pk']) if position else 0
        if place == len(partitions):
            return Page([], None)
        pk = partitions[place]
        rows = self._table.query(pk, position['after'] if position and position['pk'] == pk else None)
        return Page([_without_others(item) for item in rows.items if self._is_theirs(item)], _next(partitions, place, rows.after))

    def _is_theirs(self, item: Raw) -> bool:
        if kind_of(item) == _OF_THE_STAGE:
            return False
        if kind_of(item) in ('email', 'former_email'):  # an address that they never confirmed, or moved away from, may be another's by now
            return str(item['user_id']['S']) == self._user_id
        return kind_of(item) != 'watch' or item.get('user_id', {}).get('S') == self._user_id  # or an HD wallet's, which watches anew


def _without_others(item: Raw) -> Raw:
    """Return an item without what it says of the HD wallets of other users, which the next refresh finds again."""
    return {name: value for name, value in item.items() if name not in ('member_of', 'within', 'derived')}


def _next(partitions: list[str], place: int, after: Raw | None) -> Position | None:
    if after:
        return {'pk': partitions[place], 'after': after}
    return {'pk': partitions[place + 1], 'after': None} if place + 1 < len(partitions) else None


def _leads_to(raw: Raw) -> Iterator[str]:
    """Yield the partitions that an item of a user's own partition leads to."""
    item = Item.from_raw_data(raw)
    if isinstance(item, User):
        yield Email.key(item.email)
        yield from (FormerEmail.key(link.email)[0] for link in item.take_backs if link.email)
    elif isinstance(item, Follower):
        yield item.ledger
    elif isinstance(item, ApiKey):
        yield ApiKeySecret.key(item.secret_hash)[0]
    elif isinstance(item, ShareLink):
        yield ShareToken.key(item.token_hash)[0]
    elif isinstance(item, Application):
        yield str(item.sk)
