"""Everything calls the alias of a function, which leads to one of its versions: going back is a change of ten aliases, without code.

Chalice lets API, queues and schedules call the newest code itself. `AliasClient` is its client of AWS with the alias in these places.
"""

from typing import Any

from chalice.awsclient import TypedAWSClient

NAME = 'live'


def arn(function_arn: str) -> str:
    """Return the ARN of a function's alias."""
    return f'{function_arn}:{NAME}'


def ensure(client: Any, function: str) -> None:
    """Create the alias of a function that has none, for its newest code."""
    try:
        client.get_alias(FunctionName=function, Name=NAME)
    except client.exceptions.ResourceNotFoundException:
        client.create_alias(FunctionName=function, Name=NAME, FunctionVersion=publish(client, function))


def publish(client: Any, function: str) -> str:
    """Return the version of a function's newest code and settings; Lambda makes none if nothing changed since the last one."""
    client.get_waiter('function_updated_v2').wait(FunctionName=function)
    version: str = client.publish_version(FunctionName=function)['Version']
    return version


class AliasClient(TypedAWSClient):
    """Makes the alias together with the function, so that whatever calls it can be pointed there from the beginning."""

    def create_function(self, function_name: str, *arguments: Any, **options: Any) -> str:
        created: str = super().create_function(function_name, *arguments, **options)
        ensure(self._client('lambda'), function_name)
        return created

    def update_function(self, function_name: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        updated: dict[str, Any] = super().update_function(function_name, *arguments, **options)
        ensure(self._client('lambda'), function_name)
        return updated

    def add_permission_for_apigateway(self, function_name: str, *arguments: Any, **options: Any) -> None:
        super().add_permission_for_apigateway(arn(function_name), *arguments, **options)

    def add_permission_for_cloudwatch_event(self, rule_arn: str, function_arn: str) -> None:
        super().add_permission_for_cloudwatch_event(rule_arn, arn(function_arn))

    def connect_rule_to_lambda(self, rule_name: str, function_arn: str) -> None:
        super().connect_rule_to_lambda(rule_name, arn(function_arn))

    def create_lambda_event_source(self, event_source_arn: str, function_name: str, *arguments: Any, **options: Any) -> None:
        return super().create_lambda_event_source(event_source_arn, arn(function_name), *arguments, **options)

    def verify_event_source_current(self, event_uuid: str, resource_name: str, service_name: str, function_arn: str) -> bool:
        is_current: bool = super().verify_event_source_current(event_uuid, resource_name, service_name, arn(function_arn))
        return is_current
