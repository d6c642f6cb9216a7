"""engine.compile: a function of Values, traced once, run on batches of numbers."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, update_wrapper
from types import FunctionType
from typing import Any, overload

from ..backprop import add_gradients
from ..numbers import shortened
from ..text.elsewhere import BOOK, explained, missing
from ..text.sheet import Sheet, Verbatim
from ..value import Value
from .backends.choice import BACKENDS, require, thread_count
from .calls.repeated import RepeatedCalls
from .calls.traced import Traces
from .comparison.single import TOLERANCE
from .errors import TraceError
from .samples.batch import Batch
from .samples.outputs import by_argument, in_shape, mean_of


@overload
def compile(function: Callable[..., Any], *, dtype: str = ..., backend: str = ..., threads: int = ...) -> Compiled: ...
@overload
def compile(
    *, dtype: str = ..., backend: str = ..., threads: int = ...
) -> Callable[[Callable[..., Any]], Compiled]: ...
@explained
def compile(
    function: Callable[..., Any] | None = None, *, dtype: str = "float64", backend: str = "auto", threads: int = 1
) -> Any:
    """Compile a function of one sample, to be called on batches of them.

    >>> import engine
    >>> w, b = engine.Value(2.0), engine.Value(1.0)
    >>> @engine.compile
    ... def loss(x, y):  # one sample: a row of one number, and a label
    ...     return (w * x[0] + b - y) ** 2
    >>> X, Y = [[1.0], [2.0]], [0.0, 5.0]
    >>> [float(number) for number in loss(X, Y)]  # of each sample
    [9.0, 0.0]
    >>> loss.backward(X, Y), w.grad, b.grad  # their mean, and its gradient
    (4.5, 3.0, 3.0)

    `threads=2` shares the samples of a call, `dtype="float32"` is faster and
    has half the digits, and `loss.explain()` shows what became of a function.
    The guide has a walk through that (demos/guide/compile.md) and the rules
    for functions in full (demos/guide/rules.md). In short:

    - It takes numbers, or lists of them, nested or not, and returns one Value
      or such a list. Values that it reads, such as parameters, are bound:
      each call uses the numbers they have then.
    - At the first call it is traced: no Value has a number, and what needs one
      is refused with the line and the remedy, such as `where(w > 0, a, b)` for
      a branch. So are random numbers, changes of state, files and the clock.
    - Everything else that it reads is a constant until it changes; then it is
      traced again. What is big or far away is compared from time to time, with
      a warning if calls may have missed a change. Not watched: the internals
      of Python's library and of installed packages, what their C code reads,
      and files that the function writes.
    - Where Python's own numbers raise an error or become complex there is inf
      or nan, as of Values; integers are floats, exact up to 2**53.

    Args:
        function: what to compile; left out in
            ``@engine.compile(dtype="float32")``.
        dtype: "float64" or "float32"; "python" always computes in float64.
        backend: "llvm", "numpy", "python", or "auto" for the best that is
            installed.
        threads: how many may share the samples of a call, in the "llvm" back
            end: no more than there are processors, and only one if the samples
            are too few for it to pay. The same number gives the same results
            every time; another may change them by rounding.

    Raises:
        TypeError: `function` cannot be called or is a method without its
            object, or `threads` is not a whole number.
        ValueError: there is no such dtype or back end; `threads` is below 1,
            or above 1 for another back end.
        ImportError: the back end needs a package that is not installed.
    """
    if function is None:
        return partial(compile, dtype=dtype, backend=backend, threads=threads)
    return Compiled(function, dtype, backend, threads)


@missing
class Compiled:
    """A compiled function; `compile` makes it."""

    def __init__(self, function: Callable[..., Any], dtype: str, backend: str, threads: int) -> None:
        if not callable(function):
            remedy = ": give what computes it, such as lambda x: x * x" if isinstance(function, Value) else ""
            raise TypeError(f"compile() takes a function, got {function!r}{remedy}")
        if isinstance(function, Compiled):
            raise TypeError(f"compile() takes a plain function, got {function!r}: call compile() on its `function`")
        if isinstance(function, FunctionType) and function.__code__.co_varnames[:1] == ("self",):
            raise TypeError(
                f"compile() takes a function of samples, and {function.__qualname__} is a method, whose first argument "
                f"is an object: compile the method of an object, as in engine.compile(model.{function.__name__})"
            )
        if dtype not in TOLERANCE:
            raise ValueError(f"dtype must be 'float64' or 'float32', got {dtype!r}")
        if backend != "auto" and backend not in BACKENDS:
            raise ValueError(f"backend must be 'auto', 'llvm', 'numpy' or 'python', got {backend!r}")
        if backend != "auto":
            require(backend)
        with suppress(Exception):  # an object may raise anything when asked for an attribute that it lacks
            update_wrapper(self, function)
        self._traces = Traces(function, dtype, backend, thread_count(threads, backend))
        self._repeated_calls = RepeatedCalls()

    @property
    def function(self) -> Callable[..., Any]:
        """The Python function."""
        return self._traces.function

    @property
    def dtype(self) -> str:
        """The type of the numbers, "float64" or "float32"."""
        return self._traces.dtype

    @property
    def backend(self) -> str:
        """The back end that was asked for."""
        return self._traces.backend

    @property
    def threads(self) -> int:
        """How many may share a call."""
        return self._traces.threads

    # ---- running it ----

    def batch(self, *arguments: Any) -> Batch:
        """Arguments for a call, checked and copied, so that several calls need not check them again.

        Raises:
            TypeError, ValueError: an argument is not a batch of numbers.
        """
        return self._traces.batch(*arguments).copied()

    def __call__(self, *arguments: Any, batch: Batch | None = None, **named: Any) -> Any:
        """The results for every sample: an array of N numbers, or N x k if the function returns a list of k, and so on.

        Args:
            arguments: for each argument of the function, the samples: N numbers, N rows of numbers, ...
            batch: the arguments, made ready by `batch`, in their place.
            named: nothing, since samples go by position.

        Raises:
            TraceError: the function does something that cannot be compiled.
            TypeError, ValueError: an argument is not a batch of numbers.
        """
        single = len(arguments) == 1 and not named and batch is None
        if single:
            found = self._repeated_calls(arguments[0], self._traces.latest)
            if found is not None:
                return found
        batch = self._samples(arguments, batch, named) if named or batch is not None else self._traces.batch(*arguments)
        special = self._traces.specialised(batch)
        outputs, _ = special.run("outputs", batch)
        if single:
            self._repeated_calls.note(special, batch)
        return in_shape(outputs, special.signature.shape)

    def backward(self, *arguments: Any, **named: Any) -> float:
        """Add the gradient of the mean over the samples to the `grad` of every bound leaf; return the mean.

        Raises:
            TraceError: the function does something that cannot be compiled, or returns a list.
            ValueError: there are no samples.
        """
        batch = self._samples(arguments, None, named)
        loss, gradients = self.value_and_grad(batch=batch)
        add_gradients(dict(zip(self._traces.bound(batch), map(float, gradients))))
        return loss

    def value_and_grad(
        self, *arguments: Any, wrt: str = "parameters", batch: Batch | None = None, **named: Any
    ) -> tuple[float, Any]:
        """The mean over the samples, and its gradient.

        Args:
            arguments: as for a call.
            wrt: "parameters" for the derivatives with respect to the bound leaves, in the order of `parameters`;
                "inputs" for those with respect to the first argument, in its shape, or, with several arguments, a
                list of them.
            batch: the arguments, made ready by `batch`, in their place.
            named: nothing, as for a call.

        Raises:
            TraceError: the function does something that cannot be compiled, or returns a list.
            ValueError: there are no samples; `wrt` is something else.
        """
        if wrt not in ("parameters", "inputs"):
            raise ValueError(f"wrt must be 'parameters' or 'inputs', got {wrt!r}")
        batch = self._samples(arguments, batch, named)
        special = self._traces.specialised(batch)
        if special.signature.shape:
            raise TraceError("the function returns a list: a gradient needs one result, such as their sum")
        if not batch.size:
            raise ValueError("the mean of no samples has no gradient: give at least one sample")
        if wrt == "parameters":
            outputs, gradients = special.run("leaves", batch)
            return mean_of(outputs), gradients
        outputs, _ = special.run("inputs", batch)
        return mean_of(outputs), by_argument(outputs, batch)

    def _samples(self, arguments: tuple[Any, ...], batch: Batch | None, named: Mapping[str, Any]) -> Batch:
        """The samples of a call, given as arguments or as a batch.

        Raises:
            TypeError: they are given as both, by name, or as something else.
            ValueError: samples are ragged, or arguments have different numbers of them.
        """
        for word in named:
            raise TypeError(f"{self!r} has no argument {word!r}: {_instead_of(word, self.function)}")
        if batch is None:
            return self._traces.batch(*arguments)
        if arguments or not isinstance(batch, Batch):
            raise TypeError(
                f"batch= takes what batch(...) of a compiled function returns, in place of the arguments, got "
                f"{shortened(batch)}{' beside arguments' if arguments else ''}: give only the arguments"
            )
        return batch if self._traces.takes(batch) else self._traces.batch(*batch.given)

    @property
    def parameters(self) -> list[Value]:
        """The bound leaves, that is the Values that the function reads, in the order of first use.

        Raises:
            RuntimeError: it has not been called yet.
        """
        return list(self._traces.last().signature.leaves)

    # ---- looking at it ----

    @property
    def used(self) -> str:
        """The back end of the last program, and why not a better one; before the first call, the one asked for."""
        latest = self._traces.latest
        return self.backend if latest is None else "; not ".join([latest.program().name, *latest.reasons])

    @property
    def flops(self) -> int:
        """Floating-point operations for one sample, in the last call's program.

        Raises:
            RuntimeError: it has not been called yet.

        >>> line = compile(lambda x: 2.0 * x + 1.0, backend="python")
        >>> line([1.0]), line.flops
        ([3.0], 2)
        """
        return self._traces.last().plan().flops()

    def explain(self, stage: str = "") -> str:
        """Passes, groups and costs of the last call's program, as text; or the result of one stage of the compiler.

        Args:
            stage: "trace", "raise", "differentiate", "lower", "raise again" or "look up" for the graph after that
                pass; "plan" for the plan; in the "llvm" back end also "split", "fuse", "skip", "recompute", "store",
                "share sums" and "kernels". Without it, a report on the whole.

        Raises:
            RuntimeError: it has not been called yet.
            ValueError: there is no such stage.

        >>> w, b = Value(2.0), Value(1.0)
        >>> loss = compile(lambda x: (w * x + b) ** 2, backend="python")
        >>> loss.backward([1.0, 2.0])
        17.0
        >>> loss.explain("trace")  # p are leaves, x inputs, t results
        t0 = mul(p0, x0)
        t1 = add(t0, p1)
        t2 = square(t1)
        output t2
        >>> loss.explain("plan")  # P are leaves, X inputs, S results, G the gradient
        slots  2 P, 1 C, 1 X, 0 U, 5 S, 2 G, and the weight of the sample ...
        body
          S[0] = mul(P[0], X[0])
          S[1] = add(P[1], S[0])
          S[2] = square(S[1])
          S[3] = mul(C[0], S[1])
          S[4] = mul(S[3], X[1])
        sums over the samples
          G[0] += S[4] * X[0]
          G[1] += S[4]
        outputs
          S[2]
        """
        from .explain import explain, stage_text

        special = self._traces.last()
        return Verbatim(stage_text(special, stage) if stage else explain(special, repr(self)))

    @BOOK.with_remedy("for a picture, of the graph of one sample, write f.function(Value(2.0), ...).draw(path)")
    def draw(self) -> str:
        """The groups of the last call's program, and what they read, as a graph in DOT."""
        from .explain import draw

        return Verbatim(draw(self._traces.last().plan()))

    def llvm_ir(self) -> str:
        """The LLVM IR of the last call's program.

        Raises:
            RuntimeError: another back end ran it.
        """
        return Verbatim(self._traces.last().program().ir())

    def __repr__(self) -> str:
        return repr(self._traces)

    def _repr_html_(self) -> str:
        """What a notebook shows: the function, and the shapes of arguments for which there are programs."""
        rows = [(", ".join(map(str, shapes)),) for shapes in self._traces.known]
        notes = [] if rows else ["traced and compiled when it is first called"]
        return Sheet(repr(self), ("shapes of the arguments",), rows, notes).html()

    # ---- copies ----

    def __copy__(self) -> Compiled:
        return Compiled(self.function, self.dtype, self.backend, self.threads)

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        """A copy with the same settings; a plain function is not copied, and reads the same Values."""
        return Compiled(copy.deepcopy(self.function, memo), self.dtype, self.backend, self.threads)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """What pickle stores: the name of a decorated function, else the function and the settings."""
        function = self.function
        if isinstance(function, FunctionType):
            named: Any = sys.modules.get(function.__module__)
            for part in function.__qualname__.split("."):
                named = getattr(named, part, None)
            if named is self:
                return function.__qualname__
            if named is not function:
                raise pickle.PicklingError(
                    f"{self!r} is pickled by the name of its function, and {function.__module__} has no "
                    f"{function.__qualname__}: define it at the top level of the module, or pickle what it reads, such "
                    "as a model, and compile it again"
                )
        return Compiled, (function, self.dtype, self.backend, self.threads)


def traces_of(compiled: Compiled) -> Traces:
    """The traces of a compiled function, for code that trains it or repeats its calls."""
    return compiled._traces


def _instead_of(word: str, function: Callable[..., Any]) -> str:
    """What to write in place of an argument that a compiled function is given by name."""
    with suppress(TypeError, ValueError):  # some callables have no signature
        if word in inspect.signature(function).parameters:
            return "give the samples of each argument by position"
    settings = [*inspect.signature(compile).parameters][1:]
    if word in settings:
        return f"set it when the function is compiled, as in engine.compile(f, {word}=...)"
    setting = BOOK.instead_of(word, settings)
    if setting:
        return f"when the function is compiled, {setting}"
    return BOOK.instead_of(word, ["compile()"]) or "it takes samples by position, and nothing else"
