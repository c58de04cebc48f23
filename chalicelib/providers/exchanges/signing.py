"""Signed requests to exchanges: ccxt signs them and knows their errors, providers.transport sends them.

The only module that imports ccxt, and of it one exchange at a time.
"""

import importlib
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from chalicelib import clock
from chalicelib.errors import AccountLimited, AccountRefused, Blame, Upstream
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint

_LIMITED, _THROTTLED, _OUT = 'limited', 'throttled', 'out'

# What ccxt's classes of errors mean, from the narrowest on.
_CLASSES: tuple[tuple[str, str], ...] = (
    ('PermissionDenied', 'permission_missing'),
    ('AuthenticationError', 'wrong_key'),
    ('InvalidNonce', 'wrong_nonce'),
    ('RateLimitExceeded', _LIMITED),
    ('DDoSProtection', _LIMITED),
    ('ExchangeNotAvailable', _OUT),
)


class SignedExchange(NamedTuple):
    """An exchange as ccxt calls it, where it is reached, and what parts of its messages mean that ccxt does not tell apart.

    `meanings` are pairs of a part of a message and a problem of domain.exchanges, `limited` (this account), `throttled` (all of
    our requests) or `out`. `bare_401` is the problem that a 401 without JSON stands for, if it is certain to be about the credentials.
    `wants_time`: requests carry the time as it is, not a number that must be greater than that of the last.
    """

    ccxt_id: str
    endpoint: Endpoint
    meanings: tuple[tuple[str, str], ...] = ()
    needed: str | None = None  # permissions, for those who lack some
    bare_401: str | None = None
    wants_time: bool = False


class SigningClient:
    """Sends signed requests for one account."""

    def __init__(self, exchange: SignedExchange, credentials: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._ccxt = _class_of(exchange.ccxt_id, exchange.wants_time)({**credentials, 'enableRateLimit': False})
        self._ccxt.number = str

    def ask(self, http: Http, method: str, path: str, params: Mapping[str, Any] | None = None, api: str = 'private') -> Any:
        """Return the JSON of a response, with fractional numbers as Decimal. `api` is where ccxt lists the path, such as `v2 private`.

        Raises AccountRefused, AccountLimited, and Upstream when the exchange fails, is in maintenance, or returns something undocumented.
        """
        try:
            signed = self._ccxt.sign(path, api.split(), method, dict(params or {}))
        except Exception:  # of a secret that is not in the notation of secrets
            raise AccountRefused(self._exchange.endpoint.key, 'wrong_secret') from None
        response = self._send_signed(http, self._exchange.endpoint, signed['url'], method, signed['headers'] or {}, signed['body'])
        return self._understood(response, signed)

    def _send_signed(
        self, http: Http, endpoint: Endpoint, url: str, method: str, headers: Mapping[str, str], body: str | None
    ) -> UpstreamResponse:
        """Send a request to a path of an exchange. Raises AccountRefused for credentials that no header can hold, and as `Http.signed`."""
        if not all(str(value).isascii() and str(value).isprintable() for value in headers.values()):
            raise AccountRefused(endpoint.key, 'credentials_refused')
        target = urlsplit(url)
        below = target.path + (f'?{target.query}' if target.query else '')
        return http.signed(endpoint, method, below, headers, body)

    def _understood(self, response: UpstreamResponse, signed: Mapping[str, Any]) -> Any:
        if response.text.lstrip()[:1] not in ('{', '['):  # a page that says sorry, or asks whether we are human
            if response.status == 401 and self._exchange.bare_401 is not None:
                raise AccountRefused(self._exchange.endpoint.key, self._exchange.bare_401)
            raise self._unexplained(response)
        answer = response._replace(status=200).json()
        try:
            self._ccxt.handle_errors(
                response.status, '', signed['url'], signed['method'], {}, response.text, answer, signed['headers'], None
            )
        except Exception as error:
            raise self._meant(error, response) from None
        if response.status >= 400:
            raise self._unexplained(response)
        return answer

    def _unexplained(self, response: UpstreamResponse) -> Upstream:
        key = self._exchange.endpoint.key
        reason = 'returned something that is not JSON' if response.status == 200 else f'returned {response.status}'
        if response.status in (418, 429):
            return Upstream(key, reason, throttled=True, retry_after=response.retry_after)
        return Upstream(key, reason, retry_after=response.retry_after, blame=Blame.LOAD if response.status >= 500 else Blame.HOST)

    def _meant(self, error: Exception, response: UpstreamResponse) -> Upstream:
        """Return what an error of ccxt means: by what the exchange wrote where that says more than the class, else by the class."""
        key = self._exchange.endpoint.key
        said = next((means for part, means in self._exchange.meanings if part in response.text), None)
        meaning = said or _meaning_of_class(error)
        if meaning == _LIMITED:
            return AccountLimited(key, 'asks for fewer requests of this account', retry_after=response.retry_after)
        if meaning == _THROTTLED:
            return Upstream(key, 'asks for fewer requests', throttled=True, retry_after=response.retry_after)
        if meaning == _OUT or (said is None and response.status >= 500):
            return Upstream(key, 'is out of service', retry_after=response.retry_after, blame=Blame.LOAD)
        if meaning is not None:
            return AccountRefused(key, meaning, self._exchange.needed if meaning == 'permission_missing' else None)
        return Upstream(key, f'refused a request ({type(error).__name__})')


def _meaning_of_class(error: Exception) -> str | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    return next((meaning for name, meaning in _CLASSES if name in names), None)


class Nonces:
    """Milliseconds as ccxt makes nonces of: never the same twice, whichever clients of an account share them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = max(clock.now_ms(), self._last + 1)
            return self._last


_NONCES = Nonces()
_IMPORTING = Lock()  # its modules import each other, which fails where threads begin with several of them


@lru_cache
def _class_of(ccxt_id: str, wants_time: bool) -> Any:
    """Return ccxt's class of one exchange, with our clock."""
    milliseconds = (lambda: clock.now_ms()) if wants_time else _NONCES.next
    with _IMPORTING:
        kind = getattr(importlib.import_module(f'ccxt.{ccxt_id}'), ccxt_id)
    return type(ccxt_id, (kind,), {'milliseconds': staticmethod(milliseconds), 'seconds': staticmethod(lambda: clock.now())})
