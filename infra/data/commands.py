"""The commands: what each reads, asks and does. Imported once the environment leads to a stage."""

import argparse
import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import closing

from chalicelib import clock, formats
from chalicelib.errors import Invalid
from chalicelib.models import Invitation, LinkedSubject
from chalicelib.services.users import invitations, second_factors, sign_ups
from infra import password_prompt
from infra.data import archive, export, forget, migrate, user_list, users
from infra.data.archive import Header, Writer
from infra.data.dead_letters import DeadLetters
from infra.data.kinds import LEFT_OUT
from infra.data.progress import Progress, say
from infra.data.restore import Restore
from infra.data.scan import Everything, Reader
from infra.data.table import Problem, Table

_SECRET = 'it holds the hashes of passwords, API keys and client secrets, and all that people put in: keep it secret'


def run_export(options: argparse.Namespace) -> None:
    table = _table()
    if options.dry_run:
        if options.resume:
            raise Problem('--dry-run goes with --user or --all')
        _tell('would export', export.count(_reader(table, _user_id(table, options)), Progress('read')))
        return
    with closing(Writer.resume(options.file) if options.resume else _begun(table, options)) as writer:
        if writer.header.table != table.name:
            raise Problem(f'{options.file} is of {writer.header.table}, not of {table.name}')
        export.write(writer, _reader(table, writer.header.user_id), Progress('exported'))
    _tell(f'{options.file} holds', writer.kinds)
    say(f'{options.file} can be read by you alone; {_SECRET}')
    say(f'left out: {", ".join(f"{kind} ({why})" for kind, why in LEFT_OUT.items())}')


def _begun(table: Table, options: argparse.Namespace) -> Writer:
    user_id = _user_id(table, options)
    header = Header(table.name, migrate.version(table), formats.format_instant(clock.now()), user_id)
    return Writer.new(options.file, header, _reader(table, user_id).starts())


def _user_id(table: Table, options: argparse.Namespace) -> str | None:
    return None if options.all else users.find(table, options.user)


def run_import(options: argparse.Namespace) -> None:
    table = _table()
    checked = archive.check(options.file)
    restore = Restore(table, checked, replace=options.replace)
    if options.dry_run:
        _tell('would import', checked.kinds)
        say(f'would remove {len(restore.superfluous()):,} items')
        if objections := restore.objections():
            raise Problem('\n'.join(objections))
    else:
        progress = Progress('imported')
        (restore.resume if options.resume else restore.begin)(progress)
        progress.tell()
    if migrate.pending(table):
        say('some of it is of an older schema: run migrate')


def run_migrate(options: argparse.Namespace) -> None:
    table = _table()
    pending = migrate.pending(table)
    if options.check and pending:
        raise Problem(f'{table.name} lacks {", ".join(one.name for one in pending)}: run migrate')
    for migration in pending:
        if options.dry_run:
            say(f'{migration.number:04} {migration.name} would look at {migrate.count(table, migration):,} items')
        else:
            migrate.run(table, migration, Progress(f'{migration.name}: changed'))
    say(f'{table.name} is at schema {migrate.version(table)} of {migrate.latest()}')


def run_forget(options: argparse.Namespace) -> None:
    table = _table()
    user_id = users.find(table, options.user) if '@' in options.user else options.user
    number = len(forget.keys_of(table, user_id))
    if not number:
        raise Problem(f'{table.name} has nothing of {options.user}')
    say(f'{table.name} has {number:,} items of {options.user}')
    if not options.dry_run:
        _confirm(options, f'delete all {number:,} items of {options.user}')
        forget.forget(table, user_id, Progress('deleted'))
        say(f'nothing in {table.name} names {options.user}; exports and backups may')


def run_list_users(options: argparse.Namespace) -> None:
    page = user_list.page(_table(), options.most, options.after)
    print('\n'.join(user_list.lines(page.users)))
    say(f'there are more: --after {page.after}' if page.after else 'these are the last ones')


def run_count_users(options: argparse.Namespace) -> None:
    print(user_list.count(_table()))


def run_create_user(options: argparse.Namespace) -> None:
    _table()
    try:
        user = sign_ups.create_confirmed(name=options.name, email=options.email, password=password_prompt.ask(), now=clock.now())
    except password_prompt.NotTheSame as error:
        raise Problem(str(error)) from None
    except Invalid as invalid:
        raise Problem('; '.join(fault.message for fault in invalid.faults)) from None
    say(f'{user.email} can log in')


def run_remove_second_factors(options: argparse.Namespace) -> None:
    user_id = users.find(_table(), options.user)
    _confirm(options, f'let the password alone open the account of {options.user}')
    second_factors.remove_all(user_id)


def run_invite(options: argparse.Namespace) -> None:
    _table()
    print(options.address.rstrip('/') + invitations.path_of(Invitation.create(clock.now())))
    say('it works once, for seven days')


def run_inspect(options: argparse.Namespace) -> None:
    dead = DeadLetters(_queue(options.queue))
    for letter in dead.inspect(options.most):
        print(json.dumps(letter._asdict()))
    say(f'{dead.name} has about {len(dead)} messages')


def run_link(options: argparse.Namespace) -> None:
    user_id = users.find(_table(), options.user)
    LinkedSubject.link(options.issuer, options.subject, user_id, clock.now())
    say(f'tokens of {options.issuer} for {options.subject} open the account of {options.user}')


def run_unlink(options: argparse.Namespace) -> None:
    _table()
    if not LinkedSubject.unlink(options.issuer, options.subject):
        raise Problem(f'{options.subject} of {options.issuer} is linked to nobody')
    say(f'tokens of {options.issuer} for {options.subject} open no account any more')


def run_redrive(options: argparse.Namespace) -> None:
    progress = Progress('sent back', 'messages')
    DeadLetters(_queue(options.queue)).redrive(options.id, progress.add)
    progress.tell()


def run_purge(options: argparse.Namespace) -> None:
    dead = DeadLetters(_queue(options.queue))
    _confirm(options, f'delete about {len(dead)} messages of {dead.name}')
    dead.purge()


def _table() -> Table:
    table = Table(os.environ['TABLE_NAME'])
    say(f'table {table.name} at {table.client.meta.endpoint_url}')
    return table


def _reader(table: Table, user_id: str | None) -> Reader:
    return Everything(table) if user_id is None else users.OneUser(table, user_id)


def _queue(name: str) -> str:
    """Return the name of a queue, which may be given by its role in the application, such as refresh."""
    return os.environ.get(f'{name.upper()}_QUEUE', name)


def _tell(what: str, kinds: Mapping[str, int]) -> None:
    counts = ', '.join(f'{number:,} {kind}' for kind, number in sorted(kinds.items()))
    say(f'{what} {Counter(kinds).total():,} items: {counts}')


def _confirm(options: argparse.Namespace, deed: str) -> None:
    if not options.yes and input(f'{deed}? Type yes: ') != 'yes':
        raise Problem('nothing was done')
