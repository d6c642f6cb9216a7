"""What to say when a loss turns nan: where in the graph of that batch it began."""

from __future__ import annotations

from typing import Any

import engine

from ..layers.dropout import Place, drawing
from .steps import LossFunction, Model, scored


def anomaly_report(model: Model, loss: LossFunction, X: list[Any], y: list[Any], step: int) -> str:
    """The first nan or infinity in the graph of a batch's loss: the operation, its operands, the line and the path.

    Args:
        model: as it was before the step.
        loss: of a batch.
        X: the samples of the batch.
        y: their labels.
        step: the number of the step, which draws the masks.

    Returns:
        The report, or what eager code refuses; empty if all is finite there.
    """
    outputs = []
    try:
        with engine.detect_anomaly():
            for place, x in enumerate(X):
                with drawing(Place(step, place)):
                    outputs.append(model(x))
            found = engine.find_anomaly(scored(loss, outputs, y))
    except engine.AnomalyError as error:
        return str(error)
    except ValueError as error:  # of a loss that refuses what compiled code makes nan
        return f"computed eagerly, this batch raises ValueError: {error}"
    except Exception:  # the loss is nan: whatever else is wrong with it, that is what to report
        return ""
    return "" if found is None else str(found)
