"""Second factors of log-ins: authenticator apps (TOTP, RFC 6238), passkeys, and recovery codes."""

import contextlib
import hmac
import re
import secrets
from typing import NamedTuple

from chalicelib import vault
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, Authenticator, Item, KnownBrowser, LogInStep, Passkey, RecoveryCodes, User, Write, transact
from chalicelib.services.users import access, notices
from chalicelib.services.users.log_ins import Visitor
from chalicelib.texts import translatable

_QUARTER = 900
_DAY = 86_400
_WORTH_A_NOTICE = 3  # wrong codes in a day: who mistypes, or whose app is a code ahead, seldom gets that far
_TOLD_AGAIN_EVERY = 10  # further ones
_STEP_SECONDS = 30  # of RFC 6238, as all apps have it
_RECOVERY_CODES = 10
_LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'  # without those that look alike


class Factors(NamedTuple):
    """The second factors of a user; `recovery_codes` may be used up."""

    authenticator: Authenticator | None
    passkeys: list[Passkey]
    recovery_codes: RecoveryCodes | None

    @property
    def codes_left(self) -> int:
        return len(self.recovery_codes.hashes or ()) if self.recovery_codes else 0

    @property
    def protect(self) -> bool:
        """Whether a log-in with the password needs one of them."""
        return self.authenticator is not None or bool(self.passkeys) or self.recovery_codes is not None


def of_user(user_id: str) -> Factors:
    """Return the second factors of a user, passkeys oldest first."""
    factors = list(Item.query(User.pk_of(user_id), Item.sk.startswith('FACTOR#'), consistent_read=True))
    return Factors(
        # One that was stored before its first code, as was done once, counts as none.
        next((factor for factor in factors if isinstance(factor, Authenticator) and factor.confirmed_at is not None), None),
        Passkey.of_user(user_id),
        next((factor for factor in factors if isinstance(factor, RecoveryCodes)), None),
    )


def begin_authenticator(user: User, now: int) -> str:
    """Let a user add an authenticator app; return the token of the step, which a first code of it ends. See `new_factors`."""
    import pyotp  # pages that do without should not pay for it

    token, _ = LogInStep.begin('app', user, now, secret=pyotp.random_base32())
    return token


def describe_authenticator(user: User, step: LogInStep) -> tuple[str, str]:
    """Return the secret of the app that a step adds for people to type, and the link that opens an app with it."""
    import pyotp

    secret = str(step.secret)
    link: str = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name='CryptFolio')
    return ' '.join(re.findall('.{1,4}', secret)), link


def confirm_authenticator(user: User, step: LogInStep, code: str, now: int) -> None:
    """Ask for a step's app from now on, if this is a code of it; forbid log-in by applications, which cannot ask.

    Raises Invalid, TooMany, Conflict if the user has an app already, and AccessEnded.
    """
    AttemptCounter.record('new_authenticator', user.user_id, 10, _QUARTER, now)
    secret = str(step.secret)
    time_step = _matching_step(secret, code, now)
    if time_step is None:
        raise Invalid(_WRONG_CODE)
    encrypted = vault.encrypt(secret, _context(user.user_id))
    access.forbid_remote_login(user.user_id)  # first, too: what came by the password alone is to outlive no process that dies here
    transact(Authenticator.creation(user.user_id, encrypted, time_step, now), user.check_unchanged())
    with contextlib.suppress(NotFound):  # the same form, sent twice
        step.finish()
    AttemptCounter.undo('new_authenticator', user.user_id, _QUARTER, now)
    protect(user, translatable('An authenticator app'))


def protect(user: User, factor: str) -> None:
    """Do what follows from a user's new second factor: no log-in by applications, which cannot ask for it, nor what came by it; a mail.

    Whether they were allowed to when the user was read says nothing: it may have been allowed since.
    """
    access.forbid_remote_login(user.user_id)
    notices.tell_of_second_factor(user, factor)


def check_code(user: User, code: str, visitor: Visitor, now: int) -> None:
    """Use up a code of the user's app or a recovery code, after their password. Raises Invalid if it is neither, or was used, and TooMany.

    In a browser that the user logged in with before, failures of strangers, who know the password, do not count. Failures are told to the
    user.
    """
    knows_browser = visitor.token is not None and KnownBrowser.find(user.user_id, visitor.token, now) is not None
    kind, subject = ('second_factor_known', f'{user.user_id} {visitor.token}') if knows_browser else ('second_factor', user.user_id)
    AttemptCounter.record(kind, subject, 10, _QUARTER, now)
    factors = of_user(user.user_id)
    if not _use_app_code(user.user_id, factors, code, now):
        if not RecoveryCodes.use(user.user_id, _plain(code)):
            _tell_of_wrong_code(user, visitor, now)
            raise Invalid(_WRONG_CODE)
        notices.tell_of_recovery_code(user, factors.codes_left - 1)
    AttemptCounter.undo(kind, subject, _QUARTER, now)


def _tell_of_wrong_code(user: User, visitor: Visitor, now: int) -> None:
    """Count a wrong code, and tell the user of the third of a day, and of each tenth: two in each quarter would guess one some day."""
    number = AttemptCounter.record('wrong_codes', user.user_id, None, _DAY, now)
    if number == _WORTH_A_NOTICE or number % _TOLD_AGAIN_EVERY == 0:
        notices.tell_of_wrong_codes(user, number, visitor.browser, visitor.network, now)


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
    if factors.authenticator is None and not factors.passkeys:
        RecoveryCodes.at(user_id).delete()


def remove_all(user_id: str) -> None:
    """Let a user log in with the password alone."""
    for passkey in of_user(user_id).passkeys:
        passkey.delete()
    remove_authenticator(user_id)


def _use_app_code(user_id: str, factors: Factors, code: str, now: int) -> bool:
    authenticator = factors.authenticator
    if authenticator is None:
        return False
    step = _matching_step(vault.decrypt(authenticator.secret, _context(user_id)), code, now)
    return step is not None and authenticator.use(step)


def _matching_step(secret: str, code: str, now: int) -> int | None:
    """Return the time step whose code this is, of the present one and one to either side (RFC 6238 section 5.2); None for no code."""
    import pyotp

    totp = pyotp.TOTP(secret)
    steps = (now // _STEP_SECONDS + offset for offset in (-1, 0, 1))
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), _plain(code).encode())), None)


_WRONG_CODE = Fault('code', 'wrong', translatable('This code is wrong, or has already been used: enter the newest one'))


def _plain(code: str) -> str:
    return re.sub(r'[\s-]', '', code).lower()


def _context(user_id: str) -> dict[str, str]:
    """Return the encryption context of an authenticator's secret; the policy of the API's function refers to it."""
    return {'totp': user_id}
