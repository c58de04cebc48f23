"""No answer is larger than Lambda can send, 6,291,556 bytes with the quotes of its body escaped: lists have pages, others are refused."""

import base64
import json
import random

import pytest

from chalicelib import clock
from chalicelib.domain import currencies
from chalicelib.domain.hd_wallets import identify
from chalicelib.http_io import answer_size
from chalicelib.models import Address, LatestRates, Portfolio
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.ledgers import SEGWIT, observe

SENT_BY_LAMBDA = 6_291_556
SNOWMAN = '\N{SNOWMAN}'  # \\u2603 in what is sent


def addresses(api: Api, number: int, titles: list[str], first: int = 1) -> None:
    """Put addresses that were never read into a portfolio, with titles longer than the API takes, so that few of them are large."""
    now = clock.now()
    with Address.batch_write() as batch:
        for address_id, title in enumerate(titles, first):
            child = Address.at(api.user_id, number, address_id)
            child.user_id, child.portfolio_id, child.address_id = api.user_id, number, address_id
            child.title, child.currency, child.created_at, child.updated_at = title, 'btc', now, now
            child.point_to(identify('btc', f'bc1q{address_id:038}'))
            batch.save(child)
    Portfolio.at(api.user_id, number).update([Portfolio.addresses.set(len(titles)), Portfolio.last_address_id.set(len(titles))])


def size(text: str) -> int:
    return len(json.dumps(text))


@pytest.fixture
def large(api: Api) -> int:
    """A portfolio whose parts alone are larger than an answer."""
    number = api.portfolio()
    addresses(api, number, [SNOWMAN * 20_000] * 50)
    return number


def test_an_object_that_is_too_large_is_refused_with_where_it_says_what_to_do(api: Api, large: int):
    answer = api.get(f'/api/portfolios/{large}')

    assert (answer.status_code, answer.json_body['code']) == (413, 'answer_too_large')
    assert answer.json_body['doc_url'].endswith('/reference#error-answer_too_large')


def test_what_is_missing_is_refused_where_each_reporting_currency_repeats_it_too_often(api: Api):
    codes = tuple(currency.code for currency in currencies.every()[:50])
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(codes, clock.now() + 86_400))
    number = api.portfolio(currencies=codes)
    api.address(number, SEGWIT)
    observe(SEGWIT, 0, 0)
    addresses(api, number, [SNOWMAN * 2_000] * 10, first=2)
    path = f'/api/portfolios/{number}/converted'

    refused = api.get(path)
    api.patch(f'/api/portfolios/{number}', {'currencies': ['btc', 'usd']})

    assert (refused.status_code, refused.json_body['code']) == (413, 'answer_too_large')
    assert [len(row['missing']) for row in api.get(path).json_body['result']] == [10, 10]


def test_a_change_says_that_it_was_made_although_its_answer_cannot_be_sent(api: Api, large: int):
    renamed = api.patch(f'/api/portfolios/{large}', {'title': 'Renamed'})
    deleted = api.delete(f'/api/portfolios/{large}')

    for answer in (renamed, deleted):
        assert (answer.status_code, answer.json_body['code']) == (413, 'answer_too_large')
        assert 'carried out' in answer.json_body['message']
    assert api.get(f'/api/portfolios/{large}').status_code == 404


@pytest.mark.parametrize('query', ['', '&format=csv'])
def test_a_page_of_a_list_ends_before_it_is_too_large(api: Api, query: str):
    number = api.portfolio()
    addresses(api, number, [f'{each}{SNOWMAN * 20_000}' for each in range(30)])
    path: str = f'/api/portfolios/{number}/addresses?limit=28{query}'
    pages: list[list[int]] = []

    while path:
        answer = api.get(path)
        text = answer.body.decode()
        assert size(text) < SENT_BY_LAMBDA
        pages.append(
            [int(row.partition(',')[0]) for row in text.splitlines()[1:]] if query else [row['id'] for row in answer.json_body['result']]
        )
        path = answer.headers['Link'].partition('<')[2].partition('>')[0] if 'Link' in answer.headers else ''

    assert [each for page in pages for each in page] == list(range(1, 31))
    assert 1 < len(pages[0]) < 28


def test_one_row_is_sent_however_large():
    assert len(answer_size.take_fitting([{'title': 'x' * 9_000_000}, {}])) == 1
    assert answer_size.take_fitting([]) == []
    assert answer_size.take_fitting([{}] * 1_000) == [{}] * 1_000


def test_of_rows_after_those_that_fit_few_are_built():
    built: list[int] = []

    def show(number: int) -> dict[str, str]:
        built.append(number)
        return {'title': 'x' * 100_000}

    assert len(answer_size.take_fitting(map(show, range(1_000)))) == 24
    assert len(built) <= 200


def test_a_file_that_is_too_large_is_a_page_with_what_to_do(logged_in: Browser, api: Api):
    number = api.portfolio()
    chance = random.Random(1)
    addresses(api, number, [base64.b64encode(chance.randbytes(290_000)).decode() for _ in range(8)])

    logged_in.post('/profile/data/download')

    assert logged_in.status == 413
    assert 'larger than the server can send' in logged_in.text
