"""The report on a loss that turned nan: which numbers of the data are nan, and where in the batch's graph it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import engine

from ..data.entries import lost_entries
from ..data.tables import noted_columns
from ..layers.dropout import outputs_with_masks
from ..layers.module import Module
from .batch_loss import scored
from .epochs.task import Task
from .steps import LossFunction, Model


def anomaly_report(task: Task, batch: Sequence[int], step: int) -> str:
    """The first nan or infinity in the graph of a batch's loss: the operation, its operands, the line and the path.

    Args:
        task: the model as it was before the step, the data and the loss.
        batch: the places of its samples in the data.
        step: the number of the step, which draws the masks.

    Returns:
        What is not finite in the data, or huge, then the report, or the error of eager code; empty if there is nothing.
    """
    X, y = ([data[place] for place in batch] for data in task.rows.read())
    places = task.rows.places
    rows = batch if places is None else [places[place] for place in batch]
    lost = lost_entries(X, y, rows, task.rows.weights is not None, noted_columns(task.model))
    return "\n".join(filter(None, [lost, _anomaly(task.model, task.loss, X, y, step)]))


def _anomaly(model: Model, loss: LossFunction, X: list[Any], y: list[Any], step: int) -> str:
    names = model if isinstance(model, Module) else None
    try:
        with engine.detect_anomaly(names):
            found = engine.find_anomaly(scored(loss, outputs_with_masks(model, X, step), y), names)
    except engine.AnomalyError as error:
        return str(error)
    except ValueError as error:  # from a loss that refuses what is nan in compiled code
        return f"computed eagerly, this batch raises ValueError: {error}"
    except Exception:  # whatever else is wrong with the loss, it is nan: that is what to report
        return ""
    return "" if found is None else str(found)
