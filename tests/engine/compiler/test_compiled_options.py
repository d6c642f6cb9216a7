"""Options of engine.compile, packages that are missing, copies and pickles."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from engine import Value, compile
from tests.needs import INSTALLED, NATIVE, needs


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"dtype": "float16"}, ValueError, "float64"),
        ({"backend": "cuda"}, ValueError, "llvm"),
        ({"threads": 0}, ValueError, "at least 1, got 0"),
        ({"threads": 2.0}, TypeError, "whole number, got 2.0"),
        ({"threads": True}, TypeError, "whole number"),
        ({"threads": "2"}, TypeError, "whole number"),
        ({"threads": 2, "backend": "python"}, ValueError, "leave out threads=2, or take backend='llvm'"),
    ],
)
def test_wrong_options(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compile(lambda x: x, **keywords)
    with pytest.raises(TypeError, match="plain function"):
        compile(compile(lambda x: x))
    with pytest.raises(TypeError, match="takes a function"):
        compile(3.0)
    with pytest.raises(TypeError, match=r"got Value.*: give what computes it, such as lambda x: x \* x$"):
        compile(Value(2.0))
    with pytest.raises(TypeError, match=r"squared is a method, .* engine\.compile\(model\.squared\)"):

        class Model:
            @compile
            def squared(self, x: Any) -> Any:
                return x * x

    with pytest.raises(ValueError, match="wrt"):
        compile(lambda x: x, backend="python").value_and_grad([1.0], wrt="weights")
    with pytest.raises(RuntimeError, match="call it once"):
        compile(lambda x: x).explain()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler.backends import choice as module

    monkeypatch.setattr(module, "installed", lambda package: package != "llvmlite")
    with pytest.raises(ImportError, match="pip install llvmlite numpy"):
        compile(lambda x: x, backend="llvm")
    function = compile(lambda x: x + 1.0)
    assert list(function([1.0])) == [2.0]
    assert "back end    numpy" in function.explain()
    assert "llvmlite is not installed" in function.explain()
    several = compile(lambda x: x + 1.0, threads=2)
    assert list(several([1.0])) == [2.0]
    assert "1, not 2: only the llvm back end has more" in several.explain()
    monkeypatch.setattr(module, "installed", lambda package: False)
    alone = compile(lambda x: x + 1.0)
    assert alone([1.0]) == [2.0]
    assert "numpy is not installed" in alone.explain()


@NATIVE
def test_an_llvmlite_that_is_too_old_is_named_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba 0.61 brings 0.44, which has not the passes that are asked of it: ``AttributeError`` from inside."""
    from engine.compiler.backends import choice as module

    monkeypatch.setattr("llvmlite.__version__", "0.44.0")
    module._llvmlite_is_too_old.cache_clear()
    monkeypatch.setattr(module, "_llvmlite_is_too_old", module._llvmlite_is_too_old.__wrapped__)
    with pytest.raises(ImportError, match=r"the llvm back end needs llvmlite 0\.46 or later: pip install -U llvmlite"):
        compile(lambda x: x, backend="llvm")
    function = compile(lambda x: x + 1.0)
    assert list(function([1.0])) == [2.0]
    assert "back end    numpy" in function.explain()


def test_the_decorator_keeps_name_and_documentation() -> None:
    @compile(backend="python")
    def area(x: Any) -> Any:
        """Of a rectangle."""
        return x[0] * x[1]

    assert area.__name__ == "area"
    assert area.__doc__ == "Of a rectangle."
    assert "area" in repr(area)


def _module_level(x: Any) -> Any:
    return x * 2.0


@compile(backend="python")
def _decorated(x: Any) -> Any:
    return x * 3.0


