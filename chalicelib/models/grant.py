"""What users granted to applications."""

import secrets
from collections.abc import Callable, Collection

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.domain import redirect_uris as uris
from chalicelib.domain.scopes import GIVE_READ, NEED_READ
from chalicelib.models.attributes import IntegerAttribute, string_list
from chalicelib.models.client import ClientIdentity
from chalicelib.models.item import Item
from chalicelib.models.one_more import make_one_more
from chalicelib.models.second_factor import Authenticator, RecoveryCodes
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, transact


class GrantChanged(Exception):
    """A grant was given, revoked or cut down after it was read."""


class Grant(Item, discriminator='grant'):
    """pk=USER#<user id>  sk=GRANT#<client id>   A user's consent to an application's scopes.

    allow: transaction with a check of the user   withhold: one or two updates   find: get   of_user: query
    revoke: delete, which invalidates every refresh token with its `grant_id`

    `client_name` and `agreements` are what consent pages said and the user agreed to: the name, and of each redirect URI under that name
    the scopes that were allowed there, `https://app.example/callback read write`; those of an earlier release lack the scopes, and stand
    for all of the grant. Grants of before these were kept lack them, and so do those without a page. `by_password` says whether the
    application got it, or any part, by the user's password, which is the one way without a page.
    """

    client_id = UnicodeAttribute()
    grant_id = UnicodeAttribute()
    scopes = UnicodeSetAttribute(default=set)  # DynamoDB keeps no empty one, which two answers to the consent page may leave
    client_name = UnicodeAttribute(null=True)
    agreements = string_list(default=list, attr_name='redirect_uris')
    by_password = BooleanAttribute(default=False)
    created_at = IntegerAttribute()
    last_used_at = IntegerAttribute()

    @classmethod
    def at(cls, user_id: str, client_id: str) -> 'Grant':
        return cls(User.pk_of(user_id), f'GRANT#{client_id}')

    @classmethod
    def allow(
        cls,
        user: User,
        client_id: str,
        scopes: list[str],
        now: int,
        *,
        shown: ClientIdentity | None = None,
        earlier: 'Grant | None' = None,
        check_room: Callable[[], None] = lambda: None,
    ) -> str:
        """Store consent to these scopes, in addition to any granted earlier; tokens of earlier consents stay valid. Return its `grant_id`.

        `shown` is what the user was shown of the client, None if they entered their password in it; of `earlier`, the grant until now, it
        keeps what was agreed to under the same name.
        `check_room`, as of `make_one_more`, is for one without an earlier one.
        Raises GrantChanged if the grant is not `earlier` any more: what was revoked, or a scope that was taken back, comes back by a new
        consent only. Raises AccessEnded if the user's stamp changed since they were read, or, without a page, applications may not log in
        with the password any more; and what `check_room` does.
        """
        grant_id = secrets.token_hex(16) if earlier is None else str(earlier.grant_id)
        actions: list[Action] = [
            cls.kind.set(cls),
            cls.client_id.set(client_id),
            cls.grant_id.set(grant_id),
            cls.scopes.add(set(scopes)),
            cls.created_at.set(cls.created_at | now),
            cls.last_used_at.set(now),
        ]
        if shown is None:
            actions.append(cls.by_password.set(True))
        else:
            agreed = dict(earlier.agreed) if earlier is not None and earlier.client_name == shown.name else {}
            agreed[shown.redirect_uri] = agreed.pop(shown.redirect_uri, frozenset()) | set(scopes)
            texts = [' '.join((uri, *sorted(allowed))) for uri, allowed in agreed.items() if allowed]
            actions += [cls.client_name.set(shown.name), cls.agreements.set(texts[-uris.MOST :])]
        as_read = cls.pk.does_not_exist() if earlier is None else earlier._unchanged()
        writes = [Write(Operation.UPDATE, cls.at(user.user_id, client_id), as_read, actions, GrantChanged)]
        by_password = shown is None
        if by_password:  # which opens no account with a second factor
            writes += [Authenticator.check_none(user.user_id), RecoveryCodes.check_none(user.user_id)]
        if earlier is None:
            make_one_more(user, check_room, *writes, by_password=by_password)
        else:
            transact(user.check_unchanged(by_password=by_password), *writes)
        return grant_id

    def _unchanged(self) -> Condition:
        """Return the condition that this is still the grant that was read, with the same scopes and agreements."""
        agreements = list(self.agreements)
        same: Condition = (Grant.agreements == agreements) if agreements else Grant.agreements.does_not_exist() | (Grant.agreements == [])
        same &= (Grant.scopes == self.scopes) if self.scopes else Grant.scopes.does_not_exist()
        same &= (Grant.client_name == self.client_name) if self.client_name else Grant.client_name.does_not_exist()
        same &= Grant.grant_id == self.grant_id
        return same

    @property
    def agreed(self) -> dict[str, frozenset[str]]:
        """The scopes that are allowed at each redirect URI, under the present name; the URI last agreed to comes last."""
        parts = (text.split(' ') for text in self.agreements)
        return {uri: frozenset(allowed or self.scopes).intersection(self.scopes) for uri, *allowed in parts}

    def scopes_of(self, shown: ClientIdentity) -> frozenset[str]:
        """Return the scopes granted to a client as the user knows it, by this name and at this redirect URI.

        What was allowed to another one is not: whoever gets at an application's registration could else have something harmless allowed,
        and with it all the rest.
        """
        return self.agreed.get(shown.redirect_uri, frozenset()) if self.client_name == shown.name else frozenset()

    @classmethod
    def withhold(cls, user_id: str, client_id: str, scopes: Collection[str]) -> None:
        """Take scopes out of a grant, and so out of all its tokens; the user is asked before the application gets them again.

        What needs `read` goes with it.
        """
        grant = cls.at(user_id, client_id)
        grant.update_if(cls.pk.exists(), cls.scopes.delete(set(scopes)))
        if GIVE_READ & set(scopes):
            has_read = cls.scopes.contains('read') | cls.scopes.contains('admin')
            grant.update_if(cls.pk.exists() & ~has_read, cls.scopes.delete(set(NEED_READ)))

    @classmethod
    def find(cls, user_id: str, client_id: str) -> 'Grant | None':
        try:
            return cls.get(User.pk_of(user_id), f'GRANT#{client_id}', consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def of_user(cls, user_id: str) -> list['Grant']:
        """Return all grants of a user, most recently used first."""
        grants = cls.query(User.pk_of(user_id), cls.sk.startswith('GRANT#'), consistent_read=True)
        return sorted(grants, key=lambda grant: -grant.last_used_at)

    @classmethod
    def revoke(cls, user_id: str, client_id: str) -> None:
        """Revoke a grant; it is no error if there is none."""
        grant = cls.find(user_id, client_id)
        if grant is not None:
            grant.delete()

    def touch(self, now: int) -> Write:
        """Return the write that records that the application used its grant; its transaction raises NotFound if that was revoked."""
        return Write(Operation.UPDATE, self, Grant.pk.exists(), [Grant.last_used_at.set(now)], errors.NotFound)
