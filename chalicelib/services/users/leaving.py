"""Leaving for good: a user's account is deleted a week after they asked for it, unless they change their mind.

The user and the email address go first, in one transaction that leaves a `Leftovers` behind: from then on nobody logs in and nothing is
created. What is left is then removed, which can be repeated, and is until the `Leftovers` goes last. Items that are found by the digest
of a token only, such as codes, do not say whose they are (see `models/sealed.py`) and are left to expire.
"""

import contextlib
from collections.abc import Iterator

from chalicelib.errors import NotFound
from chalicelib.models import Client, Item, Leftovers, LinkedSubjectPointer, Portfolio, Purge, Session, SessionPointer, User, transact
from chalicelib.services.users import access, notices

WAIT_SECONDS = 7 * 86_400
_PAGE = 100


def ask_to_leave(user: User, now: int) -> None:
    """Let the account be deleted in a week, or when it is to be already, and mail when that is. Raises NotFound."""
    notices.tell_of_deletion(user, user.schedule_deletion(now + WAIT_SECONDS))


def stay(user: User) -> None:
    """Undo `ask_to_leave`, and mail that: whoever has a session may, and its user would take the account for gone."""
    if user.cancel_deletion():
        notices.tell_of_stay(user)


def forget_user(user_id: str, now: int) -> None:
    """Delete a user whose week is over, and all of theirs. It is no error if they stayed, or are gone."""
    with contextlib.suppress(NotFound):
        user = User.find(user_id)
        if user.delete_at is None or user.delete_at > now:
            return
        transact(*Leftovers.instead_of(user, now))
    if Leftovers.is_there(User.pk_of(user_id)):
        access.end_all(user_id, now)
        _remove_rest(user_id, now)
        Leftovers.of(User.pk_of(user_id), now).delete()


def _remove_rest(user_id: str, now: int) -> None:
    for client in Client.owned_by(user_id):
        with contextlib.suppress(NotFound):
            client.remove()
    while page := Portfolio.page(user_id, after=0, limit=_PAGE):
        for portfolio in page:
            portfolio.remove_with_user(now)
    for item in _beside_portfolios(user_id):
        if isinstance(item, SessionPointer):
            Session(item.sk, 'SESSION').delete()
        if isinstance(item, LinkedSubjectPointer):
            item.unlink()
        item.delete()


def _beside_portfolios(user_id: str) -> Iterator[Item]:
    """Yield what is in a user's partition, except portfolios, which purges remove, and what tells of work that is left.

    Page by page, as answers that may be given again can be more than there is memory.
    """
    pk = User.pk_of(user_id)
    for part in (Item.sk < 'PORTFOLIO#', Item.sk > 'PORTFOLIO#~'):
        for item in Item.query(pk, part, consistent_read=True):
            if not isinstance(item, Leftovers | Purge):
                yield item
