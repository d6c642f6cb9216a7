"""Lookups: a sample adds to the one leaf that its index selects, instead of zeros to all the others.

For a `take`, differentiation makes them itself. Written out, as ``where(index == 0, a, 0) + where(index == 1, b, 0)``,
each leaf gets ``where(index == k, adjoint, 0)``. Over all k, that too is one addition for each sample.
"""

from __future__ import annotations

from dataclasses import replace

from ... import ops
from ..frontend.conditions import EQUAL
from ..frontend.symbol import Symbol
from .computation import Computation, GradientLookup, GradientSum, rounds


def looked_up(computation: Computation) -> Computation:
    """The pass: sums that add a number where an index is 0, where it is 1, ... become one lookup."""
    rest: list[GradientSum] = []
    found: dict[tuple[Symbol, Symbol], list[tuple[int, GradientSum]]] = {}
    for each in computation.sums:
        index, number = _selects(each)
        if index is None:
            rest.append(each)
        else:
            found.setdefault((index, each.upstream.operands[1]), []).append((number, each))
    lookups = [*computation.lookups]
    for (index, upstream), selected in found.items():
        for part in rounds(selected):
            if len(part) > 1 and all(number in part for number in range(len(part))):
                lookups.append(GradientLookup(index, upstream, [part[k].targets[0] for k in range(len(part))]))
            else:
                rest += part.values()
    return replace(computation, sums=tuple(rest), lookups=tuple(lookups))


def _selects(each: GradientSum) -> tuple[Symbol | None, int]:
    """The index, and its value for which a sum adds something; (None, 0) for any other kind of sum."""
    upstream = each.upstream
    if each.coefficients or upstream.primitive is not ops.where:
        return None, 0
    condition, _, otherwise = upstream.operands
    if condition.primitive is not EQUAL or otherwise.kind != "constant" or otherwise.value != 0.0:
        return None, 0
    index, number = condition.operands
    return (index, int(number.value)) if number.kind == "constant" and number.value.is_integer() else (None, 0)
