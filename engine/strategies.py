"""Hypothesis strategies for everything that has a gradient: Values, points, expressions, networks, data sets.

Nothing is filtered: operands are chosen by the numbers that they have, so that every expression stays inside of every
primitive's domain, clear of its kinks, with results of moderate size. A failure shrinks to a few nodes, and prints as
Python to paste. Needs ``pip install hypothesis``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from typing import Any

try:
    from hypothesis import strategies as st
except ImportError:
    raise ImportError("engine.strategies needs Hypothesis: pip install hypothesis") from None

from .backprop import local_derivatives
from .graph import topological_order
from .interval import REALS, Interval
from .primitive import PRIMITIVES, Primitive, lookup
from .text.source import expression as expression_code
from .value import Value

__all__ = ["Expression", "Network", "datasets", "expressions", "networks", "numbers", "points", "values"]

_LARGEST = 100.0  # results and local derivatives beyond this make differences blunt: such steps are tamed
_CLEARANCE = 0.01  # distance from kinks and from the ends of domains


# ---- numbers -----------------------------------------------------------------------------------------------------


def numbers(domain: Interval = REALS, largest: float = 8.0) -> st.SearchStrategy[float]:
    """Floats of a domain, clear of its ends and of moderate size; they shrink to small whole numbers.

    >>> from hypothesis import find
    >>> find(numbers(Interval(0, math.inf)), lambda x: x > 1.5)
    2.0
    """
    if domain.integers:
        return st.integers(int(domain.low), int(domain.high)).map(float)
    low, high = max(domain.low, -largest), min(domain.high, largest)
    if low >= high:  # a domain that lies far out
        low, high = (domain.low, domain.low + largest) if domain.low > 0 else (domain.high - largest, domain.high)
    margin = min(_CLEARANCE, (high - low) / 8)
    return st.floats(low + margin, high - margin, allow_subnormal=False)


def values(domain: Interval = REALS) -> st.SearchStrategy[Value]:
    """Values, the leaves of graphs.

    >>> from hypothesis import find
    >>> find(values(), lambda v: v.data >= 2)
    Value(data=2.0, grad=0.0)
    """
    return numbers(domain).map(Value)


def points(domain: Primitive | Interval | Sequence[Interval] = REALS, count: int = 1) -> st.SearchStrategy[list[float]]:
    """Points to check a function at.

    Args:
        domain: the domain of all coordinates, or one for each; or a primitive, whose own domain is meant, and whose
            kinks the points keep clear of.
        count: how many coordinates a point has; for a fixed number of domains this is theirs.

    Raises:
        TypeError: `domain` is none of these.

    >>> import engine
    >>> from hypothesis import find
    >>> find(points(engine.log), lambda point: True), find(points(count=2), lambda point: point[0] > 3)
    ([1.0], [4.0, 0.0])
    """
    if isinstance(domain, Primitive):
        primitive = domain
        intervals = list(primitive.domains(primitive.arity or max(count, 4)))
        return st.tuples(*map(numbers, intervals)).map(lambda point: _nudged(primitive, list(point)))
    intervals = [domain] * count if isinstance(domain, Interval) else list(domain)
    for interval in intervals:
        if not isinstance(interval, Interval):
            raise TypeError(f"points() takes an Interval, a list of them or a primitive, got {interval!r}")
    return st.tuples(*map(numbers, intervals)).map(list)


def _nudged(primitive: Primitive, point: list[float]) -> list[float]:
    """Moved off the primitive's kink by as little as it takes, in steps that no period divides."""
    free = [k for k, domain in enumerate(primitive.domains(len(point))) if not domain.integers]
    moved = list(point)
    for attempt in range(1, 20):
        if not _near_kink(primitive, moved):
            return moved
        for rank, k in enumerate(free, 1):
            domain = list(primitive.domains(len(point)))[k]
            candidate = point[k] + 0.0137 * attempt * rank
            moved[k] = candidate if candidate in domain else point[k] - 0.0137 * attempt * rank
    return moved


def _near_kink(primitive: Primitive, inputs: Sequence[float]) -> bool:
    return primitive.kink is not None and abs(primitive.kink(primitive.forward(*inputs), *inputs)) < _CLEARANCE


# ---- expressions -------------------------------------------------------------------------------------------------


