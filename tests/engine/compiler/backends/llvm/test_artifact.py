"""Blueprints: kept on disk, found by the fingerprint of a graph, and no plan is made then; damaged ones are noticed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
import nn
from engine import Value
from engine.compiler import specialisation as compiling
from engine.compiler.backends.llvm import build
from engine.compiler.backends.llvm.jit import cache
from engine.compiler.backends.llvm.jit.artifact import Artifact, load
from engine.compiler.backends.llvm.kernels.shape import Shape
from engine.compiler.passes.computation import Computation
from engine.compiler.pipeline import make_plan, trace
from engine.compiler.plan.lazy import LazyPlan
from engine.compiler.plan.plan import Run

NUMBERS = np.random.default_rng(0).normal(size=(5, 3))
X, Y = NUMBERS[:, :2], NUMBERS[:, 2]

EXAMPLE = Artifact(
    codes=["abc", "def"],
    shape=Shape(64, 4, 16),
    room=0,
    calls={"prologue": [], "body": [(0, [1, 2]), (1, [])], "epilogue": [(0, [3])]},
    by_samples=(0, 2),
    alone=False,
    cost=1.5,
    leaves=3,
    inputs=2,
    weight=None,
    constants=(0.1, -0.0, 1e300, float("inf")),
    outputs=(Run("S", 7), Run("X", 0)),
    sizes={"U": 0, "S": 9, "G": 0},
)


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    return tmp_path


def loss_of(seed: int) -> Any:
    w = [[Value(x) for x in row] for row in np.random.default_rng(seed).normal(size=(4, 2))]
    return lambda x, y: (engine.sum([engine.dot(row, x, 0.25).tanh() for row in w]) - y) ** 2


def never() -> Any:
    raise AssertionError("a plan was made")


def test_what_is_written_is_read() -> None:
    found = load(EXAMPLE.dump())
    assert found == EXAMPLE
    assert found is not None
    assert repr(found.constants) == repr(EXAMPLE.constants)


@pytest.mark.parametrize("stored", [b"", b"{}", b"[]", b"null", b"\xff", b"{", b'"text"', EXAMPLE.dump()[:-2]])
def test_what_is_no_artifact_is_none(stored: bytes) -> None:
    assert load(stored) is None


@pytest.mark.parametrize("name", list(json.loads(EXAMPLE.dump())))
@pytest.mark.parametrize("wrong", ["text", 1.5, None, [[]], {"a": 1}, [1], True])
def test_fields_of_another_kind_are_refused(name: str, wrong: Any) -> None:
    fields = json.loads(EXAMPLE.dump())
    if type(wrong) is not type(fields[name]) and not (name in ("weight", "by_samples") and wrong is None):
        fields[name] = wrong
        assert load(json.dumps(fields).encode()) is None
    del fields[name]
    assert load(json.dumps(fields).encode()) is None


def test_the_second_time_no_plan_is_made(where: Path) -> None:
    traced = trace(loss_of(0), [(2,), ()])
    leaves = np.array([leaf.data for leaf in traced.graph.leaves])
    arrays = np.ascontiguousarray(X), np.ascontiguousarray(Y[:, None])
    make = partial(make_plan, Computation.of(traced, gradients=True))
    first, second = (build(LazyPlan(source, len(leaves), "f"), "float64") for source in (make, never))
    for size in (5, 1):
        some = tuple([array[:size] for array in arrays])
        for a, b in zip(first.run(leaves, some), second.run(leaves, some)):
            assert a is not None
            assert b is not None
            assert a.tobytes() == b.tobytes()
        assert second.stats()["cached"]
        assert second.fitting(size).artifact == first.fitting(size).artifact
    for dtype, fingerprint in (("float32", "f"), ("float64", "g"), ("float64", "")):
        with pytest.raises(AssertionError, match="a plan was made"):
            build(LazyPlan(never, len(leaves), fingerprint), dtype).fitting(5)


@pytest.mark.parametrize("lost", [0, 1])
def test_kernels_of_which_half_is_gone_are_made_again(where: Path, lost: int) -> None:
    traced = trace(loss_of(0), [(2,), ()])
    make = partial(make_plan, Computation.of(traced, gradients=True))
    first = build(LazyPlan(make, 12, "f"), "float64").fitting(9)
    assert len(first.artifact.codes) == 2
    (where / f"{first.artifact.codes[lost]}.o").unlink()
    with pytest.raises(AssertionError, match="a plan was made"):
        build(LazyPlan(never, 12, "f"), "float64").fitting(9)
    assert build(LazyPlan(make, 12, "f"), "float64").fitting(9).artifact == first.artifact


@pytest.mark.parametrize("damage", ["object gone", "object damaged", "artifact damaged", "artifact of another kind"])
def test_what_is_damaged_is_made_again(where: Path, damage: str) -> None:
    square(plan_of_a_square).fitting(9)
    (plan,) = where.glob("*.plan")
    stored = json.loads(cache.read(plan.stem, cache.ARTIFACT) or b"")
    if damage == "object gone":
        (where / f"{stored['codes'][0]}.o").unlink()
    elif damage == "object damaged":
        (where / f"{stored['codes'][0]}.o").write_bytes(b"no object code")
    elif damage == "artifact damaged":
        plan.write_bytes(plan.read_bytes()[:-1])
    else:
        cache.write(plan.stem, b"[1, 2]", cache.ARTIFACT)
    with pytest.raises(AssertionError, match="a plan was made"):
        square(never).fitting(9)
    for source in (plan_of_a_square, never):
        assert square(source).run(np.zeros(0), (np.arange(9.0)[:, None],))[0][3] == 9.0


def square(source: Any) -> Any:
    return build(LazyPlan(source, 0, "f"), "float64")


def plan_of_a_square() -> Any:
    traced = trace(lambda x: x * x, [()])
    return make_plan(Computation.of(traced))


def test_functions_and_their_gradients_come_back(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = engine.compile(loss_of(1), backend="llvm")
    expected = first(X, Y), *first.value_and_grad(X, Y), *first.value_and_grad(X, Y, wrt="inputs")
    monkeypatch.setattr(compiling, "make_plan", lambda *_: never())
    second = engine.compile(loss_of(1), backend="llvm")
    found = second(X, Y), *second.value_and_grad(X, Y), *second.value_and_grad(X, Y, wrt="inputs")
    for a, b in zip(expected, found):
        for x, y in zip(a, b) if isinstance(a, list) else [(a, b)]:
            assert np.asarray(x).tobytes() == np.asarray(y).tobytes()
    with pytest.raises(AssertionError, match="a plan was made"):
        second.explain()
    with pytest.raises(AssertionError, match="a plan was made"):
        engine.compile(lambda x, y: loss_of(1)(x, y) + 1.0, backend="llvm")(X, Y)


def test_a_trainer_from_the_cache_makes_no_plan(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def losses() -> list[float]:
        model = nn.MLP(2, [4, 1], seed=0)
        trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.1, momentum=0.9), backend="llvm")
        return [trainer.step(X, Y) for _ in range(5)]

    expected = losses()
    monkeypatch.setattr(compiling, "make_plan", lambda *_: never())
    assert losses() == expected


def test_the_plan_is_made_when_somebody_asks(where: Path) -> None:
    for _ in range(2):
        compiled = engine.compile(loss_of(2), backend="llvm")
        compiled.value_and_grad(X, Y)
        assert "4x2" in compiled.explain()
        assert "@kernel0" in compiled.llvm_ir()
        assert compiled.draw().startswith("digraph plan {")
