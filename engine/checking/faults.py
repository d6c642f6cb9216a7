"""Finds a primitive whose rule is wrong: by local derivatives, node by node, or by the same rule on Values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..backprop import grad, local_derivatives
from ..primitive import Primitive
from ..text.source import call
from ..value import Constant, Value
from . import oracle
from .estimates.differences import Line, central_estimates
from .estimates.slopes import Slopes, slopes_at
from .estimates.verdicts import judge
from .kinks import describe, finer_than_floats, kink_of
from .report import Fault, where_slopes_are
from .subject import Subject

__tracebackhide__ = True  # pytest then shows the user's own lines


def audit(nodes: Iterable[Value], part: float = oracle.AGREEMENT) -> Fault | None:
    """The first node with a wrong local derivative; None if all are right.

    Each is compared with fifty digits, up to a `part`, if its primitive has a formula and mpmath is installed; else
    with differences.

    >>> from engine import topological_order
    >>> audit(topological_order(Value(300.0).tanh() * 2)) is None
    True
    """
    seen: set[Any] = set()
    for number, node in enumerate(nodes, 1):
        if node.primitive is None:
            continue
        domains = node.primitive.domains(len(node.operands))
        for position, (operand, d, domain) in enumerate(zip(node.operands, local_derivatives(node), domains)):
            key = (node.primitive, node.inputs, position)
            if isinstance(operand, Constant) or domain.integers or key in seen:
                continue
            seen.add(key)
            got = 0.0 if d is None else d
            expected = _expected(node, position, got, part)
            if expected is not None:
                return _local_fault(node, number, position, expected)
    return None


def unlike_on_values(nodes: Iterable[Value]) -> Fault | None:
    """The first node whose rule gives other numbers on Values, as in graphs of gradients, than on floats.

    Differences cannot show that, since each of the two gradients is consistent in itself.

    >>> from engine import topological_order
    >>> unlike_on_values(topological_order(Value(3.0).tanh() * 2)) is None
    True
    """
    for number, node in enumerate(nodes, 1):
        primitive = node.primitive
        if primitive is None:
            continue
        kinds = (Constant if isinstance(operand, Constant) else Value for operand in node.operands)
        operands = [kind(x) for kind, x in zip(kinds, node.inputs)]
        there = grad(Value.__apply_primitive__(primitive, tuple(operands)), operands, create_graph=True)
        for name, x, got, on_values in zip(
            _operand_names(primitive, len(operands)), operands, local_derivatives(node), there
        ):
            on_floats, found = got or 0.0, on_values.data
            if not isinstance(x, Constant) and not oracle.confirms(found, None if math.isnan(on_floats) else on_floats):
                return Fault(
                    f"{describe(node, number)}: by {name} its rule gives {on_floats!r} on floats, as backward() calls "
                    f"it, and {found!r} on Values, as a graph of the gradient does: write one formula for both",
                    primitive=primitive.name,
                )
    return None


def compared(nodes: Iterable[Value]) -> str:
    """What `audit` has compared local derivatives with when it found nothing, in words.

    >>> from engine import topological_order
    >>> compared(topological_order(Value(300.0).tanh() * 2))
    "each primitive's own local derivative was compared with 50 digits and agrees"
    """
    if not oracle.available():
        return (
            "differences of each primitive alone contradict none of their local derivatives; with mpmath installed, "
            f"these are compared with {oracle.DIGITS} digits"
        )
    agreed = f"local derivative was compared with {oracle.DIGITS} digits and agrees"
    primitives = dict.fromkeys(node.primitive for node in nodes if node.primitive is not None)
    without = [primitive.name for primitive in primitives if not primitive.formula]
    if not without:
        return f"each primitive's own {agreed}"
    lacking = f"nothing confirms that of {', '.join(without)}, declared without a formula: declare(formula=...)"
    return lacking if len(without) == len(primitives) else f"each other primitive's own {agreed}; {lacking}"


class _Expected(NamedTuple):
    """What a wrong local derivative is and should have been, in words; and the latter as arguments of `print`."""

    words: str
    wanted: str


def _expected(node: Value, position: int, got: float, part: float) -> _Expected | None:
    """What the local derivative should have been; None if it is right, or lies between the slopes of a kink."""
    expected: _Expected | None = None
    if kink_of(node) != 0.0:
        expected = _expected_of_smooth(node, position, got, part)
        if expected is None:
            return None
    elif _is_beside_kink(node, position, got):
        return None
    slopes = _local_slopes(node, position)
    if not slopes.sides or (slopes.smooth and expected is not None):
        return expected
    if slopes.status(got) != "differs":
        return None
    low, high = slopes.low.slope, slopes.high.slope
    return _Expected(f"is {got!r} {where_slopes_are(low, high)}", f"'should lie between', {low!r}, {high!r}")


def _is_beside_kink(node: Value, position: int, got: float) -> bool:
    """Whether a local derivative is the slope on one side of a kink; assumed if kinks are finer than floats."""
    assert node.primitive is not None  # asked of results only
    if not node.primitive.formula or not oracle.available():
        return finer_than_floats(node)
    slopes = oracle.slopes(node.primitive, node.inputs, position)
    return slopes is not None and any(oracle.confirms(got, slope) for slope in slopes)


def _local_line(node: Value, position: int) -> Line:
    """A node's primitive as a function of one operand."""
    primitive, inputs = node.primitive, node.inputs
    assert primitive is not None  # asked of results only
    return lambda x: primitive.forward(*inputs[:position], x, *inputs[position + 1 :])


