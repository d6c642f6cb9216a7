"""What a run of the tests may lack, and what it is needed for: packages, back ends, and what only some systems have."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import pytest

WHAT_FOR = {
    "IPython": "shows pictures as notebooks do",
    "distributed": "sends sweeps to several machines; no extra has it",
    "ipykernel": "runs notebooks",
    "jax": "is an oracle; no extra has it, and CI installs it in a stage of its own",
    "joblib": "has another executor over processes, loky's",
    "llvmlite": "compiles to native code",
    "matplotlib": "draws what demos and histories plot",
    "micrograd": "is the original, and an oracle",
    "mpmath": "is the oracle of fifty digits",
    "mypy": "checks types",
    "nbclient": "runs notebooks",
    "nbformat": "reads notebooks",
    "numpy": "has arrays, which compiled code works on",
    "pandas": "has tables",
    "pty": "is of POSIX: a terminal to write to",
    "pygraphviz": "draws with Graphviz",
    "readline": "completes in a shell",
    "rich": "colours terminals",
    "safetensors": "reads and writes another form of checkpoints",
    "scipy": "integrates, and knows distributions",
    "selenium": "drives a browser",
    "sklearn": "has data sets, estimators and metrics to compare with",
    "torch": "is an oracle; no extra has it, and CI installs it in a stage of its own",
}


def needs(module: str, at_least: str | None = None) -> Any:
    """A module; the test, or at its top the whole file, is left out without it.

    Args:
        module: its name.
        at_least: the version.
    """
    package = module.partition(".")[0]
    test = os.environ.get("PYTEST_CURRENT_TEST")
    assert package not in ("torch", "jax") or package in (test or package), f"name it after {package}: CI finds it so"
    return pytest.importorskip(module, at_least, reason=f"{package} is not installed, which {WHAT_FOR[package]}")


INSTALLED = ["python"]
"""The back ends of the compiler, as far as they are here."""
if find_spec("numpy"):
    INSTALLED.append("numpy")
    if find_spec("llvmlite"):
        INSTALLED.append("llvm")


def native_and_another(rows: Iterable[str]) -> list[tuple[str, str]]:
    """Each row with native code, and with one of the other back ends, which take turns: for what all have in common."""
    others = [name for name in INSTALLED if name != "llvm"]
    return [(row, name) for k, row in enumerate(rows) for name in (others[k % len(others)], *INSTALLED[2:])]


NATIVE = pytest.mark.skipif("llvm" not in INSTALLED, reason="only native code has what is tested: it needs llvmlite")
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts processes in other ways than by a fork")
