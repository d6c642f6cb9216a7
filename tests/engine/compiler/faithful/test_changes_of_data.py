"""What a function reads changes between two calls: variables, attributes, containers."""

from __future__ import annotations

import array
import builtins
import collections
import contextlib
import enum
import functools
import math
import types
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import Value, where
from tests.needs import needs

from .cases import Case, equal

np = needs("numpy")


@equal
def test_a_number_in_a_closure() -> Case:
    w, scale = Value(2.0), 3.0

    def between() -> None:
        nonlocal scale
        scale = 5.0

    return Case(lambda x: w * x * scale, between)


@equal
def test_a_flag_in_a_closure() -> Case:
    w, training = Value(2.0), True

    def between() -> None:
        nonlocal training
        training = False

    return Case(lambda x: w * x if training else x, between)


@equal
def test_a_parameter_replaced_by_one_with_the_same_number() -> Case:
    w = Value(2.0)

    def between() -> None:
        nonlocal w
        w = Value(2.0)

    return Case(lambda x: w * x, between)


_scale = 3.0
_activation: Callable[[Any], Any] = engine.tanh
_settings = types.SimpleNamespace(scale=2.0, deep=types.SimpleNamespace(power=2.0))


def _helper(x: Any) -> Any:
    return x * _scale


def _set_global(name: str, content: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, content)


@equal
def test_a_number_in_a_global() -> Case:
    _set_global("_scale", 3.0)()
    w = Value(2.0)
    return Case(lambda x: w * x * _scale, _set_global("_scale", 4.0))


@equal
def test_a_global_of_a_function_that_is_called() -> Case:
    _set_global("_scale", 3.0)()
    w = Value(2.0)
    return Case(lambda x: w * _helper(x), _set_global("_scale", 4.0))


@equal
def test_a_function_in_a_global() -> Case:
    _set_global("_activation", engine.tanh)()
    w = Value(2.0)
    return Case(lambda x: w * _activation(x), _set_global("_activation", engine.sin))


@equal
def test_an_attribute_of_a_plain_object() -> Case:
    _settings.scale = 2.0
    w = Value(2.0)
    return Case(lambda x: w * x * _settings.scale, lambda: setattr(_settings, "scale", 7.0))


@equal
def test_an_attribute_far_away() -> Case:
    _settings.deep.power = 2.0
    w = Value(2.0)
    return Case(lambda x: w * x**_settings.deep.power, lambda: setattr(_settings.deep, "power", 3.0))


@equal
def test_a_property_that_reads_a_global() -> Case:
    _set_global("_scale", 3.0)()

    class Model:
        w = Value(2.0)

        @property
        def scale(self) -> float:
            return _scale

    model = Model()
    return Case(lambda x: model.w * x * model.scale, _set_global("_scale", 4.0))


@equal
def test_an_attribute_of_a_module_of_python() -> Case:
    settings = types.ModuleType("settings_of_a_test")
    settings.__file__ = __file__
    settings.scale = 2.0
    w = Value(2.0)
    return Case(lambda x: w * x * settings.scale, lambda: setattr(settings, "scale", 7.0))


@equal
def test_a_number_in_a_list() -> Case:
    w, weights = Value(2.0), [1.0, 2.0, 3.0]
    return Case(lambda x: engine.sum([w * x * c for c in weights]), lambda: weights.__setitem__(1, 9.0))


@equal
def test_a_list_that_grows() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: engine.sum([w * x for w in weights]), lambda: weights.append(Value(4.0)))


@equal
def test_a_parameter_in_a_list_replaced_by_an_equal_one() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: engine.sum([w * x for w in weights]), lambda: weights.__setitem__(0, Value(1.0)))


@equal
def test_parameters_in_another_order() -> Case:
    weights = [Value(1.0), Value(2.0)]
    return Case(lambda x: weights[0] * x + weights[1], weights.reverse)


@equal
def test_a_number_in_a_dict() -> Case:
    w, weights = Value(2.0), {"a": 1.0, "b": 2.0}
    return Case(lambda x: w * x * weights["a"], lambda: weights.update(a=9.0))


@equal
def test_class_weights_in_an_array() -> Case:
    w, weights = Value(2.0), np.array([1.0, 2.0])
    return Case(lambda x: w * x * weights[0] + weights[1], lambda: weights.__setitem__(0, 9.0))


