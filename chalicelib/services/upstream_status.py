"""Capabilities and recent health of the upstreams, and how the service does. Never repeats anything from an upstream's responses."""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from chalicelib import clock, upstream_keys
from chalicelib.domain.rates import ALWAYS
from chalicelib.errors import Busy, NotFound
from chalicelib.models import JobRun, UpstreamState
from chalicelib.services import job_runs
from chalicelib.services.rates import current

if TYPE_CHECKING:
    from chalicelib.providers import rates
    from chalicelib.providers.explorers import Explorer
    from chalicelib.providers.upstream import Endpoint, UpstreamInfo

log = logging.getLogger(__name__)

_RATES_LATE_SECONDS = 900  # they are fetched every five minutes


class FollowedChain(NamedTuple):
    """What an explorer follows of a chain: `assets` are `coin`, and `tokens` of the catalogue; `key` is `none`, `free` or `paid`."""

    currency: str
    assets: list[str]
    key: str


class Source(NamedTuple):
    """What users see of an upstream: `url` is its API documentation, `history` how far back it lists transactions.

    `chains` are those that it follows addresses of, none for a source of rates or an exchange.
    """

    key: str
    title: str
    url: str
    currencies: list[str]
    capabilities: list[str]
    needs_key: bool
    own_server: bool
    history: str
    chains: list[FollowedChain]
    endpoint: 'Endpoint'


class SourceHealth(NamedTuple):
    """An upstream with its recent health: `ok`, `failing` or `unknown`, and when it last succeeded and failed, None for never.

    `remedy` is what an operator can do about it, in words, where it lacks an API key or refuses ours.
    """

    source: Source
    health: str
    last_success_at: int | None
    last_failure_at: int | None
    remedy: str | None


class Status(NamedTuple):
    """The parts of the service that work and those that fail, by key; when the rates are of, and when each job last ran, None for never.

    Parts are the upstreams and `database`, `tickers` (the rates) and `jobs`. Of what never ran neither is said.
    """

    ok: list[str]
    failing: list[str]
    rates_at: int | None
    jobs: dict[str, int | None]


@lru_cache
def every() -> tuple[Source, ...]:
    """Return all upstreams, ordered by key."""
    from chalicelib.providers import exchanges  # imports requests (70 ms), and app.py imports this module
    from chalicelib.providers.explorers import EXPLORERS
    from chalicelib.providers.rates import RATE_SOURCES

    explorers: dict[str, dict[str, Explorer]] = {}
    for currency, chain in EXPLORERS.items():
        for explorer in chain:
            explorers.setdefault(explorer.endpoint.key, {})[currency] = explorer
    of_accounts = [_source_of_accounts(endpoint, info) for endpoint, info in exchanges.sources()]
    sources = [*(_source(by_currency) for by_currency in explorers.values()), *map(_source_of_rates, RATE_SOURCES), *of_accounts]
    return tuple(sorted(sources, key=lambda source: source.key))


def _source(by_currency: 'Mapping[str, Explorer]') -> Source:
    """Return the source that an upstream's explorers, by currency, have in common."""
    first = next(iter(by_currency.values()))
    capabilities = {capability for explorer in by_currency.values() for capability in explorer.info.capabilities}
    return Source(
        key=first.endpoint.key,
        title=first.info.title,
        url=first.info.documentation,
        currencies=sorted(by_currency),
        capabilities=sorted(capabilities),
        needs_key=first.endpoint.needs_secret,
        own_server=not first.endpoint.url,
        history=first.info.history if first.info.lists_transactions else 'none',
        chains=[_followed(currency, explorer) for currency, explorer in sorted(by_currency.items())],
        endpoint=first.endpoint,
    )


def _followed(currency: str, explorer: 'Explorer') -> FollowedChain:
    assets = ['coin', 'tokens'] if explorer.info.lists_tokens else ['coin']
    return FollowedChain(currency, assets, explorer.info.plan if explorer.endpoint.needs_secret else 'none')


def _source_of_rates(source: 'rates.RateSource') -> Source:
    return Source(
        key=source.endpoint.key,
        title=source.info.title,
        url=source.info.documentation,
        currencies=sorted(source.codes),
        capabilities=sorted(source.info.capabilities),
        needs_key=source.endpoint.needs_secret,
        own_server=not source.endpoint.url,
        history='none',
        chains=[],
        endpoint=source.endpoint,
    )


def _source_of_accounts(endpoint: 'Endpoint', info: 'UpstreamInfo') -> Source:
    """Return an exchange, whose accounts may hold any currency."""
    return Source(
        key=endpoint.key,
        title=info.title,
        url=info.documentation,
        currencies=[],
        capabilities=sorted(info.capabilities),
        needs_key=False,  # but each account has its own
        own_server=False,
        history=info.history if info.lists_transactions else 'none',
        chains=[],
        endpoint=endpoint,
    )


def find(key: str) -> Source:
    """Return the upstream with this key. Raises NotFound."""
    for source in every():
        if source.key == key:
            return source
    raise NotFound


def health_of(sources: Iterable[Source]) -> list[SourceHealth]:
    """Return upstreams with their recent health, in the same order."""
    listed = list(sources)
    states = UpstreamState.find_many(source.key for source in listed)
    now = clock.now()
    return [
        SourceHealth(source, state.health(now), state.succeeded_at, state.failed_at, _remedy(source.endpoint, state))
        for source, state in ((source, states[source.key]) for source in listed)
    ]


def _remedy(endpoint: 'Endpoint', state: UpstreamState) -> str | None:
    """Return what to set where an API key is missing or was refused since the last success."""
    if not endpoint.base_url or not (state.key_refused or _lacks_key(endpoint)):
        return None
    if not endpoint.takes_secret:
        return f'It demands an API key now: set {endpoint.url_setting} to another server'
    return f'Set {endpoint.secret_setting} to an API key' + (' that it accepts' if state.key_refused else '')


def _lacks_key(endpoint: 'Endpoint') -> bool:
    """Whether an upstream is known to lack the API key that it requires."""
    try:
        return endpoint.requires_secret and endpoint.key not in upstream_keys.configured()
    except Busy:
        log.exception('which API keys there are cannot be read')
        return False


def status() -> Status:
    """Return which parts of the service work; without `database` nothing is known of the others. Makes two requests, or three."""
    try:
        states = UpstreamState.find_many(source.key for source in every())
        runs = JobRun.last()
        rates_at = current.latest(ALWAYS).at or None
    except Exception:
        log.exception('the database cannot be read')
        return Status([], ['database'], None, _by_job({}))
    now = clock.now()
    health = {key: 'failing' if state.health(now) == 'failing' else 'ok' for key, state in states.items()}
    health |= {'database': 'ok', 'jobs': job_runs.health(runs, now), 'tickers': _health_of_rates(rates_at, now)}
    ok, failing = (sorted(key for key, one in health.items() if one == word) for word in ('ok', 'failing'))
    return Status(ok, failing, rates_at, _by_job(runs))


def _by_job(runs: Mapping[str, int]) -> dict[str, int | None]:
    return {job: runs.get(job) for job in sorted([*job_runs.SCHEDULED, *job_runs.QUEUED])}


def _health_of_rates(rates_at: int | None, now: int) -> str:
    if rates_at is None:
        return 'unknown'
    return 'failing' if now - rates_at > _RATES_LATE_SECONDS else 'ok'
