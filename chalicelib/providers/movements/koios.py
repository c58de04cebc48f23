"""Koios, asked whether any of several addresses of Cardano has a transaction in new blocks (`address_txs`).

The answer does not say whose a transaction is, so that each of them is asked about by itself where there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib import clock
from chalicelib.domain import money
from chalicelib.domain.marks import Sight
from chalicelib.errors import Blame, Upstream
from chalicelib.providers.explorers.explorer import expected_shape
from chalicelib.providers.explorers.koios import Koios
from chalicelib.providers.movements.bulk_source import MOST_BEHIND_SECONDS, Subject
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

_GROUP = 8  # addresses, which fit into the kilobyte that a body may have


@dataclass(frozen=True)
class KoiosBulkSource:
    """Balances are not compared: on a chain of unspent outputs nothing moves without a transaction of the address."""

    explorer: Koios

    @property
    def endpoint(self) -> Endpoint:
        return self.explorer.endpoint

    def look(self, http: Http, subjects: Sequence[Subject]) -> Mapping[str, Sight]:
        """See BulkSource. Blocks that a reorganisation may have replaced since are searched again."""
        height = self._height(http)
        with_mark = [subject for subject in subjects if subject.position is not None]
        groups = [with_mark[start : start + _GROUP] for start in range(0, len(with_mark), _GROUP)]
        moved = {subject.address for group in groups for subject in self._moved(http, group)}
        return {subject.address: Sight(None, '', height, has_moved=subject.address in moved) for subject in subjects}

    def _height(self, http: Http) -> int:
        rows = http.get(self.endpoint, '/tip', {'select': 'block_no,block_time'}).json()
        with expected_shape(self.endpoint, 'a tip'):
            [tip] = rows
            height, made_at = money.whole(tip['block_no']), money.whole(tip['block_time'])
        if clock.now() - made_at > MOST_BEHIND_SECONDS:
            raise Upstream(self.endpoint.key, 'is behind its chain', blame=Blame.HOST)
        return height

    def _moved(self, http: Http, group: Sequence[Subject]) -> list[Subject]:
        """Return those of a group that have a transaction after their positions."""
        after = min(subject.position or 0 for subject in group) - self.explorer.chain.reorganisation
        body = {'_addresses': [subject.address for subject in group], '_after_block_height': max(after, 0)}
        rows = http.post(self.endpoint, '/address_txs?select=block_height&limit=1', body).json()
        if not isinstance(rows, list):
            raise Upstream(self.endpoint.key, 'returned something that is not a list')
        if rows and len(group) > 1:
            return [subject for each in group for subject in self._moved(http, [each])]
        return list(group) if rows else []
