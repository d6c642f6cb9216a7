"""Settings for the tests of the native back end: they are skipped without llvmlite."""

import pytest

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")
