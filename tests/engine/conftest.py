"""Fixtures of the tests of the engine."""

from collections.abc import Iterator

import pytest

from engine import Value
from engine.compiler.frontend.symbol import Symbol


@pytest.fixture
def free_at_sign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator @, for a primitive of the test's own: afterwards Values refuse it again."""
    names = ("__matmul__", "__rmatmul__")
    for name in names:
        monkeypatch.setattr(Value, name, getattr(Value, name))  # put back at the end
    yield
    for name in {*names} & vars(Symbol).keys():  # compiled functions have it once one of them is traced
        delattr(Symbol, name)
