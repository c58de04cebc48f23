"""What would stop or hamper a deployment, looked for before its first write. Nothing is changed.

What cannot be looked at, for want of rights or because an emulation of AWS lacks it, is `not checked` and stops nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra import template
from infra.deploy import configuration, dependencies, kept_data, mail, options, rights, runtime, stack
from infra.deploy.target import CannotDeploy, Target

_MOST_SECONDS = 240  # AWS refuses requests signed five minutes from its own time
_SHOWN = 6  # of what may be a long list
_MAKE_POLICIES = (
    'An administrator makes the policies by the template of `.venv/bin/python -m infra.deploy access-template`: '
    'docs/operations/first-day.md'
)


class Verdict(StrEnum):
    OK = 'ok'
    WARNING = 'warning'
    REFUSED = 'refused'
    NOT_CHECKED = 'not checked'


class Finding(NamedTuple):
    """What a check says: of a refusal and of a warning what to do, in one sentence."""

    about: str
    verdict: Verdict
    text: str


Outcome = tuple[Verdict, str]
Check = Callable[[Target, Mapping[str, str]], Iterable[Outcome]]


def findings(target: Target, given: Mapping[str, str], checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Yield what the checks find; `given` are parameters of the stack that are about to change."""
    for about, check in checks.items():
        try:
            yield from (Finding(about, *outcome) for outcome in check(target, given))
        except CannotDeploy as refusal:
            yield Finding(about, Verdict.REFUSED, str(refusal))
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            yield Finding(about, Verdict.NOT_CHECKED, str(error).splitlines()[0])


def require(target: Target, given: Mapping[str, str], checks: Mapping[str, Check]) -> None:
    """Print the warnings. Raises CannotDeploy with all that stands in the way of a deployment."""
    refusals = []
    for one in findings(target, given, checks):
        if one.verdict is Verdict.REFUSED:
            refusals.append(one.text)
        elif one.verdict is not Verdict.OK:
            print(f'  {one.verdict}: {one.about}: {one.text}', flush=True)
    if refusals:
        raise CannotDeploy('\n'.join([*refusals, 'Nothing was done']))


