"""The passes in order: raise, differentiate, lower, raise again, group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .batch import Shape
from .frontend.graph import Graph, operations
from .frontend.symbol import Symbol
from .frontend.trace import Trace
from .frontend.trace import trace as traced
from .passes.differentiate import Entry, _gradient, _seed, derivatives, gather, sweep
from .passes.lowering import lowered
from .passes.raising import raised
from .passes.simplify import simplify
from .plan.layout import Layout
from .plan.lookups import picked, scatters
from .plan.outer_products import reductions
from .plan.plan import Copy, Plan
from .plan.strides import Column, chunks, single

Pass = Callable[[Graph, Sequence[Symbol]], dict[Symbol, Symbol]]


def trace(function: Callable[..., Any], shapes: Sequence[Shape]) -> Trace:
    """Trace a function of one sample into a graph that simplifies and differentiates: see `frontend.trace`."""
    return traced(function, shapes, partial(Graph, simplify, derivatives))


def make_plan(
    graph: Graph, outputs: Sequence[Symbol], inputs: int, gradients: bool = False, wrt: Sequence[Symbol] = ()
) -> tuple[Plan, list[tuple[str, int]]]:
    """Turn a traced function into a plan.

    Args:
        graph: the graph of all symbols.
        outputs: the results; the first one is the loss if there are gradients.
        inputs: how many numbers one sample has.
        gradients: whether to sum the gradient of the leaves over the samples.
        wrt: symbols of inputs; the derivatives of the weighted loss by them become further outputs, per sample.

    Returns:
        The plan, and the number of operations after each pass, by its name.
    """
    with graph.opened():
        return _make_plan(graph, outputs, inputs, gradients, wrt)


def _make_plan(
    graph: Graph, outputs: Sequence[Symbol], inputs: int, gradients: bool, wrt: Sequence[Symbol]
) -> tuple[Plan, list[tuple[str, int]]]:
    history = [("trace", len(operations(outputs)))]

    def run(name: str, transform: Pass, roots: list[Symbol]) -> list[Symbol]:
        new = transform(graph, roots)
        history.append((name, len(set(new.values()))))
        return [new.get(root, root) for root in roots]

    roots = run("raise", raised, list(outputs))
    count = len(roots)
    if wrt:
        found = sweep({roots[0]: [_seed(graph, inputs)]}, set(wrt))
        roots += [gather(graph, found[x])[0] if x in found else graph.constant(0.0) for x in wrt]
    entries, totals = _gradient(graph, roots[0], _seed(graph, inputs)) if gradients else ([], {})
    results = len(roots)
    roots += totals.values()
    roots += [entry.upstream for entry in entries]
    factors = list(dict.fromkeys([entry.coefficients for entry in entries]))  # a layer's weights all have the same ones
    roots += [symbol for row in factors for symbol in row]
    if len(roots) > count:
        history.append(("differentiate", len(operations(roots))))  # before lowering, which names what remains
    roots = run("lower", lowered, roots)
    roots = run("raise again", raised, roots)

    rest = iter(roots[results:])
    whole = [next(rest) for _ in totals]
    upstreams = [next(rest) for _ in entries]
    final = {row: tuple([next(rest) for _ in row]) for row in factors}
    entries = [Entry(e.targets, final[e.coefficients], new) for e, new in zip(entries, upstreams)]
    sums_end = max([len(graph.leaves), *[1 + max(entry.targets) for entry in entries]])
    entries, picks = picked(entries)
    read = [symbol for pick in picks for symbol in (pick.selector, pick.source)]
    read += [entry.upstream for entry in entries] + [symbol for row in final.values() for symbol in row]

    layout = Layout([*roots[:results], *whole, *read])
    finish = _copies([(k, *layout.slot(symbol)) for k, symbol in zip(totals, whole)])
    sums = tuple(reductions(entries, layout.slot))
    where = tuple([layout.single(root) for root in roots[:results]])
    plan = Plan(
        leaves=len(graph.leaves),
        inputs=inputs,
        weight=inputs if gradients or wrt else None,
        constants=tuple(layout.constants),
        prologue=tuple(layout.stages["prologue"]),
        body=tuple(layout.stages["body"]),
        reductions=sums,
        epilogue=tuple(layout.stages["epilogue"]),
        finish=tuple(finish),
        outputs=where,
        sizes={**layout.sizes, "G": sums_end if gradients else 0},
        scatters=tuple(scatters(picks, layout.slot)),
    )
    return plan, history


def _copies(places: list[tuple[int, str, int]]) -> Iterator[Copy]:
    """Copies into G from a buffer and slot each, neighbours together."""

    def follows(*rows: tuple[int, str, int]) -> bool:
        (a, first, p), (b, second, q), (c, _, r), (d, last, s) = rows
        return first == second == last and d - c == b - a and s - r == q - p

    for piece in chunks(sorted(places), follows):
        targets, buffers, slots = zip(*piece)
        target, source = single([Column.of("G", list(targets))]), single([Column.of(buffers[0], list(slots))])
        yield Copy(len(piece), target, source)
