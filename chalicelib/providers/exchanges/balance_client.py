"""Balances as ccxt reads them, of exchanges of which we know nothing else: ccxt decides what is asked for, our transport asks."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from chalicelib.errors import AccountRefused, Blame, Upstream
from chalicelib.providers.exchanges.signing import Nonces, SignedExchange, SigningClient
from chalicelib.providers.transport import Http


class BalanceClient(SigningClient):
    """Reads the balances of one account."""

    def __init__(self, exchange: SignedExchange, credentials: Mapping[str, str]) -> None:
        super().__init__(exchange, credentials)
        self._has_asked = False
        self._failure: Exception | None = None
        self._ccxt.milliseconds = Nonces().next  # the time, which is also a number that only grows, whatever is wanted
        self._ccxt.load_markets = lambda *_, **__: {}  # several megabytes, for names that we do not take from it
        self._ccxt.safe_currency_code = partial(_symbol, self._ccxt.safe_currency_code)

    def balances(self, http: Http) -> Any:
        """Return `total` and `debt` by symbol, as strings.

        Raises as `ask` does, and AccountRefused for credentials that cannot be signed with.
        """
        self._ccxt.fetch = partial(self._fetch, http)
        self._failure = None
        try:
            balances = self._ccxt.fetch_balance()
        except Exception as error:
            if self._failure is not None:  # what ccxt then stumbled over may follow from it
                raise self._failure from None
            if isinstance(error, Upstream):
                raise
            if not self._has_asked:
                raise AccountRefused(self._exchange.endpoint.key, 'wrong_secret') from None
            raise Upstream(self._exchange.endpoint.key, f'returned balances of an unexpected shape ({type(error).__name__})') from None
        if self._failure is not None:
            raise self._failure
        return balances

    def _fetch(self, http: Http, *request: Any, **named: Any) -> Any:
        """Send a request in the place of ccxt. What fails is kept: where ccxt tries out what there is, it takes a failure for an answer."""
        try:
            return self._send(http, *request, **named)
        except Exception as error:
            if type(error) is not Upstream or error.blame is not Blame.REQUEST:
                self._failure = self._failure or _refusal(error)
            raise

    def _send(self, http: Http, url: str, method: str = 'GET', headers: Mapping[str, str] | None = None, body: str | None = None) -> Any:
        """Return the JSON of a response, with fractional numbers as strings, which ccxt passes on as they are."""
        target = urlsplit(url)
        endpoint = self._exchange.endpoint._replace(url=f'{target.scheme}://{target.netloc}')
        response = self._send_signed(http, endpoint, url, method, headers or {}, body)
        self._has_asked = True
        self._understood(response, {'url': url, 'method': method, 'headers': headers or {}})
        return json.loads(response.text, parse_float=str)


def _refusal(error: Exception) -> Exception:
    """Return an error; of an authentication failure, whose reason nobody has told apart, one that does not name the key alone."""
    if isinstance(error, AccountRefused) and error.problem == 'wrong_key':
        return AccountRefused(error.key, 'credentials_refused')
    return error


def _symbol(unified: Any, name: Any, currency: Any = None) -> str:
    """Return what an exchange calls a currency, with what ccxt takes it for where that is something else: then it is none that we know.

    So two of them never become one, of which ccxt would keep the balance that it reads last.
    """
    code, symbol = str(unified(name, currency)), str(name).upper()
    return code if code == symbol else f'{symbol} ({code})'
