"""Settings of a deployment. The only reader of os.environ.

Chalice puts the stage's `environment_variables` from `.chalice/config.json` into the environment; docs/operations/reference.md
lists every one of them.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

VERSION = '0.1.0'


class BadSetting(Exception):
    """An environment variable is missing or invalid; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment's settings.

    `issuer` and `audience` are the `iss` and `aud` of access tokens, `jwks` the public keys (RFC 7517, as JSON text) that
    verify them, `signing_key_id` the KMS key that signs them. `trusted_issuers` (JSON) are other issuers; see auth.Issuer.
    `vault_key_id` is the KMS key that encrypts what users entrust to us; see vault.py.
    `mail_from` is the sender of mails, through SES, `security_contact` the URI to which vulnerabilities are reported.
    `metrics_namespace` is the CloudWatch namespace of the metrics.
    `signup` says who may sign up: `open` everybody, `invite` who was invited, `closed` nobody.
    `upstream_keys` are the API keys of upstreams that stand in the environment. Where `upstream_keys_path` names a path of SSM they are
    read from there instead; see upstream_keys.py.
    `max_...` limit what users may store; `rate_limit` is the number of requests per minute and user, 0 for unlimited,
    `network_limit` that of requests without a token per minute and network.
    `allows_trading_keys`: accounts may have API keys that can trade or withdraw. `experimental_exchanges` are the codes of those that are
    offered beside the supported ones.
    `follow_blocks` are the codes of the chains whose blocks are read, to know which addresses did not move.
    `cross_check_rate` is the share of refreshes, 0 to 1, that are cross-checked with a second explorer.
    `checks_quiet`: addresses are confirmed not to have moved many at once where that can be told, instead of each being read.
    """

    table_name: str
    refresh_queue: str
    accounts_queue: str
    purge_queue: str
    history_queue: str
    rates_queue: str
    issuer: str
    audience: str
    jwks: str
    signing_key_id: str
    vault_key_id: str
    trusted_issuers: str
    upstream_url: str | None
    upstream_urls: Mapping[str, str]
    upstream_keys: Mapping[str, str]
    upstream_keys_path: str | None
    max_body_bytes: int
    max_currencies: int
    max_portfolios: int
    max_addresses: int
    max_accounts: int
    max_offsets: int
    max_offset_balances: int
    rate_limit: int
    network_limit: int
    units_per_request: int
    follow_blocks: frozenset[str]
    cross_check_rate: Decimal
    checks_quiet: bool
    mail_from: str | None
    security_contact: str | None
    signup: str
    currency_objects: bool
    allows_trading_keys: bool
    experimental_exchanges: frozenset[str]
    metrics_namespace: str
    local: bool

    def upstream(self, key: str, default: str) -> str:
        """Return the base URL of the upstream `key`: `UPSTREAM_URL` moves all of them, `UPSTREAM_<KEY>_URL` one."""
        if self.upstream_url:
            return f'{self.upstream_url}/{key}'
        return self.upstream_urls.get(key, default)

    def url(self, path: str) -> str:
        """Return the URL of a path of this server, as people and applications reach it."""
        return self.issuer.rstrip('/') + path


@lru_cache(1)
def settings() -> Settings:
    """Return the settings of this process. Raises BadSetting, which names the first invalid variable."""
    env = os.environ
    return Settings(
        table_name=_required('TABLE_NAME'),
        refresh_queue=_required('REFRESH_QUEUE'),
        accounts_queue=_required('ACCOUNTS_QUEUE'),
        purge_queue=_required('PURGE_QUEUE'),
        history_queue=_required('HISTORY_QUEUE'),
        rates_queue=_required('RATES_QUEUE'),
        issuer=_required('ISSUER'),
        audience=_required('AUDIENCE'),
        jwks=_required('JWKS'),
        signing_key_id=_required('SIGNING_KEY_ID'),
        vault_key_id=_required('VAULT_KEY_ID'),
        trusted_issuers=env.get('TRUSTED_ISSUERS') or '[]',
        upstream_url=env.get('UPSTREAM_URL', '').rstrip('/') or None,
        upstream_urls={key: url.rstrip('/') for key, url in _upstream_variables(env, '_URL').items()},
        upstream_keys=_upstream_variables(env, '_KEY'),
        upstream_keys_path=env.get('UPSTREAM_KEYS_PATH') or None,
        max_body_bytes=_integer('MAX_BODY_BYTES', 262_144),
        max_currencies=_integer('MAX_CURRENCIES', 50),
        max_portfolios=_integer('MAX_PORTFOLIOS', 1_000),
        max_addresses=_integer('MAX_ADDRESSES', 10_000),
        max_accounts=_integer('MAX_ACCOUNTS', 100),
        max_offsets=_integer('MAX_OFFSETS', 1_000),
        max_offset_balances=_integer('MAX_OFFSET_BALANCES', 200),
        rate_limit=_integer('RATE_LIMIT', 600, least=0),
        network_limit=_integer('NETWORK_LIMIT', 600, least=0),
        units_per_request=_integer('UNITS_PER_REQUEST', 50),
        follow_blocks=_codes(env, 'FOLLOW_BLOCKS', 'chains', 'btc,ltc'),
        cross_check_rate=_fraction('CROSS_CHECK_RATE', '0.05'),
        checks_quiet=_choice('CHECK_QUIET', ('true', 'false')) == 'true',
        mail_from=env.get('MAIL_FROM') or None,
        security_contact=env.get('SECURITY_CONTACT') or None,
        signup=_choice('SIGNUP', ('invite', 'open', 'closed')),
        allows_trading_keys=_choice('ALLOW_TRADING_KEYS', ('false', 'true')) == 'true',
        experimental_exchanges=experimental_exchanges(env),
        currency_objects=_choice('CURRENCY_FORMAT', ('code', 'object')) == 'object',
        metrics_namespace=env.get('METRICS_NAMESPACE') or 'CryptFolio',
        local=env.get('AWS_CHALICE_CLI_MODE') == 'true',
    )


def experimental_exchanges(variables: Mapping[str, str]) -> frozenset[str]:
    """Return the codes that EXPERIMENTAL_EXCHANGES has among environment variables. Raises BadSetting."""
    return _codes(variables, 'EXPERIMENTAL_EXCHANGES', 'exchanges', 'bitget,mexc')


def chalice_hook() -> str | None:
    """Return what is to be done before Chalice's command runs the application: `local`, `deploy`, or nothing outside of it."""
    return os.environ.get('CHALICE_HOOK') if os.environ.get('AWS_CHALICE_CLI_MODE') == 'true' else None


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise BadSetting(f'{name} is not set: add it to environment_variables of this stage in .chalice/config.json')
    return value


