"""The AWS of a run answers the run alone, though every user of the computer and every web page looked at there reaches its port."""

import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from infra.local import emulated_aws
from infra.local.emulated_aws import Emulation
from tests.support.processes import PATIENCE_SECONDS

SIGNED = 'AWS4-HMAC-SHA256 Credential={}/20301129/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0'
LIST = {'X-Amz-Target': 'DynamoDB_20120810.ListTables', 'Content-Type': 'application/x-amz-json-1.0'}


@pytest.fixture
def emulation(restored_environment: None) -> Iterator[Emulation]:
    emulation = emulated_aws.enter(None, 'http://127.0.0.1:8000')
    with closing(emulation.store):
        yield emulation


@pytest.mark.parametrize(
    ('method', 'path', 'headers'),
    [
        ('POST', '/', LIST),
        ('POST', '/', LIST | {'Authorization': SIGNED.format('local')}),
        ('POST', '/', LIST | {'Authorization': SIGNED.format('')}),
        ('POST', '/', LIST | {'Authorization': SIGNED.format('é').encode('latin-1')}),
        ('POST', '/', LIST | {'Authorization': 'Bearer x'}),
        ('POST', '/?X-Amz-Credential=local%2F20301129', LIST),
        ('POST', '/moto-api/reset', {}),
        ('POST', '/moto-api/recorder/start-recording', {}),
        ('GET', '/moto-api/data.json', {}),
        ('OPTIONS', '/', {'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization, x-amz-target'}),
    ],
)
def test_nobody_else_gets_an_answer(emulation: Emulation, method: str, path: str, headers: dict[str, str]) -> None:
    url = emulation.environment['AWS_ENDPOINT_URL'] + path

    answer = requests.request(method, url, data='{}', headers=headers | {'Origin': 'https://elsewhere.example'}, timeout=PATIENCE_SECONDS)

    assert (answer.status_code, answer.content) == (403, b'')
    assert 'Access-Control-Allow-Origin' not in answer.headers


def test_nobody_else_is_waited_for(emulation: Emulation) -> None:
    host, port = urlsplit(emulation.environment['AWS_ENDPOINT_URL']).netloc.split(':')

    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')

        assert raw.recv(65_536).split(b'\r\n')[0].endswith(b' 403 Forbidden')


def test_the_run_and_its_children_get_answers_by_their_environment(emulation: Emulation) -> None:
    environment = emulation.environment
    session = boto3.Session(environment['AWS_ACCESS_KEY_ID'], environment['AWS_SECRET_ACCESS_KEY'], region_name='us-east-1')

    keys = session.client('kms', endpoint_url=environment['AWS_ENDPOINT_URL']).list_aliases()['Aliases']

    assert {'alias/cryptfolio-local-signing', 'alias/cryptfolio-local-vault'} <= {key['AliasName'] for key in keys}


def test_each_run_has_an_access_key_of_its_own(restored_environment: None) -> None:
    emulations = [emulated_aws.enter(None, 'http://127.0.0.1:8000') for _ in range(2)]

    for emulation in emulations:
        emulation.store.close()
    assert len({emulation.environment['AWS_ACCESS_KEY_ID'] for emulation in emulations}) == 2


def test_reads_count_for_more_requests_than_on_aws_unless_the_environment_says_otherwise(
    emulation: Emulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert emulation.environment['UNITS_PER_REQUEST'] == '10'

    monkeypatch.setenv('UNITS_PER_REQUEST', '25')
    with closing((other := emulated_aws.enter(None, 'http://127.0.0.1:8000')).store):
        assert other.environment['UNITS_PER_REQUEST'] == '25'
