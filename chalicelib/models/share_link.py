"""Links that show a portfolio without a login. Their tokens are stored only as SHA-256; models/session.py says why that is enough."""

import secrets
from collections.abc import Sequence

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.portfolio import Portfolio
from chalicelib.models.session import new_token
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write, delete_all


class ShareLink(Item, discriminator='share_link'):
    """pk=USER#<user id>  sk=SHARE#<000001>#<link id>   TTL   A link to a portfolio, as its owner sees it.

    creation: transaction with its token, while the portfolio is there   of_user, of_portfolio: query   revoke: get, transaction
    remove: transaction   remove_all: transactions of a hundred writes

    `shows_amounts` is false for a link that shows percentages only.
    """

    link_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    name = UnicodeAttribute()
    shows_amounts = BooleanAttribute()
    token_hash = UnicodeAttribute()
    created_at = IntegerAttribute()

    @classmethod
    def creation(
        cls, user_id: str, portfolio_id: int, *, name: str, shows_amounts: bool, expires_at: int, now: int
    ) -> tuple[str, list[Write]]:
        """Return the token of a new link, which is not stored and cannot be shown again, and the writes that store the link.

        Their transaction raises NotFound if the portfolio does not exist.
        """
        token, link_id = new_token(), secrets.token_hex(8)
        link = cls(
            User.pk_of(user_id),
            f'{_prefix(portfolio_id)}{link_id}',
            link_id=link_id,
            portfolio_id=portfolio_id,
            name=name,
            shows_amounts=shows_amounts,
            token_hash=digest(token),
            created_at=now,
            expires_at=expires_at,
        )
        stored = ShareToken(*ShareToken.key(link.token_hash), user_id=user_id, portfolio_id=portfolio_id, shows_amounts=shows_amounts)
        stored.expires_at = expires_at
        is_there = Write(
            Operation.CHECK, Portfolio.at(user_id, portfolio_id), condition=Portfolio.version.exists(), on_failure=errors.NotFound
        )
        return token, [is_there, Write(Operation.PUT, link), Write(Operation.PUT, stored)]

    @classmethod
    def of_user(cls, user_id: str) -> list['ShareLink']:
        """Return the links to all portfolios of a user."""
        return list(cls.query(User.pk_of(user_id), cls.sk.startswith('SHARE#'), consistent_read=True))

    @classmethod
    def of_portfolio(cls, user_id: str, portfolio_id: int) -> list['ShareLink']:
        """Return the links to a portfolio, oldest first, also those that have ended: TTL deletes late."""
        links = cls.query(User.pk_of(user_id), cls.sk.startswith(_prefix(portfolio_id)), consistent_read=True)
        return sorted(links, key=lambda link: (link.created_at, link.link_id))

    @classmethod
    def revoke(cls, user_id: str, portfolio_id: int, link_id: str) -> None:
        """Delete a link, with immediate effect; it is no error if there is none."""
        try:
            link = cls.get(User.pk_of(user_id), f'{_prefix(portfolio_id)}{link_id}', consistent_read=True)
        except cls.DoesNotExist:
            return
        link.remove()

    def remove(self) -> None:
        """Delete this link with its token; it is no error if it is gone."""
        self.remove_all([self])

    @staticmethod
    def remove_all(links: 'Sequence[ShareLink]') -> None:
        """Delete links with their tokens, these first: without its link nobody would find a token."""
        delete_all([*(ShareToken(*ShareToken.key(link.token_hash)) for link in links), *links])


class ShareToken(Item, discriminator='share_token'):
    """pk=SHARE#<sha256 of the token>  sk=SHARE   TTL   What the holder of a link is shown.   find: get"""

    user_id = UnicodeAttribute()
    portfolio_id = IntegerAttribute()
    shows_amounts = BooleanAttribute()

    @classmethod
    def key(cls, token_hash: str) -> tuple[str, str]:
        return f'SHARE#{token_hash}', 'SHARE'

    @classmethod
    def find(cls, token: str, now: int) -> 'ShareToken':
        """Return what the link with this token shows. TTL deletes late.

        Raises NotFound for a token that is unknown, and for a link that was revoked or has ended.
        """
        try:
            stored = cls.get(*cls.key(digest(token)), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        if (stored.expires_at or 0) <= now:
            raise errors.NotFound
        return stored


def _prefix(portfolio_id: int) -> str:
    return f'SHARE#{portfolio_id:06}#'
