"""How portfolios, their balances and what these are worth are presented."""

from collections.abc import Sequence
from typing import cast

from chalicelib.api import answers
from chalicelib.api.presenters.accounts import present_account_summary
from chalicelib.api.presenters.addresses import present_address_summary, present_transaction
from chalicelib.api.presenters.currencies import present_currency_ref, present_expandable_currency, present_value
from chalicelib.api.presenters.offsets import present_offset_summary
from chalicelib.domain import money
from chalicelib.domain.conversion import Hop, Rates, Share, Total, Unconverted
from chalicelib.formats import format_amount, format_instant
from chalicelib.http_io import answer_size
from chalicelib.models import Account, Address, Offset, Portfolio, PortfolioTree
from chalicelib.services.portfolios.balances import IncompleteChild, PortfolioBalances
from chalicelib.services.portfolios.converted import ConvertedBalances
from chalicelib.services.portfolios.transactions import PortfolioTransaction

_LEAST_MISSING: answers.Missing = {'type': 'address', 'id': 1, 'title': '', 'reason': ''}  # the shortest that there can be


def present_portfolio_summary(portfolio: Portfolio) -> answers.PortfolioSummary:
    """Return a portfolio as an entry of a list, with the counts of its contents."""
    return {
        **_present_portfolio_header(portfolio),
        'currencies': len(portfolio.currencies),
        'accounts': portfolio.accounts,
        'addresses': portfolio.addresses,
        'offsets': portfolio.offsets,
    }


def present_portfolio(tree: PortfolioTree) -> answers.Portfolio:
    """Return a portfolio with its contents."""
    return {
        **_present_portfolio_header(tree.portfolio),
        'currencies': [present_currency_ref(code) for code in tree.portfolio.currencies],
        'accounts': [present_account_summary(account) for account in tree.of_kind(Account)],
        'addresses': [present_address_summary(address) for address in tree.of_kind(Address)],
        'offsets': [present_offset_summary(offset) for offset in tree.of_kind(Offset)],
        'source': 'private-api',
    }


def _present_portfolio_header(portfolio: Portfolio) -> answers.PortfolioHeader:
    return {
        'id': portfolio.portfolio_id,
        'title': portfolio.title,
        'created_at': format_instant(portfolio.created_at),
        'updated_at': format_instant(portfolio.updated_at),
        'balances_last_updated': format_instant(portfolio.balances_last_updated),
        'histories_last_updated': format_instant(portfolio.histories_last_updated),
        'converted_balances_last_updated': format_instant(portfolio.converted_balances_last_updated),
        'converted_histories_last_updated': format_instant(portfolio.converted_histories_last_updated),
    }


def require_room_for_missing(*sums: PortfolioBalances | ConvertedBalances) -> None:
    """Have what is missing from each row of sums counted before it is written. Raises AnswerTooLarge, TooManyRequests."""
    answer_size.require_room(sum(each.count_incomplete() for each in sums), _LEAST_MISSING)


def present_portfolio_balances(balances: PortfolioBalances, *, expand: bool) -> list[answers.PortfolioBalance]:
    """Return the balances of a portfolio by currency code; rows from which the same is missing share one list of it."""
    coverages: dict[str, answers.Coverage] = {}
    for codes, incomplete in balances.incomplete_by_codes():
        coverages |= dict.fromkeys(codes, present_coverage(incomplete))
    return [_present_portfolio_balance(balances, code, coverages[code], expand=expand) for code in balances.by_currency]


def present_portfolio_balance(balances: PortfolioBalances, code: str, *, expand: bool) -> answers.PortfolioBalance:
    """Return the balance of a portfolio in one currency, zero if it holds none."""
    return _present_portfolio_balance(balances, code, present_coverage(balances.incomplete_in(code)), expand=expand)


