"""Negative fees, which some exchanges pay who makes a market: what is got is a part of the change, and no fee was paid."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.domain import money
from chalicelib.providers.exchanges import reader_of
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.kraken_account import LedgerRow
from tests.support import binance, bitstamp, bybit, coinbase, gemini, kraken, kucoin, okx
from tests.support.accounts import reached
from tests.support.upstreams import http

AT = clock.now() - 86_400
Respond = Callable[[Request], Answer]
# Of a purchase of one coin for two dollars, with a cent as rebate. A log that tells one currency alone tells that of the dollars.
BOUGHT = {'ltc': Decimal(1), 'usd': Decimal('-1.99')}
PAID = {'usd': Decimal('-1.99')}


def of_kraken() -> Respond:
    scripted = kraken.Kraken()
    scripted.account.rows = [
        LedgerRow('L1', 'R1', AT, 'trade', 'ZUSD', Decimal(-2), Decimal('-0.01')),
        LedgerRow('L2', 'R1', AT, 'trade', 'XLTC', Decimal(1), Decimal(0)),
    ]
    return scripted.respond


def of_binance() -> Respond:
    trade = binance.trade(5, AT, '1', '2', '-0.01', 'USDT')
    return binance.BinanceAccount(spot=[binance.holding('LTC', '1')], trades={'LTCUSDT': [trade]}).respond


def of_bitstamp() -> Respond:
    when = {'datetime': '2026-03-01 12:00:00.123000', 'id': 1}
    row = when | {'type': '2', 'ltc': '1', 'usd': '-2.00', 'ltc_usd': '2', 'fee': '-0.01', 'order_id': 9}
    return bitstamp.BitstampAccount(rows=[row], balances={'ltc': '1'}).respond


def of_coinbase() -> Respond:
    def half(key: str, currency: str, amount: str) -> dict[str, Any]:
        fill = {'product_id': 'LTC-USD', 'order_id': '7', 'commission': '-0.01'}
        row = {'id': key, 'type': 'advanced_trade_fill', 'status': 'completed', 'created_at': '2026-03-01T10:00:00Z'}
        return row | {'amount': {'amount': amount, 'currency': currency}, 'advanced_trade_fill': fill}

    rows = {'l': [half('2', 'LTC', '1')], 'u': [half('1', 'USD', '-2')]}
    return coinbase.CoinbaseAccount(wallets={'l': ('LTC', '1'), 'u': ('USD', '0')}, rows=rows).respond


def of_bybit() -> Respond:
    rows = [bybit.change(coin, AT, coin, moved) | {'fee': fee} for coin, moved, fee in (('LTC', '1', '0'), ('USD', '-1.99', '-0.01'))]
    return bybit.BybitAccount(unified_log=rows).respond


def of_okx() -> Respond:
    bill = {'billId': '4', 'ccy': 'USD', 'balChg': '-1.99', 'type': '2', 'ts': f'{AT}000', 'fee': '0.01'}
    return okx.OkxAccount(trading_bills=[bill]).respond


def of_kucoin() -> Respond:
    row = {'id': '3', 'currency': 'USD', 'amount': '1.99', 'fee': '-0.01', 'direction': 'out', 'createdAt': f'{AT}417'}
    return kucoin.KucoinAccount(trading=[row | {'accountType': 'TRADE_HF', 'bizType': 'Exchange'}]).respond


def of_gemini() -> Respond:
    return gemini.GeminiAccount(trades=[gemini.trade(5, AT * 1_000, 'LTCUSD', 'Buy', '1', '2', '-0.01')]).respond


OF_KEY = {name: {'key': module.KEY, 'secret': module.SECRET} for name, module in (('bitstamp', bitstamp), ('coinbase', coinbase))}
CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    **OF_KEY,
    'kraken': kraken.CREDENTIALS,
    'binance': binance.CREDENTIALS,
    'bybit': bybit.CREDENTIALS,
    'okx': okx.CREDENTIALS,
    'kucoin': {'key': kucoin.KEY, 'secret': kucoin.SECRET, 'password': kucoin.PASSPHRASE},
    'gemini': {'key': gemini.KEY, 'secret': gemini.SECRET},
}
CASES: Mapping[str, tuple[Callable[[], Respond], Mapping[str, Decimal]]] = {
    'kraken': (of_kraken, BOUGHT),
    'binance': (of_binance, {'ltc': Decimal(1), 'usdt': Decimal('-1.99')}),
    'bitstamp': (of_bitstamp, BOUGHT),
    'coinbase': (of_coinbase, BOUGHT),
    'bybit': (of_bybit, BOUGHT),
    'okx': (of_okx, PAID),
    'kucoin': (of_kucoin, PAID),
    'gemini': (of_gemini, BOUGHT),
}


@pytest.mark.parametrize('wallet', CASES)
def test_a_rebate_is_a_part_of_the_change_and_no_fee(monkeypatch: pytest.MonkeyPatch, wallet: str) -> None:
    respond, changes = CASES[wallet][0](), CASES[wallet][1]
    with reached(respond, monkeypatch):
        pages = list(reader_of(wallet, CREDENTIALS[wallet]).read(http(), '').pages)

    entries = {(entry.reference, entry.n): entry for page in pages for entry in page.entries}.values()  # some list rows twice
    assert [row for page in pages for row in page.unreadable] == []
    assert money.total_by_currency((), ((entry.currency, entry.delta) for entry in entries)) == changes
    assert {entry.fee for entry in entries} == {Decimal(0)}
