"""Losses and metrics of the user's that NumPy computes of all pairs, where outputs are a column and labels a row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import no_grad

from ..arguments import is_row
from .columns import shape_of_each


def refuse_all_pairs(what: str, score: Callable[[Any], Any], found: Any, outputs: Any, labels: Any) -> None:
    """Check that a function gives the same for outputs in rows of one as for the outputs themselves.

    Of N x 1 outputs less N labels NumPy makes a table of N x N differences.

    Args:
        what: what the function is, for the message.
        score: gives what the function makes of other outputs and the same labels.
        found: what it has made of these.
        outputs: of all samples.
        labels: as many.

    Raises:
        ValueError: it gives something else.
    """
    if len(labels) < 2 or is_row(labels[0]) or shape_of_each(outputs) != (1,):
        return
    try:
        with no_grad():
            alone = outputs[:, 0] if hasattr(outputs, "dtype") else [row[0] for row in outputs]
            number, other = float(found), float(score(alone))
    except Exception:  # a function of rows, as most are
        return
    if not math.isclose(number, other, rel_tol=1e-9, abs_tol=1e-12) and number == number:
        raise ValueError(
            f"{what} gives {number:g} for outputs in rows of one, and {other:g} for the outputs themselves: of a "
            "column of N x 1 outputs and N labels NumPy makes all N x N pairs. Take the outputs out of their rows "
            "first, as outputs[:, 0] of an array"
        )
