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
        print('interrupted; exports and imports go on with --resume, everything else when it is run again', file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.data', description='The data of a stage of CryptFolio.')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_export(commands)
    _add_import(commands)
    one = _add(commands, 'migrate', 'run_migrate', 'bring the table to the newest schema')
    one.add_argument('--dry-run', action='store_true', help='only say what would be done')
    one.add_argument('--check', action='store_true', help='fail if there is something to be done')
    _add_users(commands)
    _add_dead_letters(commands)
    return parser.parse_args(arguments)


def _add(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]', name: str, run: str, text: str) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=text, description=text)
    one.add_argument('--stage', help='such as dev or prod; without it the settings are those of the environment')
    one.add_argument('--table', help='another table than that of the stage, such as one that was restored from a backup')
    one.set_defaults(run=run)
    return one


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of at least 1')
    return int(text)


def _add_export(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    one = _add(commands, 'export', 'run_export', 'write a user, or everything, into a file')
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument('--user', help='e-mail address or id of a user')
    what.add_argument('--all', action='store_true', help='the whole table')
    what.add_argument('--resume', action='store_true', help='go on with a file whose export was interrupted')
    one.add_argument('--dry-run', action='store_true', help='only say what it would hold')
    one.add_argument('file', metavar='FILE', type=Path)


def _add_import(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    one = _add(commands, 'import', 'run_import', 'put an exported file into the table')
    how = one.add_mutually_exclusive_group()
    how.add_argument('--resume', action='store_true', help='go on with an import that was interrupted')
    how.add_argument('--replace', action='store_true', help='overwrite the user, or what else is in a table that is not empty')
    one.add_argument('--dry-run', action='store_true', help='only say what would be done')
    one.add_argument('file', metavar='FILE', type=Path)


def _add_users(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('users', help='list users, create, invite or delete one, say how they log in')
    deeds = parser.add_subparsers(metavar='DEED', required=True)
    one = _add(deeds, 'list', 'run_list_users', 'print users, a page at a time')
    one.add_argument('--most', type=_positive, default=100, help='how many at most (100)')
    one.add_argument('--after', metavar='ID', help='the next page, as the one before names it')
    _add(deeds, 'count', 'run_count_users', 'say how many users there are')
    one = _add(deeds, 'create', 'run_create_user', 'store a user whose address is taken as confirmed; asks for a password')
    one.add_argument('email', metavar='EMAIL')
    one.add_argument('--name')
    one = _add(deeds, 'invite', 'run_invite', 'print a link with which one person can sign up, such as the first')
    one.add_argument('address', metavar='ADDRESS', help='where the stage answers, as make deploy prints it')
    one = _add(deeds, 'forget', 'run_forget', 'delete everything of a user')
    one.add_argument('user', metavar='USER', help='e-mail address or id')
    one.add_argument('--dry-run', action='store_true', help='only say how much there is')
    one.add_argument('--yes', action='store_true', help='do not ask')
    one = _add(deeds, 'remove-second-factors', 'run_remove_second_factors', 'let a user who lost them log in with the password alone')
    one.add_argument('user', metavar='USER', help='e-mail address or id')
    one.add_argument('--yes', action='store_true', help='do not ask')
    _add_links(deeds)


def _add_links(deeds: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    for name, run, text in (
        ('link', 'run_link', 'let tokens of another issuer open the account of a user'),
        ('unlink', 'run_unlink', 'let them open no account any more'),
    ):
        one = _add(deeds, name, run, text)
        one.add_argument('issuer', metavar='ISSUER', help='the issuer, as in TRUSTED_ISSUERS')
        one.add_argument('subject', metavar='SUBJECT', help='the claim `sub` of its tokens')
        if name == 'link':
            one.add_argument('user', metavar='USER', help='e-mail address or id')


def _add_dead_letters(commands: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    parser = commands.add_parser('dlq', help='look into dead-letter queues, send messages back')
    deeds = parser.add_subparsers(metavar='DEED', required=True)
    for name, text in (
        ('inspect', 'show the messages, one a line, and leave them there'),
        ('redrive', 'send messages back to the queue they came from'),
        ('purge', 'delete all messages'),
    ):
        one = _add(deeds, name, f'run_{name}', text)
        one.add_argument(
            'queue', metavar='QUEUE', help=f'{", ".join(functions.queue_roles())}, or the name of a queue that has a dead-letter queue'
        )
        one.set_defaults(most=100, id=[], yes=False)
        if name == 'inspect':
            one.add_argument('--most', type=_positive, help='how many messages at most (100)')
        elif name == 'redrive':
            one.add_argument('--id', action='append', help='only the message with this id; can be repeated')
        else:
            one.add_argument('--yes', action='store_true', help='do not ask')


if __name__ == '__main__':
    sys.exit(main())
