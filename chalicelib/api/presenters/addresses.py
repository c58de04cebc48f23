"""How addresses, their balances and transactions are presented."""

from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_currency_ref
from chalicelib.formats import format_amount, format_instant
from chalicelib.models import Address, CrossCheck, Ledger, Transaction


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


def present_agreement(agreement: CrossCheck) -> answers.Agreement:
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
    reason = ledger.reason
    return {'complete': True} if reason is None else {'complete': False, 'reason': reason}


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
