"""The passes in order: raise, differentiate, lower, raise again, group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from .. import ops
from .conditions import EITHER, NOT_EQUAL
from .differentiate import Contribution, Share, gather, sweep
from .grouping import Layout
from .plan import Copy, Plan
from .raising import lowered, raised
from .reductions import Entry, reductions
from .runs import Column, chunks, single
from .scatters import picked, scatters
from .symbol import Graph, Symbol, operations

_number = attrgetter("number")
Pass = Callable[[Graph, Sequence[Symbol]], dict[Symbol, Symbol]]


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


def _seed(graph: Graph, inputs: int) -> Contribution:
    """The backward pass starts from the weight of the sample in the mean."""
    return Contribution(None, graph.source("input", inputs))


def _gradient(graph: Graph, loss: Symbol, seed: Contribution) -> tuple[list[Entry], dict[int, Symbol]]:
    """The sums over the samples, and for the leaves whose gradient needs more than one, the whole by their number.

    Per sample the sweep goes down to the uniform symbols. What arrives there is summed over the samples, and swept
    from there down to the leaves once. Most often they are leaves, and nothing remains to do.
    """
    border = {o for s in operations([loss]) if not s.uniform for o in s.below if o.uniform}.union(graph.leaves)
    if loss.uniform and loss.kind != "constant":
        border = {loss}
    shares: list[Share] = []
    found = sweep({loss: [seed]}, border, stop=True, shares=shares)
    entries = [Entry(list(map(_number, symbols)), factors, upstream) for symbols, factors, upstream in shares]
    extra = len(graph.leaves)

    def add_up(target: int, contributions: Sequence[Contribution]) -> Symbol:
        for coefficient, upstream, _ in contributions:
            if coefficient is not None and coefficient.uniform:
                upstream, coefficient = graph.make(ops.mul, (coefficient, upstream)), None
            entries.append(Entry([target], () if coefficient is None else (coefficient,), upstream))
        return graph.source("accumulator", target)

    seeds: dict[Symbol, list[Contribution]] = {}
    for symbol, contributions in found.items():
        if symbol.kind == "leaf":
            add_up(symbol.number, contributions)
            continue
        accumulator, reached, extra = add_up(extra, contributions), None, extra + 1
        conditions = [c.reached for c in contributions if c.reached is not None]
        if len(conditions) == len(contributions):
            somewhere = conditions[0]
            for condition in conditions[1:]:
                somewhere = graph.make(EITHER, (somewhere, condition))
            number = add_up(extra, [Contribution(None, somewhere)])
            reached, extra = graph.make(NOT_EQUAL, (number, graph.constant(0.0))), extra + 1
        seeds[symbol] = [Contribution(None, accumulator, reached)]
    if not seeds:  # as for most networks
        return entries, {}
    direct = {target for entry in entries for target in entry.targets}
    totals = {}
    for leaf, contributions in sweep(seeds, set(graph.leaves)).items():
        before = [Contribution(None, graph.source("accumulator", leaf.number))] if leaf.number in direct else []
        totals[leaf.number] = gather(graph, [*before, *contributions])[0]
    return entries, totals
