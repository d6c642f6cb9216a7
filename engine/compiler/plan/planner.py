"""From a computation to its plan: every symbol gets a slot, and what is added to the gradient becomes jobs."""

from __future__ import annotations

from collections.abc import Iterator

from ..passes.computation import Computation
from .layout import Layout
from .lookups import scatters
from .outer_products import reductions
from .plan import Copy, Plan
from .strides import chunks, run_of


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

    def step(a: tuple[int, str, int], b: tuple[int, str, int]) -> tuple[int, int] | None:
        return (b[0] - a[0], b[2] - a[2]) if a[1] == b[1] else None

    for piece in chunks(sorted(places), step):
        targets, buffers, slots = zip(*piece)
        yield Copy(len(piece), run_of("G", targets), run_of(buffers[0], slots))
