"""Which nodes to draw as one box: those of a module, and nodes that are alike.

Nothing is recorded while a network runs. A parameter belongs to the module that its path names; a node belongs to a
module if it is computed from the module's parameters, and to none if it mixes several. What belongs to no module is
grouped with nodes that are alike: the same operation on operands of the same groups.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from ..value import Constant, Value

Path = tuple[str, ...]

MERGE_FROM = 4  # alike nodes, from which on they become one box
_ACTIVATIONS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"})


@dataclass(frozen=True)
class Group:
    """What the nodes of one box have in common: a module's path, or None for nodes that are only alike."""

    module: str | None
    key: Hashable


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
    return parts[:-1] or (_stem(parts[0]),)


def _stem(part: str) -> str:
    return part.split(".")[0]


def boxes_of_modules(names: dict[Value, str], collapse: Any, expand: Iterable[str]) -> dict[Path, Path | None]:
    """For every module that has parameters, the module whose box it is drawn in; None if it is drawn node by node.

    Args:
        names: the parameters and their paths.
        collapse: a depth of at least 1, or the name of the modules to draw: ``"layer"``, ``"neuron"``, ``"block"``.
        expand: paths of modules to open: each shows the modules inside it, or its nodes if there are none.

    Raises:
        TypeError, ValueError: `collapse` or `expand` does not fit these modules.
    """
    modules = list(dict.fromkeys(module_of(path) for path in names.values()))
    opened = {expand} if isinstance(expand, str) else set(expand)
    known = {".".join(module[:depth]) for module in modules for depth in range(1, len(module) + 1)}
    for path in sorted(opened, key=str):
        if path not in known:
            raise ValueError(f"expand: there is no module {path!r}; there are {_some(sorted(known))}")
    found: dict[Path, Path | None] = {}
    for module in modules:
        depth = _depth(module, modules, collapse)
        while depth <= len(module) and ".".join(module[:depth]) in opened:
            depth += 1
        found[module] = module[:depth] if depth <= len(module) else None
    return found


def _depth(module: Path, modules: list[Path], collapse: Any) -> int:
    """How many parts of the module's path name its box."""
    if isinstance(collapse, int) and not isinstance(collapse, bool):
        if collapse < 1:
            raise ValueError(f"collapse: a depth is 1 or more, got {collapse!r}")
        return min(collapse, len(module))
    if not isinstance(collapse, str):
        raise TypeError(
            f'collapse takes "layer", "neuron" or a depth, got {collapse!r} of type {type(collapse).__name__}'
        )
    matches = [i for i, part in enumerate(module, 1) if _stem(part) in (collapse, collapse + "s")]
    if matches:
        return matches[-1]
    called = {_stem(part) for module in modules for part in module}
    if collapse not in ("layer", "neuron") and called.isdisjoint({collapse, collapse + "s"}):
        raise ValueError(f"collapse: no module is called {collapse!r}; there are {_some(sorted(called))}")
    return len(module) if collapse == "neuron" else 1


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# ---- which module a node belongs to ------------------------------------------------------------------------------


def owners(order: list[Value], names: dict[Value, str]) -> dict[Value, Path]:
    """The innermost module that each node is computed in, as far as the graph tells; other nodes are left out.

    A node belongs to the module whose parameters it takes. So does a sum of such nodes, as long as each of them takes
    other parameters (a sum over samples takes the same ones again), and one activation after it.
    """
    owner: dict[Value, Path] = {}
    used: dict[Value, int] = {}  # the parameters that a node of its owner is computed from, as bits
    bits: dict[Path, int] = {}
    pure: set[Value] = set()  # depends on parameters only, not on data, such as a penalty on weights
    active: set[Value] = set()
    for node in order:
        if node in names:
            module = owner[node] = module_of(names[node])
            used[node] = 1 << bits.setdefault(module, 0)
            bits[module] += 1
            pure.add(node)
            continue
        if node._primitive is None:
            continue
        name, operands = node._primitive.name, node.operands
        takes: set[Path | None] = {
            owner.get(operand) or module_of(names[operand]) for operand in operands if operand in names
        }
        rest = [operand for operand in operands if operand.__class__ is not Constant]
        found = takes or {owner.get(operand) for operand in rest}
        module_ = next(iter(found)) if len(found) == 1 else None
        if all(operand in pure or _is_no_data(operand, name) for operand in operands):
            pure.add(node)
        if module_ is None:
            continue
        masks = [used[operand] for operand in rest if owner.get(operand) == module_]
        union = 0
        for mask in masks:
            union |= mask
        if not takes:
            if name in ("add", "sum"):
                if len(rest) != len(operands) or sum(map(int.bit_count, masks)) != union.bit_count():
                    continue
            elif name in _ACTIVATIONS and rest[0] not in active:
                active.add(node)
            else:
                continue
        owner[node] = module_
        used[node] = union
    _release_penalties(order, owner, pure, names)
    return owner


