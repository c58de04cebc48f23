"""The day as of which a page is to be: what its date field means."""

from chalicelib import clock
from chalicelib.domain import instants, timeline
from chalicelib.errors import Fault
from chalicelib.texts import translatable

_LONGEST_DATE = len('2026-12-31')  # without a time; `20261231` is one too


def parse_as_of(text: str) -> tuple[int | None, list[Fault]]:
    """Return the end of a day, or an instant, and what is wrong with the text; None for now, and for today."""
    if not text:
        return None, []
    try:
        instant = instants.parse(text)
    except ValueError as error:
        return None, [Fault('at', 'invalid', translatable('The date {problem}', problem=error.args[0]))]
    if instant > clock.now():
        return None, [Fault('at', 'out_of_range', translatable('Choose a day that is not in the future'))]
    end = instant + timeline.DAY if len(text) <= _LONGEST_DATE else instant
    return (None if end > clock.now() else end), []
