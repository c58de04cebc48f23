"""The rate sources for tests: they return the sample's prices, unless a test makes one return something else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.providers.rates import RATE_SOURCES
from infra.fake_upstreams import rates
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.account_explorers import Request, Server, serving
from tests.support.upstreams import upstreams_at

KEYS = tuple(sorted(source.endpoint.key for source in RATE_SOURCES))
# What an upstream that fails may answer.
NONSENSE = {
    'down': Answer(503, '<html>Sorry</html>', 'text/html'),
    'throttled': as_json({'status': {'error_code': 429, 'error_message': 'Rate limit'}}, 429),
    'html': Answer(200, '<html><body>We are moving</body></html>', 'text/html'),
    'empty': Answer(200, '', 'application/json'),
    'number': as_json(1),
    'null': as_json(None),
    'list of numbers': as_json([1, 2]),
    'text': as_json('maintenance'),
    'error with status 200': as_json({'error': ['EService:Unavailable'], 'status': {'error_code': 500}}),
    'missing page': Answer(404, '{}', 'application/json'),
}

Tell = Callable[[Request], Answer]


@dataclass
class Sources:
    """`says` has what single sources tell instead of the sample, `asked` which requests came, as `key/path`."""

    server: Server
    says: dict[str, Answer | Tell] = field(default_factory=dict)

    def tell(self, request: Request) -> Answer:
        said = self.says.get(request.upstream)
        if isinstance(said, Answer):
            return said
        return said(request) if said else rates.UPSTREAMS[request.upstream](request.path, request.query)

    @property
    def asked(self) -> list[str]:
        return ['/'.join([request.upstream, *request.path]) for request in self.server.requests]


@contextmanager
def sources() -> Iterator[Sources]:
    """Lead every upstream to a server of its own."""
    with serving() as server:
        made = Sources(server)
        server.tell = made.tell
        with upstreams_at(server.url):
            yield made
