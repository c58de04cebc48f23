"""Where values come from: /api/sources and /api/status, without a token."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.sources import present_source, present_status
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import LIMIT, cursor
from chalicelib.api.requests.router import Router
from chalicelib.http_io.response import ok
from chalicelib.services import upstream_status

bp = Blueprint(__name__)
router = Router(bp)

KEY_CURSOR = cursor(str, start='')


@router.get('/status', answer=answers.Status)
def get_status(_: ApiRequest) -> Response:
    """Which parts of the service work and which fail, how old the rates are and when jobs last ran.

    For monitoring. What never ran is neither in `ok` nor in `failing`.
    """
    return ok(present_status(upstream_status.status(), clock.now()))


@router.get('/sources', answer=list[answers.Source], query=(LIMIT, KEY_CURSOR))
def list_sources(request: ApiRequest) -> Response:
    """List the upstreams that values come from.

    Explorers, sources of rates and exchanges: what each provides, which key it needs, and whether requests to it succeed.
    """
    found = [source for source in upstream_status.every() if source.key > request[KEY_CURSOR]][: request[LIMIT] + 1]
    return request.page(upstream_status.health_of(found), present_source, lambda upstream: upstream.source.key)


@router.get('/sources/{key}', answer=answers.Source)
def get_source(_: ApiRequest, key: str) -> Response:
    """Get the capabilities and recent health of an upstream.

    `remedy` says what the operator must set where it lacks a key.
    """
    (upstream,) = upstream_status.health_of([upstream_status.find(key)])
    return ok(present_source(upstream))
