"""What docs/scaling.md says of growth is what infra.growth.simulation gives, and that counts what following blocks saves."""

import re
from pathlib import Path

import pytest

from benchmarks import blocks, simulate
from chalicelib.config import settings
from chalicelib.domain.chains import CHAINS as EVERY_CHAIN
from chalicelib.providers.explorers import tellers_of_blocks
from chalicelib.providers.transport import Http
from infra.fake_upstreams import http_server
from infra.fake_upstreams.coins import STRANGERS
from infra.growth import assumptions, simulation
from infra.growth.assumptions import CHAINS, LIMITS, People
from infra.growth.due import due_per_second

SCALING = (Path(__file__).parents[2] / 'docs' / 'scaling.md').read_text()
GROWTH = SCALING.split('## Growth')[1]
BITCOIN = CHAINS[0]


def rows(section: str, heading: str) -> list[list[str]]:
    table = section.split(heading)[1].split('\n\n')[0]
    return [row.strip('| ').split(' | ') for row in table.splitlines() if row.startswith('| ')]


@pytest.mark.parametrize(
    ('heading', 'own_nodes', 'follows_blocks'),
    [('the settings as they are:\n\n', False, False), ('the same people take:\n\n', False, True), ('that grow along:\n\n', True, False)],
    ids=['without keys', 'blocks followed', 'own nodes'],
)
def test_the_tables_of_growth_are_what_the_simulation_gives(heading: str, own_nodes: bool, follows_blocks: bool) -> None:
    results = [
        simulation.simulate(
            people,
            own_nodes=own_nodes,
            follows_blocks=follows_blocks,
            limits=simulation.grown_limits(people) if own_nodes else LIMITS,
        )
        for people in map(People, simulate.SIZES)
    ]
    costs = [(f'{result.people.users:,}', f'{result.cost_per_thousand:.2f}') for result in results]
    assert [(row[0], row[-1]) for row in rows(GROWTH, heading)[1:]] == costs


def test_the_first_limits_while_blocks_are_followed_are_as_the_table_says() -> None:
    documented = {row[0]: row[5] for row in rows(GROWTH, 'the same people take:\n\n')}
    for users in (1_000, 10_000):
        used = simulation.simulate(People(users), follows_blocks=True).used
        first = sorted(used, key=lambda limit: -used[limit])[:3]
        assert first == ['explorers of Solana', 'explorers of Bitcoin', 'explorers of others']
        assert re.findall(r'(\d+) %', documented[f'{users:,}']) == [f'{used[limit]:.0%}'.removesuffix('%') for limit in first]


def test_the_users_until_limits_are_used_up_are_as_the_table_says() -> None:
    table = rows(GROWTH, '\n\n| limit |')
    documented = {row[0]: row[1:] for row in table if len(row) == 3 and not row[0].startswith('users')}
    assert documented == {
        limit: [f'{simulation.users_until(limit, follows_blocks=follows_blocks):,.0f}' for follows_blocks in (False, True)]
        for limit in simulate.KEYLESS_LIMITS
    }


@pytest.mark.parametrize('follows_blocks', [False, True])
def test_a_limit_is_used_up_at_as_many_users_as_it_is_said_to_take(follows_blocks: bool) -> None:
    users = simulation.users_until('explorers of Bitcoin', follows_blocks=follows_blocks)
    before, after = (
        simulation.simulate(People(round(users * share)), follows_blocks=follows_blocks).used['explorers of Bitcoin']
        for share in (0.98, 1.02)
    )
    assert before < 1 < after


def test_what_following_takes_is_what_the_benchmark_of_blocks_measured() -> None:
    measured = {(row[0], row[1]): row for row in rows(SCALING, '\n\n| chain | explorer |')}
    for followed in (each for chain in CHAINS for each in chain.followed):
        blocks, transactions, requests = (
            int(measured[followed.currency, followed.explorer][column].replace(',', '')) for column in (2, 3, 4)
        )
        assert (followed.requests, followed.addresses) == (requests, 3 * transactions * blocks)


