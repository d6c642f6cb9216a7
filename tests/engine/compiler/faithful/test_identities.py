"""A number of a sample as an object: a key, a text, `is True`, its type."""

from __future__ import annotations

import collections
import copy
import functools
import importlib
import io
import logging
import operator
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import TraceError, Value, compile, where
from tests.needs import INSTALLED, needs

from .cases import Case, equal, refused

np = needs("numpy")
OF_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "in a set": lambda x: x * 2.0 if x in {1.0, 2.0} else x,
    "get of a dict": lambda x: x * {2.0: 3.0}.get(x, 1.0),
    "a defaultdict": lambda x: x * collections.defaultdict(int, {2.0: 3})[x],
    "how many are different": lambda x: x * len({x, abs(x)}),
    "counted": lambda x: x * len(collections.Counter([x, abs(x)])),
    "hash": lambda x: x * 2.0 if hash(x) == 2 else x,
    "a condition in a dict": lambda x: x * {True: 3.0}.get(x > 1.5, 1.0),
    "computed, in a set": lambda x: x * 2.0 if x * 2.0 in {4.0} else x,
    "in a tuple in a set": lambda x: x * 2.0 if (x, 1) in {(2.0, 1)} else x,
    "str": lambda x: x * 2.0 if "-" in str(x) else x,
    "repr": lambda x: x * 2.0 if repr(x) == "2.0" else x,
    "format": lambda x: x * 2.0 if f"{x}" == "2.0" else x,
    "format in a text": lambda x: x * 2.0 if f"number {x}" == "number 2.0" else x,
    "percent": lambda x: x * 2.0 if "%s" % x == "2.0" else x,  # noqa: UP031  # that it is seen is the point
    "text of a list": lambda x: x * 2.0 if "2.0" in str([x]) else x,
    "printed": lambda x: x * 2.0 if "-" in _printed(x) else x,
    "printed and read": lambda x: x * 2.0 if "-" in _printed(x, lambda file: file.seek(0) or file.readline()) else x,
    "text of a condition": lambda x: x * 2.0 if str(x > 1.5) == "True" else x,
}


@refused
@pytest.mark.parametrize("of", OF_NUMBERS.values(), ids=OF_NUMBERS)
def test_a_number_of_a_sample(of: Callable[[Any], Any]) -> Case:
    """One in the midst of others, which nobody compares, would be another number."""
    w = Value(2.0)
    return Case(lambda x: w * of(x), samples=([0.5, 1.5, 2.0, -1.0, 2.5],))


def of_attributes(x: Any) -> bool:
    pair = types.SimpleNamespace(first=x[0], second=x[1])
    return pair.first is pair.second


def of_names_that_are_bound_anew(x: Any) -> bool:
    first, second = x
    same, product = first is second, first * second
    first = second = product
    return same


ARE_ONE: dict[str, Callable[[Any], bool]] = {
    "is": lambda x: x[0] is x[1],
    "id": lambda x: len({*map(id, x)}) == 1,
    "operator": lambda x: operator.is_not(*x),
    "attributes": of_attributes,
    "names that are bound anew": of_names_that_are_bound_anew,
    "what a function gives": lambda x: (lambda k: x[k])(0) is (lambda k: x[k])(1),
}


@refused
@pytest.mark.parametrize("of", ARE_ONE.values(), ids=ARE_ONE)
def test_whether_two_numbers_are_one_object(of: Callable[[Any], Any]) -> Case:
    w = Value(2.0)
    return Case(lambda x: w if of(x) else w * w, samples=([[0.5, 1.5], [1.0, 1.0]],))


@refused
def test_a_condition_on_a_parameter_in_a_dict() -> Case:
    w = Value(-2.0)
    return Case(lambda x: w * x * {True: 3.0}.get(w > 0.0, 1.0), lambda: setattr(w, "data", 1.0))


def is_positive(x: Any) -> Any:
    return x > 0


def chosen(flag: Any) -> float:
    return 2.0 if flag is True else 3.0


def in_a_local(x: Any) -> float:
    flag = x > 0
    return 2.0 if flag is not False else 3.0


def in_a_closure(x: Any) -> float:
    flag = x > 0

    def inside() -> float:
        return 2.0 if flag is True else 3.0

    return inside()


def on_the_right(x: Any) -> float:
    flag = x > 0
    return 2.0 if True is flag else 3.0


def in_a_local_that_is_bound_anew(x: Any) -> float:
    flag = x > 0
    found = 2.0 if flag is True else 3.0
    flag = None
    return found


def in_an_attribute_that_is_bound_anew(x: Any) -> float:
    holder = types.SimpleNamespace(flag=x > 0)
    found = 2.0 if holder.flag is True else 3.0
    holder.flag = None
    return found


def in_a_dict_of_lists(x: Any) -> float:
    flags = {"of": [x > 0]}
    return 2.0 if flags["of"][0] is True else 3.0


class Slotted:
    __slots__ = ("flag", "unset")


