"""Items on disk, in SQLite: written whole or not at all, and on the disk once `write` has returned.

An item is a row with its key and the item itself, in DynamoDB's JSON. What else rows are looked up by are virtual columns, which
SQLite reads out of that JSON, so that an index which the table gets later needs no change of the rows.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from infra.durable.definition import Definition

Key = tuple[str, str]

_BUSY_SECONDS = 30
# WAL with FULL syncs the log at every commit; macOS needs to be told that the disk's own cache counts, too.
_PRAGMAS = ('journal_mode = WAL', 'synchronous = FULL', 'fullfsync = ON', 'checkpoint_fullfsync = ON')
_LAST = '\U0010ffff'  # character, which no key has
_OPERATORS = {'=': '=', '<': '<', '<=': '<=', '>': '>', '>=': '>='}


class Damaged(Exception):
    """The file is not what was written; the message says what SQLite finds."""


class Condition(NamedTuple):
    """A condition on the sort attribute, in the words of a key condition: an operator, BETWEEN or BEGINS_WITH, and its values."""

    operator: str
    values: list[str]


class Store:
    """The items of one table. Several threads take turns by holding `turn`, from what they read until they wrote what follows from it."""

    def __init__(self, path: Path, definition: Definition) -> None:
        """Open the file, made if it is not there. Raises Damaged, and sqlite3.OperationalError when the disk or its rights refuse."""
        self.turn = Lock()
        self._definition = definition
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            for pragma in _PRAGMAS:
                self._connection.execute(f'PRAGMA {pragma}')
            self._create()
            [found] = self._connection.execute('PRAGMA quick_check(1)').fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise Damaged(str(error)) from None
        if found != 'ok':
            raise Damaged(found)

    def _create(self) -> None:
        key = self._definition.key
        run = self._connection.execute
        columns = f'{key.partition} TEXT, {key.sort} TEXT, item TEXT, PRIMARY KEY ({", ".join(key)})'
        run(f'CREATE TABLE IF NOT EXISTS items ({columns}) WITHOUT ROWID')
        there = {row[1] for row in run('PRAGMA table_xinfo(items)')}
        for name in self._definition.columns:
            if name not in there:
                run(f'ALTER TABLE items ADD COLUMN {name} AS ({self._extracted(name)}) VIRTUAL')
        for name, index in self._definition.indexes.items():
            columns = ', '.join(dict.fromkeys((*index, *key)))
            run(f'CREATE INDEX IF NOT EXISTS {name} ON items ({columns}) WHERE {index.sort} IS NOT NULL')
        run(f'CREATE INDEX IF NOT EXISTS expiry ON items ({self._definition.expires}) WHERE {self._definition.expires} IS NOT NULL')

    def _extracted(self, name: str) -> str:
        is_number = self._definition.types.get(name, 'N') == 'N'
        return f"CAST(json_extract(item, '$.{name}.N') AS NUMERIC)" if is_number else f"json_extract(item, '$.{name}.S')"

    @property
    def is_empty(self) -> bool:
        """Whether there is no item, as before the first write."""
        return next(self.scan(None), None) is None

    def get(self, keys: Iterable[Key]) -> dict[Key, str]:
        """Return those of the items that are there."""
        key = self._definition.key
        question = f'SELECT item FROM items WHERE {key.partition} = ? AND {key.sort} = ?'
        rows = ((one, self._connection.execute(question, one).fetchone()) for one in dict.fromkeys(keys))
        return {one: row[0] for one, row in rows if row}

    def query(
        self, index_name: str | None, partition: str, condition: Condition | None, after: Mapping[str, str] | None, *, forward: bool
    ) -> Iterator[tuple[Key, str]]:
        """Yield the items of a partition of the table or of an index in order; `after` is the key of the last item seen before."""
        index = self._definition.indexes[index_name] if index_name else self._definition.key
        order = list(dict.fromkeys((index.sort, *self._definition.key)))
        where, values = [f'{index.partition} = {self._parameter(index.partition)}', f'{index.sort} IS NOT NULL'], [partition]
        if condition is not None:
            text, given = self._where(index.sort, condition, None if after is None else forward)
            where.append(text)
            values += given
        return self._rows(order, where, values, after, forward=forward)

    def scan(self, after: Mapping[str, str] | None) -> Iterator[tuple[Key, str]]:
        """Yield all items in the order of their keys."""
        return self._rows(list(self._definition.key), [], [], after, forward=True)

    def _rows(
        self, order: list[str], where: list[str], values: list[str], after: Mapping[str, str] | None, *, forward: bool
    ) -> Iterator[tuple[Key, str]]:
        if after is not None:
            parameters = ', '.join(self._parameter(name) for name in order)
            where.append(f'({", ".join(order)}) {">" if forward else "<"} ({parameters})')
            values = [*values, *(after[name] for name in order)]
        condition = f'WHERE {" AND ".join(where)}' if where else ''
        sorted_by = ', '.join(f'{name} {"ASC" if forward else "DESC"}' for name in order)
        key = self._definition.key
        for partition, sort, item in self._connection.execute(
            f'SELECT {key.partition}, {key.sort}, item FROM items {condition} ORDER BY {sorted_by}', values
        ):
            yield (partition, sort), item

    def _where(self, name: str, condition: Condition, seen: bool | None) -> tuple[str, list[str]]:
        """`seen` says what was seen before: True what is lower, False what is higher, None nothing.

        There the last item seen is the bound to begin at. SQLite begins at the first that it finds, so the other has a +, which keeps it
        from the index.
        """
        parameter = self._parameter(name)
        low, high = ('+' if seen is True else '') + name, ('+' if seen is False else '') + name
        if condition.operator == 'BETWEEN':
            return f'{low} >= {parameter} AND {high} <= {parameter}', condition.values
        if condition.operator == 'BEGINS_WITH':
            [prefix] = condition.values
            within = f'{low} >= ? AND {high} < ?'  # of bounds SQLite makes a range of the index, of substr() it does not
            return f'substr({name}, 1, length(?)) = ? AND {within}', [prefix, prefix, prefix, prefix + _LAST]
        operator = _OPERATORS[condition.operator]
        return f'{low if ">" in operator else high if "<" in operator else name} {operator} {parameter}', condition.values

    def _parameter(self, name: str) -> str:
        return 'CAST(? AS NUMERIC)' if self._definition.types[name] == 'N' else '?'

    def write(self, puts: Mapping[Key, str], deletes: Iterable[Key]) -> None:
        """Write and delete items, all or none, and return once that is on the disk. Raises sqlite3.Error."""
        key = self._definition.key
        # In order: a history comes newest first, and each item before all others left SQLite more than half of its pages empty.
        rows = [(*one, item) for one, item in sorted(puts.items())]
        self._connection.execute('BEGIN IMMEDIATE')
        try:
            self._connection.executemany('INSERT OR REPLACE INTO items VALUES (?, ?, ?)', rows)
            self._connection.executemany(f'DELETE FROM items WHERE {key.partition} = ? AND {key.sort} = ?', list(deletes))
            self._connection.execute('COMMIT')
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute('ROLLBACK')
            raise

    def delete_expired(self, now: int) -> int:
        """Delete what has expired, as DynamoDB's time to live does, and return how many items that were."""
        return self._connection.execute(f'DELETE FROM items WHERE {self._definition.expires} <= ?', (now,)).rowcount

    def remove_attributes(self, names: Sequence[str]) -> int:
        """Remove attributes, which no row is looked up by, from all items that have the first one; return how many items those were."""
        paths = [f'$.{name}' for name in names]
        changed = f'json_remove(item, {", ".join("?" for _ in paths)})'
        # Reading the text for the name first spares parsing each item: there may be a hundred thousand, and hardly any has the attribute.
        having = "instr(item, ?) AND json_type(item, ?) = 'object'"
        arguments = (*paths, f'"{names[0]}"', paths[0])
        return self._connection.execute(f'UPDATE items SET item = {changed} WHERE {having}', arguments).rowcount

    def close(self) -> None:
        self._connection.close()
