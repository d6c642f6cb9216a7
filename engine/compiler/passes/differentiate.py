"""Backprop from graph to graph: the table's rules, called on symbols, give the local derivatives as symbols.

A node's adjoint is gathered from the contributions of everything that reads it, just before it is passed on.

A derivative that is a structural zero for some samples comes with a condition. There the adjoint is selected, not
multiplied by zero, and a node without any contribution passes none on: `reached` says for which samples it has one.
Only a layer does multiply by zero, to stay a matrix product: by weights, which are finite, and by inputs that are set
to 0 where nothing is contributed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from itertools import compress
from operator import attrgetter, not_
from typing import Any

from ... import ops
from ...modes import always_recorded
from ...numbers import as_float
from ...pullbacks import call_rules
from ..errors import TraceError
from ..frontend.conditions import INVERT, NOT_EQUAL
from ..frontend.graph import Graph, operations
from ..frontend.operands import DotOperands, LeafRow, Operands, apart, read_leaf
from ..frontend.symbol import Masked, Symbol
from .computation import Computation, GradientLookup, GradientSum
from .contributions import Column, Contribution, Contributions, Layer, anywhere, gather, selected

_number, _uniform = attrgetter("number"), attrgetter("uniform")


@always_recorded()
def differentiated(computation: Computation) -> Computation:
    """The pass: adds the gradient of the leaves, and that of the inputs as further outputs, if they are wanted."""
    graph, loss = computation.graph, computation.outputs[0]
    seed = Contribution(None, graph.source("input", computation.inputs))  # the weight of the sample in the mean
    outputs = computation.outputs
    if computation.wrt:
        outputs += tuple(_gathered(graph, sweep({loss: [seed]}, set(computation.wrt)), computation.wrt))
    added, totals = _gradient(graph, loss, seed) if computation.gradients else ([], {})
    sums = tuple([each for each in added if isinstance(each, GradientSum)])
    lookups = tuple([each for each in added if isinstance(each, GradientLookup)])
    return replace(computation, outputs=outputs, sums=sums, lookups=lookups, totals=totals)


def derivatives(output: Symbol, inputs: Sequence[Symbol]) -> list[Symbol]:
    """The derivatives of `output` with respect to each of `inputs`, which may be results, as symbols."""
    graph = output.graph
    seed = Contribution(None, graph.constant(1.0))
    return _gathered(graph, sweep({output: [seed]}, set(inputs)), inputs)


def _gathered(graph: Graph, found: Contributions, by: Sequence[Symbol]) -> list[Symbol]:
    """The derivatives with respect to these symbols; 0 for those without a contribution."""
    return [gather(graph, found[x])[0] if x in found else graph.constant(0.0) for x in by]


def sweep(
    seeds: Contributions,
    wanted: set[Symbol],
    leaves: bool = False,
    sums: list[GradientSum | GradientLookup] | None = None,
) -> Contributions:
    """The contributions to the adjoints of what is wanted, not yet gathered.

    Args:
        seeds: the contributions that the sweep starts from.
        wanted: what to differentiate with respect to.
        leaves: whether to differentiate with respect to all leaves, too.
        sums: a list to which two kinds of contributions to leaves are added, instead of being returned: products of a
            coefficient per sample and an adjoint, and what goes to the one leaf that an index selects. With it, the
            sweep does not go further down from what is wanted.
    """
    singly = any(symbol.kind == "leaf" for symbol in wanted)
    nodes, needed = _paths(seeds, wanted, leaves, singly)
    singly = singly or (leaves and sums is None)
    layers: dict[tuple[Symbol, ...], Layer] = {}
    pending: Contributions = defaultdict(list, {node: list(contributions) for node, contributions in seeds.items()})

    def is_needed(symbol: Symbol) -> bool:
        return symbol in needed or (leaves and symbol.kind == "leaf")

    def layer_of(inputs: tuple[Symbol, ...]) -> Layer:
        """The layer with these inputs; a new one contributes to the adjoints of those that are needed."""
        layer = layers.get(inputs)
        if layer is None:
            layer = layers[inputs] = Layer()
            for k in [k for k, symbol in enumerate(inputs) if symbol in needed]:
                pending[inputs[k]].append(Column(layer, k))
        return layer

    for node in reversed(nodes):
        if node not in pending or (sums is not None and node in wanted):
            continue
        adjoint, reached = gather(node.graph, pending[node] if node in wanted else pending.pop(node))
        if sums is not None and not singly and (lookup := _lookup(node, adjoint, reached)) is not None:
            sums.append(lookup)
            continue
        if singly or not _is_of_layer(node.operands, layers):
            operands, found = _derivatives(node, is_needed)
            if sums is not None and reached is None and len(operands) > 1:
                operands, found, more = _summed(operands, found, adjoint)
                sums += more
        else:  # the derivatives are those that the rule gives, without a symbol for each weight
            layer_of(node.operands.right).add(node.operands.left.numbers, adjoint, reached)
            operands, found = [b for b in node.operands.bias if is_needed(b)], [1.0]
        for operand, contribution in _pass_on(node, operands, found, adjoint, reached):
            pending[operand].append(contribution)
    if sums is not None:
        sums += [each for inputs, layer in layers.items() for each in layer.sums(inputs)]
    return {node: found for node, found in pending.items() if node in wanted or (leaves and node.kind == "leaf")}


def _paths(seeds: Contributions, wanted: set[Symbol], leaves: bool, singly: bool) -> tuple[list[Symbol], set[Symbol]]:
    """The operations between the seeds and what is wanted, operands first; and the set of these and what is wanted.

    For the arguments see `sweep`. If single leaves are wanted, the weights of a row are examined `singly`.
    """
    needed = set(wanted)
    nodes: list[Symbol] = []
    for node in operations(seeds):
        read = node.operands if singly else apart(node.operands)
        if not needed.isdisjoint(read) or (leaves and read_leaf(node.operands)):
            needed.add(node)
            nodes.append(node)
    return nodes, needed


def _is_of_layer(operands: Operands, layers: Container[tuple[Symbol, ...]]) -> bool:
    """Whether these belong to a dot of a row of leaves with inputs that differ between samples: see `Layer`."""
    if not (type(operands) is DotOperands and type(operands.left) is LeafRow):
        return False
    return operands.right in layers or not any(map(_uniform, operands.right))


def _lookup(node: Symbol, adjoint: Symbol, reached: Symbol | None) -> GradientLookup | None:
    """The gradient of a `take` of several leaves: the same as by its rule, without a condition for each of them."""
    if node.primitive is not ops.take or len(node.operands) < 3:
        return None
    index, *values = node.operands
    targets = list(map(_number, values))
    if min(targets) < 0:
        return None
    return GradientLookup(index, adjoint if reached is None else selected(adjoint, reached), targets)


def _derivatives(node: Symbol, is_needed: Callable[[Symbol], bool]) -> tuple[list[Symbol], list[Any]]:
    """The operands of `node` that are needed, and its derivatives with respect to them."""
    primitive, operands = node.primitive, node.operands
    assert primitive is not None
    wanted = list(map(is_needed, operands))
    if primitive.arity is not None:
        found = [rule(node, *operands) for rule in compress(primitive.rules, wanted)]
    else:
        found = list(compress(call_rules(primitive, node, operands), wanted))
    return list(compress(operands, wanted)), found


def _summed(
    operands: list[Symbol], found: list[Any], adjoint: Symbol
) -> tuple[list[Symbol], list[Any], list[GradientSum]]:
    """Put what goes straight into sums over the samples into one sum; return what is left, and that sum."""
    yes = [not o.operands and d.__class__ is Symbol and not d.uniform for o, d in zip(operands, found)]
    if not any(yes):
        return operands, found, []
    numbers = list(map(_number, compress(operands, yes)))
    no = list(map(not_, yes))
    rest = list(compress(operands, no)), list(compress(found, no))
    return *rest, [GradientSum(numbers, tuple(compress(found, yes)), adjoint)]


def _pass_on(
    node: Symbol, operands: Sequence[Symbol], found: Sequence[Any], adjoint: Symbol, reached: Symbol | None
) -> Iterable[tuple[Symbol, Contribution]]:
    """What `node` contributes to its operands, given its derivatives with respect to them."""
    graph, primitive = node.graph, node.primitive
    assert primitive is not None
    for operand, d in zip(operands, found):
        if d is None:
            continue
        if reached is None and d.__class__ is Symbol and d.kind != "constant":  # as nearly always
            yield operand, Contribution(d, adjoint)
            continue
        unselected = None
        if isinstance(d, Masked):
            unselected, d = d.condition, d.derivative
        if not isinstance(d, Symbol):
            try:
                d = graph.constant(as_float(d, f"the adjoint of {primitive.name}"))
            except TypeError as error:
                raise TraceError(f"the rule of {primitive.name} cannot be traced: {error}") from None
        yield operand, _contribution(graph, d, adjoint, reached, unselected)


def _contribution(
    graph: Graph, d: Symbol, adjoint: Symbol, reached: Symbol | None, unselected: Symbol | None
) -> Contribution:
    is_finite = d.kind == "constant" and math.isfinite(d.value)  # then the term is 0 where the adjoint is
    if unselected is not None:
        chosen = graph.make(INVERT, (unselected,))
        reached = chosen if reached is None else reached & chosen
    term = graph.make(ops.mul, (d, adjoint))
    if reached is not None and not (unselected is None and is_finite):
        term = selected(term, reached)
    return Contribution(None, term, reached)


def _gradient(
    graph: Graph, loss: Symbol, seed: Contribution
) -> tuple[list[GradientSum | GradientLookup], dict[int, Symbol]]:
    """The sums over the samples; and, by number, the whole gradient of each leaf that is more than one of these sums.

    For each sample the sweep goes down to the uniform symbols. Their adjoints are summed over the samples, and swept on
    to the leaves once. Usually the uniform symbols are leaves themselves, and nothing remains to be done.
    """
    border = {o for s in operations([loss]) if not s.uniform for o in s.below if o.uniform}
    if loss.uniform and loss.kind != "constant":
        border = {loss}
    sums: list[GradientSum | GradientLookup] = []
    found = sweep({loss: [seed]}, border, leaves=True, sums=sums)
    extra = len(graph.leaves)

    def accumulate(target: int, contributions: Sequence[Contribution | Column]) -> Symbol:
        for contribution in contributions:
            assert isinstance(contribution, Contribution)  # what is uniform is no input of a layer
            coefficient, upstream, _ = contribution
            if coefficient is not None and coefficient.uniform:
                upstream, coefficient = graph.make(ops.mul, (coefficient, upstream)), None
            sums.append(GradientSum([target], () if coefficient is None else (coefficient,), upstream))
        return graph.source("accumulator", target)

    seeds: Contributions = {}
    for symbol, contributions in found.items():
        if symbol.kind == "leaf":
            accumulate(symbol.number, contributions)
            continue
        accumulator, reached, extra = accumulate(extra, contributions), None, extra + 1
        somewhere = anywhere([c.reached for c in contributions if isinstance(c, Contribution)])
        if somewhere is not None:
            number = accumulate(extra, [Contribution(None, somewhere)])
            reached, extra = graph.make(NOT_EQUAL, (number, graph.constant(0.0))), extra + 1
        seeds[symbol] = [Contribution(None, accumulator, reached)]
    if not seeds:  # as for most networks
        return sums, {}
    direct = {target for each in sums for target in each.targets}
    totals = {}
    for leaf, contributions in sweep(seeds, set(), leaves=True).items():
        summed = [Contribution(None, graph.source("accumulator", leaf.number))] if leaf.number in direct else []
        totals[leaf.number] = gather(graph, [*summed, *contributions])[0]
    return sums, totals
