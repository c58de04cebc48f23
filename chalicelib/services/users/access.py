"""Everything that opens a user's account beside the password, in one list.

Password reset, password change, "log out everywhere" and `infra.data users forget` walk through it. Sessions and the links of pending
mails are not in it: they end with `User.sessions_epoch`, which is drawn anew by the same write as the password.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import NamedTuple

from chalicelib.errors import NotFound
from chalicelib.models import ApiKey, Client, Grant, KnownBrowser, Passkey, RecoveryCodes, ShareLink, User, delete_all
from chalicelib.texts import translatable


class Opener(NamedTuple):
    """One kind of what opens an account: `label` names it to its owner, `end` lets none of it open the account of a user any more.

    `is_factor` says that it is one of the second factors, too, which change with the password only: for whoever lost the recovery codes,
    passkeys may be all that gets past the log-in. What was ended already, perhaps by a call that was interrupted, is no error.
    """

    name: str
    label: str
    end: Callable[[str, int], None]
    is_factor: bool = False


def _end_grants(user_id: str, now: int) -> None:
    """Without its grant a refresh token is refused."""
    delete_all(Grant.of_user(user_id))


def _delete_api_keys(user_id: str, now: int) -> None:
    for key in ApiKey.of_user(user_id):
        with contextlib.suppress(NotFound):
            ApiKey.revoke(user_id, key.key_id)


def _replace_secrets(user_id: str, now: int) -> None:
    """Without a known secret an application gets at its owner's data no more. The owner makes new ones on the applications' pages."""
    for client in Client.owned_by(user_id):
        if client.confidential:
            with contextlib.suppress(NotFound):
                client.end_access(now)


def _forbid_remote_login(user_id: str, now: int) -> None:
    with contextlib.suppress(NotFound):
        forbid_remote_login(user_id)


def _delete_passkeys(user_id: str, now: int) -> None:
    """A log-in with the password goes on to need a second factor, if only a recovery code, or where none is left the operator."""
    passkeys = Passkey.of_user(user_id)
    if passkeys:
        RecoveryCodes.keep(user_id)
    for passkey in passkeys:
        passkey.delete()


def _remove_share_links(user_id: str, now: int) -> None:
    ShareLink.remove_all(ShareLink.of_user(user_id))


OPENERS = (
    Opener('applications', translatable('Connected applications'), _end_grants),
    Opener('api_keys', translatable('API keys'), _delete_api_keys),
    Opener('secrets', translatable('Secrets of the applications that you registered'), _replace_secrets),
    Opener('remote_login', translatable('Password login by applications'), _forbid_remote_login),
    Opener('passkeys', translatable('Passkeys'), _delete_passkeys, is_factor=True),
    Opener('share_links', translatable('Links that show a portfolio without a login'), _remove_share_links),
)
ENDED_BY_SESSION = tuple(opener for opener in OPENERS if not opener.is_factor)  # without the password
FACTORS = frozenset(opener.name for opener in OPENERS if opener.is_factor)


def forbid_remote_login(user_id: str) -> None:
    """Let no application log in with a user's password, and end the access of those that did. Raises NotFound.

    It ends first, so that none has it if this is interrupted once it is forbidden, and then for those that got it meanwhile.
    """
    _end_access_by_password(user_id)
    User.at(user_id).forbid_remote()
    _end_access_by_password(user_id)


def _end_access_by_password(user_id: str) -> None:
    delete_all(grant for grant in Grant.of_user(user_id) if grant.by_password)


def end_all(user_id: str, now: int, *, keep: Collection[str] = (), forget_browsers: bool = False) -> None:
    """Let nothing open a user's account that did before, except the openers whose names are in `keep`.

    Browsers are doubted, as whoever is in a session may do this. `forget_browsers` is for who has the mailbox: whoever was in the account
    could else go on guessing in each browser that they made known.
    """
    for opener in OPENERS:
        if opener.name not in keep:
            opener.end(user_id, now)
    if forget_browsers:
        KnownBrowser.forget_all_but(0, user_id)
    else:
        KnownBrowser.doubt_all(user_id)
