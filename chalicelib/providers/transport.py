"""One request with a deadline and a size limit. Errors name the upstream and nothing else."""

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from threading import Event
from typing import Any, NamedTuple, NoReturn

import requests
import urllib3

from chalicelib.errors import Blame, Upstream, UpstreamNotAsked
from chalicelib.providers.connections import Private, TooMuch, Watchdog, WatchedSession
from chalicelib.providers.upstream import Endpoint

_CONNECT_SECONDS = 3  # for each address of the host, and for all of the TLS handshake
_READ_SECONDS = 8
_TOTAL_SECONDS = 16  # of the whole exchange
_MAX_BYTES = 32 * 1024 * 1024
_MAX_RETRY_AFTER = 3600
_KEPT_EVERY_SECONDS = 5
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError)  # the last of a host that is no name


class UpstreamResponse(NamedTuple):
    """A response with a status below 500, except 401, 402, 403, 429 and redirects, which are Upstream errors; of `signed`, any response."""

    key: str
    status: int
    text: str
    retry_after: int | None = None

    def json(self) -> Any:
        """Return the JSON of a 200, with fractional numbers as Decimal. Raises Upstream for anything else, NaN and infinity included."""
        if self.status != 200:
            raise Upstream(self.key, f'returned {self.status}')
        try:
            return json.loads(self.text, parse_float=Decimal, parse_constant=_refuse)
        except json.JSONDecodeError:
            raise Upstream(self.key, 'returned something that is not JSON', blame=Blame.HOST) from None
        except (ValueError, ArithmeticError, RecursionError):  # a Decimal has no room for every exponent, an int for every digit
            raise Upstream(self.key, 'returned JSON that cannot be read') from None


class Limits(NamedTuple):
    """How long an exchange may take, how much is read of a response, and whether connections may only lead to public addresses."""

    seconds: int
    most_bytes: int
    public_only: bool = False


class NotPublic(Upstream):
    """A host has an address that is not public; nothing was sent."""


