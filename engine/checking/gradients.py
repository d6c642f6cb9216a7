"""Prove a gradient: the one function that users call. What it needs is imported when it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..modes import called_for

if TYPE_CHECKING:
    from .report import Report


def check_gradients(
    f: Callable[..., Any],
    point: Any,
    order: int = 1,
    *,
    grad: Callable[..., Any] | None = None,
) -> Report:
    """Compare derivatives with finite differences of the function's values.

    Args:
        f: a function of Values that returns a Value (or a list: then a weighted sum is checked), called as
            ``f(*values)``, or ``f(**values)`` if `point` is a mapping; or a module, called with a list of Values.
            Parameters that it reads are checked too.
        point: one number for each input. With `grad`: a float, a list or an array, or a tuple of several of them.
        order: check the derivatives of all orders up to this one.
        grad: a function that claims to compute the gradient; then `f` and `grad` may be any code on floats, lists,
            NumPy arrays, or tensors of PyTorch or JAX.

    Returns:
        A report that is true if nothing is wrong; its text names every input, kink and fault.

    Raises:
        TypeError: `f` takes another number of arguments or returns no Value.
        ValueError: the point is outside the domain, `f` is not deterministic, or `order` is no positive integer.

    >>> import engine
    >>> report = check_gradients(lambda x, y: engine.tanh(x) * y, [0.5, 2.0], order=2)
    >>> report.ok, [d.name for d in report.derivatives]
    (True, ['x', 'y', 'x', 'y'])
    >>> print(check_gradients(lambda x: engine.relu(x) * 3, [0.0]).kinks[0])
    kink at the point (taken there: 0), relu(0.0), node 2 of the graph: derivative 0 below and 3 above; checked
    between -6.74349571...e-07 and 6.74349571...e-07
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order is 1 for the gradient, 2 for second derivatives, ...; got {order!r}")
    if grad is not None:
        if order != 1:
            raise ValueError(f"grad= gives first derivatives only, so that order must be 1, got {order}")
        from .blackbox import check_callable

        with called_for("check"):
            return check_callable(f, point, grad)
    from .subject import subject_of
    from .whitebox import check_subject

    with called_for("check"):
        return check_subject(subject_of(f, point), order)
