"""The command ``adopt``: run a student's file, and judge the largest graph that it makes."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from typing import Any

from ..adopting.adoption import adopt
from ..adopting.graph import TheirGraph, is_node
from ..text.callers import is_users, raised_at, written
from .commands import MISTAKE


def run(argv: Sequence[str]) -> int:
    """Adopt a graph of a file's engine; the exit status is 0 if no bug was found."""
    parser = argparse.ArgumentParser(
        prog="python -m engine adopt",
        description="Find the bug in the backward pass of a micrograd-like engine. The file is EXECUTED, as with "
        "`python FILE`: give only files that you would run.",
    )
    parser.add_argument("file", metavar="FILE.py", help="defines the engine, and a result in a global variable")
    parser.add_argument("--root", metavar="NAME", help="the variable of the result; the largest graph by default")
    arguments = parser.parse_args(argv)
    if arguments.file.endswith(".ipynb"):
        parser.error(f"{arguments.file} is a notebook: call engine.adopt(root) in it, or save it as a .py file")
    variables, raised = _executed(arguments.file)
    sizes = {name: size for name, thing in variables.items() if (size := _size(thing)) > 1}
    name = arguments.root or max(sizes, key=lambda name: sizes[name], default="")
    if name not in sizes:
        none = "" if raised else "has no graph in a global variable: give the result a name, such as loss = ..."
        there = f"has no graph {name}; graphs are {', '.join(sizes)}" if sizes else _why_not(variables) or none
        if there:
            print(f"error: {arguments.file} {there}", file=sys.stderr)
        return MISTAKE
    names = {key: thing for key, thing in variables.items() if _size(thing)}
    report = adopt(variables[name], names)
    print(f"{name}, a {report}")
    return MISTAKE if raised else 0 if report else 1


def _executed(file: str) -> tuple[Mapping[str, Any], bool]:
    """The global variables of a file, and whether it raised: that is printed, and they are those set until then."""
    try:
        with _as_python_runs(file):
            return runpy.run_path(file, run_name="__main__"), False
    except (Exception, SystemExit) as error:  # whatever a student's code raises
        place = raised_at(error)
        at = f"\n  {written(place)}" if is_users(place[0]) else ""
        print(f"error: {file}: {type(error).__name__}: {error}{at}", file=sys.stderr)
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return next((frame.f_globals for frame in frames if frame.f_code.co_filename == file), {}), True


@contextmanager
def _as_python_runs(file: str) -> Iterator[None]:
    """Inside, there are no arguments, and modules beside the file are found first, even a student's own `engine`."""
    folder = os.path.dirname(os.path.abspath(file))
    theirs = PathFinder.find_spec("engine", [folder])
    path, argv, modules = sys.path, sys.argv, sys.modules.copy()
    sys.path, sys.argv = [folder, *path], [file]
    if theirs and theirs.origin not in (None, modules["engine"].__file__):  # None is a folder that is no package
        for name in modules:
            if name.partition(".")[0] == "engine":
                del sys.modules[name]
    try:
        yield
    finally:
        sys.path, sys.argv = path, argv
        sys.modules.update(modules)


def _why_not(variables: Mapping[str, Any]) -> str:
    """Why the graph of a variable cannot be adopted; empty if nothing looks like one."""
    for name, thing in variables.items():
        if not isinstance(thing, type) and is_node(thing):
            try:
                TheirGraph(thing)
            except TypeError as error:
                return f"defines {name}: {error}"
    return ""


def _size(thing: Any) -> int:
    """How many nodes the graph under a thing has; 0 if there is none."""
    try:
        return len(TheirGraph(thing).nodes)
    except Exception:  # it is something else
        return 0
