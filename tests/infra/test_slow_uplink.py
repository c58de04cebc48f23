"""That the code goes up where the uplink is slow; `make check-clone` sends the real one at 2 Mbit/s."""

from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from infra.deploy import target
from tests.support.slow_uplink import MOST_ZIPPED, slow_uplink

BITS_PER_SECOND = 2_000_000
FAST = 8_000_000 * 8
CODE = b'0' * 6_000_000  # 8 MB in base64: the kernel takes up to four of them before anybody reads


def create(client: Any) -> None:
    client.create_function(FunctionName='one', Role='arn:aws:iam::1:role/one', Handler='app.app', Code={'ZipFile': CODE})


def test_the_code_goes_up_although_the_uplink_is_slow_which_botocores_timeout_of_a_connection_ends(monkeypatch: pytest.MonkeyPatch):
    with slow_uplink(FAST) as uplink:
        monkeypatch.setenv('AWS_ENDPOINT_URL_LAMBDA', uplink.url)
        hasty = Config(connect_timeout=0.3, retries={'total_max_attempts': 1})
        with pytest.raises(ConnectionClosedError):
            create(botocore.session.Session().create_client('lambda', config=hasty))
        assert uplink.bodies == []

        create(target.find('test', botocore.session.Session()).client('lambda'))

    [size] = uplink.bodies
    assert size > len(CODE) * 4 / 3


def test_a_package_of_the_largest_size_goes_up_at_two_megabits_within_the_timeout():
    config = target.find('test', botocore.session.Session()).client('lambda').meta.config

    seconds = MOST_ZIPPED * 4 / 3 * 8 / BITS_PER_SECOND
    assert seconds < config.connect_timeout / 2
    assert config.read_timeout >= config.connect_timeout
