"""Makes chalice's local server match `/{proxy+}` as API Gateway does: any path that is no other route's, however long."""

from urllib.parse import parse_qs, urlparse

from chalice import local
from chalice.local import MatchResult, RouteMatcher


class GreedyRouteMatcher(RouteMatcher):
    """Tries the route with a greedy variable after all others."""

    def __init__(self, route_urls: list[str]) -> None:
        super().__init__([url for url in route_urls if not url.endswith('+}')])
        self._greedy = next((url for url in route_urls if url.endswith('+}')), None)

    def match_route(self, url: str) -> MatchResult:
        """Return the route of a path, and its variables. Raises ValueError for an unknown path."""
        try:
            return super().match_route(url)
        except ValueError:
            if self._greedy is None:
                raise
        parsed = urlparse(url)
        return MatchResult(self._greedy, {self._greedy[2:-2]: parsed.path.strip('/')}, parse_qs(parsed.query, keep_blank_values=True))

    def is_greedy(self, url: str) -> bool:
        """Whether a path is no other route's."""
        return str(self.match_route(url).route) == self._greedy


def install() -> None:
    """Make every local gateway of chalice that is created from now on match so."""
    local.RouteMatcher = GreedyRouteMatcher  # type: ignore[misc]
