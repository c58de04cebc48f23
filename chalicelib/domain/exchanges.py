"""The exchanges whose accounts are supported: what each needs, what it tells, and what it calls its currencies. Pure.

The specification calls an exchange a wallet. How each is read is in chalicelib/providers/exchanges.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.domain import currencies
from chalicelib.texts import translatable

WHOLE, SIX_YEARS, TWO_YEARS, THREE_MONTHS, THREE_DAYS = 'whole', 'six years', 'two years', 'three months', 'three days'
PARTIAL, NO_HISTORY = 'partial', 'none'
LIMITED = (SIX_YEARS, TWO_YEARS, THREE_MONTHS, THREE_DAYS)  # what was listed once is not listed any more after that long


class Exchange(NamedTuple):
    """An exchange, or another server that tells balances.

    `documentation` is a page that says how to make an API key, if it takes one. `needs` are the names of the credentials, `takes` those
    that may be left out. `permissions` are what an API key must be allowed to do, in the words of the exchange. `covers` are the parts
    of an account that are counted, `lacks` those that are not. `history` says how far back entries are listed, in one of the words above.
    `is_experimental`: nobody has compared what is read of its accounts with anything, see experimental_exchanges.py.
    """

    code: str
    title: str
    documentation: str | None
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    history: str = NO_HISTORY
    is_experimental: bool = False


EXCHANGES: Mapping[str, Exchange] = {
    exchange.code: exchange
    for exchange in (
        Exchange(
            'binance',
            'Binance',
            'https://www.binance.com/en/support/faq/detail/360002502072',
            needs=('key', 'secret'),
            permissions=('Enable Reading',),
            covers=('spot', 'funding', 'Simple Earn'),
            lacks=('margin', 'futures', 'options', 'other earn products', 'loans', 'trading bots', 'copy trading', 'sub-accounts'),
            history=PARTIAL,
        ),
        Exchange(
            'bitfinex',
            'Bitfinex',
            'https://docs.bitfinex.com/docs/requirements-and-limitations',
            needs=('key', 'secret'),
            permissions=('Account History', 'Wallets'),
            covers=('exchange', 'margin', 'funding'),
            lacks=('unrealised profit of open positions', 'unsettled interest', 'sub-accounts'),
            history=SIX_YEARS,
        ),
        Exchange(
            'bitstamp',
            'Bitstamp',
            'https://www.bitstamp.net/api/#section/What-is-API',
            needs=('key', 'secret'),
            permissions=('Account balance', 'User transactions'),
            covers=('spot', 'staking', 'lending'),
            lacks=('sub-accounts', 'derivatives'),
            history=WHOLE,
        ),
        Exchange(
            'bybit',
            'Bybit',
            'https://bybit-exchange.github.io/docs/v5/guide',
            needs=('key', 'secret'),
            permissions=('Read-Only', 'Unified Trading', 'Assets: Wallet'),
            covers=('Unified Trading Account less what is borrowed', 'funding'),
            lacks=(
                'unrealised profit of open positions',
                'earn',
                'loans',
                'trading bots',
                'copy trading',
                'inverse derivatives apart from the unified account',
                'sub-accounts',
            ),
            history=TWO_YEARS,
        ),
        Exchange(
            'coinbase',
            'Coinbase',
            'https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication',
            needs=('key', 'secret'),
            permissions=('View',),
            covers=('wallets of all portfolios', 'vaults', 'staking'),
            lacks=('futures', 'perpetuals', 'loans', 'Coinbase Wallet', 'Coinbase Exchange', 'Coinbase Prime'),
            history=WHOLE,
        ),
        Exchange(
            'gemini',
            'Gemini',
            'https://docs.gemini.com/rest-api/#authentication',
            needs=('key', 'secret'),
            permissions=('Auditor',),
            covers=('spot', 'staking'),
            lacks=('other accounts of a group', 'derivatives', 'prediction markets'),
            history=WHOLE,
        ),
        Exchange(
            'generic',
            translatable('Your own server'),
            None,
            needs=('url',),
            takes=('headers',),
            covers=('what the URL tells',),
        ),
        Exchange(
            'kraken',
            'Kraken',
            'https://support.kraken.com/articles/360000919966-how-to-create-an-api-key',
            needs=('key', 'secret'),
            permissions=('Query funds', 'Query ledger entries'),
            covers=('spot', 'staking', 'earn'),
            lacks=('open margin positions', 'futures'),
            history=WHOLE,
        ),
        Exchange(
            'kucoin',
            'KuCoin',
            'https://www.kucoin.com/support/360015102174',
            needs=('key', 'secret', 'password'),
            permissions=('General',),
            covers=(
                'funding, with entries of a year',
                'spot, cross margin and isolated margin less what is borrowed',
                'Unified Trading Account less what is borrowed',
            ),
            lacks=('unrealised profit of open positions', 'earn', 'futures apart from the unified account', 'trading bots', 'sub-accounts'),
            history=THREE_DAYS,
        ),
        Exchange(
            'okx',
            'OKX',
            'https://www.okx.com/help/api-faq',
            needs=('key', 'secret', 'password'),
            permissions=('Read',),
            covers=(
                'cash of the trading account less what is borrowed',
                'funding, whose entries reach back to 2021',
                'Simple Earn Flexible',
            ),
            lacks=(
                'unrealised profit of open positions',
                'isolated margin',
                'trading bots',
                'other earn products',
                'loans',
                'sub-accounts',
            ),
            history=THREE_MONTHS,
        ),
    )
}

# What these are called is the same at every exchange, and nothing else is called so at any. All others are listed exchange by exchange.
_PLAIN_CODES = (
    'usd eur gbp cad aud jpy chf sgd '
    'btc eth xrp ltc bch doge xlm ada sol dot atom trx xmr zec etc dash algo avax near fil icp xtz hbar vet apt sui sei tia inj '
    'usdt usdc dai pyusd tusd gusd link uni aave comp crv mkr snx yfi sushi bal grt lrc bat zrx ldo rpl ens mana sand axs chz enj gala imx '
    'ape shib pepe arb matic 1inch ankr paxg wbtc storj skl'
)
_SAME_EVERYWHERE = frozenset(_PLAIN_CODES.split())


def _by_symbol(codes: str) -> dict[str, str]:
    return {code.upper(): code for code in codes.split()}


# Looked at where they are named below.
_TRADED_CODES = 'bnb bonk egld ena floki iota ksm neo op pol pyth qtum render strk stx theta ton wif wld'
_TRADED_WIDELY = _by_symbol(_TRADED_CODES)
_NAMES: Mapping[str, Mapping[str, str]] = {
    'binance': {**_TRADED_WIDELY, 'LUNA': 'luna', 'LUNC': 'lunc', 'USTC': 'ustc', 'FDUSD': 'fdusd', 'BNSOL': 'bnsol', 'WBETH': 'wbeth'},
    'bitfinex': {
        **_by_symbol('bsv egld eurs floki ksm leo neo op pol render stx theta ton wif xaut xec'),
        **dict.fromkeys(('BAB', 'BCHN'), 'bch'),
        **dict.fromkeys(('UST', 'USTF0'), 'usdt'),  # the second is collateral of derivatives
        'ALG': 'algo',
        'AMP': 'ampl',
        'ATO': 'atom',
        'BCHABC': 'xec',
        'DSH': 'dash',
        'EUS': 'eurs',
        'IOT': 'iota',
        'LUNA': 'lunc',  # as at Kraken
        'LUNA2': 'luna',
        'MNA': 'mana',
        'QTM': 'qtum',
        'RBT': 'rbtc',
        'STJ': 'storj',
        'TERRAUST': 'ustc',
        'TSD': 'tusd',
        'UDC': 'usdc',
    },
    'bybit': {**_TRADED_WIDELY, 'LUNC': 'lunc', 'USTC': 'ustc'},
    'coinbase': {
        **_by_symbol('bnb bonk egld ena floki ksm op pol pyth render strk stx wif cbbtc cbeth celo eurc'),
        'CGLD': 'celo',
        'ETH2': 'eth',
        'REPV2': 'rep',
    },
    'kraken': {
        **{f'Z{code.upper()}': code for code in ('usd', 'eur', 'gbp', 'cad', 'aud', 'jpy', 'chf')},
        **{f'X{code.upper()}': code for code in ('etc', 'eth', 'ltc', 'xlm', 'xmr', 'xrp', 'zec')},
        **dict.fromkeys(('XBT', 'XXBT'), 'btc'),
        **dict.fromkeys(('XDG', 'XXDG'), 'doge'),
        'ETH2': 'eth',
        'XMLN': 'mln',
        'MLN': 'mln',
        'BSV': 'bsv',
        'LUNA': 'lunc',  # the chain that failed; its successor is LUNA2
        'LUNA2': 'luna',
        'UST': 'ustc',
        'REPV2': 'rep',  # XREP and REP are the token before its migration
    },
    'kucoin': {
        **_TRADED_WIDELY,
        'BCHSV': 'bsv',
        'KCS': 'kcs',
        'LUNA': 'luna',  # the successor, other than at Kraken
        'LUNC': 'lunc',
        'USTC': 'ustc',
    },
    'okx': {**_TRADED_WIDELY, 'LUNA': 'luna', 'LUNC': 'lunc', 'USTC': 'ustc', 'OKB': 'okb'},
}
_UNLISTED_SYMBOL = re.compile('[^a-z0-9]+')


def code_of(exchange: str, symbol: str) -> str:
    """Return the code of what an exchange calls `symbol`; one that stands for no currency of the catalogue if we do not know for certain.

    >>> code_of('kraken', 'XXBT'), code_of('kraken', 'LUNA'), code_of('kraken', 'NEWCOIN')
    ('btc', 'lunc', 'x-kraken-newcoin')
    """
    names = _NAMES.get(exchange, {})
    if symbol in names:
        return names[symbol]
    plain = symbol.lower()
    if plain in _SAME_EVERYWHERE:
        return plain
    return currencies.unlisted(exchange, _UNLISTED_SYMBOL.sub('-', plain).strip('-') or 'unnamed')


def symbol_of(exchange: str, code: str) -> str:
    """Return what an exchange calls a currency, given the code that `code_of` returned; of several names, any.

    >>> symbol_of('kucoin', 'bsv'), symbol_of('binance', 'x-binance-1000sats'), symbol_of('binance', 'btc')
    ('BCHSV', '1000SATS', 'BTC')
    """
    names = {listed: symbol for symbol, listed in _NAMES.get(exchange, {}).items()}
    return names.get(code) or code.removeprefix(currencies.unlisted(exchange, '')).upper()
