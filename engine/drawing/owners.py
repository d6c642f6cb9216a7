"""Which module each node of a graph is computed in, as far as the graph and the parameters' paths tell.

Nothing is recorded while a network runs. A parameter belongs to the module that its path names; a node belongs to a
module if it is computed from the module's parameters, and to none if it mixes several.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_

from ..value import Constant, Value

Path = tuple[str, ...]

_ACTIVATIONS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"})


def steps(path: str) -> Path:
    """The parts of a parameter's path, each name with its index.

    >>> steps("layers.0.neurons.3.w.2")
    ('layers.0', 'neurons.3', 'w.2')
    """
    return tuple(re.findall(r"[^.]+(?:\.\d+(?![^.]))*", path))


def module_of(path: str) -> Path:
    """The module that holds a parameter; one that the model itself holds counts as a module of its own.

    >>> module_of("layers.0.neurons.3.w.2"), module_of("wte.3.1")
    (('layers.0', 'neurons.3'), ('wte',))
    """
    parts = steps(path)
    return parts[:-1] or (stem(parts[0]),)


def stem(part: str) -> str:
    """A part of a path without its index."""
    return part.split(".")[0]


def owners(order: list[Value], names: dict[Value, str]) -> dict[Value, Path]:
    """The innermost module that each node is computed in, as far as the graph tells; other nodes are left out.

    A node belongs to the module whose parameters it takes. So does a sum of such nodes, as long as each of them takes
    other parameters (a sum over samples takes the same ones again), and one activation after it.
    """
    owner: dict[Value, Path] = {}
    used: dict[Value, int] = {}  # the parameters that a node of its owner is computed from, as bits
    bits: dict[Path, int] = {}
    active: set[Value] = set()  # activations that belong to a module
    for node in order:
        if node in names:
            holder = owner[node] = module_of(names[node])
            used[node] = 1 << bits.setdefault(holder, 0)
            bits[holder] += 1
            continue
        if node._primitive is None:
            continue
        name, operands = node._primitive.name, node.operands
        takes: set[Path | None] = {
            owner.get(operand) or module_of(names[operand]) for operand in operands if operand in names
        }
        rest = [operand for operand in operands if operand.__class__ is not Constant]
        found = takes or {owner.get(operand) for operand in rest}
        module = next(iter(found)) if len(found) == 1 else None
        if module is None:
            continue
        masks = [used[operand] for operand in rest if owner.get(operand) == module]
        union = reduce(or_, masks, 0)
        if not takes:
            has_constants = len(rest) < len(operands)
            disjoint = sum(map(int.bit_count, masks)) == union.bit_count()
            is_sum = name in ("add", "sum") and not has_constants and disjoint
            is_activation = name in _ACTIVATIONS and rest[0] not in active
            if not (is_sum or is_activation):
                continue
            if is_activation:
                active.add(node)
        owner[node] = module
        used[node] = union
    _release_penalties(order, owner, names)
    return owner


def _of_parameters_only(order: list[Value], names: dict[Value, str]) -> set[Value]:
    """The nodes that depend on parameters only, not on data, such as a penalty on weights."""
    found: set[Value] = set()
    for node in order:
        if node in names:
            found.add(node)
        elif node._primitive is not None:
            name = node._primitive.name
            if all(operand in found or _is_no_data(operand, name) for operand in node.operands):
                found.add(node)
    return found


def _is_no_data(operand: Value, name: str) -> bool:
    """Whether an operand is a constant of the formula: an exponent, or the 0 that Python's `sum` starts from."""
    return operand.__class__ is Constant and (name == "pow" or (name == "add" and operand._z == 0.0))


def _release_penalties(order: list[Value], owner: dict[Value, Path], names: dict[Value, str]) -> None:
    """Take out of their modules the nodes that depend on parameters only and that no computation on data uses."""
    without_data, kept = _of_parameters_only(order, names), set[Value]()
    for node in reversed(order):
        if node not in owner or node in names:
            continue
        if node in without_data and node not in kept:
            del owner[node]
        else:
            kept.update(operand for operand in node.operands if owner.get(operand) == owner[node])


def fill_between(order: list[Value], box: dict[Value, Path]) -> None:
    """Add to a module's box what is computed from it alone on the way to the next module."""
    feeds: set[Value] = set()
    for node in reversed(order):
        if node in feeds or node in box:
            feeds.update(node.operands)
    for node in order:
        if node in feeds and node not in box and node._primitive is not None:
            found = {box.get(operand) for operand in node.operands if operand.__class__ is not Constant}
            module = found.pop() if len(found) == 1 else None
            if module is not None:
                box[node] = module