def _choice(name: str, choices: tuple[str, ...]) -> str:
    value = os.environ.get(name) or choices[0]
    if value not in choices:
        raise BadSetting(f'{name} must be {" or ".join(choices)}, not {value!r}')
    return value


def _codes(variables: Mapping[str, str], name: str, what: str, example: str) -> frozenset[str]:
    value = variables.get(name, '')
    codes = frozenset(code for part in value.split(',') if (code := part.strip()))
    if not all(re.fullmatch('[a-z0-9]{1,40}', code) for code in codes):
        raise BadSetting(f'{name} must be codes of {what} with commas between them, such as {example}, not {value!r}')
    return codes


def _integer(name: str, default: int, least: int = 1) -> int:
    value = os.environ.get(name) or str(default)
    if not re.fullmatch('[0-9]{1,9}', value) or int(value) < least:
        raise BadSetting(f'{name} must be a whole number from {least} to 999999999, not {value!r}')
    return int(value)


def _fraction(name: str, default: str) -> Decimal:
    value = os.environ.get(name) or default
    if not re.fullmatch(r'0(\.[0-9]{1,9})?|1(\.0{1,9})?', value):
        raise BadSetting(f'{name} must be a number from 0 to 1 such as 0.05, not {value!r}')
    return Decimal(value)


def _upstream_variables(env: Mapping[str, str], suffix: str) -> dict[str, str]:
    """Return the values of the variables `UPSTREAM_<KEY><suffix>` by key in lower case."""
    return {
        name.removeprefix('UPSTREAM_').removesuffix(suffix).lower(): value
        for name, value in env.items()
        if name.startswith('UPSTREAM_') and name.endswith(suffix) and name != f'UPSTREAM{suffix}' and value
    }
