"""Put an export into a table, so that it can be repeated and gone on with, and so that nobody else's data is overwritten.

Three rounds: what a replaced user has too much is removed; then everything is put but ledgers' states, users and e-mail
addresses; then those. So a state is there only when its transactions are, and nobody can log in to half an account. A
ledger that the table has already is left as it is, being newer, and only watched.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from chalicelib import clock
from chalicelib.domain.ledger_keys import is_ledger_key
from chalicelib.models import Cursor, Item, Ledger, Operation, Transaction, User, Write, transact
from chalicelib.models.due_index import LEDGERS
from infra.data import migrate, scan
from infra.data.archive import Archive, write_whole
from infra.data.progress import Progress
from infra.data.table import Key, Problem, Raw, Table, key_of, kind_of
from infra.data.users import OneUser

_CHUNK = 500
_LAST = ('ledger', 'email', 'user')
_FINDERS = ('email', 'client', 'api_key_secret', 'share_token')  # found by what their owner shows, so two owners may want the same


class Place(NamedTuple):
    """Where an import is: the round, and the byte of the file to go on from in it."""

    round: int
    offset: int


class Restore:
    """An import of a checked file into a table."""

    def __init__(self, table: Table, archive: Archive, *, replace: bool) -> None:
        self._table = table
        self._archive = archive
        self._replace = replace
        self._checkpoint = archive.path.with_name(f'{archive.path.name}.{table.name}.checkpoint')

    def objections(self) -> list[str]:
        """Return what speaks against it, in sentences; reads only."""
        return [*self._newer(), *self._in_the_way(), *self._taken()]

    def superfluous(self) -> list[Key]:
        """Return the keys of what a user to be replaced has in the table and not in the file."""
        user_id = self._archive.header.user_id
        if user_id is None or not self._replace:
            return []
        reader = OneUser(self._table, user_id)
        held = {key_of(item) for _, page in scan.read(reader, reader.starts()) for item in page.items if not _is_shared(item)}
        archived = {key_of(item) for item, _ in self._archive.items() if not _is_shared(item)}
        return sorted(held - archived)

    def begin(self, progress: Progress) -> None:
        """Carry it out from the start. Raises Problem."""
        objections = self.objections()
        if objections:
            raise Problem('\n'.join(objections))
        migrate.lower_version(self._table, self._archive.header.schema, empty=self._is_empty())
        self._go_on(Place(0, self._archive.start), progress)

    def resume(self, progress: Progress) -> None:
        """Go on where an import of the same file into the same table was interrupted. Raises Problem."""
        try:
            saved = json.loads(self._checkpoint.read_text())
        except FileNotFoundError:
            raise Problem(f'there is nothing to resume: {self._checkpoint} is not there') from None
        if saved['sha256'] != self._archive.sha256:
            raise Problem(f'{self._archive.path} is not the file that was being imported: import it without --resume')
        self._replace = saved['replace']
        self._go_on(Place(saved['round'], saved['offset']), progress)

    def _go_on(self, place: Place, progress: Progress) -> None:
        if place.round == 0:
            self._save(place)
            self._remove(self.superfluous())
            place = Place(1, self._archive.start)
        for number, put in ((1, self._put_first), (2, self._put_last)):
            if number < place.round:
                continue
            for items, offset in self._chunks(place.offset if number == place.round else None):
                progress.add(put(items))
                self._save(Place(number, offset))
        self._checkpoint.unlink()

    def _save(self, place: Place) -> None:
        write_whole(self._checkpoint, place._asdict() | {'sha256': self._archive.sha256, 'replace': self._replace})

    def _chunks(self, offset: int | None) -> Iterator[tuple[list[Raw], int]]:
        chunk: list[Raw] = []
        place = self._archive.start
        for item, place in self._archive.items(offset):
            chunk.append(item)
            if len(chunk) == _CHUNK:
                yield chunk, place
                chunk = []
        if chunk:
            yield chunk, place

    def _newer(self) -> Iterator[str]:
        if self._archive.header.schema > migrate.latest():
            yield f'{self._archive.path} was exported by a newer release: update this one first'

    def _in_the_way(self) -> Iterator[str]:
        user_id = self._archive.header.user_id
        if self._replace:
            return
        if user_id is None and not self._is_empty():
            yield f'{self._table.name} is not empty: --resume to go on with an interrupted import, --replace to overwrite what is there'
        if user_id is not None and self._table.get([(User.pk_of(user_id), 'USER')]):
            yield f'{self._table.name} has the user {user_id} already: --replace to make them what they are in the file'

    def _taken(self) -> Iterator[str]:
        for items, _ in self._chunks(None):
            finders = {key_of(item): item for item in items if kind_of(item) in _FINDERS}
            for key, held in self._table.get(finders).items():
                if _owner(held) != _owner(finders[key]):
                    yield f'{key[0]} belongs to somebody else in {self._table.name}, the user {_owner(held)}'

    def _is_empty(self) -> bool:
        found = self._table.scan(0, 1, None, Limit=2).items
        return all(key_of(item) == migrate.KEY for item in found)

    def _remove(self, keys: list[Key]) -> None:
        for pk, sk in (key for key in keys if key[1].startswith('WATCH#')):
            transact(Write(Operation.DELETE, Item(pk, sk)), Ledger.make_due(pk, clock.now()))
        self._table.delete(key for key in keys if not key[1].startswith('WATCH#'))

    def _put_first(self, items: list[Raw]) -> int:
        early = [item for item in items if kind_of(item) not in _LAST]
        ledgers = {(pk, 'STATE') for pk, _ in map(key_of, early) if is_ledger_key(pk)}
        known = {pk for pk, _ in self._table.get(ledgers)}
        self._table.put(item for item in early if not (_is_shared(item) and key_of(item)[0] in known))
        return len(early)

    def _put_last(self, items: list[Raw]) -> int:
        late = [item for item in items if kind_of(item) in _LAST]
        self._table.parallel(self._put_one, late)
        return len(late)

    def _put_one(self, item: Raw) -> None:
        kind = kind_of(item)
        if kind == 'ledger':
            self._put_ledger(item)
        elif kind == 'user':
            self._table.put([item])
        elif not self._table.put_if(item, 'attribute_not_exists(pk) OR user_id = :owner', owner=item['user_id']):
            raise Problem(f'{key_of(item)[0]} was taken by somebody else meanwhile: its user cannot log in with it')

    def _put_ledger(self, item: Raw) -> None:
        """Put a ledger's state if there is none; else make it due, as it may have a watch now that it had not."""
        if not self._table.put_if(_at_rest(item), 'attribute_not_exists(pk)'):
            transact(Ledger.make_due(key_of(item)[0], clock.now()))


