"""Users' models, losses and metrics, given numbers of few bits, in which NumPy's differences overflow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import no_grad

from ..rows import are_narrow
from .columns import flat

_WIDE = {"i": "i8", "u": "i8", "f": "f8"}
_ARGUMENTS = {"X": ("samples", "X.astype(float)"), "y": ("labels", "y.astype(float), or y.astype(int) for classes")}


def refuse_overflow(
    what: str, score: Callable[[Any, Any], Any], found: Any, outputs: Any, data: Any, name: str = "y"
) -> bool:
    """Check that a function gives the same for data of few bits as for the same numbers in 64 bits.

    In uint8, for example, NumPy silently makes 255 of 2 * y - 1 for the label 0.

    Args:
        what: what the function is, for the message.
        score: the function, of outputs and the data.
        found: what it has given for these: a number, or nested rows of them.
        outputs: of all samples.
        data: as many labels, or the samples themselves.
        name: of the data: "y" or "X".

    Returns:
        Whether other data of few bits, which might overflow, may be `widened`: not if the function is made for their
        type, or gives another number at every call.

    Raises:
        ValueError: it does not.
    """
    if not are_narrow(data):
        return True
    try:
        with no_grad():
            off = _first_off(found, score(outputs, widened(data)))
            if off is None:
                return True
            if _first_off(found, score(outputs, data)):  # the function gives another number at every call
                return False
    except Exception:  # a function that is made for their type
        return False
    (number, wide), (kind, remedy) = off, _ARGUMENTS[name]
    raise ValueError(
        f"{what} gives {number:g} for these {kind}, and {wide:g} for the same numbers in 64 bits: NumPy computes in "
        f"their own few bits, in which sums, differences and products overflow or lose digits. Give {remedy}"
    )


def widened(data: Any) -> Any:
    """Samples or labels with numbers of 64 bits in place of those of few."""
    if isinstance(data, (list, tuple)):
        return [widened(item) for item in data]
    kind = data.dtype.kind if hasattr(data, "dtype") else ""
    if kind == "u" and (data >= 2**63).any():
        kind = "f"
    return data.astype(_WIDE[kind]) if kind in _WIDE else data


def _first_off(found: Any, others: Any) -> tuple[float, float] | None:
    """The first number that is not close to the one in its place; None if all are."""
    pairs = zip(map(float, flat(found)), map(float, flat(others)))
    return next((pair for pair in pairs if not _are_close(*pair)), None)


def _are_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
