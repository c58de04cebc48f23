"""How histories of portfolios are presented."""

from typing import Any

from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_expandable_currency, present_value
from chalicelib.domain import conversion
from chalicelib.domain.rates import BackfillProgress
from chalicelib.formats import format_amount, format_instant
from chalicelib.services.histories.pages import HistoryPage
from chalicelib.services.histories.rows import HistoricBalance, HistoricValue


def present_historic_balance(row: HistoricBalance, *, expand: bool) -> answers.HistoricBalance:
    """Return the balance of a portfolio in one currency at an instant of the past."""
    return {
        'currency': present_expandable_currency(row.currency, expand=expand),
        'balance': format_amount(row.balance),
        'balance_at': format_instant(row.at),
        'source': 'cryptfolio',
        'complete': row.complete,
        'covered': row.covered,
        'total': row.total,
    }


def present_historic_value(row: HistoricValue, *, expand: bool) -> answers.HistoricValue:
    """Return what a portfolio was worth in one currency at an instant of the past; `missing` is there only if something is."""
    value: answers.HistoricValue = {
        'currency': present_expandable_currency(row.currency, expand=expand),
        'balance': present_value(row.value, row.currency),
        'balance_at': format_instant(row.at),
        'source': 'cryptfolio',
        'complete': row.complete,
        'covered': row.covered,
        'total': row.total,
    }
    if row.unconverted:
        value['missing'] = [_present_unconverted(row, code) for code in row.unconverted]
    return value


def _present_unconverted(row: HistoricValue, code: str) -> answers.Unconverted:
    reason = conversion.DISPUTED if code in row.disputed else conversion.NO_RATE
    return {'currency': code, 'balance': format_amount(row.unconverted[code]), 'reason': reason}


def present_history_state(page: HistoryPage[Any]) -> answers.HistoryState:
    """Return what a history lacks as a whole, to stand beside each page of it."""
    is_pending = page.outdated or page.is_mixed
    state: answers.HistoryState = {'complete': False, 'reason': 'history_pending'} if is_pending else {'complete': True}
    if page.changed:
        state['changed'] = True
    if page.backfill:
        state['backfill'] = [present_backfill(progress) for progress in page.backfill]
    return state


def present_backfill(progress: BackfillProgress) -> answers.Backfill:
    return {
        'currency': progress.currency,
        'from': progress.earliest.isoformat() if progress.earliest else None,
        'until': progress.until.isoformat() if progress.until else None,
        'done': progress.done,
    }
