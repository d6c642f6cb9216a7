"""What a function changes whenever it runs: compiled code, which does not run it, would leave that as it was.

Results that it leaves behind, such as the last activations, do not count: they depend on the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO, StringIO
from types import CellType, FunctionType, MethodType
from typing import Any

from ....value import Value
from ..symbol import Symbol
from .found import Found
from .objects import (
    ABSENT,
    CONTAINERS,
    OF_FUNCTIONS,
    PARTS,
    PLAIN,
    attribute_of,
    attributes_of,
    held,
    is_a,
    is_array,
    reads_as_array,
    same,
)
from .owners import slots_of

_SETS = (set, frozenset)
_HELD: dict[type, tuple[str, ...]] = {
    FunctionType: (*OF_FUNCTIONS, "__closure__"),
    CellType: ("cell_contents",),
    MethodType: ("__func__", "__self__"),
    **PARTS,
}


def moved(found: Found, made: set[Value]) -> str:
    """The first thing that a run has changed for good, for an error; "" if there is none.

    Args:
        found: what there was before the run.
        made: the Values that the function has made in its runs.
    """
    like = _Likeness(found.kept, made)
    for name, before, now in _named(found):
        if not like(before, now):
            return name
    for holder, before in found.holders:
        now = held(holder)
        if isinstance(holder, (StringIO, BytesIO)) and now[0] != before[0] and now[0].startswith(before[0]):
            continue  # what a run prints or logs, as it does at every call, is printed once
        if not (like(frozenset(before), frozenset(now)) if is_a(holder, _SETS) else like(before, now)):
            return _described(found, holder)
    return ""


def collecting(found: Found, now: Callable[[], Found]) -> str:
    """The first set or keys of a dict that collect results, for an error; "" if there are none.

    Eager code adds another Value in each run; both runs of a trace add the same symbol, so no change shows.

    Args:
        found: what there was before the last run.
        now: finds what there is after it: a set or dict that is no longer there was made anew.
    """
    filled = [read for read in found.holders if is_a(read.holder, (set, dict)) and _has_results(*read)]
    kept = {id(read.holder) for read in now().holders} if filled else ()
    return next((_described(found, read.holder) for read in filled if id(read.holder) in kept), "")


def _has_results(holder: Any, inside: tuple[Any, ...]) -> bool:
    """Whether there are results in a set, or among the keys of a dict."""
    entries = inside[: len(inside) // 2] if is_a(holder, dict) else inside
    return any(isinstance(entry, Symbol) for entry in entries)


def _described(found: Found, holder: Any) -> str:
    """A container in words, with its name if it has one."""
    name, kind = next((name for name, before, _ in _named(found) if before is holder), ""), type(holder).__name__
    return f"{name} ({kind})" if name else f"the content of a {kind}"


def _named(found: Found) -> Iterator[tuple[str, Any, Any]]:
    """The names that are read, what each held, and what it holds now."""
    for owner, attribute, before in found.parts:
        yield found.slots.get((id(owner), attribute), attribute), before, attribute_of(owner, attribute)
    for names, name, before in found.names:
        yield name, before, names.get(name, ABSENT)


class _Likeness:
    """Whether two things are the same, or the second is new and has the same in it, except results.

    Args:
        kept: what there was before, none of which is new.
        made: the Values that the function has made in its runs.
    """

    def __init__(self, kept: Sequence[Any], made: set[Value]) -> None:
        self._known, self._made = {*map(id, kept)}, made

    def __call__(self, before: Any, now: Any) -> bool:
        pairs, seen = [(before, now)], dict[tuple[int, int], Any]()  # kept alive: ids are reused
        while pairs:
            a, b = pairs.pop()
            if same(a, b) or (id(a), id(b)) in seen:
                continue
            seen[id(a), id(b)] = a, b
            parts = self._parts(a, b) if type(a) is type(b) else None
            if parts is None:
                return False
            pairs += parts
        return True

    def _parts(self, a: Any, b: Any) -> Sequence[tuple[Any, Any]] | None:
        """The pairs that must be alike for two things of one type to be; None if these are not in any case."""
        kind: Any = type(a)
        if issubclass(kind, Symbol):
            return ()
        if issubclass(kind, Value):
            return [(a._z, b._z)] if {a, b} <= self._made else None
        if kind in PLAIN or id(b) in self._known:
            return None
        if issubclass(kind, _SETS):
            inside, others = ([e for e in one if not isinstance(e, Symbol)] for one in (a, b))
            return () if {*inside} == {*others} else None
        inside, others = _inside(a, kind), _inside(b, kind)
        if not inside and kind.__eq__ is not object.__eq__ and a != b:  # such as two dates
            return None
        return [*zip(inside, others)] if len(inside) == len(others) else None


def _inside(thing: Any, kind: type) -> list[Any]:
    """What may make a thing differ from another of its type."""
    inside = [attribute_of(thing, name) for base, names in _HELD.items() if issubclass(kind, base) for name in names]
    inside += [attribute_of(thing, name) for name in slots_of(kind)]
    if isinstance(attributes := attributes_of(thing), dict):
        inside += held(attributes)
    shows = issubclass(kind, CONTAINERS) or is_array(thing) or reads_as_array(thing)
    return [*inside, *(held(thing) if shows else ())]
