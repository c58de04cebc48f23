"""Why an account at an exchange cannot be read, and what a person can do about it. Pure."""

import re
from collections.abc import Mapping

from chalicelib.texts import Translatable, translatable, with_values

# What a person can do about an account that cannot be read, by reason. `{exchange}` is its title, `{detail}` what the reason is about.
PROBLEMS: Mapping[str, Translatable] = {
    'wrong_key': translatable(
        '{exchange} does not recognise this API key: check that it was copied in full and still exists, then send it again'
    ),
    'key_refused': translatable(
        '{exchange} rejects this API key without saying why: check that it exists, may read, and may be used from here'
    ),
    'credentials_refused': translatable(
        '{exchange} rejects the credentials without saying why: check that the key and the secret belong together and were '
        'copied in full, that the key still exists, and that it may be used from here'
    ),
    'wrong_secret': translatable('{exchange} rejects the signature: the secret does not belong to this API key, or was not copied in full'),
    'wrong_passphrase': translatable(
        '{exchange} rejects the passphrase: use the one chosen with this API key, not the password of the account'
    ),
    'wrong_nonce': translatable('{exchange} rejects the nonce: another program uses this API key; create one for this account alone'),
    'clock_differs': translatable("{exchange} rejected our requests' timestamps: send the credentials again later"),
    'permission_missing': translatable('The API key lacks a permission at {exchange}: {detail}'),
    'key_may_trade': translatable('The API key may do more than read at {exchange}: create one without {detail}'),
    'account_unsupported': translatable('Accounts of this kind at {exchange} are not supported: {detail}'),
    'address_not_allowed': translatable(
        '{exchange} does not accept this API key from our IP address: allow that address there, or create a key for any address'
    ),
    'locked_out': translatable('{exchange} has temporarily locked this API key: wait 15 minutes, then send it again'),
    'credentials_missing': translatable('The credentials are no longer stored: send them again'),
    'address_refused': translatable('The URL is not that of a public server that responds over https: {detail}'),
    'answer_refused': translatable('The URL does not return balances: {detail}'),
}


# What a problem is about, in words of ours; the names of permissions are the exchange's. Accounts keep them in English.
NO_PLAIN_URL = translatable('it must be https://, a host and a path, without a user name')
NOT_PUBLIC = translatable('its host has an address that is not public')
NOT_UNIFIED = translatable('upgrade it to a Unified Trading Account')
NOT_OF_ONE_ACCOUNT = translatable('it must be a key for a single account, which begins with account-')
NOT_OFFERED = translatable('this server is not set up to read them')
READING_BALANCES = translatable('reading balances')
GEMINI_AUDITOR = translatable('Auditor, without a time-based nonce')
_ANSWERED = re.compile('it returned ([0-9]+)')


def answered(status: int) -> Translatable:
    """Return what is wrong with an answer of which only the HTTP status is known."""
    return translatable('it returned {status}', status=status)


def sentence(problem: str, title: str, detail: str | None) -> str:
    """Return what a person can do about an account at the exchange with this title; `detail` was stored in English."""
    return with_values(PROBLEMS[problem], exchange=title, detail=_translatable(detail) if detail else '')


def _translatable(detail: str) -> Translatable:
    """Return a detail as it was before it was stored. What upstreams call things has no translation, and stays."""
    match = _ANSWERED.fullmatch(detail)
    return answered(int(match[1])) if match else translatable(detail)
