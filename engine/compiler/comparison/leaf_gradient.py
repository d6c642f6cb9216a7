"""The eager gradient of a network's leaves: the engine's sweep, in which the weights of a neuron are one array.

`engine.grad` makes an entry in a dict for each leaf, and objects for its number: for a million weights that takes most
of a second, and as much memory as the network. But what a dot adds to a row of leaves is its adjoint times the other
factors: one line of NumPy, with the same multiplication and the same addition for every single weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, filterfalse
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ... import ops
from ...backprop import grad
from ...pullbacks import UNREACHED, pullbacks
from ...value import MANY, Value
from ..values.places import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

_primitive = attrgetter("_primitive")


def leaf_gradient(result: Value, leaves: Sequence[Value]) -> NDArray[Any]:
    """``grad(result, leaves)`` as an array.

    The numbers are the same to the last bit, except for a leaf that stands both in a row and by itself: its terms are
    added in another order.

    Args:
        result: what to differentiate.
        leaves: distinct leaves; fastest in the order in which the function reads them.

    Raises:
        TypeError, ValueError: as `grad`.

    >>> from engine.operators import affine
    >>> w, x = [Value(2.0), Value(3.0)], [Value(10.0), Value(20.0)]
    >>> (y,) = affine([w], x, [None])
    >>> leaf_gradient(y * y, [*w, x[0]]).tolist()
    [1600.0, 3200.0, 320.0]
    """
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            return _swept(result, leaves)
    except (ArithmeticError, TypeError):  # from a rule: the engine knows what to do, and what to say
        return np.array(grad(result, leaves))


class _Adjoints(dict[Value, float]):
    """Adjoints of results, and of leaves that are read by themselves, as they are reached."""

    def __missing__(self, node: Value) -> float:
        return UNREACHED


def _swept(result: Value, leaves: Sequence[Value]) -> NDArray[Any]:
    """The gradient by a sweep of its own; see `engine.backprop.sweep`.

    Raises:
        ArithmeticError, TypeError: a rule raises one, or returns something that is not a float.
    """
    import numpy as np

    order = _Order(result, leaves)
    gradient: NDArray[Any] = np.full(len(leaves), UNREACHED)
    adjoints = _Adjoints({result: 1.0})
    for node in reversed(order.results):
        upstream, start = adjoints[node], order.rows.get(node)
        if upstream is UNREACHED:
            continue
        if start is None:
            pullbacks[node._primitive](adjoints, upstream, node)  # type: ignore[index]  # a result has one
            continue
        n = len(node._x) // 2
        gradient[start : start + n] += upstream * np.array(node._x[n : 2 * n])
        _pass_on(adjoints, upstream, node, n)
    if {*map(type, adjoints.values())} != {float}:
        raise TypeError
    for leaf, place in order.single.items():
        if place is not None:
            gradient[place] += adjoints[leaf]
    gradient += 0.0  # an entry that was not reached is -0.0
    return gradient


def _pass_on(adjoints: _Adjoints, upstream: float, node: Value, n: int) -> None:
    """Add what the dot of a row of leaves contributes to its other factors and its bias."""
    others, weights = node._a[n:], node._x
    if not upstream and isfinite(node._z):
        for operand in others:
            if adjoints[operand] is UNREACHED:
                adjoints[operand] = 0.0
        return
    if not node._y:  # the other factors are not constants
        for x, w in zip(others[:n], weights):
            adjoints[x] += upstream * w
    if len(others) > n:
        adjoints[others[-1]] += upstream


class _Order:
    """A recorded graph without the leaves that are most of it.

    Attributes:
        results: operands first, in the order of the engine.
        rows: for the dot of a row of leaves, where the row begins among all leaves.
        single: the leaves that are read by themselves, and their places, if they are among all leaves.
    """

    def __init__(self, root: Value, leaves: Sequence[Value]) -> None:
        self.results: dict[Value, None] = {}
        self.rows: dict[Value, int] = {}
        self.single: dict[Value, int | None] = {}
        self._places = Places(leaves)
        self._note_single([root])
        stack: list[Any] = [*compress([root], [root._primitive])]
        while stack:
            node = stack.pop()
            if node is None:  # all operands of the node below are done
                node = stack.pop()
                self.results[node] = None
                self._note_leaves(node)
            elif node not in self.results:
                operands = _operands(node)
                below = compress(operands, map(_primitive, operands))
                stack += (node, None, *reversed([*filterfalse(self.results.__contains__, below)]))

    def _note_leaves(self, node: Value) -> None:
        """Note the leaves that a result reads, in the order in which the function has read them."""
        operands = _operands(node)
        if node._primitive is ops.dot:
            n = len(node._x) // 2
            start = self._places.of_row(operands[:n])
            if start is not None:
                self.rows[node] = start
                operands = operands[n:]
        self._note_single(operands)

    def _note_single(self, operands: Sequence[Value]) -> None:
        for leaf in [operand for operand in operands if operand._primitive is None]:
            if leaf not in self.single:
                self.single[leaf] = self._places.of(leaf)


def _operands(node: Value) -> Sequence[Value]:
    """The operands, except numbers, and the second half of a dot's if these are constants."""
    if node._b is not MANY:
        return [operand for operand in (node._a, node._b) if isinstance(operand, Value)]
    n = len(node._x) // 2
    return (*node._a[:n], *node._a[2 * n :]) if node._y else node._a
