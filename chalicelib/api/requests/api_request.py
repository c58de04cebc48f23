"""A request for an operation of the API, as its view sees it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from chalice.app import Request

from chalicelib.api.openapi.operation_spec import ApiOperation
from chalicelib.api.requests.body import ParsedBody
from chalicelib.api.requests.query import EXPAND, LIMIT, Query, parse_query
from chalicelib.config import settings
from chalicelib.http_io import conditional, paging
from chalicelib.http_io.request import client_id, parse_body, user_id
from chalicelib.http_io.response import Answer

T = TypeVar('T')


class ApiRequest:
    """A request whose query is parsed already, and whose body is parsed when the view asks for it.

    `request[AT]` is the value of a query parameter that the operation declares. Raises Invalid for a query that is wrong.
    """

    def __init__(self, http: Request, operation: ApiOperation) -> None:
        self.http = http
        self._operation = operation
        self._query = parse_query(operation.query, http.query_params)
        self._body: ParsedBody | None = None

    def __getitem__(self, parameter: Query[T]) -> T:
        return cast(T, self._query[parameter])

    @property
    def user_id(self) -> str:
        """The id of the user that the access token was issued for."""
        return user_id(self.http)

    @property
    def client_id(self) -> str:
        """The application that the access token was issued to, as its issuer names it."""
        return client_id(self.http)

    @property
    def expand(self) -> bool:
        """Whether currencies are returned as objects: by `?expand[]=currency`, or by CURRENCY_FORMAT=object for a whole deployment."""
        return self[EXPAND] or settings().currency_objects

    @property
    def expected_versions(self) -> frozenset[int] | None:
        """The versions that `If-Match` accepts, None for any. Raises BadRequest."""
        return conditional.expected_versions(self.http)

    def body(self, **known: Any) -> ParsedBody:
        """Return the body that the operation declares; `known` are values, by field name, that are certain before it is parsed.

        Raises TooLarge, BadRequest, Invalid.
        """
        assert self._operation.body is not None
        if self._body is None:
            self._body = self._operation.body.read(parse_body(self.http), **known)
        return self._body

    def page(self, entries: Sequence[T], show: Callable[[T], Any], position: Callable[[T], str], **beside: Any) -> Answer:
        """Return the page of a list that was requested; `entries` must hold one more than `request[LIMIT]` if there is a next one."""
        return paging.page(self.http, entries, self[LIMIT], show, position, **beside)
