"""Planted mistakes: each pass of the native back end is broken on purpose, and the comparison must notice.

A test that compares gradients is worth something only if it fails for a wrong compiler.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine
from engine import Value
from engine.compiler.backends.llvm import schedule
from engine.compiler.backends.llvm.ir.builder import Code
from engine.compiler.backends.llvm.jit.cpu import vector_bytes
from engine.compiler.backends.llvm.kernels import kernel as kernels
from engine.compiler.backends.llvm.kernels import lane_sums as reductions
from engine.compiler.backends.llvm.runtime import driver
from engine.compiler.backends.llvm.runtime import update as optimisers
from engine.compiler.errors import PlanError
from tests.engine.compiler.backends.llvm.test_training import program_of, update_of

W = np.random.default_rng(0).normal(size=(9, 7))
X = np.random.default_rng(1).normal(size=(21, 7))


def network(dtype: str = "float64") -> tuple[Any, Any]:
    """Products, elementwise groups that follow them, outer products and plain sums."""
    w = [[Value(x) for x in row] for row in W]
    b = [Value(0.1 * k) for k in range(len(W))]
    return program_of(lambda x: engine.sum([engine.dot(row, x, c).tanh() for row, c in zip(w, b)]), [(7,)], dtype)


def right(dtype: str = "float64") -> bool:
    """Whether the program gives the outputs and gradients that NumPy gives."""
    compiled, leaves = network(dtype)
    outputs, gradient = compiled.run(leaves, (X.astype(dtype),))
    digits = 1e-12 if dtype == "float64" else 1e-4
    H = np.tanh(X @ W.T + 0.1 * np.arange(len(W)))
    back = (1 - H * H) / len(X)
    expected = np.c_[back.T @ X, back.sum(0)].ravel()
    assert gradient is not None
    close = np.abs(gradient - expected).max() <= digits * np.abs(expected).max()
    return bool(np.allclose(outputs[:, 0], H.sum(1), rtol=digits) and close)


def moves_right() -> bool:
    """Whether two steps of momentum go where they should."""
    compiled, leaves = network()
    training = compiled.training(1)
    training.parameters[:] = leaves
    training((X,), update_of("SGD", 0.1, momentum=0.5), 2)
    p, v = leaves, 0.0
    for _ in range(2):
        _, gradient = compiled.run(p, (X,))
        v = 0.5 * v + gradient
        p = p - 0.1 * v
    return bool(np.allclose(training.parameters, p, rtol=1e-12))


def test_without_a_mistake() -> None:
    assert right()
    assert right("float32")
    assert moves_right()


def no_store(patch: pytest.MonkeyPatch) -> None:
    """Results that others read are not stored."""
    patch.setattr(schedule, "store", lambda fused_plan: replace(fused_plan, stored=frozenset()))


def padding_counts(patch: pytest.MonkeyPatch) -> None:
    """The lanes that pad the last block weigh as much as samples."""
    text = driver.packing(64, vector_bytes() // 8)
    assert text.count("fdiv double %weight, ") == 1
    replaced = re.sub("fdiv double %weight, .*", "fadd double %weight, 0.0", text)
    patch.setattr(driver, "packing", lambda *_: replaced)
    patch.setenv("STEPGRAD_CACHE", "off")  # where the driver without the mistake is
    driver.driver.cache_clear()


def lanes_left_out(patch: pytest.MonkeyPatch) -> None:
    """Sums over the lanes stop a vector too early."""
    original = Code.loop

    def loop(self: Code, start: Any, stop: Any, step: int = 1) -> Any:
        if stop == "%lanes" and self.name == "kernel":
            stop = self.value(f"sub i64 %lanes, {step}")
        return original(self, start, stop, step)

    patch.setattr(Code, "loop", loop)


def sums_exchanged(patch: pytest.MonkeyPatch) -> None:
    """Of four sums, two go to each other's place."""
    original = reductions.lane_sums
    patch.setattr(reductions, "lane_sums", lambda code, v: original(code, [v[1], v[0], v[2], v[3]]))


def factors_exchanged(patch: pytest.MonkeyPatch) -> None:
    """A matrix product takes the bias of the next row."""
    original = kernels.Kernel.index

    def index(self: Any, place: Any, row: Any, column: Any, lane: Any) -> str:
        shift = 1 if place.run.buffer == "P" and place.run.count == 1 else 0
        return original(self, place, (row[0], row[1] + shift), column, lane)

    patch.setattr(kernels.Kernel, "index", index)


def twice(patch: pytest.MonkeyPatch) -> None:
    """An outer product is added twice."""
    original = schedule.share_sums

    def share_sums(fused_plan: Any) -> Any:
        shared = original(fused_plan)
        return replace(shared, products=shared.products * 2)

    patch.setattr(schedule, "share_sums", share_sums)


PLANTED: list[Callable[[pytest.MonkeyPatch], None]] = [
    no_store,
    padding_counts,
    lanes_left_out,
    sums_exchanged,
    factors_exchanged,
    twice,
]


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_noticed(mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: Any) -> None:
    monkeypatch.setenv("STEPGRAD_VERIFY", "off")  # the numbers have to tell
    mistake(monkeypatch)
    try:
        noticed = not right() or not right("float32")  # narrow vectors hold four numbers of single precision only
    except (RuntimeError, KeyError):  # LLVM may refuse the text
        noticed = True
    finally:
        driver.driver.cache_clear()
    assert noticed


@pytest.mark.parametrize(
    ("mistake", "named"),
    [(no_store, r"body kernel 1: sum into S\[27\] reads S\[9\], which is not stored"), (twice, "added too often")],
)
def test_the_verifier_names_a_mistake_of_a_pass(mistake: Any, named: str, monkeypatch: Any) -> None:
    mistake(monkeypatch)
    with pytest.raises(PlanError, match=named):
        right()


@pytest.mark.parametrize("order", [("lr", "step", "limit", "norm"), ("step", "limit", "lr", "norm")])
def test_a_mistake_in_the_update_is_noticed(order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is given one number in place of another."""
    monkeypatch.setenv("STEPGRAD_CACHE", "off")  # where the update is found by what the rule computes
    monkeypatch.setattr(optimisers, "ALWAYS", order)
    optimisers.update.cache_clear()
    noticed = not moves_right()
    optimisers.update.cache_clear()
    assert noticed
