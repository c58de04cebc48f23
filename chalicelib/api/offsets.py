"""Offsets: /api/portfolios/ID/offsets and below."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.api.requests import expand, fields, idempotency
from chalicelib.api.requests.body import Body
from chalicelib.auth import bearer
from chalicelib.http_io import paging
from chalicelib.http_io.conditional import expected_versions
from chalicelib.http_io.request import BODY_TYPES, parse_body, path_id, user_id
from chalicelib.http_io.response import ok
from chalicelib.models import Offset
from chalicelib.services.portfolios import offsets

bp = Blueprint(__name__)

COLLECTION = '/portfolios/{portfolio_id}/offsets'
ITEM = COLLECTION + '/{offset_id}'

NEW = Body('NewOffset', required=(fields.TITLE,), optional=(fields.BALANCES,))
CHANGES = Body('OffsetChanges', optional=(fields.TITLE, fields.BALANCES))


@bp.route(COLLECTION, methods=['POST'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Offset, body=NEW, expandable=True)
def create_offset(portfolio_id: str) -> Response:
    """Create a new offset with a collection of offset balances."""
    request = bp.current_request
    portfolio = path_id(portfolio_id)
    expanded = expand.is_asked(request)
    given = NEW.read(parse_body(request))
    title, balances = given[fields.TITLE], given.get(fields.BALANCES) or {}
    return idempotency.create(
        request,
        lambda also: offsets.create(user_id(request), portfolio, title=title, balances=balances, now=clock.now(), also=also),
        lambda offset: idempotency.Made(
            {**presenters.present_offset(offset, expand=expanded)}, f'/api/portfolios/{portfolio}/offsets/{offset.offset_id}'
        ),
    )


@bp.route(COLLECTION, authorizer=bearer)
@Contract(list[answers.OffsetSummary], paged=True)
def list_offsets(portfolio_id: str) -> Response:
    """List the offsets on a portfolio."""
    request = bp.current_request
    asked = paging.paging(request)
    found = Offset.page(user_id(request), path_id(portfolio_id), after=paging.position_id(asked), limit=asked.limit + 1)
    return paging.page(request, found, asked, presenters.present_offset_summary, lambda offset: str(offset.offset_id))


@bp.route(ITEM, authorizer=bearer)
@Contract(answers.Offset, expandable=True)
def get_offset(portfolio_id: str, offset_id: str) -> Response:
    """Get the full details of an offset, including its balances."""
    return _shown(Offset.find(*_key(portfolio_id, offset_id)))


@bp.route(ITEM, methods=['PATCH'], content_types=BODY_TYPES, authorizer=bearer)
@Contract(answers.Offset, body=CHANGES, expandable=True)
def update_offset(portfolio_id: str, offset_id: str) -> Response:
    """Update an existing offset with a new title; balances, if set, replace all that it has."""
    key = _key(portfolio_id, offset_id)
    _check_expansion()
    given = CHANGES.read(parse_body(bp.current_request))
    title, balances = given.get(fields.TITLE), given.get(fields.BALANCES)
    expected = expected_versions(bp.current_request)
    return _shown(offsets.change(*key, title=title, balances=balances, now=clock.now(), expected=expected))


@bp.route(ITEM, methods=['DELETE'], authorizer=bearer)
@Contract(answers.Offset, expandable=True)
def delete_offset(portfolio_id: str, offset_id: str) -> Response:
    """Delete a portfolio offset and its associated balances; answers with the offset as it was."""
    _check_expansion()
    expected = expected_versions(bp.current_request)
    return _shown(offsets.delete(*_key(portfolio_id, offset_id), now=clock.now(), expected=expected))


def _key(portfolio_id: str, offset_id: str) -> tuple[str, int, int]:
    return user_id(bp.current_request), path_id(portfolio_id), path_id(offset_id)


def _check_expansion() -> None:
    """Raise BadRequest for what cannot be expanded, before anything is written that could not be shown."""
    expand.is_asked(bp.current_request)


def _shown(offset: Offset) -> Response:
    return ok(presenters.present_offset(offset, expand=expand.is_asked(bp.current_request)), version=offset.version)
