"""engine.compile: a function of Values, traced once, run on batches of numbers."""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Callable
from functools import cached_property, partial, update_wrapper
from typing import Any, Literal, overload

from ..ieee import mean
from ..value import Value
from .batch import Batch, as_batch, flat, installed, nested
from .checks import Eager, agree, check_labels, labels_of
from .errors import TraceError, Unsupported
from .fingerprint import fingerprint, has_template
from .plan import Plan
from .planning import make_plan
from .recipe import Recipe, collector_at_rest
from .trace import Shape, Trace, trace

BACKENDS = ("llvm", "numpy", "python")
_NEEDS = {"llvm": ("llvmlite", "numpy"), "numpy": ("numpy",), "python": ()}
_INSTALL = {"llvm": 'pip install "stepgrad[compile]"', "numpy": "pip install numpy"}
_TOLERANCE = {"float64": 1e-8, "float32": 1e-3}

Mode = Literal["outputs", "leaves", "inputs"]


@overload
def compile(function: Callable[..., Any], *, dtype: str = ..., backend: str = ..., threads: int = ...) -> Compiled: ...
@overload
def compile(
    *, dtype: str = ..., backend: str = ..., threads: int = ...
) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(
    function: Callable[..., Any] | None = None, *, dtype: str = "float64", backend: str = "auto", threads: int = 1
) -> Any:
    """Compile a function of one sample, to be called on batches of them.

    The function takes Values or lists of Values and returns one Value, or a list of them. It is traced at the first
    call; Values that it reads, such as parameters, are bound: later calls use the numbers that they have then. Other
    numbers that it reads from outside are constants of the program; compile it again if they change. An index
    out of range that the function has computed makes `take` give nan, or raise in the "python" back end.

    Args:
        function: what to compile; left out in ``@engine.compile(dtype="float32")``.
        dtype: "float64" or "float32".
        backend: "llvm", "numpy", "python", or "auto" for the best that is installed.
        threads: how many of them may share the samples of a call, in the "llvm" back end: no more than there are
            processors, and one where the samples are too few for sharing to pay. With as many threads the numbers are
            the same every time; with another count they may differ by rounding, as sums are made in another order.

    Raises:
        TypeError: `function` cannot be called, or `threads` is no whole number.
        ValueError: there is no such dtype or back end; `threads` is below 1, or the back end has no more than one.
        ImportError: the back end needs a package that is not installed.

    >>> w, b = Value(2.0), Value(1.0)
    >>> @compile(backend="python")
    ... def loss(x, y):
    ...     return (w * x[0] + b - y) ** 2
    >>> loss([[1.0], [2.0]], [0.0, 5.0])
    [9.0, 0.0]
    >>> loss.backward([[1.0], [2.0]], [0.0, 5.0])
    4.5
    >>> w.grad, b.grad
    (3.0, 3.0)
    """
    if function is None:
        return partial(compile, dtype=dtype, backend=backend, threads=threads)
    return Compiled(function, dtype, backend, threads)


