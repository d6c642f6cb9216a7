"""Weak references: what they refer to may be gone at the next call."""

from __future__ import annotations

import weakref

from engine import Value

from .cases import Case, equal, refused


class Held:
    """What a weak reference can refer to."""

    scale = 3.0


@refused
def test_whether_what_a_weak_reference_refers_to_is_gone() -> Case:
    w, held = Value(2.0), [Held()]
    known = weakref.ref(held[0])
    return Case(lambda x: w * x if known() is None else w * w * x, held.clear)


@refused
def test_how_many_are_left_in_a_weak_set() -> Case:
    w, held = Value(2.0), [Held(), Held()]
    known = weakref.WeakSet(held)
    return Case(lambda x: w * x * len(known), held.pop)


@equal
def test_a_weak_reference_beside_the_object_itself() -> Case:
    w, held = Value(2.0), [Held()]
    known = weakref.ref(held[0])
    return Case(lambda x: w * x * known().scale * len(held), lambda: setattr(held[0], "scale", 7.0))


@equal
def test_a_weak_reference_to_what_is_gone_already() -> Case:
    w, known = Value(2.0), weakref.ref(Held())
    return Case(lambda x: w * x if known() is None else w * w * x)


@equal
def test_a_number_behind_a_weak_reference() -> Case:
    class Settings:
        scale = 3.0

    known = weakref.ref(Settings)
    w = Value(2.0)
    return Case(lambda x: w * x * known().scale, lambda: setattr(Settings, "scale", 7.0))
