"""What `make status` says of jobs, rates, upstreams and queues, and `make users` of people."""

import itertools
from collections.abc import Callable

import boto3
import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.errors import Blame, Upstream
from chalicelib.models import JobRun, LatestRates, User
from chalicelib.passwords import verify_password
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.job_runs import QUEUED, SCHEDULED
from chalicelib.services.ledgers.upstream_gate import UpstreamGate
from infra import functions
from infra.operate import __main__ as command
from tests.support.clock import StoppedClock
from tests.support.exports import run


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what is to be done, by what it is about."""
    exit_status = command.main(['status'])
    shown = capsys.readouterr().out.splitlines()
    wrong = {line[4:].split('  ')[0]: after.strip() for line, after in itertools.pairwise(shown) if line.startswith('!! ')}
    assert shown[-1] == ('all is well' if not wrong else f'{len(wrong)} of {sum(line[:3] in ("ok ", "!! ") for line in shown)} need a look')
    assert exit_status == (1 if wrong else 0)
    return wrong


def fails(key: str, blame: Blame) -> None:
    gate, endpoint = UpstreamGate(), Endpoint(key, f'https://{key}.example', min_interval_ms=0)
    gate(endpoint)
    gate.failed(Upstream(key, 'answered', blame=blame))


@pytest.fixture
def well() -> None:
    """All jobs ran just now, and rates came."""
    for job in (*SCHEDULED, *QUEUED):
        JobRun.note(job, clock.now())
    LatestRates.find().store(clock.now(), [], [], {})


@pytest.mark.usefixtures('well')
def test_what_is_wrong_with_the_service_is_told_with_what_to_do(
    stopped_clock: StoppedClock, queues: dict[str, str], capsys: pytest.CaptureFixture[str]
):
    assert status(capsys) == {}

    fails('mempool', Blame.HOST)
    fails('etherscan', Blame.KEY)
    boto3.client('sqs').send_message(QueueUrl=queues[f'{settings().purge_queue}-dlq'], MessageBody='{}')
    stopped_clock.advance(20 * 60)
    JobRun.note('update_rates', clock.now())
    fails('mempool', Blame.HOST)
    fails('etherscan', Blame.KEY)

    wrong = status(capsys)
    assert wrong.keys() == {'job sweep_due', 'rates', 'upstream mempool', 'upstream etherscan', 'queue purge'}
    assert wrong['job sweep_due'].startswith('-> it should run every 1 min')
    assert wrong['upstream mempool'].startswith('-> nothing urgent')
    assert wrong['upstream etherscan'] == '-> it refuses our API key: set UPSTREAM_ETHERSCAN_KEY to one that it accepts'
    assert wrong['queue purge'].startswith('-> .venv/bin/python -m infra.data dlq inspect purge, and ')


@pytest.mark.usefixtures('well')
def test_every_queue_that_the_application_sends_to_is_looked_at(queues: dict[str, str], capsys: pytest.CaptureFixture[str]):
    for name in settings().__slots__:
        if name.endswith('_queue'):
            boto3.client('sqs').send_message(QueueUrl=queues[f'{getattr(settings(), name)}-dlq'], MessageBody='{}')

    wrong = status(capsys)
    assert wrong.keys() == {f'queue {name}' for name in ('refresh', 'accounts', 'purge', 'rates', 'history')}
    assert len(wrong) == len(functions.queue_roles())


def test_where_it_cannot_begin_to_look_the_exit_status_is_another(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.delenv('TABLE_NAME')

    assert command.main(['status']) == 2
    assert capsys.readouterr().err.startswith('which table? say --stage STAGE')


def test_a_stage_of_a_minute_ago_lacks_its_first_runs_but_not_those_of_each_hour(capsys: pytest.CaptureFixture[str]):
    assert status(capsys).keys() == {'job sweep_due', 'job update_rates', 'rates'}


def test_users_are_listed_by_page_counted_and_created(
    make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    made = {make_user(f'user{number}@example.com').user_id for number in range(3)}
    make_user('late@example.com').schedule_deletion(clock.now() + 86_400)
    monkeypatch.setattr('getpass.getpass', lambda _: 'a password of their own')
    monkeypatch.setattr('sys.stdin.isatty', lambda: True, raising=False)

    assert run('users', 'create', 'Ann@example.com') == 0
    assert run('users', 'create', 'ann@example.com') == 1
    assert 'already has an account' in capsys.readouterr().err
    ann = User.with_email('ann@example.com')
    assert ann
    assert verify_password(ann.password_hash, 'a password of their own')
    assert ann.confirmed_at

    assert run('users', 'count') == 0
    assert capsys.readouterr().out == '5\n'
    pages, after = [], []
    for _ in range(3):
        assert run('users', 'list', '--most', '2', *after) == 0
        shown = capsys.readouterr()
        pages.append(shown.out.splitlines())
        after = ['--after', shown.err.rsplit(' ', 1)[1].strip()]
    assert 'these are the last ones' in shown.err
    assert [len(page) for page in pages] == [3, 3, 2]
    ids = [line.rpartition(' ')[2] for page in pages for line in page[1:]]
    assert set(ids) == {*made, ann.user_id, User.with_email('late@example.com').user_id}
    assert [line for page in pages for line in page if 'late@example.com' in line and 'to be deleted 20' in line]


@pytest.mark.parametrize('most', ['0', '-1'])
@pytest.mark.parametrize('listing', [('users', 'list'), ('dlq', 'inspect', 'refresh')])
def test_a_page_of_nothing_is_refused(listing: tuple[str, ...], most: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(*listing, '--most', most)

    assert 'is not a number of at least 1' in capsys.readouterr().err
