"""What it takes to keep 1,000 addresses of a chain up to date: `python -m benchmarks.upstream_economy` prints a Markdown table.

The jobs themselves run, beside moto and a fake chain that counts what it is asked, through a twentieth of a day on a clock of its own: the
sweep each minute, the queue, and users who look. First each address is read whenever it is due (`CHECK_QUIET=false`), then quiet ones are
confirmed. People are those of infra.growth.assumptions: a fifth of them look on a day, three times, at eight addresses each. The day has no
beginning: who looked when, what is due and what was read when is spread as it is on any day. One address in ten moves once a day.
"""

import argparse
import copy
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from moto import mock_aws

from benchmarks.watched import BEGIN, CHAIN, PAID_AT, User, put_user, store, users_of
from infra import functions
from infra.fake_upstreams import evm, evm_explorers, evm_nodes, http_server
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request
from infra.growth.assumptions import DAY, People
from infra.local import quick_moto

if TYPE_CHECKING:  # models need settings, which main makes
    from chalicelib.models import Ledger, Transaction

ADDRESSES, PART_OF_A_DAY = 1_000, 20
MINUTE = 60
MOVES_A_DAY = 0.1  # of an address
READS = ('GetItem', 'Query', 'BatchGetItem')


@dataclass
class Clock:
    """The time of the simulated day."""

    seconds: int = BEGIN

    def now(self) -> int:
        return self.seconds

    def now_ms(self) -> int:
        return self.seconds * 1_000


@dataclass
class Chain:
    """A chain on which one transaction pays all addresses, and others follow; it counts what it is asked."""

    world: evm.World
    asked: Counter[str] = field(default_factory=Counter)

    def respond(self, request: Request) -> Answer:
        """Answer as Etherscan or a node does."""
        if request.body is not None:
            self.asked['nodes'] += 1
            return evm_nodes.answer_node(self.world, request.body)
        self.asked['explorers'] += 1
        return evm_explorers.answer_etherscan({str(self.world.chain_id): self.world}, request.query)

    def move(self, address: str, now: int) -> None:
        """Let an address be paid."""
        height = evm_nodes.height(self.world)
        paid = evm.Transaction(evm.txn_hash(address, now), height, now, evm.STRANGER, address, 1)
        self.world = replace(self.world, transactions=[*self.world.transactions, paid])


class Cost(NamedTuple):
    """What was asked during the part of the day: of upstreams, by kind, of DynamoDB, by operation; and how many messages were handled."""

    asked: Counter[str]
    operations: Counter[str]
    messages: int

    def row(self, name: str) -> str:
        """Return a row of the table, for a whole day."""
        reads = sum(number for operation, number in self.operations.items() if operation in READS)
        writes = sum(self.operations.values()) - reads
        figures = (self.asked['explorers'], self.asked['nodes'], reads, writes, self.messages)
        return f'| {name} | ' + ' | '.join(f'{figure * PART_OF_A_DAY:,}' for figure in figures) + ' |'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.upstream_economy', description=__doc__)
    parser.add_argument('--addresses', type=int, default=ADDRESSES, metavar='NUMBER')
    number = parser.parse_args().addresses
    quick_moto.REPLACEMENTS.install()
    clock = Clock()
    addresses = [f'0x{place:040x}' for place in range(1, number + 1)]
    chain = Chain(_world(addresses))
    with http_server.serving(chain.respond) as url:
        os.environ |= functions.stand_ins('dev') | {
            'AWS_DEFAULT_REGION': 'us-east-1',
            'AWS_ACCESS_KEY_ID': 'economy',
            'AWS_SECRET_ACCESS_KEY': 'economy',
            'AWS_CHALICE_CLI_MODE': 'true',
            'UPSTREAM_URL': url,
            'CROSS_CHECK_RATE': '0',
        }
        _let_time_stand(clock)
        print('| addresses | requests to explorers | to nodes | reads of DynamoDB | writes | messages |\n|---|---|---|---|---|---|')
        for setting, name in (('false', 'each read'), ('true', 'quiet ones confirmed')):
            clock.seconds, chain.world = BEGIN, _world(addresses)
            with mock_aws(), _checking_quiet(setting):
                print(_day(chain, clock, addresses).row(f'{number:,}, {name}'), flush=True)


def _world(addresses: Sequence[str]) -> evm.World:
    inner = tuple(evm.Inner(evm.CONTRACT, address, evm.ETHER) for address in addresses)
    paid = evm.Transaction(evm.txn_hash('paid'), 18_000_000, PAID_AT, evm.STRANGER, evm.CONTRACT, inner=inner)
    return evm.World(1, [paid])


