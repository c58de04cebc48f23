"""The queues of tests and local stacks are as fair as SQS's: nobody's message waits for all that somebody else has caused."""

from collections.abc import Iterator

import boto3
import pytest

from chalicelib import messages, queue
from chalicelib.messages import BackfillRates, FetchRates, Message

NAME = 'fair'


@pytest.fixture(autouse=True)
def queue_url() -> Iterator[str]:
    url = boto3.client('sqs').create_queue(QueueName=NAME)['QueueUrl']
    yield url
    boto3.client('sqs').delete_queue(QueueUrl=url)


def receive(url: str, most: int = 10) -> list[str]:
    answer = boto3.client('sqs').receive_message(QueueUrl=url, MaxNumberOfMessages=most)
    return [message['Body'] for message in answer.get('Messages', [])]


def send(*groups: str) -> None:
    """Send a message to each of the groups, which are numbered in the order in which they are sent."""
    queue.send(NAME, (({'n': number}, group) for number, group in enumerate(groups)))


def body(number: int) -> str:
    return f'{{"n":{number}}}'


def test_a_message_of_a_group_without_a_backlog_is_received_before_those_of_groups_with_one(queue_url: str) -> None:
    send(*['busy'] * 300, 'other', 'third')

    assert {body(300), body(301)} < set(receive(queue_url))


def test_messages_of_one_group_are_received_in_their_order(queue_url: str) -> None:
    send('a', 'a', 'b', 'a', 'b', 'c')

    assert receive(queue_url) == [body(number) for number in (0, 2, 5, 1, 4, 3)]


def test_two_backlogs_take_turns(queue_url: str) -> None:
    send(*['first'] * 20, *['second'] * 20)

    assert receive(queue_url, 4) == [body(0), body(20), body(1), body(21)]
    assert receive(queue_url, 4) == [body(2), body(22), body(3), body(23)]


def test_messages_without_a_group_have_one_turn_together(queue_url: str) -> None:
    send(*[''] * 30, 'other')

    assert receive(queue_url, 2) == [body(0), body(30)]


def test_a_message_that_comes_later_waits_for_no_backlog(queue_url: str) -> None:
    send(*['busy'] * 30)
    receive(queue_url)
    boto3.client('sqs').send_message(QueueUrl=queue_url, MessageBody='late', MessageGroupId='other')

    assert receive(queue_url, 2) == ['late', body(10)]


def test_rates_that_somebody_waits_for_come_before_a_backlog_of_daily_closes(queue_url: str) -> None:
    backlog = [BackfillRates(f'code{number}') for number in range(400)]
    sent: list[Message] = [*backlog, FetchRates(['zwg'])]
    queue.send(NAME, ((messages.to_body(message), message.group) for message in sent))

    assert receive(queue_url, 1) == ['{"backfill":"code0"}']
    assert receive(queue_url, 1) == ['{"currencies":["zwg"]}']
