"""A device with passkeys, as far as WebAuthn goes: makes a key pair and signs with it, as https://www.w3.org/TR/webauthn-3/ says."""

import hashlib
import json
import re
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from html import unescape
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from chalicelib import clock
from chalicelib.models import Session, User, new_token, transact
from chalicelib.services.users import new_factors
from chalicelib.services.users.new_factors import FactorKind
from tests.support.api import PASSWORD
from tests.support.browser import Browser

WITH_PASSWORD = {'current_password': PASSWORD}
_PRESENT, _VERIFIED, _HAS_KEY, _HAS_EXTENSIONS = 0x01, 0x04, 0x40, 0x80  # flags of authenticator data, section 6.1


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip('=')


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + '=' * (-len(text) % 4))


class Device:
    """One passkey. `origin` is where its browser is; `verifies` whether its user enters the PIN."""

    def __init__(self, origin: str = 'https://cryptfolio.test', *, verifies: bool = True) -> None:
        self.origin = origin
        self.verifies = verifies
        self.credential_id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.extensions = b''  # CBOR that it adds to what it attests and signs
        self._count = 0
        self._user_handle = ''

    def create(self, options: str, **changes: Any) -> str:
        """Answer `navigator.credentials.create`, as JSON, with changes to what is attested."""
        asked: dict[str, Any] = json.loads(options)
        self._user_handle = asked['user']['id']
        numbers = self._key.public_key().public_numbers()
        public_key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, 'big'), -3: numbers.y.to_bytes(32, 'big')}  # COSE, ES256
        attested = bytes(16) + struct.pack('>H', len(self.credential_id)) + self.credential_id + cbor2.dumps(public_key)
        data = self._authenticator_data(asked['rp']['id'], _HAS_KEY) + attested + self.extensions
        attestation = cbor2.dumps({'fmt': 'none', 'attStmt': {}, 'authData': data} | changes)
        client_data = self._client_data('webauthn.create', asked['challenge'])
        return self._answer({'clientDataJSON': encode(client_data), 'attestationObject': encode(attestation)})

    def get(self, options: str) -> str:
        """Answer `navigator.credentials.get`, as JSON."""
        asked: dict[str, Any] = json.loads(options)
        self._count += 1
        data = self._authenticator_data(asked['rpId']) + self.extensions
        client_data = self._client_data('webauthn.get', asked['challenge'])
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {
                'clientDataJSON': encode(client_data),
                'authenticatorData': encode(data),
                'signature': encode(signature),
                'userHandle': self._user_handle,
            }
        )

    def _authenticator_data(self, rp_id: str, flags: int = 0) -> bytes:
        seen = flags | _PRESENT | (_VERIFIED if self.verifies else 0) | (_HAS_EXTENSIONS if self.extensions else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([seen]) + struct.pack('>I', self._count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({'type': kind, 'challenge': challenge, 'origin': self.origin, 'crossOrigin': False}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        credential_id = encode(self.credential_id)
        return json.dumps({'id': credential_id, 'rawId': credential_id, 'type': 'public-key', 'response': response})


def options(browser: Browser, page: str) -> str:
    """Return what a page tells a browser to ask the device for; the button of the login page leads to its own."""
    if page == '/login/passkey':
        browser.post('/login/passkey/begin', {'next': '/profile'})
        page = browser.location
    browser.get(page)
    return unescape(re.search(r'data-options="([^"]+)"', browser.page)[1])


def begin_factor(browser: Browser, kind: FactorKind) -> None:
    """Begin to add a factor of who is logged in, or replace their recovery codes, by a link that is stored as if it was mailed."""
    session = Session.find(browser.cookie, clock.now())
    assert session is not None
    user, token = User.find(session.user_id), new_token()
    transact(new_factors.link_token(token, user, kind, clock.now()))
    browser.post('/profile/second-factor/begin', {'what': kind, 'token': token})


def add_passkey(browser: Browser, device: Device) -> None:
    """Register a passkey of who is logged in."""
    begin_factor(browser, FactorKind.PASSKEY)
    assert browser.location == '/profile/passkeys'
    browser.post('/profile/passkeys/new', {'credential': device.create(options(browser, '/profile/passkeys')), 'name': 'My phone'})


def use_passkey(browser: Browser, device: Device, page: str = '/login/passkey') -> None:
    """Log in by a passkey."""
    browser.post('/login/passkey', {'credential': device.get(options(browser, page)), 'next': '/profile'})
