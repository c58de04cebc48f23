"""How addresses, their balances and transactions are presented."""

from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_currency_ref
from chalicelib.domain import hd_wallets, ledgers
from chalicelib.domain.ledgers import Holding
from chalicelib.formats import format_amount, format_instant
from chalicelib.models import Address, Follower, Ledger, Transaction


def present_address_summary(address: Address) -> answers.AddressSummary:
    """Return an address as an entry of a list."""
    return {
        'id': address.address_id,
        'title': address.title,
        'address': address.address,
        'currency': present_currency_ref(address.currency),
    }


def present_address(address: Address, owner: Address | None = None) -> answers.Address:
    """Return the full details of an address, given the HD wallet of the portfolio that it is part of."""
    shown: answers.Address = {
        'id': address.address_id,
        'title': address.title,
        'address': address.address,
        'currency': present_currency_ref(address.currency),
        'valid': address.valid,
        'created_at': format_instant(address.created_at),
        'updated_at': format_instant(address.updated_at),
        'txns_last_updated': format_instant(address.txns_last_updated),
        'source': 'private-api',
        'agreement': present_agreement(address),
    }
    if address.hd_wallet is not None:
        shown['gap_limit'] = address.gap_limit or hd_wallets.GAP
        shown['script_types'] = list(address.script_types or ())
    if owner is not None:
        shown['part_of'] = {'id': owner.address_id, 'title': owner.title}
    return shown


def present_agreement(follower: Follower) -> answers.Agreement | None:
    """Return the result of the last cross-check of what a child follows, since it does; None if there was none."""
    agreement = follower.own_agreement
    if agreement is None:
        return None
    return {
        'status': 'disputed' if agreement.is_disputed else 'agreed',
        'sources': list(agreement.sources),
        'checked_at': format_instant(agreement.checked_at),
    }


def present_address_balances(ledger: Ledger, follower: Follower) -> list[answers.AddressBalance]:
    """Return the balances of an address from its ledger, by currency code, among them those that nobody could read.

    `follower` is what shows them: it is not told since when somebody else does.
    """
    held = {holding.currency: holding for holding in ledger.holdings}
    unknown = {gap.currency for gap in ledger.gaps if gap.reason == ledgers.UNREADABLE_BALANCE}
    lacks = ledger.lacks
    return [
        _present_address_balance(ledger, follower, code, held.get(code), ledgers.reason_in(lacks, code))
        for code in sorted({*held, *unknown})
    ]


def _present_address_balance(
    ledger: Ledger, follower: Follower, code: str, holding: Holding | None, reason: str | None
) -> answers.AddressBalance:
    row: answers.AddressBalance = {
        'currency': present_currency_ref(code),
        'balance': format_amount(holding.balance) if holding else None,
        'unconfirmed': format_amount(holding.unconfirmed) if holding else None,
        'transactions': holding.transactions if holding else None,
        'sent': format_amount(holding.sent) if holding else None,
        'received': format_amount(holding.received) if holding else None,
        'created_at': format_instant(max(ledger.created_at, follower.follows_since)),
        'updated_at': format_instant(ledger.updated_at),
        'source': ledger.source,
    }
    if reason is not None:
        row['complete'], row['reason'] = False, reason
    return row


def present_balance_completeness(ledger: Ledger) -> answers.Completeness:
    """Return whether the balances of an account are complete, whatever its transactions lack: the exchange tells them by themselves."""
    return _present_lack(ledger.balance_reason)


def present_completeness(ledger: Ledger | None) -> answers.Completeness:
    """Return whether a ledger is complete, to stand beside its balances or transactions; empty if it was not read."""
    return {} if ledger is None else _present_lack(ledger.reason)


def _present_lack(reason: str | None) -> answers.Completeness:
    return {'complete': True} if reason is None else {'complete': False, 'reason': reason}


def present_unreadable(ledger: Ledger | None) -> answers.UnreadableRows:
    """Return the newest of what could not be read of a ledger, to stand beside its transactions; empty if there is nothing."""
    if ledger is None or not ledger.unreadable:
        return {}
    return {
        'unreadable': [
            {
                'currency': present_currency_ref(row.currency),
                'reference': row.reference,
                'reason': row.reason,
                'txn_at': format_instant(row.at),
            }
            for row in ledger.unreadable
        ],
        'unreadable_count': ledger.unreadable_count,
    }


def present_transaction(transaction: Transaction, follower: Follower) -> answers.Transaction:
    """Return a transaction as a follower shows it: not as stored before the follower existed, which would reveal that others follow it."""
    return {
        'currency': present_currency_ref(transaction.currency),
        'delta': format_amount(transaction.delta),
        'txn_at': format_instant(transaction.txn_at),
        'fee': format_amount(transaction.fee),
        'reference': transaction.reference,
        'created_at': format_instant(max(transaction.created_at, follower.follows_since)),
        'updated_at': format_instant(max(transaction.updated_at, follower.follows_since)),
        'source': transaction.source,
    }
