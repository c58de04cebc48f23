"""The application's routes."""

from chalice.app import RouteEntry

from app import app


def routes() -> dict[tuple[str, str], RouteEntry]:
    """Every method of every path that does something: not those that are there to answer 405, nor HEAD, which is GET."""
    return {
        (method, path): entry
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if entry.view_function.__name__ != 'method_not_allowed' and method != 'HEAD'
    }
