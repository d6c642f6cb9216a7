"""The passes in order: raise, differentiate, lower, raise again, group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import ops
from .conditions import EITHER, NOT_EQUAL
from .differentiate import Contribution, gather, sweep
from .grouping import Layout
from .plan import Copy, Plan, Run
from .raising import lowered, raised
from .reductions import Entry, reductions
from .symbol import Graph, Symbol, operations

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
    roots += [s for entry in entries for s in (entry.coefficient, entry.upstream) if s is not None]
    if len(roots) > count:
        history.append(("differentiate", len(operations(roots))))  # before lowering, which names what remains
    roots = run("lower", lowered, roots)
    roots = run("raise again", raised, roots)

    layout = Layout(graph, roots)
    rest = iter(roots[results:])
    finish = [Copy(1, Run("G", position), layout.single(next(rest))) for position in totals]
    entries = [Entry(e.target, None if e.coefficient is None else next(rest), next(rest)) for e in entries]
    sums = tuple(reductions(entries, layout.slot))
    single = tuple([layout.single(root) for root in roots[:results]])
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
        outputs=single,
        sizes={**layout.sizes, "G": max([len(graph.leaves), *[e.target + 1 for e in entries]]) if gradients else 0},
    )
    return plan, history


def _seed(graph: Graph, inputs: int) -> Contribution:
    """The backward pass starts from the weight of the sample in the mean."""
    return Contribution(None, graph.source("input", inputs))


def _gradient(graph: Graph, loss: Symbol, seed: Contribution) -> tuple[list[Entry], dict[int, Symbol]]:
    """The sums over the samples, and for the leaves whose gradient needs more than one, the whole by their position.

    Per sample the sweep goes down to the uniform symbols. What arrives there is summed over the samples, and swept
    from there down to the leaves once. Most often they are leaves, and nothing remains to do.
    """
    border = {o for s in operations([loss]) if not s.uniform for o in s.operands if o.uniform and o.kind != "constant"}
    found = sweep({loss: [seed]}, {loss} if loss.uniform and loss.kind != "constant" else border, stop=True)
    position = {leaf: k for k, leaf in enumerate(graph.leaves)}
    entries: list[Entry] = []
    seeds: dict[Symbol, list[Contribution]] = {}
    extra = len(position)

    def add_up(target: int, contributions: Sequence[Contribution]) -> None:
        for coefficient, upstream, _ in contributions:
            if coefficient is not None and coefficient.uniform:
                upstream, coefficient = graph.make(ops.mul, (coefficient, upstream)), None
            entries.append(Entry(target, coefficient, upstream))

    def total(target: int, contributions: Sequence[Contribution]) -> Symbol:
        add_up(target, contributions)
        return graph.source("accumulator", target)

    if all(symbol.kind == "leaf" for symbol in found):
        for leaf, contributions in found.items():
            add_up(position[leaf], contributions)
        return entries, {}
    for symbol, contributions in found.items():
        if symbol.kind == "leaf":
            seeds[symbol] = [Contribution(None, total(position[symbol], contributions))]
            continue
        accumulator, reached, extra = total(extra, contributions), None, extra + 1
        conditions = [c.reached for c in contributions if c.reached is not None]
        if len(conditions) == len(contributions):
            somewhere = conditions[0]
            for condition in conditions[1:]:
                somewhere = graph.make(EITHER, (somewhere, condition))
            number = total(extra, [Contribution(None, somewhere)])
            reached, extra = graph.make(NOT_EQUAL, (number, graph.constant(0.0))), extra + 1
        seeds[symbol] = [Contribution(None, accumulator, reached)]
    swept = sweep(seeds, set(graph.leaves))
    totals = {position[leaf]: gather(graph, contributions)[0] for leaf, contributions in swept.items()}
    return entries, {k: s for k, s in totals.items() if s is not graph.source("accumulator", k)}
