"""Random expressions over the whole table, for property tests: a recipe that can be built on any operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from engine import PRIMITIVES, Primitive

Recipe = list[tuple[str, list[int]]]

# Operations on all reals that keep numbers small enough for finite differences.
TAME = [
    "add", "sub", "mul", "neg", "tanh", "sin", "cos", "atan", "sigmoid", "softplus", "erf", "asinh", "gaussian",
    "silu", "gelu", "logsigmoid", "sum", "mean", "dot", "logsumexp", "hypot", "normal_cdf",
]  # fmt: skip  # names, read as one list


@st.composite
def recipes(draw: st.DrawFn, names: list[str] | None = None, leaves: int = 3, most: int = 12) -> Recipe:
    """Steps (primitive, indices of operands among the leaves and earlier results); operands repeat and are shared."""
    steps: Recipe = []
    for k in range(draw(st.integers(1, most))):
        primitive = PRIMITIVES[draw(st.sampled_from(names or TAME))]
        count = primitive.arity or 2 * draw(st.integers(1, 2))
        steps.append((primitive.name, [draw(st.integers(0, leaves + k - 1)) for _ in range(count)]))
    return steps


def build(recipe: Recipe, leaves: list[Any], apply: Callable[[Primitive, list[Any]], Any] | None = None) -> Any:
    """The last result; by default by calling the primitives."""
    nodes = list(leaves)
    for name, indices in recipe:
        operands = [nodes[i] for i in indices]
        nodes.append((apply or call)(PRIMITIVES[name], operands))
    return nodes[-1]


def call(primitive: Primitive, operands: list[Any]) -> Any:
    if primitive.name == "dot":
        return primitive(operands[: len(operands) // 2], operands[len(operands) // 2 :])
    return primitive(operands) if primitive.arity is None else primitive(*operands)


def floats() -> st.SearchStrategy[float]:
    return st.floats(-2.0, 2.0).map(lambda x: x if abs(x) > 1e-3 else math.copysign(1e-3, x))
