"""The search for credentials finds them where tests must not have them."""

import logging

import boto3
import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.models import Credentials
from tests.support import coinbase
from tests.support.browser import Browser
from tests.support.kraken import KEY, SECRET


@pytest.mark.parametrize('credential', [KEY, SECRET, SECRET[:20]])
def test_a_credential_is_seen_in_the_log_and_in_what_is_sent_to_aws(leaks: list[str], credential: str, queues: dict[str, str]):
    url = next(iter(queues.values()))
    boto3.client('kms').encrypt(KeyId='alias/cryptfolio-test-vault', Plaintext=credential.encode())
    assert leaks == []

    logging.getLogger('chalicelib.services').info('read with %s', {'key': credential})
    try:
        raise ValueError(credential)
    except ValueError:
        logging.getLogger('chalicelib.services').exception('failed')
    boto3.client('sqs').send_message(QueueUrl=url, MessageBody=f'{{"key": "{credential}"}}')

    assert leaks == ['the log of chalicelib.services'] * 2 + [f'a request to {boto3.client("sqs").meta.endpoint_url}/']
    leaks.clear()


def test_a_credential_is_seen_in_the_answer_of_a_page(leaks: list[str], table: None, http: ChaliceClient):
    Browser(http).log_in(email=KEY)

    assert 'the answer to POST /login' in leaks
    leaks.clear()


@pytest.mark.parametrize('credential', [KEY, SECRET, coinbase.SECRET.splitlines()[1]], ids=['key', 'secret', 'PEM'])
@pytest.mark.parametrize('before', ['', '.', '..'])
def test_a_credential_is_seen_in_bytes_that_are_stored(leaks: list[str], table: None, credential: str, before: str):
    item = Credentials.at('LEDGER#ACCOUNT#u1#000001#000001')
    item.wallet, item.secret = 'kraken', f'{before}{credential}..'.encode()

    item.save()

    assert leaks
    leaks.clear()
