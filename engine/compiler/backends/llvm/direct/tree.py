"""The numbers of Values in a tree of objects that is like another one, read in native code in a look at each object.

A tree is made of lists, tuples, dicts, objects of certain classes with their attributes, Values that are leaves, and
whatever else there is at its ends. Written as words of 64 bits, its class ahead of each thing, it tells all but the
numbers of the Values: trees of the same words differ in those alone. Native code goes through a tree, compares each
word with the one that is expected, and stops at the first other one, having called none of Python's code.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Sequence
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from .....value import Value
from ..ir.builder import Code
from ..ir.control import leave
from ..jit.machine_code import Library
from ..jit.python_function import DECLARED, python_function
from ..runtime.memory import address
from .objects import CLASS, DATA, ENTRIES, ITEMS, LENGTH, REAL, objects_are_as_expected

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLOTS = ("data", "primitive", "label")
_CLASSES = {"Value": Value, "float": float, "int": int, "list": list, "tuple": tuple, "dict": dict}
_RECORD = (
    "words", "word_count", "place",  # that are expected; the number of the next one
    "found", "value_count",  # the addresses of Values; how many were found
    "numbers", "targets",  # of Values; where each of them goes
    "order", "param_count",  # which Value each parameter is
    "kinds", "kind_count",  # classes whose objects have attributes
    "none", "true", "false",
    *_SLOTS,  # where a Value has them
    *_CLASSES,
)  # fmt: skip
"""What native code is told, in words of 64 bits: addresses, numbers and places."""


class TreeReader:
    """Reads the numbers of Values in trees that are like one that is known.

    Args:
        tree: that one; what stands at its ends and is neither number nor Value must be the very same thing in others.
        kinds: the classes of which objects are no ends; all that they are made of is in their attributes.
        values: all Values of the tree, in the order in which their numbers are wanted.
        params: the same in an order that is known of other trees too.

    Raises:
        ValueError: these are not all Values of the tree, each in one place, or one of them has a name, or is no leaf.
        ImportError: there is no native code.
        RuntimeError: Values are in memory in another way than native code has been written for.
    """

    def __init__(self, tree: Any, kinds: Iterable[type], values: Sequence[Value], params: Sequence[Value]) -> None:
        import numpy as np

        self._kinds = frozenset(kinds)
        self._held: list[Any] = [tree, self._kinds]  # so that no other thing gets the address of one that is expected
        self._words: list[int] = []
        self._values: list[Value] = []
        self._enter(tree)
        place = {value: k for k, value in enumerate(self._values)}
        for order in (values, params):
            if not len(place) == len(self._values) == len(order) or place.keys() != {*order}:
                raise ValueError("there are other Values in the tree, or one is in several places")
        if any(value.primitive is not None or value.label is not None for value in self._values):
            raise ValueError("a Value of the tree has a name, or is no leaf")
        if not objects_are_as_expected():
            raise RuntimeError("arrays are not in memory as native code has been written for")
        slots = _slots()
        number_of = {value: k for k, value in enumerate(values)}
        arrays = {
            "words": self._words,
            "kinds": [*map(id, self._kinds)],
            "found": [0] * len(values),
            "targets": [number_of[value] for value in self._values],
            "order": [place[param] for param in params],
        }
        self._arrays = {name: np.array(numbers, np.int64) for name, numbers in arrays.items()}
        self._numbers = np.zeros(len(values))
        fields = {
            **{name: address(array) for name, array in self._arrays.items()},
            "numbers": address(self._numbers),
            **{"word_count": len(self._words), "kind_count": len(self._kinds), "param_count": len(params)},
            **{"none": id(None), "true": id(True), "false": id(False)},
            **{name: id(kind) for name, kind in _CLASSES.items()},
            **slots,
        }
        self._record = record = np.array([fields.get(name, 0) for name in _RECORD], np.int64)
        self._read = python_function("read", _native().address("read"), record)

    def numbers(self, tree: Any, params: tuple[Value, ...]) -> NDArray[Any] | None:
        """The numbers of the Values of a tree, in their order; None if it is not known to be like the first one.

        Args:
            tree: another one.
            params: its Values, in the order in which the first tree's were given.
        """
        return self._numbers.copy() if self._read(tree, params) else None

    def _enter(self, thing: Any) -> None:
        """Write the words of a thing: as `_text` reads them."""
        kind, words = type(thing), self._words
        words.append(id(kind))
        self._held += [kind, thing]
        if kind is Value:
            self._values.append(thing)
        elif kind is float:
            words.append(unpack("q", pack("d", thing))[0])
        elif kind is int:
            words.append(thing if -(1 << 63) <= thing < 1 << 63 else id(thing))
        elif kind is list or kind is tuple:
            words.append(len(thing))
            for item in thing:
                self._enter(item)
        elif kind is dict or kind in self._kinds:
            entries = thing if kind is dict else vars(thing)
            words.append(len(entries))
            for key, item in entries.items():
                words.append(id(key))
                self._held.append(key)
                self._enter(item)
        else:
            words.append(id(thing))


@functools.cache
def _slots() -> dict[str, int]:
    """Where a Value has what it holds, found out with an example."""
    value, marks = Value(1.0), {name: object() for name in _SLOTS}
    for name, mark in marks.items():
        setattr(value, f"_{name}", mark)
    words = [ctypes.c_int64.from_address(id(value) + k).value for k in range(0, Value.__basicsize__, 8)]
    if words[CLASS // 8] != id(Value) or any(words.count(id(mark)) != 1 for mark in marks.values()):
        raise RuntimeError("Values are not in memory as native code has been written for")
    return {name: 8 * words.index(id(mark)) for name, mark in marks.items()}


# ---- in native code


@functools.cache
def _native() -> Library:
    return Library(quick=_text())


def _text() -> str:
    """LLVM IR of ``read``."""
    return DECLARED + _expect() + _entries() + _enter() + _alike() + _read()


def _function(name: str, arguments: Sequence[str], result: str = "i1") -> Code:
    code = Code(name, 64, 1, arguments, result)
    code.linkage = "internal "
    return code


def _field(code: Code, name: str, kind: str = "i64") -> str:
    return code.value(f"load {kind}, ptr {_place(code, name)}")


def _place(code: Code, name: str) -> str:
    return code.pointer("%record", str(_RECORD.index(name)), "i64")


def _entry(code: Code, table: str, index: str) -> str:
    """A word of an array."""
    return code.value(f"load i64, ptr {code.pointer(table, index, 'i64')}")


def _inside(code: Code, thing: str, offset: str) -> str:
    """A word of an object."""
    return code.value(f"load i64, ptr {code.pointer(thing, offset, 'i8')}")


def _sequence(code: Code, kind: str, thing: str) -> tuple[str, str]:
    """The length of a list or tuple, and where its items are."""
    items = code.pointer(thing, str(ENTRIES if kind == "list" else ITEMS), "i8")
    return _inside(code, thing, str(LENGTH)), code.value(f"load ptr, ptr {items}") if kind == "list" else items


def _require(code: Code, kind: str, a: str, relation: str, b: str) -> None:
    """Refuse the tree unless both stand in that relation."""
    leave(code, code.value(f"xor i1 {code.value(f'icmp {relation} {kind} {a}, {b}')}, true"), "refused")


def _require_call(code: Code, call: str) -> None:
    leave(code, code.value(f"xor i1 {code.value(f'call i1 {call}')}, true"), "refused")


def _ended(code: Code) -> str:
    """The text of a function that gives whether nothing was refused."""
    code.lines += ["ret i1 true"]
    code.label("refused")
    code.lines += ["ret i1 false"]
    return code.text()


def _expect() -> str:
    """``expect``: whether that is the next word."""
    code = _function("expect", ["ptr %record", "i64 %word"])
    code.attributes += " alwaysinline"
    place = _field(code, "place")
    _require(code, "i64", place, "slt", _field(code, "word_count"))
    _require(code, "i64", _entry(code, _field(code, "words", "ptr"), place), "eq", "%word")
    code.lines.append(f"store i64 {code.value(f'add i64 {place}, 1')}, ptr {_place(code, 'place')}")
    return _ended(code)


def _entries() -> str:
    """``entries``: whether a dict is as expected."""
    code = _function("entries", ["ptr %record", "ptr %dict"])
    code.slots += ["%at = alloca i64", "%key = alloca ptr", "%item = alloca ptr"]
    size = code.value("call i64 @PyDict_Size(ptr %dict)")
    _require_call(code, f"@expect(ptr %record, i64 {size})")
    code.lines.append("store i64 0, ptr %at")
    with code.loop(0, size):
        more = code.value("call i32 @PyDict_Next(ptr %dict, ptr %at, ptr %key, ptr %item)")
        _require(code, "i32", more, "ne", "0")
        _require_call(code, f"@expect(ptr %record, i64 {code.value('load i64, ptr %key')})")
        _require_call(code, f"@enter(ptr %record, ptr {code.value('load ptr, ptr %item')})")
    return _ended(code)


def _enter() -> str:
    """``enter``: whether a thing is as expected; the number of a Value is stored."""
    code = _function("enter", ["ptr %record", "ptr %thing"])
    code.slots += ["%beyond = alloca i32"]
    kind, itself = _inside(code, "%thing", str(CLASS)), code.value("ptrtoint ptr %thing to i64")
    _require_call(code, f"@expect(ptr %record, i64 {kind})")

    def of(name: str) -> Any:
        return code.when(code.value(f"icmp eq i64 {kind}, {_field(code, name)}"))

    with of("Value"):
        for name in ("primitive", "label"):
            _require(code, "i64", _inside(code, "%thing", _field(code, name)), "eq", _field(code, "none"))
        data = code.value(f"inttoptr i64 {_inside(code, '%thing', _field(code, 'data'))} to ptr")
        _require(code, "i64", _inside(code, data, str(CLASS)), "eq", _field(code, "float"))
        number = code.value(f"load double, ptr {code.pointer(data, str(REAL), 'i8')}")
        count = _field(code, "value_count")
        target = _entry(code, _field(code, "targets", "ptr"), count)
        place = code.pointer(_field(code, "numbers", "ptr"), target, "double")
        code.lines.append(f"store double {number}, ptr {place}")
        code.lines.append(f"store i64 {itself}, ptr {code.pointer(_field(code, 'found', 'ptr'), count, 'i64')}")
        code.lines.append(f"store i64 {code.value(f'add i64 {count}, 1')}, ptr {_place(code, 'value_count')}")
        code.lines.append("ret i1 true")
    with of("float"):
        number = code.value("call double @PyFloat_AsDouble(ptr %thing)")
        _require_call(code, f"@expect(ptr %record, i64 {code.value(f'bitcast double {number} to i64')})")
        code.lines.append("ret i1 true")
    with of("int"):
        number = code.value("call i64 @PyLong_AsLongLongAndOverflow(ptr %thing, ptr %beyond)")
        _require(code, "i32", code.value("load i32, ptr %beyond"), "eq", "0")
        _require_call(code, f"@expect(ptr %record, i64 {number})")
        code.lines.append("ret i1 true")
    for name in ("list", "tuple"):
        with of(name):
            size, items = _sequence(code, name, "%thing")
            _require_call(code, f"@expect(ptr %record, i64 {size})")
            with code.loop(0, size) as k:
                item = code.value(f"inttoptr i64 {_entry(code, items, k)} to ptr")
                _require_call(code, f"@enter(ptr %record, ptr {item})")
            code.lines.append("ret i1 true")
    with of("dict"):
        code.lines.append(f"ret i1 {code.value('call i1 @entries(ptr %record, ptr %thing)')}")
    kinds = _field(code, "kinds", "ptr")
    with code.loop(0, _field(code, "kind_count")) as k:
        same = code.value(f"icmp eq i64 {kind}, {_entry(code, kinds, k)}")
        with code.when(same):
            attributes = code.value("call ptr @PyObject_GenericGetDict(ptr %thing, ptr null)")
            same = code.value(f"call i1 @entries(ptr %record, ptr {attributes})")
            code.lines += [f"call void @Py_DecRef(ptr {attributes})", f"ret i1 {same}"]
    _require_call(code, f"@expect(ptr %record, i64 {itself})")
    return _ended(code)


def _alike() -> str:
    """``alike``: whether a tree is as expected, and its Values are in the expected order."""
    code = _function("alike", ["ptr %record", "ptr %tree", "ptr %params"])
    code.lines += [f"store i64 0, ptr {_place(code, name)}" for name in ("place", "value_count")]
    _require_call(code, "@enter(ptr %record, ptr %tree)")
    _require(code, "i64", _field(code, "place"), "eq", _field(code, "word_count"))
    _require(code, "i64", _inside(code, "%params", str(CLASS)), "eq", _field(code, "tuple"))
    size, items = _sequence(code, "tuple", "%params")
    _require(code, "i64", size, "eq", _field(code, "param_count"))
    with code.loop(0, size) as k:
        value = _entry(code, _field(code, "found", "ptr"), _entry(code, _field(code, "order", "ptr"), k))
        _require(code, "i64", _entry(code, items, k), "eq", value)
    return _ended(code)


def _read() -> str:
    """``read``: what Python calls as ``read(tree, params)``: whether both are as expected.

    The collector is at rest meanwhile: it may call a destructor of anyone's.
    """
    code = Code("read", 64, 1, ["ptr %memory", "ptr %arguments", "i64 %count"], "ptr")
    code.lines.append(f"%record = inttoptr i64 {_inside(code, '%memory', str(DATA))} to ptr")
    tree, params = (code.value(f"inttoptr i64 {_entry(code, '%arguments', str(k))} to ptr") for k in (0, 1))
    enabled = code.value("call i32 @PyGC_Disable()")
    alike = code.value(f"call i1 @alike(ptr %record, ptr {tree}, ptr {params})")
    with code.when(code.value(f"icmp ne i32 {enabled}, 0")):
        code.value("call i32 @PyGC_Enable()")
    answer = code.value(f"select i1 {alike}, ptr {_field(code, 'true', 'ptr')}, ptr {_field(code, 'false', 'ptr')}")
    code.lines += [f"call void @Py_IncRef(ptr {answer})", f"ret ptr {answer}"]
    return code.text()
