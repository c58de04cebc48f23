"""Bybit: https://bybit-exchange.github.io/docs/v5/account/wallet-balance

Its log of transactions reaches back two years and knows one of the wallets, so what is read is what each holds now.
"""

from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.domain import exchanges
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import amount, balances_alone, refuse_harmful
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

ENDPOINT = Endpoint('bybit_accounts', 'https://api.bybit.com', 50, server='bybit')
INFO = UpstreamInfo('Bybit accounts', 'https://bybit-exchange.github.io/docs/v5/account/wallet-balance', ('balances',))

_EXCHANGE = SignedExchange(
    'bybit',
    ENDPOINT,
    meanings=(
        ('"retCode":10002,', 'clock_differs'),
        ('"retCode":10004,', 'wrong_secret'),
        ('"retCode":10010,', 'address_not_allowed'),
        ('"retCode":10018,', 'throttled'),  # counted by address
        ('"retCode":10000,', 'out'),
        ('"retCode":10016,', 'out'),
    ),
    needed='Unified Trading, Assets (Wallet), read-only',
    wants_time=True,
)


class BybitReader:
    """One unified trading account at Bybit."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, may do more than read, or is of an account that is not unified."""
        answer = self._ask(http, 'v5/user/query-api')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            is_read_only = int(answer['readOnly']) == 1
            is_unified = int(answer['uta']) == 1
            rights = {str(right) for granted in answer['permissions'].values() for right in granted}
        refuse_harmful(ENDPOINT, set() if is_read_only else rights or {'Read-Write'})
        if not is_unified:
            raise AccountRefused(ENDPOINT.key, 'account_unsupported', 'make it a Unified Trading Account')

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. Of the unified account the equity counts: with what orders hold back, less what is borrowed."""
        unified = self._ask(http, 'v5/account/wallet-balance', accountType='UNIFIED')
        funding = self._ask(http, 'v5/asset/transfer/query-account-coins-balance', accountType='FUND')
        with expected_shape(ENDPOINT, 'balances'):
            [account] = unified['list']
            return balances_alone(
                [(_code(row), amount(row['equity'])) for row in account['coin']]
                + [(_code(row), amount(row['walletBalance'])) for row in funding['balance']]
            )

    def _ask(self, http: Http, path: str, **params: str) -> Any:
        answer = self._client.ask(http, 'GET', path, params)
        with expected_shape(ENDPOINT, 'an answer'):
            return answer['result']


def _code(row: Mapping[str, Any]) -> str:
    return exchanges.code_of('bybit', str(row['coin']))
