"""Which parts of the service work, for people: what /api/status and /api/sources answer."""

from collections.abc import Iterable
from typing import NamedTuple

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.sources import present_source, present_status
from chalicelib.services import upstream_status
from chalicelib.services.upstream_status import SourceHealth
from chalicelib.web import pages, sessions

bp = Blueprint(__name__)


class Upstreams(NamedTuple):
    """The upstreams by what they are read for."""

    explorers: list[answers.Source]
    rates: list[answers.Source]
    exchanges: list[answers.Source]


@bp.route('/status', cors=False)
def show_status() -> Response:
    """Show which parts of the service work and which fail, how old the rates are and when jobs last ran."""
    request = bp.current_request
    status = upstream_status.status()
    is_readable = 'database' not in status.failing
    return pages.render(
        'status.html',
        request,
        user=sessions.current_user(request) if is_readable else None,
        service=present_status(status, clock.now()),
        upstreams=_upstreams(upstream_status.health_of(upstream_status.every())) if is_readable else None,
    )


def _upstreams(listed: Iterable[SourceHealth]) -> Upstreams:
    by_use = Upstreams([], [], [])
    for upstream in listed:
        source = present_source(upstream)
        part = by_use.explorers if source['chains'] else by_use.rates if source['currencies'] else by_use.exchanges
        part.append(source)
    return by_use
