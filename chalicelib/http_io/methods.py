"""405 for the methods that a path lacks; API Gateway by itself would respond as to an unknown path."""

from collections.abc import Callable

from chalice.app import Chalice, Response

from chalicelib.errors import MethodNotAllowed

_METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')


def add_405_routes(app: Chalice) -> None:
    """Add a route that raises MethodNotAllowed for every method that a path of the application lacks."""
    for path, views in list(app.routes.items()):
        others = [method for method in _METHODS if method not in views]
        cors = next(iter(views.values())).cors or False
        app.route(path, methods=others, content_types=['*/*'], cors=cors, name=f'refuse {path}')(_refuse(', '.join(views)))


def _refuse(allowed: str) -> Callable[..., Response]:
    def method_not_allowed(**_: str) -> Response:
        raise MethodNotAllowed(allowed)

    return method_not_allowed
