"""Keep one ledger fresh: read its explorers, store what is new, check that it adds up, tell who watches it.

Every step can be repeated: a crash between any two leaves the ledger leased until the lease runs out and due then, and
the next run does the rest. Nothing here is told by a message but the ledger's key.
"""

import contextlib
import logging
import uuid
from typing import Any

from chalicelib import clock, errors, messages
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.messages import RefreshLedger
from chalicelib.models import Address, Item, LeaseLost, Ledger, Portfolio, Snapshot, Transaction, Watch
from chalicelib.providers.explorers import Explorer, explorers_of
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers import cross_check, download, hd_wallet
from chalicelib.services.ledgers.reading import HOT_SECONDS
from chalicelib.services.ledgers.upstream_gate import UpstreamGate

log = logging.getLogger(__name__)

_WARM_SECONDS, _COLD_SECONDS = 3_600, 86_400
_FRESH_SECONDS = 10
_FIRST_BACKOFF = 10


def refresh(pk: str, *, seen_at: int | None, deadline: float) -> None:
    """Bring a ledger up to date, or a slice further before `deadline` (clock.monotonic()) and send for the next slice.

    A ledger that somebody else is refreshing, or that was refreshed seconds ago, is left alone; one that nobody watches
    any more is deleted. Raises Upstream, naming every explorer asked, when none of them answered.
    """
    now = clock.now()
    ledger = Ledger.lease(pk, owner=uuid.uuid4().hex, now=now, seen_at=seen_at)
    if ledger is None:
        return
    try:
        _refresh_leased(ledger, now, deadline)
    except LeaseLost:
        log.info('%s: another worker took over', pk)
    except errors.Upstream:
        raise  # noted already
    except Exception as error:
        # With the lease kept, the next receive of the message would find the ledger held, and count as done.
        with contextlib.suppress(LeaseLost):
            ledger.fail(type(error).__name__, clock.now() + HOT_SECONDS)
        raise


def _refresh_leased(ledger: Ledger, now: int, deadline: float) -> None:
    watches = Watch.every(ledger.pk)
    if not watches:
        _delete(ledger)
        return
    finished, known = True, ledger.changes
    if not _is_fresh(ledger, now):
        finished = _read_parts(ledger, deadline) if isinstance(ledger.key, HdWalletKey) else _ask_explorers(ledger, watches, deadline)
    _stamp(ledger, watches)
    if ledger.changes != known:
        messages.portfolios_changed((watch.user_id, watch.portfolio_id) for watch in _of_children(watches))
    if finished:
        ledger.release(clock.now() + interval(ledger, clock.now()))
    else:
        ledger.release(clock.now())
        messages.send(RefreshLedger(ledger.pk))


def interval(ledger: Ledger, now: int) -> int:
    """Return the seconds until a ledger is due again: minutes while somebody looks at it, a day when nobody did of late."""
    unseen = now - (ledger.seen_at or 0)
    if unseen < _WARM_SECONDS:
        return HOT_SECONDS
    return _WARM_SECONDS if unseen < _COLD_SECONDS else _COLD_SECONDS


def _is_fresh(ledger: Ledger, now: int) -> bool:
    return not download.is_unfinished(ledger) and now - (ledger.updated_at or 0) < _FRESH_SECONDS


def _read_parts(ledger: Ledger, deadline: float) -> bool:
    """Read a wallet; True when it is up to date. Raises Upstream."""
    try:
        return hd_wallet.read(ledger, refresh, deadline)
    except errors.Upstream as error:
        _back_off(ledger, str(error))
        raise


def _ask_explorers(ledger: Ledger, watches: list[Watch], deadline: float) -> bool:
    """Read the first explorer that answers; True when the ledger is up to date. Raises Upstream when none does."""
    failures: list[errors.Upstream] = []
    gate = UpstreamGate(before_each=lambda: ledger.keep_lease(clock.now()))
    for explorer in _in_order(ledger):
        try:
            finished = download.read(ledger, explorer, Http(gate), deadline)
        except errors.Upstream as error:
            log.warning('%s: %s', ledger.pk, error)
            failures.append(error)
            gate.failed(error)
        else:
            gate.worked(explorer.endpoint)
            if finished and clock.monotonic() < deadline:
                cross_check.check(ledger, explorer, gate)
            return finished
    return _give_up(ledger, watches, failures)


def _in_order(ledger: Ledger) -> list[Explorer]:
    """Return the explorers to ask, first the one that a download under way was begun with: another would begin anew."""
    key = ledger.address_key
    explorers = explorers_of(key.currency, key.address)
    begun = ledger.cursor.explorer if ledger.cursor is not None and ledger.cursor.resume is not None else None
    return sorted(explorers, key=lambda explorer: explorer.endpoint.key != begun)


def _give_up(ledger: Ledger, watches: list[Watch], failures: list[errors.Upstream]) -> bool:
    """Note that no explorer answered. Raises Upstream, unless all of them say that the address cannot exist."""
    now = clock.now()
    if all(isinstance(error, errors.UpstreamRejected) for error in failures):
        ledger.reject(now)
        for watch in _of_children(watches):
            _update(_address(watch), [Address.valid.set(False)], Address.follows(ledger.key))
        return True
    reason = '; '.join(map(str, failures))
    _back_off(ledger, reason)
    raise errors.Upstream(ledger.address_key.currency, reason)


def _back_off(ledger: Ledger, reason: str) -> None:
    now = clock.now()
    backoff = min(interval(ledger, now), _FIRST_BACKOFF * 2 ** min(ledger.failures or 0, 10))
    ledger.fail(reason, now + backoff)


def _stamp(ledger: Ledger, watches: list[Watch]) -> None:
    """Tell the children and portfolios that show this ledger when its values were observed."""
    if not ledger.ready or ledger.valid is False:
        return
    for watch in _of_children(watches):
        seen = [Address.txns_last_updated.set(ledger.updated_at), Address.valid.set(True)]
        seen += [] if ledger.agreement is None else [Address.agreement.set(ledger.agreement)]
        _update(_address(watch), seen, Address.follows(ledger.key))
        portfolio = Portfolio.at(watch.user_id, watch.portfolio_id)
        _update(portfolio, [attribute.set(ledger.updated_at) for attribute in (Portfolio.observed_at, Portfolio.balances_last_updated)])


def _update(item: Item, actions: list[Any], condition: Any = None) -> None:
    with contextlib.suppress(errors.NotFound):  # deleted meanwhile, or moved to another address
        item.update_existing(actions, condition)


def _delete(ledger: Ledger) -> None:
    """Delete a ledger that nobody watches, its state last.

    Somebody may start to watch it meanwhile and find it emptied: that made it due again, which keeps the state.
    """
    hd_wallet.let_go(ledger)
    ledger.forget(clock.now())
    # Only now: who came before this is seen here, and who comes after it makes the ledger due, which `discard` sees.
    if not Watch.every(ledger.pk):
        Transaction.remove(ledger.pk, (transaction.sk for transaction in Transaction.every(ledger.pk)))
        Snapshot.remove(ledger.pk)
        if ledger.discard():
            return
    ledger.release(clock.now())
    messages.send(RefreshLedger(ledger.pk))


def _of_children(watches: list[Watch]) -> list[Watch]:
    """Return the watches of what shows a ledger: wallets, which watch it too, are told when they look."""
    return [watch for watch in watches if watch.is_of_child]


def _address(watch: Watch) -> Address:
    return Address.at(watch.user_id, watch.portfolio_id, watch.child_id)
