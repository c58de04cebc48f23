"""SQS's fair queues, which moto has not: a message of a group without a backlog is received before those of groups with one.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
"""

from collections import Counter

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, Queue

from infra.local.replacements import Replacements


def _messages(self: Queue) -> list[Message]:
    """Return the visible messages: those of a group in their order, and first those of groups of which fewest are worked at.

    One that is received counts as one of its group before the next. Messages without a group are one. The clock is read once, and not for
    each message: others wait meanwhile.
    """
    now = unix_time_millis()
    visible = [message for message in self._messages if message.visible_at < now and message.delayed_until <= now]
    if self.fifo_queue:
        return visible
    taken = Counter(message.group_id for message in self._messages if message.visible_at >= now)
    turns: list[int] = []
    for message in visible:
        turns.append(taken[message.group_id])
        taken[message.group_id] += 1
    return [visible[number] for number in sorted(range(len(visible)), key=turns.__getitem__)]


REPLACEMENTS = Replacements((Queue, 'messages', property(_messages)))
