"""Which nodes to draw as one box: those of a module, and nodes that are alike.

What belongs to no module is grouped with nodes that are alike: the same operation on operands of the same groups.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from ..value import Constant, Value
from .owners import Path, fill_between, module_of, owners, stem

MERGE_FROM = 4  # alike nodes, from which on they become one box


@dataclass(frozen=True)
class Group:
    """What the nodes of one box have in common: a module's path, or None for nodes that are only alike."""

    module: str | None
    key: Hashable


def _boxes_of_modules(names: dict[Value, str], collapse: Any, expand: Iterable[str]) -> dict[Path, Path | None]:
    """For every module that has parameters, the module whose box it is drawn in; None if it is drawn node by node.

    Args:
        names: the parameters and their paths.
        collapse: a depth of at least 1, or the name of the modules to draw: ``"layer"``, ``"neuron"``, ``"block"``.
        expand: paths of modules to open: each shows the modules inside it, or its nodes if there are none.

    Raises:
        TypeError, ValueError: `collapse` or `expand` does not fit these modules.
    """
    if not isinstance(expand, Iterable):
        raise TypeError(f'expand= takes paths of modules, such as "layers.2", got {expand!r}')
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
    if isinstance(collapse, Integral) and not isinstance(collapse, bool):
        if collapse < 1:
            raise ValueError(f"collapse: a depth is 1 or more, got {collapse!r}")
        return min(int(collapse), len(module))
    if not isinstance(collapse, str):
        raise TypeError(
            f'collapse takes "layer", "neuron" or a depth, got {collapse!r} of type {type(collapse).__name__}'
        )
    matches = [i for i, part in enumerate(module, 1) if stem(part) in (collapse, collapse + "s")]
    if matches:
        return matches[-1]
    called = {stem(part) for module in modules for part in module}
    if collapse not in ("layer", "neuron") and called.isdisjoint({collapse, collapse + "s"}):
        raise ValueError(f"collapse: no module is called {collapse!r}; there are {_some(sorted(called))}")
    return len(module) if collapse == "neuron" else 1


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def group(order: list[Value], names: dict[Value, str], collapse: Any, expand: Iterable[str]) -> dict[Value, Group]:
    """The group of every node that is drawn in one box with others.

    Args:
        order: the nodes, in topological order.
        names: the parameters and their paths.
        collapse: see `_boxes_of_modules`; or ``"alike"``, which needs no names: only nodes that are alike are grouped,
            parameters among them.
        expand: see `_boxes_of_modules`.

    Raises:
        TypeError, ValueError: as `_boxes_of_modules`; or modules are asked for and `names` is empty.
    """
    box: dict[Value, Path] = {}
    if collapse == "alike" and expand:
        raise ValueError('expand opens modules: give collapse="layer", "neuron" or a depth with it, not "alike"')
    if collapse != "alike":
        if not names:
            raise ValueError(f"collapse={collapse!r} needs names=model, anything with named_parameters()")
        box_of = _boxes_of_modules(names, collapse, expand)
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
    """Groups of nodes outside of modules: the same operation on the same groups."""
    key = _keys(order, names, box)
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


def _keys(order: list[Value], names: dict[Value, str], box: dict[Value, Path]) -> dict[Value, int]:
    """A number for each node, the same for nodes of the same form.

    Modules that differ only in an index count as the same, and a chain of + or * as one operation.
    """
    number: dict[Hashable, int] = {}  # forms are nested, so each is replaced by a number
    key: dict[Value, int] = {}
    terms: dict[Value, frozenset[int]] = {}  # the keys that a chain of the same operation takes
    for node in order:
        own: Hashable
        if node in box:
            own = tuple(map(stem, box[node]))
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
    return key


def plain(label: str | None) -> str:
    """A label without the index at its end: x0, x[1] and x_2 are all x."""
    return "" if label is None else re.sub(r"[\W_]*\d[\W_\d]*$", "", label)
