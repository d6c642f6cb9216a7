"""Rows that are arrays: what NumPy does with them number by number is compiled, or refused with the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import TraceError, Value
from tests.engine.compiler.everywhere import close
from tests.needs import INSTALLED, needs

np = needs("numpy")
w, v = Value(0.7), Value(-1.3)
BY_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: w * (2 * x - x / 3 + 1)[1],
    "powers and remainders": lambda x: w * (x**2 % 3 - x // 2)[-1],
    "signs": lambda x: w * (-x + abs(x) - +x).sum(),
    "products": lambda x: w * (x @ x) + x.dot(x),
    "arithmetic with Values": lambda x: (x * w - v).sum() + (v / (x + 7))[0],
    "weights": lambda x: np.array([w, v, w]) @ x + x @ np.array([w, v, w]),
    "a standard score": lambda x: w * ((x - x.mean()) / (x.std() + 1))[0],
    "a variance by NumPy": lambda x: w * np.var(x, ddof=1) + np.std(x) * np.mean(x),
    "a mean of a list": lambda x: w * np.mean([*x]) + np.var([a * a for a in x]),
    "shapes": lambda x: w * (x.reshape(3, 1).T @ x.reshape(1, 3).T)[0, 0] + x.ravel()[1],
    "sums on the way": lambda x: w * x.cumsum()[-2] + x.cumprod()[1],
    "parts": lambda x: w * (x[1:] - x[:-1]).prod() + (x[::-1] * x)[0],
    "a copy that is changed": lambda x: w * changed(x * 2)[0] + changed(x.flatten())[1],
}
REFUSED: dict[str, Callable[[Any], Any]] = {
    "changed in place": lambda x: w * halved(x)[0],
    "changed by another name": lambda x: w * changed(x.reshape(3))[0],
    "a mask": lambda x: w * (x > 0)[0],
    "the largest": lambda x: w * x.max(),
    "whether there is any": lambda x: w * x.any(),
    "another type": lambda x: w * x.astype(int)[0],
    "the type of a result": lambda x: w * (x * 2).dtype.itemsize,
    "the class of a sum": lambda x: w * isinstance(x.sum(), float),
}
SAMPLES = {
    "floats": np.array([[1.5, -0.5, 3.0], [0.2, 2.0, -1.0]]),
    "whole numbers": np.array([[1, -2, 3], [4, 0, -6]]),
}


def changed(array: Any) -> Any:
    array[0] = 9.0
    return array


def halved(array: Any) -> Any:
    array /= 2
    return array


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("function", BY_NUMBERS.values(), ids=BY_NUMBERS)
def test_what_arrays_do_number_by_number(function: Callable[[Any], Any], samples: Any, backend: str) -> None:
    try:
        compiled = engine.compile(function, backend=backend)
        results, (loss, gradient) = compiled(samples), compiled.value_and_grad(samples)
    except TraceError:  # as NumPy's whole numbers are where arrays of them would be cut off
        assert samples.dtype != float
        return
    expected = [function(sample) for sample in samples]
    assert all(close(value.data, float(result), 10.0, 1e-9) for value, result in zip(expected, results, strict=True))
    for leaf, derivative in zip(compiled.parameters, gradient, strict=True):
        assert close(engine.grad(engine.mean(expected), leaf), float(derivative), 10.0, 1e-9)
    assert close(engine.mean(expected).data, loss, 10.0, 1e-9)


@pytest.mark.parametrize("function", [BY_NUMBERS["arithmetic"], BY_NUMBERS["products"], BY_NUMBERS["weights"]])
def test_derivatives_by_the_numbers_of_an_array(function: Callable[[Any], Any]) -> None:
    """The eager engine, which they are compared with, gets arrays of Values, too."""
    samples = SAMPLES["floats"][:1]
    _, found = engine.compile(function, backend="python").value_and_grad(samples, wrt="inputs")
    expected = engine.gradient(lambda *xs: function(np.array(xs, object)))(*samples[0].tolist())
    assert np.allclose(found, [expected])


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_else_they_do(function: Callable[[Any], Any]) -> None:
    samples = SAMPLES["floats"].copy()
    with pytest.raises(TraceError, match=r"test_rows\.py:\d+: .*\n."):
        engine.compile(function, backend="python")(samples)
    assert (samples == SAMPLES["floats"]).all()


@pytest.mark.parametrize("samples", [np.array([[1, 200]], np.uint8), np.array([[True, False]])])
@pytest.mark.parametrize("function", [lambda x: x + x, lambda x: x - x, lambda x: -x, lambda x: x @ x], ids=range(4))
def test_arrays_of_few_bits(function: Callable[[Any], Any], samples: Any) -> None:
    """The operators of a row are code of this project, which may compute with such numbers: the user's may not."""
    with pytest.raises(TraceError, match=r"numbers of few bits.*test_rows\.py:\d+: "):
        engine.compile(lambda x: w * np.ravel(function(x))[0], backend="python")(samples)


@pytest.mark.parametrize("two", [2, np.int64(2), np.int16(2)])
def test_lists_are_repeated_where_arrays_are_multiplied(two: Any) -> None:
    """By NumPy's whole numbers too, from both sides."""

    def function(x: Any) -> Any:
        return w * sum(x * two) + len(two * x)

    compiled = engine.compile(function, backend="python")
    for samples in 2 * [SAMPLES["floats"], SAMPLES["floats"].tolist()]:
        assert compiled(samples) == pytest.approx([function(sample).data for sample in samples])
