"""The cache from which a start is made; it is filled once, and each test has a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.compiler import update
from nn import cross_entropy


@pytest.fixture(scope="session")
def trained_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.nn.own_code.changes import plain, trained  # which need NumPy

    cache = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPGRAD_CACHE", str(cache))
        patch.setattr(update, "_known", {})  # a rule that this process has traced before would not be noted
        trained(plain(), cross_entropy)
    return cache


@pytest.fixture(scope="session")
def evaluated_cache(trained_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.nn.own_code.changes import evaluated, plain, scored

    cache = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(trained_cache, cache, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPGRAD_CACHE", str(cache))
        evaluated(plain(), cross_entropy)
        scored(plain(), cross_entropy)
    return cache


@pytest.fixture
def warm(trained_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache knows the plain model and its loss, and that its program is right."""
    shutil.copytree(trained_cache, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))


@pytest.fixture
def warm_evaluation(evaluated_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache knows the programs of its evaluation too."""
    shutil.copytree(evaluated_cache, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
