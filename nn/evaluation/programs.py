"""A model's outputs for many samples, from a compiled program where that is possible, in eval mode.

A module keeps its programs, which read its parameters in place, so that it is traced once. With `backend="auto"` the
first few samples are predicted eagerly, which takes less time than compiling; what cannot be compiled stays eager, with
one warning. Numbers of few bits go to the compiler at once if the model is the user's: it knows where they overflow.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from types import MethodType
from typing import Any, NamedTuple, TypeAlias

from engine import Batch, Compiled, TraceError, Value, compile, leaves_made, no_grad, traces_of

from ..arguments import known_backend, plain, show, warn_user
from ..data.entries import with_entries
from ..data.tables import samples_of
from ..layers.module import Module
from ..losses.named import LossFunction as LossFunction
from ..modes import evaluating
from ..own_code import describe, own_code
from ..rows import are_narrow, as_lists, has_array, is_row
from .broadcasting import refuse_all_pairs
from .columns import outputs_of_rows, with_form
from .few_bits import refuse_overflow
from .rules import check_callable, is_mean, name_of_loss

Model: TypeAlias = Callable[[Any], Any]
"""A module or function from one sample to its output: a Value, or a list of Values, nested or not."""

SOON = 50_000  # multiplications that take plain Python about as long as loading a compiled program


class EagerWarning(UserWarning):
    """A model or a loss cannot be compiled, so it runs eagerly, and slowly; the text says why."""


class Options(NamedTuple):
    """How numbers are computed.

    Attributes:
        backend: as for `nn.predict`.
        dtype: "float64" or "float32", in compiled code.
        threads: how many threads may share a call.
    """

    backend: str
    dtype: str = "float64"
    threads: int = 1


@dataclass
class Fixed:
    """Samples that do not change, prepared once for many calls.

    Attributes:
        batch: the batch that a program reads; None before the first call.
        watched: whether the caller watches what model and loss read from elsewhere, and announces changes.
        again: a compiled function, and one that repeats its call on the batch; see `Traces.again_on`.
    """

    batch: Batch | None = None
    watched: bool = False
    again: tuple[Any, Callable[[], Any] | None] = (None, None)


class Programs:
    """The compiled programs of a model, made when they are needed.

    Args:
        model: a module, or a function from one sample to its outputs.
    """

    __keeps_programs__ = True  # for the compiler: the model that holds these reads nothing of them

    def __init__(self, model: Model) -> None:
        self._model = model
        self._done = 0  # multiplications made eagerly
        self._leaves = leaves_made[0]  # before the last call
        self._compiled: dict[Any, Compiled] = {}
        self._refused: dict[Any, str] = {}
        self._looked_at: list[LossFunction] = []  # users' losses that were checked
        self._kept: list[Any] = []  # see `kept_by`
        self.warned = False  # whether the user knows by now that it runs eagerly, and why

    @cached_property
    def _size(self) -> int:
        """The number of parameters; 0 for a function."""
        return len(self._model.parameters()) if isinstance(self._model, Module) else 0

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Nothing to copy or pickle: a copy of the model makes programs of its own."""
        return type(None), ()

    def outputs(self, X: Any, backend: str) -> Any:
        """The outputs for all samples: an array, or lists without NumPy and in eager code.

        Raises:
            TypeError, ValueError: if a sample is not what the model takes.
        """
        return self._run("outputs", self._alone, (X,), Options(backend), self._eagerly, self._outputs_from)

    @cached_property
    def _is_own(self) -> bool:
        """Whether the model was this package's own code when first compiled: its outputs are no ragged rows."""
        return own_code(self._model, None) is not None

    def _alone(self) -> Callable[[Any], Any]:
        """The function to compile for `outputs`; those of a user's model as one row, since they may be ragged."""
        model, is_own = self._model, self._is_own

        def outputs(x: Any) -> Any:
            return model(x) if is_own else _row_of(model(x))

        describe(outputs, "outputs", model)
        return outputs

    def _outputs_from(self, found: Any) -> Any:
        """The outputs, from the results of `_alone`."""
        return found if self._is_own else outputs_of_rows(found)

    def hurry(self) -> None:
        """Compile at the next call: there will be many."""
        self._done = SOON

    def scored(
        self, loss: LossFunction, X: Any, y: Any, options: Options, fixed: Fixed | None = None
    ) -> tuple[float, Any]:
        """The loss of all samples, and their outputs as `outputs` gives them.

        Args:
            loss: a loss of a batch.
            X: the samples.
            y: their labels.
            options: how they are computed.
            fixed: the same object at every call, as long as X and y do not change.

        Raises:
            TypeError, ValueError, IndexError: if samples or labels are not what model and loss take.
        """
        eagerly = partial(self._scored_eagerly, loss, options.backend)
        if not is_mean(loss):
            return eagerly(X, y)

        def finish(found: Any) -> tuple[float, Any]:
            rows = [row[1:] for row in found] if isinstance(found, list) else found[:, 1:]
            return mean_of(found, 0), outputs_of_rows(rows)

        make = partial(self._loss_and_outputs, loss)
        result: tuple[float, Any] = self._run(loss, make, (X, y), options, eagerly, finish, fixed)
        return result

    def _scored_eagerly(self, loss: LossFunction, backend: str, X: Any, y: Any) -> tuple[float, Any]:
        """As `scored`, by a loss of all samples at once."""
        outputs, labels = self.outputs(X, backend), list(y)
        values = [_values(output) for output in outputs]
        with no_grad():
            found = float(loss(values, labels))
        if not (is_mean(loss) or name_of_loss(loss) or loss in self._looked_at):
            for refuse in (refuse_all_pairs, refuse_overflow):
                refuse("the loss", loss, found, values, labels)
            self._looked_at.append(loss)
        return found, outputs

    def _loss_and_outputs(self, loss: LossFunction) -> Callable[[Any, Any], list[Any]]:
        """The function to compile for `scored`, of a sample and its label: the loss, and the outputs as one row."""
        model = self._model

        def of_sample(x: Any, label: Any) -> list[Any]:
            outputs = model(x)
            return [loss([outputs], [label]), *_row_of(outputs)]

        describe(of_sample, f"{getattr(loss, '__name__', 'loss')} and outputs", model, loss)
        return of_sample

    def compiled(self, key: Any, function: Callable[..., Any], options: Options) -> Compiled:
        """The compiled function under a key, made if there is none; when called, it notices what has changed."""
        self.look_at_leaves()
        if key not in self._compiled:
            self._compiled[key] = compile(function, **options._asdict())
        return self._compiled[key]

    def _eagerly(self, X: Any) -> list[Any]:
        def outputs(X: Any) -> list[Any]:
            return [_floats(self._model(x)) for x in X]

        with no_grad():
            found = outputs(X)
        if self._may_overflow(X):
            refuse_overflow("the model", lambda _, wide: outputs(wide), found, None, X, "X")
        return found

    def _run(
        self,
        what: Any,
        make: Callable[[], Any],
        data: tuple[Any, ...],
        options: Options,
        eagerly: Callable[..., Any],
        finish: Callable[[Any], Any],
        fixed: Fixed | None = None,
    ) -> Any:
        """The results for the data: `finish` of those of the compiled function that `make` gives, or of eager code."""
        backend = options.backend
        if backend != "auto":
            known_backend(backend)
        key = what, options
        self.look_at_leaves()
        with evaluating():
            compiled = self._compiled.get(key)
            if compiled is None:
                self._done += len(data[0]) * (self._size + 10)
                soon = self._done < SOON and not self._may_overflow(data[0])
                if backend == "eager" or (backend == "auto" and (soon or key in self._refused)):
                    return eagerly(*data)
                compiled = compile(make(), **options._asdict())
            if backend != "auto":
                self._compiled[key] = compiled
                return finish(_found(compiled, data, fixed))
            try:
                found = _found(compiled, data, fixed)
            except Exception as error:
                with _as_before(self):
                    self.warned = True  # for what is compiled on the way: one warning is enough
                    found = eagerly(*data)  # if it fails too, its error is the one to show
                self._warn(key, error)
                return found
            self._compiled[key] = compiled
            return finish(found)

    def _may_overflow(self, X: Any) -> bool:
        """Whether a user's model may compute in few bits: a trace finds out, and a warning or an error tells."""
        return are_narrow(X) and own_code(self._model, None) is None

    def look_at_leaves(self) -> None:
        """Let programs look again if there are new leaves: one of them may have replaced a parameter."""
        if self._leaves != leaves_made[0]:
            self._leaves = leaves_made[0]
            for known in self._compiled.values():
                traces_of(known).look_again()

    def _warn(self, key: Any, error: Exception) -> None:
        if isinstance(error, TraceError):  # anything else is about these samples
            self._compiled.pop(key, None)
            self._refused[key] = str(error)
        if not self.warned:
            warn_user(f"{type(self._model).__name__} runs eagerly, which is slow: {error}", EagerWarning)


