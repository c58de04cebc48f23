"""The rate sources, in the order in which they are asked for daily closes. To add one: docs/howto/add-a-rate-source.md."""

from chalicelib.providers.rates.bitstamp import Bitstamp
from chalicelib.providers.rates.coinbase import Coinbase
from chalicelib.providers.rates.coingecko import CoinGecko
from chalicelib.providers.rates.ecb import Ecb
from chalicelib.providers.rates.frankfurter import Frankfurter
from chalicelib.providers.rates.kraken import Kraken
from chalicelib.providers.rates.nbp import Nbp
from chalicelib.providers.rates.rate_source import ClosesPage, RateSource
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_RATES, _DAILY = 'rates', 'daily_closes'
_COINBASE_API = 'https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates'
_KRAKEN_API = 'https://docs.kraken.com/api/docs/rest-api/get-ticker-information'
_ECB_PAGE = 'https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates'

RATE_SOURCES: tuple[RateSource, ...] = (
    Bitstamp(
        Endpoint('bitstamp', 'https://www.bitstamp.net/api/v2', min_interval_ms=100),
        UpstreamInfo('Bitstamp', 'https://www.bitstamp.net/api/', (_RATES, _DAILY)),
    ),
    CoinGecko(
        Endpoint('coingecko', 'https://api.coingecko.com/api/v3', min_interval_ms=4_000, secret_header='x-cg-demo-api-key: {}'),
        UpstreamInfo('CoinGecko', 'https://docs.coingecko.com/v3.0.1/reference/introduction', (_RATES, _DAILY)),
    ),
    Coinbase(
        Endpoint('coinbase', 'https://api.coinbase.com', min_interval_ms=1_000),
        UpstreamInfo('Coinbase', _COINBASE_API, (_RATES,)),
    ),
    Kraken(
        Endpoint('kraken', 'https://api.kraken.com', min_interval_ms=1_000),
        UpstreamInfo('Kraken', _KRAKEN_API, (_RATES,)),
    ),
    Ecb(
        Endpoint('ecb', 'https://www.ecb.europa.eu/stats/eurofxref', min_interval_ms=500),
        UpstreamInfo('European Central Bank', _ECB_PAGE, (_RATES, _DAILY)),
    ),
    Frankfurter(
        Endpoint('frankfurter', 'https://api.frankfurter.dev', min_interval_ms=1_000),
        UpstreamInfo('Frankfurter', 'https://frankfurter.dev/docs/', (_RATES, _DAILY)),
    ),
    Nbp(
        Endpoint('nbp', 'https://api.nbp.pl/api/exchangerates', min_interval_ms=500),
        UpstreamInfo('National Bank of Poland', 'https://api.nbp.pl/en.html', (_RATES, _DAILY)),
    ),
)

__all__ = ['RATE_SOURCES', 'ClosesPage', 'RateSource']
