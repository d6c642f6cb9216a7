"""What is read without its name in the code: what things are called, computed names, what is imported."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import keyword
import logging
import operator
import pickle
import pkgutil
import pydoc
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value

from .cases import Case, equal, refused


@equal
@pytest.mark.parametrize(
    ("name", "read", "other"),
    [
        ("__name__", lambda helper: helper.__name__, "b"),
        ("__qualname__", lambda helper: helper.__qualname__, "b"),
        ("__doc__", lambda helper: helper.__doc__, "b"),
        ("__module__", lambda helper: helper.__module__, "b"),
        ("__annotations__", lambda helper: helper.__annotations__, {"a": 1}),
    ],
)
def test_what_a_function_is_called(name: str, read: Callable[[Any], Any], other: Any) -> Case:
    def helper() -> None:
        "What it does."

    w, before = Value(2.0), getattr(helper, name)
    return Case(
        lambda x: w * x if read(helper) == before else w * w * x, lambda: setattr(helper, name, other), far=True
    )


@equal
def test_the_qualified_name_of_a_class() -> Case:
    class Helper:
        pass

    return Case(lambda x: x * len(Helper.__qualname__), lambda: setattr(Helper, "__qualname__", "Helper"), far=True)


@equal
@pytest.mark.parametrize("name", ["__signature__", "__wrapped__"])
def test_a_signature_of_ones_own(name: str) -> Case:
    def helper(a: int, b: int) -> None:
        pass

    w, other = Value(2.0), inspect.Signature() if name == "__signature__" else len
    return Case(lambda x: w * x * len(inspect.signature(helper).parameters), lambda: setattr(helper, name, other))


@equal
def test_the_annotations_of_a_function_in_place() -> Case:
    def helper() -> None:
        pass

    w = Value(2.0)
    return Case(lambda x: w * x * len(helper.__annotations__), lambda: helper.__annotations__.update(a=int), far=True)


@equal
def test_the_name_of_a_class() -> Case:
    class Kind:
        pass

    w = Value(2.0)
    return Case(
        lambda x: w * x if Kind.__name__ == "Kind" else w * w * x, lambda: setattr(Kind, "__name__", "B"), far=True
    )


@equal
def test_the_arguments_of_an_error() -> Case:
    w, error = Value(2.0), ValueError("a", 1)
    return Case(lambda x: w * x * error.args[1], lambda: setattr(error, "args", ("b", 3)), far=True)


@equal
def test_the_words_of_an_error() -> Case:
    w, error = Value(2.0), ValueError("a")
    return Case(lambda x: w * x * len(str(error)), lambda: setattr(error, "args", ("bcd",)), far=True)


@equal
def test_whether_a_module_was_imported() -> Case:
    w = Value(2.0)
    sys.modules.pop("a_module_of_a_test", None)
    there = types.ModuleType("a_module_of_a_test")
    change = functools.partial(sys.modules.__setitem__, "a_module_of_a_test", there)
    return Case(lambda x: w * x if "a_module_of_a_test" in sys.modules else w * w * x, change, far=True)


_BY_NAME: dict[str, Callable[[types.ModuleType], float]] = {
    "getattr": lambda module: getattr(module, "_".join(["scale", "by", "name"])),
    "vars": lambda module: vars(module)["scale_by_name"],
    "dict": lambda module: module.__dict__["scale_by_name"],
    "format": lambda module: float("{.scale_by_name}".format(module)),  # noqa: UP032  # that it is seen is the point
    "attrgetter": lambda module: operator.attrgetter("scale_" + "by_name")(module),
}


@equal
@pytest.mark.parametrize("read", _BY_NAME.values(), ids=_BY_NAME)
def test_a_setting_in_a_module(read: Callable[[types.ModuleType], float]) -> Case:
    w, module = Value(2.0), types.ModuleType("settings_of_a_test")
    vars(module)["scale_by_name"] = 2.0
    return Case(lambda x: w * x * read(module), lambda: vars(module).update(scale_by_name=5.0), far=True)


_ENCODER: Any = json.JSONEncoder


class _OwnEncoder(json.JSONEncoder):
    scale: float


_OF_A_CLASS: dict[str, Callable[[], float]] = {
    "by its name": lambda: _ENCODER.scale,
    "in its module": lambda: getattr(json, "JSONEncoder").scale,  # noqa: B009  # no type checker knows it
    "on an instance": lambda: _ENCODER().scale,
    "of a class derived from it": lambda: _OwnEncoder.scale,
}


@equal
@pytest.mark.parametrize("read", _OF_A_CLASS.values(), ids=_OF_A_CLASS)
def test_what_the_user_has_set_in_a_class_of_the_library(
    read: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> Case:
    monkeypatch.setattr(json.JSONEncoder, "scale", 3.0, raising=False)
    w = Value(2.0)
    return Case(lambda x: w * x * read(), lambda: monkeypatch.setattr(json.JSONEncoder, "scale", 7.0))


@equal
def test_what_the_user_has_set_in_a_base_of_a_class_of_the_library(monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr(logging.Handler, "scale", 3.0, raising=False)
    w, kind = Value(2.0), logging.StreamHandler
    return Case(lambda x: w * x * kind.scale, lambda: monkeypatch.setattr(logging.Handler, "scale", 7.0))


@equal
def test_what_a_module_gives_for_any_name() -> Case:
    w, module, scales = Value(2.0), types.ModuleType("gives_any_name"), [2.0]
    vars(module)["__getattr__"] = lambda name: scales[0]
    return Case(lambda x: w * x * module.scale, lambda: scales.__setitem__(0, 5.0))


@equal
def test_a_method_that_the_library_calls() -> Case:
    """No code of the user's names it."""
    w, scales = Value(2.0), [2.0]

    class Encoder(json.JSONEncoder):
        def default(self, thing: Any) -> float:
            return scales[0]

    return Case(lambda x: w * x * float(Encoder().encode(object())), lambda: scales.__setitem__(0, 5.0))


