"""How exchanges and accounts at them are presented."""

from chalicelib.api import answers
from chalicelib.domain import account_problems, experimental_exchanges
from chalicelib.domain.exchanges import Exchange
from chalicelib.formats import format_instant
from chalicelib.models import Account


def present_wallet(exchange: Exchange) -> answers.Wallet:
    """Return an exchange with what it needs and what it tells."""
    return {
        'title': exchange.title,
        'code': exchange.code,
        'url': exchange.documentation,
        'credentials': [{'name': name, 'required': name in exchange.needs} for name in (*exchange.needs, *exchange.takes)],
        'permissions': list(exchange.permissions),
        'covers': list(exchange.covers),
        'lacks': list(exchange.lacks),
        'history': exchange.history,
        'experimental': exchange.is_experimental,
    }


def present_account_summary(account: Account) -> answers.AccountSummary:
    """Return an account as an entry of a list."""
    return {
        'id': account.account_id,
        'title': account.title,
        'wallet': {'title': experimental_exchanges.get(account.wallet).title, 'code': account.wallet},
        'valid': account.valid,
        'created_at': format_instant(account.created_at),
        'updated_at': format_instant(account.updated_at),
        'last_updated': format_instant(account.last_updated),
        'txns_last_updated': format_instant(account.txns_last_updated),
        'history_last_updated': format_instant(account.last_updated),  # computed when it is requested, from what was last observed
    }


def present_account(account: Account) -> answers.Account:
    return {**present_account_summary(account), 'source': 'private-api', 'problem': _present_problem(account)}


def _present_problem(account: Account) -> answers.Problem | None:
    problem: str | None = account.problem
    if problem is None:
        return None
    title = experimental_exchanges.get(account.wallet).title
    return {'reason': problem, 'message': account_problems.sentence(problem, title, account.problem_detail)}
