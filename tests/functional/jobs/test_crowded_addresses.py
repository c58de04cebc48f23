"""HD wallets without end share a branch: what each costs all others is bounded, and a portfolio counts once what it holds.

`wpkh(KEY/<0;n>/*)` is an HD wallet of its own for each n, and has the receiving addresses of all others.
"""

import hashlib
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain import hd_wallets
from chalicelib.domain.ledger_keys import HdWalletKey
from chalicelib.formats import format_instant
from chalicelib.jobs import histories
from chalicelib.models import Address, Ledger, Membership, NamesNoMore, Watch, create_derived, transact
from chalicelib.models.item import Item
from chalicelib.services.ledgers import policy
from infra.fake_upstreams.scripted_explorer import Explorer
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.hd_wallets import XPUB, ZPUB, add, at, balance, bitcoin, chain_key, paid, read
from tests.support.jobs import Queue, record, refresh_job, run_refresh

OWN, SPENT_TO, STRANGE = at(0, 0), at(1, 0), at(7, 7)
MOST = 20  # as docs/decisions/0025-bounded-work.md says
Sent = list[tuple[dict[str, Any], str]]
pytestmark = pytest.mark.usefixtures('few_unused')


@pytest.fixture
def portfolio(api: Api, explorer: Explorer) -> int:
    explorer.chain = {OWN: paid('0.5', 1), SPENT_TO: paid('0.25', 2), STRANGE: paid('8', 3)}
    return api.portfolio()


def sharing(number: int) -> str:
    """Return an HD wallet with the receiving addresses of the account, and other change addresses."""
    return f'wpkh({XPUB}/<0;{number}>/*)'


def group_of(api: Api) -> str:
    return hashlib.sha256(api.user_id.encode()).hexdigest()[:16]


def pk_of(text: str) -> str:
    return hd_wallets.identify('btc', text).key.text


def stored(text: str) -> Ledger:
    ledger = Ledger.find(pk_of(text))
    assert ledger is not None
    return ledger


def crowd(number: int, *addresses: str) -> set[str]:
    """Have addresses belong to so many HD wallets of others; return what names these."""
    names = {f'wallet-{n:040x} 1' for n in range(number)}
    for address in addresses:
        Ledger.at(f'LEDGER#btc#{address}').update_blindly(Ledger.member_of.add(names), condition=None)
    return names


def crowd_out() -> None:
    """Have all addresses that are stored name so many HD wallets of others, and those alone."""
    for item in Item.scan():
        if isinstance(item, Ledger) and item.derived is None:
            item.update([Ledger.member_of.set({f'wallet-{n:040x} 1' for n in range(MOST)})])


def names_hd_wallet(address: str, text: str) -> bool:
    return any(member.hd_wallet in pk_of(text) for member in stored(address).memberships)


def held(api: Api, portfolio: int) -> tuple[str, list[str]]:
    """Return how much bitcoin a portfolio holds, and why it may be more."""
    row = bitcoin(api, portfolio)
    return row['balance'], [missing['reason'] for missing in row.get('missing', ())]


def part_of(api: Api, path: str) -> str | None:
    found = api.get(path).json_body['result'].get('part_of')
    return None if found is None else str(found['title'])


def test_an_hd_wallet_more_has_no_other_one_refreshed(api: Api, other: Api, portfolio: int, sent_messages: Sent) -> None:
    other_portfolio = other.portfolio()
    for number in range(2, 6):
        whose, where = (api, portfolio) if number % 2 else (other, other_portfolio)
        sent_messages.clear()
        add(whose, where, sharing(number))
        assert read(sharing(number))
        refreshed = {body['ledger'] for body, _ in sent_messages if 'ledger' in body}
        assert refreshed == {pk_of(sharing(number))}
        assert {group for _, group in sent_messages} == {group_of(whose)}
        CLOCK.advance(20)


def test_what_a_deleted_hd_wallet_leaves_is_the_work_of_who_deleted_it(api: Api, portfolio: int, sent_messages: Sent) -> None:
    path = add(api, portfolio, ZPUB)
    assert read(ZPUB)
    sent_messages.clear()
    assert api.delete(path).status_code == 200
    body, group = next((body, group) for body, group in sent_messages if 'ledger' in body)
    sent_messages.clear()
    assert not refresh_job(record(body))
    assert pk_of(OWN) in {body['ledger'] for body, _ in sent_messages}
    assert {group for _, group in sent_messages} == {group} == {group_of(api)}


