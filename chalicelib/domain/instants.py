"""Instants: whole seconds since 1970, parsed from ISO 8601 and stored in UTC. Pure: no clock."""

import re
from datetime import UTC, datetime

from chalicelib.texts import translatable

PATTERN = (
    r'^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})'
    r'([Tt ]([0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?|[0-9]{4}([0-9]{2}([.,][0-9]{1,9})?)?)'
    r' ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?$'
)
"""What `parse` reads, as a regular expression of JSON Schema: the notations of ISO 8601 and RFC 3339 that clients write."""

_TEXT = re.compile(PATTERN.replace('$', r'\Z'))
_SPACE_BEFORE_OFFSET = re.compile(r' (?=[+-][0-9:]+\Z|[Zz]\Z)')
_LAST = 253_402_300_799


def sortable(epoch: int) -> str:
    """Return the notation of an instant in sort keys, which sorts as time does: `2017-11-06T04:54:54+00:00`. It is stored, so it stays."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def parse(text: str) -> int:
    """Return the epoch seconds of an ISO 8601 string: a timestamp with an offset or `Z`, or a date, which means midnight UTC.

    The offset may be `+00:00`, `+0000`, `+00`, or stand after a space as Ruby writes it; a space may stand for the `T`; seconds and
    separators may be missing. Fractions of a second are dropped. Raises ValueError for anything else, and outside of 1970 to 9999.
    """
    if not _TEXT.match(text):
        raise ValueError(translatable('must be an instant such as 2017-11-06T04:54:54+00:00, or a date'))
    moment = datetime.fromisoformat(_SPACE_BEFORE_OFFSET.sub('', text).upper())
    return from_epoch(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def from_epoch(seconds: int | str) -> int:
    """Return the epoch seconds of an instant. Raises ValueError outside of 1970 to 9999, and for what is no number."""
    epoch = int(seconds)
    if not 0 <= epoch <= _LAST:
        raise ValueError(translatable('must be from 1970 to 9999'))
    return epoch
