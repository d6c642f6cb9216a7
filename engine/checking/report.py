"""What a check found, and its text: every input by name, every kink, and the culprit of a failure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..text.sheet import Sheet, Shown, counted, display_width, padded
from .estimates.taylor import looks_wrong
from .estimates.thresholds import RIGHT_RATE
from .estimates.verdicts import Status

_SHOWN = 40  # how many derivatives that agree are listed one by one
_POINT = 1200  # characters of a point that are shown
_SHRINKS = 0.5  # a remainder that follows a smaller power of the step does not shrink; a wrong gradient's has power 1


@dataclass(frozen=True)
class Kink:
    """A point without a derivative, at the checked point or close to it, along one input.

    Attributes:
        why: the node or branch that causes it.
        distance: from the input to the kink, negative if that is below; nan if only the interval is known.
        taken: the derivative that the code under test gives at the checked point.
        left: the derivative from below, as differences give it; nan where the function has no values.
        right: the derivative from above, likewise.
        interval: the values of the input around the point between which the function is smooth but for this kink; the
            check was made there, and holds there.
        jump: how far the value jumps at the kink; at a jump there is no derivative.
    """

    why: str
    distance: float
    taken: float
    left: float
    right: float
    interval: tuple[float, float]
    jump: float = 0.0

    def __str__(self) -> str:
        near = math.isnan(self.distance)
        place = "near the point" if near else f"{self.distance:+.3g} away"
        if self.distance == 0:
            place = f"at the point (taken there: {self.taken:.9g})"
        low, high = self.interval
        left, right = ("none" if math.isnan(slope) else f"{slope:.9g}" for slope in (self.left, self.right))
        # The slopes found may not be those at the end of a domain that is some way off.
        slopes = "" if near and "none" in (left, right) else f": derivative {left} below and {right} above"
        digits = 6 if f"{low:.6g}" != f"{high:.6g}" else 17
        checked = f"; checked between {low:.{digits}g} and {high:.{digits}g}" if low < high else ""
        return f"kink {place}, {self.why}{slopes}{checked}"


@dataclass(frozen=True)
class Derivative:
    """One derivative: what was claimed, and what differences of the function's values say.

    Attributes:
        name: the input.
        order: 1 for the gradient; k for the gradient of the (k-1)-th derivative along a fixed direction.
        at: the value of the input where it was compared; a little off the point where that is a kink.
        claimed: the engine's derivative, or the one under test.
        expected: what the differences give; nan if none could be computed.
        bound: how far off `expected` may be.
        status: ``"agrees"``, ``"differs"``, or ``"unresolved"`` if differences give too few digits to decide.
        kink: the kink that the check had to keep clear of.
        slopes: at a kink, the smallest and the largest slope: a claim between them can be a (Clarke) gradient.
        excluded: whether the differences exclude the claim by more than their bound and 1 %, though they are too few or
            not sharp enough to be sure. Such an unresolved derivative counts against the report.
        direction: the direction of a slope, a number for each input; empty for a derivative with respect to one input.
        closely: whether everything was tried; False if so many others were found wrong first that only a few
            differences were taken.
        why: why no differences can tell, in words; "" if they can, or only lack the digits.
    """

    name: str
    order: int
    at: float
    claimed: float
    expected: float
    bound: float
    status: Status
    kink: Kink | None = None
    slopes: tuple[float, float] | None = None
    excluded: bool = False
    direction: tuple[float, ...] = ()
    closely: bool = True
    why: str = ""

    @property
    def relative_error(self) -> float:
        """The difference relative to the larger of the two; inf if they contradict each other and one is not finite."""
        if not (math.isfinite(self.claimed) and math.isfinite(self.expected)):
            return math.inf if contradicted(self) else 0.0
        largest = max(abs(self.claimed), abs(self.expected))
        return abs(self.claimed / largest - self.expected / largest) if largest else 0.0

    @property
    def spread(self) -> float:
        """How far apart the smallest and the largest slope at a kink are; 0 where there is one slope."""
        if self.slopes is None:
            return 0.0
        low, high = self.slopes
        return high - low if low < high else 0.0

    @property
    def at_jump(self) -> bool:
        """Whether it is unresolved because the value jumps, though it is a slope beside the jump."""
        jumps = self.kink is not None and self.kink.distance == 0 < self.kink.jump
        return jumps and self.status == "unresolved" and not self.excluded

    @property
    def finding(self) -> str:
        """What the differences say about the claim, in words."""
        if self.why:
            return f"{self.claimed:.17g}, and no differences can tell: {self.why}"
        if self.at_jump:
            return f"{self.claimed:.17g} is among the slopes beside a jump, at which there is no derivative"
        if self.slopes is not None and self.status == "unresolved" and not self.excluded:
            bound = f" +- {self.bound:.2g}" if self.bound else ""
            return f"{self.claimed:.17g}, differences give {_slopes(*self.slopes)}{bound}"
        if self.slopes is not None:
            return self._between(*(0.0 if abs(slope) <= self.bound else slope for slope in self.slopes))
        if math.isnan(self.expected):
            return f"{self.claimed:.17g}, differences give nothing to compare it with"
        error = f", relative error {self.relative_error:.2g}" if contradicted(self) else ""
        return f"{self.claimed:.17g}, differences give {_with_bound(self.expected, self.bound)}{error}"

    def _between(self, low: float, high: float) -> str:
        if self.status == "agrees":
            if low == high or math.isinf(self.claimed):
                return f"{self.claimed:.17g} where the slope is {_slopes(low, high)}"
            return f"{self.claimed:.17g} lies between the slopes {low:.9g} and {high:.9g}"
        return f"{self.claimed:.17g} {where_slopes_are(low, high)}"


def contradicted(found: Derivative) -> bool:
    """Whether differences speak against the claim."""
    return found.status == "differs" or found.excluded


def where_slopes_are(low: float, high: float) -> str:
    """In words, the place of a claim that is not among the slopes there.

    >>> where_slopes_are(2.0, 2.0), where_slopes_are(0.0, 1.0)
    ('where the slope is 2', 'at a kink with slopes 0 and 1: expected a number in [0, 1]')
    """
    if low == high:
        return f"where the slope is {low:.9g}"
    return f"at a kink with slopes {low:.9g} and {high:.9g}: expected a number in [{low:.9g}, {high:.9g}]"


def _slopes(low: float, high: float) -> str:
    return f"{low:.9g}" if low == high else f"{low:.9g} to {high:.9g}"


def worst(found: Sequence[Derivative]) -> Derivative:
    """The one that contradicts its claim most clearly; the first of several."""
    ranks = {"differs": 0, "unresolved": 2, "agrees": 3}
    return min(found, key=lambda d: 1 if d.excluded else ranks[d.status])


@dataclass(frozen=True)
class Fault:
    """The smallest thing found to be wrong.

    Attributes:
        what: in words: which node, which operand, what was expected and what was computed.
        code: Python that shows it, to paste.
        primitive: the name of the primitive whose rule is wrong; "" if it is no single one's.
    """

    what: str
    code: str = ""
    primitive: str = ""


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """The outcome of a check; true if nothing disagrees. It prints as its text, and shows as a table in a notebook.

    Attributes:
        title: what was checked.
        derivatives: one entry per input, parameter and order.
        faults: what causes the disagreements.
        notes: remarks, such as what was done about unresolved derivatives.
        point: the point as Python to paste, so that a failure can be repeated.
        directions: the number of random directions that the gradient was checked along; 0: along every input.
        rate: how fast the remainder of Taylor's formula shrinks along a random direction: like t**rate, 2 or more for a
            right gradient, 1 for a wrong one; inf if it is lost in rounding, nan if it was not computed.
    """

    title: str
    derivatives: tuple[Derivative, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    point: str = ""
    directions: int = 0
    rate: float = math.nan

    @property
    def ok(self) -> bool:
        """Whether no derivative differs, none is excluded by the differences, and no fault was found."""
        return not self.faults and not any(map(contradicted, self.derivatives))

    def __bool__(self) -> bool:
        return self.ok

    @property
    def wrong(self) -> list[Derivative]:
        """The derivatives that differ."""
        return [d for d in self.derivatives if d.status == "differs"]

    @property
    def unresolved(self) -> list[Derivative]:
        """The derivatives that differences cannot confirm, for lack of digits; those they exclude come first."""
        found = [d for d in self.derivatives if d.status == "unresolved"]
        return sorted(found, key=lambda d: not d.excluded)

    @property
    def kinks(self) -> list[Kink]:
        """The kinks at or near the point, each once."""
        return list(dict.fromkeys(d.kink for d in self.derivatives if d.kink is not None))

    @property
    def hidden(self) -> float:
        """How large an error in one coordinate could hide within the bounds.

        Every random direction shows such an error in full, so the sharpest bound counts; of the inputs only one does,
        so the bluntest counts. At a kink any slope between the smallest and the largest may be claimed.
        """
        room = [2 * d.bound + d.spread for d in self.derivatives if d.order == 1]
        return min(room, default=math.inf) if self.directions else max(room, default=math.inf)

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        total, wrong, unresolved = len(self.derivatives), len(self.wrong), len(self.unresolved)
        excluded = sum(d.excluded for d in self.derivatives)
        many = counted(total, "derivative")
        if self.directions:
            many += f" along {counted(self.directions, 'random direction')}"
        verdict = f"{wrong} of {many} WRONG" if wrong else many if excluded or self.faults else f"{many}, none wrong"
        verdict += f", {unresolved} unresolved" if unresolved else ""
        verdict += f", {excluded} of them EXCLUDED by the differences" if excluded else ""
        hurried = sum(not d.closely for d in self.derivatives)
        which = "which" if hurried == unresolved else f"{hurried} of which"
        verdict += f", {which} were not looked at closely, as so many others fail" if hurried else ""
        if self.directions and self.ok:
            verdict += f"; an error of up to {self.hidden:.2g} in one coordinate could hide"
        return f"{self.title}: {verdict}" + (", a FAULT" if self.faults and not wrong else "")

    @property
    def text(self) -> str:
        """The whole report as plain text."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _sheet(self) -> Sheet:
        """The same as a table."""
        columns = ["verdict", "by", "order", "claimed", "differences give", "kink"]
        rows = [
            [
                d.status,
                d.name,
                str(d.order),
                f"{d.claimed:.9g}",
                _slopes(*d.slopes) if d.slopes else _with_bound(d.expected, d.bound),
                str(d.kink or ""),
            ]
            for d in self._listed()
        ]
        if not any(row[-1] for row in rows):
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        return Sheet(self.headline, columns, rows, list(self._remarks()))

    def _listed(self) -> list[Derivative]:
        right = [d for d in self.derivatives if d.status == "agrees"]
        open_, hurried = ([d for d in self.unresolved if d.closely is closely] for closely in (True, False))
        return [*self.wrong, *open_, *hurried[:_SHOWN], *right[:_SHOWN]]

    def _lines(self) -> Iterator[str]:
        yield self.headline
        width = max((display_width(d.name) for d in self._listed()), default=0)
        for d in self._listed():
            order = f" order {d.order}" if d.order > 1 else ""
            beside = f" at {d.at:.9g}" if d.kink is not None and d.slopes is None else ""
            yield f"  {d.status:<10} by {padded(d.name, width)}{order}{beside}: {d.finding}"
            if d.kink is not None:
                yield f"             {d.kink}"
        yield from (f"  {line}" for line in self._remarks())

    def _remarks(self) -> Iterator[str]:
        """The lines after the derivatives; those that reproduce a failure come last, as pytest shows both ends."""
        for status, count in (
            ("unresolved", sum(not d.closely for d in self.derivatives)),
            ("agrees", sum(d.status == "agrees" for d in self.derivatives)),
        ):
            if count > _SHOWN:
                yield f"{status:<10} by {count - _SHOWN} more"
        if not math.isnan(self.rate):
            yield f"second opinion, without a step: {_opinion(self.rate, bool(self.wrong))}"
        yield from (f"note: {note}" for note in self.notes)
        for fault in self.faults:
            yield f"culprit: {fault.what}"
            if fault.code:
                yield "to reproduce:"
                yield from (f"  {line}" for line in fault.code.splitlines())
        if self.point and not self.ok:
            yield f"point: {_abbreviated(self.point)}"


