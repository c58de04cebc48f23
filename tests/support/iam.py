"""IAM's evaluation of policies, as far as ours go: statements that allow, patterns, and the conditions that they use.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Json = dict[str, Any]
Context = Mapping[str, str | list[str]]


def allows(statements: Iterable[Json], action: str, resource: str, context: Context) -> bool:
    """Whether a statement allows an action on a resource in a context, such as `{'iam:PassedToService': 'lambda.amazonaws.com'}`."""
    return any(
        any(fnmatchcase(action, one) for one in listed(statement['Action']))
        and any(fnmatchcase(resource, one) for one in listed(statement['Resource']))
        and all(
            _is_met(operator, key, wanted, context)
            for operator, keys in statement.get('Condition', {}).items()
            for key, wanted in keys.items()
        )
        for statement in statements
    )


def _is_met(operator: str, key: str, wanted: str | list[str], context: Context) -> bool:
    several, _, comparison = operator.rpartition(':')
    assert several in ('', 'ForAnyValue')
    assert comparison in ('StringEquals', 'StringEqualsIfExists', 'StringLike', 'ArnLike')
    if key not in context:
        return comparison.endswith('IfExists')
    is_like = comparison in ('StringLike', 'ArnLike')
    return any(fnmatchcase(value, one) if is_like else value == one for value in listed(context[key]) for one in listed(wanted))


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
