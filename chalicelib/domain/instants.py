"""Instants: whole seconds since 1970, parsed from ISO 8601 and stored in UTC. Pure: no clock."""

import re
from datetime import UTC, datetime

_TEXT = re.compile(r'\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?', re.ASCII)
_LAST = 253_402_300_799


def sortable(epoch: int) -> str:
    """Return the notation of an instant in sort keys, which sorts as time does: `2017-11-06T04:54:54+00:00`. It is stored, so it stays."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def parse(text: str) -> int:
    """Return the epoch seconds of an ISO 8601 string: a timestamp with an offset or `Z`, or a date, which means midnight UTC.

    Fractions of a second are dropped. Raises ValueError for anything else, and outside of 1970 to 9999.
    """
    if not _TEXT.fullmatch(text):
        raise ValueError('must be an instant such as 2017-11-06T04:54:54+00:00, or a date')
    moment = datetime.fromisoformat(text)
    epoch = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if not 0 <= epoch <= _LAST:
        raise ValueError('must be from 1970 to 9999')
    return epoch
