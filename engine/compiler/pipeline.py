"""The pipeline from the traced function to its plan: all passes in order, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .frontend.graph import Graph
from .frontend.reads.surroundings import Surroundings
from .frontend.trace import Trace
from .frontend.trace import trace as trace_into
from .passes.computation import Computation
from .passes.differentiate import derivatives, differentiated
from .passes.lookups import looked_up
from .passes.lowering import lowered
from .passes.raising import raised
from .passes.simplify import simplify
from .passes.verify import verification_enabled, verify
from .plan.plan import Plan
from .plan.planner import planned
from .plan.verify import verify as verify_plan
from .samples.batch import Shape


def stages(computation: Computation) -> Iterator[tuple[str, Computation | Plan]]:
    """The computation after each pass, by the name of the pass, and finally the plan.

    Equal expressions stay one symbol all the way, and `simplify` is asked for an identity whenever a symbol is made.
    """
    with computation.graph.opened():
        yield "trace", computation
        yield "raise", (computation := raised(computation))  # written-out sums of products are dots
        yield "differentiate", (computation := differentiated(computation))  # the table's rules, from graph to graph
        yield "lower", (computation := lowered(computation))  # only primitives with a template
        yield "raise again", (computation := raised(computation))  # sums that the last two passes have added
        yield "look up", (computation := looked_up(computation))  # one addition where an index selects
        yield "plan", planned(computation)  # equal operations are groups, symbols are slots


def verified_stages(computation: Computation) -> Iterator[tuple[str, Computation | Plan]]:
    """The stages, each of them verified.

    Raises:
        PlanError: a pass or the planner has made a mistake.
    """
    last, is_lowered = computation, False
    for name, result in stages(computation):
        is_lowered = is_lowered or name == "lower"
        if isinstance(result, Plan):
            verify_plan(result, last)
        else:
            verify(result, name, is_lowered)
            last = result
        yield name, result


def trace(
    function: Callable[..., Any],
    shapes: Sequence[Shape],
    surroundings: Surroundings | None = None,
    trusted: bool = False,
    types: Sequence[Any] = (),
) -> Trace:
    """Trace a function of one sample into a graph that simplifies and differentiates: see `frontend.trace`.

    A `trusted` function does not ask for types.
    """
    new_graph = partial(Graph, simplify, derivatives)
    return trace_into(function, shapes, new_graph, surroundings, trusted, () if trusted else types)


def make_plan(computation: Computation) -> Plan:
    """Run all passes; with the environment variable STEPGRAD_VERIFY set, the result of each is verified.

    Raises:
        PlanError: a pass or the planner has made a mistake, found by a verifier.
    """
    results = (verified_stages if verification_enabled() else stages)(computation)
    return next(result for _, result in results if isinstance(result, Plan))
