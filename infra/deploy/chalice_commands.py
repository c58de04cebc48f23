"""What `chalice deploy`, `chalice package` and `chalice delete` do for this application.

`app.py` calls `take_over` when one of them imports it. The command is then run again from its start, with a factory that makes what
deploys a stage of this application in place of Chalice's own. docs/decisions/0024-chalice-deploy.md says why so.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click
from botocore.session import Session
from chalice.awsclient import TypedAWSClient
from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.deploy.deployer import Deployer
from chalice.package import AppPackager, PackageOptions
from chalice.utils import UI

from infra.deploy import command, configuration, destroy, package, steps, target
from infra.deploy.target import CannotDeploy, Target

_COMMANDS = ('deploy', 'package', 'delete')
_ANY_REGION = 'us-east-1'  # where none is set: a package is the same in all regions


def take_over() -> None:
    """Run the command that imports the application again, and exit with its status; return if it is none of `_COMMANDS`."""
    context = click.get_current_context(silent=True)
    if context is None or context.command.name not in _COMMANDS:
        return
    context.obj['factory'] = StageFactory(context.obj['project_dir'], context.obj['debug'], environ=os.environ)
    del sys.modules['app']  # is being imported; the stage's settings must be in the environment before
    sys.exit(command.run(lambda: context.invoke(context.command, **context.params)))


class StageFactory(CLIFactory):
    """Makes for Chalice's commands what deploys a stage of this application."""

    def create_config_obj(
        self,
        chalice_stage_name: str = 'dev',
        autogen_policy: bool | None = None,
        api_gateway_stage: str | None = None,
        user_provided_params: dict[str, Any] | None = None,
    ) -> Config:
        """Return what can be said of a stage without AWS. Raises CannotDeploy for what cannot be chosen."""
        if autogen_policy or api_gateway_stage not in (None, chalice_stage_name):
            raise CannotDeploy(
                'leave the option out: policies are in infra/policies, and the stage of the API is called like that of Chalice'
            )
        return configuration.offline(chalice_stage_name, Path(self.project_dir))

    def create_default_deployer(self, session: Session, config: Config, ui: UI) -> Deployer:
        return _StageDeployer(target.find(config.chalice_stage, session, Path(self.project_dir)))

    def create_deletion_deployer(self, session: Session, ui: UI) -> Deployer:
        return _StageRemover(session, Path(self.project_dir))

    def create_app_packager(
        self, config: Config, options: PackageOptions, package_format: str, template_format: str, merge_template: str | None = None
    ) -> AppPackager:
        if (package_format, template_format) != ('cloudformation', 'json'):
            raise CannotDeploy('only the CloudFormation template in JSON can be packaged: leave --pkg-format and --template-format out')
        return package.StagePackager(super().create_app_packager(config, options, package_format, template_format, merge_template), config)

    def create_package_options(self) -> PackageOptions:
        if not Session(profile=self.profile).get_config_variable('region'):
            os.environ['AWS_DEFAULT_REGION'] = _ANY_REGION  # the application, too, is not imported without
        return PackageOptions(TypedAWSClient(Session(profile=self.profile)))


class _StageDeployer(Deployer):
    def __init__(self, where: Target) -> None:
        self._target = where

    def deploy(self, config: Config, chalice_stage_name: str) -> dict[str, Any]:
        return steps.deploy(self._target)


class _StageRemover(Deployer):
    def __init__(self, session: Session, project: Path) -> None:
        self._session = session
        self._project = project

    def deploy(self, config: Config, chalice_stage_name: str) -> dict[str, Any]:
        destroy.remove_application(target.find(chalice_stage_name, self._session, self._project))
        return {}
