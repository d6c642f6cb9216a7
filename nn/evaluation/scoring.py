"""Losses and metrics of a data set."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ..data.entries import naming_data
from ..data.tables import paired
from ..elsewhere import explained
from .labels import are_names, as_targets, classes_of, name_classes, name_positions, names_several
from .metrics import Metric
from .named import metrics_for
from .programs import LossFunction, Model, Options, programs_of
from .rules import called, name_of_sample_loss

_UNPACKING = {dis.opmap["UNPACK_SEQUENCE"], dis.opmap["UNPACK_EX"]}


class _Scores(dict[str, float]):
    """Scores by name. Unpacking them like a tuple is refused, as it would silently give the names."""

    def __iter__(self) -> Iterator[str]:
        caller = sys._getframe(1)
        if caller.f_code.co_code[caller.f_lasti] in _UNPACKING:
            raise TypeError(
                "evaluate() gives a dict, of which `a, b = ...` takes the names: write "
                f"evaluate(...)[{[*self.keys()][-1]!r}], or .values() for all numbers"
            )
        return super().__iter__()

    def __missing__(self, name: object) -> NoReturn:
        raise KeyError(f"there is no {name!r}, but {', '.join(map(repr, self.keys()))}")


@explained
def score(model: Model, X: Any, y: Any, loss: LossFunction, *, backend: str = "auto") -> float:
    """The loss of the model on a data set, as a float, in eval mode; no graph is kept.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples, a list, array or DataFrame.
        y: their labels, as the loss takes them.
        loss: a function from outputs and labels to one Value, such as `nn.cross_entropy`.
        backend: as for `predict`.

    Raises:
        TypeError, ValueError, IndexError: as the loss raises them, and if X is not a list or array, or empty.

    >>> from engine import Value
    >>> from nn import mse
    >>> score(lambda x: Value(x), [1.0, 2.0], [1.0, 4.0], mse)
    2.0
    """
    return evaluate(model, X, y, loss, metrics=(), backend=backend)["loss"]


@explained
def evaluate(
    model: Model,
    X: Any,
    y: Any,
    loss: LossFunction,
    metrics: str | Metric | Sequence[str | Metric] | None = None,
    *,
    backend: str = "auto",
) -> dict[str, float]:
    """The loss and the metrics of the model on a data set, in eval mode.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples, a list, array or DataFrame.
        y: their labels, as the loss takes them.
        loss: a function from outputs and labels to one Value, such as `nn.cross_entropy`.
        metrics: names ("accuracy", "top3" and so on, "r2", "mae") or functions of labels and outputs; None for what
            fits the loss: accuracy for classes, unless labels are shares of a sample (soft labels) or the model was
            trained on labels that name several, R² for `mse` and `mae`, else nothing.
        backend: as for `predict`.

    Raises:
        TypeError, ValueError, IndexError: as the loss and the metrics raise them.

    >>> from engine import Value
    >>> from nn import mse
    >>> evaluate(lambda x: Value(x), [1.0, 2.0, 3.0], [1.0, 2.0, 5.0], mse, metrics="mae")
    {'loss': 1.3333333333333333, 'mae': 0.6666666666666666}
    """
    called("loss", loss)
    samples, labels = paired(X, y, model=model)
    classes = classes_of(model)
    if classes is not None and are_names(labels, classes):
        labels = as_targets(labels, classes, name_of_sample_loss(loss))
    one_class = not names_several(model) and (name_classes(labels, loss) or name_positions(labels, loss))
    chosen = metrics_for(metrics, model, loss, X, one_class)
    with naming_data(X, labels):
        found, outputs = programs_of(model).scored(loss, samples, labels, Options(backend))
        return _Scores({"loss": found, **{name: metric(labels, outputs) for name, metric in chosen.items()}})
