"""Dead letters: looking at them loses none, sending them back loses none, whatever dies."""

import json
from typing import Any

import boto3
import pytest

from chalicelib import queue
from chalicelib.config import settings
from chalicelib.models import Ledger
from infra.fake_upstreams.faults import down
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support.api import Api
from tests.support.dynamodb import Killed
from tests.support.exports import hooked, run
from tests.support.jobs import Queue, dead_letters, refresh_queue, run_refresh
from tests.support.ledgers import SEGWIT, pk_of

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for messages that may come."""
    monkeypatch.setattr('infra.data.dead_letters._POLL_SECONDS', 0)


@pytest.fixture
def dead(queues: dict[str, str]) -> Queue:
    """A dead-letter queue with twelve messages about ledgers."""
    queue.send(f'{settings().refresh_queue}-dlq', (({'ledger': f'LEDGER#btc#{number}'}, '') for number in range(12)))
    return dead_letters(queues)


def shown(capsys: pytest.CaptureFixture[str]) -> list[Json]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def numbers(found: list[Json]) -> list[int]:
    return sorted(int(one['ledger'].rsplit('#', 1)[1]) for one in found)


def test_dead_letters_are_shown_and_stay_where_they_are(dead: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run('dlq', 'inspect', 'refresh') == 0
        letters = shown(capsys)
        assert numbers([json.loads(letter['body']) for letter in letters]) == list(range(12))
        assert all(0 <= letter['age'] < 60 and letter['receives'] >= 1 for letter in letters)
    assert numbers(dead.bodies()) == list(range(12))


def test_no_more_are_shown_than_asked_for(dead: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('dlq', 'inspect', 'refresh', '--most', '3') == 0
    assert len(shown(capsys)) == 3
    assert len(dead.bodies()) == 12


def test_the_reason_of_a_failed_refresh_is_shown(
    explorer: Explorer, api: Api, queues: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    explorer.fail(down)
    api.address(api.portfolio(), SEGWIT)
    assert not run_refresh(SEGWIT)
    queue.send(
        f'{settings().refresh_queue}-dlq', [({'ledger': pk_of(SEGWIT)}, ''), ({'ledger': 'LEDGER#btc#gone'}, ''), ({'portfolio_id': 1}, '')]
    )

    assert run('dlq', 'inspect', 'refresh') == 0

    told = {letter['body']: letter['error'] for letter in shown(capsys)}
    assert told[f'{{"ledger":"{pk_of(SEGWIT)}"}}'] == Ledger.find(pk_of(SEGWIT)).last_error != ''
    assert (told['{"ledger":"LEDGER#btc#gone"}'], told['{"portfolio_id":1}']) == ('this ledger is gone', None)


@pytest.mark.parametrize('body', ['nonsense', '[]', '1', '{}', '"ledger"'])
def test_a_message_that_is_none_of_ours_is_shown_too(queues: dict[str, str], body: str, capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client('sqs').send_message(QueueUrl=queues[f'{settings().refresh_queue}-dlq'], MessageBody=body)

    assert run('dlq', 'inspect', 'refresh') == 0
    assert [(letter['body'], letter['error']) for letter in shown(capsys)] == [(body, None)]


def test_all_messages_are_sent_back(dead: Queue, queues: dict[str, str]) -> None:
    assert run('dlq', 'redrive', 'refresh') == 0
    assert numbers(refresh_queue(queues).bodies()) == list(range(12))
    assert dead.bodies() == []


def test_messages_of_a_queue_told_by_its_own_name_are_sent_back(dead: Queue, queues: dict[str, str]) -> None:
    assert run('dlq', 'redrive', settings().refresh_queue) == 0
    assert len(refresh_queue(queues).bodies()) == 12


def test_what_is_beside_the_body_is_sent_back_too(queues: dict[str, str]) -> None:
    sqs = boto3.client('sqs')
    attribute = {'trace': {'DataType': 'String', 'StringValue': 'abc'}}
    sqs.send_message(QueueUrl=queues[f'{settings().refresh_queue}-dlq'], MessageBody='{}', MessageAttributes=attribute)

    assert run('dlq', 'redrive', 'refresh') == 0

    [message] = sqs.receive_message(QueueUrl=queues[settings().refresh_queue], MessageAttributeNames=['All'])['Messages']
    assert message['MessageAttributes'] == attribute


def test_only_the_chosen_messages_are_sent_back(dead: Queue, queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    run('dlq', 'inspect', 'refresh')
    chosen = shown(capsys)[3:5]

    assert run('dlq', 'redrive', 'refresh', *(part for letter in chosen for part in ('--id', letter['id']))) == 0

    expected = numbers([json.loads(letter['body']) for letter in chosen])
    assert numbers(refresh_queue(queues).bodies()) == expected
    assert numbers(dead.bodies()) == sorted(set(range(12)) - set(expected))


def test_a_message_that_is_not_there_is_told(dead: Queue, queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run('dlq', 'redrive', 'refresh', '--id', 'unknown') == 1
    assert 'has no message unknown' in capsys.readouterr().err
    assert len(dead.bodies()) == 12
    assert refresh_queue(queues).bodies() == []


@pytest.mark.parametrize('dies_before', ['SendMessageBatch', 'DeleteMessageBatch'])
def test_no_message_is_lost_when_it_dies(dead: Queue, queues: dict[str, str], dies_before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('infra.data.dead_letters._HIDDEN_SECONDS', 0)  # the time for which what it took is hidden is over at once

    def die(**_: Any) -> None:
        raise Killed

    with hooked(f'before-call.sqs.{dies_before}', die), pytest.raises(Killed):
        run('dlq', 'redrive', 'refresh')
    monkeypatch.setattr('infra.data.dead_letters._HIDDEN_SECONDS', 300)

    assert run('dlq', 'redrive', 'refresh') == 0

    assert sorted(set(numbers(refresh_queue(queues).bodies()))) == list(range(12))
    assert dead.bodies() == []


def test_messages_that_the_queue_does_not_take_stay(dead: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(parsed: Any, **_: Any) -> None:
        parsed['Failed'] = [{'Id': str(n), 'SenderFault': False, 'Code': 'InternalError', 'Message': 'not now'} for n in range(10)]

    with hooked('after-call.sqs.SendMessageBatch', refuse):
        assert run('dlq', 'redrive', 'refresh') == 1

    assert '10 messages were not taken and stay in cryptfolio-test-refresh-dlq: not now' in capsys.readouterr().err


def test_all_messages_are_deleted_once_it_is_confirmed(dead: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('builtins.input', lambda _: 'no')
    assert run('dlq', 'purge', 'refresh') == 1
    monkeypatch.setattr('builtins.input', lambda _: 'yes')
    assert run('dlq', 'purge', 'refresh') == 0
    assert dead.bodies() == []


def test_without_a_person_to_ask_nothing_is_deleted(dead: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def end_of_file(_: str) -> str:
        raise EOFError

    monkeypatch.setattr('builtins.input', end_of_file)
    assert run('dlq', 'purge', 'refresh') == 1
    assert len(dead.bodies()) == 12


@pytest.mark.parametrize(
    ('name', 'sentence'),
    [('nonsense', 'there is no queue nonsense'), ('cryptfolio-test-refresh-dlq', 'cryptfolio-test-refresh-dlq has no dead-letter queue')],
)
def test_a_queue_without_dead_letters_is_told(queues: dict[str, str], name: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('dlq', 'inspect', name) == 1
    assert sentence in capsys.readouterr().err
