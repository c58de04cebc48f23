"""A gap limit is refused where it would have more keys derived than one refresh should, and counts as the work that it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import charges
from chalicelib.config import settings
from chalicelib.domain import hd_wallets
from chalicelib.http_io import rate_limiter
from chalicelib.models import User
from chalicelib.services.portfolios import addresses
from chalicelib.web.import_rows import MOST_ROWS
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support import bip32
from tests.support.api import Api
from tests.support.bip32 import Node
from tests.support.clock import StoppedClock
from tests.support.hd_wallets import LTUB, XPUB, ZPUB, add, at, balance, paid, read

LIMIT = 150
A_MINUTE = 600  # requests of a user, or of a network to pages, where nothing else is set


def descriptor(keys: int, branches: int) -> str:
    """Return a descriptor of so many keys, and so many branches of each."""
    steps = f'<{";".join(map(str, range(branches)))}>' if branches > 1 else '0'
    children = [Node.of(XPUB).child(number) for number in range(keys)]
    texts = [bip32.encode_base58check(bytes.fromhex('0488b21e04') + bytes(8) + child.chain_code + child.key) for child in children]
    return f'wsh(sortedmulti(1,{",".join(f"[73c5da0a/48h/0h/0h/2h]{text}/{steps}/*" for text in texts)}))'


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


@pytest.fixture
def rate_limit(stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a user make a hundred and fifty requests a minute, which just began."""
    stopped_clock.move_to(stopped_clock.now() // 60 * 60)
    monkeypatch.setenv('RATE_LIMIT', str(LIMIT))
    settings.cache_clear()
    rate_limiter.limiter.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    rate_limiter.limiter.cache_clear()


def post(api: Api, portfolio: int, address: str, gap_limit: int, currency: str = 'btc') -> Any:
    body = {'address': address, 'currency': currency, 'gap_limit': gap_limit}
    return api.post(f'/api/portfolios/{portfolio}/addresses', body)


@pytest.mark.parametrize(
    ('text', 'currency'),
    [
        (XPUB, 'btc'),  # of four kinds of script
        (LTUB, 'ltc'),
        (f'wpkh({XPUB}/<0;1>/*)', 'btc'),
        (descriptor(3, 2), 'btc'),
        (descriptor(5, 2), 'btc'),
        (descriptor(10, 1), 'btc'),
    ],
    ids=['xpub', 'Ltub', 'wpkh', 'of three', 'of five', 'of ten with one branch'],
)
def test_usual_hd_wallets_may_have_the_greatest_gap_limit(api: Api, portfolio: int, text: str, currency: str) -> None:
    answer = post(api, portfolio, text, 1_000, currency)
    assert (answer.status_code, answer.json_body['result']['gap_limit']) == (201, 1_000)


@pytest.mark.parametrize(
    ('text', 'most'),
    [
        (descriptor(20, 8), 62),  # 20 * 8 * 62 = 9,920
        (descriptor(20, 2), 250),
        (descriptor(6, 2), 833),
        (f'wpkh({XPUB}/<0;1;2;3;4;5;6;7>/*)', 312),  # of four kinds of script
    ],
    ids=['20 keys with 8 branches', '20 keys', '6 keys', '8 branches'],
)
def test_many_keys_and_branches_may_have_a_smaller_one(api: Api, portfolio: int, text: str, most: int) -> None:
    refused = post(api, portfolio, text, most + 1)

    assert refused.status_code == 422
    [fault] = refused.json_body['fields']
    assert (fault['field'], fault['code']) == ('gap_limit', 'too_many_keys')
    assert refused.json_body['invalid'] == [
        f'gap_limit must be at most {most} for a descriptor of so many keys and branches: choose a smaller one, or fewer branches'
    ]
    assert post(api, portfolio, text, most).status_code == 201


def test_a_gap_limit_that_is_changed_alone_meets_the_address_that_is_there(api: Api, portfolio: int) -> None:
    path = add(api, portfolio, descriptor(20, 8))
    refused = api.patch(path, {'gap_limit': 63, 'title': 'Other'})
    assert (refused.status_code, refused.json_body['fields'][0]['code']) == (422, 'too_many_keys')
    shown = api.get(path).json_body['result']
    assert (shown['gap_limit'], shown['title']) == (20, 'One')
    assert api.patch(path, {'gap_limit': 62, 'address': shown['address']}).status_code == 200
    assert api.patch(path, {'gap_limit': 1_000, 'address': descriptor(20, 8)}).status_code == 422


def test_an_address_that_is_changed_alone_meets_the_gap_limit_that_is_there(api: Api, portfolio: int) -> None:
    path = add(api, portfolio, ZPUB, gap_limit=1_000)
    refused = api.patch(path, {'address': descriptor(20, 8)})
    assert (refused.status_code, refused.json_body['fields'][0]['field']) == (422, 'gap_limit')
    assert api.patch(path, {'address': descriptor(20, 8), 'gap_limit': 20}).status_code == 200
    assert api.patch(path, {'address': at(0, 0)}).status_code == 200


def test_what_earlier_releases_stored_is_read_on(api: Api, portfolio: int, explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('chalicelib.jobs.refresh.SLICE_SECONDS', 3_600)
    explorer.chain = {at(0, 4): paid('0.5', 1)}
    path = add(api, portfolio, ZPUB, gap_limit=5)
    monkeypatch.setattr(hd_wallets, 'MOST_UNUSED_STEPS', 16)

    assert read(ZPUB)

    assert balance(api, path) == '0.5'
    assert api.patch(path, {'title': 'Other', 'gap_limit': 5}).status_code == 200
    assert api.patch(path, {'gap_limit': 2}).status_code == 200
    assert api.patch(path, {'gap_limit': 3}).status_code == 422


@pytest.mark.usefixtures('rate_limit')
def test_work_of_a_gap_limit_counts_as_requests(api: Api, portfolio: int) -> None:
    def left() -> int:
        return int(api.get('/api/portfolios/99').headers['RateLimit-Remaining'])

    before = left()
    path = add(api, portfolio, XPUB)
    assert before - left() == 2 + 1  # of 8 * 20 addresses
    before = left()
    assert api.patch(path, {'gap_limit': 1_000}).status_code == 200
    assert before - left() == 2 + 80  # of 8 * 1,000 addresses
    before = left()
    assert post(api, portfolio, descriptor(20, 8), 63).status_code == 422
    assert before - left() == 2
    before = left()
    other = add(api, portfolio, descriptor(20, 8), gap_limit=62)
    assert before - left() == 2 + 9  # of 8 * 62 addresses of 20 keys
    before = left()
    assert api.patch(other, {'address': descriptor(5, 2)}).status_code == 200
    assert before - left() == 2 + 1  # of 2 * 62 addresses
    before = left()
    add(api, portfolio, descriptor(20, 1), gap_limit=500)
    assert before - left() == 2 + 10  # of 500 addresses of 20 keys
    assert [post(api, portfolio, descriptor(keys, 2), 1_000).status_code for keys in (4, 3)] == [201, 429]  # of 2,000 addresses each


def test_as_many_hd_wallets_as_an_import_takes_are_added_within_a_minute(portfolio: int, user: User) -> None:
    counted: list[int] = []
    node = Node.of(XPUB)
    children = [node.child(number) for number in range(MOST_ROWS)]
    keys = [bip32.encode_base58check(bytes.fromhex('0488b21e04') + bytes(8) + child.chain_code + child.key) for child in children]

    with charges.counted_by(counted.append):
        for key in keys:
            addresses.draft(user.user_id, portfolio, title='x', address=key, currency='btc', now=1)

    assert 0 < sum(counted) < A_MINUTE - 10  # beside some pages
