"""The sources of rates of exchange."""

from chalicelib.providers.explorers.explorer import About
from chalicelib.providers.rates.bitstamp import Bitstamp
from chalicelib.providers.rates.coinbase import Coinbase
from chalicelib.providers.rates.coingecko import CoinGecko
from chalicelib.providers.rates.ecb import Ecb
from chalicelib.providers.rates.kraken import Kraken
from chalicelib.providers.rates.source import Page, Source
from chalicelib.providers.transport import Host

_RATES, _DAILY = 'rates', 'daily_closes'
_COINBASE_API = 'https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates'
_KRAKEN_API = 'https://docs.kraken.com/api/docs/rest-api/get-ticker-information'
_ECB_PAGE = 'https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates'

# In the order in which they are asked for daily closes.
SOURCES: tuple[Source, ...] = (
    Bitstamp(
        Host('bitstamp', 'https://www.bitstamp.net/api/v2', every_ms=100),
        About('Bitstamp', 'https://www.bitstamp.net/api/', (_RATES, _DAILY)),
    ),
    CoinGecko(
        Host('coingecko', 'https://api.coingecko.com/api/v3', every_ms=4_000, secret_header='x-cg-demo-api-key: {}'),
        About('CoinGecko', 'https://docs.coingecko.com/v3.0.1/reference/introduction', (_RATES, _DAILY)),
    ),
    Coinbase(Host('coinbase', 'https://api.coinbase.com', every_ms=1_000), About('Coinbase', _COINBASE_API, (_RATES,))),
    Kraken(Host('kraken', 'https://api.kraken.com', every_ms=1_000), About('Kraken', _KRAKEN_API, (_RATES,))),
    Ecb(
        Host('ecb', 'https://www.ecb.europa.eu/stats/eurofxref', every_ms=500),
        About('European Central Bank', _ECB_PAGE, (_RATES, _DAILY)),
    ),
)

__all__ = ['SOURCES', 'Page', 'Source']