def _clock(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    headers = target.client('sts').get_caller_identity()['ResponseMetadata']['HTTPHeaders']
    if 'date' not in headers:
        yield Verdict.NOT_CHECKED, 'the answer has no date'
        return
    seconds = round((datetime.now(UTC) - parsedate_to_datetime(headers['date'])).total_seconds())
    if abs(seconds) > _MOST_SECONDS:
        yield Verdict.REFUSED, f"this computer's clock is {seconds:+} seconds from AWS's, which refuses 300: set it by network time"
    else:
        yield Verdict.OK, f"{abs(seconds)} seconds from AWS's"


def _rights(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    denied = sorted(set(rights.missing(target)))
    if denied:
        rest = f' and {len(denied) - _SHOWN} more' if len(denied) > _SHOWN else ''
        yield (
            Verdict.REFUSED,
            f'these credentials may not {", ".join(denied[:_SHOWN])}{rest}: attach {target.name}-deploy-stack and '
            f'{target.name}-deploy-functions. {_MAKE_POLICIES}',
        )
    else:
        yield Verdict.OK, 'all that infra/access lists'


def _boundary(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    if arn := rights.find_boundary(target):
        iam = target.client('iam')
        version = iam.get_policy(PolicyArn=arn)['Policy']['DefaultVersionId']
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)['PolicyVersion']['Document']
        if document == rights.boundary(target):
            yield Verdict.OK, f'{arn} bounds the roles of the functions'
        else:
            yield Verdict.WARNING, f'{arn} is not that of this release, which may need rights outside of it. {_MAKE_POLICIES}'
    elif rights.may_make_unbounded_roles(target):
        yield Verdict.OK, 'none, which is for people whom you trust with the account'
    else:
        yield Verdict.REFUSED, f'these credentials may make only roles with the boundary {rights.boundary_arn(target)}. {_MAKE_POLICIES}'


def _concurrency(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    limit = configuration.concurrency(target)
    if configuration.can_reserve(limit):
        yield Verdict.OK, f'{limit.functions_at_once} functions at once'
    else:
        yield Verdict.WARNING, configuration.too_few(limit)


def _mail(target: Target, given: Mapping[str, str]) -> Iterator[Outcome]:
    sender = given.get('MailFrom', stack.parameters(target).get('MailFrom'))
    if not sender:
        yield Verdict.WARNING, 'nobody can sign up without mail: MAIL_FROM=you@your.domain, once SES has verified it'
        return
    address, domain = mail.parse(sender)
    if not mail.is_verified(target, address, domain):
        yield Verdict.WARNING, mail.how_to_verify(target, address, domain)
    elif not target.client('sesv2').get_account()['ProductionAccessEnabled']:
        yield (
            Verdict.WARNING,
            f'SES is in its sandbox in {target.region} and delivers to verified addresses and domains alone: '
            'request production access in the SES console',
        )
    else:
        yield Verdict.OK, f'{address} may send'


def _options(target: Target, given: Mapping[str, str]) -> Iterator[Outcome]:
    faults = list(options.wrong(given, stack.parameters(target), target.region))
    yield from ((Verdict.REFUSED, fault) for fault in faults)
    if not faults:
        yield Verdict.OK, ', '.join(name for name in options.names() if options.names()[name] in given) or 'as they were'


def _names(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    """Whether a new stack would meet something of its names, and the keys of one that is there can be used."""
    if stack.exists(target):
        kept_data.refuse_unusable_keys(target)
        yield Verdict.OK, 'the stack is there'
        return
    kept = kept_data.find(target)
    if kept:
        yield Verdict.OK, f'{", ".join(kept)} are of an earlier stack and are taken over, with their data'
    taken = sorted(_taken(target))
    for remedy in taken:
        yield Verdict.REFUSED, f'a name is taken by what belongs to no stack: `{remedy}`, if you do not need it'
    if not (kept or taken):
        yield Verdict.OK, 'free'


def _taken(target: Target) -> Iterator[str]:
    """Yield for each queue and log group that a new stack could not make, as there is one, the command that deletes it."""
    naming = {'AWS::SQS::Queue': 'QueueName', 'AWS::Logs::LogGroup': 'LogGroupName'}
    wanted = {
        one['Properties'][naming[one['Type']]]['Fn::Sub'].replace('${Stage}', target.stage)
        for one in template.load()['Resources'].values()
        if one['Type'] in naming
    }
    for page in target.client('sqs').get_paginator('list_queues').paginate(QueueNamePrefix=f'{target.name}-'):
        for url in page.get('QueueUrls', []):
            if url.rpartition('/')[2] in wanted:
                yield f'aws sqs delete-queue --queue-url {url}'
    for prefix in ('/aws/lambda/', '/aws/apigateway/'):
        for page in target.client('logs').get_paginator('describe_log_groups').paginate(logGroupNamePrefix=f'{prefix}{target.name}'):
            for group in page['logGroups']:
                if group['logGroupName'] in wanted:
                    yield f'aws logs delete-log-group --log-group-name {group["logGroupName"]}'


def _runtime(_: Target, __: Mapping[str, str]) -> Iterator[Outcome]:
    made_for = runtime.current()
    shortcoming = made_for.shortcoming()
    yield (Verdict.WARNING, shortcoming) if shortcoming else (Verdict.OK, made_for.name)


def _packages(target: Target, _: Mapping[str, str]) -> Iterator[Outcome]:
    if runtime.current() != runtime.PINNED:
        yield Verdict.NOT_CHECKED, 'they are for this computer'
    else:
        dependencies.RuntimeDependencies(runtime.PINNED).check(str(target.project / 'requirements.txt'))
        yield Verdict.OK, 'all have wheels'


CHECKS: Mapping[str, Check] = {
    'clock': _clock,
    'rights': _rights,
    'boundary': _boundary,
    'options': _options,
    'names': _names,
    'concurrency': _concurrency,
    'mail': _mail,
    'runtime': _runtime,
    'packages': _packages,
}
