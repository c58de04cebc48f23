"""Demo data: a user who may log in remotely, and a confidential application of theirs. Needs the application's environment."""

import os
import shlex
import time
from typing import NamedTuple

from chalicelib.models import Client, User
from chalicelib.passwords import hash_password

REDIRECT_URI = 'http://127.0.0.1/callback'


class Credential(NamedTuple):
    """A value that an environment variable may choose."""

    variable: str
    default: str

    @property
    def value(self) -> str:
        return os.environ.get(self.variable) or self.default

    @property
    def shown(self) -> str:
        """How to say it in a shell: a value of somebody's own is not for the log."""
        return shlex.quote(self.default) if self.value == self.default else f'"${self.variable}"'


EMAIL = Credential('DEMO_EMAIL', 'demo@example.com')
PASSWORD = Credential('DEMO_PASSWORD', 'demo-password')
CLIENT_ID = Credential('DEMO_CLIENT_ID', 'demo-app')
CLIENT_SECRET = Credential('DEMO_CLIENT_SECRET', 'demo-secret')


def create() -> None:
    """Store the demo user and application, should they not be there."""
    now = int(time.time())
    user = User.with_email(EMAIL.value) or User.create(
        name='Demo', email=EMAIL.value, password_hash=hash_password(PASSWORD.value), allow_remote_login=True, now=now
    )
    if Client.find(CLIENT_ID.value) is None:
        Client.register(
            client_id=CLIENT_ID.value,
            secret=CLIENT_SECRET.value,
            owner_id=user.user_id,
            name='Demo application',
            redirect_uris=[REDIRECT_URI],
            now=now,
        )


def first_steps(url: str) -> str:
    """Return shell commands that get a token and create a first portfolio and address."""
    return f"""\
TOKEN=$(curl -s {url}/oauth/token -u {CLIENT_ID.shown}:{CLIENT_SECRET.shown} \\
  -d grant_type=password --data-urlencode username={EMAIL.shown} --data-urlencode password={PASSWORD.shown} -d scope=admin \\
  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -s {url}/api/portfolios -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"title": "My first portfolio", "currencies": ["btc", "usd"]}}'"""
