"""Where values come from, for everybody: /api/sources, and /api/status."""

from chalice.app import Blueprint, Response

from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.http_io import paging
from chalicelib.http_io.response import ok
from chalicelib.services import upstream_status

bp = Blueprint(__name__)


@bp.route('/status')
@Contract(answers.Status)
def get_status() -> Response:
    """Which parts of the service work and which fail."""
    return ok(presenters.present_status(upstream_status.status()))


@bp.route('/sources')
@Contract(list[answers.Source], paged=True)
def list_sources() -> Response:
    """List the upstreams that values come from."""
    request = bp.current_request
    asked = paging.paging(request)
    found = [source for source in upstream_status.every() if source.key > (asked.cursor or '')][: asked.limit + 1]
    return paging.page(request, upstream_status.health_of(found), asked, presenters.present_source, lambda upstream: upstream.source.key)


@bp.route('/sources/{key}')
@Contract(answers.Source)
def get_source(key: str) -> Response:
    """What an upstream can tell and how it did of late."""
    (upstream,) = upstream_status.health_of([upstream_status.find(key)])
    return ok(presenters.present_source(upstream))
