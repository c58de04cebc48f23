"""Read the history of an account: computed from its ledger when it is requested, as nobody else has a part in it."""

from chalicelib import clock
from chalicelib.domain import timeline
from chalicelib.models import Account
from chalicelib.services.histories import pages, policy, rows
from chalicelib.services.histories.compute import value_allowance
from chalicelib.services.histories.pages import HistoryPage, PageRequest
from chalicelib.services.histories.rows import HistoricBalance, HistoryView
from chalicelib.services.ledgers import policy as ledgers_policy
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.allowances import transaction_allowance
from chalicelib.services.portfolios.contributions import Child

_NO_OTHERS = HistoryView([], outdated=False, rates_at=lambda _: None)  # what is held is listed, and nothing else


def read(account: Account, page_request: PageRequest) -> HistoryPage[HistoricBalance]:
    """Return the rows that are asked for.

    Raises NotReady while no balance was ever known, Busy while the account keeps being written, HistoryTooLarge for more transactions or
    values than a request may read and compute.
    """
    ledger = reading.read(account.ledger, account.user_id)
    now = clock.now()
    start = page_request.span.first // timeline.HOUR * timeline.HOUR
    allowance = transaction_allowance(ledgers_policy.MOST_TRANSACTIONS_AT_ONCE)
    part = contributions.of_children([Child(account, account.ledger_key, ledger)], start, allowance)
    values = timeline.count_values(part, (), (), start, now, rates_from=now)
    of_values = value_allowance(policy.MOST_VALUES)  # as many as a job would compute, as no job does
    of_values.require(values)
    of_values.take(values)
    points = [*timeline.points(part, start, now), timeline.point_at(part, now, with_later=True)]
    states = [(point.at, timeline.state(point, (), None)) for point in points]
    return pages.computed_page(states, _NO_OTHERS, rows.balances, page_request)
