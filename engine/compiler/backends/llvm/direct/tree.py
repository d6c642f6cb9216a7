"""The numbers of Values in a tree of objects that is like a known one, read by native code.

A tree is made of lists, tuples, dicts, objects of certain classes with their attributes, Values that are leaves, and
anything else at its ends. Written as 64-bit words, each thing preceded by its class, it contains everything but the
numbers of the Values: trees with the same words differ in these alone. Native code walks a tree, compares each word
with the expected one, and stops at the first that differs, without calling any Python code.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable, Sequence
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from .....value import Value
from ....samples.memory import address
from ..ir.words import Record
from ..jit.machine_code import Library
from ..jit.python_function import python_function
from .objects import CLASS, objects_are_as_expected
from .tree_code import CLASSES, RECORD, SLOTS, text

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TreeReader:
    """Reads the numbers of Values in trees that are like a known one.

    Args:
        tree: the known tree; what is at its ends, unless a number or Value, must be the same object in other trees.
        kinds: the classes whose objects are walked; everything they consist of is in their attributes.
        values: all Values of the tree, in the order in which their numbers are wanted.
        params: the same Values in an order that is known for other trees too.

    Raises:
        ValueError: these are not all Values of the tree, each in one place, or one of them has a label, or is not a
            leaf.
        ImportError: there is no native code.
        RuntimeError: Values do not have the memory layout that native code assumes.
    """

    def __init__(self, tree: Any, kinds: Iterable[type], values: Sequence[Value], params: Sequence[Value]) -> None:
        import numpy as np

        self._kinds = frozenset(kinds)
        self._held: list[Any] = [tree, self._kinds]  # so that no other object gets the address of an expected one
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
            raise RuntimeError("arrays do not have the memory layout that native code is written for")
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
        record = Record(RECORD)
        record.set(
            **{name: address(array) for name, array in self._arrays.items()},
            numbers=address(self._numbers),
            **{"word_count": len(self._words), "kind_count": len(self._kinds), "param_count": len(params)},
            **{"none": id(None), "true": id(True), "false": id(False)},
            **dict(zip(CLASSES, map(id, (Value, float, int, list, tuple, dict)))),
            **_slots(),
        )
        self._read = python_function("read", _native().address("read"), record.words)

    def numbers(self, tree: Any, params: tuple[Value, ...]) -> NDArray[Any] | None:
        """The numbers of a tree's Values, in order; None if the tree is not seen to be like the first.

        Args:
            tree: another tree.
            params: its Values, in the order in which the first tree's were given.
        """
        return self._numbers.copy() if self._read(tree, params) else None

    def _enter(self, thing: Any) -> None:
        """Write the words of a thing, as `tree_code` reads them."""
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
    """The memory layout of a Value, found out with an example."""
    value, marks = Value(1.0), {name: object() for name in SLOTS}
    for name, mark in marks.items():
        setattr(value, f"_{name}", mark)
    words = [ctypes.c_int64.from_address(id(value) + k).value for k in range(0, Value.__basicsize__, 8)]
    if words[CLASS // 8] != id(Value) or any(words.count(id(mark)) != 1 for mark in marks.values()):
        raise RuntimeError("Values do not have the memory layout that native code is written for")
    return {name: 8 * words.index(id(mark)) for name, mark in marks.items()}


@functools.cache
def _native() -> Library:
    return Library(quick=text())
