"""Making one more of what a user may have only so many of, where quotas do not do: some of it ends by itself, which counts nothing down."""

from collections.abc import Callable

from chalicelib import errors
from chalicelib.models.retries import ATTEMPTS, attempts
from chalicelib.models.user import User
from chalicelib.models.writes import Write, transact


class _Overtaken(Exception):
    """The user changed, or something of theirs was made, after they were read."""


def make_one_more(user: User, check_room: Callable[[], None], *writes: Write, by_password: bool = False) -> None:
    """Carry out the writes that store one more of what a user may have only so many of.

    `check_room` counts what there is, and raises where there is no room. It was called since the user was read, and is called again
    when anything such was made meanwhile, so that as many as are sent at once find room for no more than there is.

    `by_password` says that it is made by an application that logged in with the user's password.
    Raises what `check_room` does, AccessEnded if the user's stamp changed since they were read, or if no application may log in so any
    more, and Conflict when others were made before each of our attempts.
    """
    stamp = user.stamp
    for _ in attempts(ATTEMPTS):
        try:
            transact(user.count_creation(_Overtaken, by_password=by_password), *writes)
        except _Overtaken:
            user = User.find(user.user_id)
            if user.stamp != stamp or (by_password and not user.allow_remote_login):
                raise errors.AccessEnded from None
            check_room()
        else:
            return
    raise errors.Conflict
