"""How often an application may ask for a user: counts the requests that have a token, and refuses those over RATE_LIMIT.

Requests without one, those of pages and of OAuth2 endpoints among them, are no concern of it.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from chalice.app import Response

from chalicelib import clock, http
from chalicelib.config import settings
from chalicelib.domain.rate_limit import Limiter, Standing, Who
from chalicelib.errors import TooManyRequests
from chalicelib.models import RequestCount

log = logging.getLogger(__name__)


def limit_requests(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Middleware: every answer to a token tells its rate (draft-ietf-httpapi-ratelimit-headers-06), over the limit it is 429.

    It runs outside of http.error_middleware, so that errors tell it too.
    """
    caller = request.context.get('authorizer')
    if not caller or not settings().rate_limit:
        return get_response(request)
    standing = limiter().take((caller['principalId'], caller['client_id']), clock.now())
    response = http.error_middleware(request, _refusal(standing)) if standing.exceeded else get_response(request)
    response.headers['RateLimit-Limit'] = str(standing.limit)
    response.headers['RateLimit-Remaining'] = str(standing.remaining)
    response.headers['RateLimit-Reset'] = str(standing.reset)
    return response


@lru_cache(1)
def limiter() -> Limiter:
    """Return the one limiter of this process."""
    return Limiter(settings().rate_limit, share)


def share(who: Who, start: int, requests: int) -> int:
    """Share counted requests through the table; 0 when that fails, as nobody is to be refused for it."""
    try:
        return RequestCount.add(who, start, requests)
    except Exception:
        log.exception('requests were counted by this process alone')
        return 0


def _refusal(standing: Standing) -> Callable[[Any], Response]:
    def refuse(_: Any) -> Response:
        raise TooManyRequests(standing.reset)

    return refuse
