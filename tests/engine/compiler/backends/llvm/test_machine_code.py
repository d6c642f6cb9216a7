"""From LLVM text to functions: which passes run on what, and what stays behind."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from engine.compiler.backends.llvm.jit import machine_code
from engine.compiler.backends.llvm.jit.machine_code import Library, binding, optimised

CALLS = """
define internal i64 @twice(i64 %x) alwaysinline nounwind {
  %y = add i64 %x, %x
  ret i64 %y
}

define i64 @calling(i64 %x) nounwind {
  %place = alloca i64
  %y = call i64 @twice(i64 %x)
  %z = call i64 @twice(i64 %x)
  store i64 %y, ptr %place
  %again = load i64, ptr %place
  %sum = add i64 %again, %z
  ret i64 %sum
}
"""


@pytest.mark.parametrize(("text", "quick"), [(CALLS, ""), ("", CALLS)])
def test_functions_are_inlined_and_variables_live_in_registers(text: str, quick: str) -> None:
    made = str(optimised(text, quick))
    assert "@twice" not in made
    assert "alloca" not in made
    library = Library(text, quick)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("calling"))(21) == 84


def test_both_texts_are_one_library() -> None:
    library = Library(CALLS, CALLS.replace("@calling", "@other"))
    assert library.address("calling") != library.address("other")


def test_what_is_plain_calls_the_others_and_is_called_by_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    quick = """
declare i64 @base(i64)
define i64 @more(i64 %x) {
  %y = call i64 @base(i64 %x)
  %z = add i64 %y, 1
  ret i64 %z
}
"""
    plain = """
declare i64 @more(i64)
define i64 @base(i64 %x) {
  %y = mul i64 %x, 10
  ret i64 %y
}
define i64 @called(i64 %x) {
  %place = alloca i64
  store i64 %x, ptr %place
  %again = load i64, ptr %place
  %y = call i64 @more(i64 %again)
  ret i64 %y
}
"""
    made = str(optimised("", quick, plain))
    assert "alloca" not in made
    assert made.partition("attributes #")[0].count("noinline optnone") == 2  # by their definitions, or above them
    for cached in (False, True):
        library = Library(quick=quick, plain=plain)
        assert library.cached is cached
        assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("called"))(4) == 41


def test_passes_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """llvmlite never frees their managers, nor what these hold: 70 kB for each program."""
    optimised(CALLS, CALLS.replace("@calling", "@other"))
    llvm = binding()
    for name in ("create_new_module_pass_manager", "create_pass_builder"):
        monkeypatch.setattr(llvm, name, None)
    optimised(CALLS, CALLS.replace("@calling", "@other"))


def test_modules_have_contexts_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of the process would keep each constant that it has ever seen."""
    made = []
    create = binding().create_context
    monkeypatch.setattr(binding(), "create_context", lambda: made.append(create()) or made[-1])
    optimised(CALLS)
    optimised(CALLS)
    assert len(made) == 2


def test_the_text_of_the_engines_own_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    written: list[str] = []

    def text() -> str:
        written.append(CALLS)
        return CALLS

    made = [Library.of_engine(name, text) for name in ("one", "one", "other")]
    assert [library.cached for library in made] == [False, True, True]  # the other has the same text
    assert len(written) == 2
    for file in tmp_path.glob("*.o"):
        file.unlink()
    assert not Library.of_engine("one", text).cached
    monkeypatch.setattr(machine_code, "ENGINE", "")  # sources that nobody can read
    assert Library.of_engine("one", text).cached
    assert len(written) == 4
    assert not Library.of_engine("all passes", text, "text").cached  # they make other code of it


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of what is loaded")
def test_the_library_is_loaded_ahead_of_its_import_which_loads_no_other() -> None:
    program = """
import pathlib, sys
from engine.compiler.backends.llvm.jit.machine_code import _load_ahead, binding

def loaded():
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return {line.split()[-1] for line in lines if "libllvmlite" in line}

assert not loaded()
_load_ahead()
ahead = loaded()
assert len(ahead) == 1 and "llvmlite.binding" not in sys.modules
binding()
assert loaded() == ahead
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_system_that_cannot_load_it_ahead_leaves_that_to_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: object) -> None:
        raise TypeError

    monkeypatch.setattr(machine_code.ctypes, "CDLL", refuse)
    machine_code._load_ahead()
