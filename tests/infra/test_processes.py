"""The processes of a run."""

from threading import Event

from infra.local.processes import Children
from tests.support.processes import wait_until


def test_what_comes_before_a_process_comes_before_each_time_it_is_started() -> None:
    starts: list[str] = []

    with Children() as children:
        child = children.start('no-such-command', before=lambda: starts.append('now'))
        assert starts == ['now']
        wait_until(lambda: child.ended)
        children.revive(Event())

    assert starts == ['now', 'now']