def programs_of(model: Model) -> Programs:
    """The programs of a model; a module keeps them.

    Raises:
        TypeError: if it cannot be called.
    """
    if isinstance(model, Module):
        found = vars(model).get("_programs")
        if found is None:
            found = vars(model)["_programs"] = Programs(model)
        return found
    check_callable("model", model)
    try:
        known = _of_function(model)
    except TypeError:  # it has no hash
        return Programs(model)
    # A method is another object whenever it is named; other objects may equal one that computes something else.
    return known if known._model is model or isinstance(model, MethodType) else Programs(model)


@contextmanager
def kept_by(model: Model) -> Iterator[list[Any]]:
    """A list of what one training of a module leaves for the next one, which takes it; empty after an error."""
    programs = programs_of(model)
    kept: list[Any] = vars(programs).pop("_kept", [])
    with _as_before(programs):
        yield kept
    vars(programs)["_kept"] = kept


@contextmanager
def _as_before(programs: Programs) -> Iterator[None]:
    """Forget afterwards whether the user was warned inside, so that the warning comes again."""
    warned = programs.warned
    try:
        yield
    finally:
        programs.warned = warned


@lru_cache(maxsize=16)
def _of_function(function: Model) -> Programs:
    return Programs(function)


def outputs_of(model: Model, X: Any, backend: str) -> Any:
    """The outputs of a model for every sample: an array if compiled code made them, else nested lists of floats."""
    samples = samples_of(model, X)
    try:
        return programs_of(model).outputs(samples, backend)
    except TypeError as error:
        raise with_entries(error, X) from error.__cause__


