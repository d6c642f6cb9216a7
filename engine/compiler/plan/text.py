"""Plans and computations as text, so that every stage of the compiler can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from ..frontend.graph import operations
from ..frontend.symbol import Symbol
from ..passes.computation import Computation
from .plan import STAGES, Copy, Group, Plan, Reduction, Run, Scatter

_LONG = 12  # up to this many slots of a table are all written


def computation_text(computation: Computation) -> str:
    """A computation as assignments: x are inputs, p leaves, g accumulators, t results; ``p0..3`` is p0, p1, p2, p3."""
    numbers = count()
    names: dict[Symbol, str] = {}

    def name(symbol: Symbol) -> str:
        if symbol.kind == "constant":
            return f"{symbol.value:.6g}"
        if symbol.kind:
            position = symbol.number if symbol.kind == "leaf" else symbol.value
            return {"leaf": "p", "input": "x", "accumulator": "g"}[symbol.kind] + str(position)
        return names[symbol]

    def names_of(symbols: Iterable[Symbol]) -> str:
        return ", ".join(_abbreviated([name(symbol) for symbol in symbols]))

    lines = []
    for symbol in operations(computation.roots):
        assert symbol.primitive is not None
        names[symbol] = f"t{next(numbers)}"
        lines.append(f"{names[symbol]} = {symbol.primitive.name}({names_of(symbol.operands)})")
    lines += [f"output {name(symbol)}" for symbol in computation.outputs]
    for each in computation.sums:
        targets = ", ".join(_abbreviated([f"G{target}" for target in each.targets]))
        factors = f" * [{names_of(each.coefficients)}]" if each.coefficients else ""
        lines.append(f"add to {targets}: {name(each.upstream)}{factors}")
    for lookup in computation.lookups:
        targets = ", ".join(_abbreviated([f"G{target}" for target in lookup.targets]))
        lines.append(f"add to one of {targets}, by {name(lookup.selector)}: {name(lookup.upstream)}")
    lines += [f"G{leaf} = {name(total)}" for leaf, total in computation.totals.items()]
    return "\n".join(lines)


def plan_text(plan: Plan) -> str:
    """A plan as assignments between slots of its buffers (see `plan.plan`); r counts rows, c columns, from 0."""
    lines = [sizes_text(plan)]
    for stage in STAGES:
        groups = getattr(plan, stage)
        if groups:
            lines += [stage, *[f"  {group_text(group)}" for group in groups]]
        if stage == "body":
            lines += jobs_text(plan)
    if plan.finish:
        lines += ["finish", *[f"  {_copy(job)}" for job in plan.finish]]
    return "\n".join(lines)


def sizes_text(plan: Plan) -> str:
    """How many slots the buffers have."""
    sizes = {"P": plan.leaves, "C": len(plan.constants), "X": plan.inputs, **plan.sizes}
    weight = "" if plan.weight is None else ", and the weight of the sample after the inputs"
    return "slots  " + ", ".join(f"{size} {buffer}" for buffer, size in sizes.items()) + weight


def group_text(group: Group) -> str:
    """What a group computes.

    >>> from engine import ops
    >>> print(group_text(Group(ops.tanh, 4, ((Run("S", 8, 1),),), Run("S", 12, 1))))
    S[12 + r] = tanh(S[8 + r])  for r < 4
    """
    operands = [" ++ ".join(run_text(run) for run in runs) for runs in group.operands]
    result = run_text(group.result if group.rows > 1 else Run(group.result.buffer, group.result.base))
    return f"{result} = {group.primitive.name}({', '.join(operands)}){_range(group.rows)}"


def jobs_text(plan: Plan) -> Iterator[str]:
    """What is added to G for each sample, and where the outputs are."""
    if plan.reductions or plan.scatters:
        yield "sums over the samples"
        yield from (f"  {reduction_text(job)}" for job in plan.reductions)
        yield from (f"  {_scatter(job)}" for job in plan.scatters)
    yield "outputs"
    yield "  " + ", ".join(_abbreviated([run_text(run) for run in plan.outputs]))


def reduction_text(job: Reduction) -> str:
    """What a reduction adds to G."""
    factor = "" if job.right is None else f" * {run_text(job.right)}"
    return f"{run_text(job.target)} += {run_text(job.left)}{factor}{_range(job.rows)}"


def _scatter(job: Scatter) -> str:
    return f"{run_text(job.target)} += {run_text(job.source)} where c = {run_text(job.index)}{_range(job.rows)}"


def _copy(job: Copy) -> str:
    return f"{run_text(job.target)} = {run_text(job.source)}{_range(job.rows)}"


def _range(rows: int) -> str:
    return f"  for r < {rows}" if rows > 1 else ""


def run_text(run: Run) -> str:
    """The slots of a run, as a formula in the row r and the column c."""
    if run.table is not None:
        shown = [str(slot) for slot in run.table[:_LONG]] + ["..."] * (len(run.table) > _LONG)
        return f"{run.buffer}[{', '.join(shown)}]"
    terms = [f"{'' if step == 1 else step}{name}" for step, name in ((run.row, "r"), (run.column, "c")) if step]
    if run.base or not terms:
        terms.insert(0, str(run.base))
    columns = f", c < {run.count}" if run.count > 1 else ""
    return f"{run.buffer}[{' + '.join(terms)}{columns}]"


def _abbreviated(names: Sequence[str]) -> list[str]:
    """The names, with three or more of one letter and neighbouring numbers as one.

    >>> _abbreviated(["p0", "p1", "p2", "x4", "2.5"])
    ['p0..2', 'x4', '2.5']
    """
    found: list[str] = []
    start = 0
    for k in range(1, len(names) + 1):
        if k == len(names) or not _is_next(names[k - 1], names[k]):
            found += names[start:k] if k - start < 3 else [f"{names[start]}..{names[k - 1][1:]}"]
            start = k
    return found


def _is_next(a: str, b: str) -> bool:
    """Whether b is the name after a, such as p8 after p7."""
    kind, number, following = a[:1], a[1:], b[1:]
    return b[:1] == kind and number.isdecimal() and following.isdecimal() and int(following) == int(number) + 1
