"""The functions and their API, deployed by Chalice, which is given the whole OpenAPI document instead of its own part.

So the API is complete from the moment it is live: made complete by further calls, it would for a while refuse API keys and
answer errors in API Gateway's own way, at every deployment.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chalice.app import Chalice
from chalice.awsclient import TypedAWSClient
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BuildStage,
    ChaliceDeploymentError,
    Deployer,
    ResultsRecorder,
    create_build_stage,
    create_deletion_deployer,
)
from chalice.deploy.executor import Executor
from chalice.deploy.models import DeploymentPackage, Model, RestAPI
from chalice.deploy.planner import PlanStage, RemoteState
from chalice.deploy.swagger import SwaggerGenerator, TemplatedSwaggerGenerator
from chalice.deploy.sweeper import ResourceSweeper
from chalice.package import TemplateDeepMerger
from chalice.utils import UI, OSUtils

from infra import gateway
from infra.deploy import bytecode, slimming
from infra.deploy.target import CannotDeploy, Target

Json = dict[str, Any]
Build = Callable[[Config, SwaggerGenerator], BuildStage]


class Document(TemplatedSwaggerGenerator):
    """Chalice's OpenAPI document with what infra/gateway.py adds."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def generate_swagger(self, app: Chalice, rest_api: RestAPI | None = None) -> dict[str, Any]:
        merged: dict[str, Any] = TemplateDeepMerger().merge(gateway.additions(self._name), super().generate_swagger(app, rest_api))
        return merged


class Packaging(BuildStage):
    """Makes what Chalice makes: the code with its dependencies, the policies, the document. Adds bytecode to the code."""

    def __init__(self, config: Config, document: SwaggerGenerator) -> None:
        super().__init__([])
        self._chalices = create_build_stage(OSUtils(), UI(), document, config)

    def execute(self, config: Config, resources: list[Model]) -> None:
        self._chalices.execute(config, resources)
        for one in resources:
            if isinstance(one, DeploymentPackage):
                one.filename = compiled(str(one.filename))


def compiled(filename: str) -> str:
    """Return the name of a copy that has bytecode; Chalice goes on to use the original for the next deployment."""
    copy = f'{filename.removesuffix(".zip")}-compiled.zip'
    shutil.copyfile(filename, copy)
    slimming.slim(Path(copy))
    bytecode.add(Path(copy))
    return copy


def deploy(target: Target, config: Config, build: Build = Packaging) -> Json:
    """Deploy by Chalice and return its record of what is deployed; `build` makes the functions' code. Raises CannotDeploy."""
    client = TypedAWSClient(target.botocore)
    files = OSUtils()
    deployer = Deployer(
        application_builder=ApplicationGraphBuilder(),
        deps_builder=DependencyBuilder(),
        build_stage=build(config, Document(target.name)),
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
        record: Json = deployer.deploy(config, chalice_stage_name=target.stage)
        return record
    except ChaliceDeploymentError as error:
        raise CannotDeploy(f'{error}\nNothing is lost: run the same command again once the reason is mended') from None
