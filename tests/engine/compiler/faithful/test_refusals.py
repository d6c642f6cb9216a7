"""What a refusal says, and that it leaves everything as it was."""

from __future__ import annotations

import array
import collections
import contextvars
import functools
import heapq
import itertools
import json
import re
import statistics
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, compile
from tests.needs import needs

np = needs("numpy")

_one: Callable[[Any], Any] = lambda x: type(x)(1.0) * x  # the line of the error is its own


MESSAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "complex": (lambda x: x * 1j, r"mul\(x, y\) of <traced input 0> and 1j.*real"),
    "complex, reflected": (lambda x: 1j + x, r"add\(x, y\) of 1j and <traced input 0>.*real"),
    "text": (lambda x: x + "1", r"add\(x, y\) .* and '1'.*real"),
    "np.max": (lambda x: np.max([x, 2 * x]), r"branch .*np\.max.*maximum"),
    "np.exp of floats": (lambda x: np.exp(np.array([x], float))[0], r"plain number.*engine\.exp"),
    "a dict": (lambda x: {0.0: 1.0}[x], r"looked up as a key.*take"),
    "statistics": (lambda x: statistics.median([x, 1.0, 2.0]), r"branch .*minimum"),
    "sorted by heapq": (lambda x: heapq.nlargest(1, [x, 1.0])[0], r"branch .*maximum"),
    "two runs": (lambda x: x * next(_counter), r"something else when it is called again.*Pass what changes"),
    "json": (lambda x: x * len(json.dumps([float(x)])), r"plain number"),
    "json of what has no number": (lambda x: x * len(json.dumps(x)), r"raises TypeError\('Object .*outside"),
    "np.isnan": (lambda x: engine.where(np.isnan(x), 0.0, x), r"raises TypeError\(.ufunc 'isnan'.*x != x"),
    "digits": (lambda x: round(x, 1), r"raises TypeError\(.round.*write round\(v \* 10"),
    "a copy": (lambda x: __import__("copy").deepcopy(x), r"graph of <traced input 0>.*plain Values"),
    "a number of its type": (_one, r"by calling the type of another.*write a plain number"),
    "drawing": (lambda x: engine.to_dot(x * x) and x, r"graph of .*plain Values"),
}
_counter = itertools.count(1)


@pytest.mark.parametrize(("function", "message"), MESSAGES.values(), ids=list(MESSAGES))
def test_a_message_names_the_line_and_the_remedy(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(TraceError) as caught:
        compile(function, backend="python")([1.0])
    text = str(caught.value)
    line = f"{__file__}:{function.__code__.co_firstlineno}:"
    assert line in text, text
    assert re.search(message, text, re.DOTALL), text


def test_an_error_of_the_functions_own_is_no_refusal() -> None:
    def function(x: Any) -> Any:
        return x * len(json.dumps({1j: 2.0}))

    with pytest.raises(TypeError) as caught:
        compile(function, backend="python")([1.0])
    assert not isinstance(caught.value, TraceError)


def test_another_profiler_goes_on() -> None:
    """In Python itself; while one in C runs, before Python 3.12, the clock is not seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from Python 3.15 on
        import profile
    profiler = profile.Profile()
    with pytest.raises(TraceError, match="clock"):
        profiler.runcall(lambda: compile(lambda x: x + 0.0 * time.time(), backend="python")([1.0]))
    assert sys.getprofile() is None
    assert compile(lambda x: x + 1.0, backend="python")([1.0]) == [2.0]


def test_what_a_refused_function_has_changed_is_given_back() -> None:
    """So that eager steps, which are made instead, begin where they would have."""

    class Slotted:
        __slots__ = ("count",)
        steps = 0

    log, counts, queue, seen = [1.0], collections.Counter("a"), collections.deque([1, 2], maxlen=2), {0}
    holder, slotted, total = types.SimpleNamespace(count=0), Slotted(), 0
    slotted.count = 0
    ordered, local, counted = collections.OrderedDict(a=1), threading.local(), contextvars.ContextVar[int]("counted")
    local.count = 0
    counted.set(0)
    arrays = [array.array("d", [0.0]), bytearray(1)]
    table, error = np.arange(6.0).reshape(2, 3), ValueError("before")

    def helper(scale: float = 1.0) -> float:
        return scale

    class Other(Slotted):
        __slots__ = ()

    def function(x: Any) -> Any:
        nonlocal total
        total += 1
        Slotted.steps += 1
        local.count += 1
        ordered["b"] = ordered.pop("a", 2)
        counted.set(counted.get() + 1)
        for numbers in arrays:
            numbers[0] += 1
        log.append(2.0), counts.update("ab"), queue.append(3), seen.add(7)
        holder.count += 1
        slotted.count += 1
        function.count = getattr(function, "count", 0) + 1  # which it has not yet
        table.resize((3, 2), refcheck=False)
        error.args, slotted.__class__ = ("after",), Other
        helper.__defaults__ = (2.0,)
        return x * len(log) * helper() * len(table) * len(error.args[0])

    with pytest.raises(TraceError):
        compile(function, backend="python")([1.0])
    assert (log, counts, [*queue], seen) == ([1.0], {"a": 1}, [1, 2], {0})
    assert (vars(holder), slotted.count, total, vars(function)) == ({"count": 0}, 0, 0, {})
    assert (Slotted.steps, [*ordered.items()], local.count, counted.get()) == (0, [("a", 1)], 0, 0)
    assert [numbers[0] for numbers in arrays] == [0] * len(arrays)
    assert (table.tolist(), error.args) == ([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], ("before",))
    assert (helper.__defaults__, type(slotted)) == ((1.0,), Slotted)


def test_what_a_refused_function_has_set_is_given_back_one_by_one() -> None:
    """It reads no attributes by computed names: then only those count that it names."""

    class Counts:
        calls = 0

    class Derived(Counts):
        """It has no counter of its own."""

    class Other(Counts):
        calls = 5

    class Frozen:
        __slots__ = ("calls",)

        def __setattr__(self, name: str, content: Any) -> None:
            raise RuntimeError

    first, second, scaled, frozen = Counts(), Counts(), functools.partial(pow, 2.0), Frozen()
    second.calls = 3
    object.__setattr__(frozen, "calls", 0)

    def function(x: Any) -> Any:
        global _calls
        _calls += 1
        for counts in (first, second, Derived, Other):
            counts.calls += 1
        scaled.__setstate__((pow, (3.0,), {}, {}))  # which cannot be undone by setting its parts
        object.__setattr__(frozen, "calls", frozen.calls + 1)  # nor can this
        return x * scaled(2.0)

    with pytest.raises(TraceError):
        compile(function, backend="python")([1.0])
    assert (_calls, vars(first), vars(second)) == (0, {}, {"calls": 3})
    assert ("calls" in vars(Derived), Other.calls) == (False, 5)


_calls = 0


def test_an_attribute_that_a_refused_module_has_set_first_is_gone() -> None:
    """A counter that its class begins: it was ahead by the runs of the trace."""

    class Counts(nn.Module):
        calls = 0

        def __init__(self) -> None:
            self.layer = nn.Layer(1, 1, seed=1)

        def __call__(self, x: Any) -> Any:
            self.calls += 1
            return [y / self.calls for y in self.layer(x)]

    model = Counts()
    model.batches = iter([1.0])  # which no code names
    with pytest.raises(TraceError):
        compile(model, backend="python")([[1.0]])
    assert [*vars(model)] == ["layer", "batches"]
