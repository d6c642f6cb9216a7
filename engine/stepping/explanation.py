"""A graph in words: the expression a node stands for, and a table of everything that went into it."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ..graph import topological_order
from ..pullbacks import flowing_derivatives
from ..text.names import Names
from ..text.remarks import about_gradients, about_numbers, has_gradients
from ..text.sheet import Sheet, Shown, ends, short
from ..value import Constant, Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Explanation(Shown):
    """What a node is made of.

    Attributes:
        node: what is explained.
        expression: the node in the user's labels, down to labelled nodes.
        nodes: all nodes in topological order, constants left out.
        rows: how many of them are shown.
    """

    node: Value
    expression: str
    nodes: tuple[Value, ...]
    rows: int
    names: Names

    def _sheet(self) -> Sheet:
        """What is shown of it."""
        name = self.names(self.node)
        title = f"{self.expression} = {short(self.node._z)}"
        if name != self.expression:
            title = f"{name} = {title}"
        rows = ends(self.nodes, self.rows, self._row, "nodes")
        columns = ["node", "value", "gradient", "formula", "local derivatives"]
        if not has_gradients(self.node):
            columns.remove("gradient")
            rows = [(*row[:2], *row[3:]) for row in rows]
        notes = [*about_numbers(self.names), *about_gradients(self.names)]
        return Sheet(title, columns, rows, notes, heads=True)

    def _row(self, node: Value) -> tuple[str, ...]:
        names = self.names
        parts = [
            f"d/d{names.bracketed(operand)} = {short(d)}"
            for operand, d in zip(node.operands, flowing_derivatives(node))
            if d is not None
        ]
        if len(parts) > 6:
            parts[6:] = [f"... {len(parts) - 6:,} more"]
        formula = "" if node._primitive is None else names.formula(node)
        return names(node), short(node._z), short(node._grad), formula, ", ".join(parts)


def explain(node: Value, names: Any = None, rows: int = 30) -> Explanation:
    """The expression of a node, and each node of its graph with value, gradient, formula and local derivatives.

    Args:
        node: what to explain.
        names: a mapping from names to Values or a module, for what is printed.
        rows: how many nodes are shown; the middle of a longer table is left out, with a count.

    Raises:
        TypeError: `node` is not a Value.
        ValueError: `rows` is less than 2.

    >>> a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c")
    >>> explain((a * b + c) * 2)
    (a*b + c) * 2 = 8
      node           value  formula          local derivatives
      a              2
      b              -3
      a*b            -6     a*b              d/da = -3, d/db = 2
      c              10
      a*b + c        4      a*b + c          d/d(a*b) = 1, d/dc = 1
      (a*b + c) * 2  8      (a*b + c) * 2    d/d(a*b + c) = 2
      no backward pass yet, or the gradient here is 0: gradients are not shown
    """
    if not isinstance(rows, Integral) or rows < 2:
        raise ValueError(f"rows, the number of nodes shown, must be 2 or more, got {rows!r}")
    order = topological_order(node)
    called = Names(order, names)
    nodes = tuple(n for n in order if not isinstance(n, Constant))
    return Explanation(node, called.expression(node), nodes, rows, called)