@equal
def test_what_the_user_has_set_in_a_module_of_the_library(monkeypatch: pytest.MonkeyPatch) -> Case:
    """It is seen at the next call, though a network leaves hardly any time to look."""
    monkeypatch.setattr(json, "scale", 3.0, raising=False)
    model, settings = nn.MLP(1, [3, 1], seed=1), vars(json)
    module: Any = json
    return Case(lambda x: model([x])[0] * module.scale, lambda: settings.update(scale=7.0))


@equal
def test_a_setting_of_a_module_that_is_asked_for() -> Case:
    w, module = Value(2.0), types.ModuleType("asked_for_by_a_test")
    vars(module)["scale"], sys.modules["asked_for_by_a_test"] = 2.0, module
    change = functools.partial(vars(module).update, scale=5.0)
    return Case(lambda x: w * x * sys.modules["asked_for_by_a_test"].scale, change, far=True)


@equal
def test_a_global_of_the_module_that_is_asked_for_by_its_name() -> Case:
    w, module = Value(2.0), types.ModuleType("asks_for_itself")
    sys.modules["asks_for_itself"] = module
    source = "import sys\ndef ask(): return vars(sys.modules[__name__]).get('ra' + key, 2.0)\nkey = 'te'"
    exec(source, vars(module))
    return Case(lambda x: w * x * module.ask(), functools.partial(vars(module).update, rate=5.0), far=True)


@equal
def test_a_global_by_the_globals_of_a_function() -> Case:
    w = Value(2.0)
    globals()["scale_of_globals"] = 2.0
    change = functools.partial(globals().update, scale_of_globals=5.0)
    return Case(lambda x: w * x * _caught.__globals__["scale_of_globals"], change, far=True)


@refused
def test_a_global_by_the_frame() -> Case:
    w = Value(2.0)
    return Case(lambda x: w * x * (2.0 if "Case" in sys._getframe().f_globals else 1.0))


COMPUTED: dict[str, Callable[[Any, str], float]] = {
    "getattr": lambda options, name: getattr(options, name),
    "vars": lambda options, name: vars(options)[name],
    "__dict__": lambda options, name: options.__dict__[name],
}


@equal
@pytest.mark.parametrize("read", COMPUTED.values(), ids=COMPUTED)
def test_a_computed_name(read: Callable[[Any, str], float]) -> Case:
    """An attribute that no code names."""
    options, w, name = types.SimpleNamespace(of_loss=3.0), Value(2.0), "loss"
    return Case(lambda x: w * x * read(options, "of_" + name), lambda: vars(options).update(of_loss=7.0))


class Options:
    """Has an attribute that no code of its own names."""

    __match_args__ = ("of_loss",)


_get, _vars, _getter, _format, _functions = getattr, vars, operator.attrgetter, str.format, [getattr]