def _is_shared(item: Raw) -> bool:
    """Whether an item is a ledger's own, which all who watch it share."""
    pk, sk = key_of(item)
    return is_ledger_key(pk) and not sk.startswith('WATCH#')


def _owner(item: Raw) -> Any:
    return (item.get('user_id') or item['owner_id'])['S']


def _at_rest(item: Raw) -> Raw:
    """Return a ledger's state as nobody works on it: due, without lease, without the cursor if that does not fit the transactions.

    An export is no snapshot, so a state may be newer than the transactions beside it. Without its cursor a ledger is
    read in full by its next refresh; what it shows until then stays. An HD wallet looks for its parts anew: they may not be there.
    """
    pk, _ = key_of(item)
    fits = _fits(pk, Ledger.from_raw_data(item).cursor)
    dropped = {'lease_owner', 'lease_until', 'derived', 'member_of', *(() if fits else ('cursor',))}
    due = {'due_shard': {'N': str(LEDGERS.shard_of(pk))}, 'due_at': item.get('due_at', {'N': str(clock.now())})}
    return {name: value for name, value in item.items() if name not in dropped} | due


def _fits(pk: str, cursor: Cursor | None) -> bool:
    """Whether the transactions stored are those that the cursor counts; one of a download under way is checked at its end."""
    if cursor is None or not _is_downloaded(cursor):
        return True
    final, revertible = 0, set()
    for transaction in Transaction.every(pk):
        if transaction.height > cursor.final_height:
            revertible.add(transaction.sk)
        else:
            final += 1
    return revertible == set(cursor.revertible) and final == sum(tally.number for tally in cursor.tallies().values())


def _is_downloaded(cursor: Cursor) -> bool:
    return cursor.final_height is not None and cursor.resume is None
