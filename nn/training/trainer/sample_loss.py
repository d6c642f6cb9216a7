"""What a Trainer compiles: the loss of one sample, weighted so that its mean over a batch is the loss of that batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine import Batch, BatchLoss, Description, TraceError, TypeGuard, Value, batch_loss

from ...arguments import show
from ...evaluation.columns import shape_of
from ...losses.named import OF_ROWS
from ...own_code import own_code, own_loss
from ...rows import is_row
from ..batch_loss import one_value, scored
from ..steps import LossFunction, Model

Shape = tuple[int, ...]
"""The shape of a sample or a label: () for a number, (n,) for a list of n, ..."""


class SampleLoss:
    """The loss of one sample, weighted for batches of a given size.

    For most losses, the mean of the losses of single samples is the loss of the batch. For a sum and the like, they
    are multiplied by a number that depends on the batch size. It is the data of a Value, which the program reads as it
    reads parameters, so that gradients and clipping have the right size, and the learning rate is left alone.

    Args:
        model: maps one sample to its output.
        loss: the loss of a batch.
        parameters: distinct parameters; quickest if they are those of the model.

    Attributes:
        function: the function of a sample and its label, for `engine.compile`.
        type_guard: the labels of a batch whose types the loss asks for, and what these types were.
    """

    def __init__(self, model: Model, loss: LossFunction, parameters: Sequence[Value] = ()) -> None:
        self._model, self._loss = model, loss
        self._known: dict[Any, BatchLoss] = {}  # by the shapes and the size of a batch; by None for all sizes
        self._outputs: dict[Shape, Any] = {}  # the output for a sample of each shape, with zeros for its numbers
        self.type_guard = TypeGuard()
        self._scale, self._extra = Value(1.0), Value(0.0)
        self._scaled = False  # whether the function includes the first; the second is the factor of the penalty
        self._penalty: Callable[[], Any] | None = None
        self._parameters = parameters
        takes_rows = any(loss is each for each in OF_ROWS)

        def of_sample(x: Any, y: Any) -> Any:
            shape, output = shape_of(x), model(x)  # in this order: a model may change its list
            if takes_rows and not is_row(output):
                raise TraceError(
                    f"{loss.__name__} takes a row of outputs for each sample, and the model gives no row but "
                    f"{show(output)}: a list of those is the row of a single sample"
                )
            example = _example(output)
            if example != self._outputs.get(shape, example):
                self._known.clear()
            self._outputs[shape] = example
            result = one_value(scored(loss, [output], [y]))
            if self._scaled:
                result = self._scale * result
            return result if self._penalty is None else result + self._extra * self._penalty()

        of_sample.labels_are_numbers = lambda: own_loss(loss) != ""  # type: ignore[attr-defined]  # as below
        of_sample.described = self._described  # type: ignore[attr-defined]  # the compiler asks for it
        of_sample.__qualname__ = f"{getattr(loss, '__name__', 'loss')} of {type(model).__name__}"
        self.function: Callable[[Any, Any], Any] = of_sample

    @property
    def weights(self) -> tuple[Value, Value]:
        """What the function reads that is neither of the model nor of the loss."""
        return self._scale, self._extra

    def structure(self, batch: Batch, size: int) -> BatchLoss:
        """How the loss of a batch is made of the losses of its samples; it is known, or the function has been traced.

        Raises:
            TraceError: the loss mixes samples.
        """
        if self.knows(batch.shapes, size):
            return self._known.get((batch.shapes, None)) or self._known[batch.shapes, size]
        sample, label = batch.shapes
        found = batch_loss(self._loss, self._outputs[sample], label, size, batch)
        if found.type_guard:
            self.type_guard = self.type_guard.together(found.type_guard, batch)
        self._known[batch.shapes, size] = found
        return found

    def refuse_single(self, error: Exception, batch: Batch, size: int) -> None:
        """If a loss that fails for a list of one label cannot be compiled for a batch either, say why.

        Raises:
            TraceError: the loss mixes samples, or needs an array of labels.
        """
        sample, label = batch.shapes
        if isinstance(error, TraceError) or sample not in self._outputs:
            return
        try:
            batch_loss(self._loss, self._outputs[sample], label, size, batch)
        except TraceError as mixed:
            raise mixed from error
        except Exception:  # it fails for them too: the first error says why
            return

    def knows(self, shapes: tuple[Shape, ...], size: int) -> bool:
        """Whether the structure is known without a trace, as that of unchanged losses of this package is."""
        if not self._known.keys().isdisjoint([(shapes, None), (shapes, size)]):
            return True
        if own_loss(self._loss):
            self._known[shapes, None] = _MEAN
            return True
        return False

    def _described(self) -> Description | None:
        """Everything that determines the function, if it is this package's own code."""
        found = own_code(self._model, self._loss, *[self._scale] * self._scaled, known=self._parameters)
        if found is not None:
            self._parameters = found.values
        if found is None or self._penalty is not None:
            return None
        return replace(found, text=f"{'scaled ' if self._scaled else ''}{found.text}")

    def forget(self) -> None:
        """Examine the loss again when it is used next."""
        self._known.clear()
        self.type_guard = TypeGuard()

    def weigh(self, found: BatchLoss) -> bool:
        """Weight samples for batches of that structure; return whether the function must be compiled again."""
        before = self._scaled, self._penalty
        self._scaled = self._scaled or found.scale != 1.0
        if found.extra and self._penalty is None:
            self._penalty = found.penalty
        for value, number in ((self._scale, found.scale), (self._extra, found.extra)):
            if value.data != number:
                value.data = number
        return before != (self._scaled, self._penalty)


_MEAN = BatchLoss(1.0, 0.0, lambda: 0.0)
"""The loss of a batch of any size is the mean of the losses of its samples."""


def _example(output: Any) -> Any:
    """The output, with zeros for its numbers."""
    if isinstance(output, dict):
        return {name: _example(part) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        return [*map(_example, output)] if isinstance(output, list) else tuple(map(_example, output))
    return 0.0
