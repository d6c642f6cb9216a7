"""Loans: the numbers of Values live in an array until something reads or sets them.

Copying thousands of numbers into Values after every step would take longer than the step. So the Values are lent:
meanwhile they have another class. When a number is set, or several are read, be it by ``.data``, by the engine or by
pickle, it fetches all of them back and gives the Values their own class again. A single number may be read now and then
without ending the loan.

Every loan has a lock. A thread that holds one never waits for the lock of another loan, since two loans that share
Values might wait for each other: it fetches Values back from another loan before it takes the lock of its own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import chain, repeat
from typing import Any

from ...process.collector import collector_at_rest
from ...process.forking import new_lock
from ...value import Value
from .places import same_objects
from .showing import are_shown, shown_number

_z, _grad = vars(Value)["_z"], vars(Value)["_grad"]
"""The slots that the class of lent Values hides; while they are lent, the first holds the Loan."""

_lending = new_lock()  # held for a moment while Values change hands, always after the lock of a loan

_GLIMPSES = 16
"""Between two steps, one number may be read in place for every 16 numbers of a loan."""

_PIECE = 4096
"""How many numbers are Python objects at a time."""


class Loan:
    """Numbers of Values in an array, and perhaps their gradients.

    Args:
        values: leaves, in a list or tuple that stays as it is.
        array: as long as the values; the numbers are written here whenever they are taken.
        gradients: computes the gradients to write into the Values, from those that they had when they were taken; None
            if gradients stay as they are.
        lock: a reentrant lock, held while numbers go in or out, and while the array is changed.

    Attributes:
        open: whether the numbers are in the array now, all of them.
        ahead: whether the array has newer numbers than the Values, to be kept when they are taken.
        glimpses: how many single numbers were read in place since the last step.
    """

    # Native code looks at two of these, at their places in memory: see `frontend.reads.word_guard`.
    __slots__ = ("__dict__", "__weakref__", "glimpses", "open")

    def __init__(
        self,
        values: Sequence[Value],
        array: Any,
        gradients: Callable[[Sequence[float]], Sequence[float]] | None = None,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.values, self.array, self._gradients = values, array, gradients
        self.lock = lock or new_lock()
        self.open = self.ahead = False
        self.glimpses = 0

    def take(self) -> None:
        """Move the Values' numbers into the array, where they live from then on."""
        if not self.open:
            if are_shown() and not self.ahead:
                raise RuntimeError("the numbers of Values are being compared with others, and cannot be lent meanwhile")
            with collector_at_rest():
                while not self._lend_if_free():
                    self._fetch_all()

    def _lend_if_free(self) -> bool:
        """Lend the Values, unless another thread or loan has some of them; return whether it was done."""
        with self.lock, _lending:
            kinds = {*map(type, self.values)}
            if not _own.keys().isdisjoint(kinds):
                return False
            if not self.ahead:
                copy_numbers(self.values, self.array)
            self._lend(kinds)
            return True

    def number_of(self, value: Value) -> float:
        """One of the numbers, read in place; reading many of them between two steps fetches all of them back."""
        with self.lock:
            if self.open and self.glimpses <= len(self.values) // _GLIMPSES:
                self.glimpses += 1
                return float(self.array[self.places[id(value)]])
            self.give_back()
            found = _z.__get__(value)
        return found.number_of(value) if isinstance(found, Loan) else float(found)  # another thread has lent it again

    @cached_property
    def places(self) -> dict[int, int]:
        """Where the number of each Value is, by its id."""
        return {id(value): place for place, value in enumerate(self.values)}

    def _fetch_all(self) -> None:
        """Have all loans that hold some of the numbers give them back, each under its own lock."""
        if not _own.keys().isdisjoint(map(type, self.values)):
            for value in self.values:
                _fetch(value)

    def _lend(self, kinds: set[type[Value]]) -> None:
        values, whole = self.values, self._gradients is not None
        lent = {kind: _lent(kind, whole) for kind in kinds}
        try:
            new = _each(lent, values)
            state = ([self], "open", [True]), ([self], "ahead", [False])
            _write((values, "_z", repeat(self)), (values, "__class__", new), *state)
        except BaseException:  # a class that cannot be changed: what has been lent comes back
            if self.open:  # Ctrl-C came when all was done
                raise
            for value, number in zip(values, self.array.tolist()):
                if type(value) in _own:
                    value.__class__ = _own[type(value)]
                _z.__set__(value, number)
            raise

    def give_back(self) -> None:
        """Move the array's numbers into the Values, which are ordinary ones from then on."""
        with self.lock:
            if not self.open:
                return
            values = self.values
            own = {kind: _own[kind] for kind in {*map(type, values)}}
            new: list[Column] = [(values, "__class__", _each(own, values)), (values, "_z", self.array.tolist())]
            if self._gradients is not None:
                new.append((values, "_grad", self._gradients([*map(_grad.__get__, values)])))
            with _lending:
                _write(*new, ([self], "open", [False]))


def _fetch(value: Value) -> None:
    """Have the loan of a Value, if there still is one, give it back."""
    loan = _z.__get__(value)
    if isinstance(loan, Loan):
        loan.give_back()


