"""Credentials of accounts must be nowhere: what tests log, send to AWS and get as answers is searched for those that they use.

What is sent to AWS is all that is ever in the table, in a queue or in an export. Only KMS, which encrypts them, may get them.
"""

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.test import HTTPResponse, TestHTTPClient
from moto.core.botocore_stubber import BotocoreStubber

# A part of every credential that tests of accounts use, so that one look finds all. What has no room for it is named by `secret`.
MARK = b'of-a-test'
_leaks: list[str] = []


def _spellings(mark: bytes) -> list[bytes]:
    """Return a mark as it is, and as it is in Base64, the form in which DynamoDB gets bytes, at each place within three bytes."""
    encoded = [base64.b64encode(bytes(place) + mark)[-(-place * 8 // 6) : (place + len(mark)) * 8 // 6] for place in range(3)]
    return [mark, *encoded]


_marks = _spellings(MARK)


def secret(credential: str) -> str:
    """Return a credential, the first characters of whose longest line are then looked for as well: every key in PEM begins alike."""
    if MARK.decode() not in credential:
        _marks.extend(_spellings(max(credential.splitlines(), key=len)[:20].encode()))
    return credential


def search(where: str, content: str | bytes | None) -> None:
    """Note a leak if some content has a credential in it."""
    raw = content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b''
    if any(mark in raw for mark in _marks):
        _leaks.append(where)


class _Log(logging.Handler):
    """Searches what is logged, with the traceback that goes with it."""

    def emit(self, record: logging.LogRecord) -> None:
        search(f'the log of {record.name}', f'{self.format(record)} {record.__dict__}')


@pytest.fixture(scope='session', autouse=True)
def search_everything() -> Iterator[None]:
    """Search every line of the log, every request to AWS and every answer, of the API and of pages, of this session."""
    process_request, answer = BotocoreStubber.process_request, TestHTTPClient.request

    def process_and_search(self: BotocoreStubber, request: Any) -> Any:
        if not request.url.startswith('https://kms.'):
            search(f'a request to {request.url}', request.body)
        return process_request(self, request)

    def answer_and_search(self: TestHTTPClient, method: str, path: str, *arguments: Any, **options: Any) -> HTTPResponse:
        response = answer(self, method, path, *arguments, **options)
        search(f'the answer to {method} {path}', f'{response.body!r} {response.headers}')
        return response

    log = _Log()
    logging.getLogger().addHandler(log)
    logging.getLogger('chalicelib').setLevel(logging.INFO)  # as on Lambda
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, 'process_request', process_and_search)
        patch.setattr(TestHTTPClient, 'request', answer_and_search)
        yield
    logging.getLogger().removeHandler(log)


@pytest.fixture(autouse=True)
def leaks() -> Iterator[list[str]]:
    """Where credentials were seen during this test: nowhere, when it ends."""
    _leaks.clear()
    yield _leaks
    assert not _leaks, f'credentials are in {sorted(set(_leaks))}'
