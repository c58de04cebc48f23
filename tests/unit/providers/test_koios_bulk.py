"""What Koios tells of many addresses at once, and what it is asked for that."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.marks import Sight
from chalicelib.errors import Upstream
from chalicelib.providers.movements import Subject, bulk_sources_of
from infra.fake_upstreams import cardano
from infra.fake_upstreams.account_chains import Event, reference
from tests.support.account_explorers import Server
from tests.support.clock import CLOCK
from tests.support.koios import tell
from tests.support.upstreams import http

OTHERS = [f'addr1{number:098}' for number in range(99)]
TIP = {'block_no': 20_000_000}


def look(*subjects: Subject) -> dict[str, Sight]:
    [source] = bulk_sources_of('ada')
    return dict(source.look(http(), subjects))


def test_a_hundred_quiet_addresses_cost_fourteen_requests_of_less_than_a_kilobyte(koios: Server) -> None:
    tell(koios, cardano.SAMPLE)
    height = cardano.height(cardano.SAMPLE)
    sights = look(*(Subject(address, (), height - 180) for address in (cardano.ADDRESS, *OTHERS)))
    assert set(sights.values()) == {Sight(None, '', height)}
    assert len(sights) == 100
    assert len(koios.requests) == 14
    assert max(len(request.raw) for request in koios.requests) <= 1_000


def test_a_first_look_asks_for_the_newest_block_alone(koios: Server) -> None:
    tell(koios, cardano.SAMPLE)
    assert look(Subject(cardano.ADDRESS, (), None)) == {cardano.ADDRESS: Sight(None, '', cardano.height(cardano.SAMPLE))}
    assert len(koios.requests) == 1


def moved(koios: Server, position: int, height: int) -> set[str]:
    last = cardano.SAMPLE.of(cardano.ADDRESS)[0]
    event = Event(reference('more', 1), height, last.time + 20 * (height - last.height), 0)
    histories = {cardano.ADDRESS: [event, *cardano.SAMPLE.of(cardano.ADDRESS)]}
    tell(koios, replace(cardano.SAMPLE, histories=histories))
    sights = look(*(Subject(address, (), position) for address in (*OTHERS[:3], cardano.ADDRESS)))
    return {address for address, sight in sights.items() if sight.has_moved}


def test_a_transaction_is_that_of_the_address_which_has_it_and_no_other(koios: Server) -> None:
    height = cardano.height(cardano.SAMPLE) - 1_000
    assert moved(koios, height, height) == {cardano.ADDRESS}
    assert moved(koios, height + 60, height) == {cardano.ADDRESS}  # a reorganisation may have moved it there
    assert moved(koios, height + 61, height) == set()


@pytest.mark.parametrize(
    ('answers', 'reason'),
    [
        ([[TIP | {'block_time': 5}]], 'is behind its chain'),
        ([[]], 'returned a tip of an unexpected shape'),
        ([{'block_no': 5}], 'returned a tip of an unexpected shape'),
        ([[TIP | {'block_time': CLOCK.now()}], {'code': 'PGRST202'}], 'returned something that is not a list'),
    ],
)
def test_an_answer_that_cannot_be_right_is_none(koios: Server, answers: list[Any], reason: str) -> None:
    koios.say(*answers)
    with pytest.raises(Upstream, match=reason):
        look(Subject(cardano.ADDRESS, (), 9_000_000))
