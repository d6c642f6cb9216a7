"""Users' losses and metrics in which NumPy broadcasts a column of outputs and a row of labels to all pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import no_grad

from ..rows import is_row
from .columns import shape_of_each


def refuse_all_pairs(what: str, score: Callable[[Any, Any], Any], found: Any, outputs: Any, labels: Any) -> None:
    """Check that a function compares each output with its own label, and not with all labels.

    From N x 1 outputs and N labels NumPy makes a table of N x N differences. The function does so if it gives another
    number when outputs and labels are both rows, and that same number when both are columns.

    Args:
        what: what the function is, for the message.
        score: the function, of outputs and labels.
        found: what it has given for these.
        outputs: of all samples.
        labels: as many.

    Raises:
        ValueError: it does.
    """
    if len(labels) < 2 or is_row(labels[0]) or shape_of_each(outputs) != (1,):
        return
    try:
        with no_grad():
            number = float(found)
            as_row = float(score([row[0] for row in outputs] if isinstance(outputs, list) else outputs[:, 0], labels))
            if math.isclose(number, as_row, rel_tol=1e-9, abs_tol=1e-12):
                return
            as_column = float(score(outputs, [[y] for y in labels] if isinstance(labels, list) else labels[:, None]))
    except Exception:  # a function of rows, as most are
        return
    if math.isclose(as_row, as_column, rel_tol=1e-9, abs_tol=1e-12):
        raise ValueError(
            f"{what} gives {number:g} for outputs in rows of one, and {as_row:g} for the outputs themselves: from a "
            "column of N x 1 outputs and N labels NumPy makes all N x N pairs. Take the outputs out of their rows "
            "first, as outputs[:, 0] of an array"
        )
