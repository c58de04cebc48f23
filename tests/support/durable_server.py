"""Serves a table on disk in a process of its own that can be killed: `python -m tests.support.durable_server FOLDER`.

For each line of standard input it starts to serve, and prints process and URL. What takes long, importing moto, happens once.
"""

import os
import sys
import time
from pathlib import Path

from moto.dynamodb.models import dynamodb_backends

from infra.durable import definition
from infra.durable.dynamodb import DurableTable
from infra.durable.store import Store
from infra.local import moto_server
from infra.template import load

ACCOUNT, REGION, NAME = '123456789012', 'us-east-1', 'cryptfolio-durable'


def create_table(account: str = ACCOUNT) -> None:
    """Make the table of the template in moto."""
    properties = load()['Resources']['Table']['Properties']
    dynamodb_backends[account][REGION].create_table(
        NAME,
        schema=properties['KeySchema'],
        throughput=None,
        attr=properties['AttributeDefinitions'],
        global_indexes=properties['GlobalSecondaryIndexes'],
        indexes=properties['LocalSecondaryIndexes'],
        streams=None,
        billing_mode='PAY_PER_REQUEST',
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )


def serve(folder: Path, account: str = ACCOUNT) -> str:
    """Serve from a folder, in threads of this process; return the URL."""
    table = definition.read()
    store = Store(folder / 'items.sqlite3', table)
    return moto_server.start('127.0.0.1', lambda moto: DurableTable(moto, store, table, NAME, account, REGION))


def main() -> None:
    create_table()
    for _ in sys.stdin:
        if process := os.fork():
            os.waitpid(process, 0)
        else:
            print(os.getpid(), serve(Path(sys.argv[1])), flush=True)
            time.sleep(3_600)


if __name__ == '__main__':
    main()
