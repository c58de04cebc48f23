"""Counting how often something is called, where a test bounds work instead of time."""

from typing import Any

import pytest


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """Return a list that grows by the arguments of each call of a function of a module, or method of a class, from now on."""
    calls: list[tuple[Any, ...]] = []
    called = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return called(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls
