"""Whether the numbers of a program are those of the eager engine: entry by entry, in lists and in arrays."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

import engine
from engine import TraceError, Value
from engine.compiler.comparison.selfcheck import Eager, agree
from tests.needs import needs

np = needs("numpy")

PAIRS = [
    (1.0, 1.0 + 5e-9, True),
    (1.0, 1.0 + 1e-6, False),
    (1.0, -1.0, False),
    (0.0, 5.0, False),
    (5.0, 0.0, False),
    (nan, nan, True),
    (nan, 1.0, False),
    (1.0, nan, False),
    (inf, inf, True),
    (inf, -inf, False),
    (-inf, 1e300, False),
]


@pytest.mark.parametrize("made", [list, np.array], ids=["list", "array"])
@pytest.mark.parametrize("others", [[], [2.0, 3.0]], ids=["alone", "among others"])
@pytest.mark.parametrize(("expected", "found", "near"), PAIRS)
def test_a_number_that_is_another(
    expected: float, found: float, near: bool, others: list[float], made: Callable[[Any], Any]
) -> None:
    """The tolerance is a share of the largest number."""
    w = [Value(2.0), Value(0.5), Value(3.0)]
    eager = Eager(w[0] * w[1] * w[2], w, arrays=False)
    eager.numbers, compiled = ({"gradient": made([number, *others])} for number in (expected, found))
    if near:
        agree(eager, compiled, 1e-8)
    else:
        with pytest.raises(TraceError, match=r"the compiled gradient .* differs from the eager engine's"):
            agree(eager, compiled, 1e-8)


def test_the_last_of_many_numbers() -> None:
    w = [Value(1.0) for _ in range(20_000)]
    eager, found = Eager(engine.sum(w), w, arrays=True), np.ones(len(w))
    agree(eager, {"result": [20_000.0], "gradient": found}, 1e-8)
    found[-1] = 1.5
    with pytest.raises(TraceError, match=r"gradient 1\.5 differs from the eager engine's 1\.0"):
        agree(eager, {"result": [20_000.0], "gradient": found}, 1e-8)


def test_what_cancels_may_differ_by_rounding_and_nothing_beside_it() -> None:
    large = Value(1e12)
    eager = Eager([(large + 1.0) - large, Value(1.0)], [], arrays=False)
    agree(eager, {"result": [1.0 + 5e-5, 1.0], "gradient": []}, 1e-8)
    for found in ([1.5, 1.0], [1.0 + 5e-5, 1.5]):
        with pytest.raises(TraceError, match=r"the compiled result 1\.5 differs from the eager engine's 1\.0"):
            agree(eager, {"result": found, "gradient": []}, 1e-8)


def test_a_result_that_is_a_number() -> None:
    """Its gradient is 0, and the same computed of Values tells how it was rounded."""
    w, large = [Value(2.0), Value(3.0)], Value(1e12)
    of_values = Eager((large + 1.0) - large, [], arrays=False)
    eager = Eager(1.0, w, False, lambda: of_values)
    assert eager.numbers == {"result": [1.0], "gradient": [0.0, 0.0]}
    assert eager.noise == of_values.noise


def test_what_is_not_read_is_not_rounded() -> None:
    w = [Value(0.1), Value(3.0)]
    assert Eager(w[0] * 0.3 + 0.7, w, arrays=False).noise["gradient"][1] == 0.0
