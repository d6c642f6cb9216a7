"""What objects of the library and of classes of one's own tell by code of their own."""

from __future__ import annotations

import argparse
import collections
import contextvars
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import json
import mmap
import numbers
import operator
import pickle
import random
import string
import threading
import types
import typing
import xml.dom.minidom
import xml.etree.ElementTree
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

import engine
from engine import Value
from tests.needs import needs

from .cases import Case, equal

np = needs("numpy")


class Pickled:
    """Somebody sets what its code does not name."""


_LIBRARY: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "an event": (threading.Event, lambda e: 2.0 if e.is_set() else 1.0, lambda e: e.set()),
    "a namespace compared": (
        lambda: types.SimpleNamespace(a_field=1.0),
        lambda n: 2.0 if n == types.SimpleNamespace(**{"a_" + "field": 1.0}) else 1.0,
        lambda n: setattr(n, "a_field", 2.0),
    ),
    "a namespace that gets one more": (
        lambda: argparse.Namespace(a_field=1.0),
        lambda n: 2.0 if "a_later_field" in n else 1.0,
        lambda n: setattr(n, "a_later_field", 2.0),
    ),
    "a template": (
        lambda: string.Template("$a"),
        lambda t: float(t.substitute(a=2)),
        lambda t: setattr(t, "template", "1$a"),
    ),
    "a pickle": (
        Pickled,
        lambda p: len(pickle.dumps(p)) * 0.01,
        lambda p: setattr(p, "a_new_field", "a long text"),
    ),
    "names of a partial": (
        lambda: functools.partial(lambda scale=1.0: scale, scale=2.0),
        lambda p: p(),
        lambda p: p.__setstate__((p.func, (), {"scale": 5.0}, {})),
    ),
    "an attribute of a partial": (
        lambda: _with_scale(functools.partial(pow)),
        lambda p: p.scale,
        lambda p: setattr(p, "scale", 5.0),
    ),
    "a dict of defaults": (
        lambda: collections.defaultdict(lambda: 2.0),
        lambda d: d.clear() or d["a"],
        lambda d: setattr(d, "default_factory", lambda: 5.0),
    ),
    "a context of decimals": (
        lambda: decimal.Context(prec=5),
        lambda c: float(c.divide(1, 3)),
        lambda c: setattr(c, "prec", 2),
    ),
    "what a context of decimals has met": (
        lambda: decimal.Context(prec=5),
        lambda c: 2.0 if c.flags[decimal.Inexact] else 1.0,
        lambda c: c.divide(1, 3),
    ),
    "how a context of decimals writes": (
        lambda: decimal.Context(capitals=1),
        lambda c: 2.0 if "E" in c.to_sci_string(decimal.Decimal("1e30")) else 1.0,
        lambda c: setattr(c, "capitals", 0),
    ),
    "what a context of decimals refuses": (
        lambda: decimal.Context(traps=[]),
        lambda c: 2.0 if c.traps[decimal.Inexact] else 1.0,
        lambda c: c.traps.update({decimal.Inexact: True}),
    ),
    "what an error was given": (
        lambda: ValueError([2.0]),
        lambda error: error.args[0][0],
        lambda error: error.args[0].__setitem__(0, 5.0),
    ),
    "what a thread has": (
        lambda: _with_scale(threading.local(), [2.0]),
        lambda local: local.scale[0],
        lambda local: local.scale.__setitem__(0, 5.0),
    ),
    "the plain function of a compiled one": (
        lambda: _metadata.update(scale=2.0) or engine.compile(lambda x: x * _metadata["scale"], backend="python"),
        lambda compiled: compiled.function(1.0),
        lambda compiled: _metadata.update(scale=5.0),
    ),
    "a context of variables": (
        lambda: _context_with(2.0),
        lambda c: c.run(_scale_inside.get),
        lambda c: c.run(_scale_inside.set, 5.0),
    ),
    "the default of a context variable": (
        lambda: _variable_with([2.0]),
        lambda scales: scales.get()[0],
        lambda scales: scales.get().__setitem__(0, 5.0),
    ),
    "a function of NumPy's for one of the user's": (
        lambda: _metadata.update(scale=2.0) or np.frompyfunc(lambda x: x * _metadata["scale"], 1, 1),
        lambda ufunc: ufunc(3.0),
        lambda ufunc: _metadata.update(scale=5.0),
    ),
    "a table with names": (
        lambda: needs("pandas").DataFrame({"a": [1.0], "b": [2.0]}),
        lambda table: float(table["a"].iloc[0]),
        lambda table: setattr(table, "columns", ["b", "a"]),
    ),
    "a series with an index": (
        lambda: needs("pandas").Series([1.0, 2.0], index=["a", "b"]),
        lambda series: float(series["a"]),
        lambda series: setattr(series, "index", ["b", "a"]),
    ),
    "a series with a name": (
        lambda: needs("pandas").Series([1.0], name="a"),
        lambda series: len(series.name),
        lambda series: setattr(series, "name", "abc"),
    ),
    "a table with a name of its rows": (
        lambda: needs("pandas").DataFrame({"a": [1.0]}).rename_axis("a"),
        lambda table: len(table.index.name),
        lambda table: setattr(table.index, "name", "abc"),
    ),
    "the places of a series": (
        lambda: needs("pandas").Series([1.0, 2.0]).loc,
        lambda places: float(places[1]),
        lambda places: places.obj.__setitem__(1, 5.0),
    ),
    "a list in a table": (
        lambda: needs("pandas").DataFrame({"a": [[1.0]]}),
        lambda table: table["a"][0][0],
        lambda table: table["a"][0].__setitem__(0, 2.0),
    ),
    "what is noted of a table": (
        lambda: needs("pandas").DataFrame({"a": [1.0]}),
        lambda table: table.attrs.get("scale", 1.0),
        lambda table: table.attrs.update(scale=2.0),
    ),
    "a member of an enum that its class gives": (
        lambda: enum.Enum("Rates", {"A": 1.0}),
        lambda rates: sum(rate.value for rate in rates),
        lambda rates: setattr(rates.A, "_value_", 2.0),
    ),
    "all attributes exchanged": (Pickled, lambda p: len(vars(p)), lambda p: setattr(p, "__dict__", {"a": 1, "b": 2})),
    "a list in an array of records": (
        lambda: np.array([([1.0],)], [("a", object)]),
        lambda records: records["a"][0][0],
        lambda records: records["a"][0].__setitem__(0, 2.0),
    ),
    "a structure of ctypes": (
        lambda: type("Pair", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_double)]})(1.0),
        lambda pair: pair.a,
        lambda pair: setattr(pair, "a", 2.0),
    ),
    "a pointer of ctypes": (
        lambda: ctypes.pointer(ctypes.c_double(1.0)),
        lambda pointer: pointer[0],
        lambda pointer: setattr(pointer.contents, "value", 2.0),
    ),
    "what a method by its name takes": (
        lambda: _metadata.update(scale=2.0) or operator.methodcaller("scale_in", _metadata),
        lambda call: call(_Reader()),
        lambda call: _metadata.update(scale=5.0),
    ),
    "what a method by its name takes by name": (
        lambda: _metadata.update(scale=2.0) or operator.methodcaller("scale_in", names=_metadata),
        lambda call: call(_Reader()),
        lambda call: _metadata.update(scale=5.0),
    ),
    "a moment in a zone of one's own": (
        lambda: datetime.datetime(2000, 1, 1, tzinfo=_Zone()),
        lambda moment: moment.utcoffset().seconds,
        lambda moment: setattr(moment.tzinfo, "hours", 5),
    ),
    "a time of day in a zone of one's own": (
        lambda: datetime.time(tzinfo=_Zone()),
        lambda moment: moment.utcoffset().seconds,
        lambda moment: setattr(moment.tzinfo, "hours", 5),
    ),
    "a view of memory with rows": (
        lambda: memoryview(np.ones((2, 2))),
        lambda memory: memory[0, 1],
        lambda memory: memory.obj.__setitem__((0, 1), 2.0),
    ),
    "a text in XML": (
        lambda: xml.etree.ElementTree.fromstring("<a>2</a>"),
        lambda element: float(element.text),
        lambda element: setattr(element, "text", "5"),
    ),
    "an attribute in XML": (
        lambda: xml.etree.ElementTree.fromstring("<a><b scale='2'/></a>"),
        lambda element: float(element[0].get("scale")),
        lambda element: element[0].set("scale", "5"),
    ),
    "a text in a document": (
        lambda: xml.dom.minidom.parseString("<a>2</a>").documentElement.firstChild,
        lambda text: float(text.data),
        lambda text: setattr(text, "data", "5"),
    ),
    "a fraction": (
        lambda: fractions.Fraction(1, 2),
        lambda fraction: float(fraction),
        lambda fraction: setattr(fraction, "_numerator", 5),
    ),
    "a generator of random numbers": (
        lambda: _with_scale(random.Random(1)),
        lambda generator: generator.scale,
        lambda generator: setattr(generator, "scale", 5.0),
    ),
    "what a generator of random numbers keeps for later": (
        lambda: random.Random(1),
        lambda generator: generator.gauss_next or 1.0,
        lambda generator: generator.gauss(0.0, 1.0),
    ),
    "names of columns in an array": (
        lambda: np.array([(2.0, 3.0)], [("a", float), ("b", float)]),
        lambda records: float(records["a"][0]),
        lambda records: setattr(records.dtype, "names", ("b", "a")),
    ),
    "an error": (lambda: OSError(2, "a"), lambda error: error.errno, lambda error: setattr(error, "errno", 5)),
    "a static method in a list": (
        lambda: [staticmethod(_two)],
        lambda methods: methods[0](),
        lambda methods: setattr(methods[0].__func__, "__code__", (lambda: 5.0).__code__),
    ),
    "globals of another function": (
        lambda: types.FunctionType(_two.__code__, {"scale": 2.0}),
        lambda function: function.__globals__["scale"],
        lambda function: function.__globals__.update(scale=5.0),
    ),
    "a class that a call has made": (
        lambda: types.new_class("Made", (), {}, lambda names: names.update(scale=2.0)),
        lambda made: made.scale,
        lambda made: setattr(made, "scale", 5.0),
    ),
    "a class that a call has made of an abstract one": (
        lambda: type("Made", (collections.UserDict,), {"scale": 2.0, "__getitem__": lambda self, name: self.scale}),
        lambda made: made()["a"],
        lambda made: setattr(made, "scale", 5.0),
    ),
    "a number by its abstract class": (
        lambda: type("Own", (), {})(),
        lambda own: 2.0 if isinstance(own, numbers.Number) else 1.0,
        lambda own: numbers.Number.register(type(own)),
    ),
    "an enum that a call has made": (
        lambda: _with_scale(enum.EnumMeta("Rates", (enum.Enum,), enum.EnumMeta.__prepare__("Rates", (enum.Enum,)))),
        lambda rates: rates.scale,
        lambda rates: setattr(rates, "scale", 5.0),
    ),
    "metadata of a field": (
        lambda: _metadata.update(scale=2.0) or dataclasses.make_dataclass("Own", [_with_metadata()]),
        lambda made: dataclasses.fields(made)[0].metadata["scale"],
        lambda made: _metadata.update(scale=5.0),
    ),
    "a property of a class of one's own": (
        lambda: type("Thing", (), {"scale": type("Own", (property,), {"factor": 2.0, "__get__": _factor_of})()})(),
        lambda thing: thing.scale,
        lambda thing: setattr(type(vars(type(thing))["scale"]), "factor", 5.0),
    ),
}


