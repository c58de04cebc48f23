"""Accounts at exchanges: /api/portfolios/ID/accounts and below; and the exchanges, without a token: /api/wallets."""

from functools import partial

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import answers, histories
from chalicelib.api.addresses import TRANSACTION_CURSOR
from chalicelib.api.presenters.accounts import present_account, present_account_summary, present_wallet
from chalicelib.api.presenters.addresses import (
    present_address_balances,
    present_balance_completeness,
    present_completeness,
    present_transaction,
    present_unreadable,
)
from chalicelib.api.presenters.histories import present_historic_balance
from chalicelib.api.requests import credentials, fields, idempotency
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.body import Body
from chalicelib.api.requests.query import ID_CURSOR, LIMIT, cursor
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.domain import experimental_exchanges
from chalicelib.http_io.response import created, ok
from chalicelib.models import Account
from chalicelib.services.histories import account_pages
from chalicelib.services.ledgers import reading
from chalicelib.services.portfolios import accounts

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)
public = Router(bp)

COLLECTION = '/portfolios/{portfolio_id}/accounts'
ITEM = COLLECTION + '/{account_id}'

NEW = Body('NewAccount', required=(credentials.WALLET, credentials.CREDENTIALS), optional=(fields.TITLE,))
CHANGES = Body('AccountChanges', optional=(fields.TITLE, credentials.SAME_WALLET, credentials.CREDENTIALS))
CODE_CURSOR = cursor(str, start='')


@public.get('/wallets', answer=list[answers.Wallet], query=(LIMIT, CODE_CURSOR))
def list_wallets(request: ApiRequest) -> Response:
    """List the exchanges whose accounts are supported, with the credentials that each needs.

    Each says which permissions its API key must have, which parts of an account are counted, and how far back its history goes.
    """
    offered = accounts.offered_exchanges()
    exchanges = [offered[code] for code in sorted(offered) if code > request[CODE_CURSOR]][: request[LIMIT] + 1]
    return request.page(exchanges, present_wallet, lambda exchange: exchange.code)


@router.post(COLLECTION, answer=answers.Account, body=NEW)
def create_account(request: ApiRequest, portfolio_id: int) -> Response:
    """Create a new account of a portfolio at an exchange; its credentials are in no response.

    Give an API key that may read and nothing else: where the exchange says what a key may do, one that may trade or withdraw is
    refused. `GET /api/wallets` lists the exchanges, and what each needs. A user may store 60 credentials an hour, new and changed ones
    together; more are refused with `too_many_attempts`.
    """
    body = request.body()
    wallet, secrets = body[credentials.WALLET], body[credentials.CREDENTIALS]
    title = body.get(fields.TITLE) or f'{experimental_exchanges.get(wallet).title} account'
    draft = accounts.draft(request.user_id, portfolio_id, title=title, wallet=wallet, credentials=secrets, now=clock.now())
    answer = created(present_account(draft.child), f'/api/portfolios/{portfolio_id}/accounts/{draft.child.account_id}')
    accounts.store(draft, also=idempotency.record(request, answer))
    return answer


@router.get(COLLECTION, answer=list[answers.AccountSummary], query=(LIMIT, ID_CURSOR))
def list_accounts(request: ApiRequest, portfolio_id: int) -> Response:
    """List the accounts on a portfolio.

    By id, in short form, without balances and credentials.
    """
    accounts_page = Account.page(request.user_id, portfolio_id, after=request[ID_CURSOR], limit=request[LIMIT] + 1)
    return request.page(accounts_page, present_account_summary, lambda account: str(account.account_id))


@router.get(ITEM, answer=answers.Account)
def get_account(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Get the full details of an account, without its credentials.

    Where it cannot be read, `problem` says why and what to do.
    """
    return _shown(Account.find(request.user_id, portfolio_id, account_id))


@router.patch(ITEM, answer=answers.Account, body=CHANGES)
def update_account(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Update an existing account with a title or credentials; its exchange stays.

    What is not sent stays. Credentials are replaced as a whole, and the account is read again; they count towards the 60 an hour that a
    user may store.
    """
    account = Account.find(request.user_id, portfolio_id, account_id)
    body = request.body(wallet=account.wallet)
    title, secrets = body.get(fields.TITLE), body.get(credentials.CREDENTIALS)
    return _shown(accounts.change(account, title=title, credentials=secrets, now=clock.now(), expected=request.expected_versions))


@router.delete(ITEM, answer=answers.Account)
def delete_account(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Delete an account and its credentials; returns the account as it was.

    Its balances and transactions no longer count for the portfolio, now or in its history.
    """
    account = Account.find(request.user_id, portfolio_id, account_id)
    accounts.delete(account, now=clock.now(), expected=request.expected_versions)
    return _shown(account)


@router.get(ITEM + '/balances', answer=list[answers.AddressBalance], beside=answers.Completeness, asynchronous=True)
def get_account_balances(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Get the balances for a particular account.

    As the exchange last reported them. A currency of the exchange that is not in the catalogue has a code that begins with `x-`, and no
    value.
    """
    account = Account.find(request.user_id, portfolio_id, account_id)
    ledger = reading.read(account.ledger, request.user_id)
    return ok(present_address_balances(ledger, account), **present_balance_completeness(ledger))


@router.get(
    ITEM + '/txns',
    ITEM + '/transactions',
    answer=list[answers.Transaction],
    beside=answers.TransactionsState,
    query=(LIMIT, TRANSACTION_CURSOR),
    asynchronous=True,
)
def list_account_transactions(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Get the transactions for a particular account, newest first.

    One row for each entry: a trade is two with the same reference.
    """
    account = Account.find(request.user_id, portfolio_id, account_id)
    page = reading.read_transaction_page(account.ledger, request.user_id, before=request[TRANSACTION_CURSOR], limit=request[LIMIT] + 1)
    state = {**present_completeness(page.ledger), **present_unreadable(page.ledger)}
    return request.page(page.transactions, partial(present_transaction, follower=account), lambda txn: txn.position, **state)


@router.get(ITEM + '/history', answer=list[answers.HistoricBalance], beside=answers.HistoryState, query=histories.QUERY, asynchronous=True)
def get_account_history(request: ApiRequest, portfolio_id: int, account_id: int) -> Response:
    """Get the historical balances for a particular account.

    One row for each currency and instant, newest first. At an exchange that lists no history, it begins with the account.
    """
    account = Account.find(request.user_id, portfolio_id, account_id)
    return histories.present_page(request, partial(account_pages.read, account), present_historic_balance)


def _shown(account: Account) -> Response:
    return ok(present_account(account), version=account.version)
