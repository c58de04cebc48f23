"""Fetching the keys of other issuers, from a real server."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.deploy import issuers

KEYS = {'keys': [{'kty': 'EC', 'kid': 'theirs'}]}


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, object]]]:
    """A server on this computer, and what it answers by path."""
    answers: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path)
            self.send_response(302 if self.path == '/moved' else 404 if body is None else 200)
            if self.path == '/moved':
                self.send_header('Location', '/keys')
            self.end_headers()
            told = body if isinstance(body, bytes) else json.dumps(body).encode()
            if self.path != '/drips':
                self.wfile.write(told)
                return
            with contextlib.suppress(OSError):  # when the client has gone
                for at in range(len(told)):
                    self.wfile.write(told[at : at + 1])
                    time.sleep(0.02)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}', answers
    server.shutdown()
    server.server_close()


def test_keys_that_are_there_are_left_alone():
    entry = {'issuer': 'https://login.example', 'jwks': KEYS}

    assert issuers.with_keys([entry]) == [entry]


def test_keys_are_taken_from_the_address_that_is_given(served):
    url, answers = served
    answers['/keys'] = {'keys': [one | {'x5c': ['a certificate' * 200], 'x5t': 'its thumbprint'} for one in KEYS['keys']]}

    (entry,) = issuers.with_keys([{'issuer': 'https://login.example', 'audience': 'x', 'jwks_uri': f'{url}/keys'}])

    assert entry == {'issuer': 'https://login.example', 'audience': 'x', 'jwks': KEYS}


@pytest.mark.parametrize('path', ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])
def test_keys_are_found_through_the_issuers_metadata(served, path: str):
    url, answers = served
    answers['/keys'] = KEYS
    answers[path] = {'issuer': url, 'jwks_uri': f'{url}/keys'}

    assert issuers.with_keys([{'issuer': url}]) == [{'issuer': url, 'jwks': KEYS}]


def test_keys_that_no_token_can_be_signed_with_are_left_out(served):
    url, answers = served
    for_encryption, without_name = {'kty': 'RSA', 'kid': 'enc', 'use': 'enc'}, {'kty': 'EC', 'use': 'sig'}
    answers['/keys'] = {'keys': [for_encryption, KEYS['keys'][0] | {'use': 'sig'}, without_name]}

    (entry,) = issuers.with_keys([{'issuer': 'https://login.example', 'jwks_uri': f'{url}/keys'}])

    assert entry['jwks'] == {'keys': [{'kty': 'EC', 'kid': 'theirs', 'use': 'sig'}]}


@pytest.mark.parametrize('answer', [None, b'<html>', {'keys': []}, [], b'', {'keys': [{'kty': 'RSA', 'kid': 'enc', 'use': 'enc'}]}])
def test_no_keys_are_an_error_that_says_whose(served, answer: object):
    url, answers = served
    answers['/keys'] = answer

    with pytest.raises(issuers.NoKeys, match=r'https://login\.example'):
        issuers.with_keys([{'issuer': 'https://login.example', 'jwks_uri': f'{url}/keys'}])


def test_metadata_of_somebody_else_is_not_believed(served):
    url, answers = served
    answers['/keys'] = KEYS
    answers['/.well-known/openid-configuration'] = {'issuer': 'https://evil.example', 'jwks_uri': f'{url}/keys'}

    with pytest.raises(issuers.NoKeys):
        issuers.with_keys([{'issuer': url}])


def test_keys_are_only_taken_over_https():
    with pytest.raises(issuers.NoKeys, match='https'):
        issuers.with_keys([{'issuer': 'x', 'jwks_uri': 'http://login.example/keys'}])


def test_a_redirect_is_not_followed(served):
    url, answers = served
    answers['/keys'] = answers['/moved'] = KEYS

    with pytest.raises(issuers.NoKeys, match='redirects'):
        issuers.with_keys([{'issuer': 'https://login.example', 'jwks_uri': f'{url}/moved'}])


@pytest.mark.parametrize('body', [b' ' * 100 + json.dumps(KEYS).encode(), json.dumps(KEYS).encode() + b' ' * 100])
def test_an_issuer_that_drips_does_not_hold_a_deployment(served, monkeypatch: pytest.MonkeyPatch, body: bytes):
    url, answers = served
    answers['/drips'] = body
    monkeypatch.setattr(issuers, '_SECONDS', 1.5)

    with pytest.raises(issuers.NoKeys, match='takes longer'):
        issuers.with_keys([{'issuer': 'https://login.example', 'jwks_uri': f'{url}/drips'}])


def test_no_more_is_read_than_keys_take(served):
    url, answers = served
    answers['/keys'] = b' ' * 1024 * 1024 + json.dumps(KEYS).encode()

    with pytest.raises(issuers.NoKeys, match='answers more'):
        issuers.with_keys([{'issuer': 'https://login.example', 'jwks_uri': f'{url}/keys'}])
