"""What a check found, and how it is told: every input by name, every kink, and on failure the culprit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_SHOWN = 40  # how many derivatives that agree are listed one by one
Status = Literal["agrees", "differs", "unresolved"]


@dataclass(frozen=True)
class Kink:
    """A point without a derivative, at the checked point or close to it, along one input.

    Attributes:
        why: the node or branch that makes it.
        distance: how far the input is from it, with the sign of the direction.
        taken: the derivative that the code under test gives at the checked point.
        left: the derivative from below, as differences give it.
        right: the derivative from above.
        interval: the values of the input around the point between which the function is smooth: the check is valid
            there and was made there.
    """

    why: str
    distance: float
    taken: float
    left: float
    right: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        place = f"at the point (taken there: {self.taken:.9g})" if self.distance == 0 else f"{self.distance:+.3g} away"
        low, high = self.interval
        return (
            f"kink {place}, {self.why}: derivative {self.left:.9g} below and {self.right:.9g} above; "
            f"checked between {low:.17g} and {high:.17g}"
        )


@dataclass(frozen=True)
class Derivative:
    """One derivative: what was claimed, and what differences of the function's values say.

    Attributes:
        name: the input.
        order: 1 for the gradient; k for the gradient of the (k-1)-th derivative along a fixed direction.
        at: the value of the input where it was compared; a little off the point where that is a kink.
        claimed: the engine's derivative, or the one under test.
        expected: that of the differences; nan if none could be computed.
        bound: how far off `expected` may be.
        status: ``"agrees"``, ``"differs"``, or ``"unresolved"`` if differences give too few digits to decide.
        kink: the kink that the check had to keep clear of.
    """

    name: str
    order: int
    at: float
    claimed: float
    expected: float
    bound: float
    status: Status
    kink: Kink | None = None

    @property
    def relative_error(self) -> float:
        """The disagreement over the larger of the two."""
        largest = max(abs(self.claimed), abs(self.expected))
        return abs(self.claimed - self.expected) / largest if largest > 0 else 0.0


@dataclass(frozen=True)
class Fault:
    """The smallest thing found to be wrong.

    Attributes:
        what: in words: which node, which operand, what was expected and what came.
        code: Python that shows it, to paste.
        primitive: the name of the primitive whose rule is wrong, "" if it is no single one.
    """

    what: str
    code: str = ""
    primitive: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of a check; true if nothing disagrees. Its text says what matters, `derivatives` everything.

    Attributes:
        title: what was checked.
        derivatives: one entry per input, parameter and order.
        faults: what is wrong beneath the disagreements.
        notes: remarks, such as what was done about unresolved derivatives.
    """

    title: str
    derivatives: tuple[Derivative, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no derivative differs and no fault was found."""
        return not self.faults and not self.wrong

    def __bool__(self) -> bool:
        return self.ok

    @property
    def wrong(self) -> list[Derivative]:
        """The derivatives that differ."""
        return [d for d in self.derivatives if d.status == "differs"]

    @property
    def unresolved(self) -> list[Derivative]:
        """The derivatives that differences cannot confirm, for lack of digits."""
        return [d for d in self.derivatives if d.status == "unresolved"]

    @property
    def kinks(self) -> list[Kink]:
        """The kinks at or near the point, each once."""
        return list(dict.fromkeys(d.kink for d in self.derivatives if d.kink is not None))

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        total, wrong = len(self.derivatives), self.wrong
        many = "1 derivative" if total == 1 else f"{total} derivatives"
        verdict = f"{len(wrong)} of {many} WRONG" if wrong else f"{many}, none wrong"
        yield f"{self.title}: {verdict}"
        width = max((len(d.name) for d in self.derivatives), default=0)
        right = [d for d in self.derivatives if d.status == "agrees"]
        for d in [*wrong, *self.unresolved, *right[:_SHOWN]]:
            order = f" order {d.order}" if d.order > 1 else ""
            error = f", relative error {d.relative_error:.2g}" if d.status == "differs" else ""
            beside = f" at {d.at:.9g}" if d.kink is not None and d.kink.distance == 0 else ""
            yield (
                f"  {d.status:<10} by {d.name:<{width}}{order}{beside}: {d.claimed:.17g}, "
                f"differences give {_with_bound(d.expected, d.bound)}{error}"
            )
            if d.kink is not None:
                yield f"             {d.kink}"
        if len(right) > _SHOWN:
            yield f"  agrees     by {len(right) - _SHOWN} more"
        for fault in self.faults:
            yield f"  culprit: {fault.what}"
            if fault.code:
                yield "  to reproduce:"
                yield from (f"    {line}" for line in fault.code.splitlines())
        for note in self.notes:
            yield f"  note: {note}"


def _with_bound(number: float, bound: float) -> str:
    """A number with the digits that are certain, and its bound.

    >>> _with_bound(0.123456789, 1.2e-5)
    '0.1234568 +- 1.2e-05'
    """
    if not math.isfinite(number) or not 0 < bound < math.inf:
        return f"{number:.17g}"
    digits = 17 if number == 0 else min(17, max(1, 2 + math.ceil(math.log10(max(abs(number) / bound, 1.0)))))
    return f"{number:.{digits}g} +- {bound:.2g}"
