"""The packaged template in the emulator's words: the same resources and permissions, said so that it understands them.

Each change here is a difference between the emulator and AWS; docs/decisions/0011-emulator.md lists them.
"""

import copy
from collections.abc import Mapping
from typing import Any

_UNKNOWN_CONDITIONS = ('kms:', 'dynamodb:', 'ses:')
_BATCHES = {'sqs:SendMessage': 'sqs:SendMessageBatch'}
_WITHOUT_RESOURCE = {'ses:SendEmail', 'ssm:GetParametersByPath'}
_ANSWERS = 'x-amazon-apigateway-gateway-responses'

Json = dict[str, Any]


def adapted(template: Json, code: str, settings: Mapping[str, str]) -> Json:
    """Return the template with its functions' code at `code` (an S3 URL), and `settings` in their environment."""
    made = copy.deepcopy(template)
    resources = {name: one for name, one in made['Resources'].items() if not _is_metric_math(one)}
    for name, resource in list(resources.items()):
        properties = resource.get('Properties', {})
        if resource['Type'] == 'AWS::Serverless::Function':
            properties['CodeUri'] = code
            properties['Environment']['Variables'] |= settings
        elif resource['Type'] == 'AWS::Serverless::Api':
            resources |= _answers(name, properties['DefinitionBody'].pop(_ANSWERS, {}))
        elif resource['Type'] == 'AWS::IAM::Role':
            _translate_policies(properties.get('Policies', []))
    return made | {'Resources': resources}


def _is_metric_math(resource: Json) -> bool:
    return bool(resource['Type'] == 'AWS::CloudWatch::Alarm' and 'Metrics' in resource['Properties'])


def _answers(api: str, answers: Json) -> Json:
    """Return API Gateway's own answers as resources: in an API's definition the emulator does not see them."""
    return {f'{api}{kind.title().replace("_", "")}': _answer(api, kind, answer) for kind, answer in answers.items()}


def _answer(api: str, kind: str, answer: Json) -> Json:
    properties = {name[0].upper() + name[1:]: value for name, value in answer.items()}
    return {'Type': 'AWS::ApiGateway::GatewayResponse', 'Properties': {'RestApiId': {'Ref': api}, 'ResponseType': kind, **properties}}


def _translate_policies(policies: list[Json]) -> None:
    for policy in policies:
        for statement in policy['PolicyDocument']['Statement']:
            _translate(statement)


def _translate(statement: Json) -> None:
    """Leave out what the emulator does not know, and name batches of requests, which to AWS are those requests."""
    actions = statement['Action'] if isinstance(statement['Action'], list) else [statement['Action']]
    statement['Action'] = actions + [_BATCHES[action] for action in actions if action in _BATCHES]
    if _WITHOUT_RESOURCE & set(actions):
        statement['Resource'] = '*'
    conditions: Json = statement.pop('Condition', {})
    known = {operator: _known(keys) for operator, keys in conditions.items() if _known(keys)}
    if known:
        statement['Condition'] = known


def _known(keys: Json) -> Json:
    return {key: value for key, value in keys.items() if not key.startswith(_UNKNOWN_CONDITIONS)}
