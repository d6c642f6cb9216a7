"""One step of training: what a loop calls for every batch."""

from __future__ import annotations

import math
from operator import is_
from typing import Any, Protocol

from engine import Value, always_recorded, changes, collector_at_rest, leaves_made, lost_loss, topological_order

from ..arguments import name_of
from ..attributes import Known
from ..data.entries import with_entries
from ..data.tables import note_columns, paired
from ..elsewhere import explained, missing, with_remedy
from ..evaluation.broadcasting import refuse_all_pairs
from ..evaluation.columns import shape_of
from ..evaluation.few_bits import refuse_overflow, widened
from ..evaluation.programs import LossFunction as LossFunction
from ..evaluation.programs import Model as Model
from ..evaluation.rules import called, is_mean, name_of_loss, note_other_loss
from ..layers.dropout import outputs_with_masks
from ..optimisers.base import Optimizer, has_rule, make_step
from ..optimisers.clipping import clip_gradients, clip_limits
from ..own_code import own_code
from ..rows import are_narrow, as_samples
from .batch_loss import nothing_to_learn, one_value, scored
from .mistakes.ownership import FirstCall, check_ownership, refuse_outdated, refuse_results, results_of
from .mistakes.reach import look_at_graph, look_beside_graph
from .mistakes.targets import warn_of_unreachable


def _meets_all(predictions: list[Any], loss: Value) -> bool:
    """Whether the first prediction, in a row of one, is read by as many operations as there are samples."""
    if shape_of(predictions[0]) != (1,):
        return False
    (first,) = predictions[0]
    return sum(any(each is first for each in node.operands) for node in topological_order(loss)) >= len(predictions)


class Step(Protocol):
    """One update of the parameters by a batch: all that the loop of `fit` needs."""

    def __call__(self, X: Any, y: Any) -> float:
        """Update the parameters by a batch, in lists or arrays, and return its loss before the update."""


