"""The pump between queues, schedules and their handlers."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from chalice.app import Cron, Rate

from app import app
from infra.local import event_sources

EVENT = {'Records': [{'messageId': 'a'}, {'messageId': 'b'}]}


@pytest.fixture
def queue_url() -> Iterator[str]:
    """A queue whose failed messages come back at once, and after five receives go to another."""
    sqs = boto3.client('sqs')
    dead = sqs.create_queue(QueueName='pumped-dlq')['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
    redrive = json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 5})
    url = sqs.create_queue(QueueName='pumped', Attributes={'VisibilityTimeout': '0', 'RedrivePolicy': redrive})['QueueUrl']
    yield url
    for one in (url, dead):
        sqs.delete_queue(QueueUrl=one)


def make_pump(handler: event_sources.EntryPoint) -> event_sources.QueuePump:
    return event_sources.QueuePump(boto3.client('sqs'), 'pumped', handler)


def bodies_in(queue: str) -> list[str]:
    sqs = boto3.client('sqs')
    answer = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName=queue)['QueueUrl'], MaxNumberOfMessages=10)
    return [message['Body'] for message in answer.get('Messages', [])]


def test_the_application_says_which_handlers_there_are() -> None:
    handlers = {event_sources.entry_point(source.handler_string) for source in app.event_sources}

    assert len(handlers) == len(app.event_sources)
    assert all(map(callable, handlers))


def test_a_handler_gets_the_event_that_lambda_would_get(queue_url: str) -> None:
    seen: list[dict[str, Any]] = []
    boto3.client('sqs').send_message(QueueUrl=queue_url, MessageBody='hello')

    make_pump(lambda event, _: seen.append(event)).pump()

    [record] = seen[0]['Records']
    assert record['body'] == 'hello'
    assert record['eventSource'] == 'aws:sqs'
    assert record['eventSourceARN'] == 'arn:aws:sqs:us-east-1:123456789012:pumped'
    assert record['awsRegion'] == 'us-east-1'
    assert record['attributes']['ApproximateReceiveCount'] == '1'
    assert record['messageId']
    assert record['receiptHandle']


def test_only_the_messages_that_did_not_fail_are_deleted(queue_url: str) -> None:
    for body in ('good', 'bad'):
        boto3.client('sqs').send_message(QueueUrl=queue_url, MessageBody=body)

    def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
        return {'batchItemFailures': [{'itemIdentifier': one['messageId']} for one in event['Records'] if one['body'] == 'bad']}

    pump = make_pump(handle)
    for _ in range(2):
        pump.pump()

    assert bodies_in('pumped') == ['bad']


def test_a_message_that_fails_too_often_lies_in_the_dead_letter_queue(queue_url: str) -> None:
    counts: list[str] = []
    boto3.client('sqs').send_message(QueueUrl=queue_url, MessageBody='bad')

    def handle(event: dict[str, Any], _: Any) -> None:
        counts.append(event['Records'][0]['attributes']['ApproximateReceiveCount'])
        raise ValueError

    failing = make_pump(handle)
    for _ in range(6):
        with contextlib.suppress(ValueError):
            failing.pump()

    assert counts == ['1', '2', '3', '4', '5']
    assert bodies_in('pumped-dlq') == ['bad']


@pytest.mark.parametrize(
    ('answer', 'failed'),
    [
        (None, set()),
        ({}, set()),
        ({'batchItemFailures': []}, set()),
        ({'batchItemFailures': [{'itemIdentifier': 'b'}]}, {'b'}),
        ({'batchItemFailures': [{'itemIdentifier': 'c'}]}, {'a', 'b'}),
        ({'batchItemFailures': [{}]}, {'a', 'b'}),
    ],
)
def test_a_batch_answer_is_read_as_lambda_reads_it(answer: Any, failed: set[str]) -> None:
    assert event_sources.failures(EVENT, answer) == failed


@pytest.mark.parametrize(
    ('expression', 'seconds'),
    [
        ('rate(1 minute)', 60),
        (Rate(5, unit=Rate.MINUTES), 300),
        (Rate(1, unit=Rate.HOURS), 3600),
        ('rate(2 days)', 172_800),
        (Cron(0, 3, '*', '*', '?', '*'), 3600),
    ],
)
def test_a_schedules_period_is_read_from_its_expression(expression: Any, seconds: int) -> None:
    assert event_sources.seconds(expression) == seconds
