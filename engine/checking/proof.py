"""Proof where differences cannot judge: factors known to fifty digits, or the whole formula by differences of more.

Between two steps a function may turn a thousand times, as sin does at 1e15, or its values may vanish, as products of
tiny numbers do: then differences of every step contradict a right gradient. But if the function is what its graph
says, and each primitive's local derivative is right (at a kink: the same on both sides), the chain rule leaves no
other; and the graph's formula in hundreds of digits has room for steps below everything that hides its slope.
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
_DIGITS = 400  # of whole graphs; a third of them goes to the step, which is far below the distance of kinks


def proven(subject: Subject, wrong: Derivative) -> bool:
    """Whether a derivative that differences contradict is right all the same.

    By one input, it is if every factor of the chain rule is; also along a direction, it is if the function's own
    formula has it, or has slopes on both sides that it lies between. This is never known for a user's primitives, whose
    formulas are no better than their rules, nor without mpmath.

    >>> from engine import check_gradients, sin
    >>> str(check_gradients(sin, [1e15 + 0.5])).splitlines()[0]
    'sin at x = 1000000000000000.5: 1 derivative, none wrong, 1 unresolved'
    """
    if not oracle.available():
        return False
    return (not wrong.direction and _has_right_factors(subject, wrong)) or _is_of_its_formula(subject, wrong)


def _has_right_factors(subject: Subject, wrong: Derivative) -> bool:
    """Whether each factor that the chain rule multiplies for it is right."""
    position = subject.names.index(wrong.name)
    here = subject.record(subject.moved(position, wrong.at))
    leaf = here.coordinates[position]
    forward = push_forward(here.output, {leaf: 1.0})
    return (
        (same_number(forward, wrong.claimed) or math.isclose(forward, wrong.claimed, rel_tol=_SAME))
        and is_its_graph(subject, here, [position])
        and all(map(_is_exact, depending_on([leaf], here.nodes)))  # others play no part in its derivative
    )


def _is_exact(node: Value) -> bool:
    """Whether the local derivatives are confirmed by fifty digits, of one of the engine's own primitives.

    At a kink the slopes on both sides must be the same, as at the jumps of `floor` and on the cut of `atan2`.
    """
    if not is_own(node):
        return False
    found = enumerate(zip(node.operands, local_derivatives(node)))
    wanted = [(place, 0.0 if got is None else got) for place, (x, got) in found if not isinstance(x, Constant)]
    return all(_confirmed(node, place, got) for place, got in wanted)


def _confirmed(node: Value, place: int, got: float) -> bool:
    assert node.primitive is not None  # only results of operations have local derivatives
    if kink_of(node) != 0.0:
        return oracle.confirms(got, oracle.rounded(node.primitive, node.inputs, place))
    slopes = oracle.slopes(node.primitive, node.inputs, place)
    return slopes is not None and all(oracle.confirms(got, slope) for slope in slopes)


def _is_of_its_formula(subject: Subject, wrong: Derivative) -> bool:
    """Whether it lies between the derivatives of the function's own formula on both sides, by many digits.

    The graph of a gradient is not a formula: where rules branch, as `pow`'s does, it differs elsewhere. And where
    operands are tied, as in ``maximum(x, x)``, only their sum is right.
    """
    if not math.isfinite(wrong.claimed):
        return False
    positions = moved(subject, wrong)
    numbers = list(subject.numbers) if wrong.direction else subject.moved(positions[0], wrong.at)
    first = wrong.direction or [float(k in positions) for k in range(len(numbers))]
    function = subject.of_order(1)
    here = function.record(numbers)
    if not all(map(is_own, here.nodes)) or not is_its_graph(function, here, positions):
        return False
    largest = max(abs(math.frexp(node.data)[1]) for node in here.nodes if math.isfinite(node.data))
    apart = 60 + largest // 3  # zeros after the point: small beside all numbers
    fixed = [weight(k) for k in range(len(numbers))]
    own = oracle.context()

    def quotient(side: int, step: Any) -> Any:
        found = own.mpf(0)
        for sign, *signs in product((1, -1), repeat=subject.order):
            moves = [step * (2 * side + sign) * a + step * sum(signs) * b for a, b in zip(first, fixed)]
            found += sign * math.prod(signs) * _exact_value(here, moves)
        return found / (2 * step) ** subject.order

    with own.workdps((subject.order + 2) * apart + _DIGITS):
        sides = [[quotient(side, own.mpf(10) ** -each) for each in (apart, apart + 10)] for side in (-1, 1)]
        settled = all(abs(coarse - fine) <= _SAME * abs(fine) for coarse, fine in sides)
        slopes = [fine for _, fine in sides]
        slack = oracle.AGREEMENT * max(map(abs, slopes))
        return bool(settled and min(slopes) - slack <= wrong.claimed <= max(slopes) + slack)


def _exact_value(here: Recording, moves: Sequence[Any]) -> Any:
    """The value of a graph at moved coordinates, by the formulas of its primitives in mpmath's precision.

    It is nan at poles, and outside of the domain of a primitive.
    """
    own = oracle.context()
    values = {x: own.mpf(x.data) + move for x, move in zip(here.coordinates, moves)}
    try:
        for node in here.nodes:
            if node not in values:
                inputs = [values[operand] for operand in node.operands]
                values[node] = oracle.value(node.primitive, inputs) if node.primitive else own.mpf(node.data)
        return own.mpf(values[here.output])
    except (ZeroDivisionError, OverflowError, TypeError):  # the last one where a number is complex
        return own.nan


def kinks_between_floats(subject: Subject, found: Derivative) -> list[Value]:
    """The nodes that move and have kinks between neighbouring floats, where differences know nothing of the slope.

    None if the function is not what its graph says: then differences tell what the graph leaves out.

    >>> from engine import check_gradients, floor
    >>> check_gradients(lambda x, y: x * x.detach() + 0 * floor(y), [1.5, 2.0**53]).ok
    False
    """
    here = subject.here
    positions = moved(subject, found)
    moving = depending_on([here.coordinates[position] for position in positions], here.nodes)
    finer = [node for node in moving if finer_than_floats(node)]
    return finer if finer and not math.isnan(found.claimed) and is_its_graph(subject, here, positions) else []


def is_own(node: Value) -> bool:
    """Whether its primitive is one of the engine's own, or it is a leaf."""
    primitive = node.primitive
    return primitive is None or primitive is getattr(ops, primitive.name, None)


def moved(subject: Subject, by: Derivative) -> Sequence[int]:
    """The positions of the coordinates by which a derivative is taken."""
    return range(len(subject.names)) if by.direction else [subject.names.index(by.name)]


def is_its_graph(subject: Subject, recording: Recording, positions: Sequence[int], most: int | None = None) -> bool:
    """Whether the recorded graph still gives the function's own numbers when coordinates move by the usual steps.

    Or by the likeliest of them, as many as `most`: within the wide ones the function may branch.
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
