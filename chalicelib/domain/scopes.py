"""The scopes of access tokens and the routes they allow. Pure.

The specification: GET, and so HEAD, needs `admin` or `read`; POST and PATCH also `admin` or `write`; DELETE also `admin` or `delete`;
`GET /api/user` needs only `info`. `public` allows nothing private.
"""

from collections.abc import Iterable, Sequence

from chalicelib.texts import translatable

ALL = ('public', 'info', 'read', 'write', 'delete', 'admin')

# What users read on the consent page.
SENTENCES = {
    'public': translatable('Read public data, such as currencies and rates. Nothing of yours.'),
    'info': translatable('Read your user name, email address, and signup date.'),
    'read': translatable('Read any account data, including addresses, balances, and transactions.'),
    'write': translatable('Add and change account data, including portfolios, addresses, and accounts.'),
    'delete': translatable('Delete account data, including whole portfolios with everything in them.'),
    'admin': translatable('Do everything you can do with your data: read, add, change, and delete it.'),
}

# What a user must choose to grant, because it cannot be undone.
NEVER_PRESELECTED = ('delete', 'admin')

NEED_READ = frozenset({'write', 'delete'})  # to be of any use
GIVE_READ = frozenset({'read', 'admin'})

API_KEY_PREFIX = 'cfk_'  # tells an API key from an access token, and is found by secret scanners
API_KEY_SCOPES = ('info', 'read')  # reading only: applications that change data use OAuth2

PRIVATE_PATHS = ('/api/portfolios', '/api/portfolios/*')


def routes(scopes: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return every (path, methods) that a token with these scopes may call; a path may end in `/*`."""
    granted = set(scopes)
    allowed: list[tuple[str, list[str]]] = []
    methods = _methods(granted)
    if methods:
        allowed = [(path, methods) for path in PRIVATE_PATHS]
    if granted & {'admin', 'read', 'info'}:
        allowed.append(('/api/user', ['GET', 'HEAD']))
    return allowed


def lacks_read(granted: Iterable[str]) -> bool:
    """Return whether `read`, which `write` and `delete` need to be of any use, is not among what is granted with them."""
    scopes = set(granted)
    return bool(scopes & NEED_READ) and not scopes & GIVE_READ


def with_read(requested: Iterable[str]) -> list[str]:
    """Return the distinct scopes of a request, and `read` if any of them needs it."""
    distinct = list(dict.fromkeys(requested))
    return [*distinct, 'read'] if NEED_READ & set(distinct) and 'read' not in distinct else distinct


def usable(granted: Sequence[str]) -> list[str]:
    """Return the distinct ones of these scopes, without those that need `read` where that is missing."""
    useless = NEED_READ if lacks_read(granted) else frozenset()
    return [scope for scope in dict.fromkeys(granted) if scope not in useless]


def _methods(granted: set[str]) -> list[str]:
    if not granted & {'admin', 'read'}:
        return []
    methods = ['GET', 'HEAD']
    if granted & {'admin', 'write'}:
        methods += ['POST', 'PATCH']
    if granted & {'admin', 'delete'}:
        methods += ['DELETE']
    return methods
