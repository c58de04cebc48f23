"""Where values come from: what each upstream can tell and how it did of late. Repeats nothing that an upstream said."""

import logging
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from chalicelib.domain import instants, shapes
from chalicelib.errors import NotFound
from chalicelib.models import Bucket

log = logging.getLogger(__name__)


class Source(NamedTuple):
    """An upstream as people are told of it; `url` is where its API is documented."""

    key: str
    title: str
    url: str
    currencies: list[str]
    capabilities: list[str]


@lru_cache
def every() -> tuple[Source, ...]:
    """Return all upstreams, by key."""
    from chalicelib.providers.explorers import EXPLORERS, Explorer  # brings requests (70 ms), and app.py imports this module

    explorers: dict[str, dict[str, Explorer]] = {}
    for currency, chain in EXPLORERS.items():
        for explorer in chain:
            explorers.setdefault(explorer.host.key, {})[currency] = explorer
    sources = []
    for key, by_currency in sorted(explorers.items()):
        told = [explorer.about for explorer in by_currency.values()]
        capabilities = sorted({capability for about in told for capability in about.capabilities})
        sources.append(Source(key, told[0].title, told[0].documentation, sorted(by_currency), capabilities))
    return tuple(sources)


def find(key: str) -> Source:
    """Return an upstream. Raises NotFound."""
    for source in every():
        if source.key == key:
            return source
    raise NotFound


def describe(sources: Iterable[Source]) -> list[shapes.Source]:
    """Return what the API says of upstreams."""
    described = list(sources)
    buckets = Bucket.find_many(source.key for source in described)
    now = int(time.time())
    return [
        {
            'key': source.key,
            'title': source.title,
            'url': source.url,
            'currencies': source.currencies,
            'capabilities': source.capabilities,
            'health': buckets[source.key].health(now),
            'last_success_at': instants.iso_or_none(buckets[source.key].succeeded_at),
            'last_failure_at': instants.iso_or_none(buckets[source.key].failed_at),
        }
        for source in described
    ]


def status() -> shapes.Status:
    """Return what works and what fails: the upstreams by key, and `database`, without which nothing is known of the others."""
    try:
        buckets = Bucket.find_many(source.key for source in every())
    except Exception:
        log.exception('the database cannot be read')
        return {'ok': [], 'failing': ['database']}
    now = int(time.time())
    failing = [key for key, bucket in buckets.items() if bucket.health(now) == 'failing']
    return {'ok': sorted({'database', *buckets} - {*failing}), 'failing': failing}
