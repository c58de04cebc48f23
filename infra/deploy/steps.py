"""Deploying the functions and the API onto the stack of a stage, step by step: what `chalice deploy` does here.

Each step looks at what is there, so that any failure is mended by running them all again.
"""

from collections.abc import Mapping
from typing import NamedTuple

from infra.deploy import api, application, configuration, events, records, releases, stack
from infra.deploy.target import CannotDeploy, Target


class Deployed(NamedTuple):
    """`url` is where API Gateway answers, `issuer` the issuer of tokens; the same without a domain."""

    url: str
    issuer: str
    outputs: dict[str, str]


def deploy(target: Target, build: application.Build = application.Packaging) -> application.Json:
    """Bring functions and API up or up to date and return Chalice's record of them.

    Raises CannotDeploy; without a stack before anything is changed.
    """
    outputs = stack.outputs(target)
    print(f'deploying {target.name} to account {target.account}, {target.region}')
    _say('the API, whose address is the issuer of tokens')
    made = api.ensure(target)
    issuer = _issuer(outputs, made)
    _say('settings and policies')
    config = configuration.config(target, configuration.values(target, outputs, issuer))
    _say('the functions, which takes some minutes')
    records.write(target, made)
    record = application.deploy(target, config, build)
    _say('queues, schedules, limits, logs')
    events.ensure(target)
    api.limit_and_log(target, made, outputs)
    if 'Domain' in outputs:
        api.map_domain(target, made, outputs['Domain'])
    release = releases.publish(target, made)
    _say(f'release {release.label} runs')
    return record


def find(target: Target) -> Deployed:
    """Return what is deployed. Raises CannotDeploy when nothing is."""
    outputs = stack.outputs(target)
    made = api.find(target)
    if made is None:
        raise CannotDeploy(f'there is no API {target.name} in {target.region}: `make deploy STAGE={target.stage}` creates it')
    return Deployed(made.url, _issuer(outputs, made), outputs)


def _say(step: str) -> None:
    print(step, flush=True)


def _issuer(outputs: Mapping[str, str], made: api.Api) -> str:
    if 'Issuer' in outputs:
        return outputs['Issuer'].rstrip('/')
    return f'https://{outputs["Domain"]}' if 'Domain' in outputs else made.url


def summarize(target: Target, deployed: Deployed) -> str:
    """Return what to say in the end: where it is and what is left to do."""
    outputs = deployed.outputs
    invitation = f'.venv/bin/python -m infra.data users invite --stage {target.stage} {deployed.issuer}'
    lines = [f'deployed: {deployed.issuer}', f'a link with which to make an account of your own: {invitation}']
    if deployed.issuer != deployed.url:
        lines.append(f'API Gateway answers at {deployed.url} too')
    if 'DomainTarget' in outputs:
        lines.append(
            f'let the DNS name {outputs["Domain"]} lead to {outputs["DomainTarget"]} (CNAME, or an alias in zone {outputs["DomainZone"]})'
        )
    if 'MailFrom' not in outputs:
        lines.append(
            f'nobody can sign up without mail: make deploy STAGE={target.stage} MAIL_FROM=you@your.domain, once SES has verified it'
        )
    if 'AlarmEmail' not in outputs:
        lines.append(f'alarms notify nobody: make deploy STAGE={target.stage} ALARM_EMAIL=you@your.domain')
    return '\n'.join(lines)
