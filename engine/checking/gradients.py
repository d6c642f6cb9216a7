"""check_gradients, the function that users call.

If Hypothesis is running, all that a check needs is imported at once: an import in the first example would exceed its
deadline.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from ..modes import always_recorded, called_for
from ..numbers import is_number, shortened
from ..text.elsewhere import explained
from . import oracle
from .foreign.blackbox import check_callable
from .report import Report
from .subject import subject_of
from .whitebox import check_subject

__tracebackhide__ = True  # pytest then shows the user's own lines

if "hypothesis" in sys.modules:
    oracle.warm()


@explained
def check_gradients(
    f: Callable[..., Any],
    point: Any,
    order: int = 1,
    *,
    grad: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    directions: int | None = None,
    noise: float = 0.0,
) -> Report:
    """Compare derivatives with finite differences, whose error is computed.

    >>> import engine, math
    >>> f = lambda w, x: engine.tanh(w * x)
    >>> report = engine.check_gradients(f, [0.5, 2.0], order=2)
    >>> report.ok  # print(report) shows each derivative, with its bound
    True
    >>> engine.check_gradients(math.sin, 1.0, grad=math.sin).ok  # cos is right
    False

    `f` and `point` are what is checked, and where; `order=2` is for second
    derivatives, too. With `grad=` it checks the gradient of any code: NumPy,
    PyTorch, JAX, C. The guide (demos/guide/prove.md) turns that into tests.

    Args:
        f: a function of Values that returns a Value (or a list: then a
            weighted sum is checked), called as ``f(*values)``, or
            ``f(**values)`` if `point` is a mapping; or a module, called with a
            list. Parameters that it reads are checked, too. With `grad` or
            `jvp` any code on floats, lists, NumPy arrays, or tensors.
        point: one number for each input. With `grad` or `jvp`: a float, a
            list, an array of float32 or float64 (NumPy, PyTorch, JAX), or
            dicts, lists and tuples of these, such as a `state_dict`; a tuple of
            several if `f` takes several arguments. Integer arrays inside them
            are no inputs (a Python int is); complex numbers and float16 are
            refused.
        order: check the derivatives of all orders up to this one.

        grad: a function that claims to give the gradient, in the point's shape.
        jvp: a function that claims to compute slopes along directions, as
            forward mode does, alone or with `grad`. It takes the arguments of
            `f` and then, in the same shapes, a direction for each, and gives a
            slope for each number that `f` gives.
        directions: how many random directions to compare along, in place of
            every input: for thousands of inputs. An error in one coordinate
            still shows, above the size that the headline gives; errors in
            several may cancel, with a probability of at most 2**-directions.
        noise: how far a value of `f` may be off, besides rounding.

    Returns:
        A report that is true if nothing is wrong; its text names every input,
        kink and fault. At a kink a claim agrees if it can be a gradient in
        Clarke's sense: along each direction tried, its slope lies between the
        smallest and the largest one near the point. What differences cannot
        decide is unresolved: it counts against the report where they exclude
        it by more than their bound and 1 %.

    Raises:
        TypeError: `f` takes a different number of arguments, or does not
            return a Value.
        ValueError: `f` has no finite value at the point; it or its gradient is
            not deterministic; `order`, `directions` or `noise` is out of range;
            or a derivative is infinite, which hides the others along
            `directions`.

    >>> f = lambda x, y: math.sin(x) * y
    >>> slope = lambda x, y, dx, dy: math.cos(x) * y * dx + math.sin(x) * dy
    >>> bool(engine.check_gradients(f, (0.5, 2.0), jvp=slope))
    True
    >>> kinked = engine.check_gradients(lambda x: 3 * engine.relu(x), [0.0])
    >>> print(kinked.kinks[0])
    kink at the point (taken there: 0), relu(0.0), node ...
    """
    foreign = grad is not None or jvp is not None
    _check_order(order, point, foreign)
    if directions is not None and (type(directions) is not int or directions < 1):
        raise ValueError(f"directions must be a positive number of random directions, got {directions!r}")
    if not isinstance(noise, (int, float)) or not 0 <= noise < math.inf:
        raise ValueError(f"noise, how far a value may be off, must be a number of at least 0, got {noise!r}")
    with called_for("check"), always_recorded():
        if not foreign:
            return check_subject(subject_of(f, point, noise), order, directions or 0)
        return check_callable(f, point, grad, directions or 0, noise, jvp)


def _check_order(order: Any, point: Any, foreign: bool) -> None:
    """Refuse what is not an order, such as another argument in its place."""
    if type(order) is not int or order < 1:
        remedy = ""
        if callable(order) or callable(point):
            remedy = ": name the gradient, check_gradients(f, point, grad=gradient)"
        elif foreign:
            remedy = ": put several arguments of f in a tuple, check_gradients(f, (x, y), grad=gradient)"
        elif is_number(point):
            remedy = ": put the inputs in a list, check_gradients(f, [x, y])"
        raise ValueError(f"order is 1 for the gradient, 2 for second derivatives, ...; got {shortened(order)}{remedy}")
    if foreign and order != 1:
        raise ValueError(f"grad= and jvp= give first derivatives only, so order must be 1, got {order}")
