"""The user's line is found by folders, not by how a file's name begins."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import engine
from engine.text import callers
from tests.needs import needs


def test_a_file_beside_a_package_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = callers._OURS[1].rstrip("/\\") + "_train.py"
    function = "import engine\n\ndef loss(x):\n    return x if x > 0 else -x\n\n"
    source = function + "engine.compile(loss, backend='python')([1.0])\n"
    with pytest.raises(engine.TraceError, match=r"nn_train\.py:4\b"):
        exec(compile(source, beside, "exec"), {"__name__": "nn_train"})


def test_without_a_line_of_the_users_it_is_the_outermost_one() -> None:
    """As where a thread's function is one of ours."""
    with ThreadPoolExecutor(1) as pool:
        file, line = pool.submit(callers.users_line).result()
    assert (file, line > 0) == (threading.__file__, True)
    assert callers.written((file, line)).startswith(f"{file}:{line}: self._bootstrap")


def test_numpys_files_are_known_wherever_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = needs("numpy")
    for folder in ("target", "site-packages"):
        monkeypatch.setattr(numpy, "__file__", os.path.join("", "lib", folder, "numpy", "__init__.py"))
        assert not callers.is_users(os.path.join("", "lib", folder, "numpy", "core", "numeric.py"))
        assert callers.is_users(os.path.join("", "home", "numpy", "train.py"))
    monkeypatch.delitem(sys.modules, "numpy")
    assert callers.is_users(os.path.join("", "lib", "site-packages", "numpy", "core", "numeric.py"))
