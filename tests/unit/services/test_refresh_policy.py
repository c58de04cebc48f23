"""The refresh policy is what docs/scaling.md says, and a lease outlives any single request to an upstream."""

from pathlib import Path

import pytest

from chalicelib.models import ChainBlocks, Ledger
from chalicelib.models.upstream import LONGEST_WAIT_MS
from chalicelib.providers import transport
from chalicelib.providers.explorers.blocks import WHOLE_BLOCK
from chalicelib.services.ledgers import policy

NOW = 1_700_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def ledger(**attributes: int) -> Ledger:
    return Ledger('LEDGER#btc#bc1qxyz', 'STATE', **attributes)


@pytest.mark.parametrize(
    ('looked_at', 'interval'),
    [
        (NOW, 5 * MINUTE),
        (NOW - HOUR + 1, 5 * MINUTE),
        (NOW - HOUR, HOUR),
        (NOW - DAY + 1, HOUR),
        (NOW - DAY, DAY),
        (NOW - 400 * DAY, DAY),
    ],
)
def test_a_ledger_is_due_sooner_the_later_a_user_looked_at_it(looked_at: int, interval: int) -> None:
    assert policy.next_refresh(ledger(looked_at=looked_at), NOW) == NOW + interval


def test_a_ledger_that_no_user_ever_looked_at_is_due_daily() -> None:
    assert policy.next_refresh(ledger(), NOW) == NOW + DAY


@pytest.mark.parametrize(('began', 'moved_at', 'seconds'), [(5, 4, DAY), (5, 5, DAY), (5, 6, 10), (5, None, DAY), (None, 6, DAY)])
def test_a_ledger_that_moved_while_it_was_read_is_due_again_at_once(began: int | None, moved_at: int | None, seconds: int) -> None:
    noted = {name: NOW - 60 + at for name, at in (('attempted_at', began), ('moved_at', moved_at)) if at is not None}
    assert policy.next_refresh(ledger(**noted), NOW) == NOW + seconds


def test_the_documented_intervals_are_these() -> None:
    text = ' '.join((Path(__file__).parents[3] / 'docs' / 'scaling.md').read_text().split())
    assert 'every five minutes within an hour of the last view, hourly within a day, otherwise daily' in text


def test_the_wait_doubles_with_each_failure_up_to_the_interval() -> None:
    waits = [policy.next_attempt(ledger(looked_at=NOW, failures=failures), NOW) - NOW for failures in range(7)]
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert policy.next_attempt(ledger(looked_at=NOW), NOW) == NOW + 10
    assert policy.next_attempt(ledger(failures=1_000), NOW) == NOW + 10_240


@pytest.mark.parametrize('name', ['updated_at', 'attempted_at', 'created_at'])
def test_what_happened_within_five_minutes_keeps_a_ledger_from_being_stale(name: str) -> None:
    assert not policy.is_stale(ledger(**{name: NOW - 5 * MINUTE}), NOW)
    assert policy.is_stale(ledger(**{name: NOW - 5 * MINUTE - 1}), NOW)


def test_a_lease_outlives_the_wait_for_a_request_and_the_request() -> None:
    longest_request = transport._TOTAL_SECONDS + transport._READ_SECONDS  # connecting, which is not interrupted, may take longer
    assert LONGEST_WAIT_MS / 1_000 + longest_request < Ledger.MIN_SECONDS_LEFT < Ledger.LEASE_SECONDS
    for_a_block = longest_request + WHOLE_BLOCK.seconds  # which is allowed that long instead of an ordinary exchange
    assert LONGEST_WAIT_MS / 1_000 + for_a_block < ChainBlocks.MIN_SECONDS_LEFT < ChainBlocks.LEASE_SECONDS