class _Reader:
    def scale_in(self, names: dict[str, float]) -> float:
        return names["scale"]


class _Zone(datetime.tzinfo):
    def __init__(self) -> None:
        self.hours = 2

    def utcoffset(self, _: Any) -> datetime.timedelta:
        return datetime.timedelta(hours=self.hours)


def _two() -> float:
    return 2.0


_metadata: dict[str, float] = {}


def _with_metadata() -> Any:
    return "a", float, dataclasses.field(metadata=_metadata)


def _factor_of(part: Any, *_: Any) -> Any:
    return part.factor


_scale_inside: ContextVar[float] = ContextVar("scale")


def _context_with(scale: float) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(_scale_inside.set, scale)
    return context


def _variable_with(default: Any) -> ContextVar[Any]:
    return ContextVar("scales", default=default)


def _with_scale(thing: Any, scale: Any = 2.0) -> Any:
    thing.scale = scale
    return thing


class Base:
    scale = 2.0

    def __getattr__(self, name: str) -> float:
        return 2.0


def _derived() -> Any:
    return type("Derived", (Base,), {})()


def _namespace_with_default() -> Any:
    module = types.ModuleType("with_default")
    exec("def __getattr__(name): return 2.0", vars(module))
    return module


def _read_or(module: Any) -> float:
    try:
        return float(module.rate)
    except AttributeError:
        return 2.0


