"""How many ledgers become due in benchmarks.simulate, by the refresh policy and what people are assumed to do."""

from typing import NamedTuple

from benchmarks.assumptions import DAY, Chain, People
from chalicelib.services.ledgers import policy


class Due(NamedTuple):
    """How many ledgers become due a second, and how many of them are read where quiet ones are confirmed."""

    ledgers: float
    unsettled: float

    def to_read(self, chain: Chain) -> float:
        """Return how many ledgers of chains are to be read a second."""
        return (self.unsettled if chain.checked else self.ledgers) * chain.share

    def to_confirm(self, chain: Chain) -> float:
        """Return how many may be confirmed."""
        return (self.ledgers - self.unsettled) * chain.share if chain.checked else 0


def due_per_second(people: People, at: float) -> Due:
    """Return how many ledgers become due, by the refresh policy: more often, the more recently somebody looked at them."""
    (recently, often), (today, hourly) = policy.INTERVALS
    in_hour = people.ledgers(min(people.visits_per_second(at) * recently, people.users * people.active))
    in_day = max(0, people.ledgers(people.users * people.active * min(1, today / DAY)) - in_hour)
    others = max(0, people.ledgers(people.users) - in_hour - in_day)
    due = in_hour / often + in_day / hourly + others / policy.LONGEST_INTERVAL
    moved = due * people.moves * (policy.FINAL_SECONDS + policy.LAG_SECONDS) / DAY
    trusted = (in_hour + in_day) / policy.LONGEST_TRUST_SECONDS + others / policy.LONGEST_TRUST_UNSEEN_SECONDS
    return Due(due, min(due, moved + trusted))
