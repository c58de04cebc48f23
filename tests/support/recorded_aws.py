"""Moto as a server that records every request, for commands that run as processes of their own."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from infra.local.moto_server import OneAtATime
from tests.support.moto_translations import ACCOUNT_LIMIT, translated_document, translated_template

ATTACHED = '<AttachRolePolicyResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AttachRolePolicyResponse>'


class Sent(NamedTuple):
    """A request: the service it is signed for, what it asks, and its body as JSON or text."""

    service: str
    operation: str
    body: Any


class RecordedAws:
    """One account, empty at first. `requests` are all so far."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.url = ''
        self.requests: list[Sent] = []
        self._moto = OneAtATime(DomainDispatcherApplication(create_backend_app))

    @property
    def environment(self) -> dict[str, str]:
        """What leads a process here."""
        return {
            'AWS_ENDPOINT_URL': self.url,
            'AWS_DEFAULT_REGION': 'us-east-1',
            'AWS_ACCESS_KEY_ID': 'testing',
            'AWS_SECRET_ACCESS_KEY': 'testing',
        }

    def named(self, operation: str) -> list[Any]:
        """Return the bodies of all requests for an operation."""
        return [one.body for one in self.requests if one.operation == operation]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
        sent = self._record(environ, body)
        if sent.operation == 'AttachRolePolicy':  # of AWS's own policies
            return self._answer(start_response, 'text/xml', ATTACHED)
        if sent.operation.startswith('GET /2016-08-19/account-settings'):
            return self._answer(start_response, 'application/json', json.dumps(ACCOUNT_LIMIT))
        if sent.operation.endswith('/recursion-config'):
            return self._answer(start_response, 'application/json', '{}')
        body = self._translated(sent, body)
        environ |= {'wsgi.input': io.BytesIO(body), 'CONTENT_LENGTH': str(len(body)), 'HTTP_X_MOTO_ACCOUNT_ID': self.account}
        return self._moto(environ, start_response)

    def _record(self, environ: dict[str, Any], body: bytes) -> Sent:
        service = re.search(r'/([a-z0-9-]+)/aws4_request', environ.get('HTTP_AUTHORIZATION', ''))
        form = (
            {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            if b'Action=' in body[:4096]
            else {}
        )
        target = environ.get('HTTP_X_AMZ_TARGET', '').rpartition('.')[2]
        query = f'?{environ["QUERY_STRING"]}' if environ['QUERY_STRING'] else ''
        operation = form.get('Action') or target or f'{environ["REQUEST_METHOD"]} {environ["PATH_INFO"]}{query}'
        sent = Sent(service[1] if service else '', operation, form or _readable(body))
        self.requests.append(sent)
        return sent

    @staticmethod
    def _translated(sent: Sent, body: bytes) -> bytes:
        if sent.operation in ('CreateStack', 'UpdateStack'):
            return urlencode(sent.body | {'TemplateBody': translated_template(sent.body['TemplateBody'])}).encode()
        if sent.operation.startswith('PUT /restapis/'):
            return translated_document(sent.body).encode()
        return body

    @staticmethod
    def _answer(start_response: Callable[..., Any], kind: str, text: str) -> list[bytes]:
        start_response('200 OK', [('Content-Type', kind)])
        return [text.encode()]


def _readable(body: bytes) -> Any:
    """Return JSON, with what a function's code contains in place of the code."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body.decode(errors='replace')
    if isinstance(parsed, dict) and 'ZipFile' in parsed.get('Code', parsed):
        code = parsed.get('Code', parsed)
        code['ZipFile'] = _entries(base64.b64decode(code['ZipFile']))
    return parsed


def _entries(archive: bytes) -> dict[str, int]:
    """Return checksums by file, 0 for bytecode: Python does not always write the same for the same source."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: 0 if entry.filename.endswith('.pyc') else entry.CRC for entry in opened.infolist()}


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def recorded_aws(account: str) -> Iterator[RecordedAws]:
    """Serve an account on a free port."""
    aws = RecordedAws(account)
    server = make_server('127.0.0.1', 0, aws, threaded=True, request_handler=_Quiet)
    aws.url = f'http://127.0.0.1:{server.server_port}'
    Thread(target=server.serve_forever, daemon=True).start()
    yield aws
    server.shutdown()
    server.server_close()
