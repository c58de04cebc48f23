"""Parameters of queries."""

from collections.abc import Mapping, Sequence

from chalice.app import Request

from chalicelib import clock
from chalicelib.domain import instants
from chalicelib.errors import Fault, Invalid


def choice(request: Request, name: str, choices: Sequence[str]) -> str:
    """Return a query parameter that is one of `choices`, the first if it is absent. Raises Invalid."""
    text = _query(request, name)
    if text is None:
        return choices[0]
    if text not in choices:
        raise Invalid(Fault(name, 'unknown', f'{name} must be {" or ".join(choices)}'))
    return text


def instant(request: Request, name: str) -> int | None:
    """Return the instant in a query parameter, in epoch seconds, None when it is absent. Raises Invalid."""
    text = _query(request, name)
    try:
        # A plus sign that was not written as %2B arrives as a space.
        return None if text is None else instants.parse(text.replace(' ', '+'))
    except ValueError as error:
        raise Invalid(Fault(name, 'invalid', f'{name} {error}')) from None


def past_instant(request: Request, name: str) -> int | None:
    """Return an instant like `instant`. Raises Invalid also for one in the future."""
    epoch = instant(request, name)
    if epoch is not None and epoch > clock.now():
        raise Invalid(Fault(name, 'out_of_range', f'{name} must not be in the future'))
    return epoch


def _query(request: Request, name: str) -> str | None:
    parameters: Mapping[str, str] = request.query_params or {}
    return parameters.get(name)
