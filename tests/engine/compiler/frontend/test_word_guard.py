"""Words of memory: whatever is exchanged in what they watch shows in them, and nothing else does."""

from __future__ import annotations

import builtins
import ctypes
import threading
from array import array
from collections import UserDict
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

import pytest

from engine import Value
from engine.compiler.frontend.reads import layout
from engine.compiler.frontend.reads.surroundings import Surroundings
from engine.compiler.frontend.reads.word_guard import WordGuard
from nn import MLP
from tests.needs import needs

LATER = array("d", [float("inf")])


def differ(words: WordGuard) -> bool:
    """What native code tells, in Python."""
    table, blocks = words.head
    contents = table + 16 * blocks
    for k in range(blocks):
        place, count = (ctypes.c_int64 * 2).from_address(table + 16 * k)
        now, expected = ((ctypes.c_int64 * count).from_address(start)[:] for start in (place, contents))
        if now != expected:
            return True
        contents += 8 * count
    return blocks < 0


def renew(words: WordGuard) -> None:
    words.note()
    words.expect()


def _cell() -> CellType:
    return CellType([1.0])


def _function(a: int = 1, *, b: int = 2) -> int:
    return a + b


class Slotted:
    """With one slot."""

    __slots__ = ("__dict__", "content")

    def __init__(self) -> None:
        self.content = [0]


class Something:
    """Whose instances share the names of their attributes."""

    def __init__(self) -> None:
        self.a = 1


def _own_base() -> type:
    class Base:
        def __new__(cls) -> Any:
            owner = object.__new__(cls)
            owner.__dict__ = {}
            return owner

    return Base


def _own() -> Any:
    owner = type("Own", (_own_base(),), {"f": 1})()
    owner.a = 1
    return owner


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
    "a slot": ("slot", lambda owner: setattr(owner, "content", [1])),
    "an entry of a dict": ("dict", lambda entries: entries.__setitem__("b", [2])),
    "another key": ("dict", lambda entries: entries.__setitem__("c", entries.pop("b"))),
    "a longer dict": ("dict", lambda entries: entries.__setitem__("c", 1)),
    "a far longer dict": ("dict", lambda entries: entries.update(dict.fromkeys(map(str, range(100))))),
    "a shorter dict": ("dict", lambda entries: entries.pop("b")),
    "an empty dict": ("dict", lambda entries: entries.clear()),
    "a dict in another order": ("dict", lambda entries: entries.__setitem__("a", entries.pop("a"))),
    "a first entry of a dict": ("no entries", lambda entries: entries.update(a=1)),
    "an attribute": ("object", lambda owner: setattr(owner, "a", 2)),
    "an attribute that is set again and again": ("object", lambda owner: [setattr(owner, "a", 2) for _ in range(99)]),
    "a new attribute": ("object", lambda owner: setattr(owner, "b", 2)),
    "one attribute for another": ("object", lambda owner: (delattr(owner, "a"), setattr(owner, "b", 2))),
    "an attribute in its dict": ("object", lambda owner: vars(owner).update(a=2)),
    "other attributes": ("object", lambda owner: setattr(owner, "__dict__", {"a": 1})),
    "another class": ("object", lambda owner: setattr(owner, "__class__", type("Other", (type(owner),), {}))),
    "an attribute of its class": ("object", lambda owner: setattr(type(owner), "f", 2)),
    "one of a class below": ("object", lambda owner: setattr(type(owner).__base__, "f", 2)),
    "a version": ("version", lambda names: names.update(a=2)),
    "a version by a new name": ("version", lambda names: names.update(b=2)),
    "a version by one name less": ("version", lambda names: names.pop("a")),
    "other classes": ("object", lambda owner: setattr(type(owner), "__bases__", (type("B", (_own_base(),), {}),))),
}


