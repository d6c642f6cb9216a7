"""What a function calls changes between two calls: functions, methods, classes, caches."""

from __future__ import annotations

import abc
import functools
import string
import types
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import Value

from .cases import Case, equal, refused


@equal
def test_a_default_of_the_function() -> Case:
    w = Value(2.0)

    def function(x: Any, scales: Any = [1.0, 2.0]) -> Any:  # noqa: B006  # that it changes is the point
        return w * x * scales[1]

    return Case(function, lambda: function.__defaults__[0].__setitem__(1, 9.0))


@equal
def test_what_is_in_a_default_of_a_keyword() -> Case:
    w = Value(2.0)

    def function(x: Any, *, scales: Any = [1.0, 2.0]) -> Any:  # noqa: B006  # that it changes is the point
        return w * x * scales[1]

    return Case(function, lambda: function.__kwdefaults__["scales"].__setitem__(1, 9.0))


@equal
def test_a_partial() -> Case:
    w, options = Value(2.0), {"scale": 2.0}

    def scaled(options: dict[str, float], x: Any) -> Any:
        return w * x * options["scale"]

    return Case(functools.partial(scaled, options), lambda: options.update(scale=9.0))


@equal
def test_a_bound_method() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w, self.scale = Value(2.0), 3.0

        def forward(self, x: Any) -> Any:
            return self.w * x * self.scale

    model = Model()
    return Case(model.forward, lambda: setattr(model, "scale", 9.0))


@equal
def test_a_function_bound_to_an_object() -> Case:
    """Which has no method of that name."""
    w, scales = Value(2.0), [3.0]

    def scaled(of: Any, x: Any) -> Any:
        return of * x * scales[0]

    return Case(types.MethodType(scaled, w), lambda: scales.__setitem__(0, 9.0))


@equal
def test_a_callable_object() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w, self.power = Value(2.0), 2

        def __call__(self, x: Any) -> Any:
            return self.w * x**self.power

    model = Model()
    return Case(model, lambda: setattr(model, "power", 3))


@equal
def test_a_parameter_of_a_plain_object_replaced() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x

    model = Model()
    return Case(model, lambda: setattr(model, "w", Value(2.0)))


@equal
def test_another_method_of_a_class() -> Case:
    class Model:
        def __init__(self) -> None:
            self.w = Value(2.0)

        def activation(self, x: Any) -> Any:
            return engine.tanh(x)

        def __call__(self, x: Any) -> Any:
            return self.w * self.activation(x)

    return Case(Model(), lambda: setattr(Model, "activation", lambda self, x: engine.sin(x)))


@equal
def test_an_attribute_of_a_base_class() -> Case:
    class Settings:
        scale = 2.0

    class Model(Settings):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x * self.scale

    return Case(Model(), lambda: setattr(Settings, "scale", 7.0))


@equal
def test_an_attribute_of_a_function() -> Case:
    w = Value(2.0)

    def scaled(x: Any) -> Any:
        return w * x * scaled.scale

    scaled.scale = 3.0
    return Case(scaled, lambda: setattr(scaled, "scale", 7.0))


@equal
def test_an_attribute_of_a_class() -> Case:
    class Settings:
        scale = 2.0

    w = Value(2.0)
    return Case(lambda x: w * x * Settings.scale, lambda: setattr(Settings, "scale", 7.0))


class _Derived:
    def __init__(self) -> None:
        self.w = Value(2.0)

    @functools.cached_property
    def scale(self) -> float:
        return 3.0

    def activation(self, x: Any) -> Any:
        return engine.tanh(x)

    def __call__(self, x: Any) -> Any:
        return self.activation(self.w * x) * self.scale


@equal
def test_a_cached_property_set() -> Case:
    model = _Derived()
    return Case(model, lambda: vars(model).update(scale=7.0))


@equal
def test_a_method_replaced_on_an_instance() -> Case:
    model = _Derived()
    return Case(model, lambda: vars(model).update(activation=engine.sin))


def of_inner(change: Callable[[Any], Any]) -> Case:
    """A function in a function, of which a part is replaced."""
    w = Value(2.0)

    def inner(x: Any, scale: float = 3.0, *, power: float = 1.0) -> Any:
        return w * x**power * scale

    return Case(lambda x: inner(x), lambda: change(inner))


