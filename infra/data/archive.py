"""The file of an export: JSON Lines. Knows how it is written, gone on with after a kill, checked and read; not what is in an item.

    {"header": {"format": "cryptfolio-export", "version": 1, "schema", "table", "made_at", "what", "user_id"}}
    {"pk": {"S": "USER#…"}, "sk": {"S": "USER"}, …}       one item a line, in DynamoDB's JSON: numbers as text, binary as base64
    {"trailer": {"items", "kinds", "sha256"}}              sha256 of every byte before this line

`FILE.checkpoint` lies beside it while it is being written. Both are readable by their owner alone.
"""

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from infra.data.scan import Positions
from infra.data.table import Problem, Raw, key_of, kind_of

FORMAT, VERSION = 'cryptfolio-export', 1
_BLOCK = 1 << 20
_LONGEST_TRAILER = 1 << 16


class Header(NamedTuple):
    """What an export is of. `user_id` is None for everything; `schema` the version of the source, see migrations."""

    table: str
    schema: int
    made_at: str
    user_id: str | None


class Writer:
    """An export that is being written. `new` begins one, `resume` goes on where the last checkpoint was."""

    def __init__(self, path: Path, file: BinaryIO, header: Header, positions: Positions, kinds: Counter[str]) -> None:
        self.header = header
        self.positions = positions
        self.kinds = kinds
        self._path = path
        self._file = file
        self._sum = hashlib.sha256()

    @classmethod
    def new(cls, path: Path, header: Header, positions: Positions) -> 'Writer':
        """Begin a file. Raises Problem when there is one already."""
        try:
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb')
        except FileExistsError:
            raise Problem(f'{path} is there already: choose another name, or --resume if it is an export that was interrupted') from None
        writer = cls(path, file, header, positions, Counter())
        writer._line({'header': {'format': FORMAT, 'version': VERSION} | header._asdict()})
        writer.checkpoint()
        return writer

    @classmethod
    def resume(cls, path: Path) -> 'Writer':
        """Go on with an interrupted file: what was written after its last checkpoint is cut off. Raises Problem."""
        try:
            saved = json.loads(_beside(path).read_text())
            file = path.open('r+b')
        except FileNotFoundError:
            raise Problem(f'there is nothing to resume: {path} and {_beside(path)} are not both there') from None
        positions = {int(lane): position for lane, position in saved['positions'].items()}
        writer = cls(path, file, Header(**saved['header']), positions, Counter(saved['kinds']))
        file.truncate(saved['size'])
        for block in iter(lambda: file.read(_BLOCK), b''):
            writer._sum.update(block)
        if (file.tell(), writer._sum.hexdigest()) != (saved['size'], saved['sha256']):
            writer.close()
            raise Problem(f'{path} is not what its checkpoint says: delete both and export again')
        return writer

    def write(self, items: Iterable[Raw]) -> None:
        """Add items; they count once `checkpoint` was called."""
        for item in items:
            self.kinds[kind_of(item)] += 1
            self._line(item)

    def checkpoint(self) -> None:
        """Make what was written, and `positions`, what `resume` goes on from."""
        self._file.flush()
        saved = {'header': self.header._asdict(), 'positions': self.positions, 'kinds': self.kinds}
        write_whole(_beside(self._path), saved | {'size': self._file.tell(), 'sha256': self._sum.hexdigest()})

    def finish(self) -> None:
        """Write the trailer: the file is whole."""
        self._line({'trailer': _trailer(self.kinds, self._sum.hexdigest())})
        self.close()
        _beside(self._path).unlink()

    def close(self) -> None:
        """Let go of the file, whole or not."""
        self._file.close()

    def _line(self, content: Any) -> None:
        line = encode(content)
        self._sum.update(line)
        self._file.write(line)


class Archive(NamedTuple):
    """A whole and undamaged export; its items are the lines from byte `start` to byte `end`."""

    path: Path
    header: Header
    kinds: dict[str, int]
    sha256: str
    start: int
    end: int

    def items(self, offset: int | None = None) -> Iterator[tuple[Raw, int]]:
        """Yield the items from a byte of the file on, each with the byte at which the next one begins."""
        with self.path.open('rb') as file:
            place = file.seek(self.start if offset is None else offset)
            while place < self.end:
                line = file.readline()
                place += len(line)
                yield decode(line), place


def check(path: Path) -> Archive:
    """Read a whole file and make sure of every byte. Raises Problem for one that is damaged, incomplete or not ours."""
    try:
        with path.open('rb') as file:
            return _checked(path, file)
    except OSError as error:
        raise Problem(f'{path}: {error.strerror}') from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Problem(f'{path} is not a whole export: {error}') from None


def _checked(path: Path, file: BinaryIO) -> Archive:
    trailer, end = _last_line(file)
    file.seek(0)
    first = file.readline()
    header = _header(json.loads(first)['header'])
    summed, kinds, place = hashlib.sha256(first), Counter[str](), len(first)
    while place < end:
        line = file.readline()
        place += len(line)
        summed.update(line)
        item = decode(line)
        key_of(item)
        kinds[kind_of(item)] += 1
    if trailer != _trailer(kinds, summed.hexdigest()):
        raise ValueError(f'it was changed or cut after it was written, {kinds.total()} of {trailer["items"]} items are there')
    return Archive(path, header, dict(kinds), summed.hexdigest(), len(first), end)


def _header(fields: dict[str, Any]) -> Header:
    if fields.pop('format') != FORMAT or fields.pop('version') != VERSION:
        raise ValueError(f'its header does not say {FORMAT} version {VERSION}')
    return Header(**fields)


def _trailer(kinds: Counter[str], sha256: str) -> dict[str, Any]:
    return {'items': kinds.total(), 'kinds': dict(kinds), 'sha256': sha256}


def _last_line(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the trailer and the byte at which it begins."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _LONGEST_TRAILER))
    tail = file.read()
    begins = tail.rstrip(b'\n').rfind(b'\n') + 1
    if not tail.endswith(b'\n') or not begins:
        raise ValueError('it has no last line')
    return json.loads(tail[begins:])['trailer'], start + begins


def encode(content: Any) -> bytes:
    """Return an item, or a header, as a line."""
    return json.dumps(content, ensure_ascii=False, separators=(',', ':'), default=_as_base64).encode() + b'\n'


def decode(line: bytes) -> Raw:
    """Return the item of a line. Raises ValueError, TypeError or AttributeError when it is none."""
    return {name: _exactly(value) for name, value in json.loads(line).items()}


def _as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _exactly(value: Any) -> Any:
    """Make bytes of base64 where an attribute value is binary; a map's attribute may well be named B."""
    [(kind, content)] = value.items()
    if kind == 'B':
        content = base64.b64decode(content, validate=True)
    elif kind == 'BS':
        content = [base64.b64decode(one, validate=True) for one in content]
    elif kind == 'L':
        content = [_exactly(one) for one in content]
    elif kind == 'M':
        content = {name: _exactly(one) for name, one in content.items()}
    return {kind: content}


def _beside(path: Path) -> Path:
    return path.with_name(f'{path.name}.checkpoint')


def write_whole(path: Path, content: Any) -> None:
    """Replace a small file in one step, so that whoever dies leaves the old one or the new one."""
    new = path.with_name(f'{path.name}.new')
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        json.dump(content, file)
    new.replace(path)
