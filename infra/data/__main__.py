"""`python -m infra.data`: what an operator does with the data of a stage. `--help` tells the commands, docs/operations.md when."""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.config import BadSetting
from infra import credentials, functions
from infra.data import stage
from infra.data.table import Problem


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        stage.enter(options.stage, options.table)
        from infra.data import commands  # reads the settings that were made above

        getattr(commands, options.run)(options)
    except (Problem, BadSetting, EOFError) as error:
        print(error or 'nothing was done', file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(credentials.advice(error) or error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted; exports and imports continue with --resume, everything else when run again', file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.data', description='The data of a stage of CryptFolio.')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_export(commands)
    _add_import(commands)
    one = _add(commands, 'migrate', 'run_migrate', 'migrate the table to the newest schema')
    one.add_argument('--dry-run', action='store_true', help='only print what would be done')
    one.add_argument('--check', action='store_true', help='fail if there is anything to do')
    _add_users(commands)
    _add_dead_letters(commands)
    return parser.parse_args(arguments)


def _add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]', name: str, run: str, text: str) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=text, description=text)
    one.add_argument('--stage', help='such as dev or prod; by default, the settings come from the environment')
    one.add_argument('--table', help='use this table instead of that of the stage, such as one restored from a backup')
    one.set_defaults(run=run)
    return one


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of at least 1')
    return int(text)


def _add_export(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    one = _add(commands, 'export', 'run_export', 'write a user, or everything, into a file')
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument('--user', help='email address or id of a user')
    what.add_argument('--all', action='store_true', help='the whole table')
    what.add_argument('--resume', action='store_true', help='continue an export that was interrupted')
    one.add_argument('--dry-run', action='store_true', help='only print what it would hold')
    one.add_argument('file', metavar='FILE', type=Path)


def _add_import(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    one = _add(commands, 'import', 'run_import', 'put an exported file into the table')
    how = one.add_mutually_exclusive_group()
    how.add_argument('--resume', action='store_true', help='continue an import that was interrupted')
    how.add_argument('--replace', action='store_true', help='overwrite the user, or the contents of a table that is not empty')
    one.add_argument('--dry-run', action='store_true', help='only print what would be done')
    one.add_argument('file', metavar='FILE', type=Path)


def _add_users(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('users', help='list, create, invite or delete users, and change how they log in')
    deeds = parser.add_subparsers(metavar='ACTION', required=True)
    one = _add(deeds, 'list', 'run_list_users', 'print users, a page at a time')
    one.add_argument('--most', type=_positive, default=100, help='maximum number (100)')
    one.add_argument('--after', metavar='ID', help='start after this id, as the previous page names it')
    _add(deeds, 'count', 'run_count_users', 'print how many users there are')
    one = _add(deeds, 'create', 'run_create_user', 'create a user with a confirmed email address; asks for a password')
    one.add_argument('email', metavar='EMAIL')
    one.add_argument('--name')
    one = _add(deeds, 'invite', 'run_invite', 'print a link with which one person, such as the first, can sign up')
    one.add_argument('address', metavar='ADDRESS', help='address of the stage, as printed by make deploy')
    one = _add(deeds, 'forget', 'run_forget', 'delete everything of a user')
    one.add_argument('user', metavar='USER', help='email address or id')
    one.add_argument('--dry-run', action='store_true', help='only print how much there is')
    one.add_argument('--yes', action='store_true', help='do not ask')
    one = _add(deeds, 'remove-second-factors', 'run_remove_second_factors', 'let a user who lost them log in with the password alone')
    one.add_argument('user', metavar='USER', help='email address or id')
    one.add_argument('--yes', action='store_true', help='do not ask')
    _add_links(deeds)


def _add_links(deeds: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    for name, run, text in (
        ('link', 'run_link', 'let tokens of another issuer give access to the account of a user'),
        ('unlink', 'run_unlink', 'stop such tokens from opening an account'),
    ):
        one = _add(deeds, name, run, text)
        one.add_argument('issuer', metavar='ISSUER', help='the issuer, as in TRUSTED_ISSUERS')
        one.add_argument('subject', metavar='SUBJECT', help='the claim `sub` of its tokens')
        if name == 'link':
            one.add_argument('user', metavar='USER', help='email address or id')


def _add_dead_letters(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('dlq', help='inspect dead-letter queues and redrive their messages')
    deeds = parser.add_subparsers(metavar='ACTION', required=True)
    for name, text in (
        ('inspect', 'show the messages, one per line, and leave them in the queue'),
        ('redrive', 'send messages back to the queue they came from'),
        ('purge', 'delete all messages'),
    ):
        one = _add(deeds, name, f'run_{name}', text)
        one.add_argument(
            'queue', metavar='QUEUE', help=f'{", ".join(functions.queue_roles())}, or the name of a queue that has a dead-letter queue'
        )
        one.set_defaults(most=100, id=[], yes=False)
        if name == 'inspect':
            one.add_argument('--most', type=_positive, help='maximum number of messages (100)')
        elif name == 'redrive':
            one.add_argument('--id', action='append', help='only the message with this id; can be repeated')
        else:
            one.add_argument('--yes', action='store_true', help='do not ask')


if __name__ == '__main__':
    sys.exit(main())
