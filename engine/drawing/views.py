"""Which part of a graph to draw: all of it, the paths to one Value, or the neighbourhood of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..value import Value


def parameter_names(names: Any) -> dict[Value, str]:
    """The paths of a module's parameters, by parameter.

    Args:
        names: anything with `named_parameters()`, or pairs or a mapping of what that gives, or None for no names.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if names is None:
        return {}
    found = names.named_parameters() if hasattr(names, "named_parameters") else names
    try:
        pairs = [(path, value) for path, value in (found.items() if hasattr(found, "items") else found)]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    for path, value in pairs:
        if not isinstance(path, str) or not isinstance(value, Value):
            raise TypeError(
                f"names= takes a module, anything whose named_parameters() gives (path, Value), got {names!r} "
                f"of type {type(names).__name__}"
            )
    return {value: path for path, value in pairs}


def find(wanted: Any, order: list[Value], names: dict[Value, str], argument: str) -> Value:
    """The node of the graph that is meant: a Value, or the label or path of one.

    Raises:
        TypeError: `wanted` is neither Value nor text.
        ValueError: it is not in the graph, or several nodes have that label.
    """
    if isinstance(wanted, Value):
        if not any(node is wanted for node in order):
            raise ValueError(f"{argument}: {wanted!r} is not in the graph of {order[-1]!r}")
        return wanted
    if not isinstance(wanted, str):
        raise TypeError(f"{argument} takes a Value or a label, got {wanted!r} of type {type(wanted).__name__}")
    found = [node for node in order if wanted in (node._label, names.get(node))]
    if len(found) != 1:
        count = "no node" if not found else f"each of {len(found)} nodes"
        raise ValueError(f"{argument}: {count} of the graph is labelled {wanted!r}; give the Value itself")
    return found[0]


def paths_to(target: Value, order: list[Value]) -> list[Value]:
    """The nodes on the paths from the root to `target`, in topological order."""
    on_path = {target}
    for node in order:
        if not on_path.isdisjoint(node.operands):
            on_path.add(node)
    return [node for node in order if node in on_path]


def neighbourhood(centre: Value, radius: int, order: list[Value]) -> list[Value]:
    """The nodes at most `radius` edges away from `centre`, in either direction, in topological order.

    Raises:
        ValueError: `radius` is no whole number from 0 on.
    """
    if not isinstance(radius, int) or radius < 0:
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
