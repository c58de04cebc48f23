"""What API Gateway answers by itself, as it is configured."""

import uuid
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.config import settings
from infra import gateway

_RESPONSES = gateway.responses()


class Answer(NamedTuple):
    """A list as the value of a header sends it once for each of its items."""

    status: int
    headers: Mapping[str, str | list[str]]
    body: bytes


class Refused(Exception):
    """API Gateway answers this request by itself."""

    def __init__(self, response_type: str, status: int = 0) -> None:
        super().__init__(response_type)
        self.answer = by_gateway(response_type, status)


def by_gateway(response_type: str, status: int, request_id: str | None = None) -> Answer:
    """Return what API Gateway is configured to answer; `status` is its own, where the configuration keeps that.

    A request that got no further than here has no `request_id` yet.
    """
    response = _RESPONSES[response_type]
    headers, body = response.render(request_id or str(uuid.uuid4()), settings().url(''))
    return Answer(response.status or status, {'Content-Type': 'application/json', **headers}, body)