def test_an_address_of_an_hd_wallet_that_the_sweep_finds_is_the_work_of_whose_hd_wallet_it_is(api: Api, other: Api, portfolio: int) -> None:
    add(other, other.portfolio(), SPENT_TO)
    add(api, portfolio, ZPUB)
    assert read(ZPUB)
    assert (stored(OWN).work_group, stored(SPENT_TO).work_group) == (group_of(api), group_of(other))


def test_further_watchers_are_told_as_the_work_of_whoever_had_it_refreshed(
    api: Api, other: Api, portfolio: int, sent_messages: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, 'MOST_STAMPED_AT_ONCE', 1)
    for whose in (api, other):
        add(whose, whose.portfolio('A'), OWN)
        add(whose, whose.portfolio('B'), OWN)
    sent_messages.clear()
    assert not refresh_job(record({'ledger': pk_of(OWN), 'group': group_of(api)}))
    groups = []
    while found := [(body, group) for body, group in sent_messages if 'after' in body]:
        [(body, group)] = found
        groups.append(group)
        sent_messages.clear()
        assert not refresh_job(record(body))
    assert groups == [group_of(api)] * 4


def test_a_refresh_sends_no_more_messages_for_hd_wallets_that_watch_the_address(
    api: Api, portfolio: int, sent_messages: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add(api, portfolio, OWN)
    for number in range(9):
        Watch.of_hd_wallet(pk_of(OWN), HdWalletKey('btc', f'wallet-{number}')).save()
    monkeypatch.setattr(policy, 'MOST_STAMPED_AT_ONCE', 2)
    sent_messages.clear()
    assert run_refresh(OWN)
    [rest] = [body for body, _ in sent_messages if 'after' in body]
    sent_messages.clear()
    assert not refresh_job(record(rest))
    assert not [body for body, _ in sent_messages if 'after' in body]
    assert api.get(path).json_body['result']['txns_last_updated'] is not None


@pytest.mark.parametrize('first', ['address', 'HD wallet'])
def test_an_address_counts_once_though_it_names_no_more_hd_wallets(api: Api, portfolio: int, first: str) -> None:
    paths = {}
    add(api, api.portfolio('Watched'), OWN)
    assert run_refresh(OWN)
    names = crowd(MOST, OWN)
    for what in (OWN, ZPUB) if first == 'address' else (ZPUB, OWN):
        paths[what] = add(api, portfolio, what, title='All of it' if what == ZPUB else 'Mine')
        CLOCK.advance(20)
        assert read(what)
    strange = add(api, portfolio, STRANGE)
    assert run_refresh(STRANGE)
    for _ in range(2):
        CLOCK.advance(3_000)
        assert read(ZPUB)
        assert run_refresh(OWN)
        assert held(api, portfolio) == ('8.75', [])
        assert (balance(api, paths[OWN]), balance(api, paths[ZPUB])) == ('0.5', '0.75')
        assert (part_of(api, paths[OWN]), part_of(api, strange), part_of(api, paths[ZPUB])) == ('All of it', None, None)
    assert stored(OWN).member_of == names
    assert sum(not watch.is_of_child for watch in Watch.every(pk_of(OWN))) == 1
    assert api.delete(paths[ZPUB]).status_code == 200
    assert held(api, portfolio) == ('8.5', [])
    assert read(ZPUB)
    assert not [watch for watch in Watch.every(pk_of(OWN)) if not watch.is_of_child]
    assert stored(OWN).member_of == names


def test_the_past_counts_it_once_too(api: Api, portfolio: int, queues: dict[str, str]) -> None:
    add(api, portfolio, OWN)
    assert run_refresh(OWN)
    crowd(MOST, OWN)
    add(api, portfolio, ZPUB)
    assert read(ZPUB)
    Queue(queues[settings().history_queue], histories.refresh_histories).drain()
    rows = api.get(f'/api/portfolios/{portfolio}/balances/btc/history').json_body['result']
    assert {row['balance'] for row in rows} == {'0.75'}
    assert bitcoin(api, portfolio, f'?at={format_instant(clock.now() - 500 * 86_400)[:10]}')['balance'] == '0.75'


@pytest.mark.parametrize('account_first', [True, False])
def test_of_two_hd_wallets_one_counts_for_both_though_no_address_names_them(
    api: Api, other: Api, portfolio: int, account_first: bool
) -> None:
    add(other, other.portfolio(), ZPUB)
    assert read(ZPUB)
    crowd_out()
    for text in (XPUB, chain_key(0)) if account_first else (chain_key(0), XPUB):
        add(api, portfolio, text)
        CLOCK.advance(20)
        assert read(text)
        assert not names_hd_wallet(OWN, text)
    assert held(api, portfolio) == ('0.75', [])


@pytest.mark.parametrize('account_first', [True, False])
def test_of_two_hd_wallets_one_counts_for_both_though_addresses_name_only_the_first(api: Api, portfolio: int, account_first: bool) -> None:
    first, second = (XPUB, chain_key(0)) if account_first else (chain_key(0), XPUB)
    add(api, portfolio, first)
    assert read(first)
    crowd(MOST - 1, *(item.address_key.address for item in Item.scan() if isinstance(item, Ledger) and item.derived is None))
    add(api, portfolio, second)
    CLOCK.advance(20)
    assert read(second)
    assert (names_hd_wallet(OWN, first), names_hd_wallet(OWN, second)) == (True, False)
    assert held(api, portfolio) == ('0.75', [])


def test_hd_wallets_that_share_only_some_addresses_say_so_though_no_address_names_them(
    api: Api, other: Api, explorer: Explorer, portfolio: int
) -> None:
    explorer.chain[at(3, 0)] = paid('4', 5)
    add(other, other.portfolio(), f'wpkh({XPUB}/<0;1;3>/*)')
    assert read(f'wpkh({XPUB}/<0;1;3>/*)')
    crowd_out()
    for text in (ZPUB, sharing(3)):
        add(api, portfolio, text)
        CLOCK.advance(20)
        assert read(text)
        assert not names_hd_wallet(OWN, text)
    assert held(api, portfolio) == ('0.75', ['shared_with_wallet'])


def test_hd_wallets_that_share_unused_addresses_alone_both_count(api: Api, explorer: Explorer, portfolio: int) -> None:
    explorer.chain = {SPENT_TO: paid('0.25', 2), at(3, 0): paid('4', 5)}
    for text in (ZPUB, sharing(3)):
        add(api, portfolio, text)
        CLOCK.advance(20)
        assert read(text)
    assert held(api, portfolio) == ('4.25', [])


def test_when_others_leave_the_address_names_its_hd_wallet_and_counts_once_at_every_moment(api: Api, portfolio: int) -> None:
    add(api, portfolio, OWN)
    assert run_refresh(OWN)
    names = crowd(MOST, OWN)
    add(api, portfolio, ZPUB)
    assert read(ZPUB)
    merged = stored(ZPUB)
    Ledger.at(pk_of(OWN)).update([Ledger.member_of.delete(set(sorted(names)[5:]))])
    assert held(api, portfolio) == ('0.75', [])
    CLOCK.advance(3_000)
    assert read(ZPUB)
    assert (held(api, portfolio), len(stored(OWN).memberships)) == (('0.75', []), 6)
    Ledger.at(pk_of(ZPUB)).update([Ledger.derived.set(merged.derived)])  # as it was before it merged, with the address naming it already
    assert held(api, portfolio) == ('0.75', [])


def test_an_address_never_names_more_hd_wallets_than_it_may(api: Api, portfolio: int) -> None:
    add(api, portfolio, OWN)
    crowd(MOST - 1, OWN)
    now = clock.now()
    transact(create_derived(pk_of(OWN), Membership('wallet-a', 1), now, group=''))
    with pytest.raises(NamesNoMore):
        transact(create_derived(pk_of(OWN), Membership('wallet-b', 1), now, group=''))
    transact(create_derived(pk_of(OWN), None, now, group=''))
    assert len(stored(OWN).memberships) == MOST


def test_what_an_earlier_release_named_stays_named_and_little_of_it_reaches_those_who_watch(api: Api, portfolio: int) -> None:
    path = add(api, portfolio, OWN)
    add(api, portfolio, ZPUB, title='All of it')
    assert read(ZPUB)
    crowd(300, OWN)
    derived = stored(ZPUB).derived
    derived.used = None
    Ledger.at(pk_of(ZPUB)).update([Ledger.derived.set(derived)])
    CLOCK.advance(20)
    assert run_refresh(OWN)
    [child] = [item for item in Item.scan() if isinstance(item, Address) and item.hd_wallet is None]
    assert len(child.within) == MOST
    assert (held(api, portfolio), part_of(api, path)) == (('0.75', []), 'All of it')
    assert read(ZPUB)
    assert (held(api, portfolio), len(stored(ZPUB).derived.within)) == (('0.75', []), 0)


def test_an_hd_wallet_that_an_earlier_release_merged_is_not_counted_twice(api: Api, portfolio: int) -> None:
    """Of one it is known which others have some of its addresses, by name."""
    for text in (chain_key(0), XPUB):
        add(api, portfolio, text)
        assert read(text)
        derived = stored(text).derived
        derived.used = None
        Ledger.at(pk_of(text)).update([Ledger.derived.set(derived)])
    assert held(api, portfolio) == ('0.5', ['shared_with_wallet'])
