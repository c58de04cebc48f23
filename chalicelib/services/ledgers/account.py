"""Read the ledger of an account at an exchange, with credentials that are decrypted into memory only.

Credentials that the exchange refuses are not tried again until they are replaced, so that nobody is locked out by us.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from chalicelib import clock, errors, vault
from chalicelib.domain import exchanges
from chalicelib.domain.work_groups import work_group
from chalicelib.models import Credentials, Cursor, Ledger, Snapshot, Transaction, Watch
from chalicelib.providers.exchanges import reader_of
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo
from chalicelib.services.ledgers import counting, download
from chalicelib.services.ledgers.leased import Reader
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen

log = logging.getLogger(__name__)

# May pass by itself: tried again some times before the user is told.
_PASSING = ('wrong_nonce', 'clock_differs', 'address_refused', 'answer_refused')
_MOST_TRIES = 3


def read(ledger: Ledger, deadline: float) -> bool:
    """Bring an account's ledger up to date; False when `deadline` (clock.monotonic()) came first and more is left.

    Credentials that are refused are noted, with the reason. Raises Upstream when the exchange could not be read, and LeaseLost.
    """
    if ledger.valid is False:
        return True
    credentials = Credentials.find(ledger.pk)
    if credentials is None:
        ledger.reject(clock.now(), 'credentials_missing')
        return True
    try:
        decrypted = json.loads(vault.decrypt(credentials.secret, vault.ledger_context(credentials.pk)))
        return _read(ledger, credentials.wallet, decrypted, deadline)
    except errors.AccountRefused as error:
        if error.problem in _PASSING and (ledger.failures or 0) + 1 < _MOST_TRIES:
            raise
        log.warning('%s: %s', ledger.pk, error)
        ledger.reject(clock.now(), error.problem, error.detail)
        return True


def _read(ledger: Ledger, wallet: str, secrets: Mapping[str, Any], deadline: float) -> bool:
    gate = UpstreamGate(work_group(ledger.account_key.user_id))

    def prepare(endpoint: Endpoint) -> None:
        ledger.renew_if_short(clock.now())
        gate(endpoint)

    http = Http(prepare, keep=lambda: ledger.renew_if_short(clock.now()))
    reader = reader_of(wallet, secrets)
    try:
        with foreseen(reader.endpoint, ledger.pk):
            _identify(ledger, reader.check(http), reader.info)
            finished = download.read(ledger, reader, http, deadline)
    except errors.Upstream as error:
        # By user, as one can make up credentials, for however many accounts, that a firewall of the exchange answers like an outage.
        gate.failed(error, ledger.account_key.user_id)
        raise
    gate.worked(reader.endpoint)
    return finished


def _identify(ledger: Ledger, exchange_account: str | None, info: UpstreamInfo) -> None:
    """Note what the exchange calls the account, and forget what is stored if that is of another one. Raises LeaseLost.

    Of replaced credentials that do not say which account they are of, it may be: then entries that are too old to be listed any more, which
    nothing would remove, are forgotten with all others.
    """
    if exchange_account is None:
        if info.history in exchanges.LIMITED and _has_other_credentials(ledger):
            log.warning('%s: the credentials do not say which account they are of', ledger.pk)
            _forget(ledger)
        return
    digest = sha256(f'{ledger.pk} {exchange_account}'.encode()).hexdigest()
    if ledger.exchange_account not in (None, digest):
        log.warning('%s: the credentials are of another account', ledger.pk)
        _forget(ledger)
    if ledger.exchange_account != digest:
        ledger.identify(digest, clock.now())


def _has_other_credentials(ledger: Ledger) -> bool:
    """Whether it was read with earlier ones, and not yet with those that it has."""
    cursor: Cursor | None = ledger.cursor
    return cursor is None and (ledger.ready or Transaction.oldest(ledger.pk) is not None)


def _forget(ledger: Ledger) -> None:
    """Forget all that is stored, what `_has_other_credentials` looks at last: it finds what a worker that died left. Raises LeaseLost."""
    ledger.renew(clock.now())
    Snapshot.remove(ledger.pk)
    ledger.forget(clock.now())
    Transaction.remove(ledger.pk, (transaction.sk for transaction in counting.stored_transactions(ledger, ledger.pk)))


def _forget_credentials(ledger: Ledger) -> None:
    """Delete the credentials of an account that nothing shows any more."""
    Credentials.at(ledger.pk).delete()


def _asks_for_more(ledger: Ledger, _: Sequence[Watch]) -> bool:
    """Whether it got other credentials since it was read."""
    cursor: Cursor | None = ledger.cursor
    return cursor is None


READER = Reader(read, _forget_credentials, _asks_for_more)
