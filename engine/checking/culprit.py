"""The cause of a wrong derivative: a primitive's rule, a sum over uses, or code that the graph does not record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..backprop import local_derivatives, sweep
from ..functional import push_forward
from ..graph import topological_order
from ..text.source import expression
from ..value import Value
from . import oracle
from .faults import alone, audit, contradicting, undeclared_kink
from .kinks import describe, kink_of
from .proof import is_its_graph, positions_of, proven
from .report import Derivative, Fault
from .rounding import lost_forward, rounding
from .subject import Subject

__tracebackhide__ = True  # pytest then shows the user's own lines


def find_culprit(subject: Subject, wrong: Derivative) -> Fault:
    """Why this derivative is wrong: by the first primitive, else the smallest subgraph, else the code around it."""
    if math.isnan(wrong.claimed) and not wrong.direction:
        recording = subject.record(subject.moved(subject.names.index(wrong.name), wrong.at))
        leaf = recording.coordinates[subject.names.index(wrong.name)]
        found = _audited(recording.nodes, wrong) or _beyond_floats(recording.nodes, leaf)
        if found is not None:
            return found
    if wrong.slopes is not None:
        function = subject.of_order(1)  # the graph of its gradient may differ by a branch in a rule, as for pow
        near = is_its_graph(function, function.here, positions_of(subject, wrong), most=1)
        return _audited(subject.here.nodes, wrong) or (_sum_at_kink(wrong) if near else _outside_the_graph(wrong))
    if wrong.direction:
        return _audited(subject.here.nodes, wrong) or Fault(
            f"each primitive's own rule is right, and the slope along {wrong.name} is not: check without directions= "
            "to learn which inputs are wrong"
        )
    position = subject.names.index(wrong.name)
    recording = subject.record(subject.moved(position, wrong.at))
    nodes = recording.nodes
    return (
        _audited(nodes, wrong)
        or (_sum_at_kink(wrong) if undeclared_kink(nodes) else None)
        or _wrong_subgraph(recording.output, recording.coordinates[position], wrong)
        or (_wrong_at_order(nodes, wrong) if wrong.order > 1 else None)
        or _outside_the_graph(wrong)
    )


def _audited(nodes: Sequence[Value], wrong: Derivative) -> Fault | None:
    """The first primitive whose rule is wrong, by much, or else by about as much as the derivative."""
    return audit(nodes) or audit(nodes, min(wrong.relative_error / 8, oracle.AGREEMENT))


def _beyond_floats(nodes: Sequence[Value], leaf: Value) -> Fault | None:
    """The first node on the way from a leaf whose value or local derivative is no finite number."""
    depends = {leaf}
    for place, node in enumerate(nodes, 1):
        if depends.intersection(node.operands):
            depends.add(node)
            slopes = [d or 0.0 for operand, d in zip(node.operands, local_derivatives(node)) if operand in depends]
            if not all(map(math.isfinite, (node.data, *slopes))):
                gives = ", ".join(map(repr, slopes))
                return Fault(
                    f"each rule is right, but {describe(node, place)}, has the value {node.data!r} and the local "
                    f"derivative {gives}: the chain rule makes nan of infinite numbers, as of 0 times inf"
                )
    return None


def _wrong_subgraph(output: Value, leaf: Value, wrong: Derivative) -> Fault | None:
    """The first node, operands before results, where the sweep and forward mode sum up other numbers for the leaf."""
    name, x = wrong.name if wrong.name.isidentifier() else "x", wrong.at
    depends = {leaf}
    for node in topological_order(output):
        if not depends.intersection(node.operands):
            continue
        depends.add(node)
        claimed, expected = sweep(node)[leaf] + 0.0, push_forward(node, {leaf: 1.0})
        if abs(claimed - expected) > rounding(node).derivatives[leaf] + lost_forward(node, {leaf: 1.0}):
            code = expression(node, {leaf: name})
            uses = sum(operand is leaf for each in topological_order(node) for operand in each.operands)
            what = (
                f"each local derivative is right, but not their sum over the {uses} uses of {name}: the smallest "
                f"graph that is wrong is {code} at {name} = {x!r}, where the sweep gives {claimed!r} and "
                f"forward mode gives {expected!r}"
            )
            return Fault(
                what,
                f"from engine import *\n{name} = Value({x!r})\nprint(grad({code}, {name}), 'should be', {expected!r})",
            )
    return None


def _wrong_at_order(nodes: Sequence[Value], wrong: Derivative) -> Fault | None:
    """The first primitive that has a right gradient alone, and a wrong derivative of this order."""
    seen: set[Any] = set()
    for node in nodes:
        key = (node.primitive, node.inputs)
        if node.primitive is None or key in seen or kink_of(node) == 0.0:
            continue
        seen.add(key)
        single = alone(node.primitive, node.inputs).of_order(wrong.order)
        recording = single.record(single.numbers)
        errors, adjoints = rounding(recording.output), sweep(recording.output)
        for position, (name, x, leaf) in enumerate(zip(single.names, single.numbers, recording.coordinates)):
            claimed, slack = adjoints.get(leaf, 0.0) + 0.0, errors.derivatives.get(leaf, 0.0)
            expected = contradicting(claimed, slack, single.line(position), x, errors.value)
            if expected is not None and not proven(single, replace(wrong, name=name, at=x, claimed=claimed)):
                what = (
                    f"{node.primitive.name}: its rule gives right numbers and a wrong graph: at "
                    f"{', '.join(map(repr, node.inputs[:8]))} the derivative of order {wrong.order}, last with respect "
                    f"to {name}, is {claimed!r}, and differences give {expected!r}; write the rule with the engine's "
                    "own functions, on z and the operands"
                )
                return Fault(what, primitive=node.primitive.name)
    return None


def _sum_at_kink(wrong: Derivative) -> Fault:
    """Every primitive's derivative lies between its slopes, but what the chain rule makes of them does not."""
    low, high = wrong.slopes or (wrong.expected, wrong.expected)
    slopes = f"the slope {low:.9g}" if low == high else f"slopes from {low:.9g} to {high:.9g}"
    return Fault(
        f"each rule is right, their sum is not: at a kink each primitive chooses one slope, and the chain rule makes "
        f"{wrong.claimed:.9g} of these by {wrong.name}, where the function has {slopes}"
    )


def _outside_the_graph(wrong: Derivative) -> Fault:
    """Every part of the graph is right, so the function depends on the input in a way that it does not record."""
    return Fault(
        f"no part of the recorded graph is wrong: the function also depends on {wrong.name} outside it. Look for "
        "float(), .data, detach(), no_grad() or functions of math on the way from the input, or for code that "
        "changes what it reads"
    )