class Expression:
    """A drawn graph as a function of its leaves, together with the point it was drawn at.

    It is called as a function of Values or numbers; its repr is the same function in Python, to paste.

    Attributes:
        point: the leaves' numbers.
        root: the graph itself; its leaves are in `leaves`.
        leaves: its leaves, in the order of the arguments.

    >>> x = Value(2.0)
    >>> e = Expression(x.exp() * x, [x])
    >>> e
    Expression.of(lambda x0: exp(x0)*x0, [2.0])
    >>> e(0.0), e(Value(0.0)).data
    (0.0, 0.0)
    """

    def __init__(self, root: Value, leaves: Sequence[Value]) -> None:
        self.root, self.leaves = root, list(leaves)
        self.point = [leaf.data for leaf in leaves]
        self.__name__ = "expression"
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = [f"x{k}" for k in range(len(self.leaves))]  # as in the repr, for the reports of checks
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    @classmethod
    def of(cls, f: Any, point: Sequence[float]) -> Expression:
        """The expression that a function records at a point: what a repr evaluates to."""
        leaves = [Value(x) for x in point]
        return cls(f(*leaves), leaves)

    @property
    def nodes(self) -> list[Value]:
        """The results in the graph, operands first."""
        return [node for node in topological_order(self.root) if node.primitive is not None]

    def __call__(self, *xs: Any) -> Any:
        """The graph on other numbers or Values, one for each leaf."""
        if len(xs) != len(self.leaves):
            raise TypeError(f"this expression takes {len(self.leaves)} numbers, got {len(xs)}")
        result: dict[Value, Any] = dict(zip(self.leaves, xs))
        for node in topological_order(self.root):
            if node not in result:
                result[node] = node if node.primitive is None else _apply(node, [result[o] for o in node.operands])
        return result[self.root]

    def __repr__(self) -> str:
        names = [f"x{k}" for k in range(len(self.leaves))]
        code = expression_code(self.root, dict(zip(self.leaves, names)))
        return f"Expression.of(lambda {', '.join(names)}: {code}, {self.point!r})"


def _apply(node: Value, operands: list[Any]) -> Any:
    """The node's primitive on other operands, whatever way its calls are written."""
    primitive = node.primitive
    assert primitive is not None  # asked of results only
    if any(isinstance(operand, Value) for operand in operands):
        return Value.__apply_primitive__(primitive, tuple(operands))
    return primitive.forward(*map(float, operands))


def expressions(
    primitives: Iterable[Primitive | str] | None = None,
    max_nodes: int = 30,
    leaves: st.SearchStrategy[float] | None = None,
    min_nodes: int = 1,
) -> st.SearchStrategy[Expression]:
    """Random graphs with shared nodes, inside of every domain by construction.

    Args:
        primitives: what they are made of, primitives or names; the whole table by default.
        max_nodes: how many operations a graph has at most.
        leaves: where the numbers of leaves come from; where a primitive's domain asks for others, leaves of that
            domain are drawn as well.
        min_nodes: how many operations it has at least.

    Raises:
        LookupError: no primitive has that name.
        ValueError: there are no primitives, or the numbers of nodes are out of order.

    >>> from hypothesis import find
    >>> find(expressions(["exp", "mul"]), lambda e: len(e.nodes) >= 1)
    Expression.of(lambda x0: exp(x0), [0.0])
    """
    table = [
        lookup(p) if isinstance(p, str) else p for p in (PRIMITIVES.values() if primitives is None else primitives)
    ]
    if not table:
        raise ValueError("expressions() of no primitives: give at least one")
    if not 1 <= min_nodes <= max_nodes:
        raise ValueError(f"an expression has 1 to max_nodes operations, got {min_nodes=}, {max_nodes=}")
    number = numbers() if leaves is None else leaves
    step = st.tuples(
        st.sampled_from(table),
        st.integers(0, 8**4 - 1),  # the operands, counted from the latest: one draw for all, as short steps shrink well
        number,
    )
    return st.lists(step, min_size=min_nodes, max_size=max_nodes).map(lambda steps: _Builder().build(steps))


