"""How many ledgers become due in infra.growth.simulation, by the refresh policy and what people are assumed to do."""

from typing import NamedTuple

from chalicelib.services.ledgers import policy
from infra.growth.assumptions import DAY, Chain, People


class Due(NamedTuple):
    """How many ledgers become due a second, and how many of them are read where nodes, or blocks, confirm quiet ones.

    Blocks have those read besides that `moved`, at once.
    """

    ledgers: float
    unsettled: float
    unsettled_by_blocks: float
    moved: float

    def to_read(self, chain: Chain, *, follows_blocks: bool) -> float:
        """Return how many ledgers of chains are to be read a second."""
        followed = _share_followed(chain, follows_blocks)
        each = followed * (self.unsettled_by_blocks + self.moved) + (1 - followed) * self.ledgers
        return (self.unsettled if chain.checked else each) * chain.share

    def to_confirm(self, chain: Chain, *, follows_blocks: bool) -> float:
        """Return how many may be confirmed."""
        by_blocks = (self.ledgers - self.unsettled_by_blocks) * _share_followed(chain, follows_blocks)
        return (self.ledgers - self.unsettled if chain.checked else by_blocks) * chain.share


def due_per_second(people: People, at: float) -> Due:
    """Return how many ledgers become due, by the refresh policy: more often, the more recently somebody looked at them."""
    (recently, often), (today, hourly) = policy.INTERVALS
    in_hour = people.ledgers(min(people.visits_per_second(at) * recently, people.users * people.active))
    in_day = max(0, people.ledgers(people.users * people.active * min(1, today / DAY)) - in_hour)
    others = max(0, people.ledgers(people.users) - in_hour - in_day)
    seen, rest = in_hour / often, in_day / hourly + others / policy.LONGEST_INTERVAL
    young = people.moves * (policy.FINAL_SECONDS + policy.LAG_SECONDS) / DAY  # of those due: what moved too lately to be settled
    trusted_in_hour = in_hour / policy.LONGEST_TRUST_SECONDS
    trusted = in_day / policy.LONGEST_TRUST_SECONDS + others / policy.LONGEST_TRUST_UNSEEN_SECONDS
    return Due(
        ledgers=seen + rest,
        unsettled=min(seen + rest, (seen + rest) * young + trusted_in_hour + trusted),
        unsettled_by_blocks=seen + min(rest, rest * young + trusted),  # blocks confirm nothing that somebody looked at within the hour
        moved=people.ledgers(people.users) * people.moves / DAY,
    )


def _share_followed(chain: Chain, follows_blocks: bool) -> float:
    return sum(each.share for each in chain.followed) if follows_blocks else 0
