"""The cache from which a start is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn import cross_entropy


@pytest.fixture
def warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache knows the plain model and its loss, and that its program is right."""
    from tests.nn.own_code.changes import plain, trained  # which need NumPy

    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    trained(plain(), cross_entropy)


@pytest.fixture
def warm_evaluation(warm: None) -> None:
    """The cache knows the programs of its evaluation too."""
    from tests.nn.own_code.changes import evaluated, plain, scored

    evaluated(plain(), cross_entropy)
    scored(plain(), cross_entropy)
