"""The writes that change the email address of a user, list the link that takes a change back, and take it back."""

from collections.abc import Iterable
from typing import NamedTuple

from pynamodb.expressions.condition import Condition

from chalicelib import errors
from chalicelib.models.email_address import Email, FormerEmail
from chalicelib.models.email_token import EmailToken
from chalicelib.models.take_back import MOST_TAKE_BACKS, TakeBack, earlier_than, lasting, still_working
from chalicelib.models.user import User, end_sessions, no_deletion
from chalicelib.models.writes import Operation, Write


class LinkListing(NamedTuple):
    """The write that lists a link among those of a user, and the one that undoes it, if no other was listed since."""

    write: Write
    withdrawal: Write


def link_listing(user: User, take_back: TakeBack, now: int) -> LinkListing:
    """Return the writes for the link of a change that is about to be made: whoever is mailed a link has one that works.

    The transaction of either raises Conflict if the user, or their links, changed in the meantime. Raises TooMany for a user with many
    changes that can be taken back.
    """
    working = still_working(user.take_backs, now)
    if len(working) >= MOST_TAKE_BACKS:
        raise errors.TooMany(working[0].until - now)
    listed = [*lasting(working, take_back.until), take_back]
    as_read: Condition = User.take_backs == user.take_backs
    if not user.take_backs:
        as_read |= User.take_backs.does_not_exist()
    return LinkListing(
        Write(Operation.UPDATE, user, user.unchanged() & as_read, [User.take_backs.set(listed)]),
        Write(Operation.UPDATE, user, User.take_backs == listed, [User.take_backs.set(user.take_backs)]),
    )


def email_change(user: User, email: str, kept_until: int, now: int, instead_of: User | None = None) -> list[Write]:
    """Return the writes that change a user's email address, to that of `instead_of` if they never confirmed it.

    The one before is kept for the user, who can take it back until then, as are those before it. Their transaction raises Invalid if the
    address is taken, or kept for somebody else, and NotFound if either user changed in the meantime.
    """
    address_change = Write(Operation.UPDATE, user, user.unchanged(), [User.email.set(email)], errors.NotFound)
    move = _move(user, email, now, instead_of)
    if move:
        earlier = lasting(still_working(user.take_backs, now), kept_until)
        kept = [*earlier, TakeBack('', kept_until, user.email)]
        move = [FormerEmail.check_free(email, user.user_id, now), *_keeping(user, kept), *move]
    return [*move, address_change]


def links_after_return(user: User, email: str, now: int) -> list[TakeBack]:
    """Return the links that are left once a user returns to an address that one of them was mailed to; none for any other address."""
    working = still_working(user.take_backs, now)
    theirs = [number for number, link in enumerate(working, 1) if link.email and Email.key(link.email) == Email.key(email)]
    return working[: theirs[0]] if theirs else []


def links_elsewhere(user: User, now: int) -> list[TakeBack]:
    """Return the links that work and would give a user another address than they have."""
    return [link for link in still_working(user.take_backs, now) if not link.email or Email.key(link.email) != Email.key(user.email)]


def email_return(user: User, email: str, left: list[TakeBack], now: int, instead_of: User | None = None) -> list[Write]:
    """Return the writes by which a user returns to an address, with the links that are then left; they raise as those of `email_change`.

    The links of changes after the one from this address are void, and the address that the user has gets none.
    """
    unchanged: Condition = user.unchanged() & (User.take_backs == user.take_backs)
    move = _move(user, email, now, instead_of)
    free = [FormerEmail.check_free(email, user.user_id, now)] if move else []
    actions = [User.email.set(email), User.take_backs.set(left)]
    return [*free, *move, *no_longer_kept(user, left, now), Write(Operation.UPDATE, user, unchanged, actions, errors.NotFound)]


def email_restoration(user: User, email_token: EmailToken, password_hash: str, now: int, instead_of: User | None = None) -> list[Write]:
    """Return the writes that give a user the address back that a link was mailed to, set a password, and end what a reset does.

    The addresses of the links that it voids are kept no longer. The account stays, too: that it was to be deleted was mailed to the address
    that is taken from it. That sessions ended or the password changed does not stop it. Their transaction raises Invalid if the address is
    taken, NotFound if the link was used or `instead_of` confirmed the address, and Conflict if the address changed once more. Raises
    NotFound for a void link.
    """
    email = str(email_token.email)
    left = earlier_than(email_token.token_id, user.take_backs, now)
    actions = [
        User.email.set(email),
        User.password_hash.set(password_hash),
        end_sessions(),
        User.allow_remote_login.set(False),
        User.take_backs.set(left),
        *no_deletion(),
    ]
    unchanged: Condition = (User.email == user.email) & (User.take_backs == user.take_backs)
    return [
        email_token.use(),
        *_move(user, email, now, instead_of),
        *_keeping(user, left),
        *no_longer_kept(user, left, now),
        Write(Operation.UPDATE, user, unchanged, actions, errors.Conflict),
    ]


def no_longer_kept(user: User, left: Iterable[TakeBack], now: int) -> list[Write]:
    """Return the writes after which the addresses of a user's links are kept no longer, except those of the links that are left."""
    still = {Email.key(link.email) for link in left if link.email}
    kept = {Email.key(link.email): link.email for link in still_working(user.take_backs, now) if link.email}
    return [FormerEmail.forgetting(address) for key, address in kept.items() if key not in still]


def _keeping(user: User, links: Iterable[TakeBack]) -> list[Write]:
    """Return the writes that keep the addresses of links for their user for as long as these work."""
    kept = {Email.key(link.email): link for link in links if link.email}
    return [FormerEmail.keeping(str(link.email), user.user_id, link.until) for link in kept.values()]


def _move(user: User, email: str, now: int, instead_of: User | None) -> list[Write]:
    """Return the writes that free the address of a user and assign them another, none where the two differ in their spelling only."""
    if Email.key(email) == Email.key(user.email):
        return []
    return [Write(Operation.DELETE, Email(Email.key(user.email), 'EMAIL')), *user.claim(email, now, instead_of)]