def _of_a_pattern(options: Any) -> float:
    match options:
        case Options(of_loss=number):
            return float(number)
    return 0.0


def _of_a_pattern_in_its_place(options: Any) -> float:
    match options:
        case Options(3.0):
            return 2.0
    return 0.0


UNNAMED: dict[str, Callable[[Any], float]] = {
    "another name of getattr": lambda options: _get(options, "of_loss"),
    "another name of vars": lambda options: sum(_vars(options).values()),
    "another name of attrgetter": lambda options: _getter("of_loss")(options),
    "another name of str.format": lambda options: float(_format("{0.of_loss}", options)),
    "getattr in a list": lambda options: _functions[0](options, "of_loss"),
    "getattr as a default": lambda options, get=getattr: get(options, "of_loss"),
    "getattr by reduce": lambda options: functools.reduce(_get, ["of_loss"], options),
    "__getattribute__": lambda options: options.__getattribute__("of_loss"),
    "a method by its name": lambda options, call=operator.methodcaller("__getattribute__", "of_loss"): call(options),
    "str.format_map": lambda options: float("{of.of_loss}".format_map({"of": options})),
    "inspect.getattr_static": lambda options: float(inspect.getattr_static(options, "of_loss")),
    "inspect.getmembers": lambda options: float(dict(inspect.getmembers(options))["of_loss"]),
    "its state": lambda options: sum(options.__reduce_ex__(2)[2].values()),
    "its state by an older protocol": lambda options: sum(options.__reduce__()[2].values()),
    **(
        {"its state, asked for": lambda options: sum(options.__getstate__().values())}
        if sys.version_info >= (3, 11)
        else {}
    ),
    "pickled": lambda options: float(sum(pickle.dumps(options))),
    "a pattern": _of_a_pattern,
    "a pattern in its place": _of_a_pattern_in_its_place,
}


@equal
@pytest.mark.parametrize("read", UNNAMED.values(), ids=UNNAMED)
def test_an_attribute_without_a_name(read: Callable[[Any], float]) -> Case:
    options, w = Options(), Value(2.0)
    vars(options).update(of_loss=3.0)
    return Case(lambda x: w * x * read(options), lambda: vars(options).update(of_loss=7.0), far=True)


def _caught(options: Any) -> float:
    try:
        return float(options.of_loss)
    except Exception:
        return 2.0


def _caught_without_a_class(options: Any) -> float:
    try:
        return float(options.of_loss)
    except:  # noqa: E722  # that it is seen is the point
        return 2.0


def _suppressed(options: Any) -> float:
    with contextlib.suppress(Exception):
        return float(options.of_loss)
    return 2.0


_Missing = (KeyError, AttributeError)


def _caught_by_another_name(options: Any) -> float:
    try:
        return float(options.of_loss)
    except _Missing:
        return 2.0


@equal
@pytest.mark.parametrize("read", [_caught, _caught_without_a_class, _suppressed, _caught_by_another_name])
def test_an_attribute_that_is_missing(read: Callable[[Any], float]) -> Case:
    options, w = Options(), Value(2.0)
    return Case(lambda x: w * x * read(options), lambda: vars(options).update(of_loss=7.0), far=True)


@equal
def test_a_setting_of_a_module_by_another_name_of_getattr() -> Case:
    module, w = types.ModuleType("settings"), Value(2.0)
    vars(module).update(of_loss=3.0)
    return Case(lambda x: w * x * _get(module, "of_loss"), lambda: vars(module).update(of_loss=7.0), far=True)


_LISTS: Any = types.ModuleType("lists_of_a_test")


def _imported_by_name(w: Any, x: Any) -> Any:
    import lists_of_a_test

    return w * x * getattr(lists_of_a_test, "_of_".join(["scales", "loss"]))[0]


_OF_LISTS: dict[str, Callable[..., Any]] = {
    "its name": lambda w, x: w * x * getattr(_LISTS, "_of_".join(["scales", "loss"]))[0],
    "another global name": lambda w, x: w * x * _get(_LISTS, "_of_".join(["scales", "loss"]))[0],
    "a default": lambda w, x, get=getattr: w * x * get(_LISTS, "_of_".join(["scales", "loss"]))[0],
    "an import of its own": _imported_by_name,
    "the modules": lambda w, x: w * x * vars(sys.modules["lists_of_a_test"])["_of_".join(["scales", "loss"])][0],
    "a cell": (lambda get: lambda w, x: w * x * get(_LISTS, "_of_".join(["scales", "loss"]))[0])(getattr),
    "a default of its own": lambda w, x, lists=_LISTS: w * x * getattr(lists, "_of_".join(["scales", "loss"]))[0],
    "a getter": lambda w, x, get=operator.attrgetter("scales_of_loss"): w * x * get(_LISTS)[0],
}


