"""A portfolio worth looking at, for `make run UPSTREAM=sample`: the demo user's, made by the services that pages and API use.

What it holds is in the sample upstream, on several chains and at an exchange; some is entered by hand, a part of that without a price.
"""

import time
from decimal import Decimal

from chalicelib.models import Offset, Portfolio, User
from chalicelib.services.portfolios import accounts, addresses, offsets, portfolios
from infra.fake_upstreams import hd_wallet, kraken_account
from infra.fake_upstreams.sample import SAMPLE_ADDRESSES

TITLE = 'Demo portfolio'
CURRENCIES = ['usd', 'eur', 'btc']
_UNFINISHED = f'{TITLE}, being made'
_DAY = 86_400
_TITLES = {
    'btc': 'Savings',
    'eth': 'Everyday wallet',
    'eth-base': 'Everyday wallet on Base',
    'sol': 'Solana wallet',
}
_ADDRESSES = (*((SAMPLE_ADDRESSES[chain], title, chain) for chain, title in _TITLES.items()), (hd_wallet.KEY, 'Hardware wallet', 'btc'))
_KRAKEN = {'key': kraken_account.SAMPLE_KEY, 'secret': kraken_account.SAMPLE_SECRET}
# Title, amounts, and since how many days they count. No source has a price of the last, which leaves the value incomplete.
_ENTERED = (
    ('Bank account', {'eur': Decimal('4200.00')}, 5 * 365),
    ('Paper wallet', {'eth': Decimal('1.5')}, 5 * 365 - 90),
    ('Coins of a fork, sold nowhere', {'btg': Decimal('12')}, 12),
)


def make_once(user: User) -> int:
    """Make the portfolio unless the user has any; return the id of their first one.

    One that was left unfinished, as the run was ended in the meantime, is removed and made anew.
    """
    first = next(iter(Portfolio.page(user.user_id, after=0, limit=1)), None)
    if first is not None and first.title != _UNFINISHED:
        return first.portfolio_id
    if first is not None:
        portfolios.delete(user.user_id, first.portfolio_id)
    return _make(user.user_id, int(time.time()))


def _make(user_id: str, now: int) -> int:
    portfolio = Portfolio.draft(user_id, title=_UNFINISHED, currencies=CURRENCIES, now=now)
    portfolios.store(portfolio)
    key = (user_id, portfolio.portfolio_id)
    for address, title, currency in _ADDRESSES:
        addresses.store(addresses.draft(*key, title=title, address=address, currency=currency, now=now))
    accounts.store(accounts.draft(*key, title='Kraken', wallet='kraken', credentials=_KRAKEN, now=now))
    for title, balances, days in _ENTERED:
        offsets.store(Offset.draft(*key, title=title, balances=balances, since=now - days * _DAY, now=now))
    portfolios.change(*key, title=TITLE, currencies=None, now=now)
    return key[1]
