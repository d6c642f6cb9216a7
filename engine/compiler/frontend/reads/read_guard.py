"""A look at what a function reads, quick enough for every call: one expression of comparisons by identity.

An expression written for the purpose takes a third of the time of a loop over what is compared.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from operator import is_
from types import CellType
from typing import Any, TypeAlias

from ..world.variables import environment
from .found import Holder, Name, Part, Read
from .objects import ABSENT, CONTAINERS, held, is_array, reads_as_array, shows_to_collector
from .word_guard import Due, Guards, WordGuard

BUDGET = 300
"""About how many nanoseconds a look at every call may take; the rest is compared from time to time."""
NAMES = 3000
"""How many more it may take for cells, globals and attributes that code names: enough for two hundred."""
NAMED = 1500
"""How many more it may take for small lists, dicts and arrays that a function itself names."""
_FEW = 6  # up to this many entries of a list or dict are compared one by one, in half the time of a loop
_LARGE = 2**14  # bytes; a larger array is not compared at every call

AsWords: TypeAlias = Callable[[WordGuard], bool]
"""Lets words watch something, and says whether they can."""

_LOOK = """
def look():
    try:
        differs = {condition}
    except Exception:  # nothing there, an array in place of something else, or an error of the user's code
        differs = True
    return differs and confirmed()
