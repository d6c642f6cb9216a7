"""Fingerprints of traced functions: equal for equal graphs, in every process, and for no others."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, where
from engine.compiler.frontend import fingerprint as module
from engine.compiler.frontend.fingerprint import fingerprint
from engine.compiler.frontend.graph import operations
from engine.compiler.frontend.symbol import Symbol
from engine.compiler.frontend.trace import Trace
from engine.compiler.pipeline import trace
from engine.imported import digest_of
from tests.engine.compiler.test_random_graphs import random_function

SHAPES = [(2,), ()]


def of(function: Callable[..., Any]) -> str:
    return fingerprint(trace(function, SHAPES))


def network(numbers: list[float]) -> Callable[..., Any]:
    w = [Value(number) for number in numbers]
    return lambda x, y: (engine.dot(w, x, 0.5).tanh() - y) ** 2


def test_the_numbers_of_parameters_do_not_count() -> None:
    assert of(network([1.0, 2.0])) == of(network([3.0, 3.0])) != ""


def test_it_is_the_same_in_every_process() -> None:
    program = textwrap.dedent("""
        from tests.engine.compiler.frontend.test_fingerprint import network, of
        from engine import where
        print(of(network([1.0, 2.0])), of(lambda x, y: where((x[0] < y) & (x[1] <= y), x[0], y.detach())))
    """)
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", program]
        found.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    (line,) = found
    both = of(lambda x, y: where((x[0] < y) & (x[1] <= y), x[0], y.detach()))
    assert line.split() == [of(network([1.0, 2.0])), both]


def test_whatever_changes_the_program_changes_it() -> None:
    v, w = Value(1.0), Value(2.0)
    functions: list[Callable[..., Any]] = [
        lambda x, y: x[0] * y,
        lambda x, y: x[1] * y,
        lambda x, y: x[0] / y,
        lambda x, y: y / x[0],
        lambda x, y: [x[0] * y, y],
        lambda x, y: [y, x[0] * y],
        lambda x, y: x[0] * y + 0.0,
        lambda x, y: x[0] * y + 1.0,
        lambda x, y: x[0] * y + 5e-324,
        lambda x, y: where(x[0] > 0, -0.0, y),
        lambda x, y: where(x[0] > 0, 0.0, y),
        lambda x, y: v * x[0] + w * x[1] + v * y,
        lambda x, y: v * x[0] + w * x[1] + w * y,
        lambda x, y: 2.0,
        lambda x, y: v,
        lambda x, y: y,
    ]
    assert len({of(function) for function in functions}) == len(functions)


def test_which_rows_of_parameters_are_read_changes_it_and_which_results() -> None:
    """A range of them is told by its beginning and step, and what was read before by its place."""
    a, b, c, d = map(Value, (1.0, 2.0, 3.0, 4.0))
    pairs = [[a, b], [c, d], [a, c], [b, d], [a, d], [b, c], [b, a], [d, c], [c, b]]
    triples = [[a, b, c], [b, c, d], [a, b, d], [a, c, d], [a, a, b]]

    def network(pair: list[Value], triple: list[Value], of_first: bool) -> Callable[..., Any]:
        def function(x: Any, y: Any) -> Any:
            first, second = ([engine.dot(row, x) for row in rows] for rows in ([[a, b], [c, d]], [[d, c], [b, a]]))
            third = [engine.dot([a, b], first), engine.dot([c, d], second)]
            return engine.dot(triple, [y, *third]) * engine.dot(pair, first if of_first else second)

        return function

    functions = [network(pair, triple, of_first) for pair in pairs for triple in triples for of_first in (True, False)]
    assert len({of(function) for function in functions}) == len(functions)


def described(traced: Trace) -> list[Any]:
    """The graph in full."""
    places: dict[Symbol, Any] = {}

    def place(s: Symbol) -> Any:
        return places[s] if s in places else (s.kind, repr(s.number if s.kind == "leaf" else s.value))

    for symbol in operations(traced.outputs):
        places[symbol] = symbol.primitive, len(places), tuple(map(place, symbol.operands))
    return [*places.values(), *map(place, traced.outputs), len(traced.graph.leaves)]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4))
def test_graphs_with_one_fingerprint_are_equal(a: int, b: int, m: int, n: int) -> None:
    one, other = (trace(random_function(seed, size)[0], [(3,)]) for seed, size in ((a, m), (b, n)))
    again = trace(random_function(a, m)[0], [(3,)])
    assert fingerprint(one) == fingerprint(again)
    if described(one) != described(other):
        assert fingerprint(one) != fingerprint(other)


def test_what_a_user_declared_has_none() -> None:
    primitive = engine.declare("fingerprinted", lambda x: x, [lambda z, x: 1.0], native="x")
    try:
        assert of(lambda x, y: primitive(y)) == ""
    finally:
        del engine.PRIMITIVES["fingerprinted"]


def test_another_version_of_the_engine_has_others(monkeypatch: pytest.MonkeyPatch) -> None:
    before = of(network([1.0, 2.0]))
    monkeypatch.setattr(module, "ENGINE", "another")
    assert of(network([1.0, 2.0])) not in (before, "")
    monkeypatch.setattr(module, "ENGINE", "")  # no source files to tell
    assert of(network([1.0, 2.0])) == ""


def test_sources_that_cannot_be_read_have_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of an engine that is imported from an archive: nothing is then taken from the cache by its fingerprint."""
    folder = Path(engine.__file__).parent
    files = [folder / "ops.py", folder / "value.py"]

    def refuse(self: Path) -> bytes:
        raise OSError("no such file")

    assert len({digest_of(folder, files), digest_of(folder, files[:1]), module.ENGINE, digest_of(folder, [])}) == 4
    assert digest_of(folder, []) == ""
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert digest_of(folder, files) == ""