@equal
def test_a_default_replaced() -> Case:
    return of_inner(lambda inner: setattr(inner, "__defaults__", (7.0,)))


@equal
def test_a_default_by_name_replaced() -> Case:
    return of_inner(lambda inner: inner.__kwdefaults__.update(power=2.0))


class _Wrapped:
    """A decorator that is a class."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return functools.partial(self.function, owner)


class _Called:
    """An object in place of a method, which Python calls without the owner."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self) -> Any:
        return self.function(None)


SPECIAL: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "a function": lambda function: function,
    "one in a class": _Wrapped,
    "a partial method": lambda function: functools.partialmethod(lambda self, of: of(self), function),
    "one with a cache": functools.lru_cache(maxsize=0),
    "an object of one's own": _Called,
}


@equal
@pytest.mark.parametrize("decorate", SPECIAL.values(), ids=SPECIAL)
def test_what_a_method_reads_that_no_code_names(decorate: Callable[[Any], Any]) -> Case:
    """Python itself calls it, as for `float(scale)`."""
    w, table = Value(2.0), {"scale": 3.0}
    own = type("Scale", (), {"__float__": decorate(lambda self: table["scale"])})()
    return Case(lambda x: w * x * float(own), lambda: table.update(scale=7.0))


_ADDED: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a method": ("swish", lambda function: function, lambda y: y.swish()),
    "an operator": ("__matmul__", lambda function: lambda self, _: function(self), lambda y: y @ y),
    "a property": ("swish", property, lambda y: y.swish),
}


def _scaled_by(table: dict[str, float]) -> Callable[[Any], Any]:
    return lambda self: self * table["scale"]