class Compiled:
    """A compiled function; `compile` makes it.

    Attributes:
        function: the Python function.
        dtype: "float64" or "float32".
        backend: the back end that was asked for.
        threads: how many may share a call.
    """

    def __init__(
        self, function: Callable[..., Any], dtype: str = "float64", backend: str = "auto", threads: int = 1
    ) -> None:
        if not callable(function):
            raise TypeError(f"compile() takes a function, got {function!r}")
        if isinstance(function, Compiled):
            raise TypeError(f"compile() takes a plain function, got {function!r}: call compile() on its `function`")
        if dtype not in _TOLERANCE:
            raise ValueError(f"dtype must be 'float64' or 'float32', got {dtype!r}")
        if backend != "auto" and backend not in BACKENDS:
            raise ValueError(f"backend must be 'auto', 'llvm', 'numpy' or 'python', got {backend!r}")
        if backend != "auto":
            _require(backend)
        update_wrapper(self, function)
        self.function, self.dtype, self.backend = function, dtype, backend
        self.threads = _thread_count(threads, backend)
        self._lock = threading.RLock()
        self._traced: dict[tuple[Shape, ...], Traced] = {}
        self._latest: Traced | None = None

    # ---- running it ----

    def __call__(self, *arguments: Any) -> Any:
        """The results for every sample: an array of N numbers, or N x k if the function returns a list of k.

        Args:
            arguments: for each argument of the function, the samples: N numbers, N rows of numbers, ...

        Raises:
            TraceError: the function does what cannot be compiled.
            TypeError, ValueError: an argument is no batch of numbers.
        """
        batch = self.batch(*arguments)
        traced = self._trace(batch)
        outputs, _ = traced.run("outputs", batch)
        if not traced.trace.single:
            return outputs
        return [row[0] for row in outputs] if isinstance(outputs, list) else outputs[:, 0]

    def backward(self, *arguments: Any) -> float:
        """Add the gradient of the mean over the samples to the `grad` of every bound leaf; give the mean.

        Raises:
            TraceError: the function does what cannot be compiled, or returns a list.
            ValueError: there are no samples.
        """
        loss, gradients = self.value_and_grad(*arguments)
        for leaf, gradient in zip(self.parameters, gradients):
            leaf.grad += float(gradient)
        return loss

    def value_and_grad(self, *arguments: Any, wrt: str = "parameters", batch: Batch | None = None) -> tuple[float, Any]:
        """The mean over the samples, and its gradient.

        Args:
            arguments: as for a call.
            wrt: "parameters" for the derivatives by the bound leaves, in the order of `parameters`; "inputs" for
                those by the first argument, in its shape; with several arguments a list of them.
            batch: the arguments, made ready by `batch`.

        Raises:
            TraceError: the function does what cannot be compiled, or returns a list.
            ValueError: there are no samples; `wrt` is something else.
        """
        if wrt not in ("parameters", "inputs"):
            raise ValueError(f"wrt must be 'parameters' or 'inputs', got {wrt!r}")
        batch = batch or self.batch(*arguments)
        traced = self._trace(batch)
        if not traced.trace.single:
            raise TraceError("the function returns a list: a gradient needs one result, such as their sum")
        if not batch.size:
            raise ValueError("the mean of no samples has no gradient: give at least one sample")
        if wrt == "parameters":
            outputs, gradients = traced.run("leaves", batch)
            return _mean(outputs), gradients
        outputs, _ = traced.run("inputs", batch)
        return _mean(outputs), _by_argument(outputs, batch)

    @property
    def parameters(self) -> list[Value]:
        """The bound leaves: the Values that the function reads, in the order of first use.

        Raises:
            RuntimeError: it has not been called yet.
        """
        return [leaf.value for leaf in self._last().trace.graph.leaves]

    def bound(self, batch: Batch) -> list[Value]:
        """The bound leaves for samples of these shapes.

        Raises:
            TraceError: the function does what cannot be compiled.
        """
        return [leaf.value for leaf in self._trace(batch).trace.graph.leaves]

    # ---- looking at it ----

    @property
    def used(self) -> str:
        """The back end of the last program, and why not a better one; before the first call as asked for."""
        if self._latest is None:
            return self.backend
        return "; not ".join([self._latest.program().name, *self._latest.reasons])

    def explain(self) -> str:
        """Passes, groups and costs of the last call's program, as text."""
        from .report import explain

        return explain(self._last())

    def draw(self) -> str:
        """The groups of the last call's program, and what they read, as a graph in DOT."""
        from .report import draw

        return draw(self._last().plan())

    def llvm_ir(self) -> str:
        """The LLVM IR of the last call's program.

        Raises:
            RuntimeError: another back end ran it.
        """
        program = self._last().program()
        if not hasattr(program, "ir"):
            raise RuntimeError(f"the {program.name} back end ran this function: there is no LLVM IR")
        return str(program.ir())

    def __repr__(self) -> str:
        return f"<compiled {getattr(self.function, '__qualname__', self.function)!s} ({self.dtype}, {self.backend})>"

    # ---- inside ----

    def _last(self) -> Traced:
        if self._latest is None:
            raise RuntimeError("the function has not been traced yet: call it once")
        return self._latest

    def batch(self, *arguments: Any) -> Batch:
        """Arguments for a call, checked, so that several calls need not do it again.

        Raises:
            TypeError, ValueError: an argument is no batch of numbers.
        """
        lists = self.backend == "python" or (self.backend == "auto" and not installed("numpy"))
        return as_batch(arguments, None if lists else self.dtype)

    def _trace(self, batch: Batch) -> Traced:
        traced = self._traced.get(batch.shapes)
        if traced is None:
            with self._lock:
                traced = self._traced.get(batch.shapes)
                if traced is None:
                    traced = self._traced[batch.shapes] = Traced(self, batch.shapes)
        self._latest = traced
        return traced


