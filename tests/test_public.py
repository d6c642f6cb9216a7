"""The public face: what tab completion and help() offer, and nothing else."""

from __future__ import annotations

import inspect
import io
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import engine
import nn
from engine.stepping import Stepper
from engine.text import elsewhere as engine_names
from nn import elsewhere as nn_names


@pytest.mark.parametrize("package", [engine, nn])
def test_what_is_offered_is_there_and_no_module_by_chance(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__) == sorted(set(package.__all__))
    for name in dir(package):
        assert name == "schedules" or not isinstance(getattr(package, name), ModuleType), name
        assert name[0] != "_"
        assert name not in ("Any", "TYPE_CHECKING", "ModuleType", "annotations")


def _members(kind: type) -> dict[str, Any]:
    """What a class offers of its own and this project's, and tells of: methods and properties."""
    own = [base for base in reversed(kind.__mro__) if base.__module__.partition(".")[0] in ("engine", "nn")]
    return {
        name: part
        for base in own
        for name, part in vars(base).items()
        if name[0] != "_" and isinstance(part, (FunctionType, classmethod, staticmethod, property)) and part.__doc__
    }


def test_what_a_class_offers_is_told_by_a_page_or_an_example() -> None:
    """What only this project calls has an underscore, and so no place among the names of the site."""
    root = Path(__file__).parent.parent
    offered = [getattr(package, name) for package in (engine, nn) for name in package.__all__]
    classes = [thing for thing in offered if isinstance(thing, type)] + [Stepper]
    pages = [root / "README.md", *(root / "demos").rglob("*.md"), *(root / "demos").rglob("*.py")]
    told = "\n".join([page.read_text(encoding="utf-8") for page in pages])
    told += "\n".join([f"{thing.__doc__}" for thing in (*offered, Stepper)])
    told += "\n".join([f"{part.__doc__}" for kind in classes for part in _members(kind).values()])
    methods = vars(engine.Value).items()
    of_primitives = {name for name, part in methods if getattr(part, "__module__", "") == "engine.operators"}
    silent = {
        f"{kind.__name__}.{name}"
        for kind in classes
        for name in _members(kind).keys() - of_primitives
        if not re.search(rf"\.{name}\b|`{name}\b|\bdef {name}\(", told)
    }
    assert not silent


def test_star_import_in_a_fresh_interpreter() -> None:
    code = "from nn import *; from engine import *; print(tanh(Value(0.0)).data, compile.__module__, MLP.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.0", "engine.compiler.compiled", "MLP"]


def test_the_table_and_the_upper_floors_are_offered() -> None:
    offered = set(dir(engine))
    assert {*engine.PRIMITIVES, "Value", "draw", "compile", "check_gradients", "notes", "adopt"} <= offered
    assert not {"text", "graph", "drawing", "stepping", "value", "ops"} & offered
    assert all(hasattr(engine, name) for name in engine._BUILT_ON)
    assert not engine._BUILT_ON & offered
    assert {"MLP", "Trainer", "fit", "cross_entropy", "History"} <= set(dir(nn))


def test_help_begins_with_a_cheat_sheet_of_one_screen() -> None:
    shown = io.StringIO()
    pydoc.Helper(output=shown)(engine)
    sheet = shown.getvalue().split("PACKAGE CONTENTS")[0]
    lines = sheet.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines[3:])) <= 86
    for name in ("backward", "stepper", "why", "draw", "check_gradients", "compile", "declare", "notes", "adopt"):
        assert name in sheet


@pytest.mark.parametrize("thing", [engine.compile, engine.check_gradients, nn.fit, nn.Trainer])
def test_help_of_what_takes_most_begins_with_an_example_and_fits_a_terminal(thing: Any) -> None:
    lines = (inspect.getdoc(thing) or "").splitlines()
    assert max(map(len, lines)) <= 76  # in a terminal of 80 columns, of which pydoc's margin takes four
    assert lines[2].startswith(">>> ")
    assert lines.index("Args:") < 40
    for part in _members(thing).values() if isinstance(thing, type) else ():
        assert max(map(len, (inspect.getdoc(part) or "").splitlines())) <= 72  # and eight


def test_help_tells_what_to_write_for_a_name_from_elsewhere() -> None:
    shown = " ".join(pydoc.render_doc(nn.Trainer, renderer=pydoc.plaintext).split())
    assert "evaluate | Not there: write nn.evaluate(model, X, y, loss)." in shown


def test_the_cheat_sheet_names_what_is_there() -> None:
    left = [line[4:34] for line in (engine.__doc__ or "").splitlines() if line.startswith("    ")]
    called = set(re.findall(r"\b([A-Za-z_]+)\(", " ".join(left))) - {"f"}
    assert len(called) > 12
    for name in called:
        assert hasattr(engine, name) or hasattr(engine.Value, name), name


def test_the_lectures_backward_by_hand() -> None:
    """Its cells as they are, but for the import."""
    x1, x2 = engine.Value(2.0, label="x1"), engine.Value(0.0, label="x2")
    w1, w2 = engine.Value(-3.0, label="w1"), engine.Value(1.0, label="w2")
    b = engine.Value(6.8813735870195432, label="b")
    x1w1 = x1 * w1
    x2w2 = x2 * w2
    x1w1x2w2 = x1w1 + x2w2
    n = x1w1x2w2 + b
    o = n.tanh()
    o.grad = 1.0
    o._backward()
    n._backward()
    b._backward()
    x1w1x2w2._backward()
    x2w2._backward()
    x1w1._backward()
    assert [round(v.grad, 9) for v in (x1, w1, x2, w2)] == [-1.5, 1.0, 0.5, 0.0]

    topo: list[engine.Value] = []
    visited: set[engine.Value] = set()

    def build_topo(v: engine.Value) -> None:
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            topo.append(v)

    o.zero_grad()
    build_topo(o)
    o.grad = 1.0
    for node in reversed(topo):
        node._backward()
    by_hand = [v.grad for v in topo]
    o.zero_grad()
    o.backward()
    assert by_hand == [v.grad for v in topo]


