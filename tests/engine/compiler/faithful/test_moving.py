"""State that a function itself moves on: refused at once, also where it would decide only many calls later."""

from __future__ import annotations

import array
import collections
import contextvars
import datetime
import decimal
import fractions
import functools
import io
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import TraceError, Value, compile

W = Value(2.0)
LATE = 6
"""Which call is the first to be another: far beyond the runs of a trace."""


class Node:
    """One of a chain."""

    def __init__(self, below: Any) -> None:
        self.below = below

    @property
    def depth(self) -> int:
        return 1 + (self.below.depth if self.below else 0)


class Counted:
    """A number in a slot."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self) -> int:
        return self.number


def alike() -> Any:
    """Nodes that only their identity tells apart, and the one that comes first at last."""
    nodes = [Node(None) for _ in range(4 * LATE)]
    return types.SimpleNamespace(nodes=nodes, last=nodes[-1])


def holder(content: Any) -> Any:
    return types.SimpleNamespace(content=content)


def set_content(of: Any, change: Callable[[Any], Any]) -> None:
    of.content = change(of.content)


def window(entries: list[int]) -> None:
    entries.append(1)
    if len(entries) >= LATE:
        entries.clear()


def local() -> threading.local:
    found = threading.local()
    found.content = 0
    return found


MOVED: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "an array": (lambda: np.zeros(2), lambda a: a.__setitem__(0, a[0] + 1), lambda a: a[0] >= LATE),
    "an array of no dimensions": (lambda: np.zeros(()), lambda a: np.add(a, 1, out=a), lambda a: a >= LATE),
    "a large array": (lambda: np.zeros(9999), lambda a: np.add(a, 1, out=a), lambda a: a[5] >= LATE),
    "an array of objects": (
        lambda: np.array([0], object),
        lambda a: a.__setitem__(0, a[0] + 1),
        lambda a: a[0] >= LATE,
    ),
    "a structured array": (
        lambda: np.zeros(1, [("n", int)]),
        lambda a: np.add(a["n"], 1, out=a["n"]),
        lambda a: a["n"][0] >= LATE,
    ),
    "an array made anew": (
        lambda: holder(np.zeros(2)),
        lambda o: set_content(o, lambda a: a + 1),
        lambda o: o.content[0] >= LATE,
    ),
    "the sign of a zero": (
        lambda: [[0.0]],
        lambda s: s.__setitem__(0, [-s[0][0]]),
        lambda s: False,
    ),
    "a number of NumPy": (
        lambda: holder(np.int64(0)),
        lambda o: set_content(o, lambda n: n + 1),
        lambda o: o.content >= LATE,
    ),
    "a fraction": (
        lambda: holder(fractions.Fraction(0)),
        lambda o: set_content(o, lambda n: n + 1),
        lambda o: o.content >= LATE,
    ),
    "a decimal": (
        lambda: holder(decimal.Decimal(0)),
        lambda o: set_content(o, lambda n: n + 1),
        lambda o: o.content >= LATE,
    ),
    "a date": (
        lambda: holder(datetime.date(2020, 1, 1)),
        lambda o: set_content(o, lambda n: n + datetime.timedelta(1)),
        lambda o: o.content.day > LATE,
    ),
    "a set that grows": (set, lambda s: s.add(len(s)), lambda s: len(s) >= LATE),
    "a set that shrinks": (lambda: {*range(LATE)}, lambda s: s and s.pop(), lambda s: not s),
    "a set whose entries change": (lambda: {0}, lambda s: s.add(s.pop() + 1), lambda s: max(s) >= LATE),
    "a set of results": (set, lambda s: s.add(W * 1.0), lambda s: len(s) >= LATE),
    "a dict of results": (dict, lambda d: d.__setitem__(W * 1.0, 1), lambda d: len(d) >= LATE),
    "a frozenset": (
        lambda: holder(frozenset()),
        lambda o: set_content(o, lambda s: s | {len(s)}),
        lambda o: len(o.content) >= LATE,
    ),
    "a tuple": (
        lambda: holder(()),
        lambda o: set_content(o, lambda t: (*t, 1)),
        lambda o: len(o.content) >= LATE,
    ),
    "a dict that grows": (dict, lambda d: d.__setitem__(len(d), 1.0), lambda d: len(d) >= LATE),
    "a dict that shrinks": (lambda: dict.fromkeys(range(LATE)), lambda d: d and d.popitem(), lambda d: not d),
    "a Counter": (collections.Counter, lambda c: c.update("a"), lambda c: c["a"] >= LATE),
    "a deque that grows": (collections.deque, lambda d: d.append(1.0), lambda d: len(d) >= LATE),
    "a deque that turns": (lambda: collections.deque([0] * LATE + [1]), lambda d: d.rotate(-1), lambda d: d[0]),
    "a list that grows": (list, lambda s: s.append(1), lambda s: len(s) == LATE),
    "a list whose length nobody reads": (list, lambda s: s.append(1), lambda s: False),
    "a list that grows by its sum": (list, lambda s: s.append(sum(s) + 1), lambda s: 2**LATE in s),
    "a list of lists that grow": (lambda: {"a": []}, lambda d: d["a"].append(1), lambda d: False),
    "a list that shrinks": (lambda: [1] * LATE, lambda s: s and s.pop(), lambda s: not s),
    "a list that is emptied in time": (list, window, lambda s: len(s) == LATE - 1),
    "lists in a list": (
        lambda: [[0]],
        lambda s: s.__setitem__(0, [s[0][0] + 1]),
        lambda s: s[0][0] >= LATE,
    ),
    "a list in a dict": (
        lambda: collections.defaultdict(lambda: [0]),
        lambda d: d["a"].__setitem__(0, d["a"][0] + 1),
        lambda d: d["a"][0] >= LATE,
    ),
    "functions in a list": (
        lambda: [lambda: False] * LATE + [lambda: True],
        lambda s: s.append(s.pop(0)),
        lambda s: s[0](),
    ),
    "functions made anew": (
        lambda: holder(lambda: 0),
        lambda o: set_content(o, lambda f: (lambda n: lambda: n)(f() + 1)),
        lambda o: o.content() >= LATE,
    ),
    "a chain of objects": (
        lambda: Node(None),
        lambda o: setattr(o, "below", Node(o.below)),
        lambda o: o.depth > LATE,
    ),
    "objects that are alike": (alike, lambda o: o.nodes.append(o.nodes.pop(0)), lambda o: o.nodes[0] is o.last),
    "a slot of an object made anew": (
        lambda: holder(Counted(0)),
        lambda o: set_content(o, lambda s: Counted(s.number + 1)),
        lambda o: o.content.number >= LATE,
    ),
    "a method of an object made anew": (
        lambda: holder(Counted(0).read),
        lambda o: set_content(o, lambda read: Counted(read() + 1).read),
        lambda o: o.content() >= LATE,
    ),
    "a partial made anew": (
        lambda: holder(functools.partial(int, 0)),
        lambda o: set_content(o, lambda read: functools.partial(int, read() + 1)),
        lambda o: o.content() >= LATE,
    ),
    "attributes": (holder(0).__class__, lambda o: setattr(o, f"a{len(vars(o))}", 1), lambda o: len(vars(o)) >= LATE),
    "bytes": (lambda: bytearray(1), lambda b: b.__setitem__(0, b[0] + 1), lambda b: b[0] >= LATE),
    "an array of Python's": (
        lambda: array.array("d", [0.0]),
        lambda a: a.__setitem__(0, a[0] + 1),
        lambda a: a[0] >= LATE,
    ),
    "a file in memory": (lambda: io.BytesIO(b"a" * LATE), lambda o: o.read(1), lambda o: o.tell() >= LATE),
    "a file in memory that is written anew": (
        lambda: io.StringIO("0"),
        lambda o: (n := int(o.getvalue()) + 1, o.seek(0), o.write(str(n))),
        lambda o: int(o.getvalue()) >= LATE,
    ),
    "an array beside a log": (
        lambda: (io.StringIO(), np.zeros(1)),
        lambda t: (t[0].write("called"), np.add(t[1], 1, out=t[1])),
        lambda t: t[1][0] >= LATE,
    ),
    "a context variable": (
        lambda: contextvars.ContextVar("n", default=0),
        lambda v: v.set(v.get() + 1),
        lambda v: v.get() >= LATE,
    ),
    "what a thread has": (local, lambda o: set_content(o, lambda n: n + 1), lambda o: o.content >= LATE),
    "a Value made anew": (
        lambda: holder(Value(1.0)),
        lambda o: setattr(o, "content", Value(len(vars(o)) + vars(o).setdefault("n", 0))) or vars(o).update(n=o.n + 1),
        lambda o: o.n >= LATE,
    ),
    "a parameter in place of a Value made anew": (
        lambda: holder(Value(2.0)),
        lambda o: set_content(o, lambda w: Value(2.0) if w is W else W),
        lambda o: False,
    ),
    "parameters in a list": (
        lambda: [Value(1.0) for _ in range(LATE)] + [W],
        lambda s: s.append(s.pop(0)),
        lambda s: s[0] is W,
    ),
}
"""By what is moved on: what makes it, what moves it on, and what it decides."""


@pytest.mark.parametrize("row", MOVED.values(), ids=list(MOVED))
def test_state_that_a_function_moves_on_is_refused(row: Any) -> None:
    make, move, decides = row
    state = make()

    def function(x: Any) -> Any:
        move(state)
        return x * W * (3.0 if decides(state) else 1.0)

    with pytest.raises(
        TraceError, match=r"changes [^\n]* whenever it runs, at .*:\d+: [^\n]*\n.*outside of the function"
    ):
        compile(function, backend="python")([1.0])


def test_such_a_message_names_the_state() -> None:
    seen = set[int]()

    def function(x: Any) -> Any:
        seen.add(len(seen))
        return x * W

    with pytest.raises(TraceError, match=r"changes seen \(set\) whenever it runs"):
        compile(function, backend="python")([1.0])
    assert not seen  # given back


def keeps(content: Any, keep: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        hidden = x * W
        keep(content, hidden)
        return hidden * 2.0

    return function


KEPT: dict[str, Callable[[Any], Any]] = {
    "an attribute": keeps(holder(None), lambda o, h: setattr(o, "content", h)),
    "an attribute of a list": keeps(holder(None), lambda o, h: setattr(o, "content", [h, (h, 1.0)])),
    "an object": keeps(holder(None), lambda o, h: setattr(o, "content", Node(h))),
    "an array": keeps(holder(None), lambda o, h: setattr(o, "content", np.array([h, 1.0], object))),
    "a dict": keeps({}, lambda d, h: d.update(hidden=h, more={"again": {h}})),
    "a set, once": keeps(set(), lambda s, h: s.add("called")),
    "a cache": keeps({}, lambda d, h: d.setdefault("table", [1.0, 2.0])),
    "a function": keeps(holder(None), lambda o, h: setattr(o, "content", lambda: h)),
    "a date": keeps(holder(None), lambda o, h: setattr(o, "content", datetime.date(2020, 1, 2))),
    "scratch": keeps(np.zeros(3), lambda a, h: (a.fill(0.0), a.__setitem__(1, 2.0))),
    "a number of Values": keeps(holder(None), lambda o, h: setattr(o, "content", Value(3.0))),
    "a text file in memory": keeps(io.StringIO(), lambda o, h: print("called", file=o)),
    "an iterator": keeps(holder(None), lambda o, h: setattr(o, "content", iter([1.0]))),
}
"""By where a function leaves its results, or what is the same after every run."""


@pytest.mark.parametrize("function", KEPT.values(), ids=list(KEPT))
def test_results_that_are_left_behind_are_no_state(function: Any) -> None:
    assert list(compile(function, backend="python")([1.0, 2.0])) == [4.0, 8.0]
