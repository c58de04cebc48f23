"""A log of changes to the past: a reader that remembers a version learns from which instant on its data is stale. Pure."""

from typing import NamedTuple

ALWAYS = 0  # the instant of a change that affects all of the past
_MOST = 20


class Changelog(NamedTuple):
    """The number of changes so far, and for each of the latest of them the earliest instant (epoch seconds) that it affects."""

    version: int = 0
    latest: tuple[int, ...] = ()

    def noted(self, since: int) -> 'Changelog':
        """Return the log with one more change, which affects everything from `since` on."""
        return Changelog(self.version + 1, (*self.latest, since)[-_MOST:])

    def changed_since(self, version: int) -> int | None:
        """Return the earliest instant affected after `version`: None if nothing changed, ALWAYS if the log does not reach back so far."""
        newer = self.version - version
        if newer == 0:
            return None
        return min(self.latest[-newer:]) if 0 < newer <= len(self.latest) else ALWAYS
