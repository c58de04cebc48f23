"""Whether a deployed API answers as it should: asked from outside, as its clients ask."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from infra.deploy.target import CannotDeploy

PATIENCE = 90.0
_SECONDS = 3.0
_REQUEST_SECONDS = 30


def check(url: str, patience: float = PATIENCE) -> None:
    """Ask until all answers are right, for `patience` seconds. Raises CannotDeploy with what is wrong."""
    deadline = time.monotonic() + patience
    while wrong := list(_wrong(url)):
        if time.monotonic() > deadline:
            raise CannotDeploy(f'{url} is deployed, but does not answer as it should: {"; ".join(wrong)}. The logs may tell why')
        time.sleep(min(_SECONDS, patience))


def _wrong(url: str) -> Iterator[str]:
    for path, status, is_right in _EXPECTED:
        try:
            answer = requests.get(f'{url}{path}', timeout=_REQUEST_SECONDS)
            right = answer.status_code == status and is_right(answer.headers, answer.json())
        except (requests.RequestException, ValueError, TypeError, LookupError) as error:
            yield f'{path}: {error}'
        else:
            if not right:
                yield f'{path}: {answer.status_code} {answer.text[:200]}'


def _is_status(_: Any, body: Any) -> bool:
    return body['success'] is True


def _is_refusal(headers: Any, body: Any) -> bool:
    """Made by API Gateway, in our words."""
    return bool(body['code'] == 'invalid_token' and headers.get('WWW-Authenticate', '').startswith('Bearer'))


def _is_unknown(_: Any, body: Any) -> bool:
    return bool(body['code'] == 'not_found')


_EXPECTED: tuple[tuple[str, int, Callable[[Any, Any], bool]], ...] = (
    ('/api/status', 200, _is_status),
    ('/api/user', 401, _is_refusal),
    ('/api/no-such-path', 404, _is_unknown),
)
