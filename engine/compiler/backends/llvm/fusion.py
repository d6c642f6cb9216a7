"""The native passes over a plan: which groups share a kernel, what is recomputed, and what need not be stored."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from ...plan.plan import STAGES, Group, Run
from ...plan.strides import run_of
from .fused_plan import Fused, FusedPlan, distinct_slots, other_reads, place, runs_of
from .ir.templates import calls, is_cheap, is_choice
from .kernels.formula import aligned
from .kernels.kernel import FEW
from .kernels.lane_sums import kernel_jobs
from .runtime.cost_model import FUNCTION

_COMPUTED = frozenset("SU")

MOST = 300
"""About how many instructions a fused kernel may have: LLVM's time grows faster than the text."""

WHOLE = 10_000
"""Kernels of single results are fused until different ones have this many instructions in all, a second of LLVM's time.
What follows runs up to half again as long, and compiles in a fifth of the time: kernels of one operation are mostly
equal."""


def split_columns(fused_plan: FusedPlan) -> FusedPlan:
    """Give each column of a group in the body its own run if they are few: then a row needs no loop over them."""
    if fused_plan.shape.single:
        return fused_plan
    return replace(
        fused_plan,
        stages={**fused_plan.stages, "body": [[_split(g) for g in fused] for fused in fused_plan.stages["body"]]},
    )


def _split(group: Group) -> Group:
    if group.is_product or any(sum(run.count for run in part) > FEW for part in group.operands):
        return group
    operands = tuple([tuple([one for run in part for one in _columns(run, group.rows)]) for part in group.operands])
    return replace(group, operands=operands)


def _columns(run: Run, rows: int) -> list[Run]:
    """Each column of a run; those of an irregular one may still be regular."""
    if run.count == 1:
        return [run]
    return [run_of(run.buffer, slots) for slots in zip(*run.slots(rows))]


def fuse(fused_plan: FusedPlan) -> FusedPlan:
    """Fuse groups with equal rows, so that one kernel computes them.

    A group is fused with an earlier one if each of its operands was computed before that one, or is the same row of a
    group fused with it already. (Then it may also run before the groups that stood between the two.) A kernel that has
    grown long takes no more groups: a chain of a thousand operations becomes many kernels, and equal ones are compiled
    once. When there are too many different ones, only matrices and what belongs to them are still fused.
    """
    stages = {stage: [group for fused in fused_plan.stages[stage] for group in fused] for stage in STAGES}
    return replace(fused_plan, stages={stage: _fused(groups) for stage, groups in stages.items()})


def _fused(groups: Sequence[Group]) -> list[Fused]:
    owners = {place: i for i, group in enumerate(groups) for place in group.places}
    needs = [_needs(group, groups, owners) for group in groups]
    waiting: dict[int, list[int]] = {}  # by their rows, those that may be fused with an earlier one
    for i, group in enumerate(groups):
        if _needs_no_loop(group):
            waiting.setdefault(group.rows, []).append(i)
    done: set[int] = set()
    result: list[Fused] = []
    known, spent = set[Hashable](), 0  # the kinds of kernels of single results, and their instructions in all
    for head, group in enumerate(groups):
        if head in done:
            continue
        if group.rows == 1 and spent > WHOLE:
            done.add(head)
            result.append([group])
            continue
        inside, waiting[group.rows] = _joined(head, waiting.get(group.rows, []), groups, needs, done)
        done |= inside
        result.append([groups[i] for i in sorted(inside)])
        if group.rows == 1 and (kind := _kind(result[-1])) not in known:
            known.add(kind)
            spent += sum(map(_size, result[-1]))
    return result


def _joined(
    head: int,
    candidates: Sequence[int],
    groups: Sequence[Group],
    needs: Sequence[tuple[set[int], set[int]]],
    done: set[int],
) -> tuple[set[int], list[int]]:
    """The groups of a kernel, and the candidates that are left.

    Args:
        head: its first group.
        candidates: groups with as many rows.
        groups: all groups.
        needs: what each of them reads, see `_needs`.
        done: the groups of earlier kernels.
    """
    inside, size, left = {head}, _size(groups[head]), list[int]()
    for k, reach in enumerate(candidates):
        if size > MOST:
            return inside, [*left, *candidates[k:]]
        same_row, elsewhere = needs[reach]
        if reach > head and elsewhere <= done and same_row - inside <= done:
            inside.add(reach)
            size += _size(groups[reach])
        elif reach != head:
            left.append(reach)
    return inside, left


def _kind(fused: Fused) -> Hashable:
    """Equal for kernels that are probably equal: the operations, and which of their operands are the same."""
    places: dict[tuple[str, int], int] = {}

    def name(run: Run) -> tuple[str, int, int]:
        return run.buffer, places.setdefault(place(run), len(places)), run.count

    return tuple([(g.primitive, *map(name, runs_of(g)), name(g.result)) for g in fused])


def _size(group: Group) -> int:
    """About how many instructions a row of it takes; for columns in a loop, those of the loop."""
    return FUNCTION if calls(group.primitive) else sum(min(run.count, FEW) for run in group.operands[0])


def _needs_no_loop(group: Group) -> bool:
    """Whether every operand has one column: such a group is fused with others at little cost."""
    return all(run.count == 1 for run in runs_of(group))