class Traced:
    """A compiled function for samples of one shape: its trace, and its programs as they are asked for."""

    def __init__(self, compiled: Compiled, shapes: tuple[Shape, ...]) -> None:
        self.compiled, self.shapes = compiled, shapes
        started = time.perf_counter()
        with collector_at_rest():
            self.trace: Trace = trace(compiled.function, shapes)
        self.seconds = {"trace": time.perf_counter() - started}
        self.reasons: dict[str, None] = {}  # why the best back end was not taken
        self._programs: dict[Mode, Any] = {}
        self._recent: Mode = "outputs"
        self._recipes: dict[Mode, Recipe] = {}
        self._checked: set[Any] = set()  # programs
        self.labels = labels_of(self.trace.outputs)
        self._lock, self._planning = threading.RLock(), threading.Lock()

    def run(self, mode: Mode, batch: Batch) -> tuple[Any, Any]:
        """The outputs and the gradient by the leaves."""
        check_labels(self.labels, batch)
        lists = isinstance(batch.arrays[0] if batch.arrays else [], list)
        if not batch.size:
            return ([] if lists else _array([], self.compiled.dtype).reshape(0, len(self.trace.outputs))), None
        self.check(mode, batch)
        program = self.program(mode)
        outputs, gradients = self._run(program, batch)
        if program.name == "python" and not lists:
            outputs, gradients = (_array(numbers, self.compiled.dtype) for numbers in (outputs, gradients))
        return outputs, ([] if gradients is None and mode == "leaves" else gradients)

    def _run(self, program: Any, batch: Batch) -> tuple[Any, Any]:
        leaves = [leaf.value._data for leaf in self.trace.graph.leaves]
        arrays = batch.arrays
        if program.name == "python":
            arrays = tuple([array if isinstance(array, list) else array.tolist() for array in arrays])
        return program.run(leaves, arrays, batch.size)  # type: ignore[no-any-return]  # one of three classes

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.trace)

    def recipe(self, mode: Mode | None = None) -> Recipe:
        """Of the plan of one mode, or of the one that was asked for last."""
        mode = self._recent = mode or self._recent
        with self._lock:
            if mode not in self._recipes:
                graph, outputs, inputs = self.trace.graph, self.trace.outputs, self.trace.inputs
                wrt = inputs if mode == "inputs" else ()
                make = partial(make_plan, graph, outputs, len(inputs), mode == "leaves", wrt)
                digest = f"{self._fingerprint} {mode}" if self._fingerprint else ""
                self._recipes[mode] = Recipe(make, len(graph.leaves), digest, self._planning)
            return self._recipes[mode]

    def plan(self, mode: Mode | None = None) -> Plan:
        """The plan of one mode, or of the one that was asked for last."""
        return self.recipe(mode).plan

    def program(self, mode: Mode | None = None) -> Any:
        """The program of one mode, or of the one that was asked for last."""
        mode = self._recent = mode or self._recent
        program = self._programs.get(mode)
        if program is None:
            with self._lock:
                started = time.perf_counter()
                program = self._programs[mode] = self._build(mode)
                self.seconds["build"] = time.perf_counter() - started
        return program

    def _build(self, mode: Mode) -> Any:
        wanted = self.compiled.backend
        for backend in BACKENDS if wanted == "auto" else (wanted,):
            missing = [package for package in _NEEDS[backend] if not installed(package)]
            if missing:
                self.reasons[f"{backend}: {missing[0]} is not installed: {_INSTALL[backend]}"] = None
                continue
            try:
                return build(backend, self.recipe(mode), self.compiled.dtype, self.compiled.threads)
            except Unsupported as lacking:
                if wanted != "auto":
                    raise
                self.reasons[f"{backend}: {lacking}"] = None
        raise AssertionError("the python back end takes every plan")

    def check(self, mode: Mode, batch: Batch) -> None:
        """Compare the first sample with the eager engine, once for each program.

        Raises:
            TraceError: they differ.
        """
        program = self.program(mode).fitting(batch.size)
        if program in self._checked:
            return
        with self._lock:
            first = Batch(1, batch.shapes, tuple([array[:1] for array in batch.arrays]))
            sample = first.sample(0)
            leaves = [leaf.value for leaf in self.trace.graph.leaves]
            by: list[Value] = {"outputs": [], "leaves": leaves, "inputs": flat(sample)}[mode]
            eager = Eager(self.compiled.function(*sample), by)
            try:
                agree(eager, self._numbers(program, first), _TOLERANCE[self.compiled.dtype])
            except TraceError:
                if self.compiled.dtype == "float64":
                    raise
                # With few digits and a small range it may be no mistake: the same plan in double precision tells.
                exact = build("python", self.recipe(mode), "float64")
                agree(eager, self._numbers(exact, first), _TOLERANCE["float64"])
            self._checked.add(program)

    def _numbers(self, program: Any, first: Batch) -> list[float]:
        """The outputs of a single sample, and their gradient by the leaves where the program has it."""
        outputs, gradient = self._run(program, first)
        return [*outputs[0], *([] if gradient is None else gradient)]


