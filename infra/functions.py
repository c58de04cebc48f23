"""What the functions of a stage are given: their settings (settings.json) and what they may do (policies/<function>.json).

Both are written once, in the words of CloudFormation's Fn::Sub: `${Table.Arn}` is an attribute of a resource of template.yaml,
`${Stage}` a parameter. A package keeps the references; `make deploy` fills in values.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra import template

_HERE = Path(__file__).parent
_REFERENCE = re.compile(r'\$\{([A-Za-z:.]+)\}')
OPTIONAL = frozenset({'MailFrom', 'MailIdentity', 'MailDomain'})  # what refers to one that has no value is left out

Values = Mapping[str, str | list[str]]


def names() -> list[str]:
    """Return the functions by chalice's names."""
    return sorted(path.stem for path in (_HERE / 'policies').glob('*.json'))


def deployed_name(stage: str, function: str) -> str:
    """Return what a function is called on AWS: chalice names the API's like the stage."""
    return f'cryptfolio-{stage}' if function == 'api_handler' else f'cryptfolio-{stage}-{function}'


def settings() -> dict[str, str]:
    """Return the environment variables of every function, with references."""
    read: dict[str, str] = json.loads((_HERE / 'settings.json').read_text())
    return read


def queue_roles() -> list[str]:
    """Return what the queues with messages for functions are for: `refresh` has its name in REFRESH_QUEUE."""
    return [name.removesuffix('_QUEUE').lower() for name in settings() if name.endswith('_QUEUE')]


def policy(function: str) -> dict[str, Any]:
    """Return the IAM policy of a function, with references."""
    read: dict[str, Any] = json.loads((_HERE / 'policies' / f'{function}.json').read_text())
    return read


def references(document: Any) -> set[str]:
    """Return all that a document refers to."""
    return set(_REFERENCE.findall(json.dumps(document)))


def filled_settings(values: Values) -> dict[str, str]:
    """Return the settings with values for their references. Raises KeyError for one that has none."""
    return {name: filled(text, values) for name, text in settings().items() if not _is_left_out(text, values)}


def filled_policy(function: str, values: Values) -> dict[str, Any]:
    """Return a policy with values for its references. Raises KeyError for one that has none."""
    read = policy(function)
    statements = [one for one in read['Statement'] if not _is_left_out(one, values)]
    return read | {'Statement': filled(statements, values)}


def stand_ins(stage: str) -> dict[str, str]:
    """Return settings that are good enough to import the application with, which needs no AWS: its queues have their names."""
    values = dict.fromkeys(references(settings()), 'none') | {'Issuer': 'https://issuer.invalid', 'Jwks': '{"keys": []}'}
    queues = template.queue_names(template.load()['Resources'], stage)
    return filled_settings(values | {f'{name}.QueueName': called for name, called in queues.items()})


def referring(document: Any) -> Any:
    """Return a document as part of a CloudFormation template, which then fills it in."""
    if isinstance(document, dict):
        return {name: referring(one) for name, one in document.items()}
    if isinstance(document, list):
        return [referring(one) for one in document]
    return {'Fn::Sub': document} if references(document) else document


def _is_left_out(document: Any, values: Values) -> bool:
    return bool((references(document) & OPTIONAL) - values.keys())


def filled(document: Any, values: Values) -> Any:
    """Return a document with values for its references. Raises KeyError for one that has none."""
    if isinstance(document, dict):
        return {name: filled(one, values) for name, one in document.items()}
    if isinstance(document, list):
        return [filled(one, values) for one in document]
    whole = _REFERENCE.fullmatch(document)
    return values[whole[1]] if whole else _REFERENCE.sub(lambda found: str(values[found[1]]), document)
