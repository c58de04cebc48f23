"""A server of the user's own that tells balances at a URL, in one of the formats of domain.balance_formats.

The URL is a stranger's: it is asked over https, at public addresses only, without following redirects, and little is read of it.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain import account_problems, balance_formats
from chalicelib.domain.ledgers import Holding
from chalicelib.errors import AccountLimited, AccountRefused, Upstream
from chalicelib.providers.explorers.explorer import AddressReport
from chalicelib.providers.transport import Http, Limits, NotPublic
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

KEY = 'generic'
_SECONDS, _MOST_BYTES = 10, 64 * 1024


class GenericReader:
    """The balances at one URL."""

    info = UpstreamInfo('Server of a user', documentation='', capabilities=('balances',))
    counts_p2pk = True

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        try:
            url = urlsplit(credentials['url'])
            is_plain = url.scheme == 'https' and bool(url.hostname) and url.username is None and url.port != 0
        except ValueError:
            is_plain = False
        if not is_plain:
            raise AccountRefused(KEY, 'address_refused', account_problems.NO_PLAIN_URL)
        self.endpoint = Endpoint(KEY, f'https://{url.netloc}', 0)
        self._path = (url.path or '/') + (f'?{url.query}' if url.query else '')
        self._headers = credentials.get('headers', {})

    @property
    def _limits(self) -> Limits:
        """Not of public addresses where the operator has moved all upstreams to a server of their own."""
        return Limits(_SECONDS, _MOST_BYTES, public_only=self.endpoint.base_url == self.endpoint.url)

    def check(self, http: Http) -> None:
        """There is nothing to check but the balances."""

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See AccountReader. What fails is the fault of one server, which concerns nobody else's."""
        try:
            response = http.limited(self._limits).signed(self.endpoint, 'GET', self._path, self._headers, None)
        except NotPublic:
            raise AccountRefused(KEY, 'address_refused', account_problems.NOT_PUBLIC) from None
        except Upstream as error:
            raise AccountLimited(KEY, error.reason) from None
        if response.status >= 500 or response.status == 429:
            raise AccountLimited(KEY, f'returned {response.status}', retry_after=response.retry_after)
        if response.status != 200:
            raise AccountRefused(KEY, 'answer_refused', account_problems.answered(response.status))
        try:
            balances = balance_formats.parse(response.text)
        except balance_formats.UnknownFormat as error:
            raise AccountRefused(KEY, 'answer_refused', str(error)) from None
        return AddressReport([Holding(code, balance, None, None, None) for code, balance in sorted(balances.items())], iter(()))
