"""GET /api/portfolios/ID/converted: all balances by one set of rates, what is missing, and how it was done."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import clock
from chalicelib.api.presenters.currencies import present_value
from chalicelib.config import settings
from chalicelib.domain import currencies, instants
from chalicelib.domain.consensus import AgreedPrice, choose
from chalicelib.domain.conversion import Rate
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.domain.rates import Observation
from chalicelib.formats import format_instant
from chalicelib.models import HourlyRates, LatestRates, Ledger, TrackedCurrency, Transaction
from chalicelib.services.rates import current
from tests.support.api import Api
from tests.support.jobs import Queue
from tests.support.ledgers import LEGACY, SEGWIT, pk_of

Json = dict[str, Any]
HOUR, DAY = 3_600, 86_400


def rate(base: str, quote_: str, price: str, *, age: int = 10) -> Rate:
    return Rate(base, quote_, Decimal(price), clock.now() - age, 'bitstamp,kraken')


def know(*given: Rate, asked: Sequence[str] = ()) -> int:
    """Make these the latest rates, the sources having been asked about them and more; return when."""
    now = clock.now()
    codes = {*asked, *(code for one in given for code in (one.base, one.quote)), 'btc', 'eth', 'usd', 'eur'}
    assert LatestRates.find().store(now, [], given, dict.fromkeys(codes, now + DAY))
    current.forget()
    return now


def portfolio(api: Api, balances: Mapping[str, str], reporting: tuple[str, ...] = ('btc', 'usd')) -> int:
    number = api.portfolio(currencies=reporting)
    body = {'title': 'Cold', 'balances': [{'currency': code, 'balance': balance} for code, balance in balances.items()]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    return number


def hold(pk: str, balance: str, *, at: int | None = None, **changes: Any) -> None:
    """Make a ledger one whose balance was just read."""
    now = clock.now() if at is None else at
    held = Holding('btc', Decimal(balance), None, None, 1)
    more = [getattr(Ledger, name).set(value) for name, value in changes.items()]
    Ledger.at(pk).update([Ledger.holdings.set([held]), Ledger.updated_at.set(now), *more])


def converted(api: Api, number: int, query: str = '') -> Json:
    response = api.get(f'/api/portfolios/{number}/converted{query}')
    assert response.status_code == 200, response.body
    return response.json_body


def values(answer: Json) -> dict[str, str]:
    return {row['currency']: row['balance'] for row in answer['result']}


def test_the_documents_sample_reads_as_in_the_document(api: Api) -> None:
    made = know(rate('btc', 'usd', '11775.36'))
    answer = converted(api, portfolio(api, {'btc': '10'}))
    at = format_instant(made)
    assert answer['result'] == [
        {'currency': 'btc', 'balance': '10.0', 'balance_at': at, 'source': 'cryptfolio', 'complete': True},
        {'currency': 'usd', 'balance': '117753.60', 'balance_at': at, 'source': 'cryptfolio', 'complete': True},
    ]
    assert answer['rates'] == at


def test_an_addresss_balance_is_converted_as_of_the_older_of_it_and_the_rates(api: Api) -> None:
    made = know(rate('btc', 'usd', '11775.36'))
    number = api.portfolio()
    api.address(number, SEGWIT)
    for age in (100, -100):
        hold(pk_of(SEGWIT), '10', at=made - age)
        answer = converted(api, number)
        assert values(answer) == {'btc': '10.0', 'usd': '117753.60'}
        assert {row['balance_at'] for row in answer['result']} == {format_instant(made - max(age, 0))}


def test_the_rows_agree_with_each_other(api: Api) -> None:
    know(rate('btc', 'usd', '64000'), rate('eth', 'usd', '3200'), rate('eur', 'usd', '1.25'), rate('eur', 'jpy', '160'))
    number = portfolio(api, {'btc': '1', 'eth': '10', 'jpy': '1600000', 'usd': '-3500'}, ('btc', 'eth', 'eur', 'jpy', 'usd'))
    # 64,000 + 32,000 + 12,500 - 3,500 dollars
    assert values(converted(api, number)) == {
        'btc': '1.640625',
        'eth': '32.8125',
        'eur': '84000.00',
        'jpy': '13440000.0',
        'usd': '105000.00',
    }


def test_a_balance_without_a_rate_is_missing_and_the_rest_is_there(api: Api) -> None:
    know(rate('btc', 'usd', '40000'), asked=['doge'])
    answer = converted(api, portfolio(api, {'btc': '1', 'doge': '12'}, ('usd', 'doge')))
    rows = {row['currency']: row for row in answer['result']}
    assert rows['usd']['balance'] == '40000.00'
    assert rows['usd']['complete'] is False
    assert rows['usd']['missing'] == [{'currency': 'doge', 'balance': '12.0', 'reason': 'no_rate'}]
    assert rows['doge']['missing'] == [{'currency': 'btc', 'balance': '1.0', 'reason': 'no_rate'}]


def test_a_balance_whose_sources_contradict_each_other_is_missing_as_disputed(api: Api) -> None:
    now = clock.now()
    told = [Observation('doge', 'usd', Decimal('0.1'), now, 'coingecko'), Observation('doge', 'usd', Decimal(10), now, 'coinbase')]
    know(rate('btc', 'usd', '40000'), *choose(told, now))
    number = portfolio(api, {'btc': '1', 'doge': '100'}, ('usd', 'doge'))
    rows = {row['currency']: row for row in converted(api, number)['result']}
    assert (rows['usd']['balance'], rows['usd']['complete']) == ('40000.00', False)
    assert rows['usd']['missing'] == [{'currency': 'doge', 'balance': '100.0', 'reason': 'disputed'}]
    assert rows['doge']['missing'] == [{'currency': 'btc', 'balance': '1.0', 'reason': 'disputed'}]
    know(rate('btc', 'usd', '40000'), *choose(told, now, [AgreedPrice('doge', 'usd', Decimal('0.102'), now - 300)]))
    rows = {row['currency']: row for row in converted(api, number)['result']}
    assert (rows['usd']['balance'], rows['usd']['complete']) == ('40010.00', True)


def test_a_rate_that_is_too_old_is_none(api: Api) -> None:
    number = portfolio(api, {'btc': '1'}, ('usd',))
    know(rate('btc', 'usd', '40000', age=DAY - 60))
    assert converted(api, number, '?explain=true')['result'][0]['explain'][0]['route'][0]['stale'] is True
    know(rate('btc', 'usd', '40000', age=DAY + 60))
    [row] = converted(api, number)['result']
    assert (row['balance'], row['complete'], row['missing'][0]['reason']) == ('0.00', False, 'no_rate')


def test_a_currency_nobody_was_asked_about_is_sent_for_and_its_rate_is_pending(api: Api, queues: dict[str, str]) -> None:
    know(rate('btc', 'usd', '40000'))
    number = portfolio(api, {'ltc': '2'}, ('usd',))
    [row] = converted(api, number)['result']
    assert row['missing'] == [{'currency': 'ltc', 'balance': '2.0', 'reason': 'rate_pending'}]
    assert TrackedCurrency.every(clock.now()).keys() == {'ltc'}
    sent = Queue(queues[settings().rates_queue], lambda event, context: {}).bodies()
    assert {'currencies': ['ltc']} in sent


def test_nothing_is_ready_before_the_first_rates_of_what_an_address_holds(api: Api) -> None:
    number = api.portfolio()
    api.address(number, SEGWIT)
    hold(pk_of(SEGWIT), '1')
    response = api.get(f'/api/portfolios/{number}/converted')
    assert (response.status_code, response.json_body['message']) == (503, 'Not ready')
    assert response.headers['Retry-After']
    know(rate('btc', 'usd', '40000'))
    assert values(converted(api, number)) == {'btc': '1.0', 'usd': '40000.00'}


def test_an_empty_portfolio_and_one_of_offsets_are_ready_before_any_rates(api: Api) -> None:
    answer = converted(api, api.portfolio())
    assert values(answer) == {'btc': '0.0', 'usd': '0.00'}
    assert {row['complete'] for row in answer['result']} == {True}
    assert 'rates' not in answer
    [row] = converted(api, portfolio(api, {'btc': '1'}, ('usd',)))['result']
    assert row['complete'] is False


def test_what_is_missing_from_the_balances_is_missing_here(api: Api) -> None:
    know(rate('btc', 'usd', '40000'))
    number = api.portfolio(currencies=('usd',))
    api.address(number, SEGWIT)
    api.address(number, LEGACY, title='Slow')
    hold(pk_of(SEGWIT), '1')
    [row] = converted(api, number)['result']
    assert (row['balance'], row['complete']) == ('40000.00', False)
    assert row['missing'] == [{'type': 'address', 'id': 2, 'title': 'Slow', 'reason': 'not_ready'}]


def test_from_the_explanation_the_same_string_can_be_computed(api: Api) -> None:
    know(rate('ltc', 'btc', '0.00171'), rate('btc', 'usd', '40123.45'), rate('eur', 'usd', '1.0931'), rate('eur', 'sek', '11.3'))
    number = portfolio(api, {'ltc': '3.21', 'btc': '0.7', 'sek': '1000.05', 'eur': '-4.4'}, ('sek', 'btc', 'ltc'))
    answer = converted(api, number, '?explain=true')
    for row in answer['result']:
        total = Decimal(0)
        for one in row['explain']:
            value, divisor = Decimal(one['balance']), Decimal(1)
            for hop in one['route']:
                value, divisor = (value, divisor * Decimal(hop['rate'])) if hop['inverse'] else (value * Decimal(hop['rate']), divisor)
            total += value / divisor
            assert abs(Decimal(one['value']) - value / divisor) < Decimal('1e-20')
        assert present_value(total, row['currency']) == row['balance']
        assert abs(total - Decimal(row['balance'])) <= Decimal(1).scaleb(-currencies.get(row['currency']).decimals)
    assert {one['currency'] for one in answer['result'][0]['explain']} == {'ltc', 'btc', 'sek', 'eur'}
    hop = answer['result'][1]['explain'][1]['route'][0]
    assert hop.keys() == {'pair', 'rate', 'inverse', 'source', 'observed_at', 'disputed', 'stale'}
    assert hop['source'] == 'bitstamp,kraken'


def test_it_costs_one_request_more_than_the_balances_and_none_within_a_minute(api: Api, requests_made: list[str]) -> None:
    know(rate('btc', 'usd', '40000'))
    number = api.portfolio()
    api.address(number, SEGWIT)
    hold(pk_of(SEGWIT), '1')
    requests_made.clear()
    converted(api, number)
    assert requests_made == ['Query', 'BatchGetItem', 'GetItem']
    requests_made.clear()
    converted(api, number)
    assert requests_made == ['Query', 'BatchGetItem']


def test_currencies_are_objects_where_they_are_asked_for(api: Api) -> None:
    know(rate('btc', 'usd', '40000'))
    rows = converted(api, portfolio(api, {'btc': '1'}), '?expand[]=currency')['result']
    assert [row['currency'] for row in rows] == [
        {'title': 'Bitcoin', 'code': 'btc'},
        {'title': 'United States dollar', 'code': 'usd'},
    ]


@pytest.mark.parametrize('query', ['explain=yes', 'at=noon', 'at=2999-01-01', 'at=1969-12-31'])
def test_bad_parameters_are_refused_by_name(api: Api, query: str) -> None:
    response = api.get(f'/api/portfolios/{api.portfolio()}/converted?{query}')
    assert (response.status_code, response.json_body['fields'][0]['field']) == (422, query.partition('=')[0])


def test_somebody_elses_portfolio_and_none_are_not_found(api: Api, other: Api) -> None:
    assert other.get(f'/api/portfolios/{api.portfolio()}/converted').status_code == 404


@pytest.fixture
def past(api: Api) -> int:
    """A portfolio whose address received 1 btc ten hours ago and 2 btc five hours ago, with rates of each hour."""
    now = clock.now()
    number = api.portfolio()
    api.address(number, SEGWIT)
    pk = pk_of(SEGWIT)
    given = [
        Entry('a', 0, 'btc', Decimal(1), Decimal(0), now - 10 * HOUR, 1),
        Entry('b', 0, 'btc', Decimal(2), Decimal(0), now - 5 * HOUR, 2),
    ]
    Transaction.store(Transaction.of(pk, entry, source='test', run=None, now=now) for entry in given)
    hold(pk, '3', newest_at=now - 5 * HOUR)
    for hours in range(12, -1, -1):
        HourlyRates.store(now - hours * HOUR, [Rate('btc', 'usd', Decimal(10_000 + hours), now - hours * HOUR, 'kraken')])
    return number


def asked_at(hours: float) -> str:
    return f'?at={quote(format_instant(int(clock.now() - hours * HOUR)))}'


@pytest.mark.parametrize(('hours', 'held', 'price'), [(11.5, 0, 10_012), (9.5, 1, 10_010), (5.5, 1, 10_006), (4.5, 3, 10_005)])
def test_at_an_instant_of_the_past_balances_and_rates_are_those_of_then(api: Api, past: int, hours: float, held: int, price: int) -> None:
    query = asked_at(hours)
    rows = api.get(f'/api/portfolios/{past}/balances{query}').json_body['result']
    assert {row['currency']: row['balance'] for row in rows} == {'btc': f'{held}.0', 'usd': '0.0'}
    assert {row['complete'] for row in rows} == {True}
    answer = converted(api, past, query)
    assert values(answer) == {'btc': f'{held}.0', 'usd': f'{held * price}.00'}
    assert {row['balance_at'] for row in (*rows, *answer['result'])} == {
        format_instant(instants.parse(query[4:].replace('%3A', ':').replace('%2B', '+')))
    }
    assert api.get(f'/api/portfolios/{past}/balances/btc{query}').json_body['result'] == rows[0]


def test_the_same_instant_gives_the_same_result_whatever_happens_later(api: Api, past: int) -> None:
    query = asked_at(4.5)
    before = [api.get(f'/api/portfolios/{past}/{path}{query}').json_body['result'] for path in ('balances', 'converted')]
    know(rate('btc', 'usd', '99999'))
    now = clock.now()
    HourlyRates.store(now + HOUR, [rate('btc', 'usd', '77777')])
    Transaction.store([Transaction.of(pk_of(SEGWIT), Entry('c', 0, 'btc', Decimal(4), None, now, 3), source='test', run=None, now=now)])
    hold(pk_of(SEGWIT), '7', newest_at=now)
    after = [api.get(f'/api/portfolios/{past}/{path}{query}').json_body['result'] for path in ('balances', 'converted')]
    assert after == before


def test_what_was_observed_minutes_before_an_instant_is_of_that_instant(api: Api, past: int) -> None:
    hold(pk_of(SEGWIT), '3', at=clock.now() - 200, newest_at=clock.now() - 5 * HOUR)
    before, query = [], asked_at(0)
    for _ in range(2):
        before.append(api.get(f'/api/portfolios/{past}/balances{query}').json_body['result'])
        hold(pk_of(SEGWIT), '3', newest_at=clock.now() - 5 * HOUR)
    assert before[0] == before[1]
    assert before[0][0]['complete'] is True


def test_what_is_not_known_of_an_instant_is_missing(api: Api, past: int) -> None:
    hold(pk_of(SEGWIT), '3', at=clock.now() - HOUR, newest_at=clock.now() - 5 * HOUR)
    [row] = [row for row in api.get(f'/api/portfolios/{past}/balances{asked_at(0.5)}').json_body['result'] if row['currency'] == 'btc']
    assert (row['balance'], row['complete'], row['missing'][0]['reason']) == ('3.0', False, 'not_observed_since')
    Ledger.at(pk_of(SEGWIT)).update([Ledger.incomplete.set('transactions_missing')])
    [row] = [row for row in api.get(f'/api/portfolios/{past}/balances{asked_at(11)}').json_body['result'] if row['currency'] == 'btc']
    assert (row['balance'], row['complete']) == ('0.0', False)


def test_before_there_were_rates_everything_is_missing(api: Api, past: int) -> None:
    number = portfolio(api, {'btc': '1'}, ('usd',))
    [row] = converted(api, number, '?at=2015-01-01')['result']
    assert (row['balance'], row['complete'], row['missing'][0]['reason']) == ('0.00', False, 'no_rate')
