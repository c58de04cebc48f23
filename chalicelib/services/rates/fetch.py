"""Fetch the current rates of tracked currencies from all sources. Only for jobs."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chalicelib import clock, errors, telemetry
from chalicelib.domain import consensus, currencies, pegs, rates, successions
from chalicelib.domain.conversion import Rate
from chalicelib.domain.rates import Observation
from chalicelib.models import TRACKED_SECONDS, HourlyRates, LatestRates, TrackedCurrency
from chalicelib.providers.rates import RATE_SOURCES, RateSource
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen
from chalicelib.services.rates import current, daily_closes

log = logging.getLogger(__name__)

_STORE_ATTEMPTS = 8

T = TypeVar('T')


def fetch_rates(now: int, codes: Collection[str] | None = None) -> None:
    """Fetch the rates of all tracked currencies, or of `codes` alone, from all sources at once, and store them as the latest.

    The first full set of an hour is also stored as that hour's, and its daily closes are recorded. A rate that no source returns
    stays as it was until it is too old. Raises Upstream, naming all, when every source failed.
    """
    started = clock.monotonic()
    tracked = TrackedCurrency.every(now) if codes is None else dict.fromkeys(codes, now + TRACKED_SECONDS)
    known = {code: until for code, until in tracked.items() if currencies.find(code)}
    related = dict.fromkeys(rates.with_related(known) | rates.ALWAYS, now + TRACKED_SECONDS)
    requested = {**known, **related}
    told = {code for code in requested if not successions.is_over(code, rates.day_of(now))}
    latest = _store(_observe(told, now), requested, now)
    made = now + int(clock.monotonic() - started) + 1  # from then on it can be read
    if codes is None and HourlyRates.store(made, latest):
        daily_closes.record_closes(latest, requested, made)


def through_gate(source: RateSource, request: Callable[[Http], T]) -> T:
    """Return what `request` gets from a source, and record how the source did. Raises Upstream."""
    gate = UpstreamGate()
    try:
        with foreseen(source.endpoint, 'rates'):
            result = request(Http(gate))
    except errors.Upstream as error:
        log.warning('rates: %s', error)
        gate.failed(error)
        raise
    gate.worked(source.endpoint)
    return result


def _observe(codes: Collection[str], now: int) -> list[Observation]:
    """Return what all sources observe. Raises Upstream when all failed."""
    failures: list[errors.Upstream] = []
    observations: list[Observation] = []
    with ThreadPoolExecutor(len(RATE_SOURCES)) as pool:
        for result in pool.map(telemetry.in_current_task(lambda source: _observe_one(source, codes, now)), RATE_SOURCES):
            if isinstance(result, errors.Upstream):
                failures.append(result)
            else:
                observations += result
    if failures and not observations:
        raise errors.Upstream('rates', '; '.join(map(str, failures)))
    return observations


def _observe_one(source: RateSource, codes: Collection[str], now: int) -> list[Observation] | errors.Upstream:
    try:
        return through_gate(source, lambda http: source.latest(http, codes, now))
    except errors.Upstream as error:
        return error
    except Exception as error:  # of the database
        log.exception('rates: %s', source.endpoint.key)
        return errors.Upstream(source.endpoint.key, type(error).__name__)


def _store(new: Sequence[Observation], requested: Mapping[str, int], now: int) -> list[Rate]:
    """Merge new observations into the latest rates and return these. Raises Conflict when other runs came first at every attempt."""
    for _ in range(_STORE_ATTEMPTS):
        stored = LatestRates.find()
        made = max(now, stored.at)
        observations = rates.merge(stored.observations, new, made)
        agreed = stored.agreed
        chosen = consensus.choose(observations, made, agreed)
        still_requested = {code: until for code, until in stored.requested.items() if until > now}
        if stored.store(made, observations, chosen, {**still_requested, **requested}, consensus.agree(observations, made, agreed)):
            _report_outliers(consensus.outliers(observations, made, agreed), chosen)
            current.forget()
            return chosen
    raise errors.Conflict


def _report_outliers(outliers: Sequence[Observation], chosen: Sequence[Rate]) -> None:
    for outlier in outliers:
        log.warning('rates: %s contradicts the others with %s/%s', outlier.source, outlier.base, outlier.quote)
        telemetry.count('RateOutliers')
    for rate in chosen:
        if rate.disputed:
            telemetry.count('RatesDisputed')
        elif pegs.is_broken(rate.base, rate.quote, rate.price):
            log.warning('rates: %s name another price of %s than its peg', rate.sources, rate.quote)
            telemetry.count('RateOutliers')