def _let_time_stand(stopped: Clock) -> None:
    from chalicelib import clock

    clock.now, clock.now_ms = stopped.now, stopped.now_ms
    evm_nodes.now = stopped.now


@contextmanager
def _checking_quiet(setting: str) -> Iterator[None]:
    from chalicelib.config import settings

    os.environ['CHECK_QUIET'] = setting
    settings.cache_clear()
    yield
    settings.cache_clear()


def _day(chain: Chain, clock: Clock, addresses: Sequence[str]) -> Cost:
    """Let a part of a day pass; return what it took."""
    from chalicelib.jobs import sweep
    from chalicelib.models import Item

    dice = random.Random(1)
    queue = Queue()
    Item.create_table(billing_mode='PAY_PER_REQUEST')
    users = users_of(addresses, dice)
    store(users, *_read_once(addresses[0], queue), dice)
    end = BEGIN + DAY // PART_OF_A_DAY
    visits = sorted((dice.randrange(BEGIN, end), dice.choice(users)) for _ in range(_visits_a_day(users) // PART_OF_A_DAY))
    moves = sorted((dice.randrange(BEGIN, end), dice.choice(addresses)) for _ in range(round(len(addresses) * MOVES_A_DAY / PART_OF_A_DAY)))
    chain.asked.clear()
    with _counted() as operations:
        messages = 0
        for clock.seconds in range(BEGIN, end, MINUTE):
            while moves and moves[0][0] <= clock.seconds:
                chain.move(moves.pop(0)[1], clock.seconds)
            while visits and visits[0][0] <= clock.seconds:
                _look(visits.pop(0)[1])
            sweep.sweep_due(_EVENT, None)
            messages += queue.drain()
    return Cost(copy.copy(chain.asked), operations, messages)


_EVENT: Any = {'source': 'aws.events', 'detail-type': 'Scheduled Event', 'detail': {}, 'resources': []} | dict.fromkeys(
    ('version', 'account', 'time', 'region', 'id'), ''
)


def _visits_a_day(users: Sequence[User]) -> int:
    people = People(len(users))
    return round(len(users) * people.active * people.visits)


class Queue:
    """The queues, of which that of refreshes is worked off."""

    def __init__(self) -> None:
        import boto3

        from chalicelib import queue
        from chalicelib.config import settings

        queue._url.cache_clear()
        queue._sqs.cache_clear()
        self._sqs = boto3.client('sqs')
        names = (settings().refresh_queue, settings().history_queue, settings().accounts_queue, settings().purge_queue)
        self._url, *_ = [self._sqs.create_queue(QueueName=name)['QueueUrl'] for name in names]

    def drain(self) -> int:
        """Hand all messages to the job; return how many there were."""
        from chalicelib.jobs import refresh

        handled = 0
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get('Messages', []):
            records = [
                {'messageId': message['MessageId'], 'receiptHandle': message['ReceiptHandle'], 'body': message['Body']}
                | {'attributes': {}, 'messageAttributes': {}, 'eventSource': 'aws:sqs', 'eventSourceARN': '', 'awsRegion': ''}
                for message in messages
            ]
            assert not refresh.refresh_ledgers({'Records': records}, None)['batchItemFailures']
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message['ReceiptHandle'])
            handled += len(messages)
        return handled


def _read_once(address: str, queue: Queue) -> 'tuple[Ledger, list[Transaction]]':
    """Return the state of a ledger after its first reading, which is that of each other one too, and its one transaction."""
    from chalicelib import messages
    from chalicelib.domain.ledger_keys import AddressKey
    from chalicelib.models import Ledger, Transaction

    user = User('first', [address], None)
    put_user(user)
    pk = AddressKey(CHAIN, address).text
    Ledger.at(pk).update(list(Ledger.make_due(pk, BEGIN).actions))
    messages.send(messages.RefreshLedger(pk))
    queue.drain()
    state = Ledger.find(pk)
    assert state is not None
    assert state.is_whole
    return state, list(Transaction.every(pk))


def _look(user: User) -> None:
    from chalicelib.domain.ledger_keys import AddressKey
    from chalicelib.models import Ledger
    from chalicelib.services.ledgers import reading

    states = Ledger.find_many(AddressKey(CHAIN, address).text for address in user.addresses)
    reading.refresh_stale(states.values(), user.user_id)


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Yield the requests to DynamoDB made meanwhile, by operation."""
    from chalicelib.models import Item

    operations: Counter[str] = Counter()
    events = Item.connection().client.meta.events

    def note(model: Any, **_: Any) -> None:
        operations[model.name] += 1

    events.register('before-call.dynamodb', note)
    yield operations
    events.unregister('before-call.dynamodb', note)


if __name__ == '__main__':
    main()
