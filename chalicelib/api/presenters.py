"""Present models and values as the answers of the API: one function per answer, and the only place that builds their JSON."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from chalicelib.api import answers
from chalicelib.domain import conversion, currencies, money
from chalicelib.domain.conversion import Hop, Rates, Share, Total, Unconverted
from chalicelib.domain.currencies import Currency
from chalicelib.domain.rates import BackfillProgress
from chalicelib.formats import format_amount, format_instant, format_rounded
from chalicelib.models import Address, Agreement, Ledger, Offset, OffsetBalance, Portfolio, PortfolioTree, Transaction, User
from chalicelib.services.histories.pages import HistoricBalance, HistoricValue, HistoryPage
from chalicelib.services.portfolios.balances import IncompleteChild, PortfolioBalances
from chalicelib.services.portfolios.converted import ConvertedBalances
from chalicelib.services.upstream_status import SourceHealth, Status


def present_currency(currency: Currency) -> answers.Currency:
    """Return a currency of the catalogue; in the API a token is not a cryptocurrency."""
    return {
        'id': currency.id,
        'code': currency.code,
        'title': currency.title,
        'created_at': format_instant(currency.created_at),
        'updated_at': format_instant(currency.updated_at),
        'is_cryptocurrency': currency.kind == 'cryptocurrency',
        'is_fiat': currency.kind == 'fiat',
        'is_ethereum_token': currency.kind == 'token',
        'ethereum_contract_address': currency.contract,
        'source': 'cryptfolio',
    }


def present_currency_ref(code: str) -> answers.CurrencyRef:
    """Return the short form in which other answers refer to a currency, by the code it is stored under."""
    return {'title': currencies.get(code).title, 'code': code}


def present_expandable_currency(code: str, *, expand: bool) -> answers.CurrencyCode | answers.CurrencyRef:
    """Return the currency of a balance: its code, or the short form if the client asked to expand it."""
    return present_currency_ref(code) if expand else code


def present_value(value: Decimal, code: str) -> str:
    """Return a converted amount, rounded half-even to its currency's decimals; fiat has all of them: `117753.60` in usd, `10.0` in btc."""
    currency = currencies.get(code)
    return format_rounded(value, decimals=currency.decimals, pad=currency.kind == 'fiat')


def present_user(user: User) -> answers.User:
    return {'name': user.name, 'email': user.email, 'created_at': format_instant(user.created_at)}


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
        'accounts': [],
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


def present_address_summary(address: Address) -> answers.AddressSummary:
    """Return an address as an entry of a list."""
    return {
        'id': address.address_id,
        'title': address.title,
        'address': address.address,
        'currency': present_currency_ref(address.currency),
    }


def present_address(address: Address) -> answers.Address:
    return {
        **present_address_summary(address),
        'valid': address.valid,
        'created_at': format_instant(address.created_at),
        'updated_at': format_instant(address.updated_at),
        'txns_last_updated': format_instant(address.txns_last_updated),
        'source': 'private-api',
        'agreement': None if address.agreement is None else present_agreement(address.agreement),
    }


def present_agreement(agreement: Agreement) -> answers.Agreement:
    """Return the result of the last cross-check of an address."""
    return {
        'status': 'disputed' if agreement.is_disputed else 'agreed',
        'sources': list(agreement.sources),
        'checked_at': format_instant(agreement.checked_at),
    }


def present_address_balances(ledger: Ledger) -> list[answers.AddressBalance]:
    """Return the balances of an address from its ledger, by currency code."""
    return [
        {
            'currency': present_currency_ref(holding.currency),
            'balance': format_amount(holding.balance),
            'unconfirmed': format_amount(holding.unconfirmed),
            'transactions': holding.transactions,
            'sent': format_amount(holding.sent),
            'received': format_amount(holding.received),
            'created_at': format_instant(ledger.created_at),
            'updated_at': format_instant(ledger.updated_at),
            'source': ledger.source,
        }
        for holding in sorted(ledger.holdings, key=lambda holding: holding.currency)
    ]


