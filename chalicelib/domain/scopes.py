"""The scopes of access tokens and what they open. Pure.

The specification: GET needs `admin` or `read`; POST and PATCH also `admin` or `write`; DELETE also `admin` or `delete`;
`GET /api/user` is content with `info`. `public` opens nothing private.
"""

from collections.abc import Iterable

ALL = ('public', 'info', 'read', 'write', 'delete', 'admin')

PRIVATE_PATHS = ('/api/portfolios', '/api/portfolios/*')


def routes(scopes: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return every (path, methods) that a token with these scopes may call; a path may end in `/*`."""
    granted = set(scopes)
    allowed: list[tuple[str, list[str]]] = []
    methods = _methods(granted)
    if methods:
        allowed = [(path, methods) for path in PRIVATE_PATHS]
    if granted & {'admin', 'read', 'info'}:
        allowed.append(('/api/user', ['GET']))
    return allowed


def _methods(granted: set[str]) -> list[str]:
    if not granted & {'admin', 'read'}:
        return []
    methods = ['GET']
    if granted & {'admin', 'write'}:
        methods += ['POST', 'PATCH']
    if granted & {'admin', 'delete'}:
        methods += ['DELETE']
    return methods
