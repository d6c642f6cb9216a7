"""A plan on its way to kernels: the record that every native pass maps to a new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...plan.plan import STAGES, Group, Plan, Reduction, Run
from ...plan.text import group_text, jobs_text, reduction_text, run_text, sizes_text
from .kernels.guard import Guard
from .kernels.lane_sums import Sums
from .kernels.shape import Shape

Fused = list[Group]
"""Groups with the same number of rows, which one kernel computes row by row; a matrix product comes first."""


@dataclass(frozen=True)
class FusedPlan:
    """A plan, and which kernels compute its groups.

    Attributes:
        plan: what to compute.
        shape: the shape of vectors and blocks.
        stages: for the prologue, the body and the epilogue, the fused groups in order.
        guard: lets a block leave out the kernels after it; None if there is no guard.
        stored: ids of the groups whose results are written to memory; None before that is decided: all may be.
        products: outer products, in lists that one kernel adds up.
        sums: the other reductions, in jobs of one kernel each.
    """

    plan: Plan
    shape: Shape
    stages: Mapping[str, list[Fused]]
    guard: Guard | None = None
    stored: frozenset[int] | None = None
    products: tuple[list[Reduction], ...] = ()
    sums: tuple[Sums, ...] = ()

    @classmethod
    def of(cls, plan: Plan, shape: Shape) -> FusedPlan:
        """A plan with nothing fused yet."""
        return cls(plan, shape, {stage: [[group] for group in getattr(plan, stage)] for stage in STAGES})

    @property
    def fused(self) -> Iterator[Fused]:
        """The fused groups of all stages, in the order in which they run."""
        for stage in STAGES:
            yield from self.stages[stage]

    def __str__(self) -> str:
        """The record as text: the groups of a kernel are together; what is not stored is marked with a ~."""
        lines = [sizes_text(self.plan)]
        for stage in STAGES:
            for k, fused in enumerate(self.stages[stage]):
                lines += self._guard_text(k) if stage == "body" else ()
                lines.append(f"{stage} kernel {k}")
                lines += [f"  {'' if self._is_stored(group) else '~ '}{group_text(group)}" for group in fused]
            if stage == "body":
                lines += self._guard_text(len(self.stages[stage]))
                lines += jobs_text(self.plan) if not (self.products or self.sums) else self._shared_sums()
        return "\n".join(lines)

    def _guard_text(self, kernels: int) -> list[str]:
        """The guard, if it comes after that many kernels."""
        if self.guard is None or self.guard.kernels != kernels:
            return []
        zero, finite = (", ".join(map(run_text, runs)) for runs in (self.guard.zero, self.guard.finite))
        always = [f"  in any case {reduction_text(job)}" for job in self.guard.always]
        return [f"no further where in all lanes\n  0 = {zero}\n  finite: {finite}", *always]

    def _shared_sums(self) -> Iterator[str]:
        for k, jobs in enumerate(self.products):
            yield f"sum kernel {k}"
            yield from (f"  {reduction_text(job)}" for job in jobs)
        for k, sums in enumerate(self.sums, start=len(self.products)):
            yield f"sum kernel {k}\n  G{sums.targets} += {len(sums.terms[0])} of {' * '.join(sums.buffers)} each"

    def _is_stored(self, group: Group) -> bool:
        return self.stored is None or id(group) in self.stored


def place(run: Run) -> tuple[str, int]:
    """The buffer of a run, and where the run begins."""
    return run.buffer, run.base


def distinct_slots(run: Run, rows: int) -> Iterable[int]:
    """The slots of a run, as quickly as its shape allows."""
    if run.table is not None:
        return set(run.table)
    columns = range(run.base, run.base + run.count * run.column, run.column) if run.column else (run.base,)
    if not run.row:
        return columns
    return {c + r * run.row for r in range(rows) for c in columns}


def runs_of(group: Group) -> Iterator[Run]:
    """All runs that a group reads."""
    return (run for part in group.operands for run in part)


def other_reads(fused_plan: FusedPlan) -> Iterator[tuple[Run, int]]:
    """Runs read by anything other than groups, and how many rows of them."""
    yield from job_reads(fused_plan.plan)
    if fused_plan.guard is not None:
        yield from ((run, 1) for run in (*fused_plan.guard.zero, *fused_plan.guard.finite))


def job_reads(plan: Plan) -> Iterator[tuple[Run, int]]:
    """Runs read by jobs of the plan that are not groups, and how many rows of them."""
    for job in plan.reductions:
        yield job.left, job.rows
        if job.right is not None:
            yield job.right, 1
    for pick in plan.scatters:
        yield pick.index, pick.rows
        yield pick.source, pick.rows
    for run in plan.outputs:
        yield run, 1
    for copy in plan.finish:
        yield copy.source, copy.rows
