"""Members of classes and modules that are replaced, and may be put back for a while."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


class Replacements:
    """What replaces what: owner, name of the member, and what takes its place."""

    def __init__(self, *members: tuple[Any, str, Any]) -> None:
        self._members = members
        self._originals: Sequence[tuple[Any, str, Any]] = ()

    def install(self) -> None:
        """Replace them, if that is not done yet."""
        if self._originals:
            return
        self._originals = self._now()
        self._set(self._members)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Everything is as it was before, whatever else replaced the same members since."""
        now = self._now()
        self._set(self._originals)
        try:
            yield
        finally:
            self._set(now)

    def _now(self) -> Sequence[tuple[Any, str, Any]]:
        return [(owner, name, vars(owner).get(name, _ABSENT)) for owner, name, _ in self._members]

    @staticmethod
    def _set(members: Sequence[tuple[Any, str, Any]]) -> None:
        for owner, name, member in members:
            if member is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, member)
