"""KuCoin: https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-list-spot

There is no history: each wallet has a ledger of its own, which is asked for day by day, and that of a fast trading account soon forgets.
A unified account has its money where the routes below do not look, and is refused.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from chalicelib.domain import exchanges, money
from chalicelib.errors import AccountRefused
from chalicelib.providers.exchanges.account_reader import amount, balances_alone, refuse_harmful
from chalicelib.providers.exchanges.signing import SignedExchange, SigningClient
from chalicelib.providers.explorers.explorer import AddressReport, expected_shape
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

ENDPOINT = Endpoint('kucoin_accounts', 'https://api.kucoin.com', 50, server='kucoin')
_DOCUMENTATION = 'https://www.kucoin.com/docs-new/rest/account-info/account-funding/get-account-list-spot'
INFO = UpstreamInfo('KuCoin accounts', _DOCUMENTATION, ('balances',))

_NEEDED = 'General'
_EXCHANGE = SignedExchange(
    'kucoin',
    ENDPOINT,
    meanings=(
        ('"400002"', 'clock_differs'),
        ('"400003"', 'wrong_key'),
        ('"400004"', 'wrong_secret'),  # of the passphrase, which is signed with the secret, so that it may be either
        ('"400005"', 'wrong_secret'),
        ('"400006"', 'address_not_allowed'),
        ('"400007"', 'permission_missing'),
        ('"411100"', 'locked_out'),
        ('"429000"', 'limited'),
        ('"500000"', 'out'),
    ),
    needed=_NEEDED,
    wants_time=True,
)
# What is in the list of accounts: where deposits arrive, and the two kinds of trading account. Margin is there too, without its debts.
_LISTED = {'main', 'trade', 'trade_hf'}
_LISTED_WITH_DEBTS = {'margin', 'margin_v2', 'isolated', 'isolated_v2'}

Balance = tuple[str, Decimal]


class KucoinReader:
    """One account at KuCoin."""

    endpoint = ENDPOINT
    info = INFO
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        names = {'apiKey': 'key', 'secret': 'secret', 'password': 'password'}
        self._client = SigningClient(_EXCHANGE, {theirs: credentials[ours] for theirs, ours in names.items()})

    def check(self, http: Http) -> None:
        """Raise AccountRefused if the key is wrong, cannot read what we need, or may do more than read; and for a unified account."""
        answer = self._ask(http, 'user/api-key')
        with expected_shape(ENDPOINT, 'the rights of a key'):
            permissions = {name.strip() for name in answer['permission'].split(',')}
        if _NEEDED not in permissions:
            raise AccountRefused(ENDPOINT.key, 'permission_missing', _NEEDED)
        refuse_harmful(ENDPOINT, permissions - {_NEEDED})
        mode = self._ask(http, 'account/mode', api='utaPrivate')
        with expected_shape(ENDPOINT, 'the mode of an account'):
            is_unified = mode['selfAccountMode'] == 'UNIFIED'
        if is_unified:
            raise AccountRefused(ENDPOINT.key, 'account_unsupported', 'make it a classic account, not a unified one')

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What is reserved for orders is in the balances, and what was borrowed for margin is taken off."""
        listed = self._ask(http, 'accounts')
        cross = self._ask(http, 'margin/accounts', {'queryType': 'ALL'})
        isolated = self._ask(http, 'isolated/accounts', {'queryType': 'ALL'})
        with expected_shape(ENDPOINT, 'balances'):
            pairs = [row[side] for row in isolated['assets'] for side in ('baseAsset', 'quoteAsset')]
            return balances_alone([*_plain(listed), *_without_debts(cross['accounts']), *_without_debts(pairs)])

    def _ask(self, http: Http, path: str, params: Mapping[str, Any] | None = None, api: str = 'private') -> Any:
        answer = self._client.ask(http, 'GET', path, params, api)
        with expected_shape(ENDPOINT, 'an answer'):
            return answer['data']


def _plain(rows: Iterable[Mapping[str, Any]]) -> Iterator[Balance]:
    """Yield what the accounts of a list hold. Raises ValueError for one of an unknown kind, which may be counted elsewhere or not."""
    for row in rows:
        balance = amount(row['balance'])
        if row['type'] in _LISTED:
            yield _code(row['currency']), balance
        elif balance and row['type'] not in _LISTED_WITH_DEBTS:
            raise ValueError('unknown account')


def _without_debts(rows: Iterable[Mapping[str, Any]]) -> Iterator[Balance]:
    for row in rows:
        debt = money.add(amount(row['liability']), amount(row.get('interest') or 0))
        yield _code(row['currency']), money.add(amount(row['total']), -debt)


def _code(symbol: Any) -> str:
    return exchanges.code_of('kucoin', str(symbol).upper())
