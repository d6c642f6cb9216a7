"""Losses and metrics of the user's whose labels have few bits, in which NumPy's sums and differences overflow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import no_grad

from ..rows import are_narrow

_WIDE = {"i": "i8", "u": "i8", "f": "f8"}


def refuse_overflow(what: str, score: Callable[[Any, Any], Any], found: Any, outputs: Any, labels: Any) -> None:
    """Check that a function gives the same for labels of few bits as for the same numbers in 64 bits.

    Of 0 and 1 in uint8, NumPy makes 255 and 1 by 2 * y - 1, without a word.

    Args:
        what: what the function is, for the message.
        score: the function, of outputs and labels.
        found: what it has given for these.
        outputs: of all samples.
        labels: as many.

    Raises:
        ValueError: it does not.
    """
    if not are_narrow(labels):
        return
    try:
        with no_grad():
            number, wide = float(found), float(score(outputs, _widened(labels)))
            if _are_close(number, wide) or not _are_close(number, float(score(outputs, labels))):
                return  # or the function gives another number at every call
    except Exception:  # a function that is made for their type
        return
    raise ValueError(
        f"{what} gives {number:g} for these labels, and {wide:g} for the same numbers in 64 bits: NumPy computes in "
        "their own few bits, in which sums, differences and products overflow. Give y.astype(float), or "
        "y.astype(int) for classes"
    )


def _widened(labels: Any) -> Any:
    if isinstance(labels, list):
        return [label.tolist() if hasattr(label, "tolist") else label for label in labels]
    return labels.astype(_WIDE[labels.dtype.kind])


def _are_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
