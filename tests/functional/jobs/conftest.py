"""Jobs make hundreds of requests to AWS each, and are to be done with their pauses soon."""

import pytest


@pytest.fixture(autouse=True)
def _quick(impatient_botocore: None) -> None:
    """See tests/support/quick_aws.py."""
