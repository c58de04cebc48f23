"""Read the history of an account: computed from its ledger when it is requested, as nobody else has a part in it."""

from chalicelib import clock
from chalicelib.domain import timeline
from chalicelib.models import Account
from chalicelib.services.histories import pages, rows
from chalicelib.services.histories.pages import HistoryPage, PageRequest
from chalicelib.services.histories.rows import HistoricBalance, HistoryView
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import contributions
from chalicelib.services.portfolios.contributions import Child

_NO_OTHERS = HistoryView([], outdated=False, rates_at=lambda _: None)  # what is held is listed, and nothing else


def read(account: Account, page_request: PageRequest) -> HistoryPage[HistoricBalance]:
    """Return the rows that are asked for.

    Raises NotReady while no balance was ever known, Busy while the account keeps being written.
    """
    ledger = reading.read(account.ledger, account.user_id)
    now = clock.now()
    start = page_request.span.first // timeline.HOUR * timeline.HOUR
    part = contributions.of_children([Child(account, account.ledger_key, ledger)], start)
    points = [*timeline.points(part, start, now), timeline.point_at(part, now, with_later=True)]
    states = [(point.at, timeline.state(point, (), None)) for point in points]
    return pages.computed_page(states, _NO_OTHERS, rows.balances, page_request)
