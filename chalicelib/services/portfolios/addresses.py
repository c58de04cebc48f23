"""Put an address into a portfolio, change it, take it out: the child, the count, the watch and the ledger together."""

from typing import Any

from chalicelib import errors, messages, vault
from chalicelib.domain import wallets
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.messages import RefreshLedger, portfolio_changed
from chalicelib.models import (
    Address,
    ExpectedVersions,
    ExtraWrites,
    Ledger,
    Operation,
    Portfolio,
    Watch,
    Write,
    has_version,
    nothing,
    transact,
    version_mismatch,
)


def create(
    user_id: str, portfolio_id: int, *, title: str, address: str, currency: str, now: int, also: ExtraWrites[Address] = nothing
) -> Address:
    """Add an address and send for its first refresh.

    Of an extended public key only what is shown of it is stored with the child; the ledger has it as ciphertext.
    Raises NotFound when the portfolio is not there, Invalid when it holds this address already, or as many as it may.
    """
    address_id = Portfolio.allocate_address_id(user_id, portfolio_id)
    child = Address.at(user_id, portfolio_id, address_id)
    child.user_id, child.portfolio_id, child.address_id = user_id, portfolio_id, address_id
    child.title, child.currency = title, currency
    child.point_to(wallets.identify(currency, address))
    child.created_at = child.updated_at = now
    transact(
        *also(child),
        Write(Operation.PUT, child, condition=Address.pk.does_not_exist()),
        Portfolio.address_quota().increment(Portfolio.at(user_id, portfolio_id), *Portfolio.changed()),
        *_watch(child, now, _secret(child, address)),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger))
    portfolio_changed(user_id, portfolio_id, seen_at=now)
    return child


def change(child: Address, *, title: str | None, address: str | None, now: int, expected: ExpectedVersions = None) -> Address:
    """Store a new title, a new address, or both; return what the address then is.

    A new address is another ledger: nothing known of the old one is shown for it.
    Raises NotFound when the child is gone, PreconditionFailed, Invalid when the portfolio holds the new address already.
    """
    if expected is not None and child.version not in expected:
        raise errors.PreconditionFailed
    actions: list[Any] = [Address.updated_at.set(now), Address.version.add(1)]
    if title is not None:
        actions.append(Address.title.set(title))
    if address not in (None, child.address) and wallets.identify(child.currency, address).key != child.ledger_key:
        return _move(child, address, actions, now, expected)
    if title is not None:
        child.update_existing(actions, has_version(Address.version, expected), version_mismatch(expected))
    return child


def _move(child: Address, address: str, actions: list[Any], now: int, expected: ExpectedVersions) -> Address:
    unchanged = has_version(Address.version, expected) & Address.follows(child.ledger_key)
    unwatch = _unwatch(child, now)
    old_ledger = child.ledger
    moved = Address.at(child.user_id, child.portfolio_id, child.address_id)
    unknown = (Address.txns_last_updated, Address.agreement)
    child.point_to(wallets.identify(child.currency, address))
    named = Address.wallet.set(child.wallet) if child.wallet else Address.wallet.remove()
    actions += [Address.address.set(child.address), named, Address.valid.set(True), *(attribute.remove() for attribute in unknown)]
    watch = _watch(child, now, _secret(child, address))
    changed = errors.Conflict if expected is None else errors.PreconditionFailed
    transact(
        Write(Operation.UPDATE, moved, actions=actions, condition=unchanged, on_failure=changed),
        Portfolio.note_contents(child.user_id, child.portfolio_id),
        *unwatch,
        *watch,
    )
    messages.send_or_leave_to_sweep(RefreshLedger(old_ledger), RefreshLedger(child.ledger))
    portfolio_changed(child.user_id, child.portfolio_id, seen_at=now)
    return Address.find(child.user_id, child.portfolio_id, child.address_id)


def delete(child: Address, *, now: int, expected: ExpectedVersions = None) -> None:
    """Take an address out; a ledger that nobody watches any more is deleted by its next refresh.

    Raises NotFound, PreconditionFailed.
    """
    unchanged = has_version(Address.version, expected) & Address.follows(child.ledger_key)
    transact(
        Write(Operation.DELETE, child, condition=unchanged, on_failure=version_mismatch(expected)),
        Portfolio.address_quota().decrement(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed()),
        *_unwatch(child, now),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger))
    portfolio_changed(child.user_id, child.portfolio_id, seen_at=now)


def _secret(child: Address, text: str) -> bytes | None:
    """Return the ciphertext of the extended key that an address was created from, None for a plain address."""
    return vault.encrypt(text, vault.ledger_context(child.ledger)) if isinstance(child.ledger_key, HdWalletKey) else None


def _watch(child: Address, now: int, secret: bytes | None) -> list[Write]:
    watch = Watch.of(child.ledger, child.user_id, child.portfolio_id, child.address_id)
    return [
        Write(Operation.PUT, watch, condition=Watch.pk.does_not_exist(), on_failure=_duplicate),
        Ledger.make_due(child.ledger, now, secret=secret),
    ]


def _unwatch(child: Address, now: int) -> list[Write]:
    watch = Watch.of(child.ledger, child.user_id, child.portfolio_id, child.address_id)
    return [Write(Operation.DELETE, watch), Ledger.make_due(child.ledger, now)]


def _duplicate() -> errors.Invalid:
    return errors.Invalid(errors.Fault('address', 'duplicate_address', 'this portfolio already has this address'))
