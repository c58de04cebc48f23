"""How upstreams and their health, and that of the service, are presented."""

from chalicelib.api import answers
from chalicelib.config import VERSION
from chalicelib.formats import format_instant
from chalicelib.services.upstream_status import SourceHealth, Status


def present_source(upstream: SourceHealth) -> answers.Source:
    """Return an upstream with its recent health."""
    source = upstream.source
    return {
        'key': source.key,
        'title': source.title,
        'url': source.url,
        'currencies': source.currencies,
        'capabilities': source.capabilities,
        'needs_key': source.needs_key,
        'own_server': source.own_server,
        'history': source.history,
        'chains': [{'currency': chain.currency, 'assets': chain.assets, 'key': chain.key} for chain in source.chains],
        'health': upstream.health,
        'last_success_at': format_instant(upstream.last_success_at),
        'last_failure_at': format_instant(upstream.last_failure_at),
        'remedy': upstream.remedy,
    }


def present_status(status: Status, now: int) -> answers.Status:
    """Return how the service does, seen at an instant."""
    rates_at = status.rates_at
    return {
        'ok': status.ok,
        'failing': status.failing,
        'tickers': {'updated_at': format_instant(rates_at), 'age': None if rates_at is None else max(0, now - rates_at)},
        'jobs': [{'name': job, 'last_run_at': format_instant(ran_at)} for job, ran_at in status.jobs.items()],
        'version': VERSION,
    }
