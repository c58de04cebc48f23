"""What is worked out from more transactions than can be read in time is refused, and what takes many counts as several requests."""

from collections.abc import Callable

import pytest

from chalicelib.domain.timeline import DAY
from chalicelib.formats import format_instant
from chalicelib.models import Ledger, Transaction
from chalicelib.services.histories import policy as history_policy
from chalicelib.services.histories import refresh
from chalicelib.services.ledgers import policy
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.clock import StoppedClock
from tests.support.jobs import run_refresh
from tests.support.kraken import Kraken, create_account, observe_account
from tests.support.ledgers import SEGWIT, TAPROOT, pk_of
from tests.support.portfolio_pages import know_rates

EACH = 60
EARLY = '2009-02-01'
Set = Callable[..., None]


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Return a function that sets how many transactions may be read, or count as one request."""

    def change(*, request: int = 10_000, job: int = 10_000, each: int = 10_000) -> None:
        monkeypatch.setattr(policy, 'MOST_TRANSACTIONS_AT_ONCE', request)
        monkeypatch.setattr(policy, 'TRANSACTIONS_PER_REQUEST', each)
        monkeypatch.setattr(history_policy, 'MOST_TRANSACTIONS', job)

    return change


@pytest.fixture
def portfolio(api: Api, explorer: Explorer) -> str:
    """The path of a portfolio of two addresses with sixty transactions each."""
    know_rates()
    number = api.portfolio()
    for address in (SEGWIT, TAPROOT):
        explorer.chain[address] = payments(EACH)
        api.address(number, address)
        assert run_refresh(address)
    return f'/api/portfolios/{number}'


def newest(address: str) -> str:
    """Return an instant after which an address has ten transactions."""
    return format_instant(list(Transaction.every(pk_of(address)))[10].entry().at).replace('+00:00', 'Z')


PATHS = ('balances', 'balances/btc', 'converted', 'converted?explain=true')


@pytest.mark.parametrize('path', PATHS)
def test_a_sum_of_the_past_is_refused_after_which_there_were_too_many(api: Api, portfolio: str, bounds: Set, path: str) -> None:
    asked = f'{portfolio}/{path}{"&" if "?" in path else "?"}at='
    bounds(request=2 * EACH)
    assert api.get(f'{asked}{EARLY}').status_code == 200
    bounds(request=2 * EACH - 1)
    answer = api.get(f'{asked}{EARLY}')
    assert (answer.status_code, answer.json_body['code']) == (413, 'answer_too_large')
    assert answer.json_body['message'].endswith('split the portfolio')
    assert api.get(f'{asked}{newest(SEGWIT)}').status_code == 200  # few came since
    assert api.get(f'{portfolio}/{path}').status_code == 200


@pytest.mark.parametrize('page', ['', '/explain', '/statement', '/statement?format=csv', '/statement?format=json'])
def test_so_are_the_pages_of_that_day(logged_in: Browser, portfolio: str, bounds: Set, page: str) -> None:
    bounds(request=EACH)
    logged_in.get(f'{portfolio.removeprefix("/api")}{page}{"&" if "?" in page else "?"}at={EARLY}')
    assert logged_in.status == 413
    bounds()
    logged_in.get(f'{portfolio.removeprefix("/api")}{page}{"&" if "?" in page else "?"}at={EARLY}')
    assert logged_in.status == 200


def test_reading_many_counts_as_several_requests_while_they_are_read(api: Api, portfolio: str, bounds: Set) -> None:
    def remaining() -> int:
        return int(api.get(f'{portfolio}/balances?at={EARLY}').headers['RateLimit-Remaining'])

    bounds(each=50)
    before = remaining()
    assert before - remaining() == 1 + 2 * EACH // 50
    bounds(request=100, each=50)
    refused = remaining()
    assert before - refused == 2 * (1 + 2) + (1 + 2 * EACH // 50) - 1 - 2  # what is refused counts as well


def test_a_history_of_too_many_is_refused_like_one_of_too_many_values_before_they_are_read(
    api: Api, portfolio: str, bounds: Set, requests_made: list[str], stopped_clock: StoppedClock
) -> None:
    bounds(job=2 * EACH - 1)
    requests_made.clear()
    refresh.refresh(api.user_id, 1)
    refused = requests_made.copy()
    answers = [api.get(f'{portfolio}/{history}') for history in ('balances/history', 'converted/history')]
    assert [(answer.status_code, answer.json_body['code']) for answer in answers] == [(413, 'answer_too_large')] * 2
    bounds(job=2 * EACH)
    stopped_clock.advance(DAY)
    requests_made.clear()
    refresh.refresh(api.user_id, 1)
    assert api.get(f'{portfolio}/balances/history').status_code == 200
    assert refused.count('Query') <= 1  # of what is in the portfolio


def test_how_many_there_are_is_counted_where_it_is_not_known(api: Api, portfolio: str, bounds: Set) -> None:
    for address in (SEGWIT, TAPROOT):
        ledger = Ledger.at(pk_of(address))
        ledger.update([Ledger.cursor.remove(), Ledger.holdings.set([])])
    bounds(job=EACH)
    refresh.refresh(api.user_id, 1)
    assert api.get(f'{portfolio}/balances/history').status_code == 413


def test_the_history_of_an_account_is_bounded_as_well(api: Api, kraken: Kraken, bounds: Set) -> None:
    api.portfolio()
    create_account(api)
    observe_account(api.user_id)
    path = '/api/portfolios/1/accounts/1/history'
    assert api.get(path).status_code == 200
    bounds(request=0)
    assert (api.get(path).status_code, api.get(path).json_body['code']) == (413, 'answer_too_large')
