"""What must hold once the faults are over: nothing lost, nothing doubled, nothing left. Seen from outside, in the raw table and the API."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from chalicelib import clock
from infra.fake_upstreams.scripted_explorer import Explorer, Txn
from tests.abuse.people import KINDS, Person
from tests.support.dynamodb import table

Json = dict[str, Any]


def violations(people: Sequence[Person], explorer: Explorer) -> Iterator[str]:
    """Yield what does not hold, in words."""
    items = [{name: next(iter(value.values())) for name, value in item.items()} for item in table()]
    by_key = {(item['pk'], item['sk']): item for item in items}
    for person in people:
        yield from _of_person(person)
    yield from _counts(items)
    yield from _watches(by_key)
    yield from _ledgers(items, explorer)
    yield from _leftovers(items)


def traces(user_id: str) -> Iterator[str]:
    """Yield what is left of somebody who was forgotten."""
    yield from (f'{item["pk"]["S"]} {item["sk"]["S"]} is left of somebody forgotten' for item in table() if user_id in str(item))


def _of_person(person: Person) -> Iterator[str]:
    """What the API says that somebody has is what they were told that they have, and they are logged in."""
    person.refresh()
    listed = {row['id']: row['title'] for row in person.send('GET', '/api/portfolios').json_body['result']}
    expected = {portfolio: person.titles[portfolio] for portfolio in person.portfolios}
    if listed != expected:
        yield f'{person.email} has the portfolios {listed}, not {expected}'
    for portfolio in listed.keys() & expected.keys():
        for kind in KINDS:
            answer = person.send('GET', f'/api/portfolios/{portfolio}/{kind}').json_body['result']
            children = {row['id']: row['title'] for row in answer}
            told = {number: body['title'] for number, body in person.portfolios[portfolio][kind].items()}
            if children != told or len(answer) != len(told):
                yield f'{person.email} has the {kind} {children} in {portfolio}, not {told}'
        yield from _history(person, portfolio)


def _history(person: Person, portfolio: int) -> Iterator[str]:
    """The newest point of a history is what the portfolio holds."""
    balances = person.send('GET', f'/api/portfolios/{portfolio}/balances')
    history = person.send('GET', f'/api/portfolios/{portfolio}/balances/btc/history')
    if (balances.status_code, history.status_code) != (200, 200):
        yield f'{person.email}: portfolio {portfolio} answers {balances.status_code} and its history {history.status_code}'
        return
    held = {row['currency']: row['balance'] for row in balances.json_body['result']}
    newest = history.json_body['result'][:1]
    if newest and Decimal(newest[0]['balance']) != Decimal(held.get('btc', '0')):
        yield f'{person.email}: portfolio {portfolio} holds {held.get("btc")}, its history says {newest[0]["balance"]}'


def _counts(items: Sequence[Json]) -> Iterator[str]:
    """Counts equal children."""
    for item in items:
        if item.get('kind') == 'portfolio':
            below = [other['sk'] for other in items if other['pk'] == item['pk'] and other['sk'].startswith(f'{item["sk"]}#')]
            for kind, part in zip(KINDS, ('ADDRESS', 'ACCOUNT', 'OFFSET'), strict=True):
                number = sum(f'#{part}#' in sk for sk in below)
                if int(item.get(kind, 0)) != number:
                    yield f'{item["pk"]} {item["sk"]} counts {item.get(kind)} {kind}, and has {number}'
        if item.get('kind') == 'user':
            number = sum(other['pk'] == item['pk'] and other.get('kind') == 'portfolio' for other in items)
            if int(item.get('portfolio_count', 0)) != number:
                yield f'{item["pk"]} counts {item.get("portfolio_count")} portfolios, and has {number}'


def _watches(by_key: dict[tuple[str, str], Json]) -> Iterator[str]:
    """Each child that follows a ledger has one watch, and each watch a child; each ledger is watched."""
    watched = {pk for pk, sk in by_key if sk.startswith('WATCH#')}
    for (pk, sk), item in by_key.items():
        if item.get('kind') == 'watch' and 'child_id' in item:
            portfolio, child = int(item['portfolio_id']), int(item['child_id'])
            name = str(item.get('child_kind', 'address')).upper()
            if (f'USER#{item["user_id"]}', f'PORTFOLIO#{portfolio:06}#{name}#{child:06}') not in by_key:
                yield f'{pk} {sk} is the watch of nothing'
        if pk.startswith('LEDGER#') and pk not in watched:
            yield f'{pk} {sk} is of a ledger that nothing watches'
        if item.get('kind') in ('address', 'account') and not any(
            other.get('kind') == 'watch'
            and (other.get('user_id'), other.get('portfolio_id'), other.get('child_kind', 'address'))
            == (item['user_id'], item['portfolio_id'], item['kind'])
            and other.get('child_id') == item[f'{item["kind"]}_id']
            for other in by_key.values()
        ):
            yield f'{pk} {sk} watches nothing'


def _ledgers(items: Sequence[Json], explorer: Explorer) -> Iterator[str]:
    """Ledgers of addresses are what the explorer has."""
    for item in items:
        _, _, address = item['pk'].rpartition('#')
        if item.get('kind') == 'ledger' and item['pk'].startswith('LEDGER#btc#') and 'derived' not in item:
            txns: list[Txn] = explorer.chain.get(address, [])
            rows = [other for other in items if other['pk'] == item['pk'] and other.get('kind') == 'transaction']
            stored = sorted((row['reference'], Decimal(row['delta'])) for row in rows)
            expected = sorted((txn.txid, Decimal(txn.delta) / 10**8) for txn in txns)
            if stored != expected:
                sources = {row['source'] for row in rows}
                differing = f'{len(set(stored) - set(expected))} too many, lacks {len(set(expected) - set(stored))}'
                yield f'{item["pk"]} has {differing}, read from {sources}: {item.get("incomplete")} {item.get("gaps")}'
            held = sum(Decimal(next(iter(row['M']['balance'].values()))) for row in item['holdings'])
            if held != Decimal(sum(txn.delta for txn in txns)) / 10**8:
                yield f'{item["pk"]} holds {held}'


def _leftovers(items: Sequence[Json]) -> Iterator[str]:
    """Nothing is leased, overdue, or left of what was deleted."""
    now = clock.now()
    there = {(item['pk'].removeprefix('USER#'), item['sk'].removeprefix('PORTFOLIO#')) for item in items if item.get('kind') == 'portfolio'}
    for item in items:
        key = f'{item["pk"]} {item["sk"]}'
        if 'lease_owner' in item:
            yield f'{key} is leased'
        if 'kind' not in item:
            yield f'{key} has no kind'
        if int(item.get('due_at', now)) < now - 3_600:
            yield f'{key} has been due for {now - int(item["due_at"])} s'
        if item['sk'].startswith('PURGE#'):
            yield f'{key} is not purged'
        if item['pk'].startswith('HISTORY#') and tuple(item['pk'].split('#')[1:]) not in there:
            yield f'{key} is the history of nothing'
