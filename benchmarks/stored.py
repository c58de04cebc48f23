"""What benchmarks store straight, without the requests and jobs by which it comes about."""

from collections.abc import Sequence
from decimal import Decimal


class Watched:
    """A portfolio of one address, and the ledger of that; items that are not stored yet."""

    def __init__(self, portfolio_id: int, address: str) -> None:
        from chalicelib.domain.hd_wallets import identify
        from chalicelib.models import Address, Portfolio

        self.portfolio, self.address = Portfolio.at('somebody', portfolio_id), Address.at('somebody', portfolio_id, 1)
        self.portfolio.currencies, self.portfolio.addresses = ['doge', 'usd'], 1
        self.address.address_id, self.address.currency = 1, 'doge'
        self.address.point_to(identify('doge', address))
        for item in (self.portfolio, self.address):
            item.user_id, item.portfolio_id, item.title = 'somebody', portfolio_id, 'Watched'
            item.created_at = item.updated_at = 1

    def store(self, instants: Sequence[int], now: int) -> None:
        """Store a payment at each instant, beside those that are there, and the balance that all sum to."""
        from chalicelib.domain.ledgers import Entry, Holding
        from chalicelib.models import Item, Ledger, Transaction

        pk = self.address.ledger
        entries = (Entry(f'{at:064x}', 0, 'doge', Decimal(at % 7 + 1), None, at, at) for at in instants)
        Transaction.store(Transaction.of(pk, entry, source='blockbook_doge', run=None, now=now) for entry in entries)
        ledger = Ledger.find(pk) or Ledger.at(pk)
        held = sum((row.balance for row in ledger.holdings), Decimal(0)) + sum(Decimal(at % 7 + 1) for at in instants)
        ledger.holdings = [Holding('doge', held, Decimal(0), held, None)]
        ledger.source, ledger.updated_at, ledger.reconciled_at, ledger.newest_at = 'blockbook_doge', now, now, max(instants)
        ledger.changes = ledger.changes.noted(min(instants))
        Item.write_many(put=[self.portfolio, self.address, ledger])
