"""Property-test your own gradients in five minutes.

Install Hypothesis with ``pip install hypothesis``. `assert_gradients` works in any test; it needs no plugin.

1. A primitive of your own, over the domain that it declares and inside larger graphs, up to second order::

    import math
    from hypothesis import given
    import engine
    from engine.strategies import expressions, points
    from engine.testing import assert_gradients

    def slope(z, x):  # z is the result
        return engine.square(1 / engine.cosh(x / 3)) / 3

    softclip = engine.declare(
        "softclip", lambda x: math.tanh(x / 3), [slope], formula="tanh(x / 3)")

    @given(points(softclip))
    def test_softclip(point):
        assert_gradients(softclip, point, order=2)

    @given(expressions([softclip, "add", "mul", "exp"]))
    def test_softclip_in_graphs(expression):
        assert_gradients(expression, expression.point)

   Any function of Values can be checked like this; parameters that it reads are checked too:

>>> import engine
>>> from engine.testing import assert_gradients
>>> assert_gradients(lambda x, y: engine.tanh(x / 3) * y, [0.7, 2.0], order=2).ok
True

2. Plain NumPy, with a gradient written by hand:

>>> def loss(w):
...     return float((w ** 3).sum())
>>> import numpy
>>> assert_gradients(loss, numpy.array([1.0, -2.0]), grad=lambda w: 3 * w ** 2).ok
True

3. PyTorch (JAX likewise, with ``jax.grad``)::

    def loss(w):
        return torch.tanh(w).square().sum()

    def gradient(w):
        w = w.detach().requires_grad_()
        return torch.autograd.grad(loss(w), w)

    assert_gradients(loss, torch.randn(4, dtype=torch.float64), grad=gradient)

Hypothesis allows an example 200 ms; where kinks or slopes of 0 take longer, write ``@settings(deadline=None)``. To
explain a failure it takes half a minute, and finds lines of the check;
``@settings(phases=set(Phase) - {Phase.explain})`` leaves that out.

``assert check_gradients(...)`` works too (pytest then shows both ends of the report, or with ``-vv`` all of it).
`assert_gradients` takes ``directions=3`` for thousands of parameters, ``noise=1e-9`` for functions that are not exact,
and ``strict=True`` to fail on what differences cannot decide.

A failure names the input, the primitive and the numbers, with code to paste:

>>> from dataclasses import replace
>>> slope = lambda z, x: 1.001 * engine.cos(x)
>>> wrong = replace(engine.sin, name="wrong", local_derivatives=[slope])
>>> assert_gradients(lambda x: 2 * wrong(x), [1.0])
Traceback (most recent call last):
AssertionError: f at x = 1.0: 1 of 1 derivative WRONG
  differs    by x: 1.08168..., differences give 1.08060... +- ..., relative error 0.001
  second opinion, without a step: Taylor's remainder shrinks like t**0.9..., as for a ...
  culprit: wrong, node 3 of the graph: its local derivative ... is 0.5408...,
    and 50 digits of sin(x) give 0.5403023058681398: relative error 0.001
  to reproduce:
    from engine import Value, grad, lookup
    wrong = lookup('wrong')
    x = Value(1.0)
    print(grad(wrong(x), x), 'should be', 0.5403023058681398)
  point: [1.0]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .checking import oracle
from .checking.gradients import check_gradients
from .checking.report import Report
from .numbers import true_or_false
from .text.elsewhere import explained

__all__ = ["assert_gradients"]


__tracebackhide__ = True  # pytest then shows the line of the test
oracle.warm()  # so that no import makes an example of Hypothesis exceed its deadline


@explained
def assert_gradients(
    f: Callable[..., Any],
    point: Any,
    order: int = 1,
    *,
    grad: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    directions: int | None = None,
    noise: float = 0.0,
    strict: bool = False,
) -> Report:
    """Fail a test, with the whole report as its message, if a derivative is wrong.

    Args:
        f: as for `engine.check_gradients`.
        point: as for `engine.check_gradients`.
        order: the highest order of derivatives to check.
        grad: the gradient under test, if `f` is not a function of Values.
        jvp: the slopes along directions under test, alone or with `grad`.
        directions: check only along that many random directions.
        noise: how far a value of `f` may be off, besides rounding.
        strict: fail on derivatives that are unresolved, too.

    Returns:
        The report of a check that found nothing wrong.

    Raises:
        AssertionError: a derivative differs, or is excluded by the differences; if `strict`, one is unresolved.
        TypeError, ValueError: as `engine.check_gradients`; or `strict` is neither True nor False.

    >>> len(assert_gradients(lambda x, y: x * y, [2.0, 3.0], strict=True).derivatives)
    2
    """
    true_or_false("strict=", strict)
    report = check_gradients(f, point, order, grad=grad, jvp=jvp, directions=directions, noise=noise)
    if not report or (strict and report.unresolved):
        raise AssertionError(str(report))
    return report
