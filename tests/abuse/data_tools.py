"""The operator's commands while AWS fails: an export has everything, once, and nothing of who is to be forgotten stays."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import clock, formats
from chalicelib.config import settings
from chalicelib.errors import AppError
from infra.data import archive, export, forget, migrate
from infra.data.archive import Header, Writer
from infra.data.kinds import LEFT_OUT
from infra.data.progress import Progress
from infra.data.scan import Everything
from infra.data.table import Key, Problem, Table, key_of, kind_of
from tests.support.dynamodb import table

MOST_TRIES = 20
FAILURES = (Problem, AppError, BotoCoreError, ClientError)  # after which the commands say to try again


def export_all() -> list[Key]:
    """Export everything and return the keys of what was exported; what fails for too long is done again."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(MOST_TRIES):
            try:
                file = _export(Path(folder) / str(number))
            except FAILURES:
                continue
            return [key_of(item) for item, _ in archive.check(file).items()]
    raise AssertionError(f'no export in {MOST_TRIES} tries')


def _export(file: Path) -> Path:
    source = Table(settings().table_name)
    header = Header(source.name, migrate.version(source), formats.format_instant(clock.now()), None)
    with closing(Writer.new(file, header, Everything(source).starts())) as writer:
        export.write(writer, Everything(source), Progress('exported'))
    return file


def lacking(exported: Sequence[Key]) -> Iterator[str]:
    """Yield what an export does not have, or has twice; nothing was written since."""
    there = {key_of(item) for item in table() if kind_of(item) not in LEFT_OUT}
    if len(exported) != len(set(exported)):
        yield 'an export has an item twice'
    if set(exported) != there:
        yield f'an export lacks {there - set(exported)} and has {set(exported) - there}'


def forget_user(user_id: str) -> None:
    """Delete everything of a user, going on where a failure ended it."""
    for _ in range(MOST_TRIES):
        try:
            forget.forget(Table(settings().table_name), user_id, Progress('deleted'))
        except FAILURES:
            continue
        return
    raise AssertionError(f'{user_id} is not forgotten in {MOST_TRIES} tries')
