"""An AWS account in moto for each test of deployments: our steps and Chalice's own, all but the packaging of the code."""

import json
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import botocore.session
from chalice.config import Config
from chalice.deploy.deployer import BaseDeployStep, BuildStage, InjectDefaults, PolicyGenerator, SwaggerBuilder
from chalice.deploy.swagger import SwaggerGenerator
from chalice.policy import AppPolicyGenerator
from chalice.utils import OSUtils

from infra.deploy import stack, steps, target
from infra.deploy.target import Target
from infra.lambda_extras import config
from tests.support import quick_deployments
from tests.support.moto_translations import ACCOUNT_LIMIT, translated_document, translated_template

quick_deployments.REPLACEMENTS.install()

STAGE = 'test'
NAME = 'cryptfolio-test'
CHANGES = ('Create', 'Put', 'Update', 'Add', 'Attach', 'Delete', 'Remove', 'Tag', 'Publish')
LOADER = botocore.session.Session().get_component('data_loader')  # keeps what it read of services
ACCOUNTS = count(210_000_000_000)
OK, BAD = SimpleNamespace(status_code=200), SimpleNamespace(status_code=400)

Json = dict[str, Any]


class Refusal(NamedTuple):
    """An error as the answer to a call."""

    Code: str
    Message: str


class Aws:
    """One account, empty at first. `changes` are the changing calls so far; `answers`, or what they return, come in place of moto's."""

    def __init__(self, project: Path) -> None:
        self.account = str(next(ACCOUNTS))
        self.project = project
        self.changes: list[str] = []
        self.documents: list[Json] = []
        self.may_recur: dict[str, str] = {}
        self.deployed: steps.Deployed
        self.answers: Json = {
            'AttachRolePolicy': {},  # of AWS's own policies
            'GetAccountSettings': ACCOUNT_LIMIT,
            'PutFunctionRecursionConfig': {},
        }
        self.fail: Callable[[str], None] = lambda operation: None
        self.session = botocore.session.Session()
        self.session.register_component('data_loader', LOADER)
        self.session.register('request-created', self._enter)
        self.session.register('before-parameter-build.apigateway.PutRestApi', self._translate_document)
        for operation in ('CreateStack', 'UpdateStack'):
            self.session.register(f'before-parameter-build.cloudformation.{operation}', self._translate_template)
        self.session.register('before-parameter-build.lambda.PutFunctionRecursionConfig', self._note_recursion)
        self.session.register('before-call', self._answer)
        self.session.register('after-call', self._note)
        self.target = target.find(STAGE, self.session, project)

    def elsewhere(self, project: Path) -> Target:
        """The same account from another computer."""
        return target.find(STAGE, self.session, project)

    def client(self, service: str) -> Any:
        return self.target.client(service)

    def signing_key(self) -> str:
        """Make a key like the stack's, whose kind moto ignores."""
        made = self.client('kms').create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')
        arn: str = made['KeyMetadata']['Arn']
        return arn

    def deploy(self, where: Target | None = None, **given: str) -> steps.Deployed:
        if not stack.parameters(self.target) and 'SigningKeys' not in given:
            given['SigningKeys'] = self.signing_key()
        bring_up(where or self.target, given)
        self.deployed = steps.find(self.target)
        return self.deployed

    def _enter(self, request: Any, **_: Any) -> None:
        request.headers['x-moto-account-id'] = self.account

    def _translate_template(self, params: Json, **_: Any) -> None:
        params['TemplateBody'] = translated_template(params['TemplateBody'])

    def _translate_document(self, params: Json, **_: Any) -> None:
        self.documents.append(json.loads(params['body']))
        params['body'] = translated_document(self.documents[-1])

    def _note_recursion(self, params: Json, **_: Any) -> None:
        self.may_recur[params['FunctionName'].removeprefix(f'{NAME}-')] = params['RecursiveLoop']

    def _answer(self, model: Any, **_: Any) -> Any:
        if model.name not in self.answers:
            return None
        answer = self.answers[model.name]
        answer = answer() if callable(answer) else answer
        return (BAD, {'Error': answer._asdict()}) if isinstance(answer, Refusal) else (OK, answer)

    def _note(self, model: Any, http_response: Any, **_: Any) -> None:
        if model.name.startswith(CHANGES) and http_response.status_code < 400:
            self.changes.append(model.name)
            self.fail(model.name)


class Package(BaseDeployStep):
    """Some code, instead of all of it with its dependencies, which takes a package index and half a minute."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / 'code.zip'

    def handle_deploymentpackage(self, _: Config, resource: Any) -> None:
        with zipfile.ZipFile(self._path, 'w') as archive:
            archive.writestr('app.py', '')
        resource.filename = str(self._path)


def bring_up(where: Target, given: dict[str, str]) -> None:
    stack.ensure(where, given)
    steps.deploy(where, build)


def build(config: Config, document: SwaggerGenerator) -> BuildStage:
    policies = PolicyGenerator(AppPolicyGenerator(OSUtils()), OSUtils())
    return BuildStage([InjectDefaults(), Package(Path(config.project_dir)), policies, SwaggerBuilder(document)])


def project(folder: Path, **own: str) -> Path:
    """Make a project like this one; `own` are settings that its configuration has for the stage."""
    (folder / '.chalice').mkdir(parents=True)
    chalice_config = config()
    chalice_config['stages'][STAGE] = {'environment_variables': own}
    (folder / '.chalice' / 'config.json').write_text(json.dumps(chalice_config))
    return folder
