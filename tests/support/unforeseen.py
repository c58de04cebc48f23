"""Providers that meet an answer which nobody foresaw, to be put into the application's tables of providers."""

from typing import Any, NoReturn, TypeVar

from chalicelib.models import UpstreamState

Provider = TypeVar('Provider')
SAID = 'failed in an unforeseen way (RuntimeError)'


def surprised(provider: Provider, *methods: str) -> Provider:
    """Return what is like a provider, at the same endpoint, but for `methods`, which fail as no provider is to."""
    made: Provider = surprised_kind(type(provider), *methods)(**vars(provider))
    return made


def surprised_kind(kind: type[Provider], *methods: str) -> type[Provider]:
    return type(kind.__name__, (kind,), dict.fromkeys(methods, _fail))


def noted(key: str) -> str | None:
    """Return what was noted last of an upstream that failed."""
    error: str | None = UpstreamState.find_many([key])[key].last_error
    return error


def _fail(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError('what nobody foresaw')