def test_what_following_takes_is_measured_of_every_chain_whose_blocks_tell_addresses() -> None:
    measured = {case.currency for case in blocks.CASES}
    assert measured == {code for code, chain in EVERY_CHAIN.items() if chain.has_outputs}, 'add a Case in benchmarks/blocks.py'
    tabled = [(row[0], row[1]) for row in rows(SCALING, '\n\n| chain | explorer |')]
    assert tabled == [(case.currency, case.explorer) for case in blocks.CASES], 'run `python -m benchmarks.blocks` for docs/scaling.md'


@pytest.mark.parametrize('case', blocks.CASES, ids=lambda case: f'{case.currency}-{case.explorer}')
def test_what_the_benchmark_of_blocks_tells_is_read_as_blocks_of_the_chain(case: blocks.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    few, now = case._replace(transactions=30), blocks.BEGIN + blocks.HOUR
    with http_server.serving(blocks.Explorer(few, lambda: now).respond) as url:
        monkeypatch.setenv(f'UPSTREAM_{case.explorer.upper()}_URL', f'{url}/{case.explorer}')
        settings.cache_clear()
        [teller] = [each for each in tellers_of_blocks(case.currency) if each.endpoint.key == case.explorer]
        http = Http(lambda _: None)
        block = teller.block(http, teller.tip(http))
        monkeypatch.undo()
        settings.cache_clear()

    assert now - case.block_seconds < block.made_at <= now
    assert len(block.addresses) >= 3 * few.transactions - 1  # who pays in the first of all is not asked for everywhere
    assert EVERY_CHAIN[case.currency].normalise(STRANGERS[case.currency]) in block.addresses


def test_the_chains_that_are_followed_are_those_whose_blocks_are_told_without_a_server_of_ones_own() -> None:
    told = [code for code in EVERY_CHAIN if tellers_of_blocks(code)]
    assert sorted(each.currency for chain in CHAINS for each in chain.followed) == sorted(told), (
        'see `followed` in infra/growth/assumptions.py'
    )
    reference = (Path(__file__).parents[2] / 'docs' / 'operations' / 'reference.md').read_text()
    [named] = re.findall(r'Possible for (.+?) without a server of your own', reference)
    assert re.findall('`([^`]+)`', named) == told


def test_of_what_nobody_looks_at_blocks_leave_a_reading_a_week_one_for_each_move_and_those_of_what_is_not_settled() -> None:
    nobody = People(1_000, active=0, shared=0)  # 8,000 addresses, 3,600 of them Bitcoin's
    due = due_per_second(nobody, at=0)

    assert due.to_read(BITCOIN, follows_blocks=False) * assumptions.DAY == pytest.approx(3_600)
    read = 3_600 / 7 + 360 + 3_600 * 0.1 * 3.5 / 24
    assert due.to_read(BITCOIN, follows_blocks=True) * assumptions.DAY == pytest.approx(read)
    assert due.to_confirm(BITCOIN, follows_blocks=True) * assumptions.DAY == pytest.approx(3_600 - 3_600 / 7 - 3_600 * 0.1 * 3.5 / 24)


def test_of_what_somebody_looked_at_within_the_hour_blocks_save_no_reading() -> None:
    everybody = People(1_000, active=1, visits=100, peak=1, shared=0)
    due = due_per_second(everybody, at=0)

    assert due.to_read(BITCOIN, follows_blocks=False) == pytest.approx(3_600 / 300)
    assert due.to_read(BITCOIN, follows_blocks=True) == pytest.approx(3_600 / 300 + 360 / assumptions.DAY)
    assert due.to_confirm(BITCOIN, follows_blocks=True) == pytest.approx(0)


@pytest.mark.parametrize('chain', [chain for chain in CHAINS if not chain.followed], ids=lambda chain: chain.name)
def test_chains_whose_blocks_nobody_tells_are_read_as_before(chain: assumptions.Chain) -> None:
    due = due_per_second(People(1_000), at=0)
    for number in (due.to_read, due.to_confirm):
        assert number(chain, follows_blocks=True) == number(chain, follows_blocks=False)
