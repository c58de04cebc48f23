"""Gemini: https://docs.gemini.com/rest-api/#get-available-balances

There is no ledger: trades are listed market by market, and rewards apart, so that what was received once and sold since may be missing.
What is staked is in no other balance. A key is of one account; one of a whole group (`master-…`) is of a kind that ccxt does not sign with.
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

ENDPOINT = Endpoint('gemini_accounts', 'https://api.gemini.com', 200, server='gemini')
INFO = UpstreamInfo('Gemini accounts', 'https://docs.gemini.com/rest-api/#get-available-balances', ('balances',))

# The role that may only read; it cannot be given along with others.
_READS = 'isAuditor'
_NEEDED = 'Auditor, without a time-based nonce'
_OF_ONE_ACCOUNT = 'account-'
_EXCHANGE = SignedExchange(
    'gemini',
    ENDPOINT,
    meanings=(
        ('"InvalidSignature"', 'wrong_secret'),
        ('"InvalidApiKey"', 'wrong_key'),
        ('"MissingRole"', 'permission_missing'),
        ('seconds of server time', 'permission_missing'),  # ours are milliseconds, which keys with a time-based nonce do not take
        ('"InvalidNonce"', 'wrong_nonce'),
        ('"RateLimit"', 'limited'),
        ('"Maintenance"', 'out'),
        ('"System"', 'out'),
    ),
    needed=_NEEDED,
)


class GeminiReader:
    """One account at Gemini."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        if not credentials['key'].startswith(_OF_ONE_ACCOUNT):
            raise AccountRefused(ENDPOINT.key, 'permission_missing', f'it must be of one account, whose keys begin with {_OF_ONE_ACCOUNT}')
        self._client = SigningClient(_EXCHANGE, {'apiKey': credentials['key'], 'secret': credentials['secret']})

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, cannot read what we need, or may do more than read."""
        answer = self._client.ask(http, 'POST', 'v1/roles')
        with expected_shape(ENDPOINT, 'the roles of a key'):
            is_auditor = bool(answer[_READS])
            harmful = {name.removeprefix('is') for name, given in answer.items() if name.startswith('is') and given and name != _READS}
        if not is_auditor and not harmful:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, harmful)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is reserved for orders is in the balances."""
        traded = self._client.ask(http, 'POST', 'v1/balances')
        staked = self._client.ask(http, 'POST', 'v1/balances/staking')
        with expected_shape(ENDPOINT, 'balances'):
            return balances_alone(
                [(_code(row['currency']), amount(row['amount'])) for row in traded]
                + [(_code(row['currency']), amount(row['balance'])) for row in staked]
            )


def _code(symbol: Any) -> str:
    return exchanges.code_of('gemini', str(symbol).upper())
