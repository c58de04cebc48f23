"""What a day of many users takes at each size: `python -m benchmarks.simulate` prints it, `--plots` draws it too."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import plots
from infra.growth.assumptions import CHAINS, DAY, HOUR, People
from infra.growth.simulation import Result, grown_limits, simulate, users_until

FOLDER = Path(__file__).parents[1] / 'docs' / 'plots'
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
KEYLESS_LIMITS = (*(f'explorers of {chain.name}' for chain in CHAINS), 'workers')


def main() -> None:
    """Print the tables, and draw the plots if that is asked for."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.simulate', description=__doc__)
    parser.add_argument('--plots', action='store_true', help='draw the plots in docs/plots')
    options = parser.parse_args()
    keyless = [simulate(People(users)) for users in SIZES]
    followed = [simulate(People(users), follows_blocks=True) for users in SIZES]
    own = [simulate(People(users), own_nodes=True, limits=grown_limits(People(users))) for users in SIZES]
    _print_table('Explorers without keys, settings as they are', keyless)
    _print_table(f'The same with FOLLOW_BLOCKS={",".join(each.currency for chain in CHAINS for each in chain.followed)}', followed)
    _print_limits()
    _print_table("Nodes of one's own, and as many workers and dispatchers as are needed", own)
    if options.plots:
        _draw(keyless, followed, own)


def _print_table(title: str, results: Iterable[Result]) -> None:
    print(f'\n{title}:\n\n| users | ledgers | requests/s | due/s | longest wait | first limits | $ a month per 1,000 users |')
    print('|---|---|---|---|---|---|---|')
    for result in results:
        people = result.people
        worst = sorted(result.used.items(), key=lambda limit: -limit[1])[:3]
        limits = ', '.join(f'{name} {share:.0%}' for name, share in worst)
        print(
            f'| {people.users:,} | {people.ledgers(people.users):,.0f} | {max(moment.requests for moment in result.moments):,.1f}'
            f' | {max(moment.due.ledgers for moment in result.moments):,.1f} | {_duration(result.longest_wait)} | {limits}'
            f' | {result.cost_per_thousand:,.2f} |'
        )


def _print_limits() -> None:
    print('\n| limit | users until it is used up | with FOLLOW_BLOCKS |\n|---|---|---|')
    for limit in KEYLESS_LIMITS:
        print(f'| {limit} | {users_until(limit):,.0f} | {users_until(limit, follows_blocks=True):,.0f} |')


def _duration(seconds: float) -> str:
    for unit, length in (('days', DAY), ('hours', HOUR), ('minutes', 60)):
        if seconds >= 2 * length:
            return f'{seconds / length:,.0f} {unit}'
    return f'{seconds:.0f} seconds'


def _draw(keyless: Sequence[Result], followed: Sequence[Result], own: Sequence[Result]) -> None:
    FOLDER.mkdir(exist_ok=True)
    users = [result.people.users for result in own]
    plots.draw(
        FOLDER / 'cost.svg',
        'Dollars a month per 1,000 users',
        'users',
        {"nodes of one's own": list(zip(users, (result.cost_per_thousand for result in own), strict=True))},
        is_logarithmic=True,
    )
    plots.draw(
        FOLDER / 'wait.svg',
        'Longest wait for a refresh beyond the policy, in minutes',
        'users',
        {
            'explorers without keys': list(zip(users, (result.longest_wait / 60 for result in keyless), strict=True)),
            "nodes of one's own": list(zip(users, (result.longest_wait / 60 for result in own), strict=True)),
        },
        is_logarithmic=True,
    )
    day = keyless[2]
    plots.draw(
        FOLDER / 'day.svg',
        f'Ledgers due, and refreshed or confirmed, a second on a day of {day.people.users:,} users',
        'hour of the day',
        {
            'due': [(moment.at / HOUR, moment.due.ledgers) for moment in day.moments],
            'refreshed or confirmed': [(moment.at / HOUR, moment.refreshed + moment.confirmed) for moment in day.moments],
        },
    )
    plots.draw(
        FOLDER / 'following.svg',
        f'What is used of the explorers of Bitcoin on a day of {keyless[1].people.users:,} users, in %',
        'hour of the day',
        {
            name: [(moment.at / HOUR, 100 * moment.quotas['explorers of Bitcoin']) for moment in result.moments]
            for name, result in (('each address read', keyless[1]), ('blocks followed', followed[1]))
        },
    )


if __name__ == '__main__':
    main()
