"""How much of a history an item takes, and what a range of them is read by."""

import random
from decimal import Decimal

from chalicelib.domain.timeline import HOUR, PortfolioState, StateAt
from chalicelib.models import HistoryMonth

MONTH = 1_698_796_800  # 2023-11-01
END = 1_701_388_800


def states(currencies: int) -> list[StateAt]:
    """Return a state for each hour of a month, each another one in all of some currencies."""
    chance = random.Random(currencies)
    hours = range(MONTH, END, HOUR)
    balances = ((at, {f'{n}': Decimal(chance.randrange(10**18)).scaleb(-8) for n in range(currencies)}) for at in hours)
    return [(at, PortfolioState(held, {}, {}, 1, 1, True)) for at, held in balances]


def test_a_month_is_one_item_and_one_that_is_too_much_for_it_several_that_follow_each_other() -> None:
    for currencies, several in ((1, False), (150, True)):
        given = states(currencies)
        chunks = HistoryMonth.of('HISTORY#user#000001', 'HOUR', given, END)
        assert (len(chunks) > 1) is several
        assert [chunk.since for chunk in chunks] == [MONTH, *(chunk.until for chunk in chunks[:-1])]
        assert chunks[-1].until == END
        assert [one for chunk in chunks for one in chunk.states] == given
        assert all(len(HistoryMonth.states.serialize(chunk.states)) < 380_000 for chunk in chunks)


def test_a_range_begins_with_the_item_that_its_first_instant_lies_in(queues: dict[str, str]) -> None:
    given = HistoryMonth.of('HISTORY#user#000001', 'HOUR', states(150), END)
    HistoryMonth.replace('HISTORY#user#000001', 'HOUR', MONTH, given, version=1)
    for chunk in given:
        found = list(HistoryMonth.every(chunk.pk, 'HOUR', chunk.since + 30 * HOUR, chunk.since + 31 * HOUR, newest_first=True))
        assert chunk.sk in {one.sk for one in found}
    HistoryMonth.replace('HISTORY#user#000001', 'HOUR', MONTH, given[:1], version=2)
    assert [one.sk for one in HistoryMonth.every('HISTORY#user#000001', 'HOUR', MONTH, END, newest_first=False)] == [given[0].sk]
