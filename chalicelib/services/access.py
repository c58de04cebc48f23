"""Everything beside the password and the sessions that opens a user's account, in one list."""

import contextlib

from chalicelib.errors import NotFound
from chalicelib.models import ApiKey, Client, Grant


def end_all(user_id: str, now: int) -> None:
    """Let nothing open a user's account that did before: applications, API keys, and the secrets of their own applications.

    Without its grant a refresh token is refused; without a known secret an application gets at its owner's data no more. What was ended
    already, perhaps by a call that was interrupted, is no error.
    """
    _end_grants(user_id)
    _delete_api_keys(user_id)
    _replace_secrets(user_id, now)


def _end_grants(user_id: str) -> None:
    for grant in Grant.of_user(user_id):
        grant.delete()


def _delete_api_keys(user_id: str) -> None:
    for key in ApiKey.of_user(user_id):
        with contextlib.suppress(NotFound):
            ApiKey.revoke(user_id, key.key_id)


def _replace_secrets(user_id: str, now: int) -> None:
    """Nobody learns the new secrets: the owner makes others on the applications' pages."""
    for client in Client.owned_by(user_id):
        if client.confidential:
            with contextlib.suppress(NotFound):
                client.end_access(now)
