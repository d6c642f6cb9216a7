"""Where smooth pieces end: at kinks of nodes, at branches of the user's code, and at nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Constant, Value, check_gradients
from engine.checking.kinks import _restless, at_kink, describe, difference, kink_of, piece, side

PROBED = [0, 1, 3, 6, 12, 24]  # how often the reach is halved to look for branches


def recording(f: Callable[[Value], Value]) -> Callable[[float], list[Value]]:
    """The nodes that a function of one Value records at a coordinate."""
    return lambda x: engine.topological_order(f(Value(x)))


@given(st.floats(-4.0, 4.0), st.floats(1e-6, 0.99), st.sampled_from([-1.0, 1.0]), st.sampled_from([0.3, 1.0, 5.0]))
def test_a_kink_is_found_to_the_last_digits(x: float, part: float, sign: float, reach: float) -> None:
    kink = x + sign * part * reach
    found = piece(recording(lambda v: engine.abs(v - kink) * 2.0), x, sign * reach)
    assert found.start == 0.0
    assert abs(x + sign * found.end - kink) <= 2e-15 * max(abs(x), abs(kink))
    assert abs(found.at - kink) <= 2e-15 * max(abs(x), abs(kink))
    assert found.why.startswith("abs(")
    assert found.why.endswith("), node 4 of the graph")


def test_a_kink_at_the_end_of_the_reach_counts_and_one_beyond_does_not() -> None:
    record = recording(lambda v: engine.relu(v - 1.0))
    assert piece(record, 0.25, 0.75).why.startswith("relu(")
    short = piece(record, 0.25, 0.74)
    assert (short.start, short.end, short.at, short.why) == (0.0, 0.74, 0.25, "")
    assert piece(record, 0.0, 0.7).end == 0.7, "also where the steps are no powers of two"
    assert piece(record, 1.5, 9.0) == (0.0, 9.0, 1.5, ""), "not on the other side"
    below = piece(record, 1.5, -9.0)
    assert below.end == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize(("x", "reach", "start"), [(0.0, 1.5, 1.5 * 2.0**-64), (3.0, 1.0, 3.0 * 2.0**-51)])
def test_beside_means_as_near_as_floats_can_tell_well(x: float, reach: float, start: float) -> None:
    assert piece(recording(lambda v: engine.relu(v - x)), x, reach).start == start
    assert piece(recording(lambda v: engine.relu(v - x)), x, -reach).start == start


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_point_at_its_kink_belongs_to_neither_side(sign: float) -> None:
    found = piece(recording(lambda v: engine.relu(v - 3.0)), 3.0, sign)
    assert 0.0 < found.start < 1e-14
    assert found.end == 1.0
    assert (found.at, found.why) == (3.0, "relu(0.0), node 4 of the graph")


def test_beside_a_kink_at_the_point_a_piece_ends_at_the_next_one() -> None:
    found = piece(recording(lambda v: engine.relu(v) + engine.relu(v - 0.5)), 0.0, 2.0)
    assert (found.at, found.why) == (0.0, "relu(0.0), node 2 of the graph")
    assert found.end == pytest.approx(0.5)


@pytest.mark.parametrize("halved", PROBED)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_branches_are_looked_for_where_no_node_has_a_kink(halved: int, sign: float) -> None:
    """A window around each distance that is probed: without that probe it would be missed."""
    reach = 1.5
    low, high = (part * reach / 2**halved for part in (0.9, 1.1))
    found = piece(recording(lambda v: v * v if not low < abs(v.data) < high else v * 3.0), 0.0, sign * reach)
    assert found.end == pytest.approx(low, rel=1e-12)
    assert found.why == "a branch in the function's own code"


JUMPS: dict[str, tuple[Callable[[Any], Any], float, str]] = {
    "where": (
        lambda x: engine.where(x > 0, x + 1, x),
        0.0,
        "where(0.0, 1.0, 0.0), node 5 of the graph, where the value jumps by 1",
    ),
    "a branch": (
        lambda x: x + 1 if x > 0 else x,
        0.0,
        "a branch in the function's own code, where the value jumps by 1",
    ),
    "floor": (lambda x: 3 * engine.floor(x) + x, 2.0, "floor(2.0), node 3 of the graph, where the value jumps by 3"),
    "a kink without a jump": (
        lambda x: engine.where(x > 0, 2 * x, x),
        0.0,
        "where(0.0, 0.0, 0.0), node 5 of the graph",
    ),
}


@pytest.mark.parametrize("what", JUMPS)
def test_a_jump_is_told_with_its_height(what: str) -> None:
    """Both sides have one slope, so that without it nothing tells why there is no derivative."""
    function, at, why = JUMPS[what]
    (found,) = check_gradients(function, [at]).derivatives
    assert found.kink is not None
    assert found.kink.why == why


def test_a_branch_that_only_changes_a_number_is_one() -> None:
    for numbers in [(2.0, 3.0), (2.0, -2.0), (0.0, -0.0)]:
        found = piece(recording(lambda v, numbers=numbers: v * numbers[v.data > 0.3]), 0.0, 1.0)
        assert found.end == pytest.approx(0.3)
        assert found.why == "a branch in the function's own code"


def test_numbers_that_follow_the_coordinate_are_no_branches() -> None:
    """Computed outside of the graph, as ``float(x) * x``: a derivative may be wrong, but there is no kink."""
    assert piece(recording(lambda v: v * (2.0 * v.data) + 1.0), 0.5, 1.0) == (0.0, 1.0, 0.5, "")
    for at in (0.0, 0.3, 0.5, 0.6, 0.9):  # also where they come back
        assert piece(recording(lambda v, at=at: v * (v.data - at) ** 2), 0.0, 1.0) == (0.0, 1.0, 0.0, "")
    kinked = piece(recording(lambda v: engine.relu(v - 1.0) * (3.0 * v.data)), 0.5, 1.0)
    assert kinked.end == pytest.approx(0.5)
    assert kinked.why.startswith("relu(")


def test_a_number_with_two_settings_is_chosen_by_a_branch_though_others_follow() -> None:
    found = piece(recording(lambda v: v * (2.0 * v.data) * (1.0 if v.data < 0.8 else 2.0)), 0.5, 1.0)
    assert found.end == pytest.approx(0.3)


def test_numbers_of_graphs_of_different_length_are_not_compared() -> None:
    one, two, three = [Constant(1.0)], [Constant(2.0)], [Constant(3.0)]
    more, other = [Constant(4.0), Constant(5.0)], [Constant(6.0), Constant(7.0)]
    assert _restless(one, two, three) == {0}
    for recordings in (
        (more, two, three),
        (one, more, three),
        (one, two, more),
        (one, more, other),
        (more, other, one),
    ):
        assert _restless(*recordings) == set()
    assert _restless(one, two, one) == set()
    assert _restless(one, [Value(2.0)], three) == set(), "no number of the code"


def test_graphs_of_different_length_are_never_on_one_piece() -> None:
    found = piece(recording(lambda v: v * 2.0 if v.data < 0.25 else v * 2.0 + 1.0), 0.0, 1.0)
    assert (found.end, found.why) == (pytest.approx(0.25), "a branch in the function's own code")


def test_a_kink_that_is_crossed_twice_is_looked_for_at_every_halving() -> None:
    """Also at a quarter, where nobody looks for a branch."""
    found = piece(recording(lambda v: engine.relu(0.0025 - (v - 0.25) ** 2)), 0.0, 1.0)
    assert found.end == pytest.approx(0.2)
    assert found.why.startswith("relu(")
    chosen = piece(recording(lambda v: engine.where((v - 0.25) * (v - 0.25) < 0.0025, 2.0 * v, 3.0 * v)), 0.0, 1.0)
    assert chosen.end == pytest.approx(0.2), "also of what selects, and has no kink of its own"


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_branch_at_the_point_itself(sign: float) -> None:
    """Whichever number is the smaller one."""
    for here, beside in ((1.0, 2.0), (2.0, 1.0)):
        found = piece(recording(lambda v, here=here, beside=beside: v * (beside if v.data else here)), 0.0, sign)
        assert 0.0 < found.start < 1e-15
        assert found[1:] == (1.0, 0.0, "a branch in the function's own code")


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_what_happens_beside_the_point_is_told_of_that_side_and_of_what_is_near(sign: float) -> None:
    def f(v: Value) -> Value:
        result: Value = engine.where(sign * v.data > 0.0, v * 2.0, v * 3.0) + engine.relu(0.5 - sign * v)
        return result

    found = piece(recording(f), 0.0, sign)
    assert found.why.startswith("where(0.0, ")
    assert "relu" not in found.why
    assert found.end == pytest.approx(0.5)


def test_a_selection_ends_a_piece() -> None:
    def smaller(v: Value) -> Value:
        result: Value = engine.where(v < 0.75, v * 2.0, v * 3.0)
        return result

    found = piece(recording(smaller), 0.0, 1.0)
    assert found.end == pytest.approx(0.75)
    chosen = piece(recording(lambda v: engine.maximum(v, 0.5)), 0.0, 1.0)
    assert chosen.end == pytest.approx(0.5)
    assert chosen.why.startswith("maximum(0.")


def test_few_evaluations_of_a_smooth_function() -> None:
    calls: list[float] = []

    def record(x: float) -> list[Value]:
        calls.append(x)
        return engine.topological_order(engine.tanh(Value(x)))

    assert piece(record, 1.0, -0.5) == (0.0, 0.5, 1.0, "")
    assert len(calls) <= 12, "no bisection where no node can have a kink"
    assert all(0.5 <= x <= 1.0 for x in calls)


def test_a_kink_is_looked_for_no_closer_than_the_point_has_digits() -> None:
    calls: list[float] = []

    def record(x: float) -> list[Value]:
        calls.append(x)
        return engine.topological_order(engine.relu(Value(x) - 1_000_000.3))

    assert piece(record, 1e6, 1.0).at == pytest.approx(1_000_000.3, abs=1e-9)
    assert len(calls) <= 75, "of the distance itself it has 20 digits more"


def test_a_kink_below_the_point_is_told_by_the_nodes_there() -> None:
    found = piece(recording(lambda v: engine.relu(v - 1.0) + engine.relu(v - 2.0)), 1.75, -9.0)
    assert found.end == pytest.approx(0.75)
    assert found.why.startswith("relu(")
    assert " and " not in found.why


def test_what_is_told_of_nodes() -> None:
    x = Value(0.0, "x")
    node = engine.relu(x)
    node.label = "r"
    many = engine.sum([x, x, x, x, x])
    assert describe(node, 7) == "relu(0.0) 'r', node 7 of the graph"
    assert describe(many, 1) == "sum(0.0, 0.0, 0.0, 0.0, ...), node 1 of the graph"
    assert describe(engine.sum([x, x, x, x]), 1) == "sum(0.0, 0.0, 0.0, 0.0), node 1 of the graph"
    assert kink_of(node) == 0.0
    assert kink_of(x) is None
    assert kink_of(x * x) is None
    assert at_kink([x, node, engine.relu(Value(1.0)), many]) == [node]
    sides = [side(engine.relu(Value(number))) for number in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert sides[0] == sides[1] != sides[2] != sides[3] == sides[4]
    assert sides[0] != sides[3]
    assert side(x) is None, "the coordinate itself may be anywhere"


def test_what_changes_between_two_recordings() -> None:
    def record(x: float, count: int) -> list[Any]:
        v = Value(x)
        return engine.topological_order(engine.sum([engine.relu(v - 0.0) for _ in range(count)]))

    assert difference(record(-1.0, 1), record(1.0, 1)) == "relu(-1.0), node 4 of the graph"
    three = difference(record(-1.0, 3), record(1.0, 3))
    assert (three.count("relu"), "more" in three) == (3, False)
    for count in (4, 5, 6, 9):
        many = difference(record(-1.0, count), record(1.0, count))
        assert many.count("relu") == 3
        assert many.endswith(f" and {count - 3} more")
    assert difference(record(-1.0, 1), record(-2.0, 1)) == "a branch in the function's own code"
    assert difference(record(-1.0, 1), record(-2.0, 2)) == "a branch in the function's own code"


@pytest.mark.parametrize("seed", range(60))
def test_a_gradient_from_beside_a_corner_of_cones_is_none_wrong(seed: int) -> None:
    """Sums of kinks that meet at the point, whose numbers may differ by a million: thin cones are found, too."""
    random_ = random.Random(seed)
    n, m = random_.choice([2, 3]), random_.choice([2, 3])
    point = [random_.gauss(0, 1) * 10.0 ** random_.choice([0, -3, 3]) for _ in range(n)]
    planes = [[random_.gauss(0, 1) for _ in range(n)] for _ in range(m)]
    heights = [random_.gauss(0, 1) for _ in range(m)]

    def sides(xs: list[float]) -> list[float]:
        return [sum(w * (x - y) for w, x, y in zip(plane, xs, point)) for plane in planes]

    def f(xs: list[float]) -> float:
        return sum(height * max(side, 0.0) for height, side in zip(heights, sides(xs)))

    def gradient(xs: list[float]) -> list[float]:
        above = [height * (side > 0) for height, side in zip(heights, sides(xs))]
        return [sum(a * plane[k] for a, plane in zip(above, planes)) for k in range(n)]

    near = gradient([x + 1e-3 * abs(x) * random_.gauss(0, 1) for x in point])
    report = check_gradients(f, point, grad=lambda xs: near if xs == point else gradient(xs))
    assert report.ok, report
    far = [near[0] + 5 * sum(abs(h) * math.hypot(*plane) for h, plane in zip(heights, planes)), *near[1:]]
    assert not check_gradients(f, point, grad=lambda xs: far if xs == point else gradient(xs)).ok
