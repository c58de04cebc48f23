"""Consents of users to applications, each of which opens a family of tokens."""

from collections.abc import Set

from chalicelib.models import Client, ClientIdentity, Grant, User
from chalicelib.oauth import families
from chalicelib.services.users import notices

MOST_GRANTS = 100  # of a user: whoever is in a session may consent, and a password reset deletes them


class TooManyGrants(Exception):
    """A user has as many connected applications as they may have."""


def open_with_consent(user: User, client: Client, scopes: list[str], now: int, *, redirect_uri: str | None = None) -> families.Family:
    """Record that a user granted scopes to a client, and mail the user of what is new in that; return a new family.

    `redirect_uri` is where the consent page said that they would be sent, None where there was no such page.
    `user` is as they were read before their password or session was verified: raises AccessEnded if that has ended meanwhile, and
    TooManyGrants.
    """
    earlier = Grant.find(user.user_id, client.client_id)
    if earlier is None:
        _check_room(user)
    shown = client.identity_at(redirect_uri) if redirect_uri else None
    grant = Grant.allow(user, client.client_id, scopes, now, shown=shown, earlier=earlier, check_room=lambda: _check_room(user))
    if not set(scopes) <= _scopes_until_now(earlier, shown):
        notices.tell_of_connection(user, client.name, scopes)
    return families.open_for_user(user.user_id, scopes, grant.grant_id)


def _check_room(user: User) -> None:
    if len(Grant.of_user(user.user_id)) >= MOST_GRANTS:
        raise TooManyGrants


def _scopes_until_now(grant: Grant | None, shown: ClientIdentity | None) -> Set[str]:
    """Return the scopes that a grant has; `shown` is what the user knows the client by, None where they were shown nothing."""
    if grant is None:
        return frozenset()
    return grant.scopes if shown is None else grant.scopes_of(shown)
