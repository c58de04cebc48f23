"""`make e2e-remote` itself, against a server that is not on AWS."""

import os
import re
import subprocess
import sys

import pytest

from tests.e2e.conftest import Client, Stack
from tests.e2e.remote import Person
from tests.support.processes import ROOT

pytestmark = pytest.mark.e2e


def test_the_tests_of_any_server_pass_against_one_that_runs_and_leave_it_as_it_was(stack: Stack) -> None:
    client = Client(stack, 'admin')
    before = [portfolio['id'] for portfolio in client.get('/api/portfolios')['result']]
    email, password = stack.demo['DEMO_EMAIL'], stack.demo['DEMO_PASSWORD']

    done = subprocess.run(
        [sys.executable, '-m', 'tests.e2e', stack.url, email, '-k', 'any_server or refusal or api_key'],
        cwd=ROOT,
        env={name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ} | {'E2E_PAUSE': '0.05'},
        input=f'{password}\n',
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r'(\d+) passed, \d+ deselected in', done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= 15
    assert [portfolio['id'] for portfolio in client.get('/api/portfolios')['result']] == before
    person = Person(stack.url)
    person.submit('/login', '/login', email=email, password=password)
    assert 'End-to-end tests' not in person.get('/oauth/applications')
    Client(stack, 'read')  # may still log in by the password grant, as before
