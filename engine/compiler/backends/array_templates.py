"""Native templates as functions of NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from ...primitive import Primitive
from ...template import parse, walk
from ..errors import Unsupported

Array = Any  # np.ndarray

_RENAMED = {
    **{"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "neg": "negative", "select": "where"},
    **{"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "not_equal"},
    **{"and": "logical_and", "or": "logical_or", "not": "logical_not", "pow": "power", "atan2": "arctan2"},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{"floordiv": "floor_divide"},
}


def _elementwise(function: Callable[[float], float]) -> Callable[[Array], Array]:
    slow: Callable[[Array], Array] = np.frompyfunc(function, 1, 1)
    return lambda x: slow(x).astype(np.result_type(x))


_LOGICAL, _COMPARISONS = {"and", "or", "not"}, {"<", "<=", ">", ">=", "==", "!="}


class _Condition(str):
    """The text of an expression that gives an array of bools."""

    __slots__ = ()


def _number(text: str) -> str:
    """A condition as a number, which it is in a template: NumPy's sum of bools would be an `or`."""
    return f"where({text}, 1.0, 0.0)" if isinstance(text, _Condition) else text


_NAMES = {"erf": _elementwise(math.erf), "erfc": _elementwise(math.erfc), "inf": np.inf, "nan": np.nan}


@lru_cache(maxsize=1024)
def translate(text: str, names: tuple[str, ...]) -> Callable[..., None]:
    """A template as a function ``f(out, *operands)`` of arrays.

    >>> out = np.zeros(2)
    >>> translate("0 if x <= 0 else x", ("x",))(out, np.array([-1.0, 2.0]))
    >>> out
    array([0., 2.])
    """

    def call(op: str, *parts: Any) -> str:
        if op == "number":
            return repr(parts[0])
        of_conditions = len(parts) if op in _LOGICAL else int(op == "select")
        written = ", ".join([*parts[:of_conditions], *map(_number, parts[of_conditions:])])
        kind = _Condition if op in _LOGICAL or op in _COMPARISONS else str
        return kind(f"{_RENAMED.get(op, op)}({written})")

    source = walk(parse(text, names), {name: f"_{name}" for name in names}, call)
    whole = source.partition("(")[0]
    is_ufunc = isinstance(getattr(np, whole, None), np.ufunc)
    body = f"{source[:-1]}, out=out)" if is_ufunc else f"copyto(out, {source})"
    function: Callable[..., None] = eval(
        f"lambda out, {', '.join(f'_{name}' for name in names)}: {body}", {**vars(np), **_NAMES}
    )
    return function


def apply(primitive: Primitive) -> Callable[..., Array]:
    """A primitive as a function of arrays and floats.

    Raises:
        Unsupported: it has no template.
    """
    if not isinstance(primitive.native, str):
        raise Unsupported(f"the primitive {primitive.name} has no native template")
    names = ("z", "x") if primitive.arity is None else primitive.operands
    function = translate(primitive.native, names)

    def on_two(*operands: Any) -> Array:
        out = np.empty(np.broadcast_shapes(*map(np.shape, operands)), np.result_type(*operands))
        function(out, *operands)
        return out

    def fold(first: Any, *others: Any) -> Any:
        return reduce(on_two, others, first)

    return fold if primitive.arity is None else on_two