HIDING: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "a base": (_derived, lambda thing: thing.scale, lambda thing: setattr(type(thing), "scale", 5.0)),
    "a __getattr__": (_derived, lambda thing: thing.rate, lambda thing: setattr(type(thing), "rate", 5.0)),
    "a __getattr__ of an instance": (_derived, lambda thing: thing.rate, lambda thing: setattr(thing, "rate", 5.0)),
    "an instance": (
        lambda: _with_scale(_derived()),
        lambda thing: thing.scale,
        lambda thing: setattr(type(thing), "scale", property(lambda self: 5.0, lambda self, number: None)),
    ),
    "a __getattr__ of a module": (
        _namespace_with_default,
        lambda module: module.rate,
        lambda module: setattr(module, "rate", 5.0),
    ),
    "nothing in a module": (
        lambda: types.ModuleType("without"),
        lambda module: _read_or(module),
        lambda module: setattr(module, "rate", 5.0),
    ),
    "parts of a partial": (
        lambda: functools.partial(pow, 2.0),
        lambda power: power(2.0),
        lambda power: power.__setstate__((pow, (3.0,), {}, None)),
    ),
}


class Rates(list):
    factor = 2.0

    def __getitem__(self, place: Any) -> Any:
        return list.__getitem__(self, place) * self.factor


