"""At the emulated AWS, what somebody waits for goes before jobs, which get on all the same."""

from threading import Event, Thread

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


def test_people_go_before_jobs_that_came_before_them() -> None:
    lock, release, order = PeopleFirst(), Event(), list[str]()
    first = hold(lock, release, by_job=True)
    jobs = [queue_up(lock, order, 'job', by_job=True) for _ in range(20)]
    people = [queue_up(lock, order, 'person', by_job=False) for _ in range(3)]
    wait_until(lambda: (lock.people_waiting, lock.jobs_waiting) == (3, 20))

    release.set()
    for thread in (first, *jobs, *people):
        thread.join()

    assert order == ['person'] * 3 + ['job'] * 20


def test_a_job_goes_after_each_ten_people() -> None:
    lock, release, order = PeopleFirst(), Event(), list[str]()
    first = hold(lock, release, by_job=True)
    people = [queue_up(lock, order, 'person', by_job=False) for _ in range(25)]
    jobs = [queue_up(lock, order, 'job', by_job=True) for _ in range(5)]
    wait_until(lambda: (lock.people_waiting, lock.jobs_waiting) == (25, 5))

    release.set()
    for thread in (first, *jobs, *people):
        thread.join()

    assert order == [*['person'] * 10, 'job', *['person'] * 10, 'job', *['person'] * 5, *['job'] * 3]


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
