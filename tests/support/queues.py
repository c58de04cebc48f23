"""Messages as they are sent: whose they are, and those that a test cannot wait for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import queue

_LONGEST_DELAY = 900  # seconds; SQS allows no more, and no test takes as long


@pytest.fixture
def delayed_messages() -> Iterator[list[tuple[dict[str, Any], int]]]:
    """The messages that were sent to arrive later, each with its delay in seconds. None of them arrives during the test."""
    delayed: list[tuple[dict[str, Any], int]] = []
    events = queue._sqs().meta.events

    def hold(params: dict[str, Any], **_: Any) -> None:
        for entry in params['Entries']:
            if entry['DelaySeconds']:
                delayed.append((json.loads(entry['MessageBody']), entry['DelaySeconds']))
                entry['DelaySeconds'] = _LONGEST_DELAY

    events.register('provide-client-params.sqs.SendMessageBatch', hold)
    yield delayed
    events.unregister('provide-client-params.sqs.SendMessageBatch', hold)


@pytest.fixture
def no_messages() -> Iterator[None]:
    """No message can be sent."""
    events = queue._sqs().meta.events

    def refuse(**_: Any) -> None:
        raise ConnectionError

    events.register('before-call.sqs.SendMessageBatch', refuse)
    yield
    events.unregister('before-call.sqs.SendMessageBatch', refuse)


@pytest.fixture
def sent_messages() -> Iterator[list[tuple[dict[str, Any], str]]]:
    """The messages that are sent from now on, each with its group."""
    sent: list[tuple[dict[str, Any], str]] = []
    events = queue._sqs().meta.events

    def note(params: dict[str, Any], **_: Any) -> None:
        sent.extend((json.loads(entry['MessageBody']), entry.get('MessageGroupId', '')) for entry in params['Entries'])

    events.register('provide-client-params.sqs.SendMessageBatch', note)
    yield sent
    events.unregister('provide-client-params.sqs.SendMessageBatch', note)
