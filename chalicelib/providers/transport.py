"""The only module that opens sockets: one request with a deadline and a size limit. Errors name the upstream and nothing else."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import requests
import urllib3

from chalicelib import clock
from chalicelib.errors import Blame, Upstream, UpstreamNotAsked
from chalicelib.providers.upstream import Endpoint

_CONNECT_SECONDS = 3
_READ_SECONDS = 8
_TOTAL_SECONDS = 16  # from the first byte sent on; looked at between two reads
LONGEST_REQUEST_SECONDS = _TOTAL_SECONDS + _READ_SECONDS
_MAX_BYTES = 32 * 1024 * 1024
_MAX_RETRY_AFTER = 3600


class UpstreamResponse(NamedTuple):
    """A response with a status below 500, except 401, 402, 403, 429 and redirects, which are Upstream errors."""

    key: str
    status: int
    text: str

    def json(self) -> Any:
        """Return the JSON of a 200, with fractional numbers as Decimal. Raises Upstream for anything else."""
        if self.status != 200:
            raise Upstream(self.key, f'returned {self.status}')
        try:
            return json.loads(self.text, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Upstream(self.key, 'returned something that is not JSON', blame=Blame.HOST) from None


class Http:
    """Sends requests. `gate` is called before each one; it may wait, or raise Upstream to prevent it."""

    def __init__(self, gate: Callable[[Endpoint], None]) -> None:
        self._gate = gate
        self._session = requests.Session()

    def get(self, endpoint: Endpoint, path: str, params: Mapping[str, str] | None = None) -> UpstreamResponse:
        """Send a GET to a path below the base URL.

        Raises Upstream if the server cannot be reached, is slow, refuses the request or fails; `throttled` for 402 and 429.
        """
        return self._send('GET', endpoint, path, params=dict(params or {}))

    def post(self, endpoint: Endpoint, path: str, body: Any) -> UpstreamResponse:
        """POST `body` as JSON to a path below the base URL, only for queries, which are safe to repeat. Raises as `get` does."""
        return self._send('POST', endpoint, path, json=body)

    def _send(self, method: str, endpoint: Endpoint, path: str, params: Mapping[str, str] | None = None, **kwargs: Any) -> UpstreamResponse:
        if not endpoint.base_url:
            raise UpstreamNotAsked(endpoint.key, f'has no public server: set UPSTREAM_{endpoint.key.upper()}_URL')
        all_params = {**(params or {}), **endpoint.credentials}
        self._gate(endpoint)
        try:
            return self._exchange(method, endpoint, path, clock.monotonic() + _TOTAL_SECONDS, params=all_params, **kwargs)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise Upstream(endpoint.key, 'timed out', blame=Blame.LOAD) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            # Only the type: the message of the exception repeats the URL, which may contain an API key.
            raise Upstream(endpoint.key, f'cannot be reached ({type(error).__name__})', blame=Blame.HOST) from None

    def _exchange(self, method: str, endpoint: Endpoint, path: str, deadline: float, **kwargs: Any) -> UpstreamResponse:
        timeout = (_CONNECT_SECONDS, _READ_SECONDS)
        with self._session.request(
            method, endpoint.base_url + path, headers=endpoint.headers, timeout=timeout, stream=True, allow_redirects=False, **kwargs
        ) as response:
            if response.status_code in (402, 429):  # 402: the plan's quota is exhausted
                raise Upstream(endpoint.key, f'returned {response.status_code}', throttled=True, retry_after=_retry_after(response))
            if response.status_code >= 500 or response.status_code in (401, 403) or response.is_redirect:
                raise Upstream(
                    endpoint.key, f'returned {response.status_code}', retry_after=_retry_after(response), blame=_blame(endpoint, response)
                )
            return UpstreamResponse(endpoint.key, response.status_code, _read(endpoint, response, deadline))


def _blame(endpoint: Endpoint, response: requests.Response) -> Blame:
    """Return what a refusal blames. A 403 of a host that knows no API keys means that it wants nothing to do with us."""
    if response.status_code == 401 or (response.status_code == 403 and endpoint.takes_secret):
        return Blame.KEY
    return Blame.LOAD if response.status_code >= 500 else Blame.HOST


def _read(endpoint: Endpoint, response: requests.Response, deadline: float) -> str:
    """Return the body. The timeout of requests is per read, so a server that drips is stopped here, at `deadline`.

    `read1` gives what has arrived, where `iter_content` would wait for a whole chunk.
    """
    body = bytearray()
    while chunk := response.raw.read1(65536, decode_content=True):
        body += chunk
        if len(body) > _MAX_BYTES:
            raise Upstream(endpoint.key, 'returned more than we accept', blame=Blame.LOAD)
        if clock.monotonic() > deadline:
            raise Upstream(endpoint.key, 'timed out', blame=Blame.LOAD)
    return body.decode('utf-8', errors='replace')


def _retry_after(response: requests.Response) -> int | None:
    """Return the seconds of a Retry-After header, at least one; dates and malformed values count as absent (RFC 9110 10.2.3)."""
    value = response.headers.get('Retry-After', '')
    return min(max(int(value), 1), _MAX_RETRY_AFTER) if value.isdecimal() and value.isascii() else None