def build(backend: str, recipe: Recipe, dtype: str, threads: int = 1) -> Any:
    """A program for a plan.

    Raises:
        Unsupported: a primitive of the plan has no native template, which only plain Python can do without.
    """
    if backend == "python":
        from .backend_python import PythonProgram

        return PythonProgram(recipe.plan)
    if not recipe.fingerprint:  # what has one is made of the table's own primitives: these have templates
        for primitive in {group.primitive for group in recipe.plan.groups}:
            if not has_template(primitive):
                raise Unsupported(f"the primitive {primitive.name} has no native template")
    if backend == "numpy":
        from .backend_numpy import NumpyProgram

        return NumpyProgram(recipe.plan, dtype)
    from . import llvm

    return llvm.build(recipe, dtype, threads)


def _require(backend: str) -> None:
    for package in _NEEDS[backend]:
        if not installed(package):
            raise ImportError(f"the {backend} back end needs {package}: {_INSTALL[backend]}")


def _thread_count(threads: Any, backend: str) -> int:
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads must be a whole number, got {threads!r}: give an int of at least 1")
    count = operator.index(threads)
    if count < 1:
        raise ValueError(f"threads must be at least 1, got {count}")
    if count > 1 and backend in ("numpy", "python"):
        raise ValueError(f"the {backend} back end has one thread: leave out threads={count}, or take backend='llvm'")
    return count


def _mean(outputs: Any) -> float:
    if isinstance(outputs, list):
        return mean(*[row[0] for row in outputs])
    import numpy as np

    with np.errstate(all="ignore"):
        return float(outputs[:, 0].mean())


def _by_argument(outputs: Any, batch: Batch) -> Any:
    """The columns after the loss, one array in the shape of each argument."""
    found = []
    base = 1
    for array, shape in zip(batch.arrays, batch.shapes):
        width = len(array[0])
        if isinstance(outputs, list):
            part: Any = [nested(row[base : base + width], shape) for row in outputs]
        else:
            part = outputs[:, base : base + width].reshape(batch.size, *shape)
        found.append(part)
        base += width
    return found[0] if len(found) == 1 else found


def _array(numbers: Any, dtype: str) -> Any:
    import numpy as np

    return None if numbers is None else np.array(numbers, dtype)
