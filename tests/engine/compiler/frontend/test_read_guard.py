"""What a compiled function reads from lists, dicts, arrays and slots of any size counts: at once, or before long."""

from __future__ import annotations

import io
import time
from array import array
from collections import UserDict, deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from types import CellType
from typing import Any

import pytest

from engine import Value, compile
from engine.compiler.frontend.reads.found import Holder, Name, Part, Read
from engine.compiler.frontend.reads.objects import ABSENT, attribute_of, held
from engine.compiler.frontend.reads.read_guard import ReadGuard
from engine.compiler.frontend.world.variables import environment
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


def look_at(read: Read, nanoseconds: float = 1e9) -> Callable[[], bool]:
    """A look at this alone."""
    look = ReadGuard(nanoseconds)
    assert look.takes(read)
    return look.function("False", lambda: True)


class Slot:
    __slots__ = ("content",)


def test_a_look_sees_what_a_name_or_a_part_holds() -> None:
    names, function, full, empty = {"scale": 2.0}, lambda x=1.0: x, CellType(2.0), CellType()
    held_by_slot, empty_slot = Slot(), Slot()
    held_by_slot.content = 2.0
    parts: list[tuple[Any, str, Any]] = [(function, "__defaults__", (2.0,))]
    parts += [(cell, "cell_contents", None) for cell in (full, empty)]
    parts += [(slot, "content", None) for slot in (held_by_slot, empty_slot)]
    for name in ("scale", "other"):
        differs = look_at(Name(names, name, names.get(name, ABSENT)))
        assert not differs()
        names[name] = 3.0
        assert differs()
    for owner, attribute, other in parts:
        differs = look_at(Part(owner, attribute, attribute_of(owner, attribute)))
        assert not differs()
        setattr(owner, attribute, other)
        assert differs()


Changes = Sequence[Callable[[Any], Any]]
OF_LISTS: Changes = [lambda h: h.__setitem__(-1, 7.5), lambda h: h.append(None), list.pop]
OF_DICTS: Changes = [
    *(lambda h: h.update({0: None}), lambda h: h.update(more=None), dict.popitem),
    lambda h: h.update({0: h.pop(0)}),  # in another order
]
OF_ARRAYS: Changes = [lambda h: h.__setitem__(-1, 7.0)]
KINDS: dict[str, tuple[Sequence[Callable[[], Any]], Changes]] = {
    "lists": ([HOLDERS["a short list"], HOLDERS["a list"], lambda: ["text"] * 60], OF_LISTS),
    "dicts": ([HOLDERS["a short dict"], HOLDERS["a dict"]], OF_DICTS),
    "arrays": ([HOLDERS["an array"], HOLDERS["an array of objects"], lambda: array("d", [1.0])], OF_ARRAYS),
    "bytes": ([lambda: bytearray(b"bytes")], [lambda h: h.append(0)]),
    "what is empty": ([set, deque], [lambda h: h.__init__([None])]),
    "other containers": ([lambda: {1.0, 2.0}, lambda: deque([1.0, 2.0])], [lambda h: h.pop(), lambda h: h.clear()]),
    "what is equal": ([lambda: deque([0.0]), lambda: UserDict({0: 0.0})], [lambda h: h.__setitem__(0, -0.0)]),
    "variables": ([lambda: ContextVar("one", default=2.0)], [lambda h: h.set(3.0)]),
    "files": ([lambda: io.StringIO("text")], [lambda h: h.read(1), lambda h: h.write("other")]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_sees_each_change_and_none_where_there_is_none(kind: str) -> None:
    makes, changes = KINDS[kind]
    for make in makes:
        for change in changes:
            holder = make()
            differs = look_at(Holder(holder, held(holder)))
            assert not differs()
            change(holder)
            assert differs()


def test_a_look_without_the_time_for_each_number_of_a_list_compares_their_values() -> None:
    holder = numbers(60)
    differs = look_at(Holder(holder, held(holder)), 300.0)
    holder[7] = float(str(holder[7]))
    assert not differs()
    holder[7] = 0.5
    assert differs()


def test_a_look_sees_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    differs = look_at(Holder(environment, held(environment)), 1.0)
    assert not differs()
    monkeypatch.setenv("OF_A_TEST", "1")
    assert differs()


def test_an_array_of_pythons_that_stays_is_the_same() -> None:
    """It makes its numbers anew when it is read, and by identity it differed at every call: all was looked at again."""
    look, holder = ReadGuard(1e9), array("d", [1.5, -0.0, float("nan")])
    look.add_holder(holder, held(holder))
    differs = look.function("False", lambda: True)
    assert not differs()
    holder[1] = 0.0
    assert differs()
