"""`make stack`, `make destroy`, what follows `chalice deploy` in `make deploy`, and the public keys of a stage."""

import argparse
import re
import sys

from infra import template
from infra.deploy import command, configuration, destroy, smoke, stack, steps, target
from infra.deploy.target import CannotDeploy


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    return command.run(lambda: options.run(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.deploy', description='CryptFolio on AWS.')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    one = commands.add_parser('stack', help='bring the stack of a stage up, or up to date')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('given', metavar='NAME=VALUE', nargs='*', type=_parameter, help=', '.join(parameter_names()))
    one.set_defaults(run=_stack)
    one = commands.add_parser('check', help='try out what is deployed, and say where it is')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_check)
    one = commands.add_parser('destroy', help='take a stage away')
    one.add_argument('stage', metavar='STAGE')
    one.add_argument('--table', choices=('keep', 'delete'), default='keep', help='what becomes of the data')
    one.set_defaults(run=_destroy)
    one = commands.add_parser('jwks', help='print the public halves of the keys that sign access tokens')
    one.add_argument('stage', metavar='STAGE')
    one.set_defaults(run=_jwks)
    return parser.parse_args(arguments)


def parameter_names() -> dict[str, str]:
    """Return for each name that can be given, ALARM_EMAIL, the stack's parameter, AlarmEmail."""
    names = [name for name in template.load()['Parameters'] if name != 'Stage']
    return {re.sub(r'(?<!^)(?=[A-Z])', '_', name).upper(): name for name in names}


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition('=')
    if '=' not in text or name not in parameter_names():
        raise argparse.ArgumentTypeError(f'{text!r} is not one of {", ".join(parameter_names())} with a value')
    return parameter_names()[name], value.strip()


def _stack(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    print(f'the stack {where.name} in account {where.account}, {where.region}: table, queues, keys, alarms', flush=True)
    stack.ensure(where, dict(options.given))


def _check(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    deployed = steps.find(where)
    print('trying it out', flush=True)
    smoke.check(deployed.url)
    print(f'\n{steps.summarize(where, deployed)}')


def _destroy(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    with_data = options.table == 'delete'
    fate = 'deletes ALL DATA of' if with_data else 'deletes the API and the functions, but not the data, of'
    print(f'This {fate} {where.name} in account {where.account}, {where.region}.')
    if input(f'Type the name of the stage, {where.stage}, to go on: ').strip() != where.stage:
        raise CannotDeploy('Nothing was done')
    destroy.destroy(where, with_data=with_data)
    print('done' if with_data else f'done; {destroy.KEPT.format(name=where.name, stage=where.stage)}')


def _jwks(options: argparse.Namespace) -> None:
    where = target.find(options.stage)
    print(configuration.signing_keys(where, stack.outputs(where))[1])


if __name__ == '__main__':
    sys.exit(main())
