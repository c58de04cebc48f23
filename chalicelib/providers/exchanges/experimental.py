"""Exchanges of which nobody has looked at more than what ccxt makes of their balances, see domain/experimental_exchanges.py.

One wallet is read, and nothing tells what a key may do. A currency is one of the catalogue only where its symbol is the same everywhere
and ccxt does not take it for another.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from chalicelib.config import settings
from chalicelib.domain import account_problems, exchanges, experimental_exchanges
from chalicelib.domain.exchanges import Exchange
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import BalanceList, amount, read_balances
from chalicelib.providers.exchanges.balance_client import BalanceClient
from chalicelib.providers.exchanges.signing import SignedExchange
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_INTERVAL_MS = 500
# What ccxt does not tell to be about the credentials.
_MEANINGS = {'mexc': (('"code":10072', 'credentials_refused'), ('"code":700006', 'address_not_allowed'))}


def endpoint_of(code: str) -> Endpoint:
    """Return where an experimental exchange is reached; some have further hosts."""
    return Endpoint(f'{code}_accounts', experimental_exchanges.host_of(code), _INTERVAL_MS, server=code)


def info_of(exchange: Exchange) -> UpstreamInfo:
    """Return what users see of it."""
    return UpstreamInfo(f'{exchange.title} accounts', exchange.documentation or '', ('balances',), is_experimental=True)


class ExperimentalReader:
    """The balances of one account."""

    counts_p2pk = True

    def __init__(self, code: str, credentials: Mapping[str, Any]) -> None:
        self._code = code
        self.endpoint = endpoint_of(code)
        self.info = info_of(experimental_exchanges.get(code))
        if code not in settings().experimental_exchanges:
            raise AccountRefused(self.endpoint.key, 'account_unsupported', account_problems.NOT_OFFERED)
        theirs = {'key': 'apiKey', 'secret': 'secret', 'password': 'password', 'uid': 'uid'}
        exchange = SignedExchange(code, self.endpoint, _MEANINGS.get(code, ()), needed=account_problems.READING_BALANCES)
        self._client = BalanceClient(exchange, {theirs[name]: value for name, value in credentials.items()})

    def check(self, http: Http) -> None:
        """Nothing tells what a key may do, nor whose it is."""

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What orders hold back is in the balances."""
        answer = self._client.balances(http)
        with expected_shape(self.endpoint, 'balances'):
            totals, debts = answer['total'], answer.get('debt') or {}
            balances = read_balances(
                BalanceList(
                    list(totals),
                    lambda symbol: exchanges.code_of(self._code, symbol),
                    lambda symbol: _owned(totals[symbol], debts.get(symbol)),
                )
            )
        return AddressReport(balances.holdings, iter(()), balances.unreadable)


def _owned(total: Any, debt: Any) -> Decimal:
    """Return a total. Raises ValueError where something is borrowed, which exchanges take off it or not."""
    if debt is not None and amount(debt):
        raise ValueError('borrowed')
    return amount(total)
