"""What changed since when: how a reader that remembers a version learns from which instant on it has to read again. Pure."""

from typing import NamedTuple

ALWAYS = 0  # the instant of a change that touched all of the past
_MOST = 20


class Changelog(NamedTuple):
    """The number of changes so far, and of the latest of them the earliest instant (epoch seconds) that each touched."""

    version: int = 0
    latest: tuple[int, ...] = ()

    def noted(self, since: int) -> 'Changelog':
        """Return the log with one more change, of all from `since` on."""
        return Changelog(self.version + 1, (*self.latest, since)[-_MOST:])

    def changed_since(self, version: int) -> int | None:
        """Return the earliest instant that changed after `version`, None for none; ALWAYS where that is not known any more."""
        newer = self.version - version
        if newer == 0:
            return None
        return min(self.latest[-newer:]) if 0 < newer <= len(self.latest) else ALWAYS
