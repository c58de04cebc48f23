"""Whose requests are worked for at once: few, and nobody has so many that others wait for long.

One that reads megabytes takes a hundred of memory, and more at once are no sooner done, in one process before one emulated database. Half
of the turns are the most for one network, and for all strangers, and a quarter for one caller: a user, wherever they send their requests
from, or the strangers of a network. Whose a request is shows at once when it is worked for; until then it is one of the newcomers of its
network, unless its credentials are known from before. The next turn goes to who has fewest. Where there are no more, users and newcomers
who have none get one all the same, up to as many again: first of them are networks. A turn that takes long counts
for its caller alone, and half of what there may be of these is for callers who have none.
"""

from collections import Counter
from functools import lru_cache
from ipaddress import ip_network

MOST = 8
_STRANGERS = 'strangers in '
_USER = 'user '


@lru_cache(1_000)
def site_of(network: str) -> str:
    """Return what a network is of as well: of IPv6 the /48 that one line may have 65,536 networks of."""
    if ':' not in network:
        return network
    return str(ip_network(f'{network}/48', strict=False).network_address)


def user(user_id: str) -> str:
    """Return the caller that a user is."""
    return f'{_USER}{user_id}'


def is_user(caller: str) -> bool:
    """Return whether a caller is a user."""
    return caller.startswith(_USER)


def links_of(user_id: str) -> str:
    """Return the caller that all are who have links of a user. They are not that user, whom they could else keep waiting."""
    return f'links of {user_id}'


def strangers_in(network: str) -> str:
    """Return the caller that all strangers in a network are."""
    return f'{_STRANGERS}{network}'


class Turns:
    """The turns that there are: `most` of the usual ones. A caller is `''` as long as nobody knows whose a request is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_of_network = most // 2 or 1
        self._most_of_caller = most // 4 or 1
        self._sites: Counter[str] = Counter()  # without long ones, as the next
        self._networks: Counter[str] = Counter()
        self._callers: Counter[str] = Counter()  # with long ones
        self._usual = self._of_strangers = self._without_long = self._with_long = 0

    def add(self, network: str, caller: str, *, is_long: bool = False) -> None:
        if not is_long:
            self._usual += self._networks[network] < self._most_of_network
            self._without_long += 1
            self._networks[network] += 1
            self._sites[site_of(network)] += 1
        self._with_long += 1
        self._of_strangers += caller.startswith(_STRANGERS)
        self._callers[_named(network, caller)] += 1

    def of(self, network: str, caller: str) -> tuple[int, int, int]:
        """Return how many a site, a network and a caller have."""
        return self._sites[site_of(network)], self._networks[network], self._callers[_named(network, caller)]

    def may_have_more(self, network: str, caller: str) -> bool:
        """Whether there is one more turn for a caller: one of the usual ones, or one beside them."""
        _, of_network, of_caller = self.of(network, caller)
        if self._with_long >= (2 if of_caller else 4) * self._most:
            return False
        if caller.startswith(_STRANGERS) and self._of_strangers >= self._most_of_network:
            return False
        if self._usual < self._most and of_network < self._most_of_network:
            return of_caller < self._most_of_caller
        return not of_caller and of_network < 2 * self._most_of_network and self._without_long < self._most_beside_usual(of_network)

    def _most_beside_usual(self, of_network: int) -> int:
        """Return how many there may be for who has none: the last quarter is for networks that have none."""
        return 3 * self._most // 2 if of_network else 2 * self._most


def _named(network: str, caller: str) -> str:
    return caller or f'newcomers in {network}'
