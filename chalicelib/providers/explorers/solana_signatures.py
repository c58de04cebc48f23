"""The lists of signatures of an address of Solana and of the accounts with its tokens, merged into one, newest first.

Who sends a token to an account need not name its owner, so that the owner's own list lacks it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.domain import money
from chalicelib.providers.explorers.explorer import expected_shape
from chalicelib.providers.explorers.solana_node import Row, SolanaNode

FINALIZED = {'commitment': 'finalized'}
SIGNATURE = re.compile('[1-9A-HJ-NP-Za-km-z]{64,88}')
_FIRST_PAGE = 4  # enough for new transactions
_PAGE = 20
_ENDED, _UNREAD = -1, 10**12  # heights below and above all others


class Listed(NamedTuple):
    """A transaction as it is listed. `codes` are the currencies that it may move: of the accounts whose lists have it.

    `time` is what the list says of when it was made, None if nothing.
    """

    signature: str
    slot: int
    time: Any
    codes: frozenset[str]


class Signatures:
    """The transactions of accounts, of each of which `codes` has the currency that it holds, page by page.

    A page is what all lists have above a slot that none of them has been read below, so that each transaction is on one page only.
    """

    def __init__(self, node: SolanaNode, codes: Mapping[str, str], places: Mapping[str, str | None]) -> None:
        self._node = node
        self._lists = [_List(account, code, places.get(account)) for account, code in codes.items()]

    @classmethod
    def resumed(cls, node: SolanaNode, position: str) -> 'Signatures':
        """Return the rest of lists, given their `position` after an earlier page. Raises ValueError if it is none."""
        places: Mapping[str, Sequence[Any]] = json.loads(position)
        return cls(node, {account: code for account, (code, _) in places.items()}, {one: before for one, (_, before) in places.items()})

    @property
    def position(self) -> str | None:
        """Where to go on after the pages taken so far, None after the last."""
        places = {each.account: [each.code, each.before] for each in self._lists if not each.is_done}
        return json.dumps(places, separators=(',', ':')) if places else None

    def is_empty(self, account: str) -> bool:
        """Whether the list of an account was read to its end, and has nothing at all."""
        return any(each.is_done and each.before is None for each in self._lists if each.account == account)

    def take_page(self) -> list[Listed]:
        """Return the next transactions, as many as make about a page, newest first; none after the last. Raises Upstream."""
        floor = self._fill()
        rows = sorted((row for each in self._lists for row in each.rows if row.slot > floor), key=lambda row: -row.slot)
        lowest = rows[:_PAGE][-1].slot if rows else floor
        taken: dict[str, Listed] = {}
        for row in [row for each in self._lists for row in each.take_from(lowest if rows else _UNREAD)]:
            before = taken.get(row.signature)
            taken[row.signature] = row if before is None else row._replace(codes=row.codes | before.codes)
        return sorted(taken.values(), key=lambda row: -row.slot)

    def _fill(self) -> int:
        """Read until there is something above the slot down to which all lists are complete, or nothing left; return that slot."""
        self._read([each for each in self._lists if not each.rows])
        while True:
            floor = _ENDED if len(self._lists) == 1 else max((each.floor for each in self._lists), default=_ENDED)
            behind = [each for each in self._lists if each.floor == floor and floor != _ENDED]
            if not behind or any(row.slot > floor for each in self._lists for row in each.rows):
                return floor
            self._read(behind)

    def _read(self, lists: Iterable['_List']) -> None:
        """Read another page of each list that has one."""
        unfinished = [each for each in lists if not each.ended]
        results = self._node.query([('getSignaturesForAddress', [each.account, each.config]) for each in unfinished])
        with expected_shape(self._node.endpoint, 'signatures'):
            for each, rows in zip(unfinished, results, strict=True):
                each.append(rows)


class _List:
    """The signatures of one account, as far as they are read and not taken: those after the one `before`, None from the newest on."""

    def __init__(self, account: str, code: str, before: str | None) -> None:
        self.account, self.code, self.before = account, code, before
        self.rows: list[Listed] = []
        self.ended = False

    @property
    def is_done(self) -> bool:
        return self.ended and not self.rows

    @property
    def floor(self) -> int:
        """The slot below which nothing of the list is known."""
        if self.ended:
            return _ENDED
        return self.rows[-1].slot if self.rows else _UNREAD

    @property
    def config(self) -> dict[str, Any]:
        """What to ask for next."""
        before = self.rows[-1].signature if self.rows else self.before
        return {**FINALIZED, 'limit': _FIRST_PAGE} if before is None else {**FINALIZED, 'before': before, 'limit': _PAGE}

    def append(self, rows: Sequence[Row]) -> None:
        """Add a page; an empty one ends the list. Raises ValueError if it is not what was asked for."""
        config = self.config
        slots = [*(row.slot for row in self.rows[-1:]), *(money.whole(row['slot']) for row in rows)]
        if not isinstance(rows, list) or len(rows) > config['limit'] or slots != sorted(slots, reverse=True):
            raise ValueError('not as requested')
        if not all(SIGNATURE.fullmatch(row['signature']) for row in rows) or config.get('before') in [row['signature'] for row in rows]:
            raise ValueError('not what comes before')
        self.ended = not rows
        codes = frozenset({self.code})
        self.rows += [Listed(row['signature'], money.whole(row['slot']), row.get('blockTime'), codes) for row in rows]

    def take_from(self, slot: int) -> list[Listed]:
        """Remove and return what was made in a slot or later."""
        taken = [row for row in self.rows if row.slot >= slot]
        self.rows = self.rows[len(taken) :]
        self.before = taken[-1].signature if taken else self.before
        return taken
