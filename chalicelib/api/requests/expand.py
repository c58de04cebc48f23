"""`currency` where the document shows a code: `?expand[]=currency`, or CURRENCY_FORMAT=object for a whole deployment, gives the object."""

from collections.abc import Sequence
from typing import TypeVar

from chalice.app import Request

from chalicelib.config import settings
from chalicelib.domain import currencies, shapes
from chalicelib.errors import BadRequest

EXPANDABLE = ('currency',)

Balance = TypeVar(
    'Balance',
    shapes.PortfolioBalance,
    shapes.OffsetBalance,
    shapes.ConvertedBalance,
    shapes.HistoricBalance,
    shapes.HistoricValue,
)


def balances(request: Request, rows: Sequence[Balance]) -> list[Balance]:
    """Return balances with their currency as it was asked for. Raises BadRequest for what cannot be expanded."""
    return [_with_object(row) for row in rows] if is_asked(request) else list(rows)


def is_asked(request: Request) -> bool:
    """Whether currencies are to be objects. Raises BadRequest for what cannot be expanded."""
    query = request.query_params
    asked = {name for key in ('expand', 'expand[]') for name in (query.getlist(key) if query and key in query else [])}
    if not asked <= set(EXPANDABLE):
        raise BadRequest(f'expand can be {" or ".join(EXPANDABLE)}')
    return bool(asked) or settings().currency_objects


def _with_object(row: Balance) -> Balance:
    code = row['currency']
    return {**row, 'currency': currencies.get(code).ref()} if isinstance(code, str) else row
