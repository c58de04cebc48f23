"""The environment is afterwards as it was before: stages and deployments put settings there, which other tests must not meet."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest


@pytest.fixture
def restored_environment() -> Iterator[None]:
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope='module')
def restored_environment_of_module() -> Iterator[None]:
    with patch.dict(os.environ):
        yield
