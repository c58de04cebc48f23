"""`make stack`, `make destroy`, what follows `chalice deploy` in `make deploy`, and the public keys of a stage."""

import argparse
import json
import sys

from infra.deploy import command, configuration, destroy, plan, preflight, releases, rights, smoke, stack, steps, target, upstream_keys
from infra.deploy import options as stack_options
from infra.deploy.target import CannotDeploy

_WHEN_USED = 'Running processes keep what they have read: on AWS for some hours, or until the next `make deploy`'


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    return command.run(lambda: options.run(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.deploy', description='CryptFolio on AWS.')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    one = commands.add_parser('stack', help='create or update the stack of a stage')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('given', metavar='NAME=VALUE', nargs='*', type=_parameter, help=', '.join(stack_options.names()))
    one.set_defaults(run=_stack)
    one = commands.add_parser('plan', help='show what a deployment would do and what stands in its way; changes nothing')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('given', metavar='NAME=VALUE', nargs='*', type=_parameter, help=', '.join(stack_options.names()))
    one.set_defaults(run=_plan)
    one = commands.add_parser('access-template', help='print a template of the IAM policies for those who deploy a stage, its parameter')
    one.set_defaults(run=_print_access_template)
    one = commands.add_parser('check', help='smoke-test what is deployed, and print its address')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_check)
    one = commands.add_parser('destroy', help='remove a stage')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('--table', choices=('keep', 'delete'), default='keep', help='what happens to the data')
    one.set_defaults(run=_destroy)
    one = commands.add_parser('jwks', help='print the public halves of the keys that sign access tokens')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_jwks)
    one = commands.add_parser('rollback', help='return a stage to the previous release')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_roll_back)
    one = commands.add_parser('secret', help='store an API key of an upstream, read from standard input')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('name', metavar='NAME', help='such as UPSTREAM_ETHERSCAN_KEY')
    one.set_defaults(run=_store_secret)
    one = commands.add_parser('remove-secret', help='remove an API key of an upstream')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('name', metavar='NAME')
    one.set_defaults(run=_remove_secret)
    one = commands.add_parser('secrets', help='list the API keys of upstreams, without their values')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_list_secrets)
    return parser.parse_args(arguments)


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition('=')
    if '=' not in text or name not in stack_options.names():
        raise argparse.ArgumentTypeError(f'{text!r} is not one of {", ".join(stack_options.names())} with a value')
    return stack_options.names()[name], value.strip()


def _stack(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    print(f'the stack {where.name} in account {where.account}, {where.region}: table, queues, keys, alarms', flush=True)
    preflight.require(where, dict(options.given), preflight.CHECKS)
    stack.ensure(where, dict(options.given))


def _plan(options: argparse.Namespace) -> None:
    for line in plan.describe(target.find(options.stage), dict(options.given), preflight.CHECKS):
        print(line, flush=True)


def _print_access_template(_: argparse.Namespace) -> None:
    print(json.dumps(rights.template(), indent=2))


def _check(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    deployed = steps.find(where)
    print('trying it out', flush=True)
    smoke.check(deployed.url)
    print(f'\n{steps.summarize(where, deployed)}')


def _destroy(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    if not destroy.is_there(where):
        raise CannotDeploy(f'There is nothing of {where.name} in account {where.account}, {where.region}. Nothing was done')
    with_data = options.table == 'delete'
    fate = 'deletes ALL DATA of' if with_data else 'deletes the API and the functions, but not the data, of'
    print(f'This {fate} {where.name} in account {where.account}, {where.region}.')
    print(f'Type the name of the stage, {where.stage}, to go on: ', end='', flush=True)
    if sys.stdin.readline().strip() != where.stage:  # empty where there is nobody to type
        raise CannotDeploy('Nothing was done')
    destroy.destroy(where, with_data=with_data)
    print('done' if with_data else f'done; {destroy.KEPT.format(name=where.name, stage=where.stage)}')


def _jwks(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    print(configuration.signing_keys(where, stack.outputs(where))[1])


def _roll_back(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    release = releases.roll_back(where)
    print('trying it out', flush=True)
    smoke.check(steps.find(where).url)
    print(f'{where.name} runs {release.label}. The stack and the data are as they were')


def _store_secret(options: argparse.Namespace) -> None:
    where = upstream_keys.place(options.stage)
    if where:
        stack.outputs(where)  # without a stack it stops here, before anything is typed
    upstream_keys.store(where, options.name, upstream_keys.read_value(options.name))
    print(f'{options.name} is stored. {_WHEN_USED}')


def _remove_secret(options: argparse.Namespace) -> None:
    upstream_keys.remove(upstream_keys.place(options.stage), options.name)
    print(f'{options.name} is removed. {_WHEN_USED}')


def _list_secrets(options: argparse.Namespace) -> None:
    for one in upstream_keys.stored(upstream_keys.place(options.stage)):
        print(f'{one.setting:<32} {one.changed_at or ""}'.rstrip())


if __name__ == '__main__':
    sys.exit(main())