def in_form_of(X: Any, results: Any) -> Any:
    """Results as an array if X is one (or a DataFrame), else as lists."""
    if not has_array(X):
        return as_lists(results)
    if hasattr(results, "tolist"):
        return results
    import numpy as np

    try:
        return np.array(results)
    except ValueError:  # rows of different lengths
        return results


def _found(compiled: Compiled, data: tuple[Any, ...], fixed: Fixed | None) -> Any:
    """The results of a compiled function for the data."""
    if fixed is None:
        return compiled(*data)
    if fixed.batch is not None:
        of, again = fixed.again
        found = again() if of is compiled and again is not None and fixed.watched else None
        if found is None:
            found = compiled(batch=fixed.batch)
            fixed.again = compiled, traces_of(compiled).again_on(fixed.batch)
        return found
    batch = traces_of(compiled).batch(*data)
    found = compiled(batch=batch)
    fixed.batch = batch if traces_of(compiled).type_guard(batch) else batch.as_arrays()
    return found


def mean_of(rows: Any, column: int) -> float:
    """The mean of one column."""
    if isinstance(rows, list):
        return math.fsum([row[column] for row in rows]) / len(rows)
    add = sys.modules["numpy"].add  # loaded, since the rows are its: an import statement takes longer than the sum
    return float(add.reduce(rows[:, column], dtype=float)) / len(rows)


def _floats(output: Any) -> Any:
    if is_row(output):
        return [_floats(item) for item in output]
    if isinstance(output, dict):
        return {name: _floats(part) for name, part in output.items()}
    if output is None:
        raise TypeError("the model returned None: end its __call__ with return and the outputs")
    _refuse_bool(output)
    if not hasattr(output, "__float__"):
        raise TypeError(f"an output of the model is not a number but {show(output)}")
    return float(output)


def _row_of(output: Any) -> list[Any]:
    """An output as one row with its form, refused where it is refused eagerly."""
    row = with_form(output)
    for number in row:
        _refuse_bool(number)
    return row


def _refuse_bool(number: Any) -> None:
    if number.__class__ is not Value and isinstance(plain(number), bool):  # as in the losses
        raise TypeError(f"an output of the model is the bool {number}: give the score that it was decided by")


def _values(output: Any) -> Any:
    """Floats as Values, whose methods a loss may use."""
    if isinstance(output, dict):
        return {name: _values(part) for name, part in output.items()}
    return [_values(item) for item in output] if is_row(output) else Value(output)
