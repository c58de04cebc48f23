"""Families of tokens: all codes and tokens that descend from one authorization.

A code opens a family, and so does a token request without one (RFC 6749 sections 4.3 and 4.4). Each refresh token is good for one use,
after which another one of the same family takes its place. A second use of a code or refresh token means that two parties have it,
so it revokes the whole family (RFC 9700 section 4.14.2). Used ones are kept for as long as the next token lives, however soon they
would have expired.

But an answer may be lost, and a client may refresh twice at once. So a second use of a refresh token within GRACE_SECONDS of the first
is answered with the same next token: the family stays one chain, in which a thief is found out at the next use but one at the latest.
"""

import secrets
from typing import Any, NamedTuple

from chalicelib import clock
from chalicelib.domain.scopes import usable
from chalicelib.errors import NotFound
from chalicelib.models import AlreadyRedeemed, Client, Code, Grant, RefreshToken, RevokedFamily, transact
from chalicelib.oauth import signing

CODE_SECONDS = 60
REFRESH_SECONDS = 30 * 86_400
GRACE_SECONDS = 10
_REQUEST_SECONDS = 60  # that a request to the token endpoint takes at most: what it issues at its end lasts as much longer


class InvalidGrant(Exception):
    """A code or refresh token cannot be redeemed (RFC 6749 section 5.2)."""


class Family(NamedTuple):
    """The family of a token that is being issued.

    `scopes` are all that were granted, of which an access token may have fewer. `grant_id` names the user's consent; it is None for
    the client's own data, for which there are no refresh tokens. `refresh_token` is the one that can be redeemed next. `redeems` is the
    code or refresh token that the tokens are issued for, if any, and `presented` the text of a refresh token.
    """

    family_id: str
    user_id: str
    scopes: list[str]
    grant_id: str | None
    refresh_token: str
    redeems: Code | RefreshToken | None = None
    presented: str = ''


class Descent(NamedTuple):
    """What a token descends from: its family, and the consent of a user to a client; `grant_id` as in Family.

    `access_epoch` is the client's when it got at its owner's own data, None for tokens by consent.
    """

    family_id: str
    user_id: str
    client_id: str
    grant_id: str | None
    access_epoch: str | None = None


class IssuedToken(NamedTuple):
    """An access or refresh token of this server, and what introspection says of it (RFC 7662 section 2.2) unless it was revoked.

    `introspection` is None for a refresh token that was used or has expired.
    """

    descent: Descent
    introspection: dict[str, Any] | None


def open_for_user(user_id: str, scopes: list[str], grant_id: str) -> Family:
    """Return a new family for scopes that a user granted to a client."""
    return Family(_new_id(), user_id, scopes, grant_id, _new_token())


def open_for_owner(client: Client, scopes: list[str]) -> Family:
    """Return a new family for a client that accesses its owner's data (RFC 6749 section 4.4)."""
    return Family(_new_id(), client.owner_id, scopes, None, _new_token())


def continue_code(code: Code, now: int) -> Family:
    """Return the family that a valid code opens; `issue` uses the code up.

    Raises InvalidGrant if the code was used before, which revokes the family.
    """
    if code.is_spent:
        raise _revoked(code, now)
    return _family_of(code, _new_token(), '')


def continue_refresh_token(stored: RefreshToken, token: str, now: int) -> Family:
    """Return the family of a valid refresh token, stored as `stored`; `issue` uses the token up.

    Raises InvalidGrant if the token was used more than GRACE_SECONDS before, which revokes the family.
    """
    if not stored.is_spent:
        stored.draw_seed()
    following = _follow(stored, token, now) if stored.is_spent else stored.successor(token)
    if following is None:
        raise _revoked(stored, now)
    return _family_of(stored, following, token)


def issue(family: Family, client_id: str, now: int) -> str:
    """Store the refresh token of a family and use up what it is issued for, both or neither; return the token.

    Raises InvalidGrant if that was used by somebody else meanwhile, which revokes the family as `continue_code` and
    `continue_refresh_token` say, or if the user has just revoked the grant.
    """
    following = _refresh_token(family, client_id, now)
    redeemed = family.redeems
    if redeemed is None or redeemed.is_spent:
        following.store()
        return family.refresh_token
    grant = Grant.at(family.user_id, client_id)
    try:
        transact(following.storing(), redeemed.redemption(now, now + REFRESH_SECONDS), grant.touch(now))
    except AlreadyRedeemed:
        redeemed.refresh(consistent_read=True)
        continued = continue_code(redeemed, now) if isinstance(redeemed, Code) else continue_refresh_token(redeemed, family.presented, now)
        return issue(continued, client_id, now)
    except NotFound:
        raise InvalidGrant from None
    return family.refresh_token


def _revoked(token: Code | RefreshToken, now: int) -> InvalidGrant:
    """Revoke the family of a token that was used twice."""
    revoke(token.family, now)
    return InvalidGrant()


