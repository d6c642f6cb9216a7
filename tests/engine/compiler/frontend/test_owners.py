"""Whose a module is: packages are installed in several kinds of folders."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType, new_class
from typing import Any

import pytest

from engine.compiler.frontend.reads.owners import is_of_users

RECORD = """
Single_of_a_test.py,sha256=0,1
package_of_a_test/__init__.py,sha256=0,1
package_of_a_test/part.py,sha256=0,1
of_a_test-1.0.dist-info/RECORD,,
"""
INSTALLED = ["Single_of_a_test", "package_of_a_test", "package_of_a_test.part"]
MODULES = [*INSTALLED, "users_of_a_test", "mine_of_a_test", "mine_of_a_test.part"]


@pytest.fixture(params=["target", "site-packages", "dist-packages", "own", "my-site-packages"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules, most of them as pip installs them; of the user's own folders pip has no record."""
    folder = tmp_path / request.param
    for name in MODULES:
        path = folder / (name.replace(".", "/") + ("/__init__.py" if name + ".part" in MODULES else ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("share = 0.5\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    if "own" != request.param != "my-site-packages":
        (folder / "of_a_test-1.0.dist-info").mkdir()
        (folder / "of_a_test-1.0.dist-info" / "RECORD").write_text(RECORD)
    monkeypatch.syspath_prepend(folder)
    return folder


def test_what_pip_has_recorded_is_installed_and_what_lies_beside_it_is_the_users(folder: Path) -> None:
    """A function that named pandas compiled for minutes, in gigabytes, where that was in another folder than usual."""
    found = {name for name in MODULES if is_of_users(importlib.import_module(name))}
    expected = {
        "target": set(MODULES) - set(INSTALLED),
        "own": set(MODULES),
        "my-site-packages": set(MODULES),
        "site-packages": set(),
        "dist-packages": set(),
    }
    assert found == expected[folder.name]


@pytest.mark.parametrize("name", ["a.b", "a.b.c"])
def test_a_module_that_lies_higher_than_its_name_says_is_the_users(name: str) -> None:
    module = ModuleType(name)
    module.__file__ = "/of_a_test.py"
    assert is_of_users(module)


@pytest.mark.parametrize(
    ("thing", "is_users"),
    [
        (math, False),
        (ModuleType("typed_in"), True),
        (type("OfNoModule", (), {"__module__": "of_no_module"}), True),
        (int, False),
        (ModuleType, False),
        (new_class("MadeByACall"), True),
    ],
    ids=str,
)
def test_what_is_built_in_is_not_the_users_and_what_has_no_file_is(thing: Any, is_users: bool) -> None:
    assert is_of_users(thing) is is_users
