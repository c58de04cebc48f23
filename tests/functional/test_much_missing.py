"""What is missing from each row of a sum is counted before it is written: an address that was not read yet may hold hundreds of tokens."""

import tracemalloc
from bisect import bisect_left
from collections.abc import Callable
from decimal import Decimal
from math import ceil

import pytest

from chalicelib import charges, clock
from chalicelib.api.presenters.portfolios import present_portfolio_balances, require_room_for_missing
from chalicelib.domain import currencies, ledger_keys
from chalicelib.domain.hd_wallets import identify
from chalicelib.domain.ledgers import Lack
from chalicelib.errors import AnswerTooLarge
from chalicelib.http_io import answer_size
from chalicelib.http_io.response import json_text
from chalicelib.models import Address, LatestRates, Portfolio, PortfolioTree
from chalicelib.services.portfolios import balances
from chalicelib.services.portfolios.balances import PortfolioBalances
from chalicelib.services.portfolios.contributions import Child
from chalicelib.services.rates import current
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.ledgers import SEGWIT, observe

CODES = sorted(ledger_keys.parse(f'LEDGER#eth#0x{0:040x}').holdable or ())
FITTING, TOO_MANY = 60_000 // len(CODES), 90_000 // len(CODES)  # addresses, each of which may lack each of the currencies
IN_FIFTY_TOTALS = 1_600
LITTLE = 4_000_000  # bytes; what would not fit takes several times that
OF_THE_PAST = '2024-01-01T00:00:00Z'


def unread_address(user_id: str, portfolio_id: int, address_id: int) -> Address:
    child = Address.at(user_id, portfolio_id, address_id)
    child.user_id, child.portfolio_id, child.address_id = user_id, portfolio_id, address_id
    child.title, child.currency = 'x', 'eth'
    child.point_to(identify('eth', f'0x{address_id:040x}'))
    child.created_at = child.updated_at = clock.now()
    return child


def create(api: Api, unread: int, *, reporting: int = 2, held: bool = True) -> int:
    """Return a portfolio of addresses that were not read yet, beside one that was and offsets in all that these may hold."""
    codes = [currency.code for currency in currencies.every()]
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(codes, clock.now() + 86_400))
    current.forget()
    number = api.portfolio(currencies=tuple(codes[:reporting]))
    api.address(number, SEGWIT)
    observe(SEGWIT, 0, 0)
    for start in range(0, len(CODES) if held else 0, 200):
        body = {'title': 'o', 'balances': [{'currency': code, 'balance': '1'} for code in CODES[start : start + 200]]}
        assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    with Address.batch_write() as batch:
        for address_id in range(2, unread + 2):
            batch.save(unread_address(api.user_id, number, address_id))
    counts = [Portfolio.addresses.set(unread + 1), Portfolio.last_address_id.set(unread + 1)]
    Portfolio.at(api.user_id, number).update(counts)
    return number


def memory(call: Callable[[], object]) -> int:
    """Return the most memory that a call takes, of bytes."""
    call()  # what is kept from then on is not of the next one
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('query', ['', '?format=csv', f'?at={OF_THE_PAST}'])
def test_balances_that_lack_too_much_are_refused_in_the_memory_of_one(api: Api, query: str):
    number = create(api, TOO_MANY)
    base = f'/api/portfolios/{number}/balances'

    refused = api.get(f'{base}{query}')

    assert (refused.status_code, refused.json_body['code']) == (413, 'answer_too_large')
    one = memory(lambda: api.get(f'{base}/eth{query.replace("?format=csv", "")}'))
    assert memory(lambda: api.get(f'{base}{query}')) < one + LITTLE


def test_totals_that_lack_too_much_are_refused_in_the_memory_of_one(api: Api):
    number = create(api, IN_FIFTY_TOTALS, reporting=50, held=False)
    base = f'/api/portfolios/{number}'

    refused = api.get(f'{base}/converted')

    assert (refused.status_code, refused.json_body['code']) == (413, 'answer_too_large')
    one = memory(lambda: api.get(f'{base}/balances/eth'))
    assert memory(lambda: api.get(f'{base}/converted')) < one + LITTLE


def test_statements_for_programs_are_refused_before_they_are_made_and_others_list_once_what_is_missing(logged_in: Browser, api: Api):
    number = create(api, TOO_MANY)
    base = f'/portfolios/{number}/statement'
    one = memory(lambda: api.get(f'/api/portfolios/{number}/balances/eth'))

    for name in ('json', 'jws'):
        assert memory(lambda: logged_in.get(f'{base}?format={name}')) < one + LITTLE  # noqa: B023
        assert (logged_in.status, 'too large for one file' in logged_in.text) == (422, True)
    for name in ('csv', ''):
        assert memory(lambda: logged_in.get(f'{base}?format={name}')) < one + 2 * LITTLE  # noqa: B023
        assert logged_in.status == 200


def test_what_fits_is_answered_and_charged_for_by_what_it_lacks(api: Api, requests_made: list[str]):
    number = create(api, FITTING)
    requests_made.clear()

    answer = api.get(f'/api/portfolios/{number}/balances')

    assert len(requests_made) == 1 + ceil((FITTING + 1) / 100)  # its contents, and their ledgers by the hundred
    rows = {row['currency']: row for row in answer.json_body['result']}
    assert all(len(rows[code]['missing']) == FITTING for code in CODES)
    assert rows['btc']['complete']
    summed = balances.sum_up(api.user_id, number)
    with charges.counted_by(lambda more: None) as charged:
        require_room_for_missing(summed)
    assert charged.requests == FITTING * len(CODES) // 10_000 > 0


def test_only_what_could_not_be_sent_were_it_as_short_as_it_can_be_is_refused():
    least = {'type': 'account', 'id': 1, 'title': '', 'reason': ''}
    too_many = bisect_left(range(100_000), True, key=lambda number: answer_size.is_too_large(json_text([least] * number)))

    answer_size.require_room(too_many - 1, least)
    with pytest.raises(AnswerTooLarge):
        answer_size.require_room(too_many, least)


def test_rows_that_lack_the_same_share_what_says_so_and_each_says_what_it_would_alone(api: Api):
    lacks = [
        (Lack('not_ready', frozenset(('eth', 'usdc'))),),
        (Lack('balance_unreadable', frozenset(('usdc',))), Lack('transactions_pending', frozenset(('eth', 'usdc')))),
        (Lack('invalid_account', None),),
        (),
    ]
    key = ledger_keys.parse(f'LEDGER#eth#0x{0:040x}')
    children = [Child(unread_address(api.user_id, 1, number), key, None) for number in range(1, 9)]
    held = dict.fromkeys(('btc', 'dai', 'eth', 'usdc', 'usd'), Decimal(1))
    contents = PortfolioTree(Portfolio.draft(api.user_id, title='x', currencies=['btc'], now=1), [])
    lacking = [(child, lacks[number % 4]) for number, child in enumerate(children)]
    summed = PortfolioBalances(contents, children, held, None, 1, lacking)

    rows = present_portfolio_balances(summed, expand=False)

    assert [row['currency'] for row in rows] == list(held)
    for row in rows:
        alone = summed.incomplete_in(str(row['currency']))
        assert [(part['id'], part['reason']) for part in row['missing']] == [(child.id, child.reason) for child in alone]
    assert sum(len(row['missing']) for row in rows) == summed.count_incomplete() == 2 * (2 + 2 + 5)
    assert rows[0]['missing'] is rows[1]['missing'] is rows[4]['missing']
