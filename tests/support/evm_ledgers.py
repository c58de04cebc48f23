"""What the tests of ledgers of Ethereum-like chains share: how one is followed, refreshed, and shown."""

from decimal import Decimal
from typing import Any

from chalicelib.domain import money
from chalicelib.models import Ledger, Transaction
from chalicelib.services.portfolios import addresses
from infra.fake_upstreams import evm
from tests.support.api import Api
from tests.support.evm import ME
from tests.support.jobs import record, refresh_job

PK = f'LEDGER#eth#{evm.ADDRESS}'
PATH = '/api/portfolios/1/addresses/1'
AT = 1_600_000_000


def watch(api: Api, code: str = 'eth') -> None:
    """Put an address of the chain into a new portfolio."""
    portfolio = api.portfolio(currencies=('eth', 'usd'))
    addresses.store(addresses.draft(api.user_id, portfolio, title='Mine', currency=code, address=evm.ADDRESS, now=AT))


def refresh(pk: str = PK) -> bool:
    """Refresh the ledger as it would be some time after the last refresh; say whether that went well."""
    ledger = Ledger.find(pk)
    if ledger is not None and ledger.updated_at is not None:
        ledger.update([Ledger.updated_at.set(ledger.updated_at - 3_000)])
    return not refresh_job(record({'ledger': pk}))


def shown(api: Api) -> tuple[dict[str, str], bool]:
    """Return what the API shows of the address: balances by currency, and whether they are complete."""
    body = api.get(f'{PATH}/balances').json_body
    return {row['currency']['code']: row['balance'] for row in body['result']}, body['complete']


def listed(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(f'{PATH}/transactions').json_body['result']
    return rows


def stored_sums(pk: str = PK) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for row in Transaction.every(pk):
        found[row.currency] = money.add(found.get(row.currency, money.ZERO), row.delta)
    return {code: total for code, total in found.items() if total}


def txn(number: int, **changes: Any) -> evm.Transaction:
    """Return a transaction that pays nothing to the address."""
    plain = evm.Transaction(evm.txn_hash(number), 18_000_000 + number, AT + 12 * number, evm.STRANGER, ME, 0)
    return plain._replace(**changes)


FUNDED = txn(0, value=10 * evm.ETHER, transfers=(evm.Transfer(evm.USDC, evm.EXCHANGE, ME, 5_000_000),))
