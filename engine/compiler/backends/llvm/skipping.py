"""Skips work that would only add zeros, where the loss is flat.

A hinge loss, like anything that `relu`, `maximum` or `where` cut off, has a derivative of exactly 0 for most samples
once a network has learned. From there on the backward pass is products with zeros and sums of these, which change
nothing: a sum that began at +0.0 stays the same when +0.0 or -0.0 is added. That holds unless something that is
multiplied by a zero is infinite or nan. So a guard stands between the kernels that always run and the rest. A block
skips the rest if in all its lanes the adjoints from which the rest starts are 0, and everything that these, and what
follows from them, are multiplied by is finite.

There is no guard if no kink can make the adjoints 0, or if this cannot be decided. What a condition on the labels alone
cuts off, as in cross-entropy of probabilities, is not a kink: training does not change it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .... import ops
from ...frontend.conditions import CONDITIONS
from ...plan.plan import Group, Plan, Run
from .fused_plan import FusedPlan, distinct_slots, runs_of
from .kernels.guard import Guard, ranges, span

WORTH = 64
"""How many additions and multiplications a guard must save for each adjoint that it tests."""

MOST = 16
"""How many ranges of slots a guard may test, and how many places in the program are tried for it."""

_LINEAR = frozenset({ops.add, ops.sub, ops.sum, ops.neg})

Slots = set[tuple[str, int]]
"""Of X and S, with the names of the buffers."""


def skip(fused_plan: FusedPlan) -> FusedPlan:
    """Put a guard into the body, as early as it can stand."""
    guards = (_guard(fused_plan, kernels, begin) for kernels, begin in _places(fused_plan))
    return replace(fused_plan, guard=next((guard for guard in guards if guard), None))


def _places(fused_plan: FusedPlan) -> list[tuple[int, Slots]]:
    """Where kinks can make all live adjoints 0: after how many kernels, and which adjoints; the earliest places first.

    From one place to the next only changes are examined: a chain may have thousands.
    """
    plan, body = fused_plan.plan, fused_plan.stages["body"]
    adjoints, kinked = _adjoints(fused_plan)
    if adjoints.isdisjoint(kinked):
        return []
    live: Slots = set()  # the adjoints that are read from here to the end
    for job in plan.reductions:
        left = _slots(job.left, job.rows)
        if job.right is not None:
            live |= left | _slots(job.right, 1)
        elif left <= kinked:
            live |= left
    for pick in plan.scatters:
        live |= _slots(pick.source, pick.rows)
    live &= adjoints
    other = live - kinked  # those that no kink can make 0
    found = deque[tuple[int, Slots]](maxlen=MOST)
    for kernels in range(len(body), -1, -1):
        for group in reversed(body[kernels]) if kernels < len(body) else ():
            results, reads = {*group.places}, _reads(group) & adjoints
            live -= results
            live |= reads
            other -= results
            other |= reads - kinked
        if live and not other:
            found.appendleft((kernels, set(live)))
    return [*found]


def _adjoints(fused_plan: FusedPlan) -> tuple[Slots, Slots]:
    """All adjoints, and what a kink can make 0."""
    plan = fused_plan.plan
    if plan.weight is None:
        return set(), set()
    adjoints: Slots = {("X", plan.weight)}
    kinked, trained = _Zeros(plan), set[tuple[str, int]]()  # trained: what is computed from parameters
    for fused in fused_plan.stages["body"]:
        for group in fused:
            reads, results = _reads(group), {*group.places}
            if not trained.isdisjoint(reads) or any(run.buffer in "PU" for run in runs_of(group)):
                trained |= results
            if not adjoints.isdisjoint(reads):
                adjoints |= results
            if _is_kink(group, plan, trained):
                kinked.slots |= results
            kinked.follow(group)
    return adjoints, kinked.slots


def _guard(fused_plan: FusedPlan, kernels: int, begin: Slots) -> Guard | None:
    """The guard after that many kernels that tests these adjoints, if there can be one and it pays."""
    plan, body = fused_plan.plan, fused_plan.stages["body"]
    guarded = [group for fused in body[kernels:] for group in fused]
    zero = ranges([slot for _, slot in begin])
    saved = sum(group.flops() for group in guarded) + sum(job.flops() for job in plan.reductions)
    if len(zero) > MOST or saved < WORTH * len(begin):  # which is quick to tell
        return None
    zeros = _Zeros(plan, slots=set(begin))
    for group in guarded:
        zeros.follow(group)
    always = tuple([job for job in plan.reductions if job.right is None and not zeros.has(job.left, job.rows)])
    products = [zeros.product(job.left, job.rows, job.right, 1) for job in plan.reductions if job.right is not None]
    picks = [zeros.has(pick.source, pick.rows) for pick in plan.scatters]
    own = {place for group in guarded for place in group.places}
    needed = {place for job in always for place in _slots(job.left, job.rows)}
    needed |= {(run.buffer, run.base) for run in plan.outputs}
    finite = _finite(zeros, [group for fused in body[:kernels] for group in fused])
    saved -= sum(job.flops() for job in always)
    if not all(products + picks) or not own.isdisjoint(needed) or finite is None or saved < WORTH * len(begin):
        return None
    kept = {slot for job in always for slot in distinct_slots(job.target, job.rows)}
    edges = pairwise([-1, *sorted(kept), plan.sizes["G"]])
    clear = tuple([span("G", a + 1, b - a - 1) for a, b in edges if b - a > 1])
    if len(zero) + len(finite) + len(clear) > MOST:
        return None
    return Guard(kernels, zero, finite, clear, always)


def _finite(zeros: _Zeros, before: list[Group]) -> tuple[Run, ...] | None:
    """What zeros are multiplied by and may be infinite; None if some of it is not computed before the guard."""
    known = {place: _is_condition(group, zeros.plan) for group in before for place in group.places}
    slots: set[int] = set()
    bounds: dict[str, tuple[int, int]] = {}  # of what is there from the start, in each buffer the first and last slot
    factors = []
    for run, rows in zeros.factors:
        if run.buffer == "S":
            places = _slots(run, rows) - zeros.slots
            places = {place if place in known else zeros.selected.get(place, place) for place in places}
            factors += [(Run(*place), 1) for place in places if place[0] != "S"]
            places = {place for place in places if place[0] == "S"}
            if not places <= known.keys():
                return None
            slots |= {place[1] for place in places if not known[place]}
        else:
            factors.append((run, rows))
    for run, rows in factors:
        first, last = _bounds(run, rows)
        low, high = bounds.get(run.buffer, (first, last))
        bounds[run.buffer] = min(low, first), max(high, last)
    whole = [span(buffer, low, high - low + 1) for buffer, (low, high) in bounds.items()]
    return (*whole, *ranges(slots))


def _bounds(run: Run, rows: int) -> tuple[int, int]:
    """The first and the last slot of a run, which may be all the weights of a layer."""
    if run.table is not None:
        return min(run.table), max(run.table)
    corners = [run.base + r * run.row + c * run.column for r in (0, rows - 1) for c in (0, run.count - 1)]
    return min(corners), max(corners)


def _is_kink(group: Group, plan: Plan, trained: Slots) -> bool:
    """Whether a condition on what depends on parameters can make its results 0."""
    if group.primitive is not ops.where:
        return False
    (condition,), *branches = group.operands
    return not trained.isdisjoint(_slots(condition, group.rows)) and any(
        run.buffer == "C" and _Zeros(plan).has(run, group.rows) for (run,) in branches
    )


def _is_condition(group: Group, plan: Plan) -> bool:
    """Whether its results are between -1 and 1."""
    if group.primitive in CONDITIONS:
        return True
    return group.primitive is ops.where and all(
        run.buffer == "C" and abs(plan.constants[slot]) <= 1.0
        for (run,) in group.operands[1:]
        for slot in distinct_slots(run, group.rows)
    )


@dataclass
class _Zeros:
    """What is 0 where some results are.

    Attributes:
        plan: the plan, with its constants.
        slots: the slots that are 0.
        factors: what zeros are multiplied by, and for how many rows.
        selected: for a slot that holds either the number of another one or 0, such as an input of a layer, that other
            slot: it is finite if that is.
    """

    plan: Plan
    slots: Slots = field(default_factory=set)
    factors: list[tuple[Run, int]] = field(default_factory=list)
    selected: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    def follow(self, group: Group) -> None:
        """Note the results of a group if they are 0 because operands are, or what was selected."""
        if self._makes_zeros(group):
            self.slots.update(group.places)
        elif group.primitive is ops.where and self.has(group.operands[2][0], group.rows):
            (kept,) = group.operands[1]
            for place, (slot,) in zip(group.places, kept.slots(group.rows)):
                self.selected[place] = kept.buffer, slot

    def _makes_zeros(self, group: Group) -> bool:
        primitive, operands, rows = group.primitive, group.operands, group.rows
        if primitive is ops.mul or primitive is ops.dot:
            products = [self.product(left, rows, right, rows) for left, right in zip(*operands[:2])]
            return all(products) and all(self.has(run, rows) for part in operands[2:] for run in part)
        if primitive is ops.where:
            return all(self.has(run, rows) for (run,) in operands[1:])
        return primitive in _LINEAR and all(self.has(run, rows) for run in runs_of(group))

    def product(self, left: Run, left_rows: int, right: Run, right_rows: int) -> bool:
        """Whether the products of two runs are 0 because one run is; the other one is noted."""
        for zero, rows, factor in ((left, left_rows, (right, right_rows)), (right, right_rows, (left, left_rows))):
            if self.has(zero, rows):
                self.factors.append(factor)
                return True
        return False

    def has(self, run: Run, rows: int) -> bool:
        """Whether all that a run reads is 0."""
        if run.buffer == "C":
            return all(self.plan.constants[slot] == 0.0 for slot in distinct_slots(run, rows))
        return run.buffer == "S" and _slots(run, rows) <= self.slots


def _reads(group: Group) -> Slots:
    return {place for run in runs_of(group) for place in _slots(run, group.rows)}


def _slots(run: Run, rows: int) -> Slots:
    """The slots of a run that differ from sample to sample."""
    return set() if run.uniform else {(run.buffer, slot) for slot in distinct_slots(run, rows)}
