"""Random graphs: expressions whose operands are chosen by their numbers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

from hypothesis import strategies as st

from ..backprop import local_derivatives
from ..graph import topological_order
from ..interval import Interval
from ..primitive import PRIMITIVES, Primitive, lookup
from ..text.elsewhere import explained
from ..text.source import expression as expression_code
from ..value import Value
from .scalars import inside, near_kink, nudged, numbers, well_inside, whole

_LARGEST = 100.0  # larger results and local derivatives blur differences: then fresh leaves are drawn


class Expression:
    """A drawn graph as a function of its leaves, together with the point it was drawn at.

    Call it with Values or numbers; its repr is the same function in Python, to paste.

    Attributes:
        point: the leaves' numbers.
        root: the result, which holds the graph.
        leaves: the leaves, in the order of the arguments.

    Raises:
        ValueError: a leaf is listed twice.

    >>> x = Value(2.0)
    >>> e = Expression(x.exp() * x, [x])
    >>> e
    Expression.of(lambda x0: exp(x0)*x0, [2.0])
    >>> e(0.0), e(Value(0.0)).data
    (0.0, 0.0)
    """

    def __init__(self, root: Value, leaves: Sequence[Value]) -> None:
        self.root, self.leaves = root, list(leaves)
        if len({*self.leaves}) < len(self.leaves):
            raise ValueError("a leaf occurs twice among the leaves of an expression: list each once")
        self.point = [leaf.data for leaf in leaves]
        self.__name__ = "expression"
        kind = inspect.Parameter.POSITIONAL_ONLY
        names = [f"x{k}" for k in range(len(self.leaves))]  # as in the repr, for the reports of checks
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])

    @classmethod
    def of(cls, f: Any, point: Sequence[float]) -> Expression:
        """The expression that a function records at a point; a repr is a call of this."""
        leaves = [Value(x) for x in point]
        return cls(f(*leaves), leaves)

    @property
    def nodes(self) -> list[Value]:
        """The results in the graph, operands first."""
        return [node for node in topological_order(self.root) if node.primitive is not None]

    def __call__(self, *xs: Any) -> Any:
        """Evaluate the graph at other numbers or Values, one for each leaf."""
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
    """The node's primitive applied to other operands."""
    primitive = node.primitive
    assert primitive is not None  # asked of results only
    if any(isinstance(operand, Value) for operand in operands):
        return Value.__apply_primitive__(primitive, tuple(operands))
    return primitive.forward(*map(float, operands))


@explained
def expressions(
    primitives: Iterable[Primitive | str] | None = None,
    max_nodes: int = 30,
    leaves: st.SearchStrategy[float] | None = None,
    min_nodes: int = 1,
) -> st.SearchStrategy[Expression]:
    """Random graphs with shared nodes, inside every domain by construction.

    Args:
        primitives: primitives or their names, to build with; the whole table by default.
        max_nodes: the largest number of operations.
        leaves: where the leaves' numbers come from; where a primitive's domain needs others, these are drawn from the
            domain.
        min_nodes: the smallest number of operations.

    Raises:
        LookupError: no primitive has that name.
        TypeError: `primitives` is a single one.
        ValueError: there are no primitives, all operands of one are integers, by which there is no derivative, or the
            numbers of nodes are out of order.

    >>> from hypothesis import find
    >>> find(expressions(["exp", "mul"]), lambda e: len(e.nodes) >= 1)
    Expression.of(lambda x0: exp(x0), [0.0])
    """
    if isinstance(primitives, (str, Primitive)):
        raise TypeError(f"expressions() takes a list of primitives, got {primitives!r}: put it in a list")
    table = [
        lookup(p) if isinstance(p, str) else p for p in (PRIMITIVES.values() if primitives is None else primitives)
    ]
    if not table:
        raise ValueError("expressions() got no primitives: give at least one")
    for primitive in table:
        if all(domain.integers for domain in primitive.domain):
            raise ValueError(
                f"all operands of {primitive.name} are integers, by which there is no derivative: leave it out"
            )
    if not 1 <= min_nodes <= max_nodes:
        raise ValueError(f"expressions() needs 1 <= min_nodes <= max_nodes, got {min_nodes=}, {max_nodes=}")
    number = numbers() if leaves is None else leaves
    step = st.tuples(
        st.sampled_from(table),
        st.integers(0, 8**4 - 1),  # the operands, counted from the latest: in one draw, as short steps shrink well
        number,
    )
    return st.lists(step, min_size=min_nodes, max_size=max_nodes).map(lambda steps: _Builder().build(steps))


class _Builder:
    """Turns drawn steps into a graph, which depends on nothing else, so that it shrinks with them."""

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
        """The chosen earlier nodes if their numbers suit; else fresh leaves inside the domain."""
        count = primitive.arity or 2 + choices[-1] % 3
        domains = list(primitive.domains(count))
        found: list[Any] = [
            whole(domain, choice) if domain.integers else self.node(domain, choice, number)
            for domain, choice in zip(domains, cycle(choices))
        ]
        if _tame(primitive, found):
            return found
        point = nudged(
            primitive,
            [
                operand if domain.integers else inside(domain, number + 0.618 * k)
                for k, (domain, operand) in enumerate(zip(domains, found))
            ],
        )
        return [x if domain.integers else self.leaf(x) for x, domain in zip(point, domains)]

    def node(self, domain: Interval, choice: int, number: float) -> Value:
        """The chosen node, counted from the latest; a fresh leaf if there is none or its number lies outside."""
        chosen = self.pool[-1 - choice] if choice < len(self.pool) else None
        if chosen is not None and well_inside(domain, chosen.data):
            return chosen
        return self.leaf(number if well_inside(domain, number) else inside(domain, number))

    def leaf(self, number: float) -> Value:
        leaf = Value(number)
        self.leaves.append(leaf)
        self.pool.append(leaf)
        return leaf


def _tame(primitive: Primitive, operands: Sequence[Any]) -> bool:
    """Whether result and local derivatives are of moderate size, and the operands clear of kinks."""
    node = Value.__apply_primitive__(primitive, tuple(operands))
    if not abs(node.data) <= _LARGEST or near_kink(primitive, node.inputs):
        return False
    return all(d is None or abs(d) <= _LARGEST for d in local_derivatives(node))
