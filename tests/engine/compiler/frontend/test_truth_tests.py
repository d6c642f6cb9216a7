"""Which code compares by `is` with True or False: asked where its functions return, as the profiler asks.

Python measures no coverage inside a profiler's function, so another thread answers for it here; `faithful` has the
functions that are refused.
"""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from engine.compiler.frontend.given.rows import Row
from engine.compiler.frontend.given.truth_tests import is_truth_tested, may_test_truth
from engine.compiler.frontend.graph import Graph
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify

from ..faithful.test_identities import (
    Slotted,
    chosen,
    in_a_closure,
    in_a_local,
    in_an_attribute,
    in_an_attribute_of_an_attribute,
    is_positive,
    on_the_right,
)


def is_tested(
    function: Callable[[Any], Any],
    argument: Any,
    by: Callable[[FrameType, Any], bool] = is_truth_tested,
    events: Sequence[str] = ("return",),
) -> bool:
    """Whether a truth value, or something else, is tested when the function, or one that it calls, returns."""
    found: list[bool] = []
    with ThreadPoolExecutor(1) as other:

        def look(frame: FrameType, event: str, returned: Any) -> None:
            if event in events:
                found.append(other.submit(by, frame, returned).result())

        other.submit(int).result()  # starts the thread
        before = sys.getprofile()
        sys.setprofile(look)
        try:
            function(argument)
        finally:
            sys.setprofile(before)
    return any(found)


def given(*kinds: type) -> list[Any]:
    """What stands for inputs of these types."""
    graph = Graph(simplify, derivatives)
    graph.given.types = kinds
    return [graph.source("input", place) for place in range(len(kinds))]


def _in_a_pattern(x: Any) -> float:
    match [x > 0]:
        case [False]:
            return 2.0
    return 3.0


def _beside(x: Any) -> float:
    flag, settings = x > 0, [True]
    return 2.0 if settings is not None and settings[0] is True else float(flag is None)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 2.0 if (x > 0) is True else 3.0,
        lambda x: 2.0 if True is (x > 0) else 3.0,
        lambda x: 2.0 if is_positive(x) is True else 3.0,
        lambda x: 2.0 if operator.gt(x, 0) is True else 3.0,
        lambda x: chosen(x > 0),
        in_a_local,
        in_a_closure,
        on_the_right,
        in_an_attribute,
        in_an_attribute_of_an_attribute,
        _in_a_pattern,
    ],
)
def test_a_condition_that_is_tested_is_seen(function: Callable[[Any], Any]) -> None:
    (x,) = given(float)
    assert is_tested(function, x)
    assert not is_tested(function, 1.0)


def test_a_bool_that_is_given_is_one() -> None:
    truth, number = given(bool, float)
    assert is_tested(chosen, truth)
    assert is_tested(chosen, truth.graph.constant(1.0))  # a condition that is known
    for other in (number, number * 2, truth.graph.source("accumulator", 0)):
        assert not is_tested(chosen, other)
    for row in ([number, truth], Row([number, truth], list, lambda: None)):
        assert is_tested(lambda x: 2.0 if x[1] is True else 3.0, row)
    assert not is_tested(lambda x: 2.0 if x[1] is True else 3.0, [truth.graph, number])


def _kept(x: Any) -> Any:
    flag, conditions = True, [x > 0]
    return 2.0 if flag is True else conditions


def _in_another_attribute(x: Any) -> Any:
    holder, slots, kind = types.SimpleNamespace(flag=x > 0, unset=False), Slotted(), Slotted
    return (2.0 if holder.unset is True else 3.0), slots, kind


@pytest.mark.parametrize(
    "function",
    [is_positive, _beside, _in_another_attribute, _kept, lambda x: (x > 0) is None, lambda x: x is True or x * 2],
)
def test_other_code_is_not_meant(function: Callable[[Any], Any]) -> None:
    (x,) = given(float)
    assert not is_tested(function, x)


def test_code_that_may_test_it_has_a_bool_and_compares() -> None:
    assert may_test_truth(chosen.__code__)
    assert may_test_truth(in_a_closure.__code__)  # by a function inside
    assert not may_test_truth(is_positive.__code__)
    assert not may_test_truth((lambda x: x is None or 2.0).__code__)
    assert not may_test_truth((lambda x: x == 2.0 or True).__code__)
