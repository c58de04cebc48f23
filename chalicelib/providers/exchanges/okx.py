"""OKX: https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-balance

Its ledgers reach back three months, so what is read is what each wallet holds now. Keys of my.okx.com and app.okx.com are those of
other servers, which this one does not know.
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

ENDPOINT = Endpoint('okx_accounts', 'https://www.okx.com', 100, server='okx')
INFO = UpstreamInfo('OKX accounts', 'https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-balance', ('balances',))

_NEEDED = 'Read'
_READ_ONLY = 'read_only'
_EXCHANGE = SignedExchange(
    'okx',
    ENDPOINT,
    meanings=(
        ('"50102"', 'clock_differs'),
        ('"50112"', 'clock_differs'),
        ('"50105"', 'wrong_passphrase'),
        ('"50113"', 'wrong_secret'),
        ('"50111"', 'wrong_key'),
        ('"50119"', 'wrong_key'),
        ('"50110"', 'address_not_allowed'),
        ('"50030"', 'permission_missing'),
        ('"50120"', 'permission_missing'),
        ('"50011"', 'limited'),  # counted by account
        ('"50040"', 'limited'),
        ('"50061"', 'limited'),
        ('"50001"', 'out'),
        ('"50004"', 'out'),
        ('"50013"', 'out'),
        ('"50026"', 'out'),
    ),
    needed=_NEEDED,
    wants_time=True,
)


class OkxReader:
    """One account at OKX."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        named = {'apiKey': credentials['key'], 'secret': credentials['secret'], 'password': credentials['password']}
        self._client = SigningClient(_EXCHANGE, named)

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, cannot read, or may do more than read."""
        answer = self._ask(http, 'account/config')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            [account] = answer
            rights = {right.strip() for right in account['perm'].split(',')} - {''}
        if _READ_ONLY not in rights:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, rights - {_READ_ONLY})

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. Of the trading account the equity counts: with what orders hold back, less what is borrowed."""
        trading = self._ask(http, 'account/balance')
        funding = self._ask(http, 'asset/balances')
        lent = self._ask(http, 'finance/savings/balance')
        with expected_shape(ENDPOINT, 'balances'):
            [account] = trading
            return balances_alone(
                [(_code(row), amount(row['eq'])) for row in account['details']]
                + [(_code(row), amount(row['bal'])) for row in funding]
                + [(_code(row), amount(row['amt'])) for row in lent]
            )

    def _ask(self, http: Http, path: str) -> list[Any]:
        answer = self._client.ask(http, 'GET', path)
        with expected_shape(ENDPOINT, 'an answer'):
            return list(answer['data'])


def _code(row: Mapping[str, Any]) -> str:
    return exchanges.code_of('okx', str(row['ccy']))