@pytest.mark.parametrize(("package", "elsewhere"), [(engine, engine_names.ELSEWHERE), (nn, nn_names.ELSEWHERE)])
def test_a_name_from_elsewhere_is_told_what_it_is_called_here(package: ModuleType, elsewhere: dict[str, str]) -> None:
    for name, here in elsewhere.items():
        with pytest.raises(AttributeError, match=re.escape(f"has no attribute '{name}': write {here}")):
            getattr(package, name)
        known = {*dir(package), *dir(engine.Value), "engine", "nn", "sklearn"}
        assert known & {*re.findall(r"[A-Za-z_]+", here)}, here
    with pytest.raises(AttributeError, match=r"'nothing'\Z"):
        _ = package.nothing


def test_what_python_calls_max_and_min_are_told_by_their_names_here() -> None:
    for name in ("max", "min"):
        with pytest.raises(AttributeError, match=f"'{name}': write {name}imum"):
            getattr(engine, name)


def test_what_peers_have_and_nn_has_not_is_told_with_what_there_is() -> None:
    for name in ("RMSprop", "BatchNorm1d", "Conv2d", "LSTM", "HuberLoss", "ReduceLROnPlateau"):
        with pytest.raises(AttributeError, match=rf"'{name}': it is not there; {re.escape(nn_names.ABSENT[name])}\Z"):
            getattr(nn, name)
    told = {**nn_names.ELSEWHERE, **nn_names.ABSENT}
    assert len(told) == len(nn_names.ELSEWHERE) + len(nn_names.ABSENT)
    assert not told.keys() & set(nn.__all__)
    for there in nn_names.ABSENT.values():  # what it names is there
        words = set(re.findall(r"\b(?:[A-Z][A-Za-z]+|per_sample|fit)\b", there))
        assert words, there
        assert words <= {*dir(nn)}, there


def test_a_near_name_is_guessed() -> None:
    code = "import nn; nn.sgd"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    guess, since_3_15 = "Did you mean: 'SGD'?", "Did you mean '.SGD' instead of '.sgd'?"
    assert f"has no attribute 'sgd'. {since_3_15 if sys.version_info >= (3, 15) else guess}" in done.stderr


def test_what_a_notebook_shows() -> None:
    model = nn.MLP(2, [4, 1], seed=1)
    shown = model._repr_html_()
    assert "MLP of 17 parameters" in shown
    assert "<td style='text-align:left'>layers.0</td>" in shown
    compiled = engine.compile(lambda x: x * 2, backend="python")
    assert "traced and compiled" in compiled._repr_html_()
    compiled([1.0, 2.0])
    assert "<td" in compiled._repr_html_()
    report = engine.check_gradients(lambda x: x * x, [2.0])
    assert "<table" in report._repr_html_()
    assert (engine.Value(2.0) * 3)._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


def test_a_module_with_parameters_of_its_own() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope, self.offsets = engine.Value(2.0), [engine.Value(1.0), engine.Value(0.0)]

    shown = Line()._repr_html_()
    assert "Line of 3 parameters" in shown
    assert "offsets" in shown


@pytest.mark.parametrize("page", ["demos/guide/promises.md", "SECURITY.md"])
def test_the_tests_that_a_promise_names_are_there(page: str) -> None:
    root, named = Path(__file__).parent.parent, Path()
    found = re.findall(r"`(tests/[\w/.]+)?(?:::(\w+))?`", (root / page).read_text(encoding="utf-8"))
    assert found
    for path, test in found:
        named = Path(root, path) if path else named
        assert named.exists() if not test else f"def {test}" in named.read_text(encoding="utf-8"), (path, test)


def test_the_front_door_is_short_and_all_doors_lead_somewhere() -> None:
    root = Path(__file__).parent.parent
    assert len((root / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#\s]+)\)", (root / page).read_text(encoding="utf-8")):
            assert (root / target).exists(), (page, target)


_ELSEWHERE = """
import contextlib, io, sys
{other}
import engine
from engine.__main__ import main
from importlib import import_module
x = engine.Value(3.0)
(x * x).backward()
assert x.grad == 6.0
for missing in (lambda: engine.compile, lambda: import_module("nn")):
    try:
        missing()
    except ImportError as error:
        print({lacking!r} in str(error))
with contextlib.redirect_stdout(io.StringIO()) as tour:
    print(main([]), file=sys.__stdout__)
print({lacking!r} in tour.getvalue())
"""


@pytest.mark.parametrize(
    ("other", "lacking"),
    [
        ("sys.implementation.name = 'pypy'", "need CPython"),
        ("sys._is_gil_enabled = lambda: False", "start it with PYTHON_GIL=1"),
    ],
)
def test_pythons_other_than_cpython_with_its_lock_say_what_they_lack(other: str, lacking: str) -> None:
    """The compiler reads CPython's instructions and objects: elsewhere it would be wrong, or crash."""
    source = _ELSEWHERE.format(other=other, lacking=lacking)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "0", "True"]
