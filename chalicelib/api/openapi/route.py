"""GET /openapi.json: the description of the API, for everybody."""

from functools import lru_cache
from typing import Any

from chalice.app import Blueprint, Chalice, Response

from chalicelib.http_io.response import Answer

bp = Blueprint(__name__)


@bp.route('/openapi.json')
def get_openapi() -> Response:
    """The description of the API for programs (OpenAPI 3.1)."""
    return Answer(api_document(bp.current_app), headers={'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=300'})


@lru_cache(1)
def api_document(app: Chalice) -> dict[str, Any]:
    """Return the OpenAPI document of an application's API, made once in a process."""
    from chalicelib.api.openapi import document  # costs a cold start 5 ms, and hardly any call needs it

    return document.describe(app)
