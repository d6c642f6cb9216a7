"""Numbers of Values in trees of objects: read from those that are like a known one, and from no other."""

from __future__ import annotations

import gc
import math
import sys
from typing import Any

import pytest

from engine import Value
from engine.compiler.backends.llvm import TreeReader
from engine.compiler.backends.llvm.direct import tree as direct_tree


class Node:
    """What a tree is made of."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


class Other(Node):
    """The like, of another class."""


def values(*numbers: float) -> list[Value]:
    return [Value(number) for number in numbers]


def act() -> None:
    """What may stand at an end."""


def tree(*numbers: float, **changed: Any) -> tuple[Node, list[Value]]:
    """A tree with three Values."""
    a, b, c = values(*numbers)
    held = {"size": 300_000_000_000, "rate": 0.5, "name": "net", "flags": (True, None), "act": act, **changed}
    return Node(parts=[Node(w=[a, b]), {"c": c}], **held), [a, b, c]


def reader() -> TreeReader:
    known, params = tree(1.0, 2.0, 3.0)
    return TreeReader(known, [Node], params[::-1], params)


def test_numbers_of_a_tree_that_is_like_the_first() -> None:
    numbers = (1e300, -0.0, math.nan)
    other, params = tree(*numbers)
    found = reader().numbers(other, tuple(params))
    assert found is not None
    assert list(map(repr, found.tolist())) == list(map(repr, numbers[::-1]))


@pytest.mark.parametrize(
    "changed",
    [
        {"size": 300_000_000_001},
        {"size": 300_000_000_000.0},
        {"rate": -0.5},
        {"name": "n"},
        {"flags": (True, False)},
        {"flags": [True, None]},
        {"flags": (True, None, None)},
        {"act": print},
        {"act": Value(1.0)},
        {"more": None},
        {"flags": (1, None)},
    ],
    ids=str,
)
def test_no_numbers_of_another_tree(changed: dict[str, Any]) -> None:
    other, params = tree(1.0, 2.0, 3.0, **changed)
    assert reader().numbers(other, tuple(params)) is None


def test_classes_and_keys_count_and_their_order() -> None:
    known = reader()

    def like(part: Any, last: Any) -> Any:
        a, b, c = values(1.0, 2.0, 3.0)
        node, _ = tree(0.0, 0.0, 0.0)
        vars(node)["parts"] = [part([a, b]), last(c)]
        order = [*vars(node)]
        vars(node).update({name: vars(node).pop(name) for name in order})
        return known.numbers(node, (a, b, c))

    same = (lambda w: Node(w=w)), (lambda c: {"c": c})
    assert like(*same) is not None
    assert like(lambda w: Other(w=w), same[1]) is None
    assert like(lambda w: Node(v=w), same[1]) is None
    assert like(lambda w: Node(w=w[:1]), same[1]) is None
    assert like(lambda w: Node(w=(*w,)), same[1]) is None
    assert like(same[0], lambda c: {"d": c}) is None
    assert like(same[0], lambda c: [c]) is None


def test_the_values_are_the_parameters_and_plain_leaves() -> None:
    known = reader()
    other, (a, b, c) = tree(1.0, 2.0, 3.0)
    assert known.numbers(other, (a, b, c)) is not None
    assert known.numbers(other, (b, a, c)) is None
    assert known.numbers(other, (a, b)) is None
    assert known.numbers(other, (a, b, Value(3.0))) is None
    assert known.numbers(other, [a, b, c]) is None
    a.label = "a"
    assert known.numbers(other, (a, b, c)) is None
    a.label = None
    vars(other)["parts"][1]["c"] = a * b
    assert known.numbers(other, (a, b, vars(other)["parts"][1]["c"])) is None


def test_shared_values_and_others_are_refused() -> None:
    known, (a, b, c) = tree(1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="there are other Values in the tree, or one is in several places"):
        TreeReader(known, [Node], [a, b], [a, b])
    with pytest.raises(ValueError, match="or one is in several places"):
        TreeReader([a, b, a], [Node], [a, b, a], [a, b])
    c.label = "c"
    with pytest.raises(ValueError, match="a Value of the tree has a name, or is no leaf"):
        TreeReader(known, [Node], [a, b, c], [a, b, c])


def test_a_tree_that_holds_itself_is_another_one() -> None:
    other, params = tree(1.0, 2.0, 3.0)
    vars(other)["flags"] = other
    assert reader().numbers(other, tuple(params)) is None


def test_nothing_is_kept_of_what_is_read() -> None:
    known = reader()
    other, params = tree(1.0, 2.0, 3.0)
    counted = [other, vars(other), params[0], act]
    before = [sys.getrefcount(thing) for thing in counted]
    for _ in range(100):
        assert known.numbers(other, tuple(params)) is not None
        assert known.numbers(other, tuple(params[:2])) is None
    assert [sys.getrefcount(thing) for thing in counted] == before


@pytest.mark.parametrize("switch", [gc.disable, gc.enable])
def test_the_collector_is_as_it_was_afterwards(switch: Any) -> None:
    known, before = reader(), gc.isenabled()
    try:
        switch()
        for last in (3.0, "c"):  # one that is read, and another tree
            other, params = tree(1.0, 2.0, 3.0)
            vars(other)["parts"][1]["c"] = params[2] if last == 3.0 else last
            assert (known.numbers(other, tuple(params)) is None) == (last == "c")
            assert gc.isenabled() == (switch is gc.enable)
    finally:
        (gc.enable if before else gc.disable)()


def test_on_another_layout_of_memory_no_tree_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code would read numbers from where there are none."""
    monkeypatch.setattr(direct_tree, "objects_are_as_expected", lambda: False)
    with pytest.raises(RuntimeError, match="do not have the memory layout that native code is written for"):
        reader()
    monkeypatch.undo()
    direct_tree._slots.cache_clear()
    monkeypatch.setattr(direct_tree, "CLASS", 0)
    try:
        with pytest.raises(RuntimeError, match="Values do not have the memory layout that native code is written for"):
            reader()
    finally:
        direct_tree._slots.cache_clear()
