"""Proves derivatives that differences cannot judge, factor by factor or by the whole formula, in many digits.

A function may turn a thousand times between two steps, as sin does at 1e15, or its values may vanish, as products of
tiny numbers do: then differences contradict a right gradient at every step. But if the function is what its graph says,
and each local derivative agrees with fifty digits (at a kink: on both sides), then the chain rule allows no other
gradient; and in hundreds of digits, steps of the graph's formula can be smaller than anything that hides its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

from .. import ops
from ..backprop import local_derivatives
from ..functional import push_forward
from ..graph import depending_on
from ..numbers import same_number
from ..value import Constant, Value
from . import oracle
from .estimates.differences import steps
from .kinks import finer_than_floats, kink_of
from .replay import Replay
from .report import Derivative
from .subject import Recording, Subject, weight

_SAME = 1e-9  # both modes multiply the same factors, in opposite order
_DIGITS = 400  # for whole graphs; a third of them goes to the step, which is far smaller than the gap between kinks


def proven(subject: Subject, wrong: Derivative) -> bool:
    """Whether a derivative that differences contradict is right all the same.

    With respect to one input it is if every factor of the chain rule is right. That, or a slope along a direction, is
    also right if it is the slope of the function's formula, or lies between its slopes on both sides. Nothing is proven
    of users' primitives, whose formulas are no better than their rules, nor without mpmath.

    >>> from engine import check_gradients, sin
    >>> str(check_gradients(sin, [1e15 + 0.5])).splitlines()[0]
    'sin at x = 1000000000000000.5: 1 derivative, none wrong, 1 unresolved'
    """
    if not oracle.available():
        return False
    return (not wrong.direction and _has_right_factors(subject, wrong)) or _is_of_its_formula(subject, wrong)


def _has_right_factors(subject: Subject, wrong: Derivative) -> bool:
    """Whether each factor that the chain rule multiplies is right."""
    position = subject.names.index(wrong.name)
    here = subject.record(subject.moved(position, wrong.at))
    leaf = here.coordinates[position]
    forward = push_forward(here.output, {leaf: 1.0})
    return (
        (same_number(forward, wrong.claimed) or math.isclose(forward, wrong.claimed, rel_tol=_SAME))
        and is_its_graph(subject, here, [position])
        and all(map(_is_exact, depending_on([leaf], here.nodes)))  # no others play a part in this derivative
    )


def _is_exact(node: Value) -> bool:
    """Whether its primitive is the engine's own, and fifty digits confirm its local derivatives.

    At a kink the slopes on both sides must be the same, as at the jumps of `floor` and on the cut of `atan2`.
    """
    return is_own(node) and all(
        _confirmed(node, place, 0.0 if got is None else got)
        for place, (operand, got) in enumerate(zip(node.operands, local_derivatives(node)))
        if not isinstance(operand, Constant)
    )


def _confirmed(node: Value, place: int, got: float) -> bool:
    assert node.primitive is not None  # only results of operations have local derivatives
    if kink_of(node) != 0.0:
        return oracle.confirms(got, oracle.rounded(node.primitive, node.inputs, place))
    slopes = oracle.slopes(node.primitive, node.inputs, place)
    return slopes is not None and all(oracle.confirms(got, slope) for slope in slopes)


def _is_of_its_formula(subject: Subject, wrong: Derivative) -> bool:
    """Whether it lies between the slopes of the function's formula on both sides, in many digits.

    For higher orders the formula is still that of the function: the graph of a gradient has another shape elsewhere if
    a rule branches, as `pow`'s does. And where operands tie, as in ``maximum(x, x)``, only the sum of their derivatives
    is right.
    """
    if not math.isfinite(wrong.claimed):
        return False
    positions = positions_of(subject, wrong)
    numbers = list(subject.numbers) if wrong.direction else subject.moved(positions[0], wrong.at)
    first = wrong.direction or [float(k in positions) for k in range(len(numbers))]
    function = subject.of_order(1)
    here = function.record(numbers)
    if not all(map(is_own, here.nodes)) or not is_its_graph(function, here, positions):
        return False
    largest = max(abs(math.frexp(node.data)[1]) for node in here.nodes if math.isfinite(node.data))
    apart = 60 + largest // 3  # zeros after the point: small beside all numbers
    fixed = [weight(k) for k in range(len(numbers))]
    mp = oracle.context()

    def quotient(side: int, step: Any) -> Any:
        found = mp.mpf(0)
        for sign, *signs in product((1, -1), repeat=subject.order):
            moves = [step * (2 * side + sign) * a + step * sum(signs) * b for a, b in zip(first, fixed)]
            found += sign * math.prod(signs) * _exact_value(here, moves)
        return found / (2 * step) ** subject.order

    with mp.workdps((subject.order + 2) * apart + _DIGITS):
        sides = [[quotient(side, mp.mpf(10) ** -each) for each in (apart, apart + 10)] for side in (-1, 1)]
        settled = all(abs(coarse - fine) <= _SAME * abs(fine) for coarse, fine in sides)
        slopes = [fine for _, fine in sides]
        slack = oracle.AGREEMENT * max(map(abs, slopes))
        return bool(settled and min(slopes) - slack <= wrong.claimed <= max(slopes) + slack)


def _exact_value(here: Recording, moves: Sequence[Any]) -> Any:
    """The value of a graph at moved coordinates, by its primitives' formulas in mpmath's precision.

    It is nan at poles and outside a primitive's domain.
    """
    mp = oracle.context()
    values = {x: mp.mpf(x.data) + move for x, move in zip(here.coordinates, moves)}
    try:
        for node in here.nodes:
            if node not in values:
                inputs = [values[operand] for operand in node.operands]
                values[node] = oracle.value(node.primitive, inputs) if node.primitive else mp.mpf(node.data)
        return mp.mpf(values[here.output])
    except (ZeroDivisionError, OverflowError, TypeError):  # the last one where a number is complex
        return mp.nan


def kinks_between_floats(subject: Subject, found: Derivative) -> list[Value]:
    """The nodes that move and have kinks between neighbouring floats, where differences do not see the slope.

    An empty list if the function is not what its graph says: then differences see what the graph leaves out.

    >>> from engine import check_gradients, floor
    >>> check_gradients(lambda x, y: x * x.detach() + 0 * floor(y), [1.5, 2.0**53]).ok
    False
    """
    here = subject.here
    positions = positions_of(subject, found)
    moving = depending_on([here.coordinates[position] for position in positions], here.nodes)
    finer = [node for node in moving if finer_than_floats(node)]
    return finer if finer and not math.isnan(found.claimed) and is_its_graph(subject, here, positions) else []


def is_own(node: Value) -> bool:
    """Whether the node is a leaf, or its primitive one of the engine's own."""
    primitive = node.primitive
    return primitive is None or primitive is getattr(ops, primitive.name, None)


def positions_of(subject: Subject, by: Derivative) -> Sequence[int]:
    """The positions of the coordinates that a derivative moves."""
    return range(len(subject.names)) if by.direction else [subject.names.index(by.name)]


def is_its_graph(subject: Subject, recording: Recording, positions: Sequence[int], most: int | None = None) -> bool:
    """Whether the recorded graph still gives the function's own numbers when coordinates move by the usual steps.

    With `most`, by that many of the likeliest steps only: within wide ones the function may branch.
    """
    graph = Replay(recording)
    numbers = [leaf.data for leaf in recording.coordinates]
    for moves in zip(*[steps(numbers[position])[:most] for position in positions]):
        for sign in (-1.0, 1.0):
            there = list(numbers)
            for position, move in zip(positions, moves):
                there[position] += sign * move
            if not same_number(subject.value_or_nan(there), graph.value(there)):
                return False
    return True
