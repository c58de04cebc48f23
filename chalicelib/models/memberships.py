"""The writes by which the ledger of an address comes to belong to an HD wallet, and ceases to."""

from pynamodb.expressions.condition import size

from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.models.derived import MOST_MEMBERSHIPS, Membership
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.ledger import Ledger
from chalicelib.models.writes import Operation, Write


class NamesNoMore(Exception):
    """A derived ledger names as many HD wallets as it may, so that this one is to be left out."""


def create_derived(pk: str, member: Membership | None, now: int, *, group: str) -> Write:
    """Return the write that creates the ledger of a derived address, due later in case its HD wallet does not refresh it at once.

    It names the HD wallet that is given as `member`, if there is one; where it may not, its transaction raises NamesNoMore. To read it is
    the work of `group`, unless a user watches it already.
    """
    actions = [
        Ledger.kind.set(Ledger),
        Ledger.created_at.set(Ledger.created_at | now),
        *([Ledger.work_group.set(Ledger.work_group | group)] if group else []),
        *LEDGERS.enter(pk, now + Ledger.LEASE_SECONDS),
    ]
    if member is None:
        return Write(Operation.UPDATE, Ledger.at(pk), actions=actions)
    has_room = Ledger.member_of.does_not_exist() | (size(Ledger.member_of) < MOST_MEMBERSHIPS)
    return Write(Operation.UPDATE, Ledger.at(pk), has_room, [*actions, Ledger.member_of.add({str(member)})], NamesNoMore)


def release_derived(ledger: Ledger, hd_wallet: HdWalletKey, now: int) -> Write:
    """Return the write that makes the ledger of a derived address due now, as it belongs to an HD wallet no longer."""
    write = Ledger.make_due(ledger.pk, now)
    gone = {str(member) for member in ledger.memberships if member.hd_wallet == hd_wallet.name}
    return write._replace(actions=[*write.actions, Ledger.member_of.delete(gone)]) if gone else write
