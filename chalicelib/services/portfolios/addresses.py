"""Put an address into a portfolio, change it, take it out: the child, the count, the watch and the ledger together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chalicelib import charges, errors, messages, vault
from chalicelib.domain import hd_wallets
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.hd_wallets import FollowedLedger
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.domain.work_groups import work_group
from chalicelib.messages import RefreshLedger, portfolio_changed
from chalicelib.models import (
    Address,
    ExpectedVersions,
    Ledger,
    Operation,
    Portfolio,
    Watch,
    Write,
    has_version,
    transact,
    version_mismatch,
)
from chalicelib.texts import translatable

# Of an HD wallet, that count as one more request: so many steps of a derivation are a tenth of a second. An address is a ledger, which is
# created, read from an explorer and deleted some day, for a dozen requests to the table.
_STEPS_PER_REQUEST = 1_000
_ADDRESSES_PER_REQUEST = 100  # so that as many keys as a form takes can be added within a minute


class Draft(NamedTuple):
    """An address that is not stored yet, and the ciphertext of an HD wallet's key, None for a plain address.

    `formerly` are the ledgers that earlier releases gave the same HD wallet.
    """

    child: Address
    secret: bytes | None
    formerly: tuple[HdWalletKey, ...]


class Destination(NamedTuple):
    """What an address is to follow from now on: the text given, its ledger, and the gap limit given with it."""

    text: str
    followed: FollowedLedger
    gap_limit: int | None


def draft(user_id: str, portfolio_id: int, *, title: str, address: str, currency: str, now: int, gap_limit: int | None = None) -> Draft:
    """Return a new address under the portfolio's next id, for `store`.

    Of an extended public key or descriptor the address has only the part that is shown; the ledger gets all of it, as ciphertext.
    Raises NotFound when there is no such portfolio, Invalid when it has as many addresses as it may, or the gap limit is too much for such
    an HD wallet, TooManyRequests.
    """
    if CHAINS[currency].is_hd_wallet(address):
        _count_derivation(currency, address, gap_limit)
    address_id = Portfolio.allocate_address_id(user_id, portfolio_id)
    child = Address.at(user_id, portfolio_id, address_id)
    child.user_id, child.portfolio_id, child.address_id = user_id, portfolio_id, address_id
    child.title, child.currency, child.gap_limit = title, currency, gap_limit
    followed = hd_wallets.identify(currency, address)
    child.point_to(followed)
    child.created_at = child.updated_at = now
    return Draft(child, _secret(child, address), followed.formerly)


def store(draft: Draft, *, also: Sequence[Write] = ()) -> None:
    """Put a new address into its portfolio, with `also` in the same transaction, and enqueue its first refresh.

    Raises NotFound when the portfolio is gone, Invalid when it has this address already, or as many as it may.
    """
    child = draft.child
    transact(
        *also,
        Write(Operation.PUT, child, condition=Address.pk.does_not_exist()),
        Portfolio.address_quota().increment(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed()),
        *_watch(child, child.created_at, draft.secret),
        *_refuse_former(child, draft.formerly),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    portfolio_changed(child.user_id, child.portfolio_id, looked_at=child.created_at)


def change(
    child: Address,
    *,
    title: str | None,
    address: str | None,
    gap_limit: int | None = None,
    now: int,
    expected: ExpectedVersions = None,
) -> Address:
    """Store a new title, a new address, a new gap limit, or several of them; return what the address then is.

    A new address is another ledger: nothing known of the old one is shown for it. A new gap limit has the HD wallet read on.
    Raises NotFound when the child is gone, PreconditionFailed, Invalid when the portfolio holds the new address already or the gap limit is
    too much for such an HD wallet, TooManyRequests.
    """
    if expected is not None and child.version not in expected:
        raise errors.PreconditionFailed
    actions: list[Any] = [Address.updated_at.set(now), Address.version.add(1)]
    if title is not None:
        actions.append(Address.title.set(title))
    if address not in (None, child.address):
        followed = hd_wallets.identify(child.currency, address)
        if child.ledger_key not in (followed.key, *followed.formerly):
            return _move(child, Destination(address, followed, gap_limit), actions, now, expected)
    if gap_limit is not None and gap_limit != child.gap_limit:
        return _widen(child, gap_limit, actions, now, expected)
    if title is not None:
        child.update_existing(actions, has_version(Address.version, expected), version_mismatch(expected))
    return child


def _widen(child: Address, gap_limit: int, actions: list[Any], now: int, expected: ExpectedVersions) -> Address:
    """Store how many unused addresses in a row end the search of an HD wallet, also where the refresh finds it, and read it."""
    _count_derivation(child.currency, child.address, gap_limit)
    unchanged = has_version(Address.version, expected) & Address.follows(child.ledger_key)
    child.gap_limit = gap_limit
    transact(
        Write(
            Operation.UPDATE,
            Address.at(child.user_id, child.portfolio_id, child.address_id),
            actions=[*actions, Address.gap_limit.set(gap_limit)],
            condition=unchanged,
            on_failure=errors.Conflict if expected is None else errors.PreconditionFailed,
        ),
        Write(Operation.PUT, Watch.of(child), condition=Watch.pk.exists()),
        Ledger.make_due(child.ledger, now, user_id=child.user_id),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    return Address.find(child.user_id, child.portfolio_id, child.address_id)


def _move(child: Address, to: Destination, actions: list[Any], now: int, expected: ExpectedVersions) -> Address:
    unchanged = has_version(Address.version, expected) & Address.follows(child.ledger_key)
    unwatch = _unwatch(child, now)
    old_ledger = child.ledger
    moved = Address.at(child.user_id, child.portfolio_id, child.address_id)
    unknown = (Address.txns_last_updated, Address.agreement, Address.script_types, Address.within)
    child.point_to(to.followed)
    child.gap_limit = (to.gap_limit or child.gap_limit) if child.hd_wallet else None
    if child.hd_wallet:
        _count_derivation(child.currency, to.text, child.gap_limit)
    named = Address.hd_wallet.set(child.hd_wallet) if child.hd_wallet else Address.hd_wallet.remove()
    gap = Address.gap_limit.set(child.gap_limit) if child.gap_limit else Address.gap_limit.remove()
    actions += [Address.address.set(child.address), named, gap, Address.valid.set(True), Address.moved_at.set(now)]
    actions += [attribute.remove() for attribute in unknown]
    watch = _watch(child, now, _secret(child, to.text))
    changed = errors.Conflict if expected is None else errors.PreconditionFailed
    transact(
        Write(Operation.UPDATE, moved, actions=actions, condition=unchanged, on_failure=changed),
        Portfolio.note_contents(child.user_id, child.portfolio_id),
        *unwatch,
        *watch,
        *_refuse_former(child, to.followed.formerly),
    )
    messages.send_or_leave_to_sweep(*(RefreshLedger(pk, group=work_group(child.user_id)) for pk in (old_ledger, child.ledger)))
    portfolio_changed(child.user_id, child.portfolio_id, looked_at=now)
    return Address.find(child.user_id, child.portfolio_id, child.address_id)


def delete(child: Address, *, now: int, expected: ExpectedVersions = None) -> None:
    """Remove an address; a ledger without any other watch is deleted by its next refresh.

    Raises NotFound, PreconditionFailed.
    """
    unchanged = has_version(Address.version, expected) & Address.follows(child.ledger_key)
    transact(
        Write(Operation.DELETE, child, condition=unchanged, on_failure=version_mismatch(expected)),
        Portfolio.address_quota().decrement(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed()),
        *_unwatch(child, now),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    portfolio_changed(child.user_id, child.portfolio_id, looked_at=now)


def _count_derivation(currency: str, text: str, gap_limit: int | None) -> None:
    """Count the request by the unused addresses of an HD wallet that are derived at most; `text` may be what is shown of it.

    Raises TooManyRequests, and Invalid if they are more than may be.
    """
    unused = hd_wallets.unused(currency, text, gap_limit)
    if unused.steps > hd_wallets.MOST_UNUSED_STEPS:
        most = hd_wallets.most_gap(currency, text)
        sentence = translatable(
            'gap_limit must be at most {most} for a descriptor of so many keys and branches: choose a smaller one, or fewer branches',
            most=most,
        )
        raise errors.Invalid(errors.Fault('gap_limit', 'too_many_keys', sentence))
    charges.charge(max(unused.steps // _STEPS_PER_REQUEST, unused.addresses // _ADDRESSES_PER_REQUEST))


def _secret(child: Address, text: str) -> bytes | None:
    """Return the ciphertext of the extended key that an address was created from, None for a plain address."""
    return vault.encrypt(text, vault.ledger_context(child.ledger)) if isinstance(child.ledger_key, HdWalletKey) else None


def _watch(child: Address, now: int, secret: bytes | None) -> list[Write]:
    return [
        Write(Operation.PUT, Watch.of(child), condition=Watch.pk.does_not_exist(), on_failure=_duplicate),
        Ledger.make_due(child.ledger, now, user_id=child.user_id, secret=secret),
    ]


def _unwatch(child: Address, now: int) -> list[Write]:
    return [Write(Operation.DELETE, Watch.of(child)), Ledger.make_due(child.ledger, now, user_id=child.user_id)]


def _refuse_former(child: Address, formerly: Sequence[HdWalletKey]) -> list[Write]:
    """Return the checks that the portfolio has not the same HD wallet under a name that earlier releases gave it."""
    former = [Watch(key.text, Watch.of(child).sk) for key in formerly]
    return [Write(Operation.CHECK, watch, condition=Watch.pk.does_not_exist(), on_failure=_duplicate) for watch in former]


def _duplicate() -> errors.Invalid:
    return errors.Invalid(errors.Fault('address', 'duplicate_address', translatable('this portfolio already has this address')))
