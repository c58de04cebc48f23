"""At the emulated AWS, what somebody waits for goes before jobs, which get on all the same."""

from threading import Event, Thread

import pytest

from infra.local.people_first import PeopleFirst, is_of_job
from tests.support.processes import PATIENCE_SECONDS, wait_until


def hold(lock: PeopleFirst, release: Event, *, by_job: bool = False) -> Thread:
    held = Event()

    def run() -> None:
        with lock.held(by_job=by_job):
            held.set()
            release.wait(PATIENCE_SECONDS)

    thread = Thread(target=run)
    thread.start()
    assert held.wait(PATIENCE_SECONDS)
    return thread


def queue_up(lock: PeopleFirst, order: list[str], name: str, *, by_job: bool) -> Thread:
    def run() -> None:
        with lock.held(by_job=by_job):
            order.append(name)

    thread = Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ('jobs', 'people', 'order'),
    [
        (20, 3, [*['person'] * 3, *['job'] * 20]),
        (5, 25, [*['person'] * 10, 'job', *['person'] * 10, 'job', *['person'] * 5, *['job'] * 3]),
    ],
)
def test_people_go_before_jobs_that_came_before_them_and_a_job_after_each_ten(jobs: int, people: int, order: list[str]) -> None:
    lock, release, taken = PeopleFirst(), Event(), list[str]()
    first = hold(lock, release, by_job=True)
    waiting = [queue_up(lock, taken, 'job', by_job=True) for _ in range(jobs)]
    waiting += [queue_up(lock, taken, 'person', by_job=False) for _ in range(people)]
    wait_until(lambda: (lock.people_waiting, lock.jobs_waiting) == (people, jobs))

    release.set()
    for thread in (first, *waiting):
        thread.join()

    assert taken == order


def test_whoever_waits_gets_it() -> None:
    lock, order = PeopleFirst(), list[str]()

    def take(*, by_job: bool) -> None:
        for _ in range(500):
            with lock.held(by_job=by_job):
                order.append('job' if by_job else 'person')

    threads = [Thread(target=take, kwargs={'by_job': number % 2 == 0}) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (order.count('job'), order.count('person')) == (3_000, 3_000)


def test_only_the_worker_is_taken_for_it() -> None:
    agent = 'Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux m/b,Z cfg/retry-mode#standard {} Botocore/1.44.5'

    assert is_of_job(agent.format('app/jobs'))
    assert not any(map(is_of_job, ('', agent.format(''), agent.format('app/jobsite'), agent.format('md/app/jobs'))))
