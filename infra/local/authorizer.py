"""Makes chalice's local server authorize requests as API Gateway does: under `chalice local`, `make run` and in tests.

Chalice emulates a TOKEN authorizer and answers denials with bodies of its own. Here the authorizer receives the event of a
REQUEST authorizer, and the client receives the response that API Gateway is configured to send (`infra/gateway_responses.json`).
"""

import logging
import uuid
from typing import Any

from chalice import local
from chalice.local import ForbiddenError, LocalGatewayAuthorizer, LocalGatewayException, NotAuthorizedError

from chalicelib.config import settings
from infra import gateway
from infra.local.connection import current

log = logging.getLogger(__name__)

Event = dict[str, Any]


class AuthorizerFailedError(LocalGatewayException):
    """The authorizer raised an error that is no refusal, such as Busy."""

    CODE = 503


class GatewayAuthorizer(LocalGatewayAuthorizer):
    """Runs the application's authorizer; raises chalice's errors with API Gateway's headers and bodies."""

    def authorize(self, raw_path: str, lambda_event: Event, lambda_context: Any) -> tuple[Event, Any]:
        """Return event and context for the view, at a turn of whoever calls it.

        Raises NotAuthorizedError (401), ForbiddenError (403), AuthorizerFailedError (503), and ConnectionResetError as `work_for`.
        """
        connection = current.get()
        try:
            event, context = super().authorize(raw_path, lambda_event, lambda_context)
        except ForbiddenError:
            raise ForbiddenError(*_render('ACCESS_DENIED', lambda_event)) from None
        except Exception as error:
            if str(error) != 'Unauthorized':  # the one message that API Gateway turns into a 401
                log.exception('the authorizer failed')
                raise AuthorizerFailedError(*_render('AUTHORIZER_FAILURE', lambda_event)) from error
            if connection is not None:
                connection.forget_caller()
            raise NotAuthorizedError(*_render('UNAUTHORIZED', lambda_event)) from None
        if connection is not None:
            from infra.local import callers  # whose models need the settings, which are known when there are requests

            connection.work_for(callers.of_request(event))
        return event, context

    def _prepare_authorizer_event(self, arn: str, lambda_event: Event, lambda_context: Any) -> Event:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html"""
        lambda_event['requestContext'].setdefault('requestId', str(uuid.uuid4()))  # the view then sees the same id
        query = lambda_event['multiValueQueryStringParameters'] or {}
        single = {name: values[-1] for name, values in query.items()}
        token = lambda_event['headers'].get('authorization', '')  # read by authorizers of TOKEN kind
        return lambda_event | {'type': 'REQUEST', 'methodArn': arn, 'queryStringParameters': single, 'authorizationToken': token}


def install() -> None:
    """Make every local gateway of chalice that is created from now on use `GatewayAuthorizer`."""
    local.LocalGatewayAuthorizer = GatewayAuthorizer  # type: ignore[misc]


def _render(response_type: str, event: Event) -> tuple[dict[str, str], bytes]:
    return gateway.responses()[response_type].render(event['requestContext']['requestId'], settings().url(''))
