"""The functions and their API, deployed by Chalice, which is given the whole OpenAPI document instead of its own part.

So the API is complete from the moment it is live: made complete by further calls, it would for a while refuse API keys and
answer errors in API Gateway's own way, at every deployment.
"""

import shutil
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalice.app import Chalice, ChaliceAuthorizer
from chalice.awsclient import TypedAWSClient
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BuildStage,
    ChaliceDeploymentError,
    Deployer,
    DeploymentPackager,
    InjectDefaults,
    PolicyGenerator,
    ResultsRecorder,
    SwaggerBuilder,
    create_deletion_deployer,
)
from chalice.deploy.executor import Executor
from chalice.deploy.models import DeploymentPackage, Model, RestAPI
from chalice.deploy.packager import LambdaDeploymentPackager
from chalice.deploy.planner import PlanStage, RemoteState, StringFormat
from chalice.deploy.swagger import SwaggerGenerator, TemplatedSwaggerGenerator
from chalice.deploy.sweeper import ResourceSweeper
from chalice.package import TemplateDeepMerger
from chalice.policy import AppPolicyGenerator
from chalice.utils import UI, OSUtils

from chalicelib.config import BadSetting, experimental_exchanges
from infra import gateway
from infra.deploy import aliases, bounded_roles, bytecode, rights, runtime, slimming
from infra.deploy.dependencies import RuntimeDependencies
from infra.deploy.target import CannotDeploy, Target

Json = dict[str, Any]
Build = Callable[[Config, SwaggerGenerator], BuildStage]


class Document(TemplatedSwaggerGenerator):
    """Chalice's OpenAPI document with what infra/gateway.py adds; it calls the aliases of the functions."""

    def __init__(self, name: str, issuer: str) -> None:
        super().__init__()
        self._name = name
        self._issuer = issuer

    def generate_swagger(self, app: Chalice, rest_api: RestAPI | None = None) -> dict[str, Any]:
        merged: dict[str, Any] = TemplateDeepMerger().merge(
            gateway.additions(self._name, self._issuer), super().generate_swagger(app, rest_api)
        )
        return merged

    def _uri(self, lambda_arn: str | None = None) -> Any:
        return _of_alias(super()._uri(lambda_arn))

    def _auth_uri(self, authorizer: ChaliceAuthorizer) -> Any:
        return _of_alias(super()._auth_uri(authorizer))


def _of_alias(uri: StringFormat) -> StringFormat:
    return StringFormat(uri.template.replace('}/invocations', f'}}:{aliases.NAME}/invocations'), uri.variables)


class Packaging(BuildStage):
    """Makes what Chalice makes: the code with its dependencies, the policies, the document. The code is slimmed and has bytecode."""

    def __init__(self, config: Config, document: SwaggerGenerator) -> None:
        made_for, files = runtime.current(), OSUtils()
        packager = LambdaDeploymentPackager(files, RuntimeDependencies(made_for), UI(), made_for.architecture)
        policies = PolicyGenerator(AppPolicyGenerator(files), files)
        super().__init__([InjectDefaults(), DeploymentPackager(packager), policies, SwaggerBuilder(document)])
        self._runtime = made_for

    def execute(self, config: Config, resources: list[Model]) -> None:
        super().execute(config, resources)
        try:
            experimental = experimental_exchanges(config.environment_variables)
        except BadSetting as error:
            raise CannotDeploy(str(error)) from None
        for one in resources:
            if isinstance(one, DeploymentPackage):
                one.filename = finished(str(one.filename), self._runtime, experimental)


def finished(filename: str, made_for: runtime.Runtime, experimental: Collection[str] = ()) -> str:
    """Return the name of a copy without what is not needed and with bytecode; Chalice uses the original for the next deployment.

    The copy has the `experimental` exchanges. Raises CannotDeploy for one that there is not.
    """
    finished_name = f'{filename.removesuffix(".zip")}-finished.zip'
    python = made_for.interpreter()
    with TemporaryDirectory(dir=Path(filename).parent) as folder:  # of this process alone, until it is whole
        copy = Path(folder, 'code.zip')
        shutil.copyfile(filename, copy)
        try:
            slimming.slim(copy, experimental)
        except slimming.UnknownExchange as error:
            raise CannotDeploy(f'EXPERIMENTAL_EXCHANGES of this stage names {error}, which is not a ccxt exchange') from None
        if python:
            bytecode.add(copy, python)
        copy.replace(finished_name)
    return finished_name


class _Client(aliases.AliasClient, bounded_roles.BoundingClient):
    pass


def deploy(target: Target, config: Config, build: Build = Packaging) -> Json:
    """Deploy by Chalice and return its record of what is deployed; `build` makes the functions' code. Raises CannotDeploy."""
    client = _Client(target.botocore)
    client.boundary = rights.find_boundary(target)
    files = OSUtils()
    deployer = Deployer(
        application_builder=ApplicationGraphBuilder(),
        deps_builder=DependencyBuilder(),
        build_stage=build(config, Document(target.name, config.environment_variables['ISSUER'].rstrip('/'))),
        plan_stage=PlanStage(RemoteState(client, config.deployed_resources(target.stage)), files),
        sweeper=ResourceSweeper(),
        executor=Executor(client, UI()),
        recorder=ResultsRecorder(files),
    )
    return _run(deployer, target, config)


def delete(target: Target, config: Config) -> None:
    """Delete by Chalice what is in its record. Raises CannotDeploy."""
    _run(create_deletion_deployer(TypedAWSClient(target.botocore), UI()), target, config)


def _run(deployer: Deployer, target: Target, config: Config) -> Json:
    try:
        with warnings.catch_warnings():
            # The runtime is not the Python that runs this, and need not be.
            warnings.filterwarnings('ignore', 'You are currently running python', UserWarning)
            record: Json = deployer.deploy(config, chalice_stage_name=target.stage)
        return record
    except ChaliceDeploymentError as error:
        raise CannotDeploy(f'{error}\nNothing is lost: run the same command again once the reason is mended') from None
