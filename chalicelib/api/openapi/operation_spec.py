"""What a view promises beside what its route says already: told once, on the view, and read by the description of the API."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

from chalicelib.api.requests.body import Body

View = TypeVar('View', bound=Callable[..., Any])
_NOTED: dict[Callable[..., Any], 'Contract'] = {}


@dataclass(frozen=True)
class Contract:
    """One operation; as a decorator below `@bp.route` it notes itself and leaves the view as Chalice must see it.

    `answer` is the type of `result`: a type of api.answers, or a list of one; `beside` the shape of what may stand
    beside it in the envelope. `body` is what the request must send. `paged` takes `limit` and `cursor`, `expandable` takes
    `expand[]`, `query` are further parameters, see api.parameters. `asynchronous` answers 503 while no value was ever known.
    """

    answer: Any
    _: KW_ONLY
    beside: Any = None
    body: Body | None = None
    paged: bool = False
    expandable: bool = False
    asynchronous: bool = False
    query: tuple[str, ...] = ()

    def __call__(self, view: View) -> View:
        _NOTED[view] = self
        return view


def of(view: Callable[..., Any]) -> Contract:
    """Return a view's contract. Raises KeyError for one without."""
    return _NOTED[view]
