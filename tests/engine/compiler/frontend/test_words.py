"""Words of memory: whatever is exchanged in what they watch shows in them, and nothing else does."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import CellType
from typing import Any

import pytest

from engine.compiler.frontend.reads import words as module
from engine.compiler.frontend.reads.surroundings import Surroundings
from engine.compiler.frontend.reads.words import Words


def differ(words: Words) -> bool:
    """What native code tells, in Python."""
    start, count = words.head
    for k in range(count):
        place, expected = (ctypes.c_int64.from_address(start + 16 * k + 8 * part).value for part in (0, 1))
        if ctypes.c_int64.from_address(place).value != expected:
            return True
    return count < 0


def _cell() -> CellType:
    return CellType([1.0])


def _function(a: int = 1, *, b: int = 2) -> int:
    return a + b


def _other(a: int = 5, *, b: int = 6) -> int:
    return a * b


CHANGES: dict[str, tuple[str, Callable[[Any], None]]] = {
    "code": ("function", lambda f: setattr(f, "__code__", _other.__code__)),
    "defaults": ("function", lambda f: setattr(f, "__defaults__", (3,))),
    "no defaults": ("function", lambda f: setattr(f, "__defaults__", None)),
    "keywords": ("function", lambda f: setattr(f, "__kwdefaults__", {"b": 2})),
    "no keywords": ("function", lambda f: setattr(f, "__kwdefaults__", None)),
    "some where there were none": ("plain", lambda f: setattr(f, "__defaults__", ())),
    "a cell": ("cell", lambda cell: setattr(cell, "cell_contents", [1.0])),
    "an entry": ("list", lambda entries: entries.__setitem__(1, [2])),
    "a longer list": ("list", lambda entries: entries.extend(range(100))),
    "a shorter list": ("list", lambda entries: entries.pop()),
    "an empty list": ("list", lambda entries: entries.clear()),
    "another order": ("list", lambda entries: entries.reverse()),
    "one more and one less": ("list", lambda entries: entries.__setitem__(slice(None), [*entries[1:], 7])),
    "a first entry": ("nothing", lambda entries: entries.append(1)),
    "a counter": ("counter", lambda entries: entries.__setitem__(0, entries[0] + 1)),
}


def watched(kind: str) -> tuple[Any, Words]:
    words = Words()
    things: dict[str, Callable[[], Any]] = {
        "function": lambda: lambda a=1, *, b=2: a + b,
        "plain": lambda: lambda: 0,
        "cell": _cell,
        "list": lambda: [[1], [2], [3]],
        "nothing": list,
        "counter": lambda: [123456],
    }
    thing = things[kind]()
    if kind in ("function", "plain"):
        assert all(words.add_part(thing, name) for name in ("__code__", "__defaults__", "__kwdefaults__"))
    elif kind == "cell":
        assert words.add_part(thing, "cell_contents")
    else:
        assert words.add_list(thing)
    return thing, words


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows(change: str) -> None:
    kind, apply = CHANGES[change]
    thing, words = watched(kind)
    assert differ(words)  # nothing is expected yet
    words.renew()
    assert not differ(words)
    apply(thing)
    assert differ(words)
    words.renew()
    assert not differ(words)


def test_an_object_of_the_same_address_is_none_that_was_there_before() -> None:
    counter = [10**6]
    words = Words()
    words.add_list(counter)
    words.renew()
    for _ in range(1000):  # where the old number would be freed, a new one would soon take its place
        counter[0] += 1
        assert differ(words)


def test_an_emptied_cell_differs() -> None:
    cell, words = watched("cell")
    words.renew()
    del cell.cell_contents
    assert differ(words)
    words.renew()
    assert differ(words)


def test_what_was_found_to_differ_goes_on_to_differ() -> None:
    share = [0.1]
    watching = Surroundings(lambda: share[0]).watching("False", "False", [], lambda: True)
    assert watching.words.head[1] == -1
    assert not watching.differs_at_all()
    assert not differ(watching.words)
    share[0] = 3.0
    assert differ(watching.words)
    assert not watching.differs()  # which leaves it to the words
    for _ in range(2):
        assert watching.differs_at_all()
        assert differ(watching.words)


def test_what_is_not_found_in_memory_is_left_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entries(list[int]):
        pass

    words = Words()
    assert not words.add_list(Entries([1]))
    assert not words.add_part(_function, "__name__")
    assert not words.add_part(print, "__self__")
    monkeypatch.setattr(module, "_word", lambda place: 0)
    for cached in (module._offset, module._lists_are_as_expected):
        assert not cached.__wrapped__(*[type(_function), "__code__"][: 2 if cached is module._offset else 0])
