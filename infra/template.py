"""Reads infra/template.yaml: YAML with CloudFormation's short tags, converted to their long forms."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

_FILE = Path(__file__).with_name('template.yaml')


def load() -> dict[str, Any]:
    """Return the template, ready to be written as JSON."""
    parsed: dict[str, Any] = json.loads(_as_json())
    return parsed


@cache
def _as_json() -> str:
    return json.dumps(yaml.load(_FILE.read_text(), _Loader))


def data() -> dict[str, Any]:
    """Return the part of the template that holds data: the resources with a DeletionPolicy, and all parameters."""
    whole = load()
    kept = {name: one for name, one in whole['Resources'].items() if 'DeletionPolicy' in one}
    return {name: whole[name] for name in ('AWSTemplateFormatVersion', 'Description', 'Parameters')} | {'Resources': kept}


def queue_names(resources: dict[str, Any], stage: str) -> dict[str, str]:
    """Return the names of the queues among resources."""
    queues = {name: one['Properties'] for name, one in resources.items() if one['Type'] == 'AWS::SQS::Queue'}
    return {name: properties['QueueName']['Fn::Sub'].replace('${Stage}', stage) for name, properties in queues.items()}


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # type: ignore[misc]  # the one in C is ten times as fast
    """YAML with CloudFormation's short tags."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == 'GetAtt':
        value = value.split('.', 1)
    return {'Ref' if tag == 'Ref' else f'Fn::{tag}': value}


_Loader.add_multi_constructor('!', _long_form)