@equal
@pytest.mark.parametrize("read", _OF_LISTS.values(), ids=_OF_LISTS)
def test_a_list_in_a_module_by_a_computed_name(read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Case:
    """Its entries are none of the module's attributes."""
    monkeypatch.setitem(sys.modules, "lists_of_a_test", _LISTS)
    w, scales = Value(2.0), [3.0]
    vars(_LISTS)["scales_of_loss"] = scales
    return Case(functools.partial(read, w), lambda: scales.__setitem__(0, 7.0), far=True)


@equal
def test_a_label_by_another_name_of_getattr() -> Case:
    w = Value(2.0, label="w")
    return Case(lambda x: w * x * len(_get(w, "label")), lambda: setattr(w, "label", "weight"), far=True)


@equal
def test_an_attribute_by_attrgetter() -> Case:
    class Options:
        """Of whose attributes those count that code names."""

    options, w, read = Options(), Value(2.0), operator.attrgetter("deep.of_loss")
    options.deep = Options()
    options.deep.of_loss = 3.0
    return Case(lambda x: w * x * read(options), lambda: setattr(options.deep, "of_loss", 7.0))


@equal
@pytest.mark.parametrize("call", [operator.methodcaller("of_loss"), operator.methodcaller("of_loss", times=2.0)])
def test_a_function_of_a_module_by_methodcaller(call: Callable[[Any], float]) -> Case:
    module, w, scales = _module(), Value(2.0), [3.0]
    vars(module)["of_loss"] = lambda times=1.0: times * scales[0]
    return Case(lambda x: w * x * call(module), lambda: scales.__setitem__(0, 7.0), far=True)


def _module() -> Any:
    """A module of the user's."""
    module = types.ModuleType("settings_of_the_user")
    module.__file__, module.__dict__["scale"] = __file__, 3.0
    sys.modules[module.__name__] = module
    return module


@equal
def test_a_module_that_the_function_imports() -> Case:
    module, w = _module(), Value(2.0)

    def scaled(x: Any) -> Any:
        import settings_of_the_user as settings

        return w * x * settings.scale

    return Case(scaled, lambda: setattr(module, "scale", 7.0))


@equal
def test_a_name_that_the_function_imports() -> Case:
    module, w = _module(), Value(2.0)

    def scaled(x: Any) -> Any:
        from settings_of_the_user import scale

        return w * x * scale

    return Case(scaled, lambda: setattr(module, "scale", 7.0))


@equal
def test_another_module_of_the_name_that_the_function_imports() -> Case:
    w = Value(2.0)
    _module()

    def scaled(x: Any) -> Any:
        from settings_of_the_user import scale

        return w * x * scale

    return Case(scaled, lambda: setattr(_module(), "scale", 7.0))


@refused
def test_a_module_by_a_computed_name() -> Case:
    module, w = _module(), Value(2.0)
    name = "settings_of_the_" + "user"
    return Case(lambda x: w * x * importlib.import_module(name).scale, lambda: setattr(module, "scale", 7.0))


@refused
def test_a_module_by_the_builtin() -> Case:
    module, w = _module(), Value(2.0)
    return Case(lambda x: w * x * __import__("settings_of_the_user").scale, lambda: setattr(module, "scale", 7.0))


BY_NAME: dict[str, Callable[[str], Any]] = {
    "importlib's own import": lambda name: importlib.__import__(name).scale,
    "anew": lambda name: len(importlib.reload(keyword).kwlist),
    "a library's function": lambda name: pkgutil.resolve_name(f"{name}:scale"),
    "another one": lambda name: pydoc.locate(f"{name}.scale"),
    "a pickle": lambda name: pickle.loads(f"c{name}\nscale\n.".encode()),
}


@pytest.mark.parametrize("how", BY_NAME)
def test_what_is_imported_by_its_name_in_any_way_is_refused(how: str) -> None:
    """It went on with the scale that was there when it was traced."""
    _module()
    with pytest.raises(TraceError, match="asks for something that its code does not name"):
        engine.compile(lambda x: BY_NAME[how]("settings_of_the_user") * x, backend="python")([1.0])
