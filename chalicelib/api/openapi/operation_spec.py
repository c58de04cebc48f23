"""What an operation of the API takes and returns: declared once on its route, used to parse its requests and to describe it."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, get_args

from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import EXPAND, FORMAT, LIMIT, Query

_OPERATIONS: dict[Callable[..., Any], 'ApiOperation'] = {}


@dataclass(frozen=True)
class ApiOperation:
    """One operation of the API.

    `answer` is the type of `result`: a type of api.answers, or a list of one; `beside` is the shape of what may stand beside
    `result` in the envelope. `body` is what the request must send, `query` are the parameters that it may send. An `asynchronous`
    operation responds 503 while no value was ever known.
    """

    answer: Any
    _: KW_ONLY
    beside: Any = None
    body: Body | None = None
    query: tuple[Query[Any], ...] = ()
    asynchronous: bool = False

    @property
    def paged(self) -> bool:
        return LIMIT in self.query

    @property
    def is_list(self) -> bool:
        """Whether what it returns is a list, of which there is CSV too."""
        return FORMAT in self.query

    @property
    def columns(self) -> list[str]:
        """The fields that the rows of a list may have: the columns of its CSV."""
        return list(get_args(self.answer)[0].__annotations__)

    @property
    def expandable(self) -> bool:
        return EXPAND in self.query


def declare(view: Callable[..., Any], operation: ApiOperation) -> None:
    """Remember the operation that a view carries out."""
    _OPERATIONS[view] = operation


def of(view: Callable[..., Any]) -> ApiOperation:
    """Return the operation that a view carries out. Raises KeyError for a view that is not one of the API."""
    return _OPERATIONS[view]
