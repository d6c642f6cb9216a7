"""What differences cannot judge and the graph can: a derivative with every factor known to fifty digits.

Between two steps a function may turn a thousand times, as sin does at 1e15, or its values may vanish, as products of
tiny numbers do: then differences of all steps speak against a right gradient. But where the function is what its graph
says, and each primitive's local derivative is right and away from kinks, the chain rule leaves no other.
"""

from __future__ import annotations

import math

from .. import ops
from ..backprop import local_derivatives
from ..functional import _push
from ..value import Constant, Value
from . import oracle
from .estimates.differences import steps
from .kinks import at_kink
from .replay import Replay
from .report import Derivative
from .subject import Recording, Subject

_SAME = 1e-9  # both modes multiply the same factors, in opposite order


def proven(subject: Subject, wrong: Derivative) -> bool:
    """Whether a derivative that differences speak against is right all the same.

    Of primitives that a user declared this is never known, as their formulas are no better than their rules; nor
    without mpmath, nor of a slope along a direction.

    >>> from engine import check_gradients, sin
    >>> str(check_gradients(sin, [1e15 + 0.5])).splitlines()[0]
    'sin at x = 1000000000000000.5: 1 derivative, none wrong, 1 unresolved'
    """
    if wrong.name not in subject.names or not oracle.available():
        return False
    position = subject.names.index(wrong.name)
    recording = subject.record(subject.moved(position, wrong.at))
    forward = _push(recording.output, {recording.coordinates[position]: 1.0})
    return (
        (forward == wrong.claimed or math.isclose(forward, wrong.claimed, rel_tol=_SAME))
        and not at_kink(recording.nodes)
        and all(map(_is_exact, recording.nodes))
        and _is_its_graph(subject, position, recording)
    )


def _is_exact(node: Value) -> bool:
    """Whether the local derivatives of one of the engine's own primitives are those of fifty digits."""
    primitive = node.primitive
    if primitive is None:
        return True
    own: object = getattr(ops, primitive.name, None)
    if primitive is not own:
        return False
    found = enumerate(zip(node.operands, local_derivatives(node)))
    wanted = [(place, 0.0 if got is None else got) for place, (x, got) in found if not isinstance(x, Constant)]
    return all(oracle.confirms(got, oracle.rounded(primitive, node.inputs, place)) for place, got in wanted)


def _is_its_graph(subject: Subject, position: int, recording: Recording) -> bool:
    """Whether the recorded graph gives the function's own numbers wherever differences look."""
    own, graph = subject.line(position), Replay(recording)
    numbers = [leaf.data for leaf in recording.coordinates]
    x = numbers[position]
    for step in steps(x):
        for there in (x - step, x + step):
            numbers[position] = there
            found, again = own(there), graph.value(numbers)
            if found != again and not (math.isnan(found) and math.isnan(again)):
                return False
    return True
