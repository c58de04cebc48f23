"""What a portfolio is worth in each of its reporting currencies: its balances converted by one set of rates."""

from typing import NamedTuple

from chalicelib import clock
from chalicelib.domain import conversion, instants, money, shapes
from chalicelib.domain.conversion import Rates, Share, Total
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import balances
from chalicelib.services.portfolios.balances import Summed
from chalicelib.services.rates import current

_AWAITED = 'rate_pending'


class _Set(NamedTuple):
    """The rates that all rows are converted by, and the currencies about which no source was asked yet."""

    rates: Rates
    made_at: int
    unasked: frozenset[str]


class Converted(NamedTuple):
    """The document's converted balances, and the name of the set of rates that made them, None before there was any."""

    rows: list[shapes.ConvertedBalance]
    rates: str | None


def of_portfolio(user_id: str, portfolio_id: int, *, at: int | None = None, explain: bool = False) -> Converted:
    """Return the reporting currencies by code, each with all balances as if converted into it; `explain` adds how.

    Raises NotFound, NotReady while the balances are, or no rates of theirs were ever asked for.
    """
    summed = balances.sum_up(user_id, portfolio_id, at)
    used = _latest(summed) if at is None else _of_past(at)
    balance_at = instants.iso(_oldest(summed, used) if at is None else at)
    totals = [conversion.total(summed.balances, code, used.rates) for code in sorted(summed.portfolio.currencies)]
    rows = [_row(summed, total, used, balance_at, explain) for total in totals]
    return Converted(rows, instants.iso(used.made_at) if used.made_at else None)


def _latest(summed: Summed) -> _Set:
    codes = frozenset(summed.balances)
    latest = current.latest(codes)
    unasked = codes - latest.asked
    if unasked:
        current.want(unasked, clock.now())
        if summed.portfolio.addresses and summed.portfolio.converted_balances_last_updated is None:
            raise reading.not_ready([])
    return _Set(latest.rates, latest.at, unasked)


def _of_past(at: int) -> _Set:
    found = current.at(at)
    return _Set(found.rates, found.at, frozenset())


def _row(summed: Summed, total: Total, used: _Set, balance_at: str, explain: bool) -> shapes.ConvertedBalance:
    unconverted: list[shapes.NotInTotal] = [
        {
            'currency': one.currency,
            'balance': money.plain(one.balance),
            'reason': _AWAITED if {one.currency, total.currency} & used.unasked else one.reason,
        }
        for one in total.missing
    ]
    parts: list[shapes.NotInTotal] = [
        {'type': part['type'], 'id': part['id'], 'title': part['title'], 'reason': part['reason']}
        for part in summed.coverage.get('missing', ())
    ]
    missing = [*parts, *unconverted]
    row: shapes.ConvertedBalance = {
        'currency': total.currency,
        'balance': conversion.shown(total.value, total.currency),
        'balance_at': balance_at,
        'source': 'cryptfolio',
        'complete': not missing,
    }
    if missing:
        row['missing'] = missing
    if explain:
        row['explain'] = [_explained(share, used.rates.at) for share in total.shares]
    return row


def _oldest(summed: Summed, used: _Set) -> int:
    """Return the older of the balances and the rates; what people put in themselves does not get old."""
    if summed.observed_at is None:
        return used.made_at or summed.since
    return min(summed.observed_at, used.made_at or summed.observed_at)


def _explained(share: Share, at: int) -> shapes.Explained:
    return {
        'currency': share.currency,
        'balance': money.plain(share.balance),
        'value': money.plain(share.value),
        'route': [
            {
                'pair': f'{hop.rate.base}/{hop.rate.quote}',
                'rate': money.plain(hop.rate.price),
                'inverse': hop.inverse,
                'source': hop.rate.sources,
                'observed_at': instants.iso(hop.rate.at),
                'disputed': hop.rate.disputed,
                'stale': not hop.rate.is_fresh(at),
            }
            for hop in share.route
        ],
    }
