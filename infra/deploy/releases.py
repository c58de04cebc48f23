"""The last releases of a stage, and the change from one to another: versions of its functions, and a deployment of its API.

They are noted in a parameter of SSM, the one that is to run last. So it is written after a stage went forward, and before it goes back:
whatever is interrupted, the next `make deploy` or `make rollback` brings the stage to a whole release.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib.config import VERSION
from infra import functions
from infra.deploy import aliases, api
from infra.deploy.target import CannotDeploy, Target

_KEPT = 5


class Release(NamedTuple):
    """`version` is that of the application, `at` when it was deployed, `deployment` the API's, `functions` are the functions' versions."""

    version: str
    at: str
    deployment: str
    functions: Mapping[str, str]

    @property
    def label(self) -> str:
        return f'{self.version} of {self.at}'


def publish(target: Target, made: api.Api) -> Release:
    """Let the aliases lead to what was deployed last, and note that as a release."""
    client = target.client('lambda')
    versions = {name: aliases.publish(client, functions.deployed_name(target.stage, name)) for name in functions.names()}
    release = Release(VERSION, f'{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC', _deployment(target, made), versions)
    _switch(target, made, release)
    kept = [*(one for one in noted(target) if one.functions != versions), release][-_KEPT:]
    _note(target, kept)
    _prune(target, kept)
    return release


def roll_back(target: Target) -> Release:
    """Bring the stage back to the release before the one that runs, and return it. Raises CannotDeploy if there is none."""
    made = api.find(target)
    releases = noted(target)
    if made is None or not releases:
        raise CannotDeploy(f'nothing is deployed to go back from: `make deploy STAGE={target.stage}`')
    if _runs(target, made, releases[-1]):
        releases.pop()
        if not releases:
            raise CannotDeploy(f'no release before this one is kept: check out what is to run, and `make deploy STAGE={target.stage}`')
        _note(target, releases)
    _switch(target, made, releases[-1])
    return releases[-1]


def noted(target: Target) -> list[Release]:
    """Return the releases that the stage can go back to, and last the one that is to run."""
    client = target.client('ssm')
    try:
        text = client.get_parameter(Name=_parameter(target))['Parameter']['Value']
    except client.exceptions.ParameterNotFound:
        return []
    return [Release(**one) for one in json.loads(text)]


def forget(target: Target) -> None:
    """Delete the note of the releases, as their functions are deleted."""
    client = target.client('ssm')
    client.delete_parameters(Names=[_parameter(target)])


def _note(target: Target, releases: Sequence[Release]) -> None:
    text = json.dumps([one._asdict() for one in releases], separators=(',', ':'))
    target.client('ssm').put_parameter(
        Name=_parameter(target), Value=text, Type='String', Overwrite=True, Description='Releases of CryptFolio'
    )


def _switch(target: Target, made: api.Api, release: Release) -> None:
    client = target.client('lambda')
    for name, version in release.functions.items():
        client.update_alias(FunctionName=functions.deployed_name(target.stage, name), Name=aliases.NAME, FunctionVersion=version)
    operation = {'op': 'replace', 'path': '/deploymentId', 'value': release.deployment}
    target.client('apigateway').update_stage(restApiId=made.id, stageName=target.stage, patchOperations=[operation])


def _runs(target: Target, made: api.Api, release: Release) -> bool:
    client = target.client('lambda')
    running = {
        name: client.get_alias(FunctionName=functions.deployed_name(target.stage, name), Name=aliases.NAME)['FunctionVersion']
        for name in release.functions
    }
    return running == release.functions and _deployment(target, made) == release.deployment


def _deployment(target: Target, made: api.Api) -> str:
    deployment: str = target.client('apigateway').get_stage(restApiId=made.id, stageName=target.stage)['deploymentId']
    return deployment


def _prune(target: Target, kept: Sequence[Release]) -> None:
    """Delete the versions of no release that is kept: Lambda keeps 75 GB of code for an account."""
    client = target.client('lambda')
    for name in functions.names():
        called = functions.deployed_name(target.stage, name)
        needed = {'$LATEST', *(one.functions[name] for one in kept if name in one.functions)}
        pages = client.get_paginator('list_versions_by_function').paginate(FunctionName=called)
        for version in [one['Version'] for page in pages for one in page['Versions'] if one['Version'] not in needed]:
            client.delete_function(FunctionName=called, Qualifier=version)


def _parameter(target: Target) -> str:
    return f'/cryptfolio/{target.stage}/releases'
