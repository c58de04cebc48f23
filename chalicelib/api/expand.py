"""`currency` where the document shows a code: `?expand[]=currency`, or CURRENCY_FORMAT=object for a whole deployment, gives the object."""

from collections.abc import Sequence
from typing import Any

from chalice.app import Request

from chalicelib.config import settings
from chalicelib.domain import currencies
from chalicelib.errors import BadRequest

_EXPANDABLE = {'currency'}


def balances(request: Request, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return balances with their currency as it was asked for. Raises BadRequest for what cannot be expanded."""
    query = request.query_params
    asked = {name for key in ('expand', 'expand[]') for name in (query.getlist(key) if query and key in query else [])}
    if not asked <= _EXPANDABLE:
        raise BadRequest(f'expand can be {" or ".join(sorted(_EXPANDABLE))}')
    if not asked and not settings().currency_objects:
        return list(rows)
    return [row | {'currency': currencies.get(row['currency']).ref()} for row in rows]