def watched(kind: str) -> tuple[Any, WordGuard]:
    words = WordGuard()
    things: dict[str, Callable[[], Any]] = {
        "function": lambda: lambda a=1, *, b=2: a + b,
        "plain": lambda: lambda: 0,
        "cell": _cell,
        "list": lambda: [[1], [2], [3]],
        "nothing": list,
        "counter": lambda: [123456],
        "slot": Slotted,
        "dict": lambda: {"a": [1], "b": [2]},
        "no entries": dict,
        "object": _own,
        "version": lambda: vars(_own()),
    }
    thing = things[kind]()
    if kind in ("function", "plain"):
        assert all(words.add_part(thing, name) for name in ("__code__", "__defaults__", "__kwdefaults__"))
    elif kind == "cell":
        assert words.add_part(thing, "cell_contents")
    elif kind == "slot":
        assert words.add_slot(thing, "content")
    elif kind in ("dict", "no entries"):
        assert words.add_dict(thing)
    elif kind == "version":
        assert words.add_version(thing)
    elif kind == "object":
        assert words.add_object(thing)
    else:
        assert words.add_list(thing)
    return thing, words


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("versions", [True, False], ids=["versions", "no versions"])
def test_a_change_shows(change: str, versions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dicts have versions, as they had before Python 3.14, and where they have none."""
    if not versions:
        fields = layout.dict_fields()
        assert fields is not None
        monkeypatch.setattr(layout, "dict_fields", lambda: fields._replace(version=0))
    kind, apply = CHANGES[change]
    thing, words = watched(kind)
    assert differ(words)
    assert not words.expected
    renew(words)
    assert not differ(words)
    assert words.expected
    apply(thing)
    assert differ(words)
    renew(words)
    assert not differ(words)


def test_an_object_of_the_same_address_is_none_that_was_there_before() -> None:
    counter = [10**6]
    words = WordGuard()
    words.add_list(counter)
    renew(words)
    for _ in range(1000):  # where the old number would be freed, a new one would soon take its place
        counter[0] += 1
        assert differ(words)


def test_an_emptied_cell_differs() -> None:
    cell, words = watched("cell")
    renew(words)
    del cell.cell_contents
    assert differ(words)
    renew(words)
    assert differ(words)


def test_what_was_found_to_differ_goes_on_to_differ() -> None:
    share = [0.1]
    watching = Surroundings(lambda: share[0]).near.guards("False", "False", [], LATER, lambda: True, None)
    assert watching.words.head[1] == -1
    assert not watching.differs_at_all()
    assert not differ(watching.words)
    share[0] = 3.0
    assert differ(watching.words)
    assert not watching.differs()  # which leaves it to the words
    for _ in range(2):
        assert watching.differs_at_all()
        assert differ(watching.words)


def test_an_interrupted_look_has_seen_nothing() -> None:
    share = [0.1]

    def interrupted() -> bool:
        raise KeyboardInterrupt

    watching = Surroundings(lambda: share[0]).near.guards("False", "False", [], LATER, interrupted, None)
    assert not watching.differs_at_all()
    share[0] = 3.0
    with pytest.raises(KeyboardInterrupt):
        watching.differs_at_all()
    assert differ(watching.words)


def test_what_is_not_found_in_memory_is_left_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entries(list[int]):
        pass

    words = WordGuard()
    assert not words.add_list(Entries([1]))
    assert not words.add_part(_function, "__name__")
    assert not words.add_part(print, "__self__")
    assert not words.add_dict(UserDict(a=1))
    assert not words.add_dict(vars(Something()))  # which shares its table
    assert not words.add_name(vars(Something()), "a")
    assert not words.add_name(UserDict(a=1), "a")
    assert not words.add_name({"".join(["a", "b"]): 1}, "ab")  # under another object of that name
    assert not words.add_part(Slotted(), "content")  # which may run code of its class
    assert not words.add_object(Something())
    assert not words.add_object(object())
    assert not words.add_lock(threading.Condition())
    assert not words.add_version(UserDict(a=1))
    monkeypatch.setattr(layout, "word", lambda place: 0)
    assert not layout.offset.__wrapped__(FunctionType, "__code__")
    assert not layout.lists_are_as_expected.__wrapped__()
    assert not layout.place_of_holder.__wrapped__(type(threading.RLock()))
    assert layout.dict_fields.__wrapped__() is None


def test_where_dicts_are_not_as_expected_python_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "dict_fields", lambda: None)
    words = WordGuard()
    assert not words.add_dict({"a": 1})
    assert not words.add_name({"a": 1}, "a")
    assert not words.add_absence({"a": 1}, "b")
    assert not words.add_object(_own())


def test_attributes_that_words_cannot_tell_any_more_are_left_to_python() -> None:
    class Attributes(dict[str, Any]):
        """Which may have code of its own."""

    thing, words = _own(), WordGuard()
    assert words.add_object(thing)
    renew(words)
    assert not differ(words)
    own, vars(thing)["a"] = thing.__dict__, 5
    thing.__dict__ = Attributes(own)
    assert differ(words)
    renew(words)
    assert differ(words)
    thing.__dict__ = own
    renew(words)
    assert not differ(words)


WATCHES = {
    "the dict": WordGuard.add_dict,
    "its version": WordGuard.add_version,
    "a name that it lacks": lambda words, names: words.add_absence(names, "a"),
}


@pytest.mark.parametrize("how", WATCHES)
def test_an_empty_dict_that_shares_a_table_once_its_object_has_an_attribute(how: str) -> None:
    class Thing:
        def __init__(self) -> None:
            self.a = 1

    kept = [Thing() for _ in range(40)]
    thing, words = Thing.__new__(Thing), WordGuard()
    assert len(kept) == 40
    assert not vars(thing)
    if WATCHES[how](words, vars(thing)):
        renew(words)
        assert not differ(words)
        thing.a = 1
        assert differ(words)
        renew(words)  # which finds all of it again, or nothing that it may read
        thing.a = 2
        assert differ(words) or how == "a name that it lacks"


@pytest.mark.parametrize(
    "change",
    [
        lambda thing: setattr(thing, "a", 2),
        lambda thing: object.__setattr__(thing, "a", 2),
        lambda thing: setattr(thing, "b", 2),
        lambda thing: delattr(thing, "a"),
        lambda thing: vars(thing).update(a=2),
    ],
)
def test_attributes_in_a_dict_that_shares_its_table(change: Callable[[Any], None]) -> None:
    thing, words = Something(), WordGuard()
    assert words.add_version(vars(thing)) is layout.versions_tell_attributes()
    if layout.versions_tell_attributes():
        renew(words)
        assert not differ(words)
        change(thing)
        assert differ(words)


def test_far_words_are_there_if_they_can_watch_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    large, many, entries = needs("numpy").zeros(10_000), list(range(1000)), [[1], [2]]
    assert Surroundings(lambda: large).far([]) is None
    assert Surroundings(lambda: many).far([{1}]) is None
    far = Surroundings(lambda: many).far([entries])
    assert far is not None
    renew(far)
    for holder in (many, entries):
        assert not differ(far)
        holder[1] = [2]
        assert differ(far)
        renew(far)
    monkeypatch.setattr("engine.compiler.frontend.reads.surroundings.MOST", 1)
    assert Surroundings(lambda: many).far([entries]) is None


FAR: dict[str, tuple[Callable[..., Any], Callable[[Any, pytest.MonkeyPatch], None]]] = {
    "a type of Python's": (lambda x: complex(x), lambda _, patch: patch.setattr(builtins, "complex", float)),
    "an operator of Values": (lambda x: x - 1, lambda _, patch: patch.setattr(Value, "__sub__", Value.__add__)),
    "an attribute that is not announced": (MLP(2, [2, 1]), lambda model, _: vars(model).update(layers=[])),
    "a list in an attribute": (MLP(2, [2, 1]), lambda model, _: model.layers.reverse()),
}


@pytest.mark.parametrize(("function", "change"), FAR.values(), ids=FAR)
def test_far_words_see_what_no_look_at_every_call_compares(
    function: Callable[..., Any],
    change: Callable[[Any, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = Surroundings(function).far([])
    if far is None:
        assert isinstance(function, MLP)
        assert not layout.versions_tell_attributes()
        return
    renew(far)
    assert not differ(far)
    change(function, monkeypatch)
    assert differ(far)


def test_what_is_watched_of_a_dict_is_no_other_entry() -> None:
    names = {"a": [1], "b": [2], "c": [3]}
    words = WordGuard()
    assert words.add_name(names, "b")
    assert words.add_absence(names, "d")
    renew(words)
    names["a"] = [4]
    assert not differ(words)
    del names["c"]
    assert differ(words)  # as all of the last entries are watched
    renew(words)
    names["d"] = [5]
    assert differ(words)
    renew(words)
    assert differ(words)  # as long as it is there
    del names["d"]
    renew(words)
    assert not differ(words)
    del names["b"]
    renew(words)
    assert differ(words)
    for k in range(100):  # in a larger table
        names[str(k)] = [k]
    names["b"] = [6]
    renew(words)
    assert not differ(words)
    names["b"] = [6]
    assert differ(words)


def test_a_name_is_seen_to_come_in_a_table_where_one_of_its_size_has_been() -> None:
    """A dict whose entries come and go gets new tables, the third of them where the first has been."""
    names = dict[str, Any]()
    for name in "abcdefg":
        names[name] = [name]
    words, before = WordGuard(), layout.plain_dict(names).table
    assert words.add_absence(names, "z")
    renew(words)
    assert not differ(words)
    for name in "abcdef":
        del names[name]
    names["z"] = [0]
    met = set()
    for k in range(100):
        names["y"] = [k]
        assert differ(words)
        met.add(layout.plain_dict(names).table)
        del names["y"]
    assert before in met


def test_a_lock_that_is_held() -> None:
    lock, words = threading.RLock(), WordGuard()
    assert words.add_lock(lock)
    with lock:
        renew(words)
        assert differ(words)
        with lock:
            assert differ(words)
        assert differ(words)
    assert not differ(words)


def test_whether_words_and_time_tell_it_all() -> None:
    """Names, builtins and lists of a function they tell, and not what is in a set."""
    scale, parts, some = 2.0, {"a": 1.0}, {1}

    def told(x: Any) -> Any:
        return sum([scale * x, parts["a"]]) + len(CHANGES)

    for function, all_of_it in ((told, True), (lambda: some, False)):
        watching = Surroundings(function).near.guards("False", "False", [[1], {}], LATER, lambda: True, None)
        assert watching.due is (LATER if all_of_it else None)
        assert not watching.differs_at_all()
        assert not differ(watching.words)