def test_a_compiled_function_is_copied_and_pickled_by_its_function() -> None:
    plain = compile(_module_level, backend="python", dtype="float32")
    for twin in (copy.copy(plain), copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        assert twin is not plain
        assert twin.function is _module_level
        assert (twin.dtype, twin.backend, twin.threads) == ("float32", "python", 1)
        assert twin([1.0]) == [2.0]
    assert pickle.loads(pickle.dumps(_decorated)) is _decorated
    w = Value(2.0)
    closure = compile(lambda x: w * x, backend="python")
    assert copy.deepcopy(closure)([1.0]) == [2.0]
    with pytest.raises(
        pickle.PicklingError, match=r"is pickled by the name .*pickle what it reads, .*compile it again"
    ):
        pickle.dumps(closure)


class Doubling:
    """A function that is an object."""

    def __call__(self, x: Any) -> Any:
        return x + x


def test_a_compiled_object_pickles_with_it() -> None:
    double = pickle.loads(pickle.dumps(compile(Doubling(), backend="python")))
    assert [float(y) for y in double([3.0])] == [6.0]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"device": "cpu"}, "^<compiled .*f .*> has no argument 'device': leave .* run on the CPU$"),
        ({"batch_size": 2}, "any number of samples$"),
        ({"x": [1.0]}, "'x': give the samples of each argument by position$"),
        ({"dtype": "float32"}, r"set it when .*, as in engine\.compile\(f, dtype=\.\.\.\)$"),
        ({"n_threads": 2}, "when the function is compiled, write threads=2$"),
        ({"verbose": True}, "it takes samples by position, and nothing else$"),
    ],
)
def test_a_call_by_other_names_gets_the_remedy(named: dict[str, Any], message: str) -> None:
    def f(x: Any) -> Any:
        return x * x

    compiled: Any = compile(f, backend="python")
    for call in (compiled, compiled.backward, compiled.value_and_grad):
        with pytest.raises(TypeError, match=message):
            call([1.0], **named)
    assert compiled([1.0, 2.0]) == [1.0, 4.0]
    with pytest.raises(TypeError, match=message):
        compiled(batch=compiled.batch([1.0]), **named)


@pytest.mark.parametrize(
    ("arguments", "batch", "message"),
    [((), 32, "in place of the arguments, got 32: give only"), (([1.0],), None, "beside")],
)
def test_samples_are_given_one_way(arguments: Any, batch: Any, message: str) -> None:
    """Samples beside a batch were passed over without a word."""
    compiled: Any = compile(lambda x: x * x, backend="python")
    ready = compiled.batch([3.0])
    for call in (compiled, compiled.value_and_grad):
        with pytest.raises(TypeError, match=message):
            call(*arguments, batch=ready if batch is None else batch)
    assert compiled(batch=ready) == [9.0]


@pytest.mark.parametrize("backend", INSTALLED)
def test_plain_python_computes_in_float64_whatever_is_asked_for(backend: str) -> None:
    far = compile(lambda x: x * 1e30 * 1e30, backend=backend, dtype="float32")([1.0])
    assert list(far) == [1e30 * 1e30 if backend == "python" else math.inf]


FORMS: dict[str, Callable[[Any], Any]] = {
    "floats": lambda a: a,
    "whole numbers": lambda a: a.astype(int),
    "backwards": lambda a: a[::-1].copy()[::-1],
    "rows": lambda a: a.tolist(),
    "rows of arrays": lambda a: [*a],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("backend", INSTALLED)
def test_a_batch_is_the_samples_of_its_time(backend: str, form: str) -> None:
    """Of some arrays later changes counted, of others not."""
    compiled, *others = (
        compile(lambda x: x[0] + 10.0 * x[1], backend=each, dtype=dtype)
        for each, dtype in ((backend, "float64"), (backend, "float32"), ("python", "float64"))
    )
    samples = FORMS[form](needs("numpy").array([[1.0, 2.0], [3.0, 4.0]]))
    ready = compiled.batch(samples)
    for _ in range(2):
        for any_of_them in (compiled, *others):  # which may have to make it again of what was given
            assert list(any_of_them(batch=ready)) == [21.0, 43.0]
        samples[0][1] = 7


@pytest.mark.parametrize("theirs", INSTALLED)
@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("array", [True, False])
def test_a_batch_of_another_compiled_function(array: bool, dtype: str, backend: str, theirs: str) -> None:
    """In NumPy its rounded samples were taken for those of float64, without a word; native code raised errors."""
    samples: Any = [0.1, 1e-3]
    if array:
        samples = needs("numpy").array(samples)
    ready = compile(lambda x: x, backend=theirs, dtype="float32" if dtype == "float64" else "float64").batch(samples)
    compiled = compile(lambda x: 3.0 * x, backend=backend, dtype=dtype)
    for _ in range(2):
        assert list(compiled(batch=ready)) == list(compiled(samples))
        assert compiled.value_and_grad(batch=ready, wrt="inputs")[0] == compiled.value_and_grad(samples)[0]