def _follow(used: RefreshToken, token: str, now: int) -> str | None:
    """Return the newest token of the chain that begins with a used one; None if the use was too long ago to be the same one.

    If no token was ever stored after one, its use was interrupted, and nobody has what this one gets.
    """
    following = used.successor(token)
    issued = RefreshToken.find(following) if following else None
    if following is None or issued is None:
        return following
    if now > (used.spent_at or 0) + GRACE_SECONDS:
        return None
    return _follow(issued, following, now) if issued.is_spent else following


def _family_of(token: Code | RefreshToken, following: str, presented: str) -> Family:
    scopes = list(dict.fromkeys(token.scopes))  # tokens of earlier releases may have thousands of one
    return Family(token.family, token.user_id, scopes, token.grant_id, following, token, presented)


def save_code(code: str, family: Family, client_id: str, *, redirect_uri: str | None, challenge: str | None, now: int) -> None:
    """Store the code that opens a family, with what its token request must match (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
    new = Code.new(
        code,
        user_id=family.user_id,
        client_id=client_id,
        scopes=family.scopes,
        family=family.family_id,
        grant_id=family.grant_id,
        redirect_uri=redirect_uri,
        challenge=challenge,
        created_at=now,
        expires_at=now + CODE_SECONDS,
    )
    new.store()


def _refresh_token(family: Family, client_id: str, now: int) -> RefreshToken:
    return RefreshToken.new(
        family.refresh_token,
        user_id=family.user_id,
        client_id=client_id,
        scopes=family.scopes,
        family=family.family_id,
        grant_id=family.grant_id,
        created_at=now,
        expires_at=now + REFRESH_SECONDS,
    )


def valid_scopes(token: Code | RefreshToken, client: Client, now: int) -> list[str]:
    """Return the scopes of a code or refresh token that are still granted: none if it is another client's, has expired, or was revoked.

    It may have been redeemed.
    """
    if token.client_id != client.client_id or token.has_expired(now):
        return []
    return _still_granted(list(token.scopes), _descent(token), client)


def _still_granted(scopes: list[str], token: Descent, client: Client) -> list[str]:
    """Return those of the scopes of a client's token that nothing took back.

    That is, neither all of them with its family, by the client or a second use; nor any with the consent or from it, by the user, with
    what needs it; nor, for the owner's own data, all that the client had, by an end of everything that opens the owner's account.
    """
    if RevokedFamily.is_revoked(token.family_id):
        return []
    if token.grant_id is None:
        return scopes if token.access_epoch == client.access_epoch else []
    grant = Grant.find(token.user_id, token.client_id)
    if grant is None or grant.grant_id != token.grant_id:
        return []
    return usable([scope for scope in scopes if scope in grant.scopes])


def revoke(family_id: str, now: int) -> None:
    """Revoke a family, for as long as any of its tokens could be valid, also one that a request under way is about to issue."""
    RevokedFamily.revoke(family_id, now + _REQUEST_SECONDS + REFRESH_SECONDS)


def look_up(token: str, client_id: str) -> IssuedToken | None:
    """Return the access or refresh token of this client that a string is, or None for any other string.

    It costs one verification of a signature or one read.
    """
    issued = _look_up(token)
    return issued if issued is not None and issued.descent.client_id == client_id else None


def introspect(token: str, client: Client) -> dict[str, Any] | None:
    """Return what introspection says of a token of this client, or None for any other string and for what is of no use any more."""
    issued = look_up(token, client.client_id)
    if issued is None or issued.introspection is None:
        return None
    granted = _still_granted(issued.introspection['scope'].split(), issued.descent, client)
    return issued.introspection | {'scope': ' '.join(granted)} if granted else None


def _look_up(token: str) -> IssuedToken | None:
    claims = signing.claims_of(token)
    if claims is not None:
        return IssuedToken(_descent_of_claims(claims), claims) if 'sid' in claims else None
    stored = RefreshToken.find(token)
    return None if stored is None else IssuedToken(_descent(stored), _introspection(stored))


def _descent(token: Code | RefreshToken) -> Descent:
    return Descent(token.family, token.user_id, token.client_id, token.grant_id)


def _descent_of_claims(claims: dict[str, Any]) -> Descent:
    return Descent(claims['sid'], claims['sub'], claims['client_id'], claims.get('grant_id'), claims.get('access_epoch'))


def _introspection(token: RefreshToken) -> dict[str, Any] | None:
    if token.spent_at or token.has_expired(clock.now()):
        return None
    return {
        'client_id': token.client_id,
        'sub': token.user_id,
        'scope': ' '.join(token.scopes),
        'iat': token.created_at,
        'exp': token.expires_at,
    }


def _new_id() -> str:
    return secrets.token_hex(16)


def _new_token() -> str:
    return secrets.token_urlsafe(32)