def _local_slopes(node: Value, position: int) -> Slopes:
    return slopes_at(_local_line(node, position), node.inputs[position], 2.0**-50 * abs(node.data))


def undeclared_kink(nodes: Iterable[Value]) -> str:
    """The first node with two slopes whose primitive was declared without a kink, and what to do; "" if none has.

    >>> import engine
    >>> from dataclasses import replace
    >>> ramp = replace(engine.relu, name="ramp", kink=None)
    >>> undeclared_kink([ramp(Value(0.0))])
    'ramp(0.0), node 1 of the graph: 0 lies between 0 and 1: a kink? declare(kink=...)'
    """
    for number, node in enumerate(nodes, 1):
        if node.primitive is None or node.primitive.kink is not None:
            continue
        for position, (operand, got) in enumerate(zip(node.operands, local_derivatives(node))):
            if isinstance(operand, Constant) or got is None:
                continue
            slopes = _local_slopes(node, position)
            if slopes.apart and slopes.status(got) != "differs":
                low, high = slopes.low.slope, slopes.high.slope
                return (
                    f"{describe(node, number)}: {got:.9g} lies between {low:.9g} and {high:.9g}: a kink? "
                    "declare(kink=...)"
                )
    return ""


def _expected_of_smooth(node: Value, position: int, got: float, part: float) -> _Expected | None:
    """The expected derivative, from fifty digits, or from differences of the primitive itself."""
    primitive, inputs = node.primitive, node.inputs
    assert primitive is not None  # asked of results only
    if primitive.formula and oracle.available():
        exact = oracle.rounded(primitive, inputs, position)
        if exact is None or math.isnan(exact) or oracle.confirms(got, exact, part):
            return None
        return _another_number(got, exact, f"{oracle.DIGITS} digits of {primitive.formula}")
    line = _local_line(node, position)
    x, distance = inputs[position], kink_of(node)
    reach = math.inf if distance is None else abs(distance) / 2
    found = contradicting(got, 2.0**-45 * abs(got), line, x, 0.0, reach)
    return None if found is None else _another_number(got, found, "differences of its values")


def _another_number(got: float, number: float, source: str) -> _Expected:
    relative = abs(got - number) / max(abs(got), abs(number)) if math.isfinite(got - number) else math.inf
    words = f"is {got!r}, and {source} give {number!r}: relative error {relative:.2g}"
    return _Expected(words, f"'should be', {number!r}")


def contradicting(
    claimed: float, slack: float, line: Line, x: float, noise: float, reach: float = math.inf
) -> float | None:
    """The derivative that differences give, if it contradicts the claim."""
    verdict = judge(claimed, slack, central_estimates(line, x, noise, reach))
    return verdict.estimate.derivative if verdict.status == "differs" and verdict.estimate is not None else None


def _local_fault(node: Value, number: int, position: int, expected: _Expected) -> Fault:
    primitive, inputs = node.primitive, node.inputs
    assert primitive is not None  # as above
    names = _operand_names(primitive, len(inputs))
    numbers = ", ".join(f"{name} = {x!r}" for name, x in list(zip(names, inputs))[:8])
    label = "" if node.label is None else f" {node.label!r}"
    what = (
        f"{primitive.name}{label}, node {number} of the graph: its local derivative with respect to {names[position]} "
        f"at {numbers} {expected.words}"
    )
    return Fault(what, _one_node(primitive, inputs, position, expected.wanted), primitive.name)


def _operand_names(primitive: Primitive, count: int) -> list[str]:
    """One name per operand of a node.

    >>> import engine
    >>> _operand_names(engine.maximum, 2), _operand_names(engine.hypot, 2)
    (['xs0', 'xs1'], ['x', 'y'])
    """
    if primitive.arity is not None:
        return list(primitive.operands)
    return [f"{primitive.operands[0]}{k}" for k in range(count)]


def _one_node(primitive: Primitive, inputs: Sequence[float], position: int, wanted: str) -> str:
    names = _operand_names(primitive, len(inputs))
    values = ", ".join(f"Value({x!r})" for x in inputs)
    return (
        f"from engine import Value, grad, lookup\n"
        f"{primitive.name} = lookup({primitive.name!r})\n"
        f"{', '.join(names)} = {values}\n"
        f"print(grad({call(primitive, names)}, {names[position]}), {wanted})"
    )


def alone(primitive: Primitive, inputs: tuple[float, ...]) -> Subject:
    """A primitive as a function of those of its operands that are real numbers, not indices or conditions.

    >>> import engine
    >>> alone(engine.where, (1.0, 2.0, 3.0)).names
    ('x', 'y')
    """
    free = [k for k, domain in enumerate(primitive.domains(len(inputs))) if not domain.integers]
    names = _operand_names(primitive, len(inputs))

    def apply(values: list[Value]) -> Value:
        operands: list[Any] = list(inputs)
        for k, value in zip(free, values):
            operands[k] = value
        return Value.__apply_primitive__(primitive, tuple(operands))

    return Subject(apply, primitive.name, tuple(names[k] for k in free), tuple(inputs[k] for k in free))