class Defaults(dict):
    default = 2.0

    def __missing__(self, name: str) -> float:
        return self.default


class Point(tuple):
    scale: float


class Named(np.ndarray):
    scale: float


OF_BUILT_IN: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "a list": (lambda: Rates([1.0]), lambda rates: rates[0], lambda rates: setattr(rates, "factor", 5.0)),
    "the class of a list": (lambda: Rates([1.0]), lambda rates: rates[0], lambda rates: setattr(Rates, "factor", 4.0)),
    "a dict": (Defaults, lambda names: names["a"], lambda names: setattr(names, "default", 5.0)),
    "a tuple": (lambda: _with_scale(Point([1.0])), lambda p: p[0] * p.scale, lambda p: setattr(p, "scale", 5.0)),
    "an array": (
        lambda: _with_scale(np.array([1.0]).view(Named)),
        lambda array: float(array[0]) * array.scale,
        lambda array: setattr(array, "scale", 5.0),
    ),
    "an ordered dict": (
        lambda: _with_scale(collections.OrderedDict()),
        lambda names: names.scale,
        lambda names: setattr(names, "scale", 5.0),
    ),
    "a masked array": (
        lambda: np.ma.masked_array([1.0], fill_value=2.0),
        lambda array: float(array.fill_value),
        lambda array: array.set_fill_value(5.0),
    ),
    "a file in memory": (
        lambda: _with_scale(io.StringIO("a")),
        lambda file: file.scale,
        lambda file: setattr(file, "scale", 5.0),
    ),
    "a file of bytes in memory": (
        lambda: _with_scale(io.BytesIO(b"a")),
        lambda file: file.scale,
        lambda file: setattr(file, "scale", 5.0),
    ),
    "an array of dicts": (
        lambda: np.array([{"a": 1.0}, None], object),
        lambda array: array[0]["a"],
        lambda array: array[0].update(a=5.0),
    ),
}


def _of_own_class(base: type, *arguments: Any, **named: Any) -> Any:
    """An object of a class that inherits all of its methods from one of the library's."""
    return type("Own", (base,), {"__module__": __name__})(*arguments, **named)


