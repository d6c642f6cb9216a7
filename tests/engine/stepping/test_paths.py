from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value, topological_order
from engine.pullbacks import flowing_derivatives
from engine.stepping import paths
from tests.engine.graphs import TAME, Recipe, build, floats, recipes

POINTS = st.lists(floats(), min_size=3, max_size=3)


def all_products(node: Value, target: Value) -> Iterator[float]:
    """By recursion over every path."""
    if node is target:
        yield 1.0
        return
    for operand, d in zip(node.operands, flowing_derivatives(node)):
        if d is not None:
            yield from (d * rest for rest in all_products(operand, target))


def test_the_sum_over_two_paths() -> None:
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    d = c + a
    loss = d * 4.0
    engine.label(a=a, b=b, c=c, d=d, L=loss)
    why = loss.why(a)
    assert (why.gradient, why.count, why.share) == (-8.0, 2, 1.0)
    assert [path.product for path in why.paths] == [-12.0, 4.0]
    assert why.paths[0].nodes == (a, c, d, loss)
    assert why.paths[0].locals == (-3.0, 1.0, 4.0)
    assert str(why) == (
        "dL/da = -8 = -12 [a -> c -> d -> L] + 4 [a -> d -> L]\n"
        "  -12  = (-3) * 1 * 4  a -> c -> d -> L\n"
        "  4    = 1 * 4         a -> d -> L"
    )
    assert str(why.paths[1]) == "4 = 1 * 4  [a -> d -> L]"
    assert str(loss.why("b")).startswith("dL/db = 8 = 8 [b -> c -> d -> L]")
    assert "a -&gt; d" in why._repr_html_()
    assert str(loss.why(a, k=1)).endswith("\n  ... this one has 75 % of the total size of both paths")


def test_of_paths_that_are_all_0_no_share_is_told() -> None:
    """Those of a dead relu: 5 of 15 had "0 % of the total size", as if the other ten had the rest."""
    w = Value(-1.0, "w")
    dead = engine.relu(w)
    why = (dead * 2 + dead * 3 + dead).why(w, k=2)
    assert (why.gradient, why.count) == (0.0, 3)
    assert str(why).endswith("\n  ... all 3 paths are 0")


def test_a_path_that_is_no_finite_number_tells_why() -> None:
    x, y = Value(0.0, "x"), Value(2.0, "y")
    out = engine.sqrt(x * y) * x + x * engine.log(x) + x * y
    few, every = out.why(x, k=2), out.why(x, k=9)
    assert math.isnan(few.share)
    assert every.share == 1.0
    assert str(few).endswith(
        "\n  nan on the first path: the local derivative of (sqrt(x*y)) by (x*y) is inf"
        "\n  ... the total size of all 5 paths is not a finite number, so these have no share of it"
    )
    assert str(every).endswith("by (x*y) is inf")
    a = Value(1.0, "a")
    assert str((a * 1e200 * 1e200).why(a)).endswith(
        "its factors are finite, and their product is too large for a float"
    )


def test_sizes_of_paths_may_overflow() -> None:
    b = Value(1.0, "b")
    out = b * 1e308 + b * 1.5e308 + b
    assert [path.product for path in out.why(b).paths] == [1.5e308, 1e308, 1.0]
    assert out.why(b).share == 1.0
    assert math.isnan(out.why(b, k=2).share)
    assert "first path" not in str(out.why(b))


@given(recipes(most=9), POINTS, st.integers(0, 10), st.integers(1, 6))
def test_against_every_path(recipe: Recipe, xs: list[float], which: int, k: int) -> None:
    root = build(recipe, [Value(x) for x in xs])
    nodes = topological_order(root)
    target = nodes[which % len(nodes)]
    every = list(all_products(root, target))
    why = root.why(target, k=k)
    assert why.count == len(every)
    assert why.gradient == engine.grad(root, target)
    assert math.isclose(math.fsum(every), why.gradient, rel_tol=1e-9, abs_tol=1e-9 * math.fsum(map(abs, every)))
    largest = sorted(map(abs, every), reverse=True)[:k]
    assert len(why.paths) == len(largest)
    assert all(math.isclose(abs(path.product), size, rel_tol=1e-12) for path, size in zip(why.paths, largest))
    assert len({(path.nodes, path.locals) for path in why.paths}) <= len(why.paths)
    for path in why.paths:
        assert path.nodes[0] is target
        assert path.nodes[-1] is root
        assert math.isclose(math.prod(path.locals), path.product, rel_tol=1e-12)
    total = math.fsum(map(abs, every))
    if total:
        assert math.isclose(why.share, math.fsum(largest) / total, rel_tol=1e-9)


