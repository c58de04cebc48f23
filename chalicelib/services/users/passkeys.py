"""Passkeys (https://www.w3.org/TR/webauthn-3/): registering them and logging in with them.

A passkey is always asked to verify its user, by a PIN or the like, so it is more than one factor by itself.
"""

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalicelib.config import settings
from chalicelib.domain import cbor
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import AttemptCounter, LogInStep, Operation, Passkey, RecoveryCodes, User, Write, make_one_more
from chalicelib.models.client import digest
from chalicelib.services.users import access
from chalicelib.texts import translatable

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

_LOG_INS = ('second_factor', 'passkey')  # the purposes of steps that a passkey can finish
_QUARTER = 900
MOST_PASSKEYS = 20
_MOST_LOGINS = 100  # that one network may begin in a quarter of an hour
# What webauthn raises, beside its own errors, of what a browser may send.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
# Authenticator data: a hash, flags and a counter; then, if the flags say so, an identifier, the length of the next, and a credential's id.
_FIXED_BYTES, _CREDENTIAL_BYTES = 37, 18
_FLAGS, _HAS_CREDENTIAL = 32, 0x40
_REFUSED = Fault('credential', 'refused', translatable('This passkey was not accepted: try again'))


def begin_registration(user: User, now: int) -> str:
    """Let a user add a passkey; return the token of the step. Raises Invalid where they have too many. See `new_factors`."""
    check_room(user)
    token, _ = LogInStep.begin('register', user, now, _new_challenge())
    return token


def check_room(user: User) -> None:
    """Check that a user may have one more passkey. Raises Invalid."""
    if len(Passkey.of_user(user.user_id)) >= MOST_PASSKEYS:
        raise Invalid(
            Fault('credential', 'too_many', translatable('You already have {most} passkeys: remove one first', most=MOST_PASSKEYS))
        )


def registration_options(user: User, known: list[Passkey], step: LogInStep) -> str:
    """Return the options for `navigator.credentials.create`, as JSON. Devices that have one of the passkeys `known` refuse another."""
    import webauthn  # 300 ms that only these pages should pay
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement

    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name='CryptFolio',
        user_id=user.user_id.encode(),
        user_name=user.email,
        challenge=step.challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
    )
    return webauthn.options_to_json(options)


def register_passkey(user: User, step: LogInStep, credential: str, name: str, now: int) -> None:
    """Store the passkey that a device made for a step. Raises Invalid, NotFound if the step was used, and AccessEnded."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    step.finish()
    check_room(user)
    try:
        _check_attestation(credential)
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=step.challenge or b'',
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED):
        raise Invalid(_REFUSED) from None
    passkey = Passkey.at(user.user_id, _passkey_id(made.credential_id))
    passkey.credential_id, passkey.public_key = made.credential_id, made.credential_public_key
    passkey.sign_count, passkey.name, passkey.created_at = made.sign_count, name, now
    access.forbid_remote_login(user.user_id)  # first, too: what came by the password alone is to outlive no process that dies here
    make_one_more(user, lambda: check_room(user), Write(Operation.PUT, passkey), RecoveryCodes.keeping(user.user_id))


def _check_attestation(credential: str) -> None:
    """Check what a registration's CBOR may cost. Raises ValueError, or what else is malformed."""
    from webauthn.helpers import parse_cbor

    attestation = _encoded(credential, 'attestationObject')
    if not cbor.is_plain(attestation):
        raise ValueError('tags in an attestation')
    parsed = parse_cbor(attestation)
    if parsed['fmt'] != 'none' and (parsed['fmt'] != 'packed' or 'x5c' in parsed['attStmt']):
        raise ValueError('an attestation by certificates, which nobody asked for')
    data = parsed['authData']
    if not isinstance(data, bytes):
        raise TypeError('authenticator data that is no bytes')
    _check_authenticator_data(data)


def _check_authenticator_data(data: bytes) -> None:
    """Check what the CBOR in authenticator data (WebAuthn section 6.1) may cost: webauthn writes it out again before it verifies anything.

    Raises ValueError.
    """
    start = _FIXED_BYTES
    if len(data) > start and data[_FLAGS] & _HAS_CREDENTIAL:
        start += _CREDENTIAL_BYTES + int.from_bytes(data[start + _CREDENTIAL_BYTES - 2 : start + _CREDENTIAL_BYTES], 'big')
    if not cbor.is_plain(data[start:]):
        raise ValueError('tags in authenticator data')


def _encoded(credential: str, name: str) -> bytes:
    """Return a member of a response, in which bytes are base64url. Raises what is malformed."""
    from webauthn.helpers import base64url_to_bytes

    response: dict[str, Any] = json.loads(credential)['response']
    return base64url_to_bytes(response[name])


def begin_login(network: str, now: int) -> tuple[str, LogInStep]:
    """Let whoever asks from a network log in by any passkey; return the token of the step, and the step. Raises TooMany."""
    AttemptCounter.record('passkey_network', network, _MOST_LOGINS, _QUARTER, now)
    return LogInStep.begin('passkey', None, now, _new_challenge())


def challenge_again(token: str, now: int) -> LogInStep:
    """Return the log-in of a token with a new challenge for a passkey: any, or after the password one of the user. Raises NotFound."""
    step = LogInStep.find(token, now, *_LOG_INS)
    step.challenge_with(_new_challenge())
    return step


def find_login(token: str, now: int) -> LogInStep:
    """Return the log-in of a token that has a challenge for a passkey. Raises NotFound."""
    step = LogInStep.find(token, now, *_LOG_INS)
    if step.challenge is None:
        raise NotFound
    return step


def _new_challenge() -> bytes:
    return secrets.token_bytes(32)


def login_options(known: list[Passkey], step: LogInStep) -> str:
    """Return the options for `navigator.credentials.get`, as JSON: for one of these passkeys, or for any if there are none."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        challenge=step.challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def check_passkey(step: LogInStep, credential: str, now: int) -> User:
    """Use a step up and return the user whose passkey signed its challenge, as they were before it was verified.

    Raises Invalid, and NotFound if the step was used or its user's password or address changed.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    step.finish()
    user, passkey = _signer(step, credential)
    try:
        _check_authenticator_data(_encoded(credential, 'authenticatorData'))
        signed = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=step.challenge or b'',
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED):
        raise Invalid(_REFUSED) from None
    if not passkey.use(signed.new_sign_count, now):
        raise Invalid(_REFUSED)
    return user


def _signer(step: LogInStep, credential: str) -> tuple[User, Passkey]:
    """Return the user that a response says it is of, the step's if it has one, and the passkey. Raises Invalid, NotFound as `find_user`."""
    from webauthn.helpers import base64url_to_bytes

    try:
        response: dict[str, Any] = json.loads(credential)
        user_id = step.user_id or base64url_to_bytes(str(response['response']['userHandle'])).decode()
        passkey = Passkey.find(user_id, _passkey_id(base64url_to_bytes(str(response['rawId']))))
    except _MALFORMED:
        raise Invalid(_REFUSED) from None
    if passkey is None:
        raise Invalid(_REFUSED)
    return step.find_user() if step.user_id else User.find(user_id), passkey


def _descriptors(known: list[Passkey]) -> 'list[PublicKeyCredentialDescriptor]':
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in known]


def _passkey_id(credential_id: bytes) -> str:
    return digest(credential_id.hex())


def _host() -> str:
    return urlsplit(settings().issuer).hostname or ''


def _origin() -> str:
    address = urlsplit(settings().issuer)
    return f'{address.scheme}://{address.netloc}'
