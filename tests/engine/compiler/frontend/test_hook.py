"""What the profiler's function makes of a call, one by one: `faithful` has what traced functions are refused.

Python measures no coverage inside a profiler's function, so here it is called by hand.
"""

from __future__ import annotations

import builtins
import contextlib
import cProfile
import datetime
import gc
import importlib
import io
import logging
import math
import os
import string
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from engine.compiler import TraceError, compile
from engine.compiler.frontend.graph import Graph
from engine.compiler.frontend.world import hook, variables
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify

See = Callable[[FrameType | None, str, Any], None]


@contextlib.contextmanager
def watched(tests_truth: bool = False) -> Iterator[See]:
    """The profiler's function, which Python itself does not call meanwhile."""
    before = sys.getprofile()
    with hook.refused(tests_truth):
        see = sys.getprofile()
        sys.setprofile(before)
        yield see


def frame_of(file: str, name: str = "function", in_module: ModuleType = string, **arguments: Any) -> FrameType:
    """The frame of a function of that name in that file, called from here with these arguments."""
    found: dict[str, Callable[..., FrameType]] = {}
    code = f"def {name}({', '.join(arguments)}): return __import__('sys')._getframe()"
    exec(builtins.compile(code, file, "exec"), vars(in_module), found)
    return found[name](**arguments)


def here() -> FrameType:
    return sys._getframe()


FILE = Path(__file__)


class Log(io.FileIO):
    """A file of the user's own."""


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (os.getpid, "asks the operating system"),
        (time.time, "reads the clock"),
        (datetime.datetime.now, "reads the clock"),
        (open, "reads a file"),
        (eval, "asks for something that its code does not name"),
        (sys.getrecursionlimit, "reads a setting of Python"),
        (sys.getswitchinterval, "reads a setting of Python"),
        (sys.getrefcount, "reads a setting of Python"),
        (sys.getallocatedblocks, "reads a setting of Python"),
        (gc.isenabled, "asks the garbage collector"),
        (gc.get_count, "asks the garbage collector"),
        (gc.get_stats, "asks the garbage collector"),
        (gc.get_threshold, "asks the garbage collector"),
        (gc.get_debug, "asks the garbage collector"),
        (gc.get_freeze_count, "asks the garbage collector"),
    ],
)
def test_a_call_that_asks_is_refused(function: Any, what: str) -> None:
    with watched() as see, pytest.raises(TraceError, match=rf"{what} \({function.__name__}\), at .*test_hook"):
        see(here(), "c_call", function)


@pytest.mark.parametrize(
    "function", [os.fspath, time.sleep, len, math.sin, [].append, io.StringIO("3").read, "3".upper, dict.fromkeys]
)
def test_a_call_that_asks_nothing_is_not(function: Any) -> None:
    with watched() as see:
        for event in ("c_call", "c_call", "c_return", "return"):
            see(here(), event, function)


def test_methods_of_files_ask_where_they_read() -> None:
    with FILE.open("rb") as file, Log(os.devnull, "w") as log, watched() as see:
        for _ in range(2):  # the second time it is known what methods of the class do
            with pytest.raises(TraceError, match=r"reads a file \(read\)"):
                see(here(), "c_call", file.read)
            with pytest.raises(TraceError, match=r"reads a file \(readinto\)"):
                see(here(), "c_call", log.readinto)
            see(here(), "c_call", log.write)


def test_what_is_no_call_of_c_is_not_asked_for_its_name() -> None:
    with watched() as see:
        for event in ("c_return", "c_exception", "return"):
            see(here(), event, os.getpid)


def test_code_that_asks_nothing_is_looked_at_once() -> None:
    with watched() as see:
        for _ in range(2):
            see(here(), "call", None)
        see(frame_of(str(FILE), "__repr__", self=1.5), "call", None)  # a text of what has a number


@pytest.mark.parametrize("asked", [True, False])
def test_a_condition_that_is_compared_by_is_is_refused_where_that_was_asked_for(asked: bool) -> None:
    graph = Graph(simplify, derivatives)
    graph.given.types = [bool]

    def tests(flag: Any, see: See) -> float:
        see(sys._getframe(), "return", 2.0)
        return 2.0 if flag is True else 3.0

    with watched(asked) as see:
        refused = pytest.raises(TraceError, match="compares a condition by `is`") if asked else contextlib.nullcontext()
        with refused:
            tests(graph.source("input", 0), see)


