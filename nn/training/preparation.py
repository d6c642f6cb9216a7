"""What `fit` does with data before training: class names, samples held out, weights."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from ..arguments import Seed, random_source, show
from ..data.tables import names_of_columns, notes_of_columns, paired, same_rows
from ..evaluation.labels import are_names, classes_of, name_classes, name_positions, names_several, plain_text, strata
from ..evaluation.metrics import Metric
from ..evaluation.named import metrics_for
from ..evaluation.programs import LossFunction, Model, Options
from ..evaluation.rules import name_of_sample_loss
from ..layers.module import Module
from ..losses.weighted import weighted
from ..optimisers.base import Optimizer
from ..rows import as_samples, is_row
from .mistakes.targets import warn_of_unreachable
from .rows import Rows
from .validation import Validation, given_validation, held_out, refuse_lost
from .weighting import refuse_other_than_means, weights_of


class Prepared(NamedTuple):
    """Samples and loss to train with, and the validation.

    The model notes what its outputs mean while it is trained: see `noting`.
    """

    rows: Rows
    loss: LossFunction
    validation: Validation | None
    notes: dict[str, Any]


def prepared(
    model: Model,
    X: Any,
    y: Any,
    loss: LossFunction,
    optimizer: Optimizer,
    *,
    validation: Any,
    metrics: str | Metric | Sequence[str | Metric] | None,
    sample_weight: Any,
    class_weight: Mapping[Any, float] | str | None,
    seed: Seed,
    rng: random.Random,
    options: Options,
    fixed: bool,
) -> Prepared:
    """The data as the loop takes it, and what the module is to note: its loss and its class names.

    Raises:
        TypeError, ValueError: as `nn.fit`.
    """
    of_columns = notes_of_columns(model, X, y)
    samples, labels = paired(X, y)
    same_rows(X=X, y=y, sample_weight=sample_weight)
    weights = weights_of(labels, sample_weight, class_weight)
    loss_name = name_of_sample_loss(loss)
    notes: dict[str, Any] = {"_loss": loss_name, **of_columns}
    several = _name_several(labels, loss)
    if several or names_several(model):
        notes["_several"] = several
    classes = classes_of(model)
    names = are_names(labels, classes)
    if names:
        notes["classes"] = classes = _names(model, labels, loss)
    rows = Rows(X, y, len(samples), loss_name, classes if names else None)
    warn_of_unreachable(model, loss, rows.first[1])
    checked = None
    if validation is not None:
        if isinstance(validation, (tuple, list)):
            held, held_classes = _given(validation, rows, loss, classes)
        else:
            # From the seed itself, so that a resumed training holds out the same samples.
            source = rng if rng is seed or seed is None else random_source(seed)
            first, last, held_classes = _split(validation, rows, loss, source)
            rows, held = replace(rows, places=first), replace(rows, places=last)
            weights = None if weights is None else [weights[row] for row in first]
        held_X, held_y = held.first
        refuse_lost(model, loss, held_X, held_y, held.places or range(len(held_X)), names_of_columns(X))
        one_class = not several and (held_classes is not None or name_positions(held_y, loss))
        chosen = metrics_for(metrics, model, loss, held_X, one_class)
        checked = Validation(model, held, loss, chosen, options, fixed)
    elif metrics is not None:
        raise ValueError("metrics are taken on validation data: give validation=(X, y), or a share such as 0.2")
    if weights is not None:
        refuse_other_than_means(model, loss, optimizer, *rows.first)
        rows, loss = replace(rows, weights=weights), weighted(loss)
    return Prepared(rows, loss, checked, notes)


def _given(validation: Any, rows: Rows, loss: LossFunction, classes: list[str] | None) -> tuple[Rows, list[Any] | None]:
    """The samples of `validation=(X, y)` beside those to train with, and the class of each, if they have one."""
    X, y = given_validation(validation, rows.X, rows.y)
    names = classes or [] if are_names(y, classes) else None
    return Rows(validation[0], validation[1], len(X), rows.loss, names), strata(y, loss)


def _split(
    share: Any, rows: Rows, loss: LossFunction, source: random.Random
) -> tuple[list[int], list[int], list[Any] | None]:
    """The places of samples to train with, and of those held out; and the class of each, if they have one."""
    classes = strata(rows.first[1], loss) if rows.classes is None else list(as_samples("y", rows.y))
    return *held_out(len(rows), share, source, classes), classes


@contextmanager
def noting(model: Model, notes: Mapping[str, Any], has_trained: Callable[[], bool]) -> Iterator[None]:
    """A context in which a module has noted what its outputs mean; undone by an error before the first step."""
    own: dict[str, Any] = vars(model) if isinstance(model, Module) else {}
    before = {name: own[name] for name in notes if name in own}
    try:
        own.update(notes)
        yield
    except Exception:
        if not has_trained():
            for name in notes:
                own.pop(name, None)
            own.update(before)
        raise


def _names(model: Model, y: Any, loss: LossFunction) -> list[str]:
    """The class names of the module, or, if it knows none yet, all labels, sorted."""
    if not isinstance(model, Module):
        raise TypeError(
            f"labels that are texts need an nn.Module, which keeps the names of its classes, not {show(model)}"
        )
    loss_name = name_of_sample_loss(loss)
    if loss_name in ("mse", "mae"):
        raise ValueError(
            f"{loss_name} of labels that are texts, such as {show(plain_text(next(iter(y))))}: make "
            "numbers of them by float(), or take a loss for classes, such as cross_entropy"
        )
    names = sorted({*map(plain_text, y)})
    if loss_name in ("bce", "bce_with_logits", "hinge") and len(names) > 2:
        raise ValueError(
            f"{loss_name} tells two classes apart, and the labels name {len(names)}: "
            f"{', '.join(names)}; take cross_entropy, and an output for each"
        )
    known = classes_of(model) or names
    if not {*names} <= {*known}:
        raise ValueError(
            f"no class is named {next(name for name in names if name not in known)!r}: the model was trained to tell "
            f"{', '.join(known)} apart; build a new one for others, or set its classes to None"
        )
    return known


def _name_several(y: Any, loss: Any) -> bool:
    """Whether each output has a label of its own (multi-label), so that several may be 1, or none.

    >>> from nn import bce, mse
    >>> _name_several([[1, 1], [0, 1]], bce), _name_several([[1, 0], [0, 1]], bce), _name_several([[1, 1], [0, 1]], mse)
    (True, False, False)
    """
    if name_of_sample_loss(loss) not in ("bce", "bce_with_logits") or not is_row(y[0]) or len(y[0]) == 1:
        return False
    return not name_classes(y, loss)