def in_an_attribute(x: Any) -> float:
    holder = types.SimpleNamespace(flag=x > 0)
    return 2.0 if holder.flag is True else 3.0


def in_an_attribute_of_an_attribute(x: Any) -> float:
    kind, holder = Slotted, types.SimpleNamespace(inner=Slotted())
    holder.inner.flag = x > 0
    return 2.0 if True is holder.inner.flag and kind else 3.0


def _in_a_pattern(x: Any) -> float:
    match x > 0:
        case True:
            return 2.0
        case _:
            return 3.0


def _in_a_pattern_of_a_sequence(x: Any) -> float:
    match [x > 0]:
        case [False]:
            return 2.0
        case _:
            return 3.0


OF_TRUTH: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a comparison": (lambda x: 2.0 if (x > 0) is True else 3.0, [-1.0, 1.0, -1.0]),
    "a comparison on the right": (lambda x: 2.0 if True is (x > 0) else 3.0, [-1.0, 1.0, -1.0]),
    "both of two": (lambda x: 2.0 if ((x > 0) & (x < 2)) is True else 3.0, [-1.0, 1.0, -1.0]),
    "what a function gives": (lambda x: 2.0 if is_positive(x) is True else 3.0, [-1.0, 1.0, -1.0]),
    "what a function in C gives": (lambda x: 2.0 if operator.gt(x, 0) is True else 3.0, [-1.0, 1.0, -1.0]),
    "an argument": (lambda x: chosen(x > 0), [-1.0, 1.0, -1.0]),
    "a local": (in_a_local, [-1.0, 1.0, -1.0]),
    "a cell": (in_a_closure, [-1.0, 1.0, -1.0]),
    "a local on the right": (on_the_right, [-1.0, 1.0, -1.0]),
    "a local that is bound anew": (in_a_local_that_is_bound_anew, [-1.0, 1.0, -1.0]),
    "an attribute that is bound anew": (in_an_attribute_that_is_bound_anew, [-1.0, 1.0, -1.0]),
    "an entry of a dict": (in_a_dict_of_lists, [-1.0, 1.0, -1.0]),
    "a comprehension": (lambda x: 1.0 + len([1 for y in (x > 0, x > 1) if y is True]), [-1.0, 1.0, -1.0]),
    "an attribute": (in_an_attribute, [-1.0, 1.0, -1.0]),
    "an attribute of an attribute": (in_an_attribute_of_an_attribute, [-1.0, 1.0, -1.0]),
    "a pattern": (_in_a_pattern, [-1.0, 1.0, -1.0]),
    "a pattern of a sequence": (_in_a_pattern_of_a_sequence, [-1.0, 1.0, -1.0]),
    "a bool that is given": (chosen, [False, True, False]),
    "a bool in a row": (lambda x: 2.0 if x[1] is True else 3.0, [[False, False], [False, True], [False, False]]),
}


@refused
@pytest.mark.parametrize(("function", "samples"), OF_TRUTH.values(), ids=OF_TRUTH)
def test_is_true(function: Callable[[Any], Any], samples: Any) -> Case:
    w = Value(2.0)
    return Case(lambda x: w * function(x), samples=(samples,))


@refused
def test_a_condition_on_a_parameter_that_is_true() -> Case:
    w = Value(-2.0)
    return Case(lambda x: w * x * chosen(w > 0.0), lambda: setattr(w, "data", 1.0))


@equal
def test_settings_that_are_true_beside_conditions() -> Case:
    w, settings = Value(2.0), {"square": True}
    holder = types.SimpleNamespace(square=True)

    def function(x: Any, square: bool | None = True) -> Any:
        if square is None:
            square = False
        positive = x[0] > 0
        if settings["square"] is True and holder.square is not False and square is True:
            return where(positive, w * x[0] ** 2, x[1])
        return w * x[0]

    return Case(function, lambda: settings.update(square=False), samples=([[1.0, 2.0], [-1.0, 3.0]],))


class Typing:
    """Keeps what it was given, and `type`."""

    def __init__(self, ask: Any = type) -> None:
        self.ask, self.last = ask, None

    def keeps(self, x: Any) -> bool:
        self.last = x
        found = type(self.last) is float
        self.last = None
        return found

    def asks(self, x: Any) -> bool:
        return self.ask(x) is float


def _is_rebound(x: Any) -> bool:
    found = type(x) is float
    x = 1.0
    return found and x > 0.0


def _is_deleted(x: Any) -> bool:
    y = 2.0 * x
    found = type(y) is float
    del y, x
    return found


def _is_in_a_loop(x: Any) -> bool:
    found = False
    for y in (x, "text"):
        found = found or type(y) is float
    return found


def _is_walrus(x: Any) -> bool:
    return (type(y := x) is float, y := "text")[0]  # noqa: F841  # that it is another thing in the end is the point


def _is_an_attribute(x: Any) -> bool:
    return type(types.SimpleNamespace(x=x).x) is float


