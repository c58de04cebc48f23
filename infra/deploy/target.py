"""Where a stage is deployed to: account, region, and the clients that lead there."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoRegionError

from infra import credentials, lambda_extras

# Deploying makes many changes in a row, of which AWS takes only so many a second.
# The first of the timeouts is also that for sending the whole body of a request: the code, 25 MB in base64 for each function, at 2 Mbit/s.
_PATIENT = Config(connect_timeout=600, read_timeout=600, retries={'mode': 'adaptive', 'max_attempts': 12})
_STAGE = re.compile('[a-z][a-z0-9-]{0,19}')


class CannotDeploy(Exception):
    """What stands in the way, and what to do about it."""


@dataclass(frozen=True)
class Target:
    """A stage in an account and region."""

    stage: str
    botocore: botocore.session.Session
    account: str
    region: str
    project: Path

    @property
    def name(self) -> str:
        """What the stage's stack, table and API are called."""
        return f'cryptfolio-{self.stage}'

    @property
    def folder(self) -> Path:
        """Where Chalice's records and policies are."""
        return self.project / '.chalice'

    def config(self) -> dict[str, Any]:
        """Return .chalice/config.json."""
        return lambda_extras.config(self.project)

    @property
    def partition(self) -> str:
        """`aws`, or `aws-cn` and the like."""
        found: str = self.botocore.get_partition_for_region(self.region)
        return found

    def client(self, service: str) -> Any:
        """Return a client; one for each service."""
        if service not in self._clients:
            self._clients[service] = self.botocore.create_client(service, region_name=self.region)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}


def patient_session(session: botocore.session.Session | None = None) -> botocore.session.Session:
    """Return a session, or the given one, whose clients wait for a slow uplink and for AWS's limits on requests."""
    session = session or botocore.session.Session()
    session.set_default_client_config(_PATIENT.merge(session.get_default_client_config() or Config()))
    return session


def find(stage: str, session: botocore.session.Session | None = None, project: Path = lambda_extras.ROOT) -> Target:
    """Return the target that the environment's credentials lead to. Raises CannotDeploy."""
    if not _STAGE.fullmatch(stage) or stage == 'local':
        raise CannotDeploy(f'STAGE={stage} cannot be deployed: it must be up to 20 lower-case letters, digits and hyphens, and not "local"')
    session = patient_session(session)
    try:
        region = session.get_config_variable('region')
        if not region:
            raise NoRegionError
        sts: Any = session.create_client('sts', region_name=region)
        account = sts.get_caller_identity()['Account']
    except EndpointConnectionError as error:
        raise CannotDeploy(f'AWS cannot be reached: is there a network, and a region {region}? ({error})') from None
    except (BotoCoreError, ClientError) as error:
        raise CannotDeploy(credentials.advice(error) or f'AWS does not say who you are: {error}') from None
    return Target(stage, session, account, region, project)