def _present_portfolio_balance(
    balances: PortfolioBalances, code: str, coverage: answers.Coverage, *, expand: bool
) -> answers.PortfolioBalance:
    return {
        'currency': present_expandable_currency(code, expand=expand),
        'balance': format_amount(balances.by_currency.get(code, money.ZERO)),
        'balance_at': format_instant(balances.balance_at),
        'source': 'cryptfolio',
        **coverage,
    }


def present_portfolio_transaction(row: PortfolioTransaction) -> answers.PortfolioTransaction:
    """Return a transaction with the part of the portfolio that it is of."""
    follower = row.child.follower
    part: answers.PartOfPortfolio = {'id': follower.child_id, 'title': follower.title}
    shown = {**present_transaction(row.transaction, follower), follower.follower_kind: part, 'internal': row.is_internal}
    return cast(answers.PortfolioTransaction, shown)


def present_coverage(incomplete: Sequence[IncompleteChild]) -> answers.Coverage:
    """Return whether a sum is complete; `missing` is there only if it is not."""
    missing: list[answers.Missing] = [
        {'type': child.kind, 'id': child.id, 'title': child.title, 'reason': child.reason} for child in incomplete
    ]
    return {'complete': False, 'missing': missing} if missing else {'complete': True}


def present_converted_balances(converted: ConvertedBalances, *, expand: bool, explain: bool) -> list[answers.ConvertedBalance]:
    """Return a portfolio's total in each of its reporting currencies; `explain` adds how each was converted."""
    incomplete = [_present_incomplete_child(child) for child in converted.incomplete]
    return [_present_converted_balance(converted, total, incomplete, expand=expand, explain=explain) for total in converted.totals]


def _present_converted_balance(
    converted: ConvertedBalances, total: Total, incomplete: Sequence[answers.NotInTotal], *, expand: bool, explain: bool
) -> answers.ConvertedBalance:
    missing = [*incomplete, *map(_present_unconverted, total.missing)]
    row: answers.ConvertedBalance = {
        'currency': present_expandable_currency(total.currency, expand=expand),
        'balance': present_value(total.value, total.currency),
        'balance_at': format_instant(converted.balance_at),
        'source': 'cryptfolio',
        'complete': not missing,
    }
    if missing:
        row['missing'] = missing
    if explain:
        row['explain'] = [present_share(share, converted.rates) for share in total.shares]
    return row


def _present_incomplete_child(child: IncompleteChild) -> answers.NotInTotal:
    return {'type': child.kind, 'id': child.id, 'title': child.title, 'reason': child.reason}


def _present_unconverted(unconverted: Unconverted) -> answers.NotInTotal:
    return {'currency': unconverted.currency, 'balance': format_amount(unconverted.balance), 'reason': unconverted.reason}


def present_rate_set(converted: ConvertedBalances) -> answers.RateSet:
    """Return the name of the set of rates, to stand beside the balances converted by it."""
    made: answers.RateSet = {'rates': format_instant(converted.rates_made_at) if converted.rates_made_at else None}
    if converted.rates_are_hourly is not None:
        made['rates_kind'] = 'hourly' if converted.rates_are_hourly else 'close'
    return made


def present_share(share: Share, rates: Rates) -> answers.Explained:
    """Return how one currency's balance was converted."""
    return {
        'currency': share.currency,
        'balance': format_amount(share.balance),
        'value': format_amount(share.value),
        'route': [present_hop(hop, rates) for hop in share.route],
    }


def present_hop(hop: Hop, rates: Rates) -> answers.Hop:
    """Return one rate of a route, stale or not as of the instant of its set."""
    return {
        'pair': f'{hop.rate.base}/{hop.rate.quote}',
        'rate': format_amount(hop.rate.price),
        'inverse': hop.inverse,
        'source': hop.rate.sources,
        'observed_at': format_instant(hop.rate.at),
        'disputed': hop.rate.disputed,
        'stale': not hop.rate.is_fresh(rates.at),
    }