def _opinion(rate: float, wrong: bool = False) -> str:
    """What the rate of Taylor's remainder says, given whether differences found something wrong.

    >>> _opinion(2.004)
    "Taylor's remainder shrinks like t**2.00, as for a right gradient (2 or more; for a wrong one 1)"
    >>> _opinion(1.95, wrong=True)
    "none: so small an error is lost in the rest of Taylor's remainder"
    """
    if wrong and rate > RIGHT_RATE:
        return "none: so small an error is lost in the rest of Taylor's remainder"
    if math.isinf(rate):
        return "Taylor's remainder is lost in rounding, as for a right gradient of a linear function"
    shrinks = f"Taylor's remainder shrinks like t**{rate:.2f}"
    if rate > RIGHT_RATE:
        return f"{shrinks}, as for a right gradient (2 or more; for a wrong one 1)"
    if looks_wrong(rate):
        return f"{shrinks}, as for a wrong gradient (right: 2)"
    seen = f"Taylor's remainder does not shrink (t**{rate:.2f})" if rate < _SHRINKS else f"{shrinks} only"
    return f"{seen}: the function jumps or bends close by, or its values are off by more than rounding (noise=...)"


def _abbreviated(point: str) -> str:
    """A point, cut to a few lines, with a pointer to the rest."""
    if len(point) <= _POINT:
        return point
    return f"{point[: _POINT // 2].rpartition(' ')[0]} ... ({len(point):,} characters, all of them in report.point)"


def _with_bound(number: float, bound: float) -> str:
    """A number with as many digits as are certain, and its bound.

    >>> _with_bound(0.123456789, 1.2e-5)
    '0.1234568 +- 1.2e-05'
    """
    if not math.isfinite(number) or not 0 < bound < math.inf:
        return f"{number:.17g}"
    digits = 17 if number == 0 else min(17, max(1, 2 + math.ceil(math.log10(max(abs(number) / bound, 1.0)))))
    return f"{number:.{digits}g} +- {bound:.2g}"