def _needs(group: Group, groups: Sequence[Group], owners: dict[tuple[str, int], int]) -> tuple[set[int], set[int]]:
    """The groups that it reads row by row, and those that it reads in other ways."""
    same_row, elsewhere = set(), set()
    for run in runs_of(group):
        read = {owners[run.buffer, slot] for slot in _slots(run, group.rows) if (run.buffer, slot) in owners}
        if aligned(run, group.rows) and len(read) == 1:
            (owner,) = read
            if groups[owner].result.base == run.base and groups[owner].rows == group.rows:
                same_row.add(owner)
                continue
        elsewhere |= read
    return same_row, elsewhere


def recompute(fused_plan: FusedPlan) -> FusedPlan:
    """Let kernels of the body recompute what takes no more than a load.

    These are sums and products of what they read anyway, and constants chosen by a comparison, such as relu's
    derivative: they load the number that is compared instead. A result that all its readers recompute need not be
    stored, unless a guard looks at it. After a guard only what is chosen is recomputed: a sum might round to infinity
    where the guard has seen a finite one.
    """
    body = fused_plan.stages["body"]
    free = len(body) if fused_plan.guard is None else fused_plan.guard.kernels
    sources = {place(g.result): g for fused in body for g in fused}
    chosen = {result: g for result, g in sources.items() if is_choice(g.primitive)}
    copied = [_with_copies(fused, sources if k < free else chosen) for k, fused in enumerate(body)]
    return replace(fused_plan, stages={**fused_plan.stages, "body": copied})


def _with_copies(fused: Fused, sources: dict[tuple[str, int], Group]) -> Fused:
    first = 1 if fused[0].is_product else 0  # a product runs first, and reads its operands from memory
    rows = fused[0].rows
    own = {place(group.result) for group in fused}
    reads = {run for group in fused for run in runs_of(group) if place(run) not in own}
    copies: dict[tuple[str, int], Group] = {}
    for run in sorted({run for group in fused[first:] for run in runs_of(group)} & reads, key=place):
        copies |= {place(group.result): replace(group) for group in _again(run, rows, reads, sources)}
    return [*fused[:first], *copies.values(), *fused[first:]]


def _again(run: Run, rows: int, reads: set[Run], sources: dict[tuple[str, int], Group]) -> list[Group]:
    """The groups that compute a run, operands first; none if that takes more than loading it."""
    source = _source(run, rows, sources)
    if source is None:
        return []
    if is_cheap(source.primitive):
        return [source] if all(operand in reads or _is_constant(operand) for operand in runs_of(source)) else []
    condition, *others = runs_of(source)
    compared = _source(condition, rows, sources)
    if compared is None or not (is_choice(source.primitive) and is_choice(compared.primitive)):
        return []
    loads = [operand for operand in (*runs_of(compared), *others) if not _is_constant(operand)]
    return [compared, source] if len(loads) == 1 else []


def _source(run: Run, rows: int, sources: dict[tuple[str, int], Group]) -> Group | None:
    """The group that computes a run row by row, if one does."""
    source = sources.get(place(run))
    return source if source is not None and source.rows == rows and aligned(run, rows) else None


def _is_constant(run: Run) -> bool:
    """Whether it is one number for all lanes, found without a table."""
    return run.uniform and run.table is None


def store(fused_plan: FusedPlan) -> FusedPlan:
    """Decide what is stored: the groups whose results are read by something not fused with them.

    A group whose result is read by nothing at all, since what read it recomputes it, is left out.
    """
    owner: dict[tuple[str, int], int] = {}
    found: set[int] = set()
    for fused in fused_plan.fused:
        computed: set[tuple[str, int]] = set()
        for group in fused:
            for run in runs_of(group):
                if not (aligned(run, group.rows) and place(run) in computed):
                    slots = [(run.buffer, slot) for slot in _slots(run, group.rows)]
                    found |= {owner[slot] for slot in slots if slot in owner}
            computed.add(place(group.result))
            for result in group.places:  # if one is recomputed, the first one is stored
                owner.setdefault(result, id(group))
    for run, rows in other_reads(fused_plan):
        found |= {owner[run.buffer, slot] for slot in _slots(run, rows) if (run.buffer, slot) in owner}
    stages = {stage: [_read(fused, found) for fused in part] for stage, part in fused_plan.stages.items()}
    return replace(fused_plan, stages=stages, stored=frozenset(found))


def _read(fused: Fused, stored: set[int]) -> Fused:
    """The groups of a kernel that are stored, and what these read; the product comes first in any case."""
    wanted: set[tuple[str, int]] = set()
    result: Fused = []
    for k, group in reversed([*enumerate(fused)]):
        if id(group) in stored or place(group.result) in wanted or k == 0:
            result.append(group)
            wanted |= {place(run) for run in runs_of(group)}
    return result[::-1]


def share_sums(fused_plan: FusedPlan) -> FusedPlan:
    """Put reductions together that one kernel can make; those that a guard does not skip come first."""
    guard, reductions = fused_plan.guard, fused_plan.plan.reductions
    if guard is None:
        products, sums = kernel_jobs(reductions)
        return replace(fused_plan, products=tuple(products), sums=tuple(sums))
    _, always = kernel_jobs(guard.always)
    products, sums = kernel_jobs([job for job in reductions if job not in guard.always])
    guard = replace(guard, sums=len(always))
    return replace(fused_plan, products=tuple(products), sums=(*always, *sums), guard=guard)


def _slots(run: Run, rows: int) -> Iterable[int]:
    """The distinct slots of a run; none where no group computes anything."""
    return distinct_slots(run, rows) if run.buffer in _COMPUTED else ()  # not all the weights of a layer
