"""Nodes of chains with an Ethereum Virtual Machine, asked about many addresses at once.

Balances come by calls of Multicall3, numbers of transactions in the same batch. Where the catalogue has few tokens on the chain, all of
them are asked for. Where it has many, only those that an address holds or may get without an event are, and the events of all others
are searched (`eth_getLogs`); at a node that refuses to, all balances are asked for there too.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib import clock
from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.marks import Sight
from chalicelib.errors import Blame, Upstream
from chalicelib.providers.explorers import multicall
from chalicelib.providers.explorers.explorer import expected_shape
from chalicelib.providers.explorers.json_rpc import Call, JsonRpc, balance_of, checked_data, quantity, units_in
from chalicelib.providers.movements.bulk_source import MOST_BEHIND_SECONDS, Subject
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

log = logging.getLogger(__name__)

_FEW_TOKENS = 10
_MOST_AGGREGATED = 100  # balances in one call, far below what nodes allow, so that none is refused for its gas
_MOST_BLOCKS = 10_000  # that are searched; an older mark is begun anew
_RANGE = 1_000  # blocks of one search
_ETH_BALANCE = '0x4d2301cc'  # getEthBalance of Multicall3
_TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'  # Transfer(address,address,uint256)


class Question(NamedTuple):
    """What is held of one currency by one address."""

    address: str
    code: str


@dataclass(frozen=True)
class EvmBulkSource:
    """Not seen: what comes to a contract's account and leaves it again before the next look, as another account's transaction does both."""

    node: JsonRpc

    @property
    def endpoint(self) -> Endpoint:
        return self.node.endpoint

    @property
    def chain(self) -> Chain:
        return self.node.chain

    def look(self, http: Http, subjects: Sequence[Subject]) -> Mapping[str, Sight]:
        """See BulkSource. Raises Upstream too if the node is behind or is of another chain."""
        questions = [Question(subject.address, code) for subject in subjects for code in self._codes(subject)]
        calls: list[Call] = [('eth_chainId', []), ('eth_getBlockByNumber', ['latest', False])]
        calls += [('eth_getTransactionCount', [subject.address, 'latest']) for subject in subjects]
        chain_id, block, *answers = self.node.results(http, [*calls, *self._balance_calls(questions)])
        with expected_shape(self.endpoint, 'a state'):
            height = self._height(chain_id, block)
            numbers = [quantity(answer) for answer in answers[: len(subjects)]]
            units = self._units(questions, answers[len(subjects) :])
        moved = self._moved(http, subjects, height)
        if moved is None:
            units |= self._units_of_others(http, subjects)
        balances = _balances(units)
        return {
            subject.address: Sight(held, str(number), _position(subject, height, moved), subject.address in (moved or ()))
            for subject, number in zip(subjects, numbers, strict=True)
            if (held := balances.get(subject.address)) is not None
        }

    @property
    def _tokens(self) -> Sequence[Currency]:
        return currencies.tokens_on(self.chain.currency)

    @property
    def _searches(self) -> bool:
        """Whether there are tokens of which only events tell that an address got some."""
        return len(self._tokens) > _FEW_TOKENS

    def _codes(self, subject: Subject) -> list[str]:
        """Return what the balances of an address are asked of."""
        tokens = [token.code for token in self._tokens if not self._searches or token.wraps_the_coin or token.code in subject.held_codes]
        return [self.chain.currency, *tokens]

    def _units_of_others(self, http: Http, subjects: Sequence[Subject]) -> dict[Question, int | None]:
        """Return what addresses hold of all tokens of which they were not asked."""
        answered = {Question(subject.address, code) for subject in subjects for code in self._codes(subject)}
        every = [Question(subject.address, token.code) for subject in subjects for token in self._tokens]
        questions = [question for question in every if question not in answered]
        answers = self.node.results(http, self._balance_calls(questions))
        with expected_shape(self.endpoint, 'balances'):
            return self._units(questions, answers)

    def _balance_calls(self, questions: Sequence[Question]) -> list[Call]:
        if not self._tokens:  # Multicall3 is on every chain of which we follow tokens
            return [('eth_getBalance', [address, 'latest']) for address, _ in questions]
        data = [multicall.encode_calls([self._inner_call(question) for question in chunk]) for chunk in _chunks(questions)]
        return [('eth_call', [{'to': multicall.CONTRACT, 'data': each}, 'latest']) for each in data]

    def _inner_call(self, question: Question) -> tuple[str, str]:
        if question.code == self.chain.currency:
            return multicall.CONTRACT, _ETH_BALANCE + _padded(question.address)
        return currencies.get(question.code).contract or '', balance_of(question.address)

    def _units(self, questions: Sequence[Question], answers: Sequence[Any]) -> dict[Question, int | None]:
        """Return the answers to questions in smallest units, None for each that has none."""
        if not self._tokens:
            return dict(zip(questions, map(quantity, answers), strict=True))
        pairs = zip(_chunks(questions), answers, strict=True)
        returned = [each for chunk, answer in pairs for each in multicall.decode_results(checked_data(answer), len(chunk))]
        return dict(zip(questions, map(units_in, returned), strict=True))

    def _height(self, chain_id: str, block: Mapping[str, Any]) -> int:
        if quantity(chain_id) != self.chain.evm_id:
            raise Upstream(self.endpoint.key, 'is a node of another chain', blame=Blame.HOST)
        if clock.now() - quantity(block['timestamp']) > MOST_BEHIND_SECONDS:
            raise Upstream(self.endpoint.key, 'is behind its chain', blame=Blame.HOST)
        return quantity(block['number'])

    def _moved(self, http: Http, subjects: Sequence[Subject], height: int) -> set[str] | None:
        """Return the addresses to or from which tokens moved after their marks, or whose marks are too old to tell.

        Blocks that a reorganisation may have replaced since are searched again. A first look has nothing to compare with. None if the node
        refuses to search.
        """
        if not self._searches:
            return set()
        since = {one.address.lower(): one.position - self.chain.reorganisation for one in subjects if one.position is not None}
        too_old = {address for address, begin in since.items() if height - begin > _MOST_BLOCKS}
        searched = {address: begin for address, begin in since.items() if address not in too_old}
        try:
            movements = self._movements(http, [*searched], min(searched.values(), default=height), height)
        except Upstream as error:
            if error.blame is not Blame.REQUEST:
                raise
            log.info('%s; asking for the balances of all tokens', error)
            return None
        moved = too_old | {address for address, at in movements if address in searched and at > searched[address]}
        return {one.address for one in subjects if one.address.lower() in moved}

    def _movements(self, http: Http, addresses: Sequence[str], begin: int, end: int) -> list[tuple[str, int]]:
        """Return who sent or got tokens of the catalogue in some blocks, and in which."""
        if not addresses:
            return []
        topics = ['0x' + _padded(address) for address in addresses]
        of_catalogue = [token.contract for token in self._tokens]
        ranges = [(hex(first), hex(min(first + _RANGE - 1, end))) for first in range(begin, end + 1, _RANGE)]
        calls: list[Call] = [
            ('eth_getLogs', [{'fromBlock': first, 'toBlock': last, 'address': of_catalogue, 'topics': sides}])
            for first, last in ranges
            for sides in ([_TRANSFER, topics], [_TRANSFER, None, topics])
        ]
        answers = self.node.results(http, calls)
        with expected_shape(self.endpoint, 'events'):
            if not all(isinstance(answer, list) for answer in answers):
                raise ValueError('no list')
            rows = [(row['topics'], quantity(row['blockNumber'])) for answer in answers for row in answer]
            return [('0x' + topic[-40:].lower(), at) for sides, at in rows for topic in sides[1:3]]


def _position(subject: Subject, height: int, moved: set[str] | None) -> int | None:
    """Return from where on a later search must look for the events of an address.

    Where none was made now, that is where it was; for a first look it is here, as all balances are told from here on.
    """
    return height if moved is not None or subject.position is None else subject.position


def _balances(units: Mapping[Question, int | None]) -> dict[str, dict[str, Decimal]]:
    """Return what addresses hold by currency, without those of which a balance cannot be told."""
    balances: dict[str, dict[str, Decimal]] = {question.address: {} for question in units}
    for (address, code), number in units.items():
        if number is None:
            balances.pop(address, None)
        elif number and address in balances:
            balances[address][code] = money.scaled(number, currencies.get(code).decimals)
    return balances


def _chunks(questions: Sequence[Question]) -> list[Sequence[Question]]:
    return [questions[start : start + _MOST_AGGREGATED] for start in range(0, len(questions), _MOST_AGGREGATED)]


def _padded(address: str) -> str:
    return address.removeprefix('0x').lower().rjust(64, '0')
