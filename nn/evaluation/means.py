"""The loss of samples that stay as they are, and the means of what they are judged by: one program, run many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..layers.module import Module, evaluating
from ..own_code import describe, is_own, own_loss
from .columns import shape_of
from .programs import LossFunction, Model, Options, as_checked, mean_of, programs_of

if TYPE_CHECKING:
    from engine import Batch

Judge: TypeAlias = Callable[[Any, "list[Any]"], Any]
"""From the label and the outputs of one sample to a number, in code that compiles, such as `is_largest`."""


class Means:
    """Means over samples, from compiled code.

    Args:
        model: a module.
        loss: the mean of the losses of the samples, each of which is nan if an output is.
        judges: of a label and a row of outputs.
        X: the samples.
        y: as many labels.
        options: how they are computed.
    """

    def __init__(
        self, model: Model, loss: LossFunction, judges: Sequence[Judge], X: Any, y: Any, options: Options
    ) -> None:
        self._function = _of_sample(model, loss, tuple(judges))
        self._key = ("means", loss, *judges), options
        self._columns, self._options = range(1 + len(judges)), options
        self._programs, self._data = programs_of(model), (X, y)
        self._batch: Batch | None = None
        self._again: Callable[[], Any] | None = None
        self._refused = not (isinstance(model, Module) and model.parameters())

    def __call__(self, watched: bool) -> list[float] | None:
        """The mean of the loss, and those of the judges; None where that is no matter of a program, or the loss is nan.

        Args:
            watched: whether somebody else looks at what model and loss read from far away, and announces a change.
        """
        found = None
        if watched and self._again is not None:
            self._programs.look_at_leaves()
            found = self._again()
        if found is None:
            try:
                found = self._found()
            except Exception:  # whoever computes them in another way tells what is wrong
                self._refused = True
        if self._refused:
            return None
        means = [mean_of(found, column) for column in self._columns]
        return None if means[0] != means[0] else means

    def _found(self) -> Any:
        """What the program gives, after a look at all that it reads."""
        if self._refused:
            return None
        with evaluating():
            compiled = self._programs.compiled(self._key, self._function, self._options)
            batch = self._batch or compiled.batch(*self._data)
            found = compiled(batch=batch)
            if self._batch is None:
                self._batch = as_checked(batch)
            self._again = compiled.repetition(self._batch)
            return found


def _of_sample(model: Model, loss: LossFunction, judges: tuple[Judge, ...]) -> Callable[[Any, Any], list[Any]]:
    """What is compiled: of a sample and its label."""

    def of_sample(x: Any, label: Any) -> list[Any]:
        outputs = model(x)
        if judges and len(shape_of(outputs)) != 1:
            raise TypeError(f"{judges[0].__name__} is for rows of outputs")
        return [loss([outputs], [label]), *[judge(label, outputs) for judge in judges]]

    names = " ".join([judge.__name__ for judge in judges])
    of_sample.__qualname__ = f"{getattr(loss, '__name__', 'loss')} {names} of {type(model).__name__}"
    of_sample.labels_are_numbers = lambda: own_loss(loss) != "" and all(map(is_own, judges))  # type: ignore[attr-defined]  # the compiler asks for it
    describe(of_sample, f"means {names}", model, loss, judges)
    return of_sample
