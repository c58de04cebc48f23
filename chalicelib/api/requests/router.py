"""How the operations of a resource become routes of Chalice: one route for each, declared together with what it takes and returns."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_args

from chalice.app import Authorizer, Blueprint, Response

from chalicelib.api.openapi import operation_spec
from chalicelib.api.openapi.operation_spec import ApiOperation
from chalicelib.api.requests import csv_format, idempotency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import FORMAT, Query
from chalicelib.http_io.request import BODY_TYPES, path_id
from chalicelib.http_io.response import Answer

View = Callable[..., Response]
Decorator = Callable[[View], View]
_PRIVATE = 'private, no-cache'  # said, as caches do not store answers to `Authorization` by themselves, but do those to other keys


class Router:
    """Adds the routes of one resource to a blueprint; all of them require `authorizer`.

    A view gets the request and the variables of its path, of which those called `..._id` are ids:

        router = Router(bp, authorizer=bearer)

        @router.patch('/portfolios/{portfolio_id}', answer=answers.Portfolio, body=CHANGES)
        def update_portfolio(request: ApiRequest, portfolio_id: int) -> Response:
            title = request.body().get(fields.TITLE)
    """

    def __init__(self, blueprint: Blueprint, authorizer: Authorizer | None = None) -> None:
        self._blueprint = blueprint
        self._authorizer = authorizer

    def get(
        self,
        *paths: str,
        answer: Any,
        beside: Any = None,
        query: tuple[Query[Any], ...] = (),
        asynchronous: bool = False,
    ) -> Decorator:
        """Route GET of one or more paths to a view. What is a list may be asked for as CSV."""
        formats = (FORMAT,) if get_args(answer) else ()
        return self._route('GET', paths, ApiOperation(answer, beside=beside, query=(*query, *formats), asynchronous=asynchronous))

    def post(self, path: str, *, answer: Any, body: Body, query: tuple[Query[Any], ...] = ()) -> Decorator:
        """Route POST to a view that creates. A request repeated with its Idempotency-Key does not reach the view again."""
        return self._route('POST', (path,), ApiOperation(answer, body=body, query=query))

    def patch(self, path: str, *, answer: Any, body: Body, query: tuple[Query[Any], ...] = ()) -> Decorator:
        """Route PATCH to a view."""
        return self._route('PATCH', (path,), ApiOperation(answer, body=body, query=query))

    def delete(self, path: str, *, answer: Any, query: tuple[Query[Any], ...] = ()) -> Decorator:
        """Route DELETE to a view."""
        return self._route('DELETE', (path,), ApiOperation(answer, query=query))

    def _route(self, method: str, paths: tuple[str, ...], operation: ApiOperation) -> Decorator:
        content_types = BODY_TYPES if operation.body else ['application/json']

        def add(view: View) -> View:
            @wraps(view)
            def chalice_view(**path: str) -> Response:
                variables = {name: path_id(text) if name.endswith('_id') else text for name, text in path.items()}
                request = ApiRequest(self._blueprint.current_request, operation)
                if method == 'POST':
                    return idempotency.create_once(request, lambda: view(request, **variables))
                response = view(request, **variables)
                if isinstance(response, Answer) and self._authorizer is not None:
                    response.headers['Cache-Control'] = _PRIVATE
                if not isinstance(response, Answer) or not operation.is_list:
                    return response
                response.headers['Vary'] = 'Accept'
                return csv_format.table(response, operation.columns) if csv_format.is_asked_for(request) else response

            operation_spec.declare(chalice_view, operation)
            for path in paths:
                self._blueprint.route(path, methods=[method], content_types=content_types, authorizer=self._authorizer)(chalice_view)
            return view

        return add
