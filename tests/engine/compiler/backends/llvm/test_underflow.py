"""Subnormal numbers in training: updates round them to 0, float32 steps do so everywhere, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from engine import Value, compile, where
from engine.compiler.backends.llvm.jit.cpu import family
from engine.compiler.backends.llvm.runtime import driver, underflow
from engine.compiler.update import form_of, traced

SUBNORMAL = 1e-310

of_x86 = pytest.mark.skipif(family() != "x86_64", reason="other CPUs compute with subnormal numbers, and are as fast")


def trained(velocity: float, lr: float, steps: int, threads: int = 1) -> tuple[nn.SGD, list[float]]:
    """Steps on a relu that no sample reaches, with that velocity."""
    model = nn.MLP(1, [1], activation="relu", output="relu", seed=0)
    for p, number in zip(model.parameters(), (0.5, -9.0)):
        p.data = number
    optimizer = nn.SGD(model.parameters(), lr=lr, momentum=0.9)
    optimizer.state = 1, ([velocity, -velocity],)
    trainer = nn.Trainer(model, nn.mse, optimizer, "llvm", threads=threads)
    trainer.run([[1.0], [2.0]], [0.0, 0.0], steps)
    return optimizer, [p.data for p in model.parameters()]


@of_x86
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_velocity_that_nothing_feeds_ends_at_zero(threads: int, steps: int) -> None:
    """Not at a few of the smallest numbers, where it would stay; Python's own arithmetic stays as it is."""
    optimizer, numbers = trained(SUBNORMAL, 0.1, steps, threads)
    assert optimizer.velocity == [0.0, 0.0]
    assert numbers == [0.5, -9.0]
    assert SUBNORMAL * 0.5 == 5e-311
    assert np.all(np.full(64, SUBNORMAL) * 0.5 == 5e-311)


@settings(max_examples=25, deadline=None)
@given(st.floats(-300.0, 0.0), st.floats(1e-3, 1.0), st.integers(1, 9))
def test_normal_velocities_are_those_of_eager_steps(exponent: float, lr: float, steps: int) -> None:
    """Bit for bit: momentum alone is one product."""
    velocity = expected = 10.0**exponent
    for _ in range(steps):
        expected *= 0.9
    optimizer, _ = trained(velocity, lr, steps)
    assert optimizer.velocity == [expected, -expected]


def test_without_an_update_nothing_is_rounded() -> None:
    """Values and gradients keep what digits subnormal numbers have, in both sizes."""
    for dtype, x in (("float64", 1e-155), ("float32", 1e-20)):
        square = compile(lambda x: x * x, dtype=dtype, backend="llvm")
        assert square([x])[0] == pytest.approx(x * x, rel=1e-4)
        assert square([x])[0] > 0.0


@of_x86
def test_gradients_of_float32_steps_end_at_zero() -> None:
    """Of 1e-40 here, which is a normal number in double precision."""

    def gradient(dtype: str) -> float:
        model = nn.MLP(1, [1], init="zeros")
        optimizer = nn.SGD(model.parameters(), lr=1.0)
        nn.Trainer(model, nn.per_sample(lambda z, _: z[0] * 1e-20), optimizer, "llvm", dtype).step([[1e-20]], [0.0])
        return model.parameters()[0].grad

    assert gradient("float32") == 0.0
    assert gradient("float64") == pytest.approx(1e-40)


@of_x86
def test_without_that_rounding_a_velocity_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above would see if it were gone."""
    monkeypatch.setenv("STEPGRAD_CACHE", str(tmp_path))
    monkeypatch.setattr(underflow, "FLUSH_TO_ZERO", 0)
    driver.driver.cache_clear()
    try:
        optimizer, _ = trained(SUBNORMAL, 0.1, 3)
    finally:
        driver.driver.cache_clear()
    assert 0.0 < optimizer.velocity[0] < SUBNORMAL


class Lion(nn.Optimizer):
    """Steps by the sign of a mean, which goes on however small that is."""

    mean = nn.Memory()

    @staticmethod
    def rule(p: Any, g: Any, mean: Any, s: Any) -> Any:
        mean = 0.9 * mean + 0.1 * g
        return p - s.lr * where(mean > 0.0, 1.0, where(mean < 0.0, -1.0, 0.0)), mean


@pytest.mark.parametrize(("backend", "dtype"), [("eager", "float64"), ("llvm", "float64"), ("llvm", "float32")])
def test_a_rule_that_asks_for_a_sign_sees_subnormal_numbers(backend: str, dtype: str) -> None:
    model = nn.MLP(1, [1], activation="relu", output="relu", init="zeros")
    weight, bias = model.parameters()
    weight.data, bias.data = 0.5, -9.0
    optimizer = Lion(model.parameters(), lr=0.25)
    tiny = SUBNORMAL if dtype == "float64" else 1e-40
    optimizer.state = 1, ([tiny, -tiny],)
    nn.fit(model, [[1.0], [2.0]], [0.0, 0.0], nn.mse, optimizer, 2, backend=backend, dtype=dtype)
    assert [weight.data, bias.data] == [0.0, -8.5]


def test_which_rules_bear_rounding() -> None:
    def bears(kind: type[nn.Optimizer], clip: str = "", **given: Any) -> bool:
        optimizer = kind([Value(1.0)], **{"lr": 0.1, **given})
        return traced(kind.rule, len(kind.memories), form_of(optimizer.settings), clip).bears_rounding

    for clip in ("", "value", "norm"):
        assert bears(nn.SGD, clip, momentum=0.9, nesterov=True, weight_decay=0.1)
        assert bears(nn.Adam, clip)
        assert bears(nn.AdamW, clip)
        assert not bears(nn.Adam, clip, eps=0.0)  # divides by a root that may be subnormal
        assert not bears(Lion, clip)