class _Builder:
    """Turns drawn steps into a graph: a plain function of them, so that shrinking them shrinks the graph."""

    def __init__(self) -> None:
        self.leaves: list[Value] = []
        self.pool: list[Value] = []
        self.used: set[Value] = set()

    def build(self, steps: list[tuple[Primitive, int, float]]) -> Expression:
        for primitive, packed, number in steps:
            choices = [packed // 8**k % 8 for k in range(4)]
            operands = self.operands(primitive, choices, number)
            node = Value.__apply_primitive__(primitive, tuple(operands))
            self.used.update(operand for operand in operands if isinstance(operand, Value))
            self.pool.append(node)
        ends = [node for node in self.pool if node not in self.used and node.primitive is not None]
        root = ends[0] if len(ends) == 1 else Value.__apply_primitive__(PRIMITIVES["sum"], tuple(ends))
        return Expression(root, self.leaves)

    def operands(self, primitive: Primitive, choices: list[int], number: float) -> list[Any]:
        """Earlier nodes, as chosen, where their numbers suit; fresh leaves inside of the domain otherwise."""
        count = primitive.arity or 2 + choices[-1] % 3
        domains = list(primitive.domains(count))
        found = [
            float(choices[k % len(choices)] % 2) if domain.integers and domain.high == 1 else
            domain.low if domain.integers else self.node(domain, choices[k % len(choices)], number)
            for k, domain in enumerate(domains)
        ]  # fmt: skip
        if _tame(primitive, found):
            return found
        point = _nudged(primitive, [
            float(operand) if domain.integers else _inside(domain, number + 0.618 * k)
            for k, (domain, operand) in enumerate(zip(domains, found))
        ])  # fmt: skip
        return [x if domain.integers else self.leaf(x) for x, domain in zip(point, domains)]

    def node(self, domain: Interval, choice: int, number: float) -> Value:
        """The node chosen, counted from the latest; a leaf if there is none such or it lies outside."""
        chosen = self.pool[-1 - choice] if choice < len(self.pool) else None
        if chosen is not None and _well_inside(domain, chosen.data):
            return chosen
        return self.leaf(number if _well_inside(domain, number) else _inside(domain, number))

    def leaf(self, number: float) -> Value:
        leaf = Value(number)
        self.leaves.append(leaf)
        self.pool.append(leaf)
        return leaf


def _well_inside(domain: Interval, x: float) -> bool:
    return domain.low + _CLEARANCE <= x <= domain.high - _CLEARANCE


def _inside(domain: Interval, x: float) -> float:
    """A number of the domain that follows `x`, between -2 and 2 or as near to that as the domain is."""
    low = max(domain.low + _CLEARANCE, -2.0) if domain.low < 2.0 else domain.low + _CLEARANCE
    high = min(domain.high - _CLEARANCE, low + 2.0)
    return low + (high - low) * (0.5 + math.atan(x) / math.pi)


def _tame(primitive: Primitive, operands: Sequence[Any]) -> bool:
    """Whether result and local derivatives are of moderate size, clear of kinks."""
    node = Value.__apply_primitive__(primitive, tuple(operands))
    if not abs(node.data) <= _LARGEST or _near_kink(primitive, node.inputs):
        return False
    return all(d is None or abs(d) <= _LARGEST for d in local_derivatives(node))


# ---- networks and data -------------------------------------------------------------------------------------------


class Network:
    """A drawn network of fully connected layers; its repr builds it again.

    It is called with a list of Values or numbers and gives a list of Values; `parameters()` lists its weights, so that
    it can be checked, trained and compared like a module.

    Args:
        layers: for each layer its neurons, and for each neuron its weights and, last, its bias.
        activation: the name of the primitive after each layer but the last.

    Raises:
        ValueError: a neuron has not one weight for each input and a bias.

    >>> net = Network([[[0.5, 1.0]], [[2.0, 0.0]]], "tanh")
    >>> net([0.0])
    [Value(data=1.5231883119115297, grad=0.0)]
    """

    def __init__(self, layers: Sequence[Sequence[Sequence[float]]], activation: str) -> None:
        self.activation = lookup(activation)
        self.layers = [[[Value(weight) for weight in neuron] for neuron in layer] for layer in layers]
        width = len(self.layers[0][0]) - 1
        for layer in self.layers:
            for neuron in layer:
                if len(neuron) != width + 1:
                    raise ValueError(f"a neuron of {width} inputs has {width} weights and a bias, got {len(neuron)}")
            width = len(layer)

    def parameters(self) -> list[Value]:
        """All weights and biases, layer by layer."""
        return [weight for layer in self.layers for neuron in layer for weight in neuron]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The same, each with its place."""
        return [
            (f"layers[{i}][{j}][{k}]", weight)
            for i, layer in enumerate(self.layers)
            for j, neuron in enumerate(layer)
            for k, weight in enumerate(neuron)
        ]

    def __call__(self, xs: Sequence[Any]) -> list[Any]:
        """The outputs for one row of inputs."""
        outputs = list(xs)
        dot = lookup("dot")
        for depth, layer in enumerate(self.layers):
            outputs = [dot(neuron[:-1], outputs, neuron[-1]) for neuron in layer]
            if depth + 1 < len(self.layers):
                outputs = [self.activation(output) for output in outputs]
        return outputs

    def __repr__(self) -> str:
        layers = [[[weight.data for weight in neuron] for neuron in layer] for layer in self.layers]
        return f"Network({layers!r}, {self.activation.name!r})"


def networks(
    inputs: int = 2,
    outputs: int = 1,
    max_layers: int = 3,
    max_width: int = 4,
    activations: Sequence[str] = ("tanh", "relu", "sigmoid", "softplus", "gelu"),
) -> st.SearchStrategy[Network]:
    """Small fully connected networks.

    Args:
        inputs: numbers that a network takes.
        outputs: numbers that it gives.
        max_layers: how many layers at most.
        max_width: how many neurons a hidden layer has at most.
        activations: names of primitives of one operand.

    Raises:
        ValueError: a size is not positive.

    >>> from hypothesis import find
    >>> find(networks(inputs=1), lambda net: True)
    Network([[[0.0, 0.0]]], 'tanh')
    """
    for what, size in (("inputs", inputs), ("outputs", outputs), ("max_layers", max_layers), ("max_width", max_width)):
        if size < 1:
            raise ValueError(f"networks() needs a positive number of {what}, got {size!r}")

    def layers(hidden: list[int]) -> st.SearchStrategy[Any]:
        sizes = [inputs, *hidden, outputs]
        weight = st.integers(-20, 20).map(lambda tenths: tenths / 10)  # to be readable
        neurons = [st.lists(weight, min_size=n + 1, max_size=n + 1) for n in sizes[:-1]]
        return st.tuples(*(st.lists(neuron, min_size=m, max_size=m) for neuron, m in zip(neurons, sizes[1:])))

    widths = st.lists(st.integers(1, max_width), max_size=max_layers - 1)
    return st.builds(Network, widths.flatmap(layers), st.sampled_from(list(activations)))


def datasets(
    features: int = 2, targets: int = 1, classes: int = 0, max_rows: int = 8
) -> st.SearchStrategy[tuple[list[list[float]], list[Any]]]:
    """Inputs and targets, row by row.

    Args:
        features: numbers in a row of inputs.
        targets: numbers in a row of targets, for regression.
        classes: if positive, a target is an index of a class below this instead.
        max_rows: how many rows at most; there is at least one.

    Raises:
        ValueError: a size is not positive.

    >>> from hypothesis import find
    >>> find(datasets(), lambda data: len(data[0]) > 1)
    ([[0.0, 0.0], [0.0, 0.0]], [[0.0], [0.0]])
    >>> find(datasets(classes=3), lambda data: True)
    ([[0.0, 0.0]], [0])
    """
    for what, size in (("features", features), ("targets", targets), ("max_rows", max_rows)):
        if size < 1:
            raise ValueError(f"datasets() needs a positive number of {what}, got {size!r}")
    if classes < 0:
        raise ValueError(f"datasets() needs a positive number of classes, or 0 for regression, got {classes!r}")
    x = st.lists(numbers(), min_size=features, max_size=features)
    y: st.SearchStrategy[Any] = st.lists(numbers(), min_size=targets, max_size=targets)
    row = st.tuples(x, st.integers(0, classes - 1) if classes else y)
    rows = st.lists(row, min_size=1, max_size=max_rows)
    return rows.map(lambda found: ([x for x, _ in found], [y for _, y in found]))
