"""The methods of a path beside those that it declares: HEAD wherever there is GET, and 405 for the others.

API Gateway by itself would respond as to an unknown path.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Chalice, Response, RouteEntry

from chalicelib.errors import MethodNotAllowed

_METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')


def add_head_routes(app: Chalice) -> None:
    """Add to every path that has GET a route for HEAD, with the same view behind the same authorizer."""
    for path, views in list(app.routes.items()):
        if 'GET' not in views:
            continue
        got = views['GET']
        settings = {'content_types': got.content_types, 'authorizer': got.authorizer, 'cors': got.cors or False}
        app.route(path, methods=['HEAD'], name=f'head {path}', **settings)(got.view_function)


def drop_head_body(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Answer HEAD as GET, without the body (RFC 9110 section 9.3.2). The outermost middleware: the others look into bodies."""
    response = get_response(request)
    if request.method == 'HEAD':
        response.body = b'' if isinstance(response.body, bytes) else ''
    return response


def add_405_routes(app: Chalice) -> None:
    """Add a route that raises MethodNotAllowed for every method that a path of the application lacks."""
    for path, views in list(app.routes.items()):
        others = [method for method in _METHODS if method not in views]
        cors = next(iter(views.values())).cors or False
        app.route(path, methods=others, content_types=['*/*'], cors=cors, name=f'refuse {path}')(_refuse(', '.join(views)))


def has_get(app: Chalice, path: str) -> bool:
    """Whether the path, which has values for the variables of its route, answers GET with something else than 404 and 405."""
    parts = path.split('/')
    return any(_fits(route.split('/'), parts) for route, views in app.routes.items() if _answers_get(views))


def nearest_with_get(app: Chalice, path: str) -> str:
    """Return the path that has GET and is the nearest above another one, of however many parts that is."""
    most_parts = max(len(route.split('/')) for route in app.routes)
    above = path.split('/')[:-1][:most_parts]
    while above[1:] and not has_get(app, '/'.join(above)):
        above.pop()
    return '/'.join(above) or '/'


def _answers_get(views: Mapping[str, RouteEntry]) -> bool:
    return 'GET' in views and views['GET'].view_function.__name__ != 'method_not_allowed'


def _fits(route: list[str], parts: list[str]) -> bool:
    if len(route) != len(parts) or route[-1].endswith('+}'):
        return False
    return all(name.startswith('{') or name == part for name, part in zip(route, parts, strict=True))


def _refuse(allowed: str) -> Callable[..., Response]:
    def method_not_allowed(**_: str) -> Response:
        raise MethodNotAllowed(allowed)

    return method_not_allowed