OTHER_TYPE, _types = type, {"of": type}
TYPES: dict[str, Callable[[Any], bool]] = {
    "rebound": _is_rebound,
    "deleted": _is_deleted,
    "in a loop": _is_in_a_loop,
    "walrus": _is_walrus,
    "of an attribute": _is_an_attribute,
    "of one's own attribute": lambda x: Typing(isinstance).keeps(x),
    "by map": lambda x: [*map(type, [x])] == [float],
    "as a key": lambda x: sorted([x], key=type)[0] is x and isinstance(min([[x]], key=type), list),
    "another name": lambda x: OTHER_TYPE(x) is float,
    "a default": lambda x, ask=type: ask(x) is float,
    "in a dict": lambda x: _types["of"](x) is float,
    "a partial": functools.partial(lambda ask, x: ask(x) is float, type),
    "of an array": lambda x: np.asarray(x).dtype.kind == "f",
}


@refused
@pytest.mark.parametrize("of", TYPES.values(), ids=TYPES)
def test_type_of_a_number(of: Callable[[Any], bool]) -> Case:
    """Every second label is an int, which nobody may know in time."""
    w = Value(2.0)
    return Case(lambda x: w * x * (3.0 if of(x) else 1.0), samples=([0.5, 1, 2, -1.0],))


def test_type_as_the_function_of_a_partial_is_refused() -> None:
    """An int that comes first is no float in a trace, either."""
    ask = functools.partial(type)
    with pytest.raises(TraceError, match="reads type by another name, func"):
        compile(lambda x: x * (3.0 if ask(x) is float else 1.0), backend="python")([1, 2.0])


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_condition_is_a_bool_of_whom_its_number_is(backend: str) -> None:
    w = Value(2.0)
    compiled = compile(lambda x: w * (2.0 if isinstance(x > 1, bool) else 1.0), backend=backend)
    for _ in range(2):
        assert list(compiled([0.5, 2.0])) == [4.0, 4.0]
        assert list(compiled(np.array([0.5, 2.0]))) == [2.0, 2.0]


@refused
def test_the_type_by_an_attribute() -> Case:
    w, typing = Value(2.0), Typing()
    return Case(lambda x: w * x * (3.0 if typing.asks(x) else 1.0), samples=([0.5, 1, 2, -1.0],))


@equal
def test_types_of_other_things() -> Case:
    """As `type` itself is used: of layers, classes, three arguments, isinstance, subclasses."""
    w = Value(2.0)

    class Scale:
        factor = 3.0

    def function(x: Any) -> Any:
        made = type("Made", (Scale,), {"factor": 2.0})
        scale = made()
        same = type(scale) is made and isinstance(made, type) and issubclass(type(made), type)
        x = x * type(scale).factor
        return w * x * (1.0 if same and type(None) is not float else 0.5)

    return Case(function)


@equal
def test_copies_of_rows() -> Case:
    w = Value(2.0)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    return Case(lambda x: w * copy.copy(x)[0] * copy.copy([x])[0][1], samples=(rows,))


@pytest.mark.parametrize("method", ["__repr__", "__str__", "__format__"])
def test_types_that_a_text_of_another_module_asks_for_are_refused(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample of the first call took the other branch, so that only the trace could see it."""
    name, spec = f"told_by_type{method}", ", spec" if method == "__format__" else ""
    body = f"def {method}(self{spec}):\n        return 'a' if type(self.x) is float else 'bb'"
    init = "def __init__(self, x):\n        self.x = x"
    (tmp_path / f"{name}.py").write_text(f"class Holder:\n    {init}\n    {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    holder = importlib.import_module(name).Holder
    text = {"__repr__": repr, "__str__": str, "__format__": format}[method]

    def function(x: Any) -> Any:
        return where(x > 10.0, x * len(text(holder(x))), x)

    with pytest.raises(TraceError, match="the function asks for the type of a number"):
        compile(function)([2.0, 3.0])
    assert [float(function(x)) for x in (2.0, 20.0)] == [2.0, 20.0]


def _printed(thing: Any, read: Callable[[io.StringIO], str] = io.StringIO.getvalue) -> str:
    file = io.StringIO()
    print(thing, file=file)
    return read(file)


def _logged(thing: Any) -> str:
    return logging.Formatter().format(logging.LogRecord("", logging.INFO, "", 1, "%s", (thing,), None))


@pytest.mark.parametrize("write", [_printed, _logged])
def test_types_that_a_text_asks_for_while_it_is_printed_or_logged_are_refused(write: Callable[[Any], str]) -> None:
    """Symbols may be printed, but what asks for their type may also keep the answer."""

    class Holder:
        def __init__(self, x: Any) -> None:
            self.x = x

        def __repr__(self) -> str:
            return "a" if type(self.x) is float else "bb"

    def function(x: Any) -> Any:
        return where(x > 10.0, x * write(Holder(x)).count("b"), x)

    with pytest.raises(TraceError, match="the function asks for the type of a number"):
        compile(function)([2.0, 3.0])
