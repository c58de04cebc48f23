"""`make plan`: where a deployment would go, what it would change, what stands in its way, and what it costs. Nothing is changed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from infra import costs, functions, template
from infra.deploy import api, kept_data, preflight, records, releases, stack
from infra.deploy.target import Target
from infra.growth.assumptions import People
from infra.growth.simulation import simulate


def describe(target: Target, given: Mapping[str, str], checks: Mapping[str, preflight.Check]) -> Iterator[str]:
    """Yield the lines of a plan; `given` are parameters of the stack that would change."""
    yield f'{target.name} in account {target.account}, {target.region}, as {target.client("sts").get_caller_identity()["Arn"]}'
    yield '\nchecks:'
    for one in preflight.findings(target, given, checks):
        yield f'  {one.verdict:<12} {one.about}: {one.text}'
    yield '\nthe stack:'
    yield from (f'  {line}' for line in _stack(target, given))
    yield '\nthe functions and the API:'
    yield from (f'  {line}' for line in _application(target))
    yield '\ncosts, in dollars a month at list prices of us-east-1:'
    yield from (f'  {line}' for line in _costs())


def _stack(target: Target, given: Mapping[str, str]) -> Iterator[str]:
    if stack.holds_something(target):
        changes = stack.preview(target, given)
        yield from changes or ['unchanged']
        return
    kept = kept_data.find(target)
    resources = template.load()['Resources'].items()
    kinds = Counter(one['Type'] for name, one in resources if name not in kept and _is_wanted(one, given))
    yield from (f'import  {name}' for name in kept)
    yield from (f'create  {count} {kind}' for kind, count in sorted(kinds.items()))


def _is_wanted(resource: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    """Whether a new stack has a resource: one with the condition HasDomain, if the parameter Domain is given."""
    return 'Condition' not in resource or bool(given.get(resource['Condition'].removeprefix('Has')))


def _application(target: Target) -> Iterator[str]:
    made = records.functions_of(target)
    wanted = functions.names()
    for verb, names in (
        ('create', [name for name in wanted if name not in made]),
        ('update', [name for name in wanted if name in made]),
        ('delete', sorted(made.keys() - set(wanted))),
    ):
        if names:
            yield f'{verb}  {len(names)} functions with their roles, queues and schedules: {", ".join(names)}'
    rest_api = api.find(target)
    yield f'update  the API {rest_api.url}' if rest_api else 'create  the API'
    if running := releases.noted(target):
        yield f'release {running[-1].label} runs; {len(running) - 1} before it can be gone back to'


def _costs() -> Iterator[str]:
    yield costs.summary()
    yield f'{_cost_of_use():.2f} for each 1,000 users more, at that number of them: docs/scaling.md says what they are taken to do'


def _cost_of_use() -> float:
    """Return what 1,000 users cost beside what an idle stage does, by the simulation that docs/scaling.md shows."""
    by_service = simulate(People(1_000)).costs
    return sum(dollars for service, dollars in by_service.items() if service != 'idle')