def test_library_code_may_evaluate_a_text() -> None:
    with watched() as see:
        for function in (eval, exec):  # as named tuples and dataclasses do
            see(frame_of(string.__file__), "c_call", function)
        with pytest.raises(TraceError, match="reads the clock"):
            see(frame_of(string.__file__), "c_call", time.time)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (str(FILE), "write"),
        (str(FILE), "flush"),
        (logging.__file__, "emit"),
        ("<frozen importlib._bootstrap>", "_load"),
    ],
)
def test_messages_and_imports_may_ask(file: str, name: str) -> None:
    """Also further out."""
    within: dict[str, Any] = {"inner": here}
    exec(builtins.compile(f"def {name}(self): return inner()", file, "exec"), within)
    with watched() as see:
        see(frame_of(file, name, self=io.StringIO()), "c_call", time.time)
        see(within[name](io.StringIO()), "c_call", os.getpid)


@pytest.mark.parametrize("name", ["resolve_name", "__getattr__"])
def test_importing_a_module_by_its_name_is_refused_where_the_user_asks_for_it(name: str) -> None:
    """Through a library too, but not where that fetches a part of itself. The imports of statements are watched."""
    by_library: dict[str, Any] = {"import_module": importlib.import_module}
    exec(builtins.compile(f"def {name}(): return import_module('string')", string.__file__, "exec"), by_library)
    found: list[FrameType] = []
    sys.setprofile(lambda frame, event, _: found.append(frame) if event == "call" else None)
    importlib.import_module("string")
    by_library[name]()
    sys.setprofile(None)
    of_user, of_library = [frame for frame in found if frame.f_code is importlib.import_module.__code__]
    with watched() as see:
        with pytest.raises(TraceError, match=r"asks for something that its code does not name \(import_module\)"):
            see(of_user, "call", None)
        for event in ((of_library, "call", None), (frame_of(string.__file__, name), "c_call", __import__)):
            with (
                contextlib.nullcontext() if name == "__getattr__" else pytest.raises(TraceError, match="does not name")
            ):
                see(*event)


def noted(see: See, method: str, **arguments: Any) -> list[Any]:
    """What is noted when a method of the environment is entered from a function of the user's."""

    def reader() -> None:
        see(frame_of(os.__file__, method, os, **arguments), "call", None)

    reader()
    found = list(variables.read_by.get(reader.__code__, {}))
    assert bool(variables.count()) == bool(found)  # for callers of the reader, too
    variables.read_by.clear()
    return found


def test_variables_of_the_environment_are_noted_for_their_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "read_by", {})
    name = os.environ.encodekey("STEPGRAD_TEST")
    with watched() as see:
        assert noted(see, "__getitem__", self=os.environ, key="STEPGRAD_TEST") == [name]
        assert noted(see, "__iter__", self=os.environ) == [variables.WHOLE]
        assert noted(see, "__setitem__", self=os.environ, key="STEPGRAD_TEST", value="") == []
        assert noted(see, "__delitem__", self=os.environ, key="STEPGRAD_TEST") == []
        assert noted(see, "__getitem__", self=os.environ, key=3) == []  # a TypeError of the user's
        assert noted(see, "getcwd") == []  # of no environment


def test_another_profiler_goes_on_and_the_refusal_comes_in_the_end() -> None:
    seen: list[tuple[str, Any]] = []
    try:
        sys.setprofile(lambda frame, event, function: seen.append((event, function)))
        with watched() as see:
            see(here(), "c_call", os.getpid)  # an error from here would confuse it
    finally:
        sys.setprofile(None)
    assert ("c_call", os.getpid) in seen


def test_a_function_is_refused_beside_another_profiler() -> None:
    try:
        sys.setprofile(lambda frame, event, function: None)
        with pytest.raises(TraceError, match=r"reads the clock \(time\)"):
            compile(lambda x: x * time.time(), backend="python")([1.0])
    finally:
        sys.setprofile(None)


