"""The report on a loss that turned nan: which numbers of the data are nan, and where in the batch's graph it began."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import engine

from ..data.tables import no_number_in
from ..layers.dropout import Place, drawing
from ..layers.module import Module
from .epochs import Task
from .steps import LossFunction, Model, scored

_SHOWN = 3  # numbers of the data that are named


def anomaly_report(task: Task, batch: Sequence[int], step: int) -> str:
    """The first nan or infinity in the graph of a batch's loss: the operation, its operands, the line and the path.

    Args:
        task: the model as it was before the step, the data and the loss.
        batch: the places of its samples in the data.
        step: the number of the step, which draws the masks.

    Returns:
        What is not finite in the data, then the report, or the error of eager code; empty if everything is finite.
    """
    X, y = ([data[place] for place in batch] for data in (task.X, task.y))
    rows = [task.rows[place] for place in batch]
    lost = [text for row, x, label in zip(rows, X, y) for text in lost_numbers(row, x, label)]
    return "\n".join(filter(None, [_some(lost), _anomaly(task.model, task.loss, X, y, step)]))


@contextmanager
def naming_data(X: Any, y: Any, rows: Sequence[int]) -> Iterator[None]:
    """Add to an error about data which column of a table holds no numbers, or which labels are nan or infinite.

    Args:
        X: the samples as the user gave them.
        y: the labels.
        rows: their places in the user's data.
    """
    try:
        yield
    except TypeError as error:
        told = no_number_in(X)
        if type(error) is not TypeError or not told:
            raise
        raise TypeError(f"{error}\n{told}") from error
    except ValueError as error:
        text = str(error)
        lost = [told for row, label in zip(rows, y) for told in lost_numbers(row, None, label)]
        if type(error) is not ValueError or not lost or not ("nan" in text or "inf" in text):
            raise
        raise ValueError(f"{text}\n{_some(lost)}") from error


def _some(lost: list[str]) -> str:
    """The first of the numbers that are not finite, as text."""
    return ", ".join(lost[:_SHOWN]) + (f", and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else "")


def lost_numbers(row: int, x: Any, label: Any) -> list[str]:
    """Which numbers of a sample and its label are nan or infinite.

    >>> lost_numbers(3, [0.5, math.nan], 1)
    ['X[3][1] is nan']
    """
    lost = [f"X[{row}]{where} is {number}" for where, number in _not_finite(x)]
    return lost + [f"y[{row}] holds {number}" for _, number in _not_finite(label)]


def _not_finite(data: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a sample or label that are nan or infinite, and their indices."""
    data = data.tolist() if hasattr(data, "tolist") else data
    if isinstance(data, (list, tuple)):
        for k, item in enumerate(data):
            yield from _not_finite(item, f"{where}[{k}]")
    elif isinstance(data, float) and not math.isfinite(data):
        yield where, data


def _anomaly(model: Model, loss: LossFunction, X: list[Any], y: list[Any], step: int) -> str:
    names = model if isinstance(model, Module) else None
    outputs = []
    try:
        with engine.detect_anomaly(names):
            for place, x in enumerate(X):
                with drawing(Place(step, place)):
                    outputs.append(model(x))
            found = engine.find_anomaly(scored(loss, outputs, y), names)
    except engine.AnomalyError as error:
        return str(error)
    except ValueError as error:  # from a loss that refuses what is nan in compiled code
        return f"computed eagerly, this batch raises ValueError: {error}"
    except Exception:  # whatever else is wrong with the loss, it is nan: that is what to report
        return ""
    return "" if found is None else str(found)
