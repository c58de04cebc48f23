"""Everything as one CloudFormation template with the functions' code: what `chalice package` makes here.

To what Chalice makes are added the resources of template.yaml, the API's own answers and limits, and references where Chalice can
only have fixed names. Asks nothing of AWS.
"""

import json
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import AppPackager, ResourceBuilder, TemplateDeepMerger
from chalice.utils import to_cfn_resource_name

from infra import functions, gateway, lambda_extras, template
from infra.deploy import application, runtime, upstream_keys

Json = dict[str, Any]

_SECTIONS = ('Parameters', 'Rules', 'Conditions', 'Resources', 'Outputs')
_PARAMETERS: Json = {
    'Jwks': {
        'Type': 'String',
        'Default': '{"keys": []}',
        'Description': 'Public half of the signing key; `.venv/bin/python -m infra.deploy jwks STAGE` prints it once the stack is there.',
    },
    'MailIdentity': {'Type': 'String', 'Default': 'none', 'Description': 'The address in MailFrom, as SES knows it.'},
    'MailDomain': {'Type': 'String', 'Default': 'none', 'Description': 'The domain of the address in MailFrom.'},
    'ReserveConcurrency': {
        'Type': 'String',
        'Default': 'no',
        'AllowedValues': ['yes', 'no'],
        'Description': 'yes where the account may run at least 130 functions at once, which new ones may not.',
    },
}
_CONDITIONS: Json = {
    'ReservesConcurrency': {'Fn::Equals': [{'Ref': 'ReserveConcurrency'}, 'yes']},
}


class StagePackager(AppPackager):
    """Writes what one of Chalice's writes, sam.json and deployment.zip, and completes both."""

    def __init__(self, chalices: AppPackager, config: Config) -> None:
        upstream_keys.refuse_in_environment(config.environment_variables)
        build = application.Packaging(config, CFNSwaggerGenerator())
        chalices._resource_builder = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), build)
        self._chalices = chalices

    def package_app(self, config: Config, outdir: str, chalice_stage_name: str) -> None:
        if shortcoming := runtime.current().shortcoming():
            print(f'  {shortcoming}')
        self._chalices.package_app(config, outdir, chalice_stage_name)
        written = Path(outdir, 'sam.json')
        written.write_text(json.dumps(completed(json.loads(written.read_text()), chalice_stage_name), indent=1))


def completed(chalices: Json, stage: str) -> Json:
    """Return Chalice's template with all that it lacks."""
    made = {section: template.load().get(section, {}) | chalices.get(section, {}) for section in _SECTIONS}
    made['Parameters']['Stage'] |= {'Default': stage, 'AllowedValues': [stage]}
    del made['Parameters']['SigningKeys'], made['Conditions']['HasSigningKeys'], made['Outputs']['SigningKeys']
    made['Parameters'] |= _PARAMETERS
    made['Conditions'] |= _CONDITIONS
    for name in functions.names():
        _complete_function(made['Resources'], name, stage)
    made['Resources']['RestAPI'] = TemplateDeepMerger().merge(_api(stage), made['Resources']['RestAPI'])
    made['Resources'] |= _log_role() | _domain()
    return {**chalices, **made}


def _complete_function(resources: Json, name: str, stage: str) -> None:
    called = 'APIHandler' if name == 'api_handler' else to_cfn_resource_name(name)
    properties = resources[called]['Properties']
    properties['FunctionName'] = {'Fn::Sub': functions.deployed_name('${Stage}', name)}
    own = properties.get('Environment', {}).get('Variables', {})
    properties['Environment'] = {'Variables': own | functions.referring(functions.settings()) | {'ISSUER': _issuer()}}
    if name in lambda_extras.SLICED:
        properties |= lambda_extras.MAY_RECUR
    if 'ReservedConcurrentExecutions' in properties:
        reserved = properties['ReservedConcurrentExecutions']
        properties['ReservedConcurrentExecutions'] = {'Fn::If': ['ReservesConcurrency', reserved, {'Ref': 'AWS::NoValue'}]}
    for event in properties.get('Events', {}).values():
        if event['Type'] == 'SQS':
            queue = _queue(resources, event['Properties']['Queue']['Fn::Sub'], stage)
            most = {'MaximumConcurrency': lambda_extras.config()['lambda_functions'][name]['maximum_concurrency']}
            event['Properties'] |= {'Queue': queue, 'ScalingConfig': most} | lambda_extras.PARTIAL_BATCHES
        else:
            properties['EventInvokeConfig'] = lambda_extras.MISSED_SCHEDULES
    role = resources[f'{to_cfn_resource_name(name)}Role']['Properties']
    role['Policies'][0]['PolicyDocument'] = functions.referring(functions.policy(name))


def _queue(resources: Json, arn: str, stage: str) -> Json:
    """Return a reference to a queue that Chalice knows by its name."""
    [found] = [name for name, called in template.queue_names(resources, stage).items() if called == arn.rpartition(':')[2]]
    return {'Fn::GetAtt': [found, 'Arn']}


def _issuer() -> Json:
    own = {'Fn::If': ['HasDomain', {'Fn::Sub': 'https://${Domain}'}, 'https://issuer.invalid']}
    return {'Fn::If': ['HasIssuer', {'Ref': 'Issuer'}, own]}


def _api(stage: str) -> Json:
    limits = {'ThrottlingRateLimit': {'Ref': 'RequestsPerSecond'}, 'ThrottlingBurstLimit': {'Ref': 'RequestBurst'}}
    logs = 'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${AccessLogs}'
    properties = {
        'Name': {'Fn::Sub': 'cryptfolio-${Stage}'},
        'StageName': stage,
        'OpenApiVersion': '2.0',  # or SAM makes a second stage, called "Stage"
        'DefinitionBody': gateway.additions(f'cryptfolio-{stage}', _issuer()),
        'MethodSettings': [{'ResourcePath': '/*', 'HttpMethod': '*', **limits}],
        'AccessLogSetting': {'DestinationArn': {'Fn::Sub': logs}, 'Format': lambda_extras.ACCESS_LOG},
    }
    return {'Properties': properties, 'DependsOn': 'ApiGatewayAccount'}


def _log_role() -> Json:
    """Allow API Gateway to write logs, which is set for an account and region."""
    trust = {'Effect': 'Allow', 'Principal': {'Service': 'apigateway.amazonaws.com'}, 'Action': 'sts:AssumeRole'}
    role = {
        'AssumeRolePolicyDocument': {'Version': '2012-10-17', 'Statement': [trust]},
        'ManagedPolicyArns': [{'Fn::Sub': f'arn:${{AWS::Partition}}:iam::aws:policy/{lambda_extras.LOG_POLICY}'}],
    }
    kept = {'DeletionPolicy': 'Retain', 'UpdateReplacePolicy': 'Retain'}  # other APIs of the account may rely on it by then
    account = {'CloudWatchRoleArn': {'Fn::GetAtt': ['ApiGatewayLogs', 'Arn']}}
    return {
        'ApiGatewayLogs': {'Type': 'AWS::IAM::Role', 'Properties': role} | kept,
        'ApiGatewayAccount': {'Type': 'AWS::ApiGateway::Account', 'Properties': account} | kept,
    }


def _domain() -> Json:
    mapping = {'DomainName': {'Ref': 'ApiDomain'}, 'RestApiId': {'Ref': 'RestAPI'}, 'Stage': {'Ref': 'RestAPI.Stage'}}
    return {'ApiMapping': {'Type': 'AWS::ApiGateway::BasePathMapping', 'Condition': 'HasDomain', 'Properties': mapping}}
