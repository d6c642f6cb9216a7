"""The loss of fixed samples, and the means of their metrics: one program, run many times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from engine import no_grad, traces_of

from ..layers.module import Module
from ..modes import evaluating
from ..own_code import describe
from .columns import Form, form_of, nested, size_of
from .programs import LossFunction, Model, Options, mean_of, programs_of
from .rules import is_mean

if TYPE_CHECKING:
    from engine import Batch, BatchLoss

Judge: TypeAlias = Callable[[Any, "list[Any]"], Any]
"""From the label and the outputs of one sample to a number, in code that compiles, such as `is_largest`."""


ROOM = 20_000
"""How many numbers, in outputs and labels together, a loss may take for its structure to be read off its graph."""


class Means:
    """Means over samples, from compiled code.

    Args:
        model: a module.
        loss: a loss of a batch. If it is not known to be a mean over samples, its structure is read off its graph, and
            calls have to be watched.
        judges: functions of a label and a row of outputs; nan where they cannot judge.
        X: the samples.
        y: their labels.
        options: how they are computed.
    """

    def __init__(
        self, model: Model, loss: LossFunction, judges: Sequence[Judge], X: Any, y: Any, options: Options
    ) -> None:
        self._noted = _Noted()
        self._function = _of_sample(model, loss, tuple(judges), self._noted)
        self._key = ("means", loss, *judges), options
        self._columns, self._options = range(1 + len(judges)), options
        self._programs, self._data = programs_of(model), (X, y)
        self._loss, self._is_mean = loss, is_mean(loss)
        self._made_of: BatchLoss | None = None  # how the loss is made of the samples', if it is not their mean
        self._batch: Batch | None = None
        self._again: Callable[..., Any] | None = None
        self._refused = not isinstance(model, Module)

    def __call__(self, watched: bool) -> list[float] | None:
        """The loss, and the means of the judges; None if no program can compute them, or one of them is nan.

        Args:
            watched: whether the caller watches what model and loss read from elsewhere, and announces changes.
        """
        means = None
        if watched and self._again is not None:
            self._programs.look_at_leaves()
            means = self._again()
        if means is None and not self._refused and (watched or self._is_mean):
            try:
                means = self._found()
            except Exception:  # the caller computes them in another way, and reports what is wrong
                self._refused = True
        if means is None:
            return None
        if self._made_of is not None:
            means[0] = self._of_batch(means[0], self._made_of)
        return None if math.isnan(sum(means)) else means

    @staticmethod
    def _of_batch(mean: float, made_of: BatchLoss) -> float:
        """The loss of all samples from its mean over them."""
        if not made_of.extra:
            return made_of.scale * mean
        with no_grad():
            return made_of.scale * mean + made_of.extra * float(made_of.penalty())

    def _read_off(self, batch: Batch) -> BatchLoss:
        """How the loss is made of the samples' losses, by its graph for that many.

        Raises:
            TraceError: it mixes samples.
            ValueError: there are too many to look at.
        """
        from engine import batch_loss

        form, label = self._noted.form, batch.shapes[1]
        size = size_of(form)
        if batch.size * (size + math.prod(label)) > ROOM:
            raise ValueError("too many samples to trace their loss")
        return batch_loss(self._loss, nested([0.0] * size, form), label, batch.size, given=batch)

    def _found(self) -> list[float]:
        """The program's results, after a check of everything it reads."""
        with evaluating():
            compiled = self._programs.compiled(self._key, self._function, self._options)
            batch = self._batch or traces_of(compiled).batch(*self._data)
            found = compiled(batch=batch)
            if self._batch is None:
                self._batch = (batch if traces_of(compiled).type_guard(batch) else batch.as_arrays()).copied()
            if not self._is_mean:  # every time, since what has changed may be how it combines the samples
                self._made_of = self._read_off(self._batch)
            self._again = traces_of(compiled).again_on(self._batch, means=True)
            again: list[float] | None = self._again and self._again(current=True)  # the same sums in every epoch
            return [mean_of(found, column) for column in self._columns] if again is None else again


class _Noted:
    """What the compiled function notes when it runs: in an object of `nn`, since changes of these are not watched.

    Attributes:
        form: the form of a sample's outputs.
    """

    form: Form = ()


def _of_sample(
    model: Model, loss: LossFunction, judges: tuple[Judge, ...], noted: _Noted
) -> Callable[[Any, Any], list[Any]]:
    """The function to compile, of a sample and its label; it notes the form of the outputs."""

    def of_sample(x: Any, label: Any) -> list[Any]:
        outputs = model(x)
        noted.form = form_of(outputs)
        if judges and (isinstance(noted.form, list) or len(noted.form) != 1 or len(outputs) == 1):
            raise TypeError(f"{judges[0].__name__} is for rows of outputs")
        return [loss([outputs], [label]), *[judge(label, outputs) for judge in judges]]

    names = " ".join([judge.__name__ for judge in judges])
    describe(of_sample, f"{getattr(loss, '__name__', 'loss')} {names}", model, loss, judges)
    return of_sample
