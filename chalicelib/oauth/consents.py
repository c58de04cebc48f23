"""Consents of users to applications, each of which opens a family of tokens."""

import contextlib
from collections.abc import Set

from chalicelib.errors import Conflict
from chalicelib.models import Client, ClientIdentity, Grant, GrantChanged, User
from chalicelib.models.retries import ATTEMPTS, attempts
from chalicelib.oauth import families
from chalicelib.services.users import notices

MOST_GRANTS = 100  # of a user: whoever is in a session may consent, and a password reset deletes them


class TooManyGrants(Exception):
    """A user has as many connected applications as they may have."""


def open_with_consent(
    user: User, client: Client, scopes: list[str], now: int, *, shown: ClientIdentity | None = None, earlier: Grant | None = None
) -> families.Family:
    """Record that a user granted scopes to a client; return a new family. What is new in that is mailed, and all to a public client.

    `shown` is what the consent page said of the client, None where there was no such page. `earlier` is the grant in which the user said so
    before, None if they say so now: raises GrantChanged if that is not as it was read any more.
    `user` is as they were read before their password or session was verified: raises AccessEnded if that has ended meanwhile, and
    TooManyGrants. Raises Conflict when others change the grant at each of our attempts.
    """
    if earlier is not None:
        return _open(user, client, scopes, now, shown, earlier)
    for _ in attempts(ATTEMPTS):
        with contextlib.suppress(GrantChanged):
            return _open(user, client, scopes, now, shown, Grant.find(user.user_id, client.client_id))
    raise Conflict


def _open(user: User, client: Client, scopes: list[str], now: int, shown: ClientIdentity | None, earlier: Grant | None) -> families.Family:
    """Do what `open_with_consent` says, `earlier` being the grant until now. Raises GrantChanged if it is another one by now."""
    if earlier is None:
        _check_room(user, client)
    grant_id = Grant.allow(user, client.client_id, scopes, now, shown=shown, earlier=earlier, check_room=lambda: _check_room(user, client))
    if not set(scopes) <= _scopes_until_now(client, earlier, shown):
        notices.tell_of_connection(user, client.name, scopes)
    return families.open_for_user(user.user_id, scopes, grant_id)


def _check_room(user: User, client: Client) -> None:
    """Check that a user may have one grant more, to a client that has none. Raises TooManyGrants, and GrantChanged if it has one by now."""
    grants = Grant.of_user(user.user_id)
    if any(grant.client_id == client.client_id for grant in grants):
        raise GrantChanged
    if len(grants) >= MOST_GRANTS:
        raise TooManyGrants


def _scopes_until_now(client: Client, grant: Grant | None, shown: ClientIdentity | None) -> Set[str]:
    """Return the scopes that a client had by a grant; `shown` is what the user knows it by, None where they were shown nothing.

    What a public client had says nothing of who gets it now: whoever is in a session has a code sent to a copy of it that they run.
    """
    if grant is None or not client.confidential:
        return frozenset()
    return grant.scopes if shown is None else grant.scopes_of(shown)
