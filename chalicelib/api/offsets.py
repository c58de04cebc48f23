"""Offsets: /api/portfolios/ID/offsets and below."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.offsets import present_offset, present_offset_summary
from chalicelib.api.requests import fields, idempotency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import EXPAND, ID_CURSOR, LIMIT
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.http_io.response import created, ok
from chalicelib.models import Offset, Since
from chalicelib.services.portfolios import offsets

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)

COLLECTION = '/portfolios/{portfolio_id}/offsets'
ITEM = COLLECTION + '/{offset_id}'

NEW = Body('NewOffset', required=(fields.TITLE,), optional=(fields.BALANCES, fields.SINCE))
CHANGES = Body('OffsetChanges', optional=(fields.TITLE, fields.BALANCES, fields.SINCE))


@router.post(COLLECTION, answer=answers.Offset, body=NEW, query=(EXPAND,))
def create_offset(request: ApiRequest, portfolio_id: int) -> Response:
    """Create a new offset with a collection of offset balances.

    For what no address or account shows: cash, a loan, coins in a vault. Amounts may be negative. They count at all times, or from
    `since` on.
    """
    title, balances = request.body()[fields.TITLE], request.body().get(fields.BALANCES) or {}
    since = (request.body().get(fields.SINCE) or Since(None)).at
    offset = Offset.draft(request.user_id, portfolio_id, title=title, balances=balances, since=since, now=clock.now())
    answer = created(present_offset(offset, expand=request.expand), f'/api/portfolios/{portfolio_id}/offsets/{offset.offset_id}')
    offsets.store(offset, also=idempotency.record(request, answer))
    return answer


@router.get(COLLECTION, answer=list[answers.OffsetSummary], query=(LIMIT, ID_CURSOR))
def list_offsets(request: ApiRequest, portfolio_id: int) -> Response:
    """List the offsets on a portfolio.

    By id, in short form, without their amounts.
    """
    found = Offset.page(request.user_id, portfolio_id, after=request[ID_CURSOR], limit=request[LIMIT] + 1)
    return request.page(found, present_offset_summary, lambda offset: str(offset.offset_id))


@router.get(ITEM, answer=answers.Offset, query=(EXPAND,))
def get_offset(request: ApiRequest, portfolio_id: int, offset_id: int) -> Response:
    """Get the full details of an offset, including its balances.

    Its amounts by currency, and the instant from which they count, if not always.
    """
    return _shown(request, Offset.find(request.user_id, portfolio_id, offset_id))


@router.patch(ITEM, answer=answers.Offset, body=CHANGES, query=(EXPAND,))
def update_offset(request: ApiRequest, portfolio_id: int, offset_id: int) -> Response:
    """Update an existing offset with a new title or `since`; balances, if set, replace all that it has.

    What is not sent stays. `since: null` lets it count at all times.
    """
    body = request.body()
    title, balances, since = body.get(fields.TITLE), body.get(fields.BALANCES), body.get(fields.SINCE)
    key, expected = (request.user_id, portfolio_id, offset_id), request.expected_versions
    return _shown(request, offsets.change(*key, title=title, balances=balances, since=since, now=clock.now(), expected=expected))


@router.delete(ITEM, answer=answers.Offset, query=(EXPAND,))
def delete_offset(request: ApiRequest, portfolio_id: int, offset_id: int) -> Response:
    """Delete a portfolio offset and its associated balances; returns the offset as it was.

    Its amounts no longer count for the portfolio, now or in its history.
    """
    expected = request.expected_versions
    return _shown(request, offsets.delete(request.user_id, portfolio_id, offset_id, now=clock.now(), expected=expected))


def _shown(request: ApiRequest, offset: Offset) -> Response:
    return ok(present_offset(offset, expand=request.expand), version=offset.version)
