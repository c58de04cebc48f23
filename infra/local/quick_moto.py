"""Less time spent in moto, with the same outcome: what its server and the tests, which have it in their own process, share.

The parts about DynamoDB's items are in quick_dynamodb.py. `tests/infra/test_quick_moto.py` compares answers with and without.
"""

import base64
import json
from functools import lru_cache
from typing import Any

from moto.core import responses, utils
from moto.core.common_models import BaseModel
from moto.dynamodb.responses import DynamoHandler
from moto.sqs.models import Queue, SQSBackend

from infra.local import quick_dynamodb
from infra.local.replacements import Replacements

_parse_thoroughly = DynamoHandler.parse_parameters
_serialize_thoroughly = DynamoHandler.serialized
_send_thoroughly = SQSBackend.send_message
_list_attributes = Queue.attributes.fget  # type: ignore[attr-defined]


def _make_untracked(cls: type, *_: Any, **__: Any) -> Any:
    """Make a model that moto does not keep for ever, as it does for a reset: all items and copies of the table."""
    return object.__new__(cls)


def _parse(self: DynamoHandler, request: Any) -> None:
    """Take the parameters as they are, unless bytes may be among them, instead of comparing each with the service's model."""
    if '"B"' in self.body or '"BS"' in self.body:
        _parse_thoroughly(self, request)
    else:
        self.params = json.loads(self.body)


def _serialize(self: DynamoHandler, answer: responses.ActionResult) -> Any:
    """Write an answer about items as it is, instead of comparing each of its values with the service's model."""
    action = self._get_action()
    if not isinstance(answer.result, dict) or not ('Item' in action or action in ('Query', 'Scan')):
        return _serialize_thoroughly(self, answer)
    headers = {'Content-Type': 'application/x-amz-json-1.0'} | self.response_headers
    return 200, headers, json.dumps(answer.result, default=lambda value: base64.b64encode(value).decode())


def _is_retained(self: SQSBackend, queue_name: str, message: Any) -> bool:
    """Look at the one attribute of the queue that matters: some of the others go through all of its messages, for each that is received."""
    queue: Any = self.get_queue(queue_name)
    return bool(queue.message_retention_period + message.sent_timestamp / 1_000 > utils.unix_time())


def _send(self: SQSBackend, queue_name: str, *arguments: Any, **options: Any) -> Any:
    """Send without the attributes of the queue: moto needs one of FIFO queues, and for that counts all messages, for each that is sent."""
    queue: Any = self.get_queue(queue_name)
    queue.is_sent_to = not queue.fifo_queue
    try:
        return _send_thoroughly(self, queue_name, *arguments, **options)
    finally:
        queue.is_sent_to = False


def _attributes(self: Queue) -> dict[str, Any]:
    attributes: dict[str, Any] = {} if vars(self).get('is_sent_to') else _list_attributes(self)
    return attributes


REPLACEMENTS = Replacements(
    (responses, 'method_names_from_class', lru_cache(utils.method_names_from_class)),
    (BaseModel, '__new__', _make_untracked),
    (DynamoHandler, 'parse_parameters', _parse),
    (DynamoHandler, 'serialized', _serialize),
    (SQSBackend, 'is_message_valid_based_on_retention_period', _is_retained),
    (SQSBackend, 'send_message', _send),
    (Queue, 'attributes', property(_attributes)),
    *quick_dynamodb.MEMBERS,
)
