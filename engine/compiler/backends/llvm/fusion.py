"""Which groups share a kernel, and which results need not be stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...plan.plan import Group, Plan, Run
from ...plan.strides import Column, runs
from .ir.templates import is_cheap
from .kernels.kernel import FEW, aligned

_COMPUTED = frozenset("SU")


def fuse(groups: Sequence[Group]) -> list[list[Group]]:
    """Fuse groups with equal rows, so that one kernel computes them: lists of groups, in an order that can run.

    A group is fused with an earlier one if each of its operands was computed before that one, or is the same row of a
    group fused with it already. (Then it may also run before the groups that stood between the two.)

    Args:
        groups: of one stage, each after the ones that it reads.

    Returns:
        Lists with each group once. The first group of a list may be any; a row of the others needs no loop.
    """
    owners = {(g.result.buffer, g.result.base + r): i for i, g in enumerate(groups) for r in range(g.rows)}
    needs = [_needs(group, groups, owners) for group in groups]
    done: set[int] = set()
    result = []
    for head, group in enumerate(groups):
        if head in done:
            continue
        inside = {head}
        for reach in range(head + 1, len(groups)):
            same_row, elsewhere = needs[reach]
            candidate = groups[reach]
            if (
                reach not in done
                and candidate.rows == group.rows
                and _elementwise(candidate)
                and elsewhere <= done
                and same_row <= done | inside
            ):
                inside.add(reach)
        done |= inside
        result.append([groups[i] for i in sorted(inside)])
    return result


def straight(group: Group) -> Group:
    """The group with a run for each column, if the columns are few: then a row needs no loop over them."""
    if group.is_product or any(sum(run.count for run in part) > FEW for part in group.operands):
        return group
    operands = tuple([tuple([one for run in part for one in _columns(run, group.rows)]) for part in group.operands])
    return replace(group, operands=operands)


def _columns(run: Run, rows: int) -> list[Run]:
    """Each column of a run; also of an irregular one the columns may be regular."""
    columns = [Column.of(run.buffer, list(slots)) for slots in zip(*run.slots(rows))]
    return [runs([[column]])[0][0] for column in columns]


def _elementwise(group: Group) -> bool:
    """Whether a row needs no loop: such a group joins others at little cost."""
    return all(run.count == 1 for run in _runs(group))


def _needs(group: Group, groups: Sequence[Group], owners: dict[tuple[str, int], int]) -> tuple[set[int], set[int]]:
    """The groups that it reads row by row, and those that it reads otherwise."""
    same_row, elsewhere = set(), set()
    for run in _runs(group):
        read = {owners[run.buffer, slot] for slot in _slots(run, group.rows) if (run.buffer, slot) in owners}
        if aligned(run, group.rows) and len(read) == 1:
            (owner,) = read
            if groups[owner].result.base == run.base and groups[owner].rows == group.rows:
                same_row.add(owner)
                continue
        elsewhere |= read
    return same_row, elsewhere


def summed(plan: Plan) -> list[Group]:
    """The groups of the body that only plain sums over the lanes read: a sum can compute them as it goes."""
    candidates = {(g.result.buffer, g.result.base + r): i for i, g in enumerate(plan.body) for r in range(g.rows)}
    possible = {i for i, group in enumerate(plan.body) if _elementwise(group)}
    by_target: dict[int, set[int | None]] = {}
    reads = [(run, group.rows) for group in plan.groups for run in _runs(group)]
    reads += [(run, 1) for run in plan.outputs]
    reads += [(copy.source, copy.rows) for copy in plan.finish]
    reads += [(run, job.rows) for job in plan.scatters for run in (job.index, job.source)]
    found: set[int] = set()
    for job in plan.reductions:
        if job.right is not None:
            reads += [(job.left, job.rows), (job.right, 1)]
            continue
        for (slot,), (target,) in zip(job.left.slots(job.rows), job.target.slots(job.rows)):
            owner = candidates.get((job.left.buffer, slot))
            by_target.setdefault(target, set()).add(owner)
    for run, rows in reads:
        possible -= {candidates[run.buffer, slot] for slot in _slots(run, rows) if (run.buffer, slot) in candidates}
    for owners in by_target.values():
        if len(owners) == 1:
            found |= {owner for owner in owners if owner is not None}
        else:
            possible -= {owner for owner in owners if owner is not None}
    return [group for i, group in enumerate(plan.body) if i in possible & found]


def stored(plan: Plan, parts: Iterable[list[Group]]) -> set[int]:
    """The ids of the groups whose results somebody reads who is not fused with them: these are stored."""
    owner: dict[tuple[str, int], int] = {}
    result: set[int] = set()
    for fused in parts:
        computed: set[tuple[str, int]] = set()
        for group in fused:
            for run in _runs(group):
                if not (aligned(run, group.rows) and _place(run) in computed):
                    slots = [(run.buffer, slot) for slot in _slots(run, group.rows)]
                    result |= {owner[slot] for slot in slots if slot in owner}
            computed.add(_place(group.result))
            for r in range(group.rows):  # of a result that is computed again, the first one is stored
                owner.setdefault((group.result.buffer, group.result.base + r), id(group))
    for job in plan.reductions:
        for part, rows in ((job.left, job.rows), (job.right, 1)):
            if part is not None:
                result |= {owner[part.buffer, s] for s in _slots(part, rows) if (part.buffer, s) in owner}
    for scatter in plan.scatters:
        for run in (scatter.index, scatter.source):
            result |= {owner[run.buffer, s] for s in _slots(run, scatter.rows) if (run.buffer, s) in owner}
    for run in plan.outputs:
        result |= {owner[run.buffer, s] for s in _slots(run, 1) if (run.buffer, s) in owner}
    for copy in plan.finish:
        result |= {
            owner[copy.source.buffer, s] for s in _slots(copy.source, copy.rows) if (copy.source.buffer, s) in owner
        }
    return result


def recomputed(parts: Sequence[list[Group]]) -> list[list[Group]]:
    """Let fused groups compute again what takes less than a load: sums and products of what they read anyway.

    A result that all its readers compute again need not be stored.
    """
    sources = {_place(g.result): g for fused in parts for g in fused if is_cheap(g.primitive)}
    return [_with_copies(fused, sources) for fused in parts]


def _with_copies(fused: list[Group], sources: dict[tuple[str, int], Group]) -> list[Group]:
    first = 1 if fused[0].is_product else 0  # a product runs before all else, and reads what it reads from memory
    rows = fused[0].rows
    own = {_place(group.result) for group in fused}
    reads = {run for group in fused for run in _runs(group) if _place(run) not in own}
    copies: dict[tuple[str, int], Group] = {}
    for run in sorted({run for group in fused[first:] for run in _runs(group)} & reads, key=_place):
        source = sources.get(_place(run))
        if source is None or source.rows != rows or not aligned(run, rows):
            continue
        if all(operand in reads or (operand.uniform and operand.table is None) for operand in _runs(source)):
            copies[_place(run)] = replace(source)
    return [*fused[:first], *copies.values(), *fused[first:]]


def _place(run: Run) -> tuple[str, int]:
    return run.buffer, run.base


def _runs(group: Group) -> Iterable[Run]:
    return (run for part in group.operands for run in part)


def _slots(run: Run, rows: int) -> Iterable[int]:
    """The distinct slots of a run, as quickly as its shape allows; none where no group computes anything."""
    if run.buffer not in _COMPUTED:  # all the weights of a layer
        return ()
    if run.table is not None:
        return set(run.table)
    columns = range(run.base, run.base + run.count * run.column, run.column) if run.column else (run.base,)
    if not run.row:
        return columns
    return {c + r * run.row for r in range(rows) for c in columns}