@equal
def test_a_weight_in_an_array_of_two_hundred() -> Case:
    w, weights = Value(2.0), np.ones(200)
    return Case(lambda x: w * x * weights[150], lambda: weights.__setitem__(150, 9.0))


@equal
def test_numbers_in_a_deque_and_an_array() -> Case:
    w, window, row_ = Value(2.0), collections.deque([1.0, 2.0]), array.array("d", [3.0])

    def between() -> None:
        window.append(5.0)
        row_[0] = 4.0

    return Case(lambda x: w * x * sum(window) * row_[0], between)


class _Mode(enum.Enum):
    PLAIN = 1
    SQUARED = 2


@equal
def test_a_member_of_an_enum() -> Case:
    w, settings_ = Value(2.0), types.SimpleNamespace(mode=_Mode.PLAIN)
    return Case(
        lambda x: w * x if settings_.mode is _Mode.PLAIN else w * x * x,
        lambda: setattr(settings_, "mode", _Mode.SQUARED),
    )


@equal
def test_the_value_of_a_member_of_an_enum() -> Case:
    class Kind(enum.Enum):
        ONE = 1.0

    w = Value(2.0)
    return Case(lambda x: w * x * Kind.ONE.value, lambda: setattr(Kind.ONE, "_value_", 5.0))


def in_something(make: Callable[[dict[str, float]], Callable[[], float]]) -> Case:
    """A number in a dict that is reached in another way."""
    w, table = Value(2.0), {"scale": 3.0}
    read = make(table)
    return Case(lambda x: w * x * read(), lambda: table.update(scale=7.0))


@equal
def test_a_number_behind_a_proxy() -> Case:
    def make(table: dict[str, float]) -> Callable[[], float]:
        proxy = types.MappingProxyType(table)
        return lambda: proxy["scale"]

    return in_something(make)


@equal
def test_a_number_in_nested_dicts() -> Case:
    def make(table: dict[str, float]) -> Callable[[], float]:
        outer = {"deep": {"deeper": table}}
        return lambda: outer["deep"]["deeper"]["scale"]

    return in_something(make)


@equal
def test_whether_an_array_can_be_written_to() -> Case:
    w, array = Value(2.0), np.ones(2)
    return Case(lambda x: w * x * (1.0 + array.flags.writeable), lambda: array.setflags(write=False), far=True)


@equal
def test_bytes_and_memory() -> Case:
    w, numbers, memory = Value(2.0), bytearray([2, 3]), np.array([2.0])
    view = memoryview(memory)

    def between() -> None:
        numbers[0] = 5
        memory[0] = 7.0

    return Case(lambda x: w * x * numbers[0] * view[0], between)


@equal
def test_an_entry_of_an_array_of_values() -> Case:
    weights = np.array([Value(0.5), Value(2.0)])
    return Case(lambda x: (weights * x).sum(), lambda: weights.__setitem__(0, Value(9.0)))


@equal
def test_entries_of_a_dict_in_another_order() -> Case:
    weights = {"a": Value(0.5), "b": Value(2.0)}

    def between() -> None:
        weights["a"] = weights.pop("a")

    return Case(lambda x: engine.sum([w * x**k for k, w in enumerate(weights.values())]), between)


@equal
def test_a_flag_that_becomes_a_number() -> Case:
    w, options = Value(2.0), {"flag": True}
    return Case(lambda x: w * x * (2.0 if options["flag"] is True else 3.0), lambda: options.update(flag=1))


@equal
def test_the_sign_of_a_zero() -> Case:
    w, options = Value(2.0), {"side": 0.0}
    return Case(lambda x: w * x * math.copysign(1.0, options["side"]), lambda: options.update(side=-0.0))


@equal
def test_a_number_that_becomes_a_value() -> Case:
    w, options = Value(2.0), {"scale": 3.0}
    return Case(lambda x: w * x * options["scale"], lambda: options.update(scale=Value(3.0)))


@equal
def test_a_variable_of_a_closure_that_is_new() -> Case:
    w = Value(2.0)

    def function(x: Any) -> Any:
        with contextlib.suppress(NameError):
            return w * x * scale
        return w * x

    def between() -> None:
        nonlocal scale
        scale = 7.0

    if not w:
        scale = 1.0
    return Case(function, between)


