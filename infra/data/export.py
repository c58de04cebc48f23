"""Write what a reader reads into a file; an export that was killed goes on from its last checkpoint.

Not a snapshot: what is written meanwhile may or may not be in it, as docs/operations/reference.md says.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from infra.data import scan
from infra.data.archive import Writer
from infra.data.kinds import LEFT_OUT
from infra.data.progress import Progress
from infra.data.scan import Reader
from infra.data.table import Raw, kind_of


def write(writer: Writer, reader: Reader, progress: Progress) -> None:
    """Read everything from the writer's positions on, and finish the file."""
    for lane, page in scan.read(reader, dict(writer.positions)):
        kept = list(_kept(page.items))
        writer.write(kept)
        scan.move(writer.positions, lane, page)
        writer.checkpoint()
        progress.add(len(kept))
    writer.finish()


def count(reader: Reader, progress: Progress) -> Counter[str]:
    """Return what an export would hold, by kind."""
    kinds: Counter[str] = Counter()
    for _, page in scan.read(reader, reader.starts()):
        kept = list(_kept(page.items))
        kinds.update(map(kind_of, kept))
        progress.add(len(kept))
    return kinds


def _kept(items: Iterable[Raw]) -> Iterator[Raw]:
    return (item for item in items if kind_of(item) not in LEFT_OUT)
