"""What is added to Chalice's definition of the API: API Gateway's own responses, and an authorizer that receives the whole request."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FILE = Path(__file__).with_name('gateway_responses.json')
# What may be sent as bytes. API Gateway goes by the first type in `Accept`, which is text/html where a browser follows a page's form.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
_BINARY_TYPES = ('application/zip', 'text/html')
_REQUEST_ID = '$context.requestId'
_ISSUER = '$issuer'  # ours: API Gateway knows no name for the address that the API is published at


class GatewayResponse(NamedTuple):
    """A response that API Gateway makes itself; `status` is None where its own is kept (DEFAULT_4XX, DEFAULT_5XX).

    `$context.requestId` in a value stands for the request's id; a header is that and nothing else. `$issuer` in the body stands for the
    API's public address.
    """

    status: int | None
    headers: Mapping[str, str]
    body: dict[str, Any]

    def render(self, request_id: str, issuer: str) -> tuple[dict[str, str], bytes]:
        """Return headers and body as API Gateway sends them to a request."""
        headers = {name: value.replace(_REQUEST_ID, request_id) for name, value in self.headers.items()}
        return headers, json.dumps(self.body).replace(_REQUEST_ID, request_id).replace(_ISSUER, issuer).encode()


def responses() -> dict[str, GatewayResponse]:
    """Return the responses by API Gateway's response type."""
    read = json.loads(_FILE.read_text())
    return {
        kind: GatewayResponse(one.get('status'), read['headers'] | one['headers'], _explained(read['body'] | one['body']))
        for kind, one in read['responses'].items()
    }


def _explained(body: dict[str, Any]) -> dict[str, Any]:
    return body | {'doc_url': f'{_ISSUER}/reference#error-{body["code"]}'}


def additions(name: str, issuer: str | dict[str, Any]) -> dict[str, Any]:
    """Return what is merged into Chalice's OpenAPI document of the API called `name`; `issuer` may be an expression of CloudFormation.

    The answers are part of the document, not resources of their own: importing a document removes the ones that it does not have.
    Bodies made by API Gateway carry no `time`: its templates know milliseconds only and cannot divide. The authorizer becomes
    one of REQUEST kind, without identity sources and so without caching; see docs/decisions/0007-api-keys.md.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
    """
    authorizer = {'type': 'request', 'authorizerResultTtlInSeconds': 0}
    return {
        'info': {'title': name},
        'x-amazon-apigateway-binary-media-types': list(_BINARY_TYPES),
        'securityDefinitions': {'bearer': {'name': 'Unused', 'x-amazon-apigateway-authorizer': authorizer}},
        'x-amazon-apigateway-gateway-responses': {kind: _extension(one, issuer) for kind, one in responses().items()},
    }


def _extension(response: GatewayResponse, issuer: str | dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.gatewayResponse.html"""
    headers = {f'gatewayresponse.header.{name}': _mapped(value) for name, value in response.headers.items()}
    status = {'statusCode': str(response.status)} if response.status else {}
    return status | {'responseParameters': headers, 'responseTemplates': {'application/json': _template(response.body, issuer)}}


def _template(body: dict[str, Any], issuer: str | dict[str, Any]) -> str | dict[str, Any]:
    text = json.dumps(body)
    if isinstance(issuer, str):
        return text.replace(_ISSUER, issuer)
    return {'Fn::Sub': [text.replace(_ISSUER, '${PublicAddress}'), {'PublicAddress': issuer}]}


def _mapped(value: str) -> str:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html"""
    return 'context.requestId' if value == _REQUEST_ID else f"'{value}'"