Column = tuple[Sequence[Any], str, Iterable[Any]]
"""Objects, the name of an attribute, and its new value for each of them."""


def _write(*columns: Column) -> None:
    """Set attributes in one call that runs no Python code in between: Ctrl-C finds all of them set, or none."""
    deque(chain(*[map(setattr, objects, repeat(name), new) for objects, name, new in columns]), maxlen=0)


def _each(classes: dict[type[Value], type[Value]], values: Sequence[Value]) -> Iterable[type[Value]]:
    """The class that replaces the class of each Value, usually one for all of them."""
    return repeat(*classes.values()) if len(classes) == 1 else map(classes.__getitem__, map(type, values))


def copy_numbers(values: Sequence[Value], array: Any) -> None:
    """Write the numbers of Values into an array, in pieces that fit a cache.

    Raises:
        OverflowError: if one is finite, and in the array's type would not be.
    """
    import numpy as np

    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        try:
            with np.errstate(over="raise"):
                array[start : start + _PIECE] = [value._z for value in piece]
        except FloatingPointError:
            largest = max((value for value in piece if math.isfinite(value._z)), key=lambda value: abs(value._z))
            raise OverflowError(
                f"{largest!r} is beyond the numbers of {array.dtype}: scale it, or compile with dtype='float64'"
            ) from None


def lent_numbers(values: Sequence[Value]) -> Any:
    """A copy of the numbers of Values, if an open loan has just these; otherwise None."""
    loan = _z.__get__(values[0]) if values else None
    if not isinstance(loan, Loan) or not same_objects(loan.values, values):
        return None
    with loan.lock:
        return loan.array.astype(float) if loan.open else None


class Leaves:
    """The numbers of Values as an array, read where they live.

    As long as programs are called and nothing else is done, the numbers live in an array, and a call reads it without
    asking every Value. It is the array of another program if that has them already, else one of their own. Where calls
    alternate with looks at the Values, lending would cost more than it saves; so each look doubles the number of calls
    that read the Values one by one.

    Args:
        values: leaves, in a list or tuple that stays as it is.
    """

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values
        self._loan: Loan | None = None  # where they were found last
        self._own: Loan | None = None
        self._places: Any = None  # of the values in the loan's array; None: it has just these
        self._wait, self._pause = 0, 1

    def numbers(self) -> Any:
        """The numbers, in order: an array that must not be written to, or a list."""
        loan = self._loan
        if loan is None or not loan.open:
            loan = self._loan = self._find()
            if loan is None:
                return [value._z for value in self.values]
        return loan.array if self._places is None else loan.array[self._places]

    def _find(self) -> Loan | None:
        """An open loan that has all the values: another program's, or one of their own if it is time for that."""
        import numpy as np

        first = self.values[0] if self.values else None
        if first is None:
            return None
        loan = _z.__get__(first)
        if isinstance(loan, Loan):
            found = [loan.places.get(id(value), -1) for value in self.values]
            if min(found) >= 0:
                self._places = None if len(found) == len(loan.places) and found == sorted(found) else np.array(found)
                return loan
        if self._wait:
            self._wait -= 1
            return None
        self._wait = self._pause = min(2 * self._pause, 1024)
        if self._own is None:
            self._own = Loan(self.values, np.zeros(len(self.values)))
        self._own.take()
        self._places = None
        return self._own


_lent_classes: dict[tuple[type[Value], bool], type[Value]] = {}
_own: dict[type[Value], type[Value]] = {}  # the other way


def own_class(kind: type[Value]) -> type[Value]:
    """The class that Values have when they are not lent."""
    return _own.get(kind, kind)


def classes_of(kind: type[Value]) -> set[type[Value]]:
    """The classes that instances of a class may have: the class itself, and those of its lent Values."""
    return {kind, *[lent for lent, own in [*_own.items()] if own is kind]}


def _lent(kind: type[Value], whole: bool) -> type[Value]:
    """A class like `kind` whose instances are fetched back when first touched; if `whole`, also at the gradient."""
    if (kind, whole) not in _lent_classes:
        body = {"_z": _NUMBER, "_grad": _GRADIENT} if whole else {"_z": _NUMBER}
        named = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
        lent = type(kind.__name__, (kind,), {"__slots__": (), "__reduce_ex__": _reduced, **body, **named})
        _lent_classes[kind, whole], _own[lent] = lent, kind
    return _lent_classes[kind, whole]


def _read_number(value: Value) -> float:
    """The number of a lent Value; or the one that this thread is shown in its place, while another thread lends it."""
    shown, loan = shown_number(value), _z.__get__(value)
    if shown is not None:
        return shown
    return loan.number_of(value) if isinstance(loan, Loan) else loan


def _read_gradient(value: Value) -> float:
    _fetch(value)
    return value._grad


def _writing(name: str) -> Callable[[Value, float], None]:
    def write(value: Value, number: float) -> None:
        _fetch(value)
        setattr(value, name, number)

    return write


def _reduced(value: Value, protocol: Any) -> Any:
    _fetch(value)
    return value.__reduce_ex__(protocol)


_NUMBER, _GRADIENT = property(_read_number, _writing("_z")), property(_read_gradient, _writing("_grad"))
"""What replaces the slots of lent Values."""
