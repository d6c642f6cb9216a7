"""Backprop from graph to graph: the table's rules, called on symbols, give the local derivatives as symbols.

The contributions to a node's adjoint are gathered at the end into one n-ary dot of coefficients and upstream adjoints.
So the backward pass of a layer is a matrix product like its forward pass, without any rule for layers.

A derivative that is a structural zero for some samples comes with a condition. There the adjoint is selected, not
multiplied by zero, and a node without any contribution passes none on: `reached` says for which samples it has one.
Only a layer does multiply by zero, to stay a matrix product: by weights, which are finite, and by inputs that are set
to 0 where nothing is contributed.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import compress
from operator import attrgetter, not_
from typing import Any, NamedTuple

from ... import ops
from ...modes import always_recorded
from ...numbers import as_float
from ...pullbacks import call_rules
from ..errors import TraceError
from ..frontend.conditions import EITHER, INVERT, NOT_EQUAL
from ..frontend.graph import Graph, operations
from ..frontend.operands import DotOperands, LeafRow, Operands, apart, as_range, read_leaf
from ..frontend.symbol import Masked, Symbol
from .computation import Computation, GradientLookup, GradientSum
from .coverage import covers

_number, _uniform = attrgetter("number"), attrgetter("uniform")


class Contribution(NamedTuple):
    """A term ``coefficient * upstream`` of an adjoint (None: 1), present only where `reached` holds (None: always)."""

    coefficient: Symbol | None
    upstream: Symbol
    reached: Symbol | None = None


class Layer:
    """The dots of a layer, each of its own row of leaves with the same inputs, and their adjoints.

    All of them have been added by the time that the adjoint of an input is gathered.
    """

    def __init__(self) -> None:
        self.rows: list[Sequence[int]] = []  # the numbers of the leaves
        self.adjoints: list[Symbol] = []
        self.conditions: list[Symbol | None] = []  # where they have a contribution

    def add(self, row: Sequence[int], adjoint: Symbol, reached: Symbol | None) -> None:
        """Add a dot: the numbers of its leaves, its adjoint, and where that has a contribution."""
        self.rows.append(row)
        self.adjoints.append(adjoint)
        self.conditions.append(reached)

    @cached_property
    def reached(self) -> Symbol | None:
        """Where any of the dots has a contribution; None if everywhere."""
        return _anywhere(self.conditions)

    def sums(self, inputs: tuple[Symbol, ...]) -> Iterable[GradientSum]:
        """The gradient of the weights; samples without a contribution add nothing, whatever their inputs are."""
        if self.reached is not None:
            graph, nothing = self.reached.graph, self.reached.graph.constant(0.0)
            inputs = tuple([graph.make(ops.where, (self.reached, x, nothing)) for x in inputs])
        return [GradientSum(row, inputs, adjoint) for row, adjoint in zip(self.rows, self.adjoints)]

    @cached_property
    def upstreams(self) -> tuple[Symbol, ...]:
        """The adjoints of the dots."""
        return tuple(self.adjoints)

    def column(self, k: int) -> Sequence[int]:
        """The k-th number of each row."""
        first = self._first
        if first is None:
            return [row[k] for row in self.rows]
        shift = self.rows[0][k] - first.start
        return range(first.start + shift, first.stop + shift, first.step)

    @cached_property
    def _first(self) -> range | None:
        """The first number of each row, if rows and columns are evenly spaced, as in a matrix; otherwise None."""
        steps = {row.step if isinstance(row, range) else 0 for row in self.rows}
        return as_range([row[0] for row in self.rows]) if len(steps) == 1 and 0 not in steps else None


class Column(NamedTuple):
    """What a layer contributes to the adjoint of its k-th input."""

    layer: Layer
    k: int

    def factors(self, graph: Graph) -> tuple[LeafRow, tuple[Symbol, ...]]:
        """The coefficients, and the adjoints that they are multiplied by."""
        return LeafRow(graph, self.layer.column(self.k)), self.layer.upstreams


Contributions = dict[Symbol, list["Contribution | Column"]]


@always_recorded()
def differentiated(computation: Computation) -> Computation:
    """The pass: adds the gradient of the leaves, and derivatives by inputs as further outputs, if they are wanted."""
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
    """The derivatives of `output` by each of `inputs`, which may be results, as symbols."""
    graph = output.graph
    seed = Contribution(None, graph.constant(1.0))
    return _gathered(graph, sweep({output: [seed]}, set(inputs)), inputs)


def _gathered(graph: Graph, found: Contributions, by: Sequence[Symbol]) -> list[Symbol]:
    """The derivatives by these symbols; 0 for those without a contribution."""
    return [gather(graph, found[x])[0] if x in found else graph.constant(0.0) for x in by]


def sweep(
    seeds: Contributions,
    wanted: set[Symbol],
    leaves: bool = False,
    stop: bool = False,
    sums: list[GradientSum | GradientLookup] | None = None,
) -> Contributions:
    """The contributions to the adjoints of what is wanted, not yet gathered.

    Args:
        seeds: the contributions that the sweep starts from.
        wanted: what to differentiate by.
        leaves: whether to differentiate by all leaves, too.
        stop: do not go further down from what is wanted.
        sums: takes the contributions to leaves that are a product of a coefficient per sample and an adjoint, and those
            to the one leaf that an index selects; they are not among those that are returned.
    """
    singly = any(symbol.kind == "leaf" for symbol in wanted)
    nodes, needed = _paths(seeds, wanted, leaves, singly)
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
        if node not in pending or (stop and node in wanted):
            continue
        adjoint, reached = gather(node.graph, pending[node] if node in wanted else pending.pop(node))
        singled = singly or (leaves and sums is None)
        lookup = None if singled or sums is None else _lookup(node, adjoint, reached)
        if lookup is not None and sums is not None:
            sums.append(lookup)
            continue
        if singled or not _is_of_layer(node.operands, layers):
            operands, found = _derivatives(node, is_needed)
            if sums is not None and reached is None and len(operands) > 1:
                operands, found, more = _summed(operands, found, adjoint)
                sums += more
        else:  # the derivatives are those that the rule gives, with no symbol for each weight
            layer_of(node.operands.right).add(node.operands.left.numbers, adjoint, reached)
            operands, found = [b for b in node.operands.bias if is_needed(b)], [1.0]
        for operand, contribution in _pass_on(node, operands, found, adjoint, reached):
            pending[operand].append(contribution)
    if sums is not None:
        sums += [each for inputs, layer in layers.items() for each in layer.sums(inputs)]
    return {node: found for node, found in pending.items() if node in wanted or (leaves and node.kind == "leaf")}


def _paths(seeds: Contributions, wanted: set[Symbol], leaves: bool, singly: bool) -> tuple[list[Symbol], set[Symbol]]:
    """The operations between the seeds and what is wanted, operands first; and the same with what is wanted, as a set.

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
    if reached is not None:
        adjoint = node.graph.make(ops.where, (reached, adjoint, node.graph.constant(0.0)))
    return GradientLookup(index, adjoint, targets)


