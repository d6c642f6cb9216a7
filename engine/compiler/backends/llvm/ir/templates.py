"""Native templates of the table as vector code."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from .....primitive import Primitive
from .....template import INTRINSICS, parse, walk
from . import error_function, trigonometry, vectormath
from .builder import Code
from .vector import Vector

_BUILT_IN = frozenset({"fabs", "floor", "ceil", "rint", "sqrt", "copysign"})  # an instruction or two
_VECTOR = {
    **{name: getattr(vectormath, name) for name in ("exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh")},
    **{name: getattr(trigonometry, name) for name in ("sin", "cos")},
    **{name: getattr(error_function, name) for name in ("erf", "erfc")},
}
_COMPARISONS = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
_LOGICAL: dict[str, Callable[..., Vector]] = {"and": operator.and_, "or": operator.or_, "not": operator.invert}
_ARITHMETIC: dict[str, Callable[..., Vector]] = {
    **{"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "neg": operator.neg},
}


ACCURATE: dict[str, Callable[..., Vector]] = {
    "gaussian": lambda code, x: vectormath.exp_of_square(code, x, 1.0),
    "normal_pdf": lambda code, x: vectormath.exp_of_square(code, x, 0.5) * 0.3989422804014327,
    "sigmoid": vectormath.sigmoid,
    "logsigmoid": lambda code, x: -vectormath.softplus(code, -x),
    "softplus": vectormath.softplus,
    "silu": vectormath.silu,
}
"""Primitives whose template, as a formula of intrinsics, would lose digits in the tails, or share less with what else
is computed from x."""


def expand(code: Code, primitive: Primitive, values: dict[str, Vector]) -> Vector:
    """The result of a primitive's template for vectors in place of its operands' names."""
    if primitive.name in ACCURATE:
        return ACCURATE[primitive.name](code, *values.values())
    assert isinstance(primitive.native, str)
    tree = parse(primitive.native, tuple(values))
    return _number(code, walk(tree, values, functools.partial(_apply, code)))


def is_cheap(primitive: Primitive) -> bool:
    """Whether it takes no more than additions and multiplications."""
    return primitive.arity is not None and _operations(primitive) <= {"+", "-", "*", "neg", "number"}


def is_choice(primitive: Primitive) -> bool:
    """Whether it takes no more than a comparison and a selection by it."""
    return primitive.arity is not None and _operations(primitive) <= {*_COMPARISONS, "select", "number"}


def calls(primitive: Primitive) -> bool:
    """Whether it calls a function that takes many operations."""
    return not _operations(primitive).isdisjoint(INTRINSICS.keys() - _BUILT_IN)


@functools.cache
def _operations(primitive: Primitive) -> set[str]:
    """What stands in its template; something unknown if it has none."""
    if not isinstance(primitive.native, str):
        return {"?"}
    found: set[str] = set()
    values = dict.fromkeys(("z", "x") if primitive.arity is None else primitive.operands)
    walk(parse(primitive.native, tuple(values)), values, lambda operation, *parts: found.add(operation))
    return found


def _number(code: Code, value: Any) -> Vector:
    """A mask becomes 1.0 and 0.0, as conditions are numbers between primitives."""
    vector = code.lift(value)
    return code.as_number(vector) if vector.kind == "m" else vector


def _mask(code: Code, value: Any) -> Vector:
    """A number is a condition that holds unless it is 0."""
    vector = code.lift(value)
    return vector if vector.kind == "m" else vector.differs(0.0)


def _apply(code: Code, operation: str, *parts: Any) -> Any:
    """One node of a template."""
    if operation == "number":
        return code.lift(parts[0])
    if operation == "select":
        return code.select(_mask(code, parts[0]), _number(code, parts[1]), _number(code, parts[2]))
    if operation in _LOGICAL:
        return _LOGICAL[operation](*[_mask(code, part) for part in parts])
    operands = [_number(code, part) for part in parts]
    if operation in _COMPARISONS:
        return operands[0].compare(_COMPARISONS[operation], operands[1])
    if operation in _ARITHMETIC:
        return _ARITHMETIC[operation](*operands)
    if operation in _DIVISIONS:
        return _DIVISIONS[operation](code, *operands)
    if operation in _BUILT_IN:
        return code.intrinsic(operation, *operands)
    if operation in _VECTOR:
        return _VECTOR[operation](code, *operands)
    return code.libm(operation, *operands)


def _modulo(code: Code, a: Vector, b: Vector) -> Vector:
    """Python's %: the sign of the divisor; nan for a % 0."""
    rest = code.libm("fmod", a, b)
    other_side = rest.differs(0.0) & ((rest < 0.0) ^ (b < 0.0))
    return code.select(rest.equals(0.0), code.intrinsic("copysign", 0.0, b), code.select(other_side, rest + b, rest))


def _floor_divide(code: Code, a: Vector, b: Vector) -> Vector:
    """Python's //, from the exact remainder; a // 0 as a / 0."""
    rest = code.libm("fmod", a, b)
    whole = (a - rest) / b
    whole = code.select(rest.differs(0.0) & ((rest < 0.0) ^ (b < 0.0)), whole - 1.0, whole)
    down = code.intrinsic("floor", whole)
    near = code.select((whole - down) > 0.5, down + 1.0, down)
    near = code.select(whole.equals(0.0), code.intrinsic("copysign", 0.0, a / b), near)
    return code.select(b.equals(0.0), a / b, near)


_DIVISIONS = {"floordiv": _floor_divide, "mod": _modulo}
