"""Second factors of log-ins: authenticator apps (TOTP, RFC 6238), passkeys, and recovery codes."""

import hmac
import re
import secrets
from typing import NamedTuple

from chalicelib import vault
from chalicelib.errors import Fault, Invalid
from chalicelib.models import AttemptCounter, Authenticator, Item, Passkey, RecoveryCodes, User, Write
from chalicelib.services import notices
from chalicelib.texts import translatable

_QUARTER = 900
_STEP_SECONDS = 30  # of RFC 6238, as all apps have it
_RECOVERY_CODES = 10
_LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'  # without those that look alike


class Factors(NamedTuple):
    """The second factors of a user. `authenticator` may not be confirmed yet; `recovery_codes` may be used up."""

    authenticator: Authenticator | None
    passkeys: list[Passkey]
    recovery_codes: RecoveryCodes | None

    @property
    def codes_left(self) -> int:
        return len(self.recovery_codes.hashes or ()) if self.recovery_codes else 0

    @property
    def has_authenticator(self) -> bool:
        return self.authenticator is not None and self.authenticator.confirmed_at is not None

    @property
    def protect(self) -> bool:
        """Whether a log-in with the password needs one of them."""
        return self.has_authenticator or bool(self.passkeys) or self.recovery_codes is not None


def of_user(user_id: str) -> Factors:
    """Return the second factors of a user, passkeys oldest first."""
    factors = list(Item.query(User.pk_of(user_id), Item.sk.startswith('FACTOR#'), consistent_read=True))
    return Factors(
        next((factor for factor in factors if isinstance(factor, Authenticator)), None),
        Passkey.of_user(user_id),
        next((factor for factor in factors if isinstance(factor, RecoveryCodes)), None),
    )


def add_authenticator(user: User) -> None:
    """Store a new authenticator app, which is not asked for before a first code confirms it. Raises Conflict if there is one already."""
    import pyotp  # pages that do without should not pay for it

    Authenticator.store(user.user_id, vault.encrypt(pyotp.random_base32(), _context(user.user_id)))


def describe_authenticator(user: User, authenticator: Authenticator) -> tuple[str, str]:
    """Return the secret of an authenticator app for people to type, and the link that opens an app with it."""
    import pyotp

    secret = vault.decrypt(authenticator.secret, _context(user.user_id))
    link: str = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name='CryptFolio')
    return ' '.join(re.findall('.{1,4}', secret)), link


def confirm_authenticator(user: User, code: str, now: int) -> None:
    """Ask for the app from now on, if this is a code of it; forbid log-in by applications, which cannot ask. Raises Invalid, TooMany."""
    AttemptCounter.record('second_factor', user.user_id, 10, _QUARTER, now)
    authenticator = of_user(user.user_id).authenticator
    step = _matching_step(user.user_id, authenticator, code, now) if authenticator else None
    if authenticator is None or step is None or not authenticator.confirm(step, now):
        raise Invalid(_WRONG_CODE)
    AttemptCounter.undo('second_factor', user.user_id, _QUARTER, now)
    protect(user, translatable('An authenticator app'))


def protect(user: User, factor: str) -> None:
    """Do what follows from a user's new second factor: no log-in by applications, which cannot ask for it, and a mail."""
    if user.allow_remote_login:
        user.forbid_remote()
    notices.tell_of_second_factor(user, factor)


def check_code(user: User, code: str, now: int) -> None:
    """Use up a code of the user's app or a recovery code. Raises Invalid if it is neither, or was used, and TooMany."""
    AttemptCounter.record('second_factor', user.user_id, 10, _QUARTER, now)
    factors = of_user(user.user_id)
    if not _use_app_code(user.user_id, factors, code, now):
        if not RecoveryCodes.use(user.user_id, _plain(code)):
            raise Invalid(_WRONG_CODE)
        notices.tell_of_recovery_code(user, factors.codes_left - 1)
    AttemptCounter.undo('second_factor', user.user_id, _QUARTER, now)


def new_recovery_codes(user_id: str) -> tuple[list[str], Write]:
    """Return new recovery codes and the write that stores them in the place of earlier ones."""
    letters = [''.join(secrets.choice(_LETTERS) for _ in range(15)) for _ in range(_RECOVERY_CODES)]
    return ['-'.join(re.findall('.{5}', code)) for code in letters], RecoveryCodes.creation(user_id, letters)


def remove_authenticator(user_id: str) -> None:
    """Ask for no code of an app any more, and for no recovery code if there is no passkey either."""
    Authenticator.at(user_id).delete()
    remove_unneeded_codes(user_id)


def remove_passkey(user_id: str, passkey_id: str) -> None:
    """Let a passkey open nothing any more; without another factor, ask for no recovery code either. It is no error if there is none."""
    Passkey.remove(user_id, passkey_id)
    remove_unneeded_codes(user_id)


def remove_unneeded_codes(user_id: str) -> None:
    """Ask for no recovery code any more, if there is neither an app nor a passkey."""
    factors = of_user(user_id)
    if not factors.has_authenticator and not factors.passkeys:
        RecoveryCodes.at(user_id).delete()


def remove_all(user_id: str) -> None:
    """Let a user log in with the password alone."""
    for passkey in of_user(user_id).passkeys:
        passkey.delete()
    remove_authenticator(user_id)


def _use_app_code(user_id: str, factors: Factors, code: str, now: int) -> bool:
    authenticator = factors.authenticator
    if authenticator is None or not factors.has_authenticator:
        return False
    step = _matching_step(user_id, authenticator, code, now)
    return step is not None and authenticator.use(step)


def _matching_step(user_id: str, authenticator: Authenticator, code: str, now: int) -> int | None:
    """Return the time step whose code this is, of the present one and one to either side (RFC 6238 section 5.2); None for no code."""
    import pyotp

    totp = pyotp.TOTP(vault.decrypt(authenticator.secret, _context(user_id)))
    steps = (now // _STEP_SECONDS + offset for offset in (-1, 0, 1))
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), _plain(code).encode())), None)


_WRONG_CODE = Fault('code', 'wrong', translatable('This code is not right, or was used before: enter the newest one'))


def _plain(code: str) -> str:
    return re.sub(r'[\s-]', '', code).lower()


def _context(user_id: str) -> dict[str, str]:
    """Return the encryption context of an authenticator's secret; the policy of the API's function refers to it."""
    return {'totp': user_id}