@given(recipes([*TAME, "relu", "maximum"], most=8), POINTS)
def test_all_paths_sum_to_the_gradient_of_backward(recipe: Recipe, xs: list[float]) -> None:
    leaves = [Value(x) for x in xs]
    root = build(recipe, leaves)
    root.backward()
    for leaf in leaves:
        if leaf not in set(topological_order(root)):
            continue
        products = [path.product for path in root.why(leaf, k=10_000).paths]
        total, slack = math.fsum(products), 1e-9 * sum(map(abs, products))
        assert math.isclose(total, leaf.grad, rel_tol=1e-9, abs_tol=slack)


def test_more_paths_than_anybody_can_count() -> None:
    x = y = Value(1.0, "x")
    for _ in range(2000):
        y = y * 1.0 + y * 0.25
    why = y.why(x, k=3)
    assert why.count == 2**2000
    assert "the sum over about 10^602 paths" in why.text
    assert [path.product for path in why.paths] == [1.0, 0.25, 0.25]
    assert 0.0 < why.share < 1e-100
    assert "more ..." in why.text


def test_equal_products_are_not_searched_without_end() -> None:
    x = y = Value(1.0, "x")
    for _ in range(20_000):
        y = y * 0.9 + y * 0.1 * 1.0
    why = y.why(x, k=4)
    assert [len(path.nodes) for path in why.paths] == [40_001, 40_002, 40_002, 40_002]


def products(root: Value, target: Value, k: int) -> list[float]:
    return [path.product for path in root.why(target, k=k).paths]


def test_a_node_counts_by_the_best_way_on_from_it() -> None:
    a = Value(1.0, "a")
    root = engine.dot([a, a], [0.01, 10.0]) + a
    assert [products(root, a, k) for k in (1, 2)] == [[10.0], [10.0, 1.0]]
    root = engine.dot([a * 0.1, a * 3.0], [10.0, 3.0])
    assert products(root, a, 1) == [9.0]


def test_a_way_off_the_best_path_counts_by_what_lies_beyond() -> None:
    """Not by the local derivative at the fork alone, which is 1 for 50 * a and 20 for the other one."""
    a = Value(1.0, "a")
    root = engine.sum([engine.dot([a, a], [100.0, 20.0]), a * 50.0])
    assert products(root, a, 2) == [100.0, 50.0]
    assert products(root, a, 3) == [100.0, 50.0, 20.0]


def test_a_way_off_the_best_path_counts_by_its_own_size() -> None:
    """Not by that of the best path."""
    a = Value(1.0, "a")
    root = engine.sum([engine.dot([a, a, a], [100.0, 20.0, 3.0]), a * 0.5])
    assert products(root, a, 2) == [100.0, 20.0]
    assert products(root, a, 3) == [100.0, 20.0, 3.0]


def test_a_way_off_a_later_path_counts_with_what_lies_above_the_fork() -> None:
    a = Value(1.0, "a")
    root = engine.dot([engine.dot([a, a, a], [1.0, 0.5, 0.4]), engine.dot([a, a, a], [60.0, 45.0, 30.0])], [100.0, 1.0])
    sizes = [100.0, 60.0, 50.0, 45.0, 40.0, 30.0]
    assert [products(root, a, k) for k in range(1, 7)] == [sizes[:k] for k in range(1, 7)]
    small = engine.dot([a, Value(1.0)], [60.0, -60.0])  # a number of 0 with a derivative of 60
    assert products(engine.dot([engine.dot([a, a], [1.0, 0.5]), small], [100.0, 1.0]), a, 2) == [100.0, 60.0]


def test_one_path_may_have_all_the_ways_off_that_are_wanted() -> None:
    a = y = Value(1.0, "a")
    for weight in (0.5, 0.6, 0.7, 0.8, 0.9):
        y = engine.dot([y, a], [1.0, weight])
    assert products(engine.dot([a, y], [1000.0, 100.0]), a, 6) == [1000.0, 100.0, 90.0, 80.0, 70.0, 60.0]


def test_of_equal_products_the_one_comes_first_that_was_found_first() -> None:
    a = Value(1.0, "a")
    later, earlier = engine.dot([a, a], [8.0, 5.0]), engine.dot([a, a], [9.0, 5.0])
    root = engine.sum([engine.dot([a, later], [10.0, 1.0]), earlier])
    fourth = root.why(a, k=4).paths[3]
    assert fourth.product == 5.0
    assert fourth.nodes[1] is earlier


@pytest.mark.parametrize(("width", "whole"), [(99, True), (100, True), (101, False), (160, False)])
def test_a_sum_that_fits_100_characters_is_in_the_title(width: int, whole: bool) -> None:
    a = Value(1.0, "a")
    middle = a * 1.0
    root = middle * 2.0
    root.label, middle.label = "L", "m" * (width - len("dL/da = 2 = 2 [a ->  -> L]"))
    title = f"dL/da = 2 = 2 [a -> {middle.label} -> L]"
    assert len(title) == width
    assert str(root.why(a)).splitlines()[0] == (title if whole else "dL/da = 2, the sum over 1 path")