def _derivatives(node: Symbol, is_needed: Callable[[Symbol], bool]) -> tuple[list[Symbol], list[Any]]:
    """The operands of `node` that are needed, and its derivatives by them."""
    primitive, operands = node.primitive, node.operands
    assert primitive is not None
    wanted = list(map(is_needed, operands))
    if primitive.arity is not None:
        found = [rule(node, *operands) for rule in compress(primitive.rules, wanted)]
        return list(compress(operands, wanted)), found
    return list(compress(operands, wanted)), list(compress(call_rules(primitive, node, operands), wanted))


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
    """What `node` contributes to its operands, given its derivatives by them."""
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
    constant = d.value if d.kind == "constant" else None
    if unselected is not None:
        selected = graph.make(INVERT, (unselected,))
        reached = selected if reached is None else reached & selected
    term = graph.make(ops.mul, (d, adjoint))
    if reached is not None and not (unselected is None and constant is not None and math.isfinite(constant)):
        term = graph.make(ops.where, (reached, term, graph.constant(0.0)))
    return Contribution(None, term, reached)


def gather(graph: Graph, contributions: Sequence[Contribution | Column]) -> tuple[Symbol, Symbol | None]:
    """The sum of the contributions as a symbol, and where there is any (None: everywhere)."""
    columns = [c for c in contributions if isinstance(c, Column)]
    single = [c for c in contributions if isinstance(c, Contribution)]
    reached = _anywhere([*[c.reached for c in single], *[column.layer.reached for column in columns]])
    terms = [c.upstream for c in single if c.coefficient is None]
    for uniform in (True, False):  # apart, so that the matrix of uniform coefficients is a matrix product
        pairs = [(c.coefficient, c.upstream) for c in single if c.coefficient is not None]
        pairs = [(a, b) for a, b in pairs if (a.uniform or b.uniform) is uniform]
        left: LeafRow | tuple[Symbol, ...] = ()
        right: tuple[Symbol, ...] = ()
        if uniform and len(columns) == 1 and not pairs:
            left, right = columns[0].factors(graph)
        elif uniform:
            pairs += [pair for column in columns for pair in zip(*column.factors(graph))]
        if pairs:
            left, right = zip(*[(b, a) if b.uniform and not a.uniform else (a, b) for a, b in pairs])
        if len(right) == 1:
            terms.append(graph.make(ops.mul, (left[0], right[0])))
        elif right:
            terms = [graph.dot(left, right, (add_up(graph, terms),) if terms else ())]
    return add_up(graph, terms), reached


