"""Algebra on the graph, as a table of identities. Each gives the very same float, signed zeros, inf and nan included.

What is tempting but wrong for floats is left out: ``0 * x -> 0`` (inf), ``x - x -> 0`` (inf, nan),
``x + 0 -> x`` (-0.0), ``x / x -> 1`` (0), ``exp(log(x)) -> x`` (rounding). So is ``x ** 0 -> 1``: where the slope of x
is infinite, the chain rule makes nan of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ... import ops
from ...primitive import Primitive
from ..frontend.conditions import CONDITIONS, EITHER, EQUAL, INVERT, NOT_EQUAL

if TYPE_CHECKING:
    from ..frontend.graph import Graph
    from ..frontend.operands import Operands
    from ..frontend.symbol import Symbol


def _is(number: float) -> Callable[[Symbol], bool]:
    """Whether a symbol is that constant, the sign of a zero included."""
    sign = math.copysign(1.0, number)
    return lambda s: s.kind == "constant" and s.value == number and math.copysign(1.0, s.value) == sign


def _of(primitive: Primitive) -> Callable[[Symbol], bool]:
    return lambda s: s.primitive is primitive


def _anything(s: Symbol) -> bool:
    return True


def _condition(s: Symbol) -> bool:
    return s.primitive in CONDITIONS


def _constant(s: Symbol) -> bool:
    return s.kind == "constant"


ONE, MINUS_ONE, ZERO, MINUS_ZERO, TWO = map(_is, (1.0, -1.0, 0.0, -0.0, 2.0))
X = _anything

# The columns are aligned by hand.
# fmt: off
IDENTITIES: list[tuple[str, Primitive, tuple[Callable[..., bool], ...], Callable[..., Any]]] = [
    ("1 * x = x",           ops.mul, (ONE, X),            lambda g, _, x: x),
    ("x * 1 = x",           ops.mul, (X, ONE),            lambda g, x, _: x),
    ("-1 * x = -x",         ops.mul, (MINUS_ONE, X),      lambda g, _, x: g.make(ops.neg, (x,))),
    ("x * -1 = -x",         ops.mul, (X, MINUS_ONE),      lambda g, x, _: g.make(ops.neg, (x,))),
    ("x / 1 = x",           ops.div, (X, ONE),            lambda g, x, _: x),
    ("x / -1 = -x",         ops.div, (X, MINUS_ONE),      lambda g, x, _: g.make(ops.neg, (x,))),
    ("x + -0 = x",          ops.add, (X, MINUS_ZERO),     lambda g, x, _: x),
    ("-0 + x = x",          ops.add, (MINUS_ZERO, X),     lambda g, _, x: x),
    ("x - 0 = x",           ops.sub, (X, ZERO),           lambda g, x, _: x),
    ("-0 - x = -x",         ops.sub, (MINUS_ZERO, X),     lambda g, _, x: g.make(ops.neg, (x,))),
    ("--x = x",             ops.neg, (_of(ops.neg),),     lambda g, x: x.operands[0]),
    ("x + -y = x - y",      ops.add, (X, _of(ops.neg)),   lambda g, x, y: g.make(ops.sub, (x, y.operands[0]))),
    ("-x + y = y - x",      ops.add, (_of(ops.neg), X),   lambda g, x, y: g.make(ops.sub, (y, x.operands[0]))),
    ("x - -y = x + y",      ops.sub, (X, _of(ops.neg)),   lambda g, x, y: g.make(ops.add, (x, y.operands[0]))),
    ("x ** 1 = x",          ops.pow, (X, ONE),            lambda g, x, _: x),
    ("x ** 2 = square(x)",  ops.pow, (X, TWO),            lambda g, x, _: g.make(ops.square, (x,))),
    ("x ** -1 = 1 / x",     ops.pow, (X, MINUS_ONE),      lambda g, x, _: g.make(ops.reciprocal, (x,))),
    ("||x|| = |x|",         ops.abs, (_of(ops.abs),),     lambda g, x: x),
    ("|-x| = |x|",          ops.abs, (_of(ops.neg),),     lambda g, x: g.make(ops.abs, x.operands)),
    ("(-x) ** 2 = x ** 2",  ops.square, (_of(ops.neg),),  lambda g, x: g.make(ops.square, x.operands)),
    ("relu relu x = relu x", ops.relu, (_of(ops.relu),),  lambda g, x: x),
    ("not x != y = (x == y)", INVERT, (_of(NOT_EQUAL),),  lambda g, c: g.make(EQUAL, c.operands)),
    ("not x == y = (x != y)", INVERT, (_of(EQUAL),),      lambda g, c: g.make(NOT_EQUAL, c.operands)),
    ("not not c = c",       INVERT, (_of(INVERT),),       lambda g, c: c.operands[0]),
    ("(x == y) == 0 is x != y", EQUAL, (_of(EQUAL), ZERO), lambda g, c, _: g.make(NOT_EQUAL, c.operands)),
    ("(x != y) == 0 is x == y", EQUAL, (_of(NOT_EQUAL), ZERO), lambda g, c, _: g.make(EQUAL, c.operands)),
    ("c != 0 is c",         NOT_EQUAL, (_condition, ZERO), lambda g, c, _: c),
    ("a known condition",   ops.where, (_constant, X, X), lambda g, c, x, y: x if c.value else y),
]
# fmt: on

_BY_PRIMITIVE: dict[Primitive, list[tuple[list[tuple[int, Callable[..., bool]]], Callable[..., Any]]]] = {}
for _name, _primitive, _pattern, _result in IDENTITIES:
    _tests = [(place, test) for place, test in enumerate(_pattern) if test is not X]
    _BY_PRIMITIVE.setdefault(_primitive, []).append((_tests, _result))

_OF_ONE_ITSELF = frozenset({ops.sum, ops.mean, ops.maximum, ops.minimum})


def simplify(graph: Graph, primitive: Primitive, operands: Operands) -> Symbol | None:
    """What ``primitive(*operands)`` is by an identity; None where there is none."""
    for tests, result in _BY_PRIMITIVE.get(primitive, ()):
        for place, matches in tests:  # in half the time of all()
            if not matches(operands[place]):
                break
        else:
            return result(graph, *operands)
    if primitive in _OF_ONE_ITSELF and len(operands) == 1:
        return operands[0]
    if primitive is ops.where and operands[1] is operands[2]:
        return operands[1]
    if primitive is ops.mul:
        return _opposite(graph, *operands)
    if primitive is EITHER:
        return _either(*operands)
    if primitive is ops.take and operands[0].kind == "constant":
        return operands[1 + int(operands[0].value)]
    return None


def _opposite(graph: Graph, x: Symbol, y: Symbol) -> Symbol | None:
    """``c * x = -(-c * x)`` for a constant c, where the product on the right is known already."""
    c, x = (x, y) if x.kind == "constant" else (y, x)
    known = graph.known(ops.mul, (graph.constant(-c.value), x)) if c.kind == "constant" else None
    return None if known is None else graph.make(ops.neg, (known,))


def _either(x: Symbol, y: Symbol) -> Symbol | None:
    """``c or c = c``, and ``(c or d) or d = c or d``."""
    for one, other in ((x, y), (y, x)):
        if one.primitive in CONDITIONS and (
            one is other or (one.primitive is EITHER and any(other is operand for operand in one.operands))
        ):
            return one
    return None