INHERITING: dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[Any], Any]]] = {
    "a template": (
        lambda: _of_own_class(string.Template, "$a"),
        lambda template: float(template.substitute(a=2)),
        lambda template: setattr(template, "template", "1$a"),
    ),
    "a namespace": (
        lambda: _of_own_class(types.SimpleNamespace, a_field=1.0),
        lambda space: 2.0 if space == types.SimpleNamespace(**{"a_" + "field": 1.0}) else 1.0,
        lambda space: setattr(space, "a_field", 2.0),
    ),
    "arguments": (
        lambda: _of_own_class(argparse.Namespace),
        lambda space: 2.0 if "a_later_field" in space else 1.0,
        lambda space: setattr(space, "a_later_field", 2.0),
    ),
    "an event": (lambda: _of_own_class(threading.Event), lambda e: 2.0 if e.is_set() else 1.0, lambda e: e.set()),
    "a fraction, which has slots": (
        lambda: _of_own_class(fractions.Fraction, 1, 2),
        lambda fraction: float(fraction),
        lambda fraction: setattr(fraction, "_numerator", 5),
    ),
    "an error, which has slots": (
        lambda: _of_own_class(OSError, 2, "a"),
        lambda error: len(str(error)),
        lambda error: setattr(error, "strerror", "abc"),
    ),
    "a text": (
        lambda: _of_own_class(collections.UserString, "1"),
        lambda text: float(str(text)),
        lambda text: setattr(text, "data", "7"),
    ),
    "an encoder": (
        lambda: _of_own_class(json.JSONEncoder),
        lambda encoder: len(encoder.encode([1, 2])),
        lambda encoder: setattr(encoder, "item_separator", " , "),
    ),
}


@equal
@pytest.mark.parametrize(
    ("make", "read", "change"),
    [*_LIBRARY.values(), *HIDING.values(), *OF_BUILT_IN.values(), *INHERITING.values()],
    ids=[
        *(f"what is told by {name}" for name in _LIBRARY),
        *(f"what hides {name}" for name in HIDING),
        *(f"attributes of {name}" for name in OF_BUILT_IN),
        *(f"what methods are inherited for by {name}" for name in INHERITING),
    ],
)
def test_an_object(make: Callable[[], Any], read: Callable[[Any], float], change: Callable[[Any], Any]) -> Case:
    w, thing = Value(2.0), make()
    return Case(lambda x: w * x * read(thing), lambda: change(thing), far=True)


@equal
def test_an_attribute_in_slots() -> Case:
    class Options:
        __slots__ = ("scale", "unused")

    options, w = Options(), Value(2.0)
    options.scale = 3.0
    return Case(lambda x: w * x * options.scale, lambda: setattr(options, "scale", 7.0))


@equal
def test_a_number_of_ctypes() -> Case:
    number, w = ctypes.c_double(3.0), Value(2.0)
    return Case(lambda x: w * x * number.value, lambda: setattr(number, "value", 7.0))


@equal
def test_shared_memory() -> Case:
    memory, w = mmap.mmap(-1, 8), Value(2.0)
    return Case(lambda x: w * x * (3.0 + memory[0]), lambda: memory.__setitem__(0, 4))


@equal
def test_the_place_in_shared_memory() -> Case:
    memory, w = mmap.mmap(-1, 8), Value(2.0)
    return Case(lambda x: w * x * (3.0 + memory.tell()), lambda: memory.seek(4))


@equal
def test_a_file_in_memory() -> Case:
    file, w = io.StringIO("3.0"), Value(2.0)
    return Case(lambda x: w * x * float(file.getvalue()), lambda: file.write("7.0"))


@typing.runtime_checkable
class _Going(typing.Protocol):
    def go(self) -> None: ...


class _Slotted:
    __slots__ = ("number",)


class _Empty:
    pass


@equal
def test_what_a_protocol_asks_for() -> Case:
    w, thing = Value(2.0), _Empty()
    return Case(lambda x: w * x if isinstance(thing, _Going) else w * w * x, lambda: setattr(thing, "go", 1), far=True)


@equal
def test_a_slot_by_its_descriptor() -> Case:
    w, thing, of = Value(2.0), _Slotted(), vars(_Slotted)["number"]
    thing.number = 1.0
    return Case(lambda x: w * x * of.__get__(thing), lambda: setattr(thing, "number", 3.0), far=True)
