"""Rows of exchanges that lack what they must have: each costs its own currency, never the page, and nothing that is missing is zero."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Inexact, localcontext
from typing import Any, Protocol

import pytest

from chalicelib import clock
from chalicelib.domain import exchanges
from chalicelib.domain.ledgers import Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.exchanges import reader_of
from chalicelib.providers.explorers import AddressReport
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.kraken_account import LedgerRow
from tests.support import binance, bitfinex, bitstamp, bybit, coinbase, gemini, kraken, kucoin, okx
from tests.support.accounts import reached
from tests.support.upstreams import http

AT = clock.now() - 86_400
LONG = 'x' * 50_000
Rows = Mapping[tuple[str, str], str | None]


class Account(Protocol):
    def respond(self, request: Request) -> Answer: ...


@dataclass
class Case:
    """What an exchange tells; the references of entries to be read, and what is unreadable, by currency and reference."""

    wallet: str
    credentials: Mapping[str, str]
    account: Account
    entries: set[str]
    unreadable: set[tuple[str, str]]
    balances: set[str] = field(default_factory=set)
    held: Mapping[str, str] = field(default_factory=dict)


def without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def of_bybit() -> Case:
    log = [bybit.change(name, AT, coin, '1') for name, coin in (('A', 'BTC'), ('B', 'ETH'), ('C', 'SOL'))]
    log = [log[0] | {'fee': ''}, without(log[1], 'fee'), log[2] | {'fee': None}]
    coin = {'walletBalance': '1', 'equity': '1', 'unrealisedPnl': '0', 'spotBorrow': '0'}
    borrowed = coin | {'spotBorrow': '0.5'}
    unified = [
        {'coin': 'BTC', **coin},
        {'coin': 'ETH', **without(coin, 'spotBorrow')},
        {'coin': 'SOL', **without(borrowed, 'unrealisedPnl')},
    ]
    funding = [{'coin': 'ETH', 'walletBalance': '7'}, {'coin': 'ADA'}]
    account = bybit.BybitAccount(unified=unified, funding=funding, unified_log=log)
    # Part of what is held of ether is known, which is not the balance.
    return Case('bybit', bybit.CREDENTIALS, account, {'A'}, {('eth', 'B'), ('sol', 'C')}, {'eth', 'sol', 'ada'}, {'btc': '1'})


def of_okx() -> Case:
    bill = {'balChg': '1', 'type': '2', 'ts': f'{AT}000'}
    bills = [
        bill | {'billId': '4', 'ccy': 'BTC', 'fee': ''},
        bill | {'billId': '3', 'ccy': 'ETH'},
        bill | {'billId': '2', 'ccy': 'SOL', 'fee': None},
        bill | {'billId': '1', 'ccy': 'ADA', 'fee': '0', 'ts': 'yesterday'},
    ]
    account = okx.OkxAccount(trading_bills=bills, trading=[{'ccy': 'BTC', 'cashBal': '1'}, {'ccy': 'ETH', 'cashBal': ''}])
    return Case('okx', okx.CREDENTIALS, account, {'4'}, {('eth', '3'), ('sol', '2'), ('ada', '1')}, {'eth'}, {'btc': '1'})


def of_bitstamp() -> Case:
    row = {'datetime': '2026-03-01 12:00:00.123000', 'type': '0', 'fee': '0.00', 'usd': 0.0}
    rows = [row | {'id': 3, 'btc': '1'}, without(row, 'fee') | {'id': 2, 'eth': '1'}, row | {'id': 1, 'ada': '1', 'datetime': ''}]
    account = bitstamp.BitstampAccount(rows=rows, balances={'btc': '1', 'eth': 'many'})
    credentials = {'key': bitstamp.KEY, 'secret': bitstamp.SECRET}
    return Case('bitstamp', credentials, account, {'3'}, {('eth', '2'), ('ada', '1')}, {'eth'}, {'btc': '1'})


def of_kucoin() -> Case:
    row = {'amount': '1', 'fee': '0', 'accountType': 'TRADE_HF', 'bizType': 'Deposit', 'direction': 'in', 'createdAt': f'{AT}417'}
    rows = [row | {'id': '3', 'currency': 'BTC'}, without(row, 'fee') | {'id': '2', 'currency': 'ETH'}]
    listed = [{'type': 'main', 'currency': 'BTC', 'balance': '1'}, {'type': 'pool', 'currency': 'SOL', 'balance': '1'}]
    cross = [{'currency': 'BTC', 'total': '1', 'liability': '0.5'}, {'currency': 'ETH', 'total': '1'}]
    credentials = {'key': kucoin.KEY, 'secret': kucoin.SECRET, 'password': kucoin.PASSPHRASE}
    account = kucoin.KucoinAccount(listed=listed, cross=cross, trading=rows)
    return Case('kucoin', credentials, account, {'3'}, {('eth', '2')}, {'eth', 'sol'}, {'btc': '1.5'})


def of_coinbase() -> Case:
    def fill(key: str, currency: str, **more: str) -> dict[str, Any]:
        moved = {'amount': '1', 'currency': currency}
        fill = {'product_id': 'BTC-USD', 'order_id': key, **more}
        row = {'id': key, 'type': 'advanced_trade_fill', 'status': 'completed', 'amount': moved, 'created_at': '2026-03-01T10:00:00Z'}
        return row | {'advanced_trade_fill': fill}

    rows = {'b': [fill('3', 'BTC', commission='0'), fill('2', 'BTC')], 'u': [fill('1', 'USD')]}
    account = coinbase.CoinbaseAccount(wallets={'b': ('BTC', '2'), 'u': ('USD', '?')}, rows=rows)
    credentials = {'key': coinbase.KEY, 'secret': coinbase.SECRET}
    return Case('coinbase', credentials, account, {'1', '3'}, {('btc', '2')}, {'usd'}, {'btc': '2'})


def of_gemini() -> Case:
    transfers = [gemini.transfer(n, AT * 1_000, 'Deposit', coin, '1') for n, coin in ((1, 'BTC'), (2, 'ETH'), (3, 'SOL'))]
    transfers[1]['feeAmount'] = None
    transfers[2] |= {'feeAmount': '0.1', 'feeCurrency': 'USD'}
    transfers.append(gemini.transfer(4, AT * 1_000, 'Withdrawal', 'BTC', '0.123', fee='0.0015'))
    trades = [without(gemini.trade(5, AT * 1_000, 'LTCUSD', 'Buy', '1', '2', '0'), 'amount')]
    traded = [{'currency': 'BTC', 'amount': '1'}, {'currency': 'ETH'}]
    account = gemini.GeminiAccount(traded=traded, transfers=transfers, trades=trades)
    unreadable = {('eth', '2'), ('sol', '3'), ('ltc', '5'), ('usd', '5')}
    credentials = {'key': gemini.KEY, 'secret': gemini.SECRET}
    return Case('gemini', credentials, account, {'1', '4'}, unreadable, {'eth'}, {'btc': '1'})


def of_bitfinex() -> Case:
    rows = [[n, coin, None, AT * 1_000, None, 1, 0, None, 'Deposit'] for n, coin in ((3, 'BTC'), (2, 'ETH'), (1, 'SOL'))]
    rows[1][5] = None
    del rows[2][8]
    account = bitfinex.BitfinexAccount(wallets=[['exchange', 'BTC', 1, 0, 1], ['exchange', 'ETH']], rows=rows)
    credentials = {'key': bitfinex.KEY, 'secret': bitfinex.SECRET}
    return Case('bitfinex', credentials, account, {'3'}, {('eth', '2'), ('sol', '1')}, {'eth'}, {'btc': '1'})


def of_kraken() -> Case:
    scripted = kraken.Kraken()
    rows = [*kraken.trades(1), LedgerRow('L9', 'R9', AT, 'deposit', 'SOL', 1, fee='')]  # type: ignore[arg-type]
    scripted.account.rows, scripted.account.balances = rows, {'ZUSD': '899.59', 'XXBT': '', 'SOL.F': '1'}
    return Case('kraken', kraken.CREDENTIALS, scripted, {'T000001', 'R000001'}, {('sol', 'L9')}, {'btc'}, {'usd': '899.59', 'sol': '1'})


def of_binance() -> Case:
    deposits = [
        {'id': '1', 'coin': 'BTC', 'amount': '1', 'status': 1, 'insertTime': AT * 1_000},
        {'id': LONG, 'coin': 'ETH', 'status': 1, 'insertTime': AT * 1_000},
    ]
    trade = without(binance.trade(5, AT, '1', '2', '0', 'BNB'), 'commission')
    account = binance.BinanceAccount(
        spot=[binance.holding('BTC', '1'), without(binance.holding('LTC', '1'), 'freeze')],
        lists={'deposits': deposits},
        trades={'LTCUSDT': [trade]},
    )
    unreadable = {('eth', LONG[:100]), ('ltc', '5'), ('usdt', '5'), ('bnb', '5')}
    return Case('binance', binance.CREDENTIALS, account, {'1'}, unreadable, {'ltc'}, {'btc': '1'})


CASES: list[Callable[[], Case]] = [of_binance, of_bitfinex, of_bitstamp, of_bybit, of_coinbase, of_gemini, of_kraken, of_kucoin, of_okx]


@pytest.mark.parametrize('make', CASES, ids=lambda make: make.__name__.removeprefix('of_'))
def test_a_row_without_a_field_that_it_must_have_costs_only_its_currency(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Case]):
    case = make()
    rounds_at_once = localcontext(prec=1, traps=[Inexact])
    with reached(case.account.respond, monkeypatch), rounds_at_once:
        report = reader_of(case.wallet, case.credentials).read(http(), '')
        pages = list(report.pages)

    assert {entry.reference for page in pages for entry in page.entries} == case.entries
    assert {(row.currency, row.reference) for page in pages for row in page.unreadable} == case.unreadable
    assert all(row.reason for page in pages for row in page.unreadable)
    assert {row.currency for row in report.unreadable} == case.balances
    assert {held.currency: str(held.balance) for held in report.holdings} == case.held


def test_a_row_whose_time_cannot_be_read_does_not_end_a_list(monkeypatch: pytest.MonkeyPatch):
    """Rows of Gemini come as pages of fifty, each of which begins with the time that the one before ends with."""
    transfers = [gemini.transfer(n, (AT + n) * 1_000, 'Deposit', 'ETH', '1') for n in range(60)]
    account = gemini.GeminiAccount(transfers=transfers, rewards=[gemini.reward('r1', '2026-03-01T10:00:00.000Z', 'SOL', 1)])

    def respond(request: Request) -> Answer:
        answer = account.respond(request)
        told = answer.raw.replace(str((AT + 7) * 1_000).encode(), b'"?"')
        return Answer(answer.status, told.replace(b'"2026-03-01T10:00:00.000Z"', b'"?"'), 'application/json')

    with reached(respond, monkeypatch):
        pages = list(reader_of('gemini', {'key': gemini.KEY, 'secret': gemini.SECRET}).read(http(), '').pages)

    assert {entry.reference for page in pages for entry in page.entries} == {str(n) for n in range(60) if n != 7}
    unreadable = {row for page in pages for row in page.unreadable}
    assert unreadable == {Unreadable('eth', '7', 'ValueError'), Unreadable('sol', 'r1', 'KeyError')}


@pytest.mark.parametrize('wallet', ['bitfinex', 'okx'])
def test_an_instant_that_fills_a_page_hides_nothing_that_is_older(monkeypatch: pytest.MonkeyPatch, wallet: str):
    account: Account
    if wallet == 'okx':
        older = {'ccy': 'DAI', 'earnings': '1', 'ts': f'{AT - 1}000'}
        account = okx.OkxAccount(earnings=[{'ccy': f'C{n}', 'earnings': '1', 'ts': f'{AT}000'} for n in range(101)] + [older])
        credentials, number, reference = okx.CREDENTIALS, 100, f'earned-DAI-{AT - 1}000'
    else:
        rows = [[n, 'BTC', None, AT * 1_000, None, 1, 0, None, 'Deposit'] for n in range(2_501)]
        account = bitfinex.BitfinexAccount(rows=[*rows, [9_999, 'DAI', None, AT * 1_000 - 1, None, 1, 0, None, 'Deposit']])
        credentials, number, reference = {'key': bitfinex.KEY, 'secret': bitfinex.SECRET}, 2_500, '9999'
    with reached(account.respond, monkeypatch):
        pages = list(itertools.islice(reader_of(wallet, credentials).read(http(), '').pages, 9))

    assert pages[-1].resume is None
    assert {entry.reference for page in pages for entry in page.entries if entry.currency == 'dai'} == {reference}
    assert len({(entry.reference, entry.n) for page in pages for entry in page.entries}) == number + 1
    marked = {row.reference for page in pages for row in page.unreadable}
    assert marked == {f'all-of-{AT}000'}


def test_what_came_while_a_download_rested_for_days_is_not_final_before_it_was_read():
    report = AddressReport([], iter(()), listed_up_to=AT, listed_from=AT + 9 * 86_400)

    assert report.final_below == AT


def test_an_answer_without_its_list_is_not_taken_for_an_empty_one(monkeypatch: pytest.MonkeyPatch):
    account = bybit.BybitAccount()

    def respond(request: Request) -> Answer:
        return bybit.answer({'nextPageCursor': ''}) if request.path[-1] == 'fundinghistory' else account.respond(request)

    with reached(respond, monkeypatch), pytest.raises(Upstream, match='a log of an unexpected shape'):
        list(reader_of('bybit', bybit.CREDENTIALS).read(http(), '').pages)


def test_a_symbol_of_any_length_has_a_short_code_of_its_own():
    codes = {exchanges.code_of('kraken', LONG + end) for end in ('', 'a', 'b')}

    assert len(codes) == 3
    assert max(map(len, codes)) <= 60
