"""What a client application sends to the token endpoint."""

import base64
from urllib.parse import urlencode

from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from tests.support.api import PASSWORD

BASIC = 'Basic ' + base64.b64encode(b'test-app:secret').decode()
GOOD = {'grant_type': 'password', 'username': 'test@example.com', 'password': PASSWORD}


def ask(http: ChaliceClient, body: dict[str, str] | bytes, authorization: str | None = BASIC, **headers: str) -> HTTPResponse:
    sent = {'Content-Type': 'application/x-www-form-urlencoded'} | headers
    if authorization:
        sent['Authorization'] = authorization
    return http.http.post('/oauth/token', headers=sent, body=body if isinstance(body, bytes) else urlencode(body).encode())