@equal
def test_a_global_that_is_new() -> Case:
    globals().pop("_not_there_yet", None)
    w = Value(2.0)

    def function(x: Any) -> Any:
        with contextlib.suppress(NameError):
            return w * x * _not_there_yet  # noqa: F821  # defined later
        return w * x

    return Case(function, _set_global("_not_there_yet", 7.0), far=True)


@equal
def test_an_attribute_that_is_new() -> Case:
    w, options = Value(2.0), types.SimpleNamespace()
    return Case(
        lambda x: w * x * (options.scale if hasattr(options, "scale") else 1.0),
        lambda: setattr(options, "scale", 7.0),
    )


@equal
def test_an_attribute_that_is_new_of_a_function() -> Case:
    w = Value(2.0)

    def scaled(x: Any) -> Any:
        return w * x * getattr(scaled, "scale", 1.0)

    return Case(scaled, lambda: setattr(scaled, "scale", 7.0))


@equal
def test_a_global_that_is_not_there_yet() -> Case:
    w = Value(2.0)
    globals().pop("scale_that_is_not_there", None)

    def function(x: Any) -> Any:
        try:
            return w * x * scale_that_is_not_there
        except NameError:
            return w * x

    return Case(function, lambda: globals().update(scale_that_is_not_there=5.0))


@equal
@pytest.mark.parametrize("of", ["the namespace", "its class"])
def test_a_global_that_a_namespace_of_ones_own_gives(of: str) -> Case:
    scales = {"scale": 3.0}

    class Names(dict):
        def __missing__(self, name: str) -> float:
            return self.scales[name] * scales[name]

    names = Names(w=Value(2.0))
    names.scales = {"scale": 3.0}
    exec("def function(x):\n    return w * x * scale\n", names)
    return Case(names["function"], lambda: (names.scales if of == "the namespace" else scales).update(scale=7.0))


@equal
def test_a_view_of_a_dict() -> Case:
    w, table = Value(2.0), {"a": 1.0}
    view = table.values()
    return Case(lambda x: w * x * sum(view), lambda: table.update(b=3.0))


@equal
def test_the_label_of_a_parameter() -> Case:
    w = Value(2.0, label="w")
    return Case(lambda x: w * x if w.label == "w" else w * w * x, lambda: setattr(w, "label", "v"))


@equal
def test_the_label_of_a_parameter_in_an_attribute() -> Case:
    class Options:
        w = Value(2.0, label="w")

    function: Callable[[Any], Any] = lambda x: Options.w * x if Options.w.label == "w" else Options.w * x * x
    return Case(function, lambda: setattr(Options.w, "label", "v"))


@equal
def test_a_name_put_among_the_builtins() -> Case:
    w = Value(2.0)
    vars(builtins)["SCALE_OF_A_TEST"] = 2.0
    change = functools.partial(vars(builtins).update, SCALE_OF_A_TEST=5.0)
    return Case(lambda x: w * x * SCALE_OF_A_TEST, change)  # noqa: F821  # it is one


@equal
def test_constants_from_outside() -> Case:
    table, w = {"a": (1.0, 2.0)}, Value(0.5)
    return Case(lambda x: w * x * table["a"][0] + np.pi * math.sqrt(table["a"][1]))


@equal
def test_branches_per_sample() -> Case:
    w = Value(0.5)
    return Case(lambda x: where((x > 0) & (x < 2), w * x, engine.relu(-x)))


OPAQUE: dict[str, Callable[[list[float]], tuple[Any, Callable[[Any], float]]]] = {
    "a slice": lambda numbers: (slice(numbers), lambda thing: thing.stop[0]),
    "a cell": lambda numbers: (types.CellType(numbers), lambda thing: thing.cell_contents[0]),
    "a method of a list": lambda numbers: (numbers.__getitem__, lambda method: method(0)),
    "the length of a list": lambda numbers: (numbers.__len__, lambda method: method()),
    "a frozendict": lambda numbers: (vars(builtins).get("frozendict", dict)(a=numbers), lambda table: table["a"][0]),
}


@equal
@pytest.mark.parametrize("of", OPAQUE)
def test_what_tells_only_the_collector_what_it_holds(of: str) -> Case:
    """As much of what is written in C does."""
    w, numbers = Value(2.0), [1.0]
    thing, read = OPAQUE[of](numbers)
    return Case(lambda x: w * x * read(thing), lambda: numbers.__setitem__(slice(None), [9.0, 8.0]))
