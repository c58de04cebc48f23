"""Whose work a message is. SQS delivers messages of a group with a long backlog behind those of groups without one (fair queues)."""

import hashlib

_DIGITS = 16


def work_group(user_id: str) -> str:
    """Return the group of all work that a user causes: a digest, because it is stored with ledgers, which many users share."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:_DIGITS]