def _anywhere(conditions: Sequence[Symbol | None]) -> Symbol | None:
    """The disjunction of the conditions; None if it is known to hold everywhere, as it does if one of them is None."""
    found = [condition for condition in dict.fromkeys(conditions) if condition is not None]
    if not found or any(condition is None for condition in conditions) or covers(found[0].graph, found):
        return None
    return functools.reduce(lambda a, b: a.graph.make(EITHER, (a, b)), found)


def add_up(graph: Graph, terms: Sequence[Symbol]) -> Symbol:
    """The sum of at least one symbol."""
    if len(terms) == 1:
        return terms[0]
    return graph.make(ops.add if len(terms) == 2 else ops.sum, tuple(terms))


def _gradient(
    graph: Graph, loss: Symbol, seed: Contribution
) -> tuple[list[GradientSum | GradientLookup], dict[int, Symbol]]:
    """The sums over the samples; and, by number, the whole gradient of each leaf that needs more than one of them.

    For each sample the sweep goes down to the uniform symbols. Their adjoints are summed over the samples, and swept on
    to the leaves once. Usually the uniform symbols are leaves themselves, and nothing remains to be done.
    """
    border = {o for s in operations([loss]) if not s.uniform for o in s.below if o.uniform}
    if loss.uniform and loss.kind != "constant":
        border = {loss}
    sums: list[GradientSum | GradientLookup] = []
    found = sweep({loss: [seed]}, border, leaves=True, stop=True, sums=sums)
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
        somewhere = _anywhere([c.reached for c in contributions if isinstance(c, Contribution)])
        if somewhere is not None:
            number = accumulate(extra, [Contribution(None, somewhere)])
            reached, extra = graph.make(NOT_EQUAL, (number, graph.constant(0.0))), extra + 1
        seeds[symbol] = [Contribution(None, accumulator, reached)]
    if not seeds:  # as for most networks
        return sums, {}
    direct = {target for each in sums for target in each.targets}
    totals = {}
    for leaf, contributions in sweep(seeds, set(), leaves=True).items():
        before: list[Contribution | Column] = []
        before = [Contribution(None, graph.source("accumulator", leaf.number))] if leaf.number in direct else []
        totals[leaf.number] = gather(graph, [*before, *contributions])[0]
    return sums, totals
