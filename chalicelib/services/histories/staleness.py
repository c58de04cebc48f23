"""What changed since a history was computed, and from which month on it has to be replayed.

A history remembers of which version each of its inputs was: ledgers by their changelog's version, offsets by a digest of their
balances and `since`, daily closes by the version of their pair. Of ledgers that were not observed lately it remembers when they last
were: once they are, what lies between is no longer in doubt.
"""

import hashlib
import json
from collections.abc import Sequence

from chalicelib.domain import timeline
from chalicelib.domain.changelog import ALWAYS
from chalicelib.domain.rates import FIRST_DAY, midnight
from chalicelib.models import History, Offset, PortfolioTree
from chalicelib.services.portfolios.contributions import Child
from chalicelib.services.rates.daily_closes import DailyCloses

_OFFSET, _RATE, _SEEN = 'offset ', 'rate ', 'seen '
_UNKNOWN = 'unknown'

InputVersions = dict[str, str]


def input_versions(contents: PortfolioTree, children: Sequence[Child]) -> InputVersions:
    """Return the versions of all ledgers, in the order of `children`, and of all offsets of a portfolio."""
    ledgers = {name: _ledger_version(child) for name, child in _by_name(children).items()}
    offsets = contents.of_kind(Offset)
    return ledgers | {f'{_OFFSET}{offset.offset_id}': _offset_version(offset) for offset in offsets}


def last_observations(children: Sequence[Child], now: int) -> InputVersions:
    """Return when those ledgers were last observed whose balances of now are in doubt as that is long ago."""
    return {f'{_SEEN}{name}': str(child.observed_at) for name, child in _by_name(children).items() if child.is_unobserved(now)}


def versions_of_closes(closes: DailyCloses) -> InputVersions:
    """Return the versions of the daily closes of all pairs."""
    return {f'{_RATE}{pair}': str(version) for pair, version in closes.versions.items()}


def balances_changed_since(contents: PortfolioTree, children: Sequence[Child], versions: InputVersions, stored: History) -> int:
    """Return the earliest instant whose balances changed since a history was computed, or whose rewriting was interrupted.

    If there is neither, that is the instant at which it was computed.

    ALWAYS if all of the past changed: children or reporting currencies came or went, or an offset differs.
    """
    stored_versions = {name: version for name, version in stored.input_versions.items() if not name.startswith((_RATE, _SEEN))}
    if versions.keys() != stored_versions.keys() or list(contents.portfolio.currencies) != list(stored.currencies):
        return ALWAYS
    if any(versions[name] != stored_versions[name] for name in versions if name.startswith(_OFFSET)):
        return ALWAYS
    ledgers = _by_name(children)
    changed = {name: child for name, child in ledgers.items() if versions[name] != stored_versions[name]}
    changes = [_ledger_changed_since(child, stored_versions[name]) for name, child in changed.items()]
    seen = {name.removeprefix(_SEEN): int(at) for name, at in stored.input_versions.items() if name.startswith(_SEEN)}
    changes += [at for name, at in seen.items() if ledgers[name].observed_at != at]
    unfinished: int | None = stored.rewritten_since
    return min([stored.computed_at, *changes, *([] if unfinished is None else [unfinished])])


def closes_changed_since(closes: DailyCloses, stored: History) -> int:
    """Return the first instant of the earliest day whose closes were added since a history was computed; when that was, for none."""
    versions = {name.removeprefix(_RATE): int(version) for name, version in stored.input_versions.items() if name.startswith(_RATE)}
    day = closes.changed_since(versions)
    if day is None:
        return int(stored.computed_at)
    return ALWAYS if day < FIRST_DAY else midnight(day)


def first_month_to_replay(changed_since: int, stored: History) -> int:
    """Return the first instant of the month of a change, ALWAYS if that is not after the history's first month."""
    month = timeline.month_of(changed_since)
    return ALWAYS if changed_since == ALWAYS or month <= stored.first else month


def _by_name(children: Sequence[Child]) -> dict[str, Child]:
    return {f'{child.follower.child_id} {_digest(child.key.text)}': child for child in children}


def _ledger_version(child: Child) -> str:
    return str(child.ledger.changes.version) if child.ledger is not None and child.is_known else _UNKNOWN


def _offset_version(offset: Offset) -> str:
    amounts = {row.currency: str(row.balance) for row in offset.balances}
    since = {} if offset.since is None else {'since': str(offset.since)}  # no currency has this code
    return _digest(json.dumps(amounts | since, sort_keys=True))


def _ledger_changed_since(child: Child, version: str) -> int:
    if child.ledger is None or not child.is_known or version == _UNKNOWN:
        return ALWAYS
    since = child.ledger.changes.changed_since(int(version))
    return ALWAYS if since is None else since


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
