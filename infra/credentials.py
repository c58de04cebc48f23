"""Which command gives the credentials, or the region, that AWS, or botocore before it, misses or refuses."""

import os

import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    LoginError,
    MissingDependencyException,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

_EXPIRED = ('ExpiredToken', 'ExpiredTokenException', 'RequestExpired')
_UNKNOWN = ('InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidAccessKeyId', 'SignatureDoesNotMatch')
_ANY = '`aws configure`, `aws sso login` or `aws login`'


def advice(error: BotoCoreError | ClientError) -> str | None:
    """Return what is wrong with the credentials and which command mends it, in a sentence without its full stop; None if they are right."""
    match error:
        case ProfileNotFound():
            return f'there is no such profile as AWS_PROFILE names: `aws configure list-profiles` lists them ({error})'
        case NoRegionError():
            return 'no region: set AWS_DEFAULT_REGION, or one for your profile with `aws configure`'
        case NoCredentialsError() | PartialCredentialsError():
            return f'there are no credentials: set AWS_PROFILE, or get some by {_ANY}'
        case SSOError() | TokenRetrievalError():
            return f'the session of IAM Identity Center has expired: `aws sso login{_profile()}`'
        case MissingDependencyException():
            return f'credentials of `aws login` need a package more: `.venv/bin/pip install "botocore[crt]"` ({error})'
        case LoginError():
            return f'the session of `aws login` has expired: `aws login{_profile()}`'
        case ClientError():
            return _advice_of_aws(error)
    return None


def _advice_of_aws(error: ClientError) -> str | None:
    code = error.response['Error']['Code']
    if code in _EXPIRED:
        return f'the credentials have expired: {_renewal()}'
    if code in _UNKNOWN:
        return f'AWS does not know these credentials: {_renewal()}, or the account has not enabled the region ({error})'
    return None


def _renewal() -> str:
    """Return how credentials like those in use are renewed: those of the environment come before those of a profile."""
    if 'AWS_ACCESS_KEY_ID' in os.environ:
        return 'they are in AWS_ACCESS_KEY_ID and beside it: set new ones, or unset them for those of a profile'
    profile = botocore.session.Session().get_scoped_config()
    if 'sso_session' in profile or 'sso_start_url' in profile:
        return f'`aws sso login{_profile()}`'
    if 'login_session' in profile:
        return f'`aws login{_profile()}`'
    return f'`aws configure{_profile()}`'


def _profile() -> str:
    name = os.environ.get('AWS_PROFILE') or os.environ.get('AWS_DEFAULT_PROFILE')
    return f' --profile {name}' if name else ''
