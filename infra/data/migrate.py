"""Bring the items of a table to the newest schema: one migration after the other, each over the whole table.

The item META#SCHEMA holds the number of the last migration that is through, and how far the one under way has come.
A migration changes an item by conditional writes, so it can run beside the application, be killed, and run again.
"""

import json

from infra.data import scan
from infra.data.migrations import MIGRATIONS, Migration
from infra.data.progress import Progress, say
from infra.data.scan import Everything, Positions
from infra.data.table import Key, Raw, Table, as_raw

KEY: Key = ('META#SCHEMA', 'SCHEMA')


def latest() -> int:
    """Return the number of the newest migration."""
    return MIGRATIONS[-1].number


def version(table: Table) -> int:
    """Return the number of the last migration that is through in a table, 0 for none."""
    return int(_state(table).get('version', {'N': '0'})['N'])


def pending(table: Table) -> list[Migration]:
    """Return the migrations that a table lacks, in order."""
    done = version(table)
    return [migration for migration in MIGRATIONS if migration.number > done]


def lower_version(table: Table, imported: int, *, empty: bool) -> None:
    """Note that items of an older schema come in: the migrations since then are to run again."""
    number = imported if empty else min(imported, version(table))
    table.put([_item(version=number)])


def count(table: Table, migration: Migration) -> int:
    """Return how many items a migration has to look at."""
    reader = Everything(table, **migration.which)
    return sum(len(page.items) for _, page in scan.read(reader, reader.starts()))


def run(table: Table, migration: Migration, progress: Progress) -> None:
    """Carry out a migration, from where it was interrupted if it was, and note that it is through."""
    reader = Everything(table, **migration.which)
    done = version(table)
    positions = _resumed(table, migration) or reader.starts()
    for lane, page in scan.read(reader, dict(positions)):
        changed = table.parallel(lambda item: migration.change(table, item), page.items)
        progress.add(sum(changed))
        scan.move(positions, lane, page)
        table.put([_item(version=done, under_way=migration.number, positions=positions)])
    table.put([_item(version=migration.number)])
    say(f'{migration.number:04} {migration.name} is through')


def _state(table: Table) -> Raw:
    return table.get([KEY]).get(KEY, {})


def _resumed(table: Table, migration: Migration) -> Positions:
    state = _state(table)
    if state.get('under_way') != {'N': str(migration.number)}:
        return {}
    return {int(lane): position for lane, position in json.loads(state['positions']['S']).items()}


def _item(*, version: int, under_way: int | None = None, positions: Positions | None = None) -> Raw:
    item = as_raw(KEY) | {'kind': {'S': 'schema'}, 'version': {'N': str(version)}}
    if under_way is None:
        return item
    return item | {'under_way': {'N': str(under_way)}, 'positions': {'S': json.dumps(positions)}}
