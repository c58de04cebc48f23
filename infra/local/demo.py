"""Demo data: a user who may log in remotely, and a confidential application of theirs. Needs the application's environment."""

import time

from chalicelib.models import Client, User
from chalicelib.passwords import hash_password
from infra.local.credentials import CLIENT_ID, CLIENT_SECRET, EMAIL, PASSWORD

REDIRECT_URI = 'http://127.0.0.1/callback'


def create() -> User:
    """Store the demo user and application, should they not be there; return the user."""
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
    return user


def first_steps(url: str) -> str:
    """Return shell commands that get a token and create a first portfolio and address."""
    return f"""\
TOKEN=$(curl -s {url}/oauth/token -u {CLIENT_ID.shown}:{CLIENT_SECRET.shown} \\
  -d grant_type=password --data-urlencode username={EMAIL.shown} --data-urlencode password={PASSWORD.shown} -d scope=admin \\
  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -s {url}/api/portfolios -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{{"title": "My first portfolio", "currencies": ["btc", "usd"]}}'"""
