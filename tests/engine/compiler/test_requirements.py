"""What samples have to be: which numbers are right without a look at each, and which labels are known to be."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from engine.compiler.frontend.graph import Graph
from engine.compiler.labels import FEW, CheckedLabels, LabelKinds
from engine.compiler.passes.differentiate import derivatives
from engine.compiler.passes.simplify import simplify
from engine.compiler.requirements import Bounds, Requirements
from engine.compiler.samples.arguments import as_batch
from tests.needs import needs


class Within(NamedTuple):
    """A requirement that numbers from one to another meet."""

    low: float
    high: float

    def check(self, number: Any) -> None:
        if not self.low <= number <= self.high:
            raise ValueError(f"{number} is not within {self}")

    def accepts(self, least: float, most: float) -> bool:
        return self.low <= least and most <= self.high


class Index(NamedTuple):
    """A requirement that some whole numbers meet."""

    indices: int

    def check(self, number: Any) -> None:
        if number not in range(self.indices):
            raise ValueError(f"{number} is no index below {self.indices}")

    def accepts(self, least: float, most: float) -> bool:
        return False


LARGEST = sys.float_info.max
NONE = Bounds(0.0, -1.0, whole=True)


@pytest.mark.parametrize(
    ("kinds", "bounds"),
    [
        ([Within(-math.inf, math.inf)], Bounds(-LARGEST, LARGEST)),
        ([Within(-math.inf, math.inf), Within(0.0, 1.0)], Bounds(0.0, 1.0)),
        ([Within(-1.0, 2.0)], Bounds(0.0, 1.0)),
        ([Within(0.25, 1.0)], NONE),
        ([Index(5)], Bounds(0.0, 4.0, whole=True)),
        ([Index(5), Index(3)], Bounds(0.0, 2.0, whole=True)),
        ([Index(5), Within(-math.inf, math.inf)], NONE),
        ([], Bounds(-LARGEST, LARGEST)),
    ],
)
def test_numbers_that_are_right_by_all_requirements(kinds: list[Any], bounds: Bounds) -> None:
    graph = Graph(simplify, derivatives)
    symbols = [(kind, (graph.source("input", k),)) for k, kind in enumerate(kinds)]
    assert Requirements(symbols, [(max(1, len(kinds)),)]).bounds == [bounds]


def test_each_argument_has_bounds_of_its_own() -> None:
    graph = Graph(simplify, derivatives)
    symbols = [(Index(5), (graph.source("input", k),)) for k in range(2)]
    symbols.append((Within(0.0, 1.0), (graph.source("input", 3),)))
    assert Requirements(symbols, [(2,), (), ()]).bounds == [
        Bounds(0.0, 4.0, whole=True),
        Bounds(-LARGEST, LARGEST),
        Bounds(0.0, 1.0),
    ]


def test_numbers_that_are_computed_first_have_no_bounds() -> None:
    graph = Graph(simplify, derivatives)
    double = graph.source("input", 0) * 2.0
    assert Requirements([(Within(-math.inf, math.inf), (double,))], [()]).bounds == [Bounds()]


def batch_of(labels: Any) -> Any:
    return SimpleNamespace(given=[None, labels])


def test_labels_that_have_passed_are_known_as_long_as_they_are_few_and_plain() -> None:
    checked = CheckedLabels()
    checked.enter(batch_of((7.0,)))  # who gives a tuple may give anything
    assert checked.rows == frozenset()
    checked.enter(batch_of([0, 1, 1]))
    checked.enter(batch_of([[0.5, 0.5]]))
    assert checked.rows == {(0,), (1,), (0.5, 0.5)}
    checked.enter(batch_of([*map(float, range(FEW + 1))]))
    assert checked.rows == frozenset()


def test_labels_in_lists_of_numpys_numbers_are_known_as_the_numbers_that_they_are() -> None:
    np = needs("numpy")
    checked = CheckedLabels()
    checked.enter(batch_of([0, 1]))
    checked.enter(batch_of([np.array([0.5, 0.5])]))
    assert checked.rows == {(0,), (1,), (0.5, 0.5)}
    assert checked.covers(batch_of([np.int64(1), np.float32(0.0), 1]))
    assert checked.covers(batch_of([np.array([0.5, 0.5]), [0.5, 0.5]]))
    for other in (np.int64(2), np.True_, np.array([1.0, 0.0]), np.float64("nan")):
        assert not checked.covers(batch_of([0, other]))


def test_numbers_that_are_not_plain_are_each_checked_once() -> None:
    checked: list[Any] = []

    class Noted:
        accepts = Within(0.0, 1.0).accepts

        def check(self, number: Any) -> None:
            checked.append(number)

    symbol = Graph(simplify, derivatives).source("input", 0)
    requirements = Requirements([(Noted(), (symbol,))], [()])
    for _ in range(2):
        requirements.check(as_batch([[True, False, True, True]], None))
    assert checked == [True, False] * 2


def test_labels_may_be_taken_for_met() -> None:
    kinds = LabelKinds()
    kinds.enter(as_batch([[0.1] * 3, [0, 1, 1]], None))
    assert list(kinds.new(as_batch([[0.1] * 3, [1, 2, 0]], None))) == [1]
