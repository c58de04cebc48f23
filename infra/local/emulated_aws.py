"""The AWS of a run: moto in this process, with a table and keys that a folder keeps, if there is one."""

import secrets
import sqlite3
from pathlib import Path
from typing import NamedTuple

from infra.durable import definition, keys
from infra.durable.definition import Definition
from infra.durable.dynamodb import DurableTable
from infra.durable.folder import CannotOpen, Folder
from infra.durable.store import Damaged, Store
from infra.local import moto_server, stack

_HOST = '127.0.0.1'
_ACCOUNT = '123456789012'  # moto's
LEASE = ('lease_until', 'lease_owner')  # the attributes of `chalicelib.models.lease`, which takes long to import
_IN_MEMORY = Path(':memory:')  # SQLite's name for it


class Emulation(NamedTuple):
    """The environment that leads to it, and the store of its items."""

    environment: dict[str, str]
    store: Store


def enter(folder: Folder | None, issuer: str) -> Emulation:
    """Start moto, and lead this process and its children there. Raises CannotOpen.

    Without a folder the items are in memory, in the same store: moto by itself copies its whole table for each transaction.
    """
    table = definition.read()
    store = open_store(folder, table) if folder else Store(_IN_MEMORY, table)
    if folder:
        keys.load(folder.keys, _ACCOUNT, stack.REGION)
    access_key = secrets.token_hex(16)
    endpoint = moto_server.start(_HOST, lambda moto: DurableTable(moto, store, table, stack.NAME, _ACCOUNT, stack.REGION), access_key)
    environment = stack.enter(endpoint, issuer, access_key)
    if folder:
        keys.save(folder.keys, _ACCOUNT, stack.REGION)
    return Emulation(environment, store)


def release_leases(store: Store) -> None:
    """Release whatever worker holds a lease on: for when none runs any more, and the next need not wait until leases run out."""
    with store.turn:
        store.remove_attributes(LEASE)


def open_store(folder: Folder, table: Definition) -> Store:
    """Return the items of a folder.

    Raises CannotOpen when they cannot be read or written, are damaged, or are there without the keys that open their secrets.
    """
    try:
        store = Store(folder.items, table)
    except sqlite3.OperationalError as error:
        raise CannotOpen(f'{folder.items} cannot be used ({error}): let its owner run this, on a disk with room, and start again') from None
    except Damaged as error:
        raise CannotOpen(f'{folder.items} is damaged ({error}): move it away, start again and import the last backup') from None
    if not folder.keys.exists() and not store.is_empty:
        store.close()
        raise CannotOpen(f'{folder.keys} is missing, without which secrets in {folder.items.name} stay closed: put it back from a backup')
    return store
