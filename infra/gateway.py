"""What API Gateway is told beside what Chalice tells it: its own answers, and an authorizer that is given the whole request.

`python -m infra.gateway` prints the template that `chalice package --merge-template` merges.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FILE = Path(__file__).with_name('gateway_responses.json')


class GatewayResponse(NamedTuple):
    """`status` is None where API Gateway's own is kept (DEFAULT_4XX, DEFAULT_5XX)."""

    status: int | None
    headers: Mapping[str, str]
    body: dict[str, Any]


def responses() -> dict[str, GatewayResponse]:
    """Return the responses by API Gateway's response type."""
    read = json.loads(_FILE.read_text())
    return {kind: GatewayResponse(one.get('status'), one['headers'], one['body']) for kind, one in read.items()}


def merged_template() -> dict[str, Any]:
    """Return what packaging adds to Chalice's template.

    Bodies made by API Gateway carry no `time`: its templates know milliseconds only and cannot divide. The authorizer becomes
    one of REQUEST kind, without identity sources and so without caching; see docs/decisions/0007-api-keys.md.
    """
    authorizer = {'type': 'request', 'authorizerResultTtlInSeconds': 0}
    definitions = {'bearer': {'x-amazon-apigateway-authorizer': authorizer}}
    api = {'Properties': {'DefinitionBody': {'securityDefinitions': definitions}}}
    made = {f'Gateway{kind.title().replace("_", "")}': _resource(kind, one) for kind, one in responses().items()}
    return {'Resources': {'RestAPI': api} | made}


def _resource(kind: str, response: GatewayResponse) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-gatewayresponse.html"""
    headers = {f'gatewayresponse.header.{name}': f"'{value}'" for name, value in response.headers.items()}
    properties = {
        'RestApiId': {'Ref': 'RestAPI'},
        'ResponseType': kind,
        'ResponseParameters': headers,
        'ResponseTemplates': {'application/json': json.dumps(response.body)},
    }
    status = {'StatusCode': str(response.status)} if response.status else {}
    return {'Type': 'AWS::ApiGateway::GatewayResponse', 'Properties': properties | status}


if __name__ == '__main__':
    print(json.dumps(merged_template(), indent=2))
