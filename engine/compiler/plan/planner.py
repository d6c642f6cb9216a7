"""From a computation to its plan: every symbol gets a slot, and what is added to the gradient becomes jobs."""

from __future__ import annotations

from collections.abc import Iterator

from ..passes.computation import Computation
from .layout import Layout
from .lookups import scatters
from .outer_products import reductions
from .plan import Copy, Plan
from .strides import Column, chunks, single


def planned(computation: Computation) -> Plan:
    """The plan of a computation whose primitives all have a template or a Python function."""
    layout = Layout(computation.roots)
    weighted = computation.gradients or bool(computation.wrt)
    totals = [(leaf, *layout.slot(symbol)) for leaf, symbol in computation.totals.items()]
    jobs = tuple(reductions(computation.sums, layout.slot))
    return Plan(
        leaves=len(computation.graph.leaves),
        inputs=computation.inputs,
        weight=computation.inputs if weighted else None,
        outputs=tuple(map(layout.single, computation.outputs)),
        scatters=tuple(scatters(computation.lookups, layout.slot)),
        finish=tuple(_copies(totals)),
        reductions=jobs,
        prologue=tuple(layout.stages["prologue"]),
        body=tuple(layout.stages["body"]),
        epilogue=tuple(layout.stages["epilogue"]),
        constants=tuple(layout.constants),  # last, since asking for the slot of a constant may add it
        sizes={**layout.sizes, "G": computation.accumulators},
    )


def _copies(places: list[tuple[int, str, int]]) -> Iterator[Copy]:
    """Copies into G from a buffer and slot each, neighbours together."""

    def follows(*rows: tuple[int, str, int]) -> bool:
        (a, first, p), (b, second, q), (c, _, r), (d, last, s) = rows
        return first == second == last and d - c == b - a and s - r == q - p

    for piece in chunks(sorted(places), follows):
        targets, buffers, slots = zip(*piece)
        target, source = single([Column.of("G", list(targets))]), single([Column.of(buffers[0], list(slots))])
        yield Copy(len(piece), target, source)
