"""An upstream: an explorer or a rate source, where it is reached and what it offers."""

from typing import NamedTuple

from chalicelib import upstream_keys
from chalicelib.config import VERSION, settings
from chalicelib.errors import UpstreamNotAsked

FREE, PAID = 'free', 'paid'  # plans
_HEADERS = {'User-Agent': f'cryptfolio/{VERSION}', 'Accept': 'application/json, text/plain'}


class Endpoint(NamedTuple):
    """Where an upstream is reached.

    `key` identifies it, in the API as `source` and in the names of its settings.
    `url` is its public base URL; `UPSTREAM_<KEY>_URL` replaces it. Without one there is no public server: the upstream is used
    only where that setting names one.
    `min_interval_ms` is the shortest time between two requests to the public server. `server` is the key in the name of that setting and
    below UPSTREAM_URL where it is not `key`: one server may be two upstreams, whose troubles are their own.

    Its API key, if we have one, is that of upstream_keys.py. It is sent in the query parameter `secret`, or in `secret_header`, a whole
    header with `{}` in its place: `Authorization: Bearer {}`. `needs_secret`: the public server refuses requests without one.
    """

    key: str
    url: str
    min_interval_ms: int
    secret: str | None = None
    needs_secret: bool = False
    secret_header: str | None = None
    server: str | None = None

    @property
    def base_url(self) -> str:
        key = self.server or self.key
        return settings().upstream(key, self.url) if self.url else settings().upstream_urls.get(key, '')

    @property
    def interval_ms(self) -> int:
        """The public server's limit; zero for a server of one's own."""
        return self.min_interval_ms if self.base_url == self.url else 0

    @property
    def is_available(self) -> bool:
        """Whether it has a server, and the API key that a public server requires."""
        return bool(self.base_url) and not self._lacks_secret

    @property
    def takes_secret(self) -> bool:
        """Whether there are API keys for it."""
        return self.secret is not None or self.secret_header is not None

    @property
    def requires_secret(self) -> bool:
        """Whether the server in use refuses requests without an API key."""
        return self.needs_secret and self.base_url == self.url

    @property
    def credentials(self) -> dict[str, str]:
        """The query parameters that authenticate a request. Raises UpstreamNotAsked if a required API key is not set."""
        if self._lacks_secret:
            raise UpstreamNotAsked(self.key, f'needs a key: set {self.secret_setting}')
        value = self._secret
        return {self.secret: value} if self.secret and value else {}

    @property
    def _lacks_secret(self) -> bool:
        return self.requires_secret and not self._secret

    @property
    def _secret(self) -> str | None:
        return upstream_keys.find(self.key) if self.takes_secret else None

    @property
    def secret_setting(self) -> str:
        """The name of the setting with its API key."""
        return f'UPSTREAM_{self.key.upper()}_KEY'

    @property
    def url_setting(self) -> str:
        """The name of the setting with the base URL of another server."""
        return f'UPSTREAM_{(self.server or self.key).upper()}_URL'

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request, including one that authenticates it."""
        value = self._secret
        if not self.secret_header or not value:
            return _HEADERS
        name, _, content = self.secret_header.format(value).partition(': ')
        return {**_HEADERS, name: content}


class UpstreamInfo(NamedTuple):
    """What users see of an upstream: its name, the URL of its API documentation, and its capabilities.

    `capabilities` of an explorer are among `balances`, `transactions`, `sent_received` (totals), `tokens`, `p2pk_outputs` and
    `unconfirmed`; of a rate source `rates` and `daily_closes`. `history` says how far back an explorer lists transactions,
    `whole` for all of them; it means nothing for one that lists none. `reader` is the version of our code that reads it, raised when
    that comes to read what it could not read before: ledgers that lack such rows are then downloaded again. `plan` is the
    plan whose key it needs, where it needs one. `is_experimental`: nobody has compared its balances with anything.
    """

    title: str
    documentation: str
    capabilities: tuple[str, ...]
    history: str = 'whole'
    reader: int = 1
    plan: str = FREE
    is_experimental: bool = False

    @property
    def lists_transactions(self) -> bool:
        return 'transactions' in self.capabilities

    @property
    def lists_tokens(self) -> bool:
        return 'tokens' in self.capabilities