def present_completeness(ledger: Ledger | None) -> answers.Completeness:
    """Return whether a ledger is complete, to stand beside its balances or transactions; empty if it was not read."""
    if ledger is None:
        return {}
    return {'complete': True} if ledger.incomplete is None else {'complete': False, 'reason': ledger.incomplete}


def present_transaction(transaction: Transaction) -> answers.Transaction:
    return {
        'currency': present_currency_ref(transaction.currency),
        'delta': format_amount(transaction.delta),
        'txn_at': format_instant(transaction.txn_at),
        'fee': format_amount(transaction.fee),
        'reference': transaction.reference,
        'created_at': format_instant(transaction.created_at),
        'updated_at': format_instant(transaction.updated_at),
        'source': transaction.source,
    }


def present_offset_summary(offset: Offset) -> answers.OffsetSummary:
    """Return an offset as an entry of a list."""
    return {
        'id': offset.offset_id,
        'title': offset.title,
        'created_at': format_instant(offset.created_at),
        'updated_at': format_instant(offset.updated_at),
    }


def present_offset(offset: Offset, *, expand: bool) -> answers.Offset:
    """Return an offset with its balances, by currency code."""
    return {**present_offset_summary(offset), 'balances': [present_offset_balance(balance, expand=expand) for balance in offset.balances]}


def present_offset_balance(balance: OffsetBalance, *, expand: bool) -> answers.OffsetBalance:
    return {
        'currency': present_expandable_currency(balance.currency, expand=expand),
        'balance': format_amount(balance.balance),
        'created_at': format_instant(balance.created_at),
        'updated_at': format_instant(balance.updated_at),
        'source': 'private-api',
    }


def present_portfolio_balances(balances: PortfolioBalances, *, expand: bool) -> list[answers.PortfolioBalance]:
    """Return the balances of a portfolio by currency code."""
    return [present_portfolio_balance(balances, code, expand=expand) for code in balances.by_currency]


def present_portfolio_balance(balances: PortfolioBalances, code: str, *, expand: bool) -> answers.PortfolioBalance:
    """Return the balance of a portfolio in one currency, zero if it holds none."""
    return {
        'currency': present_expandable_currency(code, expand=expand),
        'balance': format_amount(balances.by_currency.get(code, money.ZERO)),
        'balance_at': format_instant(balances.balance_at),
        'source': 'cryptfolio',
        **present_coverage(balances.incomplete),
    }


def present_coverage(incomplete: Sequence[IncompleteChild]) -> answers.Coverage:
    """Return whether a sum is complete; `missing` is there only if it is not."""
    missing: list[answers.Missing] = [
        {'type': child.kind, 'id': child.id, 'title': child.title, 'reason': child.reason} for child in incomplete
    ]
    return {'complete': False, 'missing': missing} if missing else {'complete': True}


def present_converted_balances(converted: ConvertedBalances, *, expand: bool, explain: bool) -> list[answers.ConvertedBalance]:
    """Return a portfolio's total in each of its reporting currencies; `explain` adds how each was converted."""
    return [_present_converted_balance(converted, total, expand=expand, explain=explain) for total in converted.totals]


def _present_converted_balance(converted: ConvertedBalances, total: Total, *, expand: bool, explain: bool) -> answers.ConvertedBalance:
    missing = [*map(_present_incomplete_child, converted.incomplete), *map(_present_unconverted, total.missing)]
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
    return {'rates': format_instant(converted.rates_made_at) if converted.rates_made_at else None}


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
        value['missing'] = [
            {'currency': code, 'balance': format_amount(balance), 'reason': conversion.NO_RATE} for code, balance in row.unconverted.items()
        ]
    return value


def present_history_state(page: HistoryPage[Any]) -> answers.HistoryState:
    """Return what a history lacks as a whole, to stand beside each page of it."""
    state: answers.HistoryState = {'complete': False, 'reason': 'history_pending'} if page.outdated else {'complete': True}
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
        'health': upstream.health,
        'last_success_at': format_instant(upstream.last_success_at),
        'last_failure_at': format_instant(upstream.last_failure_at),
    }


def present_status(status: Status) -> answers.Status:
    return {'ok': status.ok, 'failing': status.failing}
