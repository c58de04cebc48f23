"""What a deployment sends, said so that moto understands it, and answers to what moto does not know."""

import json
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend

Json = dict[str, Any]

UNKNOWN_RESOURCES = ('AWS::CloudWatch::Alarm', 'AWS::Logs::MetricFilter', 'AWS::SNS::Subscription', 'AWS::ApiGateway::DomainName')
ACCOUNT_LIMIT = {'AccountLimit': {'ConcurrentExecutions': 1000, 'UnreservedConcurrentExecutions': 1000}}


def keep_aliases_of_mappings() -> None:
    """Let an event source mapping have the alias that it was made for; moto takes the version that the alias leads to then."""
    create = LambdaBackend.create_event_source_mapping

    def create_for_alias(backend: LambdaBackend, spec: Json) -> EventSourceMapping:
        mapping = create(backend, spec)
        mapping.function_arn = spec['FunctionName']
        return mapping

    LambdaBackend.create_event_source_mapping = create_for_alias


keep_aliases_of_mappings()


def translated_template(text: str) -> str:
    """Moto knows neither all resources nor the newer of the policies by which they are kept, and wants a key's policy as a text."""
    template = json.loads(text.replace('RetainExceptOnCreate', 'Retain'))
    template['Resources'] = {name: one for name, one in template['Resources'].items() if one['Type'] not in UNKNOWN_RESOURCES}
    for one in template['Resources'].values():
        if one['Type'] == 'AWS::KMS::Key':
            one['Properties']['KeyPolicy'] = json.dumps(one['Properties']['KeyPolicy'])
    template['Outputs'] = {name: one for name, one in template.get('Outputs', {}).items() if 'ApiDomain' not in json.dumps(one)}
    return json.dumps(template)


def translated_document(document: Json) -> str:
    """Moto reads OpenAPI 3 only, and no method that answers by itself."""
    paths = {path: {name: one for name, one in methods.items() if name != 'options'} for path, methods in document['paths'].items()}
    rest = {name: value for name, value in document.items() if name != 'swagger'}
    return json.dumps(rest | {'openapi': '3.0.1', 'paths': paths})
