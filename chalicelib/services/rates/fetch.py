"""Fetch the current rates of tracked currencies from all sources. Only for jobs."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from chalicelib import clock, errors, messages, telemetry
from chalicelib.domain import consensus, currencies, pegs, rates, successions
from chalicelib.domain.conversion import Rate
from chalicelib.domain.rates import Observation
from chalicelib.messages import FetchRates
from chalicelib.models import TRACKED_SECONDS, HourlyRates, LatestRates, TrackedCurrency
from chalicelib.providers.rates import RATE_SOURCES, RateSource
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen
from chalicelib.services.rates import current, daily_closes, policy

log = logging.getLogger(__name__)

_STORE_ATTEMPTS = 8

T = TypeVar('T')


class _Answers(NamedTuple):
    """What the sources observed, and the currencies that none of them priced while a source that has them failed."""

    observations: list[Observation]
    unanswered: frozenset[str]


def fetch_rates(now: int, codes: Collection[str] | None = None, tries: int = 0) -> None:
    """Fetch the rates of all tracked currencies, or of `codes` alone, from all sources at once, and store them as the latest.

    The first full set of an hour is also stored as that hour's, and its daily closes are recorded. A rate that no source returns
    stays as it was until it is too old. Those of `codes` that did not come as a source failed are asked for again soon, `tries` times so
    far, and then by the schedule. Raises Upstream, naming all, when every source failed.
    """
    started = clock.monotonic()
    tracked = TrackedCurrency.every(now) if codes is None else dict.fromkeys(codes, now + TRACKED_SECONDS)
    known = {code: until for code, until in tracked.items() if currencies.find(code)}
    related = dict.fromkeys(rates.with_related(known) | rates.ALWAYS, now + TRACKED_SECONDS)
    requested = {**known, **related}
    answers = _observe(requested.keys() - successions.successions_by(rates.day_of(now)).keys(), now)
    latest = _store(answers, requested, now)
    made = now + int(clock.monotonic() - started) + 1  # from then on it can be read
    if codes is None and HourlyRates.store(made, latest):
        daily_closes.record_closes(latest, requested, made)
    left = sorted(answers.unanswered.intersection(codes or ()))
    if left and tries < policy.MOST_RETRIES:
        messages.send(FetchRates(left, tries + 1), delay=policy.FIRST_RETRY_SECONDS * 2**tries)


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


def _observe(codes: Collection[str], now: int) -> _Answers:
    """Return what all sources observe. Raises Upstream when all failed."""
    failures: list[errors.Upstream] = []
    observations: list[Observation] = []
    failed_for: set[str] = set()
    with ThreadPoolExecutor(len(RATE_SOURCES)) as pool:
        results = pool.map(telemetry.in_current_task(lambda source: _observe_one(source, codes, now)), RATE_SOURCES)
        for source, result in zip(RATE_SOURCES, results, strict=True):
            if isinstance(result, errors.Upstream):
                failures.append(result)
                failed_for |= source.codes.intersection(codes)
            else:
                observations += result
    if failures and not observations:
        raise errors.Upstream('rates', '; '.join(map(str, failures)))
    priced = {code for one in observations for code in (one.base, one.quote)}
    return _Answers(observations, frozenset(failed_for - priced))


def _observe_one(source: RateSource, codes: Collection[str], now: int) -> list[Observation] | errors.Upstream:
    try:
        return through_gate(source, lambda http: source.latest(http, codes, now))
    except errors.Upstream as error:
        return error
    except Exception as error:  # of the database
        log.exception('rates: %s', source.endpoint.key)
        return errors.Upstream(source.endpoint.key, type(error).__name__)


def _store(answers: _Answers, requested: Mapping[str, int], now: int) -> list[Rate]:
    """Merge new observations into the latest rates and return these. Raises Conflict when other runs came first at every attempt."""
    for _ in range(_STORE_ATTEMPTS):
        stored = LatestRates.find()
        made = max(now, stored.at)
        observations = rates.merge(stored.observations, answers.observations, made)
        agreed = stored.agreed
        chosen = consensus.choose(observations, made, agreed)
        still_requested = {code: until for code, until in stored.requested.items() if until > now}
        unanswered = {code: since for code, since in stored.unanswered.items() if code in still_requested and code not in requested}
        unanswered |= {code: stored.unanswered.get(code, made) for code in answers.unanswered}
        now_agreed = consensus.agree(observations, made, agreed)
        if stored.store(made, observations, chosen, {**still_requested, **requested}, now_agreed, unanswered):
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
