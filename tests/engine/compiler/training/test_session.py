"""A session by itself: what it refuses, and that who looks at a parameter in the middle changes nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

import engine
from engine import TraceError, Value, open_session
from engine.compiler.comparison.single import Comparison
from nn import SGD
from tests.needs import INSTALLED, NATIVE, needs

np = needs("numpy")

ARRAYS = pytest.mark.parametrize("backend", INSTALLED[1:])
X = np.random.default_rng(0).normal(size=(7, 2))


def opened(backend: str, momentum: float = 0.5) -> tuple[Any, Any, list[Value], SGD]:
    """A session, a batch, parameters and their optimiser."""
    w = [Value(0.5), Value(-0.25)]

    def loss(x: Any) -> Any:
        return (w[0] * x[0] + w[1] * x[1] - 1.0) ** 2

    optimizer = SGD(w, lr=0.1, momentum=momentum)
    compiled = engine.compile(loss, backend=backend)
    batch = compiled.batch(X)
    return open_session(compiled, batch, optimizer), batch, w, optimizer


def steps(session: Any, batch: Any, count: int) -> list[float]:
    return list(session(batch, session.configured(), count))


@ARRAYS
def test_closed_it_leaves_ordinary_values_and_an_optimiser_that_goes_on(backend: str) -> None:
    session, batch, w, optimizer = opened(backend)
    losses = steps(session, batch, 3)
    session.close()
    assert [type(value) for value in w] == [Value, Value]
    assert optimizer.steps == 3
    assert all(math.isfinite(x) for x in optimizer.velocity)
    session.close()  # once more does nothing
    again, batch, w_again, _ = opened(backend)
    assert losses == steps(again, batch, 3)
    assert [value.data for value in w] == [value.data for value in w_again]


@ARRAYS
def test_samples_of_another_shape_are_refused(backend: str) -> None:
    session, batch, w, _ = opened(backend)
    steps(session, batch, 1)
    before = [value.data for value in w]
    other = engine.compile(lambda x: w[0] * x, backend=backend).batch([1.0, 2.0])
    with pytest.raises(ValueError, match=r"have the shapes \(\(\),\), not \(\(2,\),\) as compiled"):
        session(other, session.configured())
    assert [value.data for value in w] == before


@ARRAYS
def test_samples_of_other_types_are_refused_where_the_loss_asks_for_them(backend: str) -> None:
    w = Value(0.5)
    compiled = engine.compile(lambda x: w * (x if isinstance(x, int) else 3 * x), backend=backend)
    whole, real = compiled.batch([1, 2]), compiled.batch([1.0, 2.5])
    session = open_session(compiled, whole, SGD([w], lr=0.1))
    assert session is not None
    assert steps(session, whole, 1) == [0.75]
    with pytest.raises(TraceError, match="asks for the types of its numbers, and is not compiled for those"):
        session(real, session.configured())
    assert w.data == pytest.approx(0.35)


def test_a_loss_is_one_number() -> None:
    w = Value(1.0)
    compiled = engine.compile(lambda x: [w * x, x], backend="numpy")
    with pytest.raises(TraceError, match="must be one Value, not a list"):
        open_session(compiled, compiled.batch([1.0]), SGD([w], lr=0.1))


class Watched:
    """A training in whose calls somebody looks at a parameter, as a signal handler may."""

    def __init__(self, training: Any, look: Any) -> None:
        vars(self).update(_training=training, _look=look)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._training, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._training, name, value)

    def __call__(self, *arguments: Any) -> Any:
        found = self._training(*arguments)
        self._look()
        return found


@ARRAYS
def test_a_look_in_the_middle_of_a_call_changes_nothing(backend: str) -> None:
    expected, batch, w_expected, _ = opened(backend)
    losses = steps(expected, batch, 6)
    session, batch, w, _ = opened(backend)
    session._training = Watched(session._training, lambda: [value.data for value in w])  # the second brings all back
    found = [loss for _ in range(3) for loss in steps(session, batch, 2)]
    assert found == losses
    assert [value.data for value in w] == [value.data for value in w_expected]


@ARRAYS
def test_a_look_just_before_the_steps_changes_nothing(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another thread, between the loan and the lock."""
    expected, batch, w_expected, _ = opened(backend)
    losses = steps(expected, batch, 2)
    session, batch, w, _ = opened(backend)
    take, times = session._custody.loan.take, [0]

    def robbed() -> None:
        take()
        times[0] += 1
        if times[0] % 2:
            assert [value._z for value in w] == [value.data for value in w]  # the look

    monkeypatch.setattr(session._custody.loan, "take", robbed)
    assert steps(session, batch, 2) == losses
    assert [value.data for value in w] == [value.data for value in w_expected]
    session.load([w[1], Value(3.0)], [0.75, 9.0])
    assert (w[0].data, w[1].data) == (w_expected[0].data, 0.75)


@NATIVE
@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_very_program_that_makes_the_steps_is_compared(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one for all samples at once was, and steps on few of them were made by another one, which nobody had seen."""
    compared, compare = list[Any](), Comparison.of_some

    def noting(comparison: Comparison, program: Any, *rest: Any) -> None:
        compared.append(program)
        compare(comparison, program, *rest)

    monkeypatch.setattr(Comparison, "of_some", noting)
    session, batch, _, _ = opened("llvm")
    session(batch, session.configured(), 1, np.arange(7 // size * size).reshape(-1, size))
    assert session._training._programs.fitting(size) in compared


@ARRAYS
def test_starts_have_a_number_for_each_leaf(backend: str) -> None:
    """A leaf that is not among the values would begin each time where the last net had left it."""
    session, batch, w, optimizer = opened(backend)
    with pytest.raises(ValueError, match="a leaf that is not among the values has no start"):
        session.each(batch, w[:1], np.zeros((1, 1)), [optimizer.settings], (None, None))