@equal
@pytest.mark.parametrize("way", ["what it reads", "itself"])
@pytest.mark.parametrize(("name", "decorate", "call"), _ADDED.values(), ids=_ADDED)
def test_what_is_added_to_all_values(
    name: str,
    decorate: Callable[[Any], Any],
    call: Callable[[Any], Any],
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Case:
    w, table = Value(2.0), {"scale": 3.0}
    monkeypatch.setattr(Value, name, decorate(_scaled_by(table)), raising=False)

    def change() -> None:
        if way == "itself":
            setattr(Value, name, decorate(_scaled_by({"scale": 7.0})))
        table["scale"] = 7.0

    return Case(lambda x: call(w * x), change)


@refused
@pytest.mark.parametrize("name", ["relu", "__mul__"])
def test_a_method_of_all_values_that_is_replaced(name: str, monkeypatch: pytest.MonkeyPatch) -> Case:
    before, w = getattr(Value, name), Value(2.0)
    monkeypatch.setattr(Value, name, before)  # which it is again after the test
    change = functools.partial(setattr, Value, name, lambda self, *others: before(self, *others) + 1.0)
    return Case(lambda x: (w * x).relu(), change, far=True)


class _Bounded:
    """A setting that is no larger than a bound, and another number once it is deleted."""

    @property
    def scale(self) -> float:
        return self.kept

    @scale.setter
    def scale(self, number: float) -> None:
        self.kept = min(number, _most["set"])

    @scale.deleter
    def scale(self) -> None:
        self.kept = _most["deleted"]


_most = {"set": 3.0, "deleted": 3.0}


@equal
@pytest.mark.parametrize("way", _most)
def test_what_a_property_reads_when_it_is(way: str) -> Case:
    w = Value(2.0)
    _most.update({"set": 3.0, "deleted": 3.0})

    def scaled(x: Any) -> Any:
        bounded = _Bounded()
        bounded.scale = 5.0
        if way == "deleted":
            del bounded.scale
        return w * x * bounded.scale

    return Case(scaled, lambda: _most.update({way: 4.0}))


@equal
def test_the_code_of_a_function_reloaded() -> Case:
    def first(x: Any) -> Any:
        return x * 2.0

    def other(x: Any) -> Any:
        return x * x

    return Case(lambda x: first(x), lambda: setattr(first, "__code__", other.__code__))


@equal
def test_a_named_argument_of_a_partial() -> Case:
    w = Value(2.0)
    inner = functools.partial(lambda x, scale: w * x * scale, scale=3.0)
    return Case(lambda x: inner(x), lambda: inner.keywords.update(scale=7.0))


@equal
def test_an_attribute_of_a_metaclass() -> Case:
    class Meta(type):
        scale = 3.0

    class Settings(metaclass=Meta):
        pass

    w = Value(2.0)
    return Case(lambda x: w * x * Settings.scale, lambda: setattr(Meta, "scale", 7.0))


@equal
def test_an_attribute_of_a_class_of_a_library(monkeypatch: pytest.MonkeyPatch) -> Case:
    template = string.Template("a")
    change = functools.partial(monkeypatch.setattr, string.Template, "delimiter", "$$")
    return Case(lambda x: x * len(template.delimiter), change, far=True)


@equal
def test_other_defaults_by_name() -> Case:
    return of_inner(lambda inner: setattr(inner, "__kwdefaults__", {"power": 2.0}))


class _Plain:
    def scaled(self, x: Any) -> Any:
        return x


class _Doubled:
    def scaled(self, x: Any) -> Any:
        return 2.0 * x


@equal
def test_another_class_of_an_object() -> Case:
    w, scaler = Value(2.0), _Plain()
    return Case(lambda x: scaler.scaled(w * x), lambda: setattr(scaler, "__class__", _Doubled))


@equal
def test_a_class_of_code_without_a_name() -> Case:
    """Python says that it is of the module builtins, as in ``exec(code, {})``: it was taken for one of Python's own."""
    names: dict[str, Any] = {}
    exec("class Scaler:\n    def __call__(self, x):\n        return 3.0 * x\n", names)
    w, scaler, kind = Value(2.0), names["Scaler"](), names["Scaler"]
    return Case(lambda x: scaler(w * x), lambda: setattr(kind, "__call__", lambda self, x: 5.0 * x))


@equal
def test_another_base_of_a_class() -> Case:
    class Scaler(_Plain):
        pass

    w, scaler = Value(2.0), Scaler()
    return Case(lambda x: scaler.scaled(w * x), lambda: setattr(Scaler, "__bases__", (_Doubled,)))


class _Scaled(types.ModuleType):
    @property
    def scale(self) -> float:
        return 5.0


class _Kind(type):
    pass


class _ScaledKind(type):
    scale = property(lambda cls: 5.0)


@equal
@pytest.mark.parametrize(
    ("make", "other"), [(lambda: types.ModuleType("settings"), _Scaled), (lambda: _Kind("Rates", (), {}), _ScaledKind)]
)
def test_the_class_of_a_module_or_class_replaced(make: Callable[[], Any], other: type) -> Case:
    w, space = Value(2.0), make()
    space.scale = 3.0
    return Case(lambda x: w * x * space.scale, lambda: setattr(space, "__class__", other), far=True)


@equal
def test_a_class_that_is_registered() -> Case:
    class Scale(abc.ABC):  # noqa: B024  # nothing need be abstract
        pass

    class Own:
        pass

    w, own = Value(2.0), Own()
    return Case(lambda x: w * x * (2.0 if isinstance(own, Scale) else 1.0), lambda: Scale.register(Own), far=True)


@equal
def test_a_cache_that_is_emptied() -> Case:
    w, table = Value(2.0), {"scale": 3.0}

    @functools.lru_cache
    def read() -> float:
        return table["scale"]

    def between() -> None:
        table["scale"] = 7.0
        read.cache_clear()

    return Case(lambda x: w * x * read(), between)


@functools.lru_cache(maxsize=2)
def _recent(name: str) -> list[float]:
    return [3.0]


@functools.cache
def _kept(name: str) -> list[float]:
    return [3.0]


@equal
@pytest.mark.parametrize("read", [_recent, _kept])
@pytest.mark.parametrize("emptied", [False, True], ids=["as it is", "emptied and filled again"])
def test_what_a_cache_has_kept(read: Any, emptied: bool) -> Case:
    """Settings that are loaded once, and changed later."""
    read.cache_clear()
    w = Value(2.0)

    def change() -> None:
        if emptied:
            read.cache_clear()
        read("scale")[0] = 7.0

    return Case(lambda x: w * x * read("scale")[0], change, far=True)


@equal
def test_behind_a_memo_that_is_cleared() -> Case:
    known = {1: 3.0}
    scale = functools.lru_cache(known.__getitem__)
    w = Value(2.0)

    def change() -> None:
        known[1] = 7.0
        scale.cache_clear()
        engine.announce_change()  # it hangs on the function further off: without, it is seen milliseconds later

    return Case(lambda x: w * x * scale(1), change)