@missing
class EagerStep(Known):
    """The eager step: predict, score the predictions against the labels, backpropagate, update.

    Backprop both propagates the error back through every node and stores the parameters' gradients, from which
    the optimiser then takes its step.

    Args:
        model: a module, or a function from one sample to its output.
        loss: a function from the outputs and labels of a batch to one Value.
        optimizer: what changes the parameters.
        clip_norm: the largest norm of the whole gradient: a longer one is scaled to it before the step.
        clip_value: the largest entry of the gradient, positive or negative: larger ones are cut to it.

    Attributes:
        steps: how many were made; this number, or that of the optimiser if it had made more before, determines the
            masks of dropout.

    >>> from nn import MLP, SGD, mse
    >>> model = MLP(1, [1], init="zeros")
    >>> EagerStep(model, mse, SGD(model.parameters(), lr=0.25))([[1.0]], [2.0])
    4.0
    >>> model([1.0])[0].data
    2.0
    """

    model: Model
    loss: LossFunction
    optimizer: Optimizer
    steps: int

    @explained
    def __init__(
        self,
        model: Model,
        loss: LossFunction,
        optimizer: Optimizer,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.model = called("model", model)
        self.loss = called("loss", loss)
        self.optimizer = optimizer
        self.steps = 0
        self._is_new = True  # no step was made here, though others may come before, in a training that goes on
        self._ahead: int | None = None  # how many more the optimiser had made; None until the first one is made here
        self._clip = clip_limits(clip_norm, clip_value)
        self._seen: tuple[Any, ...] = (None,)  # what was seen when the optimiser was last found to hold the parameters
        self._leaves = leaves_made[0]  # at the end of the last step
        self._loss = math.nan  # of the last step, noted before it is made
        self._widens_samples = self._widens_labels = False  # those of few bits, which might overflow in later batches

    def __repr__(self) -> str:
        loss = name_of(self.loss)
        return f"<EagerStep of {type(self.model).__name__} with {loss} and {type(self.optimizer).__name__}>"

    @with_remedy("write step(X, y) with one batch")
    def __call__(self, X: Any, y: Any) -> float:
        """Update the parameters by one batch, and return its loss before the update.

        Raises:
            TypeError: if the loss is not one Value.
            ValueError: if there are no samples, or not as many labels; if the first loss depends on no parameter, or
                one on a result that was kept while parameters changed; if the optimiser holds none of the model's
                parameters, or those of a part that was replaced; if a model of yours computes with samples of few bits,
                as of uint8, in which sums overflow in the first step; in later ones they have 64 bits.
            FloatingPointError: if it is nan or infinite; the parameters stay as they were.
        """
        try:
            if not self.steps:
                warn_of_unreachable(self.model, self.loss, as_samples("y", y))
                note_other_loss(self.model, self.loss)
            return self._made(X, y)
        except (TypeError, ValueError, FloatingPointError) as error:
            raise with_entries(error, X, y) from error.__cause__

    def _made(self, X: Any, y: Any) -> float:
        """Make the step as a call does, for a loop that itself names the entries of its data in errors."""
        with collector_at_rest(), always_recorded():
            note_columns(self.model, X, y)
            return self._update(*paired(X, y))

    def _losses_since(self, step: int) -> list[float]:
        """The loss of the last step, if more than that many were made: Ctrl-C may have come before it was returned."""
        return [self._loss] if self.steps > step else []

    def _update(self, X: Any, y: Any) -> float:
        self._check_optimizer()
        X = widened(X) if self._widens_samples and are_narrow(X) else X
        y = widened(y) if self._widens_labels and are_narrow(y) else y
        results = results_of(self.model) if self.steps < 2 else []  # in the second step those of the first one
        predictions = self._predicted(X)
        loss = one_value(scored(self.loss, predictions, y))
        if not math.isfinite(loss.data):
            raise lost_loss(loss.data, self.optimizer.lr)
        refuse_results(results, loss)
        self._check_loss(predictions, y, loss)
        self.optimizer.zero_grad()
        loss.backward()
        if not self.steps and has_rule(self.optimizer):  # one of the user's may need no gradient
            self._check_graph(X, y, predictions, loss)
        clip_gradients(self.optimizer.params, self._clip)
        self._loss = loss.data
        make_step(self.optimizer, self, "steps")
        self._is_new = False
        self._leaves = leaves_made[0]
        return loss.data

    def _predicted(self, X: Any) -> list[Any]:
        """The model's outputs. The first step here warns of what that call makes, and refuses overflows in it."""
        step = self._step_of_masks
        if not self._is_new:
            return outputs_with_masks(self.model, X, step)
        first_call = FirstCall(self.model)
        predictions = outputs_with_masks(self.model, X, step)
        first_call.warn(self.optimizer)
        if own_code(self.model, None) is None:  # layers compute in floats
            self._widens_samples = refuse_overflow(
                "the model", lambda _, wide: outputs_with_masks(self.model, wide, step), predictions, None, X, "X"
            )
        return predictions

    @property
    def _step_of_masks(self) -> int:
        """The number of the step that is next, for which masks are drawn."""
        if self._ahead is None:
            self._ahead = max(0, self.optimizer.steps - self.steps)
        return self._ahead + self.steps

    # ---- checks ----

    @property
    def _is_due(self) -> bool:
        """Whether slow checks are made: at steps 0, 1, 2, 4, 8 and so on, as what they find lasts for many steps."""
        return not self.steps & (self.steps - 1)

    def _check_optimizer(self) -> None:
        """Check that the optimiser holds the model's parameters: now and then, and when something may have changed."""
        seen = changes[0], self.model, self.optimizer.params
        new_leaves = self._leaves != leaves_made[0]  # such as a parameter, since the last step
        if self._is_due or new_leaves or not all(map(is_, seen, self._seen)):
            check_ownership(self.model, self.loss, self.optimizer)
            self._seen = seen

    def _check_loss(self, predictions: list[Any], y: Any, loss: Value) -> None:
        if self._is_due:
            refuse_outdated(self.optimizer.params, loss)
        if self._is_new and not (is_mean(self.loss) or name_of_loss(self.loss)):
            self._widens_labels = refuse_overflow("the loss", self.loss, loss, predictions, y)
            if _meets_all(predictions, loss):
                refuse_all_pairs("the loss", self.loss, loss, predictions, y)

    def _check_graph(self, X: Any, y: Any, predictions: list[Any], loss: Value) -> None:
        params = self.optimizer.params
        if not any(p.grad for p in params) and {*topological_order(loss)}.isdisjoint(params):
            raise nothing_to_learn(self.loss)
        step = self._step_of_masks
        look_at_graph(self.model, self.loss, self.optimizer, X, predictions, loss, step)
        look_beside_graph(self.model, self.loss, self.optimizer, X, y, loss, step)
