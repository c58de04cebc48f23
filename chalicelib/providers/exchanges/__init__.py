"""How accounts are read, exchange by exchange. What users see of the exchanges is in domain.exchanges."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.config import settings
from chalicelib.domain import experimental_exchanges
from chalicelib.providers.exchanges import binance, bitfinex, bitstamp, bybit, coinbase, experimental, gemini, generic, kraken, kucoin, okx
from chalicelib.providers.exchanges.account_reader import AccountReader
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

Credentials = Mapping[str, Any]

CONNECTORS: Mapping[str, Callable[[Credentials], AccountReader]] = {
    'binance': binance.BinanceReader,
    'bitfinex': bitfinex.BitfinexReader,
    'bitstamp': bitstamp.BitstampReader,
    'bybit': bybit.BybitReader,
    'coinbase': coinbase.CoinbaseReader,
    'gemini': gemini.GeminiReader,
    'generic': generic.GenericReader,
    'kraken': kraken.KrakenReader,
    'kucoin': kucoin.KucoinReader,
    'okx': okx.OkxReader,
}
_SUPPORTED: tuple[tuple[Endpoint, UpstreamInfo], ...] = (
    (binance.ENDPOINT, binance.INFO),
    (bitfinex.ENDPOINT, bitfinex.INFO),
    (bitstamp.ENDPOINT, bitstamp.INFO),
    (bybit.ENDPOINT, bybit.INFO),
    (coinbase.ENDPOINT, coinbase.INFO),
    (gemini.ENDPOINT, gemini.INFO),
    (kraken.ENDPOINT, kraken.INFO),
    (kucoin.ENDPOINT, kucoin.INFO),
    (okx.ENDPOINT, okx.INFO),
)


def sources() -> list[tuple[Endpoint, UpstreamInfo]]:
    """Return the exchanges, for /api/sources, with the experimental ones that are offered here."""
    codes = sorted(settings().experimental_exchanges)
    return [*_SUPPORTED, *((experimental.endpoint_of(code), experimental.info_of(experimental_exchanges.get(code))) for code in codes)]


def reader_of(exchange: str, credentials: Credentials) -> AccountReader:
    """Return the reader of one account. Sends nothing yet.

    Raises AccountRefused for credentials that cannot be right, or an experimental exchange that is not offered here any more.
    """
    if exchange in CONNECTORS:
        return CONNECTORS[exchange](credentials)
    return experimental.ExperimentalReader(exchange, credentials)