def test_a_title_is_a_sum_only_of_all_paths() -> None:
    a = Value(1.0, "a")
    root = a * 3.0 - a
    root.label = "L"
    assert str(root.why(a)).splitlines()[0] == "dL/da = 2 = 3 [a -> a*3 -> L] - 1 [a -> L]"
    assert str(root.why(a, k=1)).splitlines()[0] == "dL/da = 2, the sum over 2 paths"
    total = engine.dot([a, a, a], [5.0, 3.0, 2.0])
    assert [str(total.why(a, k)).splitlines()[-1].strip() for k in (1, 2)] == [
        "... this one has 50 % of the total size of all 3 paths",
        "... these 2 have 80 % of the total size of all 3 paths",
    ]


@pytest.mark.parametrize(
    ("most", "factors"),
    [
        (8, "2 * 3 * 4 * 5 * 6 * 7 * 8"),
        (9, "2 * 3 * 4 * 5 * 6 * 7 * 8 * 9"),
        (10, "2 * 3 * 4 * 5 * ... * 7 * 8 * 9 * 10"),
        (14, "2 * 3 * 4 * 5 * ... * 11 * 12 * 13 * 14"),
    ],
)
def test_of_a_long_product_both_ends_are_shown(most: int, factors: str) -> None:
    x = y = Value(1.0, "x")
    for k in range(2, most + 1):
        y = y * float(k)
    assert y.why(x).paths[0].factors == factors


def test_the_number_of_paths_in_words() -> None:
    x = y = Value(1.0, "x")
    for _ in range(10):
        y = y + y
    assert "the sum over 1,024 paths" in y.why(x).text
    for _ in range(49):
        y = y + y
    assert "the sum over 576,460,752,303,423,488 paths" in y.why(x).text
    assert "the sum over about 10^18 paths" in (y + y).why(x).text
    y = x
    for _ in range(18):
        y = engine.sum([y] * 10)
    assert "the sum over about 10^18 paths" in y.why(x).text


def test_records_stay_what_they_are() -> None:
    x = Value(1.0, "x")
    y = x * 2.0
    why, again = y.why(x), y.why(x)
    assert why != again, "as each is a look of its own"
    assert why.paths[0] != again.paths[0]
    assert replace(why) != why
    assert replace(why.paths[0]) != why.paths[0]
    assert len({why, again, why.paths[0], again.paths[0]}) == 4
    for record, name in ((why, "gradient"), (why.paths[0], "product")):
        with pytest.raises(AttributeError):
            setattr(record, name, 5.0)
        assert not hasattr(record, "__dict__")


def test_nan_comes_first() -> None:
    x = Value(0.0, "x")
    for y in (x.sqrt() * 0.0 + x * 1e300, x * 1e300 + x.sqrt() * 0.0):
        assert math.isnan((y * 1.0).why(x, k=1).paths[0].product)
        assert math.isnan((y * 1.0).why(x, k=2).paths[0].product)


def test_nan_comes_before_infinity() -> None:
    """The first path was that of the dividend, inf, and the nan of the divisor was not told."""
    x = Value(3.0)
    y = (x - x) / (x - x)
    assert [math.isnan(path.product) for path in y.why(x, k=4).paths] == [True, True, False, False]


def test_five_paths_unless_said_otherwise() -> None:
    x = y = Value(1.0, "x")
    for _ in range(3):
        y = y + y
    assert len(y.why(x).paths) == len(paths.why(y, x).paths) == 5


def test_the_share_of_nothing_is_nothing() -> None:
    x = Value(3.0, "x")
    y = x * 0.0 + x * 0.0
    assert [(len(why.paths), why.count, why.share) for why in (y.why(x, k=1), y.why(x))] == [(1, 2, 0.0), (2, 2, 1.0)]


def test_no_path() -> None:
    x, y = Value(1.0, "x"), Value(2.0, "y")
    loss = engine.where(1.0, x, y)
    loss.label = "L"
    assert str(loss.why(y)) == "dL/dy = 0: no path leads there"
    assert (loss.why(y).count, loss.why(y).share) == (0, 1.0)


def test_itself() -> None:
    x = Value(1.0, "x")
    why = x.why(x)
    assert (why.count, why.gradient, str(why.paths[0])) == (1, 1.0, "1 = 1  [x]")


def test_names_of_a_module() -> None:
    class Module:
        def __init__(self) -> None:
            self.w = Value(2.0)

        def named_parameters(self) -> list[tuple[str, Value]]:
            return [("layer.w", self.w)]

    module = Module()
    loss = module.w * 3.0
    assert str(loss.why("layer.w", names=module)).startswith("d(layer.w*3)/d(layer.w) = 3")


def test_mistakes() -> None:
    x = Value(1.0, "x")
    y = x * 2.0
    with pytest.raises(ValueError, match="is not in the graph of x"):
        y.why(Value(3.0))
    with pytest.raises(ValueError, match="must be 1 or more, got 0"):
        y.why(x, k=0)
    with pytest.raises(TypeError, match="give a node or its label, got 3"):
        y.why(3)
