"""How offsets are presented."""

from chalicelib.api import answers
from chalicelib.api.presenters.currencies import present_expandable_currency
from chalicelib.formats import format_amount, format_instant
from chalicelib.models import Offset, OffsetBalance


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
    return {
        **present_offset_summary(offset),
        'balances': [present_offset_balance(balance, expand=expand) for balance in offset.balances],
        'since': format_instant(offset.since),
    }


def present_offset_balance(balance: OffsetBalance, *, expand: bool) -> answers.OffsetBalance:
    return {
        'currency': present_expandable_currency(balance.currency, expand=expand),
        'balance': format_amount(balance.balance),
        'created_at': format_instant(balance.created_at),
        'updated_at': format_instant(balance.updated_at),
        'source': 'private-api',
    }
