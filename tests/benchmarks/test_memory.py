"""The memory benchmark sees what a process takes."""

from __future__ import annotations

import pytest

from tests.benchmarks.memory import SCRIPTS, peak


def test_what_a_process_takes_is_seen() -> None:
    small, large = peak("pass"), peak("x = b'x' * (100 * 2**20)")
    assert small is not None
    assert large is not None
    assert 95 < large - small < 105


def test_a_missing_package_is_no_figure_and_a_mistake_no_missing_package() -> None:
    assert peak("import there_is_no_such_package") is None
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        peak("1 / 0")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_python(name: str) -> None:
    compile(SCRIPTS[name], name, "exec")
