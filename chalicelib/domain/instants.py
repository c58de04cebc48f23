"""Instants: whole seconds since 1970 inside, ISO 8601 in UTC outside. Pure: no clock."""

from datetime import UTC, datetime


def iso(epoch: int) -> str:
    """Return the instant as the API prints it: `2017-11-06T04:54:54+00:00`."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def iso_or_none(epoch: int | None) -> str | None:
    """Return `iso(epoch)`, or None for an instant that has not come."""
    return None if epoch is None else iso(epoch)
