"""`currency` where the document shows a code: `?expand[]=currency`, or CURRENCY_FORMAT=object for a whole deployment, gives the object."""

from chalice.app import Request

from chalicelib.config import settings
from chalicelib.errors import BadRequest

EXPANDABLE = ('currency',)


def is_asked(request: Request) -> bool:
    """Whether currencies are to be objects. Raises BadRequest for what cannot be expanded."""
    query = request.query_params
    asked = {name for key in ('expand', 'expand[]') for name in (query.getlist(key) if query and key in query else [])}
    if not asked <= set(EXPANDABLE):
        raise BadRequest(f'expand can be {" or ".join(EXPANDABLE)}')
    return bool(asked) or settings().currency_objects