def test_cprofile_goes_on_after_it() -> None:
    """Before Python 3.12 it is a profiler in C, which no call of `sys.setprofile` puts back."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        with pytest.raises(TraceError, match=r"reads the clock \(time\)"):
            compile(lambda x: x * time.time(), backend="python")([1.0])
        called_after()
    finally:
        profile.disable()
    names = [getattr(entry.code, "co_name", "") for entry in profile.getstats()]
    assert "called_after" in names
    assert "test_cprofile_goes_on_after_it" not in names  # it was called before


def called_after() -> None:
    """As its name says."""


@pytest.mark.parametrize("name", ["write", "flush"])
def test_only_streams_inside_of_the_function_may_ask_when_they_write(name: str) -> None:
    """A caller of that name, or a layer's method, made a program that kept the number of the process."""
    pid = compile(lambda x: x * os.getpid())
    found: dict[str, Any] = {"pid": pid, "os": os}
    exec(f"def {name}(x): return pid([x])", found)
    exec(
        f"class Layer:\n def {name}(self, x): return x * os.getpid()\n def __call__(self, x): return self.{name}(x)",
        found,
    )

    class Stream:
        """It calls a compiled function when it writes, and can be compiled itself."""

        def write(self, x: Any) -> Any:
            return pid([x])

        flush = write

        def __call__(self, x: Any) -> Any:
            return x * os.getpid()

    calls = found[name], getattr(Stream(), name)
    for f in (*calls, lambda x: compile(found["Layer"]())([x]), lambda x: compile(Stream())([x])):
        with pytest.raises(TraceError, match=r"asks the operating system \(getpid\)"):
            f(1.0)


def test_a_function_of_a_library_asks_for_whoever_compiles_it() -> None:
    function = eval(builtins.compile("lambda x: x * getpid()", string.__file__, "eval"), {"getpid": os.getpid})
    with pytest.raises(TraceError, match=r"asks the operating system \(getpid\)"):
        compile(function)([1.0])


def asks_for_types(names: dict[str, Any]) -> FrameType:
    exec("def asks():\n    type\n    return __import__('sys')._getframe()", names)
    names["asks"].__code__ = names["asks"].__code__.replace(co_filename=str(FILE))
    return names["asks"]()


def test_the_users_code_asks_another_type_for_as_long_as_it_is_watched() -> None:
    """One that was left there would refuse each later call of `type` in that module."""
    plain: dict[str, Any] = {}
    replaced: dict[str, Any] = {}
    own: dict[str, Any] = {"type": float}
    frames = [asks_for_types(names) for names in (plain, replaced, own)]
    with watched() as see:
        for frame in frames:
            see(frame, "call", None)
        assert plain["type"] is not type
        assert own["type"] is float
        replaced["type"] = int  # the code has set the name itself, which stays
    assert "type" not in plain
    assert replaced["type"] is int


@pytest.mark.parametrize("who", ["print", "the engine", "the user after a print"])
def test_a_text_of_a_number_that_is_not_there_is_refused_unless_it_is_printed(who: str) -> None:
    def write(self: Any, see: Any) -> None:
        see(sys._getframe(), "call", None)

    def asks(write: Any, x: Any, see: Any) -> None:
        write(x, see)

    write.__code__ = write.__code__.replace(co_name="__repr__")
    if who == "the engine":
        asks.__code__ = asks.__code__.replace(co_filename=hook.__file__)

    def function(x: Any) -> Any:
        see = sys.getprofile()
        sys.setprofile(None)
        if see is not None:  # the second look at the function is not watched
            if "print" in who:
                see(here(), "c_call", print)
            if "after" in who:
                see(here(), "c_return", print)
            try:
                asks(write, x * 2.0, see)
            finally:
                sys.setprofile(see)
        return x * 2.0

    compiled = compile(function, backend="python")
    if "user" not in who:
        assert list(compiled([3.0])) == [6.0]
    else:
        with pytest.raises(TraceError, match=r"turns a number that is not known yet into text .*test_hook"):
            compiled([3.0])
