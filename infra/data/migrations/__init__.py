"""The migrations, oldest first. One that was released is never changed; docs/decisions/0012-schema-versions.md says how to add one."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from infra.data.migrations import count_portfolios, point_to_subjects
from infra.data.table import Raw, Table


class Migration(NamedTuple):
    """`which` are the options of Scan that find the items to look at; `change` says whether it changed one.

    Items are changed by conditional writes only, so that what others write meanwhile is not lost, and so that a second
    run finds nothing to do.
    """

    number: int
    name: str
    which: Mapping[str, Any]
    change: Callable[[Table, Raw], bool]


MIGRATIONS = (
    Migration(1, 'count_portfolios', count_portfolios.WHICH, count_portfolios.change),
    Migration(2, 'point_to_subjects', point_to_subjects.WHICH, point_to_subjects.change),
)
