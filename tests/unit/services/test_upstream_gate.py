"""Whose failure an exception is that is raised while an upstream is read."""

import pytest

from chalicelib.errors import Upstream, UpstreamBusy
from chalicelib.models import DATABASE_ERRORS, LeaseLost
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers.upstream_gate import foreseen

ENDPOINT = Endpoint('a_source', 'https://source.example', 0)


@pytest.mark.parametrize('kind', [LeaseLost, *DATABASE_ERRORS])
def test_a_lost_lease_and_an_error_of_the_database_are_no_upstreams(kind: type[Exception]) -> None:
    with pytest.raises(kind), foreseen(ENDPOINT, 'a ledger'):
        raise kind.__new__(kind)


def test_what_an_upstream_is_said_to_have_done_stays_said() -> None:
    busy = UpstreamBusy('another_source')
    with pytest.raises(UpstreamBusy) as raised, foreseen(ENDPOINT, 'a ledger'):
        raise busy
    assert raised.value is busy


@pytest.mark.parametrize('kind', [AssertionError, AttributeError, KeyError, MemoryError, NotImplementedError, RecursionError, ValueError])
def test_all_else_is_the_failure_of_the_upstream_that_is_read(kind: type[Exception]) -> None:
    with pytest.raises(Upstream, match=f'unforeseen way \\({kind.__name__}\\)') as raised, foreseen(ENDPOINT, 'a ledger'):
        raise kind
    assert raised.value.key == 'a_source'
