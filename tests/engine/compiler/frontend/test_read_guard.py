"""What a compiled function reads from lists, dicts, arrays and slots of any size counts: at once, or before long."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from engine import Value, compile
from engine.compiler.frontend.reads.found import Holder, Name
from engine.compiler.frontend.reads.objects import held
from engine.compiler.frontend.reads.read_guard import ReadGuard
from tests.needs import needs

np = needs("numpy")


def numbers(count: int) -> list[float]:
    return [1.0 + 0.5 * k for k in range(count)]


def comes_to(compiled: Any, expected: float) -> bool:
    """Whether that is the result sooner or later: what takes long to look at is looked at from time to time.

    If it is not so at once, there has to be a warning.
    """
    first = list(compiled([10.0])) == [expected]
    with nullcontext() if first else pytest.warns(RuntimeWarning, match="only from time to time"):
        return first or _comes_later(compiled, expected)


def _comes_later(compiled: Any, expected: float) -> bool:
    until = time.monotonic() + 300.0  # never so long, however busy the machine is
    while time.monotonic() < until:
        if list(compiled([10.0])) == [expected]:
            return True
    return False


HOLDERS: dict[str, Callable[[], Any]] = {
    "a short list": lambda: numbers(4),
    "a list": lambda: numbers(60),
    "a long list": lambda: numbers(5000),
    "a list of this and that": lambda: [*numbers(60), "text", None],
    "a short dict": lambda: dict(enumerate(numbers(4))),
    "a dict": lambda: dict(enumerate(numbers(60))),
    "an array": lambda: np.array(numbers(4)),
    "an array of Python's": lambda: array("d", numbers(4)),
    "a long array of Python's": lambda: array("d", numbers(500)),
    "bytes": lambda: bytearray(range(1, 200, 2)) * 90,
    "an array of objects": lambda: np.array(numbers(4), dtype=object),
}


AT_ONCE = {"a short list", "a short dict", "an array", "an array of Python's", "a long array of Python's", "bytes"}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_change_of_an_entry_counts(name: str) -> None:
    holder = HOLDERS[name]()

    def scaled(x: Any) -> Any:
        return x * float(holder[2])

    compiled = compile(scaled, backend="python")
    first = float(holder[2])
    assert list(compiled([10.0])) == [10.0 * first]
    assert list(compiled([10.0])) == [10.0 * first]
    for number in (7.0, first):
        holder[2] = type(holder[2])(number)
        if name in AT_ONCE:
            assert list(compiled([10.0])) == [10.0 * number]
        assert comes_to(compiled, 10.0 * number)


def test_another_order_of_a_dict_counts() -> None:
    holder = dict(enumerate(numbers(60)))

    def first(x: Any) -> Any:
        return x * next(iter(holder.values()))

    compiled = compile(first, backend="python")
    assert list(compiled([10.0])) == [10.0]
    holder[0] = holder.pop(0)
    assert comes_to(compiled, 15.0)


def test_what_is_known_by_several_names_is_looked_at_once() -> None:
    array, generator = np.array([2.0]), np.random.default_rng(0)
    again, the_same, other = array, generator, [generator, array]

    def f(x: Any) -> Any:
        if the_same is not generator:
            return x
        return x * float(array[0]) + float(again[0]) + 0.0 * len(other)

    compiled = compile(f, backend="python")
    assert list(compiled([10.0])) == [22.0]
    array[0] = 3.0
    assert list(compiled([10.0])) == [33.0]


class Slotted:
    """A model of the user's own with ``__slots__``."""

    __slots__ = ("scale", "unused", "w")

    def __init__(self) -> None:
        self.w, self.scale = Value(2.0), 3.0

    def __call__(self, x: Any) -> Any:
        return x * self.w * self.scale


class Inheriting(Slotted):
    """With a dict beside the slots."""


@pytest.mark.parametrize("kind", [Slotted, Inheriting])
def test_slots_count_and_one_that_is_empty_is_none(kind: type[Slotted]) -> None:
    model = kind()
    for function in (model, lambda x: model(x)):
        model.scale = 3.0
        model.w = Value(2.0)
        compiled = compile(function, backend="python")
        assert list(compiled([10.0])) == [60.0]
        model.scale = 4.0
        assert list(compiled([10.0])) == [80.0]
        model.w = Value(5.0)
        assert list(compiled([10.0])) == [200.0]


def test_a_large_array_is_looked_at_from_time_to_time() -> None:
    large = np.full(10**5, 2.0)
    compiled = compile(lambda x: x * float(large[5]), backend="python")
    assert list(compiled([10.0])) == [20.0]
    large[5] = 3.0
    assert comes_to(compiled, 30.0)


def test_a_look_has_its_time_and_no_more() -> None:
    look, other = ReadGuard(100.0), ReadGuard(1e6)
    for each in (look, other):
        for holder in ({k: float(k) for k in range(50)}, numbers(500), ["text"] * 500):
            each.add_holder(holder, held(holder))
    assert len(look._terms) < len(other._terms) == 3


def test_what_there_is_no_time_for_is_left_out() -> None:
    look, names = ReadGuard(15.0), {"scale": 2.0}
    assert look.takes(Name(names, "scale", 2.0))
    assert not look.takes(Name(names, "scale", 2.0))
    assert len(look.left_out) == 1


@pytest.mark.parametrize("make", [np.zeros, lambda count: array("d", bytes(8 * count))], ids=["NumPy's", "Python's"])
@pytest.mark.parametrize(("count", "taken"), [(2**11, True), (2**11 + 1, False)])
def test_a_large_array_is_left_out_however_much_time_there_is(make: Any, count: int, taken: bool) -> None:
    holder = make(count)
    assert ReadGuard(1e9).takes(Holder(holder, held(holder))) is taken


def test_an_array_of_pythons_that_stays_is_the_same() -> None:
    """It makes its numbers anew when it is read, and by identity it differed at every call: all was looked at again."""
    look, holder = ReadGuard(1e9), array("d", [1.5, -0.0, float("nan")])
    look.add_holder(holder, held(holder))
    differs = look.function("False", lambda: True)
    assert not differs()
    holder[1] = 0.0
    assert differs()
