"""Objects whose classes raise whatever they like when they are asked for an attribute, or for what they hold.

To compile, the engine looks at all that a function reads. What it asks for there the function itself may never ask for,
so that an error of the user's class is none of the function's: it is looked round, or told with the user's line.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value
from tests.needs import INSTALLED, needs

needs("numpy")


class AttributeDict(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class Settings:
    """A KeyError where there is no such name."""

    def __init__(self, **settings: float) -> None:
        vars(self)["_settings"] = settings

    def __getattr__(self, name: str) -> Any:
        return vars(self)["_settings"][name]

    def __setattr__(self, name: str, number: Any) -> None:
        self._settings[name] = number


class Closed:
    """Nothing but settings, not even a class."""

    def __init__(self, **settings: float) -> None:
        object.__setattr__(self, "_settings", settings)

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, "_settings")[name]

    def __setattr__(self, name: str, number: Any) -> None:
        object.__getattribute__(self, "_settings")[name] = number


class Slots:
    __slots__ = ("scale",)

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} yet")


class NotReady:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    @property
    def model(self) -> Any:
        raise RuntimeError("not loaded")

    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("equal to nothing")


class Rows(list):
    """Not to be read from one end to the other."""

    def __init__(self, scale: float) -> None:
        super().__init__([scale])

    def __iter__(self) -> Any:
        raise RuntimeError("read by index")

    scale = property(lambda self: self[0], lambda self, number: self.__setitem__(0, number))


class Entry(list):
    scale = property(lambda self: self[0], lambda self, number: self.__setitem__(0, number))

    def __init__(self, scale: float) -> None:
        super().__init__([scale])


class InClass:
    scale = 2.0  # that of an instance hides it

    def __init__(self, scale: float) -> None:
        assert scale == self.scale


class Loud(type):
    def __getattr__(cls, name: str) -> Any:
        raise KeyError(name)


def of_loud_class(scale: float) -> Any:
    made = Loud("OfLoudClass", (), {})()
    made.scale = scale
    return made


Kind = Callable[..., Any]
WORK: list[Kind] = [AttributeDict, Settings, Closed, Slots, NotReady, Entry, InClass]
REFUSED: list[Kind] = [Rows, of_loud_class]
W = Value(1.5)


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held

    def __call__(self, x: Any) -> Any:
        return W * x * self.held.scale


def reads(held: Any) -> Callable[[Any], Any]:
    return lambda x: W * x * held.scale


def reads_proxy(held: Any) -> Callable[[Any], Any]:
    proxy = weakref.proxy(held)
    return lambda x: W * x * proxy.scale


PLACES = [reads, Holder]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", WORK)
def test_errors_of_attributes_are_looked_round(kind: Kind, place: Any, backend: str) -> None:
    held = kind(scale=2.0)
    compiled = engine.compile(place(held), backend=backend)
    assert list(compiled([1.0, 2.0])) == [3.0, 6.0]
    held.scale = 5.0
    assert list(compiled([1.0, 2.0])) == [7.5, 15.0]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", REFUSED)
def test_others_are_refused_with_the_line_that_raised(kind: Kind, place: Any) -> None:
    with pytest.raises(TraceError, match=r"what may change: it raises \w+Error: .*, at .*objects.py:\d+: raise"):
        engine.compile(place(kind(scale=2.0)))([1.0])


@pytest.mark.parametrize("kind", [AttributeDict, Settings, Entry, InClass])
def test_what_a_weak_proxy_stands_for_is_seen(kind: Kind) -> None:
    held = kind(scale=2.0)
    compiled = engine.compile(reads_proxy(held))
    assert list(compiled([1.0])) == [3.0]
    held.scale = 5.0
    assert list(compiled([1.0])) == [7.5]


@pytest.mark.parametrize("kind", [Settings, Slots])
def test_a_callable_object_that_has_no_name_compiles(kind: Any) -> None:
    called = type("Called", (kind,), {"__call__": lambda self, x: W * x * self.scale})
    compiled = engine.compile(called(scale=2.0))
    assert list(compiled([1.0])) == [3.0]
    assert repr(compiled) == "<compiled Called (float64, auto)>"


@pytest.mark.parametrize("kind", [AttributeDict, Settings, Slots])
def test_a_module_that_holds_settings_trains_compiled(kind: Kind) -> None:
    """Also one whose settings raise a KeyError for a name that they lack."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.layer, self.settings = nn.Layer(1, 1, "tanh", seed=1), kind(scale=2.0)

        def __call__(self, x: Any) -> Any:
            return [self.settings.scale * y for y in self.layer(x)]

    found = []
    for backend in ("eager", "auto"):
        model = Scaled()
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for scale in (2.0, 0.5):
                model.settings.scale = scale
                nn.fit(model, [[0.5], [1.0], [-1.0]], [1.0, 2.0, 0.0], nn.mse, optimizer, 3, seed=0, backend=backend)
        found.append([p.data for p in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-12)