def _is_no_data(operand: Value, name: str) -> bool:
    """Whether an operand is a constant of the formula: an exponent, or the 0 that Python's `sum` starts from."""
    return operand.__class__ is Constant and (name == "pow" or (name == "add" and operand._data == 0.0))


def _release_penalties(order: list[Value], owner: dict[Value, Path], pure: set[Value], names: dict[Value, str]) -> None:
    """Take out of their modules the nodes that depend on parameters only and that no computation on data uses."""
    kept: set[Value] = set()
    for node in reversed(order):
        if node not in owner or node in names:
            continue
        if node in pure and node not in kept:
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


# ---- groups ------------------------------------------------------------------------------------------------------


def group(order: list[Value], names: dict[Value, str], collapse: Any, expand: Iterable[str]) -> dict[Value, Group]:
    """The group of every node that is drawn in one box with others.

    Args:
        order: the nodes, in topological order.
        names: the parameters and their paths.
        collapse: see `boxes_of_modules`; or ``"alike"``, which needs no names: only nodes that are alike are grouped,
            parameters among them.
        expand: see `boxes_of_modules`.

    Raises:
        TypeError, ValueError: as `boxes_of_modules`; or modules are asked for and `names` is empty.
    """
    box: dict[Value, Path] = {}
    if collapse == "alike" and expand:
        raise ValueError('expand opens modules: give collapse="layer", "neuron" or a depth with it, not "alike"')
    if collapse != "alike":
        if not names:
            raise ValueError(f"collapse={collapse!r} needs names=model, anything with named_parameters()")
        box_of = boxes_of_modules(names, collapse, expand)
        for node, module in owners(order, names).items():
            drawn_in = box_of[module]
            if drawn_in is not None:
                box[node] = drawn_in
        fill_between(order, box)
    modules = {path: Group(".".join(path), path) for path in dict.fromkeys(box.values())}
    groups = {node: modules[path] for node, path in box.items()}
    groups.update(_alike(order, {} if collapse == "alike" else names, box))
    return groups


def _alike(order: list[Value], names: dict[Value, str], box: dict[Value, Path]) -> dict[Value, Group]:
    """Groups of nodes outside of modules: the same operation on the same groups.

    Modules that differ only in an index count as the same, and a chain of + or * as one operation.
    """
    number: dict[Hashable, int] = {}  # keys are nested, so each is replaced by a number
    key: dict[Value, int] = {}
    terms: dict[Value, frozenset[int]] = {}  # the keys that a chain of the same operation takes
    for node in order:
        own: Hashable
        if node in box:
            own = tuple(map(_stem, box[node]))
        elif node in names:
            own = node
        elif node._primitive is None:
            own = (node.__class__ is Constant, plain(node._label))
        else:
            name = node._primitive.name
            taken: set[int] = set()
            for operand in node.operands:
                if name in ("add", "mul") and operand._primitive is node._primitive and operand in terms:
                    taken |= terms[operand]
                elif operand in key:  # others are not shown
                    taken.add(key[operand])
            terms[node] = frozenset(taken)
            own = (name, terms[node])
        key[node] = number.setdefault(own, len(number))

    takers: dict[Value, set[int]] = {}  # leaves are told apart by what takes them
    for node in order:
        for operand in node.operands:
            if operand._primitive is None and operand not in box and operand not in names:
                takers.setdefault(operand, set()).add(key[node])
    members: dict[Hashable, list[Value]] = {}
    for node in order:
        if node not in box and node not in names:
            full = (key[node], frozenset(takers.get(node, ())))
            members.setdefault(full, []).append(node)
    return {node: Group(None, full) for full, nodes in members.items() if len(nodes) >= MERGE_FROM for node in nodes}


def plain(label: str | None) -> str:
    """A label without the index at its end: x0, x[1] and x_2 are all x."""
    return "" if label is None else re.sub(r"[\W_]*\d[\W_\d]*$", "", label)
