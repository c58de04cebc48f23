"""Which scopes open which routes: the specification's table, for every set of scopes."""

from itertools import combinations

import pytest

from chalicelib.domain import scopes

EVERY_SET = [set(some) for size in range(len(scopes.ALL) + 1) for some in combinations(scopes.ALL, size)]
PORTFOLIOS = ('/api/portfolios', '/api/portfolios/*')
METHODS = ('GET', 'HEAD', 'POST', 'PATCH', 'DELETE')


def _allows(granted: set[str], method: str, path: str) -> bool:
    return any(path == route and method in methods for route, methods in scopes.routes(granted))


def _specified(granted: set[str], method: str) -> bool:
    """GET needs admin or read; POST and PATCH also admin or write; DELETE also admin or delete."""
    more = {
        'GET': {'admin', 'read'},
        'HEAD': {'admin', 'read'},
        'POST': {'admin', 'write'},
        'PATCH': {'admin', 'write'},
        'DELETE': {'admin', 'delete'},
    }
    return bool(granted & {'admin', 'read'}) and bool(granted & more[method])


@pytest.mark.parametrize('path', PORTFOLIOS)
@pytest.mark.parametrize('method', METHODS)
def test_portfolios_are_open_to_the_scopes_of_the_specification_and_no_others(method: str, path: str) -> None:
    for granted in EVERY_SET:
        assert _allows(granted, method, path) == _specified(granted, method), granted


def test_the_user_is_open_to_info_read_and_admin_and_no_others() -> None:
    for granted in EVERY_SET:
        for method in ('GET', 'HEAD'):
            assert _allows(granted, method, '/api/user') == bool(granted & {'info', 'read', 'admin'}), granted


def test_no_scope_opens_anything_else() -> None:
    for granted in EVERY_SET:
        opened = {(method, path) for path, methods in scopes.routes(granted) for method in methods}
        assert opened <= {(method, path) for method in METHODS for path in PORTFOLIOS} | {('GET', '/api/user'), ('HEAD', '/api/user')}


@pytest.mark.parametrize('granted', [set(), {'public'}, {'write'}, {'delete'}, {'write', 'delete', 'public'}, {'Admin'}, {'unknown'}])
def test_scopes_that_read_nothing_open_nothing(granted: set[str]) -> None:
    assert scopes.routes(granted) == []


def test_more_scopes_never_open_less() -> None:
    for granted in EVERY_SET:
        for scope in scopes.ALL:
            more = granted | {scope}
            assert all(_allows(more, method, path) for path, methods in scopes.routes(granted) for method in methods)


def test_every_scope_is_put_in_a_sentence_for_people() -> None:
    assert set(scopes.SENTENCES) == set(scopes.ALL)
    assert all(sentence.endswith('.') for sentence in scopes.SENTENCES.values())