"""


class ReadGuard:
    """What is compared, in the order in which it is added.

    Args:
        nanoseconds: about how long the look may take; what would exceed that is left out.

    Attributes:
        left_out: how words watch what was left out, if they can.
    """

    def __init__(self, nanoseconds: float) -> None:
        self._time = nanoseconds
        self._terms: list[tuple[str, AsWords | None]] = []  # each with how words watch the same, if they can
        self.left_out: list[AsWords | None] = []
        self._known: dict[str, Any] = {"absent": ABSENT, "is_": is_, "held": held}

    def add(self, term: str, nanoseconds: float, as_words: AsWords | None = None, **things: Any) -> None:
        """Add something to compare, if there is time.

        Args:
            term: an expression that is true once there is a change; it names each of the things as ``name$``.
            nanoseconds: how long the expression takes.
            as_words: how words watch the same, if they can.
            things: what the expression names.
        """
        if nanoseconds > self._time:
            self.left_out.append(as_words)
            return
        self._time -= nanoseconds
        for name, thing in things.items():
            own_name = f"{name}{len(self._terms)}"
            self._known[own_name] = thing
            term = term.replace(f"{name}$", own_name)
        self._terms.append((term, as_words))

    @contextmanager
    def prolonged(self, nanoseconds: float) -> Iterator[None]:
        """A context in which additions may take this much longer; additions after it get none of that."""
        before = self._time
        self._time += nanoseconds
        yield
        self._time = min(before, self._time)

    def takes(self, read: Read) -> bool:
        """Add something that is read, if there is time to compare it, and say whether there is."""
        add: dict[type, Callable[..., None]] = {Part: self.add_part, Name: self.add_name, Holder: self.add_holder}
        left_out = len(self.left_out)
        add[type(read)](*read)
        return len(self.left_out) == left_out

    def add_part(self, owner: Any, name: str, content: Any) -> None:
        """An attribute that is not an entry of a dict."""
        if content is ABSENT:
            term = "owner$ != was$" if type(owner) is CellType else f"hasattr(owner$, {name!r})"
            self.add(term, 25, owner=owner, was=CellType())  # which equals an empty cell
        else:
            as_words = partial(WordGuard.add_part, owner=owner, name=name)
            self.add(f"owner$.{name} is not was$", 25, as_words, owner=owner, was=content)

    def add_name(self, names: Mapping[Any, Any], name: Any, content: Any) -> None:
        """A global, or an attribute that is an entry of a dict."""
        term = f"{name!r} in names$" if content is ABSENT else f"names$[{name!r}] is not was$"
        as_words = partial(WordGuard.add_entry, names=names, name=name, content=content)
        self.add(term, 15, as_words, names=names, was=content)

    def add_holder(self, holder: Any, inside: tuple[Any, ...]) -> None:
        """The content of a list, dict, set, array, context variable or other memory."""
        kind: type = type(holder)
        if holder is environment:  # in which equal entries are the same
            self.add("holder$ != was$", 0, holder=holder, was={**holder})
        elif isinstance(holder, ContextVar):
            self.add("holder$.get(absent) is not was$", 45, holder=holder, was=inside[0])
        elif isinstance(holder, array) or (is_array(holder) and not holder.dtype.hasobject):  # items are made anew
            size = holder.itemsize * len(holder) if isinstance(holder, array) else holder.nbytes
            if size <= _LARGE:
                self.add("holder$.tobytes() != was$", 150 + size // 14, holder=holder, was=holder.tobytes())
            else:  # it may be a data set, which a look must not even copy
                self.left_out.append(None)
        elif isinstance(holder, bytearray):
            self.add("holder$ != was$", 20 + len(holder) // 20, holder=holder, was=bytes(holder))
        elif isinstance(holder, dict):
            self._add_dict(holder)
        elif isinstance(holder, list):
            self._add_list(holder)
        elif not inside and isinstance(holder, CONTAINERS):  # such as the recursion guard of dataclasses' `__repr__`
            self.add("len(holder$) != 0", 20, holder=holder)
        elif isinstance(holder, (*CONTAINERS, Mapping)) or shows_to_collector(kind) or is_array(holder):
            term = f"len(held(holder$)) != {len(inside)} or not all(map(is_, held(holder$), was$))"
            self.add(term, 200 + 15 * len(inside), holder=holder, was=inside)
        else:
            self.add("held(holder$) != was$", 5000 if reads_as_array(holder) else 250, holder=holder, was=inside)

    def _add_list(self, holder: list[Any]) -> None:
        count, as_words = len(holder), partial(WordGuard.add_list, entries=holder)
        if count <= _FEW:
            each = [f"holder$[{k}] is not was$[{k}]" for k in range(count)]
            term = " or ".join([f"len(holder$) != {count}", *each])
            self.add(term, 15 + 12 * count, as_words, holder=holder, was=(*holder,))
        elif 100 + 12 * count <= self._time or {*map(type, holder)} != {float}:
            term = f"len(holder$) != {count} or not all(map(is_, holder$, was$))"
            self.add(term, 100 + 12 * count, as_words, holder=holder, was=(*holder,))
        else:  # notices at least other numbers, but no Value, and no zero of the other sign
            self.add("holder$ != was$", 15 + 2 * count, as_words, holder=holder, was=[*holder])

    def _add_dict(self, holder: dict[Any, Any]) -> None:
        count, keys, was = len(holder), [*holder], (*holder.values(),)
        order, as_words = "[*holder$] != keys$", partial(WordGuard.add_dict, entries=holder)
        if count <= _FEW:
            term = " or ".join([f"holder$[keys$[{k}]] is not was$[{k}]" for k in range(count)] + [order])
            self.add(term, 30 + 20 * count, as_words, holder=holder, was=was, keys=keys)
        else:
            term = f"{order} or not all(map(is_, holder$.values(), was$))"
            self.add(term, 130 + 15 * count, as_words, holder=holder, was=was, keys=keys)

    def beyond(self, words: WordGuard) -> list[str]:
        """Let words watch what they can, and return the terms of the rest."""
        return [term for term, as_words in self._terms if not (as_words and as_words(words))]

    def guards(
        self,
        condition: str,
        of_holders: str,
        holders: Sequence[Any],
        due: array[float],
        confirmed: Callable[[], bool],
        far: WordGuard | None,
        **things: Any,
    ) -> Guards:
        """Guards of this and more, as it is now, good until something has changed. See `function`.

        Args:
            condition: an expression that is true if there is another reason to look closely, which words do not watch.
            of_holders: an expression that is false as long as nothing in the lists and dicts has been replaced.
            holders: these lists and dicts.
            due: an array with the entries of `Due`, which says when to look closely in any case.
            confirmed: looks closely.
            far: words that watch what is left out, if they can.
            things: what the conditions name.
        """
        words, condition = WordGuard(), f"clock() > due[{int(Due.LOOK)}] or {condition}"
        entirely, things = f"{condition} or {of_holders}", {**things, "clock": time.perf_counter, "due": due}
        known = all(words.add_list(entries) or words.add_dict(entries) for entries in holders)
        beyond = self.beyond(words)
        near = self.function(condition if known else entirely, confirmed, beyond, **things)
        all_of_it = self.function(entirely, confirmed, **things)

        def differs_at_all() -> bool:
            words.note()  # before the look, which sees what has changed up to then
            differs = all_of_it()
            if not differs:
                words.expect()
            return differs

        return Guards(words, due if known and not beyond else None, near, differs_at_all, far)

    def function(
        self, condition: str, confirmed: Callable[[], bool], terms: Sequence[str] | None = None, /, **things: Any
    ) -> Callable[[], bool]:
        """A function that says whether anything has changed.

        Args:
            condition: an expression that is true if there is another reason to look closely.
            confirmed: looks closely.
            terms: the terms to compare; None for all.
            things: what the condition names.
        """
        terms = [term for term, _ in self._terms] if terms is None else terms
        known = {**self._known, **things, "confirmed": confirmed, "__name__": __name__}
        source = _LOOK.format(condition=" or ".join([condition, *terms]))
        exec(compile(source, __file__, "exec"), known)  # in this file, so that no walk takes it for the user's code
        look: Callable[[], bool] = known["look"]
        return look
