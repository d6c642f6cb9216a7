"""Settings for the tests of the native back end: skip without llvmlite, and a cache of their own."""

from pathlib import Path

import pytest

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Object code goes to a temporary directory: tests neither use nor fill the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        where = tmp_path_factory.mktemp("cache")
        patch.setenv("STEPGRAD_CACHE", str(where))
        yield where
