"""The options of a deployment, `LOG_DAYS=14`: parameters of the stack that are remembered, and what is wrong with their values."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from infra import template


def names() -> dict[str, str]:
    """Return for each name that can be given, ALARM_EMAIL, the stack's parameter, AlarmEmail."""
    parameters = [name for name in template.load()['Parameters'] if name != 'Stage']
    return {re.sub(r'(?<!^)(?=[A-Z])', '_', name).upper(): name for name in parameters}


def wrong(given: Mapping[str, str], remembered: Mapping[str, str], region: str) -> Iterator[str]:
    """Yield what AWS would refuse of values, some of them half-way, in a sentence each without its full stop.

    `given` are about to change, by the stack's names; `remembered` are all that it has.
    """
    declared = template.load()['Parameters']
    for option, name in names().items():
        value = given.get(name, '')
        if value and (fault := _fault(name, declared[name], value)):
            yield f'{option} must be {fault}, not {value!r}'
    of_stack = {**remembered, **given}
    certificate = of_stack.get('CertificateArn', '')
    if of_stack.get('Domain') and not certificate:
        yield 'DOMAIN needs CERTIFICATE_ARN too, a certificate of ACM for it in the same region'
    elif certificate and not re.match(rf'arn:[a-z-]+:acm:{re.escape(region)}:\d+:certificate/', certificate):
        yield f'CERTIFICATE_ARN must be a certificate of ACM in {region}, where the API is, not {certificate!r}'


def _fault(name: str, declared: Mapping[str, Any], value: str) -> str | None:
    """Return what a value would have to be, None if it is."""
    if declared['Type'] == 'Number':
        allowed = declared.get('AllowedValues')
        if allowed and value not in map(str, allowed):
            return f'one of {", ".join(map(str, allowed))}'
        return None if re.fullmatch('[1-9][0-9]{0,8}', value) else 'a number of at least 1'
    if name == 'AlarmEmail' and not re.fullmatch(r'[^@\s]+@[^@\s]+', value):
        return 'an email address'
    if name == 'Domain' and not re.fullmatch(r'(?:[a-z0-9-]+\.)+[a-z0-9-]+', value):
        return 'a host name such as api.example.com'
    return 'an address that begins with https://' if name == 'Issuer' and not _is_https(value) else None


def _is_https(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme == 'https' and bool(parts.hostname) and not parts.query and not parts.fragment
