"""The results of the same samples again, row by row or their means: see `Traces.again_on`."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine import Value, compile, exp, traces_of, where
from engine.compiler.backends.llvm.runtime.cost_model import CostModel
from tests.needs import needs

np = needs("numpy")
needs("llvmlite")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("size", "threads"), [(1, 1), (7, 1), (1000, 1), (1000, 2)])
def test_means_are_those_of_the_rows(dtype: str, size: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of the last block, whose lanes without a sample repeat one, and of several parts; with other parameters."""
    split, shared = CostModel.split, CostModel(threads, 8, 1e3, 9)
    monkeypatch.setattr(CostModel, "split", lambda _, samples: split(shared, samples))
    w = Value(0.5)
    function = compile(lambda x: [exp(w * x[0]), where(x[0] > 0.25, 1.0, 0.0), w], dtype=dtype, threads=threads)
    batch = function.batch(np.random.default_rng(size).normal(size=(size, 1)))
    for w.data in (0.5, -1.25):
        rows = np.asarray(function(batch=batch), float)
        means: Any = traces_of(function).again_on(batch, means=True)
        assert means is not None
        first, second = means(), means()
        assert first == second
        assert first == pytest.approx(rows.mean(0).tolist(), rel=1e-13 if dtype == "float64" else 1e-6)
        assert first[1] == np.count_nonzero(rows[:, 1]) / size  # no rounding of 1 / size


def test_a_mean_with_a_nan_is_nan() -> None:
    w = Value(0.5)
    function = compile(lambda x: [w * x, w])
    batch = function.batch([1.0, math.nan, *[2.0] * 30])
    function(batch=batch)
    means: Any = traces_of(function).again_on(batch, means=True)
    found = means()
    assert math.isnan(found[0])
    assert found[1] == 0.5
