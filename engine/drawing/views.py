"""Parts of a graph to draw: the paths to one Value, or its neighbourhood."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

from ..graph import depending_on
from ..value import Value


def paths_to(target: Value, order: list[Value]) -> list[Value]:
    """The nodes on the paths from the root to `target`, in topological order."""
    return list(depending_on([target], order))


def neighbourhood(centre: Value, radius: int, order: list[Value]) -> list[Value]:
    """The nodes at most `radius` edges away from `centre`, in either direction, in topological order.

    Raises:
        ValueError: `radius` is not a whole number of at least 0.
    """
    if not isinstance(radius, Integral) or radius < 0:
        raise ValueError(f"radius is a number of edges, 0 or more, got {radius!r}")
    consumers: dict[Value, list[Value]] = {node: [] for node in order}
    for node in order:
        for operand in node.operands:
            consumers[operand].append(node)
    near = {centre}
    rim: Iterable[Value] = near
    for _ in range(radius):
        rim = {other for node in rim for other in (*node.operands, *consumers[node])} - near
        near |= rim
    return [node for node in order if node in near]
