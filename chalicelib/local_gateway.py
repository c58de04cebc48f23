"""Makes chalice's local server treat authorization as API Gateway does. Only used under `chalice local`, `make run` and tests.

Chalice emulates TOKEN authorizers and answers denials with bodies of its own. Here the authorizer gets the whole request, its id
too, and denials are answered from `infra/gateway_responses.json`, which is what API Gateway is configured with. Not for Lambda:
neither `chalice.local` nor `infra` is part of the package.
"""

import uuid
from typing import Any

from chalice.local import ForbiddenError, LocalGatewayAuthorizer, NotAuthorizedError

from chalicelib import telemetry
from infra import gateway


def install() -> None:
    """Give authorizers REQUEST events, also when there is no Authorization header, which chalice would refuse by itself."""
    LocalGatewayAuthorizer._prepare_authorizer_event = _request_event  # type: ignore[method-assign, assignment]


def unauthorized() -> Exception:
    """Return the error that makes a 401 of a request."""
    return NotAuthorizedError(*_answer('UNAUTHORIZED'))


def denied() -> Exception:
    """Return the error that makes a 403 of a request."""
    return ForbiddenError(*_answer('ACCESS_DENIED'))


def _request_event(_: Any, arn: str, event: dict[str, Any], __: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html"""
    event['requestContext'].setdefault('requestId', str(uuid.uuid4()))  # the request's own, so that the API gets the same
    query = event['multiValueQueryStringParameters'] or {}
    single = {name: values[-1] for name, values in query.items()}
    token = event['headers'].get('authorization', '')  # for authorizers of TOKEN kind
    return event | {'type': 'REQUEST', 'methodArn': arn, 'queryStringParameters': single, 'authorizationToken': token}


def _answer(response_type: str) -> tuple[dict[str, str], bytes]:
    return gateway.responses()[response_type].told(telemetry.request_id() or str(uuid.uuid4()))
