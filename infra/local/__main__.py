"""`python -m infra.local` runs everything; `setup` prepares a moto_server instead; `worker` and `api` are what runs beside it."""

import argparse
import logging
import os
import socket
import sys

from infra import environment_file
from infra.local import people_first, setup, supervisor, users
from infra.local.processes import die_with_parent

_SWITCH_SECONDS = 0.0005  # between threads: at Python's 5 ms a page waits, dozens of times, for each that sums a large portfolio


def main() -> int:
    options = _options()
    if options.lifeline is not None:
        die_with_parent(options.lifeline)
    environment_file.enter()
    try:
        options.run(options)
    except supervisor.CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.local', description='CryptFolio on this computer.')
    parser.set_defaults(run=lambda _: supervisor.run(), lifeline=None)
    commands = parser.add_subparsers(metavar='COMMAND', title='without a command, everything is run; otherwise')
    child = argparse.ArgumentParser(add_help=False)
    child.add_argument('--lifeline', type=int, help=argparse.SUPPRESS)
    one = commands.add_parser('setup', help='prepare the moto_server at AWS_ENDPOINT_URL and print the environment that points to it')
    one.set_defaults(run=lambda _: setup.run())
    one = commands.add_parser('worker', parents=[child], help='process queues and schedules, in that environment or at AWS_ENDPOINT_URL')
    one.add_argument('--fast', action='store_true', help='run schedules more often than on AWS')
    one.set_defaults(run=lambda options: _work(fast=options.fast))
    one = commands.add_parser('api', parents=[child], help='answer on a listening socket that this process inherited')
    one.add_argument('socket', type=int, help='its file descriptor')
    one.set_defaults(run=lambda options: _serve(options.socket))
    one = commands.add_parser('serve', help='run a home server on the data in the folder DATA')
    one.set_defaults(run=lambda _: supervisor.serve())
    one = commands.add_parser('user', help='create a user in the folder DATA')
    one.add_argument('email', metavar='EMAIL')
    one.add_argument('--name')
    one.set_defaults(run=lambda options: users.create(options.email, options.name))
    one = commands.add_parser('environment', help='print the environment that points to the server running on the folder DATA')
    one.set_defaults(run=lambda _: setup.print_environment(users.running_environment()))
    return parser.parse_args()


def _work(*, fast: bool) -> None:
    _configure_logging()
    if not os.environ.get('ISSUER'):  # started by hand beside `chalice local`
        setup.prepare(supervisor.default_issuer())
    os.environ['AWS_SDK_UA_APP_ID'] = people_first.JOBS  # before there are clients of AWS
    from app import app
    from infra.local import event_sources

    event_sources.run(app, event_sources.FAST if fast else 1)


def _serve(descriptor: int) -> None:
    _configure_logging()
    from app import app
    from chalicelib.models import Item
    from infra.local import api, large_work, stack
    from infra.local.connection import wait_if_large

    sys.setswitchinterval(_SWITCH_SECONDS)
    large_work.before_reads(Item.connection().client.meta.events, wait_if_large)
    listening = socket.socket(fileno=descriptor)
    api.Server(app, stack.config(), listening, os.environ['ISSUER'], os.environ.get('TRUSTED_PROXIES', '')).serve_forever()


def _configure_logging() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format='%(asctime)s %(levelname)s %(name)s: %(message)s')
    # Every few seconds, dozens at once, or said by the request's own line.
    jobs = ('sweep_due', 'update_rates', 'refresh_histories', 'authorizer')
    for talkative in ('botocore', 'pynamodb', *(f'chalicelib.telemetry.{job}' for job in jobs)):
        logging.getLogger(talkative).setLevel(logging.WARNING)


if __name__ == '__main__':
    sys.exit(main())
