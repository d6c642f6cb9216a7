"""The verifier of the native passes: kernels read only what has been stored, or what they have just computed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...errors import PlanError
from ...plan.plan import STAGES, Group, Run
from .fused_plan import Fused, FusedPlan, job_reads, place, runs_of
from .kernels.formula import aligned
from .kernels.guard import Guard
from .kernels.lane_sums import Sums


def verify(fused_plan: FusedPlan) -> None:
    """Check a plan after a native pass.

    Raises:
        PlanError: a group is missing, or is not the plan's; a kernel reads what is neither stored before it runs nor
            just computed by it; a sum reads what is nowhere; a guard, or what runs in any case, reads what is not
            stored before the guard; the kernels of the sums do not add just what the plan's reductions do. The message
            names the kernel and the slot.
    """
    _check_groups(fused_plan)
    memory: set[tuple[str, int]] = set()
    for stage in STAGES:
        for k, fused in enumerate(fused_plan.stages[stage]):
            _run(fused_plan, fused, f"{stage} kernel {k}", memory)
            if stage == "body" and fused_plan.guard is not None and fused_plan.guard.kernels == k + 1:
                _check_guard(fused_plan, fused_plan.guard, memory)
    for run, rows in job_reads(fused_plan.plan):
        _read(run, rows, "a sum, an output or a copy", memory)
    if fused_plan.products or fused_plan.sums:
        _check_sums(fused_plan)


def _check_groups(fused_plan: FusedPlan) -> None:
    """Check that each group of the plan is there, once, or again as a copy that is recomputed."""
    for stage in STAGES:
        wanted = {place(group.result): _formula(group) for group in getattr(fused_plan.plan, stage)}
        found = [group for fused in fused_plan.stages[stage] for group in fused]
        for group in found:
            if wanted.get(place(group.result)) != _formula(group):
                raise PlanError(f"{stage}: {_name(group)} is no group of the plan")
        missing = wanted.keys() - {place(group.result) for group in found}
        for buffer, base in missing:
            raise PlanError(f"{stage}: nobody computes {buffer}[{base}]")


def _formula(group: Group) -> tuple[Any, ...]:
    """What a group computes: its primitive, its rows, and the slots of each operand, however they are cut into runs."""
    found = []
    for part in group.operands:
        rows = zip(*[[[(run.buffer, slot) for slot in row] for row in run.slots(group.rows)] for run in part])
        found.append([slot for row in rows for piece in row for slot in piece])
    return group.primitive, group.rows, found


def _run(fused_plan: FusedPlan, fused: Fused, where: str, memory: set[tuple[str, int]]) -> None:
    """Let one kernel run: what it reads is in memory, or in the same row of what it has computed before."""
    stored, computed = fused_plan.stored, set()
    for group in fused:
        if group.rows != fused[0].rows:
            raise PlanError(f"{where}: {_name(group)} is fused with {fused[0].rows} rows")
        for run in runs_of(group):
            if not (aligned(run, group.rows) and place(run) in computed):
                _read(run, group.rows, f"{where}: {_name(group)}", memory)
        computed.add(place(group.result))
    for group in fused:  # what other kernels read, which run after this one
        if stored is None or id(group) in stored:
            memory.update(group.places)


def _read(run: Run, rows: int, where: str, memory: set[tuple[str, int]]) -> None:
    if run.buffer in "SU":
        for slot in (slot for row in run.slots(rows) for slot in row):
            if (run.buffer, slot) not in memory:
                raise PlanError(f"{where} reads {run.buffer}[{slot}], which is not stored by then")


def _check_guard(fused_plan: FusedPlan, guard: Guard, memory: set[tuple[str, int]]) -> None:
    """Check that what is read even where the guarded kernels are left out has been stored before the guard."""
    for run in (*guard.zero, *guard.finite):
        _read(run, 1, "the guard", memory)
    for job in guard.always:
        _read(job.left, job.rows, "a sum that is not guarded", memory)
    for run in fused_plan.plan.outputs:
        _read(run, 1, "an output that is not guarded", memory)


def _check_sums(fused_plan: FusedPlan) -> None:
    """Check that the kernels of the sums add what the plan's reductions add, no more and no less."""
    wanted: Counter[Any] = Counter()
    found: Counter[Any] = Counter()
    shared = [job for jobs in fused_plan.products for job in jobs]
    for counter, reductions in ((wanted, fused_plan.plan.reductions), (found, shared)):
        for job in reductions:
            right = [None] if job.right is None else [(job.right.buffer, slot) for slot in job.right.slots(1)[0]]
            for (left,), targets in zip(job.left.slots(job.rows), job.target.slots(job.rows)):
                counter.update((target, (job.left.buffer, left), r) for target, r in zip(targets, right))
    for sums in fused_plan.sums:
        for target, terms in zip(sums.targets, sums.terms):
            found.update(_terms(sums, target, terms))
    for target, left, right in (wanted - found) + (found - wanted):
        factor = "" if right is None else f" * {right[0]}[{right[1]}]"
        what = "is missing" if wanted[target, left, right] > found[target, left, right] else "is added too often"
        raise PlanError(f"{left[0]}[{left[1]}]{factor} in G[{target}] {what}")


def _terms(sums: Sums, target: int, slots: list[int]) -> list[tuple[Any, ...]]:
    """The terms of one target as (target, left, right)."""
    left, *others = sums.buffers
    if not others:
        return [(target, (left, slot), None) for slot in slots]
    (right,) = others
    return [(target, (left, a), (right, b)) for a, b in zip(slots[::2], slots[1::2])]


def _name(group: Group) -> str:
    return f"{group.primitive.name} into {group.result.buffer}[{group.result.base}]"