class Http:
    """Sends requests. `gate` is called before each one; it may wait, or raise Upstream to prevent it. `keep` is called during pauses."""

    def __init__(self, gate: Callable[[Endpoint], None], limits: Limits | None = None, keep: Callable[[], None] = lambda: None) -> None:
        self._gate = gate
        self._keep = keep
        self._limits = limits or Limits(_TOTAL_SECONDS, _MAX_BYTES)
        self._watchdog = Watchdog()
        self._session = WatchedSession(self._watchdog, public_only=self._limits.public_only)

    def limited(self, limits: Limits) -> 'Http':
        """Return what sends requests through the same gate within other limits."""
        return Http(self._gate, limits, self._keep)

    def pause(self, seconds: float) -> None:
        """Wait before the next request, and keep meanwhile, every few seconds, what is held, such as a lease."""
        while seconds > 0:
            time.sleep(min(seconds, _KEPT_EVERY_SECONDS))
            self._keep()
            seconds -= _KEPT_EVERY_SECONDS

    def get(self, endpoint: Endpoint, path: str, params: Mapping[str, str] | None = None) -> UpstreamResponse:
        """Send a GET to a path below the base URL.

        Raises Upstream if the server cannot be reached, is slow, refuses the request or fails; `throttled` for 402 and 429.
        """
        return self._send('GET', endpoint, path, params=dict(params or {}))

    def post(self, endpoint: Endpoint, path: str, body: Any) -> UpstreamResponse:
        """POST `body` as JSON to a path below the base URL, only for queries, which are safe to repeat. Raises as `get` does."""
        return self._send('POST', endpoint, path, json=body)

    def signed(self, endpoint: Endpoint, method: str, path: str, headers: Mapping[str, str], body: str | None) -> UpstreamResponse:
        """Send a request just as its signature says; return the response whatever its status, as exchanges explain refusals in its body.

        Raises Upstream if the server cannot be reached, is slow or redirects.
        """
        sent = None if body is None else body.encode()
        return self._send(method, endpoint, path, data=sent, headers={**endpoint.headers, **headers}, explains=True)

    def _send(self, method: str, endpoint: Endpoint, path: str, params: Mapping[str, str] | None = None, **kwargs: Any) -> UpstreamResponse:
        if not endpoint.base_url:
            raise UpstreamNotAsked(endpoint.key, f'has no public server: set {endpoint.url_setting}')
        all_params = {**(params or {}), **endpoint.credentials}
        self._gate(endpoint)
        with self._watchdog.watching(self._limits.seconds) as expired:
            response = self._try(expired, method, endpoint, path, params=all_params, **kwargs)
        if expired.is_set():  # a body that ends with its connection seems to be whole when that is cut
            raise Upstream(endpoint.key, 'timed out', blame=Blame.LOAD)
        return response

    def _try(self, expired: Event, method: str, endpoint: Endpoint, path: str, **kwargs: Any) -> UpstreamResponse:
        try:
            return self._exchange(method, endpoint, path, **kwargs)
        except Private:
            raise NotPublic(endpoint.key, 'its host has an address that is not public') from None
        except TooMuch:
            raise _more_than_accepted(endpoint) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise Upstream(endpoint.key, 'timed out', blame=Blame.LOAD) from None
        except _FAILURES as error:
            # Only the type: the message of the exception repeats the URL, which may contain an API key.
            reason, blame = ('timed out', Blame.LOAD) if expired.is_set() else (f'cannot be reached ({type(error).__name__})', Blame.HOST)
            raise Upstream(endpoint.key, reason, blame=blame) from None

    def _exchange(self, method: str, endpoint: Endpoint, path: str, *, explains: bool = False, **kwargs: Any) -> UpstreamResponse:
        sent: dict[str, Any] = {
            'headers': endpoint.headers,
            'timeout': (_CONNECT_SECONDS, _READ_SECONDS),
            'stream': True,
            'allow_redirects': False,
        } | kwargs
        with self._session.request(method, endpoint.base_url + path, **sent) as response:
            if explains and not response.is_redirect:
                return UpstreamResponse(endpoint.key, response.status_code, self._read(endpoint, response), _retry_after(response))
            if response.status_code in (402, 429):  # 402: the plan's quota is exhausted
                raise Upstream(endpoint.key, f'returned {response.status_code}', throttled=True, retry_after=_retry_after(response))
            if response.status_code >= 500 or response.status_code in (401, 403) or response.is_redirect:
                raise Upstream(
                    endpoint.key, f'returned {response.status_code}', retry_after=_retry_after(response), blame=_blame(endpoint, response)
                )
            return UpstreamResponse(endpoint.key, response.status_code, self._read(endpoint, response))

    def _read(self, endpoint: Endpoint, response: requests.Response) -> str:
        """Return the body. `read1` gives what has arrived, where `iter_content` would wait for a whole chunk."""
        body = bytearray()
        while chunk := response.raw.read1(65536, decode_content=True):
            body += chunk
            if len(body) > self._limits.most_bytes:
                raise _more_than_accepted(endpoint)
        return body.decode('utf-8', errors='replace')


def _more_than_accepted(endpoint: Endpoint) -> Upstream:
    return Upstream(endpoint.key, 'returned more than we accept', blame=Blame.LOAD)


def _blame(endpoint: Endpoint, response: requests.Response) -> Blame:
    """Return what a refusal blames. A 403 of a host that knows no API keys means that it wants nothing to do with us."""
    if response.status_code == 401 or (response.status_code == 403 and endpoint.takes_secret):
        return Blame.KEY
    return Blame.LOAD if response.status_code >= 500 else Blame.HOST


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is no JSON')


def _retry_after(response: requests.Response) -> int | None:
    """Return the seconds of a Retry-After header, at least one; dates and malformed values count as absent (RFC 9110 10.2.3)."""
    value = response.headers.get('Retry-After', '')
    return min(max(int(value[:9]), 1), _MAX_RETRY_AFTER) if value.isdecimal() and value.isascii() else None
