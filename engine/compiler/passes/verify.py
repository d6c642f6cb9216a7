"""The verifier of computations: what has to be true after every pass, whatever the pass does."""

from __future__ import annotations

import os
from typing import Any

from ... import ops
from ..errors import PlanError
from ..frontend.conditions import DETACH
from ..frontend.graph import operations
from ..frontend.operands import LeafRow, apart, parts
from ..frontend.symbol import Symbol
from .computation import Computation


def verification_enabled() -> bool:
    """Whether the environment variable STEPGRAD_VERIFY is set, so that everything the compiler makes is verified."""
    return os.environ.get("STEPGRAD_VERIFY", "").lower() not in {"", "off", "0", "no", "false"}


def verify(computation: Computation, stage: str = "", lowered: bool = False) -> None:
    """Check the symbols of a computation.

    Args:
        computation: as a pass gives it.
        stage: the name of that pass.
        lowered: whether it is "lower" or a later one: every primitive has a template, or nothing but a Python function.

    Raises:
        PlanError: a symbol is of another graph, or has a wrong number of operands; something for each sample reads
            the accumulators, which are not complete by then; an accumulator does not exist, or nothing is added to it.
    """
    after = f"after {stage!r}: " if stage else ""
    for symbol in operations(computation.roots):
        problem = _problem_of(symbol, computation)
        primitive: Any = symbol.primitive
        if not problem and lowered and (primitive is DETACH or callable(primitive.native)):
            problem = "is left, though it has no template"
        if problem:
            raise PlanError(f"{after}{symbol!r} {problem}")
    for problem in _problems(computation):
        raise PlanError(after + problem)


def _problem_of(symbol: Symbol, computation: Computation) -> str:
    """What is wrong with a single operation; empty if nothing is."""
    primitive, count, operands = symbol.primitive, len(symbol.operands), apart(symbol.operands)
    rows = [part for part in parts(symbol.operands) if type(part) is LeafRow]
    if any(
        graph is not computation.graph for graph in [s.graph for s in (symbol, *operands)] + [row.graph for row in rows]
    ):
        return "belongs to another graph"
    if any(not 0 <= k < len(computation.graph.leaves) for row in rows for k in row.numbers):
        return "reads a leaf that does not exist"
    assert primitive is not None
    least = 2 if primitive in (ops.dot, ops.take) else 1
    if count != primitive.arity if primitive.arity is not None else count < least:
        return f"has {count} operands, where {primitive.name} takes {primitive.arity or f'at least {least}'}"
    if symbol.below != tuple([o for o in operands if o.operands]):
        return "does not name its operands that are results"
    if symbol.uniform != all(o.uniform for o in operands):
        return f"says that it is {'' if symbol.uniform else 'not '}the same for all samples"
    if any(o.kind == "input" and not 0 <= o.value <= computation.inputs for o in operands):
        return f"reads an input beyond the {computation.inputs} of a sample"
    return ""


def _problems(computation: Computation) -> list[str]:
    """What is wrong with the jobs of the gradient."""
    found: list[str] = []
    added = [target for part in (computation.sums, computation.lookups) for each in part for target in each.targets]
    found += [f"G[{target}] is added to, which does not exist" for target in added if target < 0]
    if added and not computation.gradients:
        found.append("something is added to G, though no gradient is wanted")
    for each in computation.sums:
        if len(each.coefficients) not in (0, len(each.targets)) or (not each.coefficients and len(each.targets) != 1):
            found.append(f"{len(each.coefficients)} coefficients for {len(each.targets)} targets in G")
    per_sample = [*computation.outputs, *[symbol for each in computation.lookups for symbol in each[:2]]]
    per_sample += [symbol for each in computation.sums for symbol in (each.upstream, *each.coefficients)]
    if _accumulators(per_sample):
        found.append("what is computed for each sample reads G, which is complete only after all samples")
    for leaf, total in computation.totals.items():
        if not total.uniform:
            found.append(f"the whole gradient of leaf {leaf} depends on a sample")
    for number in _accumulators(list(computation.totals.values())) - set(added):
        found.append(f"G[{number}] is read, to which nothing is added")
    return found


def _accumulators(roots: list[Symbol]) -> set[int]:
    """The accumulators that are read below these symbols."""
    operands = {o for symbol in operations(roots) for o in apart(symbol.operands)}.union(roots)
    return {o.value for o in operands if o.kind == "accumulator"}
