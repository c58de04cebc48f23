"""Reads `infra/gateway_responses.json`: what API Gateway answers by itself, without asking a function."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FILE = Path(__file__).with_name('gateway_responses.json')


class GatewayResponse(NamedTuple):
    """`status` is None where API Gateway's own is kept (DEFAULT_4XX, DEFAULT_5XX)."""

    status: int | None
    headers: Mapping[str, str]
    body: dict[str, Any]


def responses() -> dict[str, GatewayResponse]:
    """Return the responses by API Gateway's response type."""
    read = json.loads(_FILE.read_text())
    return {kind: GatewayResponse(one.get('status'), one['headers'], one['body']) for kind, one in read.items()}
