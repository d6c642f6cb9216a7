"""Claims about gradients, right and wrong, where checkers go astray: kinks, jumps, cusps, edges of domains, noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

F = Callable[..., Any]
INF, NAN = math.inf, math.nan


@dataclass(frozen=True)
class Claim:
    """A function of a list of floats, a point, and what somebody claims its gradient to be there.

    Attributes:
        what: in words.
        f: the function.
        point: where.
        gradient: the claim at the point; beside it `grad` gives the right gradient, where that matters.
        right: whether the claim can be a (Clarke) gradient.
        beside: the right gradient at other points.
    """

    what: str
    f: F
    point: list[float]
    gradient: list[float]
    right: bool
    beside: F | None = None

    def grad(self, x: list[float]) -> list[float]:
        if self.beside is None or list(x) == self.point:
            return self.gradient
        return list(self.beside(x))

    def __str__(self) -> str:
        return f"{self.gradient} for {self.what} at {self.point}"


def relu(x: float) -> float:
    return x if x > 0 else 0.0


def step(x: float) -> float:
    return 1.0 if x > 0 else 0.0


def clip(x: float) -> float:
    return min(max(x, -1.0), 1.0)


def sign(x: float) -> float:
    return (x > 0) - (x < 0) + 0.0


def row(what: str, f: F, point: list[float], beside: F | None, right: list[Any], wrong: list[Any]) -> list[Claim]:
    """One row of the table: all its claims; a number stands for a gradient of one number."""
    return [
        Claim(what, f, point, claim if isinstance(claim, list) else [claim], is_right, beside)
        for claims, is_right in ((right, True), (wrong, False))
        for claim in claims
    ]


def _norm(x: list[float]) -> float:
    return math.hypot(*x)


def _unit(x: list[float]) -> list[float]:
    return [each / math.hypot(*x) for each in x]


def _power(x: float, p: float) -> float:
    return x**p if x >= 0 else NAN


KINKS: list[Claim] = [
    *row(
        "|x|",
        lambda x: abs(x[0]),
        [0.0],
        lambda x: [sign(x[0])],
        [0.0, 1.0, -1.0, 0.5],
        [100.0, 1.01, -2.0, NAN, INF, -INF],
    ),
    *row("relu(x)", lambda x: relu(x[0]), [0.0], lambda x: [step(x[0])], [0.0, 1.0, 0.5], [-0.01, 1.01, 5.0, NAN]),
    *row("relu(x) - relu(-x)", lambda x: relu(x[0]) - relu(-x[0]), [0.0], lambda x: [1.0], [1.0], [0.0, 0.5, 2.0, NAN]),
    *row(
        "|x - 3| + x^2",
        lambda x: abs(x[0] - 3) + x[0] ** 2,
        [3.0],
        lambda x: [sign(x[0] - 3) + 2 * x[0]],
        [6.0, 5.0, 7.0],
        [0.0, 4.9, 7.1, 1.0, NAN],
    ),
    *row("1e6 |x|", lambda x: 1e6 * abs(x[0]), [0.0], lambda x: [1e6 * sign(x[0])], [0.0, 1e6], [1.1e6, -2e6, NAN]),
    *row("1e-6 |x|", lambda x: 1e-6 * abs(x[0]), [0.0], lambda x: [1e-6 * sign(x[0])], [0.0, 1e-6], [1.1e-6, 1.0, NAN]),
    *row("|x - 1e6|", lambda x: abs(x[0] - 1e6), [1e6], lambda x: [sign(x[0] - 1e6)], [0.0, 1.0], [1.5, -3.0, NAN]),
    *row("|x| + 1e3", lambda x: abs(x[0]) + 1e3, [0.0], lambda x: [sign(x[0])], [0.0, -1.0], [1.5, NAN]),
    *row(
        "max(x, 3x)",
        lambda x: max(x[0], 3 * x[0]),
        [0.0],
        lambda x: [1.0 if x[0] < 0 else 3.0],
        [1.0, 2.0, 3.0],
        [0.0, 0.9, 3.1, NAN],
    ),
    *row(
        "|sin(x)|",
        lambda x: abs(math.sin(x[0])),
        [0.0],
        lambda x: [sign(x[0]) * math.cos(x[0])],
        [0.0, 1.0],
        [1.2, NAN],
    ),
    *row(
        "|x|^1.5",
        lambda x: abs(x[0]) ** 1.5,
        [0.0],
        lambda x: [1.5 * sign(x[0]) * abs(x[0]) ** 0.5],
        [0.0],
        [1.0, 0.1, NAN],
    ),
    *row("x |x|", lambda x: x[0] * abs(x[0]), [0.0], lambda x: [2 * abs(x[0])], [0.0], [1.0, -0.1, NAN]),
    *row("relu(x)^2", lambda x: relu(x[0]) ** 2, [0.0], lambda x: [2 * relu(x[0])], [0.0], [1.0, NAN]),
    *row(
        "Huber",
        lambda x: x[0] ** 2 / 2 if abs(x[0]) < 1 else abs(x[0]) - 0.5,
        [1.0],
        lambda x: [max(-1.0, min(1.0, x[0]))],
        [1.0],
        [0.9, 0.0, NAN],
    ),
    # two inputs
    *row(
        "|x - y|",
        lambda x: abs(x[0] - x[1]),
        [0.0, 0.0],
        lambda x: [sign(x[0] - x[1]), -sign(x[0] - x[1])],
        [[0.0, 0.0], [1.0, -1.0], [-0.5, 0.5]],
        [[1.0, 1.0], [1.0, 0.0], [NAN, 0.0], [5.0, -5.0]],
    ),
    *row(
        "relu(x) - relu(y)",
        lambda x: relu(x[0]) - relu(x[1]),
        [0.0, 0.0],
        lambda x: [step(x[0]), -step(x[1])],
        [[0.0, 0.0], [1.0, -1.0], [1.0, 0.0]],
        [[3.0, 0.0], [0.0, NAN], [0.0, 2.0]],
    ),
    *row(
        "relu(x + y) - relu(x - y)",
        lambda x: relu(x[0] + x[1]) - relu(x[0] - x[1]),
        [0.0, 0.0],
        lambda x: [step(x[0] + x[1]) - step(x[0] - x[1]), step(x[0] + x[1]) + step(x[0] - x[1])],
        [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 2.0]],
        [[NAN, NAN], [9.0, 0.0], [0.0, -9.0]],
    ),
    *row(
        "norm",
        _norm,
        [0.0, 0.0],
        _unit,
        [[0.0, 0.0], [1.0, 0.0], [0.6, 0.8]],
        [[NAN, NAN], [4.0, 0.0], [0.0, INF], [2.0, 0.0], [1.0, 1.0]],
    ),
    *row(
        "norm of three",
        _norm,
        [0.0, 0.0, 0.0],
        _unit,
        [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        [[NAN, NAN, NAN], [0.0, 4.0, 0.0]],
    ),
    *row(
        "max(x, y)",
        lambda x: max(x),
        [1.0, 1.0],
        lambda x: [step(x[0] - x[1]), 1 - step(x[0] - x[1])],
        [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]],
        [[1.0, 1.0], [0.0, 0.0], [NAN, 0.0], [2.0, -1.0]],
    ),
    *row(
        "max(x, y, z)",
        lambda x: max(x),
        [2.0, 2.0, 2.0],
        lambda x: [float(x[k] == max(x)) for k in range(3)],
        [[1 / 3] * 3, [1.0, 0.0, 0.0]],
        [[1.0, 1.0, 1.0], [0.0] * 3],
    ),
    *row(
        "|x| + |y|",
        lambda x: abs(x[0]) + abs(x[1]),
        [0.0, 1.0],
        lambda x: [sign(x[0]), sign(x[1])],
        [[0.0, 1.0], [1.0, 1.0]],
        [[0.0, 0.99], [5.0, 1.0], [0.0, -1.0]],
    ),
    *row(
        "|x| y",
        lambda x: abs(x[0]) * x[1],
        [0.0, 0.0],
        lambda x: [sign(x[0]) * x[1], abs(x[0])],
        [[0.0, 0.0]],
        [[1.0, 0.0], [0.0, 1.0]],
    ),
    # slopes along (1, 1) that are the same on both sides of the point
    *row(
        "clip(x) + clip(y)",
        lambda x: clip(x[0]) + clip(x[1]),
        [1.0, -1.0],
        lambda x: [float(abs(x[0]) < 1), float(abs(x[1]) < 1)],
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.25]],
        [[2.0, 0.0], [-0.2, 0.0], [0.0, 1.1], [0.0, NAN]],
    ),
    *row(
        "relu(x)/2 - relu(10 - y)/2 + 100",
        lambda x: relu(x[0]) / 2 - relu(10 - x[1]) / 2 + 100,
        [0.0, 10.0],
        lambda x: [step(x[0]) / 2, step(10 - x[1]) / 2],
        [[0.25, 0.0], [0.0, 0.0], [0.5, 0.5]],
        [[0.25, 0.6], [-0.5, 0.0]],
    ),
    *row(
        "relu(x - 3) + |y|",
        lambda x: relu(x[0] - 3) + abs(x[1]),
        [3.0, 0.0],
        lambda x: [step(x[0] - 3), sign(x[1])],
        [[0.0, 0.0], [1.0, -1.0]],
        [[-1.0, 0.0], [2.0, 0.5], [1.1, 0.0]],
    ),
]

JUMPS: list[Claim] = [
    *row("floor(x)", lambda x: math.floor(x[0]) + 0.0, [2.0], lambda x: [0.0], [0.0], [1.0, NAN, INF, -3.0]),
    *row(
        "floor(x) x",
        lambda x: math.floor(x[0]) * x[0],
        [2.0],
        lambda x: [math.floor(x[0]) + 0.0],
        [2.0, 1.0, 1.5],
        [0.0, 3.0, NAN],
    ),
    *row("x + [x > 1]", lambda x: x[0] + (x[0] > 1), [1.0], lambda x: [1.0], [1.0], [0.0, 2.0, INF, NAN]),
    *row("x % 2", lambda x: x[0] % 2, [4.0], lambda x: [1.0], [1.0], [0.0, -1.0, INF, NAN]),
    *row(
        "[x > y]",
        lambda x: float(x[0] > x[1]),
        [1.0, 1.0],
        lambda x: [0.0, 0.0],
        [[0.0, 0.0]],
        [[1.0, -1.0], [NAN, 0.0]],
    ),
]

EDGES: list[Claim] = [
    *row("sqrt(x)", lambda x: math.sqrt(x[0]), [0.0], lambda x: [0.5 / math.sqrt(x[0])], [INF], [0.0, -INF, NAN, 1e6]),
    *row("-sqrt(x)", lambda x: -math.sqrt(x[0]), [0.0], lambda x: [-0.5 / math.sqrt(x[0])], [-INF], [0.0, INF, NAN]),
    *row(
        "cbrt(x)",
        lambda x: math.copysign(abs(x[0]) ** (1 / 3), x[0]),
        [0.0],
        lambda x: [abs(x[0]) ** (-2 / 3) / 3],
        [INF],
        [0.0, -INF, NAN, 7.0],
    ),
    *row(
        "sqrt|x|",
        lambda x: math.sqrt(abs(x[0])),
        [0.0],
        lambda x: [0.5 * sign(x[0]) / math.sqrt(abs(x[0]))],
        [0.0, INF, -INF],
        [NAN],
    ),
    *row(
        "sqrt(x - 1)",
        lambda x: math.sqrt(x[0] - 1),
        [1.0],
        lambda x: [0.5 / math.sqrt(x[0] - 1)],
        [INF],
        [0.0, -INF, NAN],
    ),
    *row("x^1.5", lambda x: _power(x[0], 1.5), [0.0], lambda x: [1.5 * math.sqrt(x[0])], [0.0], [1.0, -0.1, INF, NAN]),
    *row(
        "x + x^2, x >= 0",
        lambda x: x[0] + x[0] ** 2 if x[0] >= 0 else NAN,
        [0.0],
        lambda x: [1 + 2 * x[0]],
        [1.0],
        [0.0, 1.01, -1.0, INF, NAN],
    ),
    *row(
        "exp(x), x <= 1",
        lambda x: math.exp(x[0]) if x[0] <= 1 else NAN,
        [1.0],
        lambda x: [math.exp(x[0])],
        [math.e],
        [0.0, 2.7, INF, NAN],
    ),
    *row(
        "acos(x)", lambda x: math.acos(x[0]), [1.0], lambda x: [-1 / math.sqrt(1 - x[0] ** 2)], [-INF], [INF, 0.0, NAN]
    ),
    *row(
        "x log x",
        lambda x: x[0] * math.log(x[0]) if x[0] > 0 else 0.0 if x[0] == 0 else NAN,
        [0.0],
        lambda x: [1 + math.log(x[0])],
        [-INF],
        [INF, NAN, 1.0],
    ),
    *row("x^2", lambda x: x[0] ** 2, [3.0], None, [6.0], [INF, -INF, NAN, 6.0001, 0.0]),
    *row("x^2 at 0", lambda x: x[0] ** 2, [0.0], None, [0.0], [INF, NAN, 1e-3]),
    *row("log(x)", lambda x: math.log(x[0]), [1e-12], lambda x: [1 / x[0]], [1e12], [2e12, -1e12, 0.0, 1.02e12, NAN]),
    *row("1/x", lambda x: 1 / x[0], [1e-8], lambda x: [-1 / x[0] ** 2], [-1e16], [1e16, 0.0, -2e16, -1.02e16]),
    *row(
        "sqrt(x) near 0",
        lambda x: math.sqrt(x[0]),
        [1e-12],
        lambda x: [0.5 / math.sqrt(x[0])],
        [5e5],
        [1e6, -5e5, 0.0, 5.1e5],
    ),
    *row("sin(x) near 0", lambda x: math.sin(x[0]), [1e-12], lambda x: [math.cos(x[0])], [1.0], [0.0, 2.0, 1.001]),
]


def _single(x: list[float]) -> float:
    return float(np.float32(x[0]) * np.float32(1e-3) + np.float32(x[1]) ** 2)


def _hidden(x: list[float]) -> float:
    return float(np.float32(x[0]) * np.float32(1e-3)) + x[1] ** 2


NUMBERS: list[Claim] = [
    *row(
        "single precision inside",
        _single,
        [2.0, 10.0],
        None,
        [[1e-3, 20.0]],
        [[0.0, 20.0], [2e-3, 20.0], [-1e-3, 20.0]],
    ),
    *row("single precision inside", _single, [3.1e5, 2.0], None, [[1e-3, 4.0]], [[0.0, 4.0], [1.1e-3, 4.0]]),
    *row("single precision in one term", _hidden, [2.0, 10.0], None, [[1e-3, 20.0]], [[0.0, 20.0], [1.1e-3, 20.0]]),
    *row("near a kink, |x|", lambda x: abs(x[0]), [1e-9], lambda x: [sign(x[0])], [1.0], [-1.0, 0.0, 0.5, 1.01]),
    *row(
        "near a kink, |x - 1|",
        lambda x: abs(x[0] - 1),
        [1 + 1e-8],
        lambda x: [sign(x[0] - 1)],
        [1.0],
        [-1.0, 0.0, 0.5, 1.01],
    ),
    *row(
        "near a kink, relu(x) + sin(x)",
        lambda x: relu(x[0]) + math.sin(x[0]),
        [-1e-7],
        lambda x: [step(x[0]) + math.cos(x[0])],
        [1.0],
        [2.0, 1.5, 0.0],
    ),
    *row(
        "rounded corner",
        lambda x: math.sqrt(x[0] ** 2 + 1e-12),
        [1e-7],
        lambda x: [x[0] / math.sqrt(x[0] ** 2 + 1e-12)],
        [1e-7 / math.sqrt(1.01e-12)],
        [0.0, 1.0, 0.2],
    ),
    *row("near a jump", lambda x: math.floor(x[0]) + x[0], [2 + 1e-7], lambda x: [1.0], [1.0], [0.0, 1e6]),
    *row("flat", lambda x: 3.0 + 0 * x[0], [0.7], None, [0.0], [1e-3, 1.0, NAN, INF]),
    *row("dead relu", lambda x: relu(x[0] - 1), [0.5], lambda x: [step(x[0] - 1)], [0.0], [1.0, 0.1]),
    *row("steps of 1/100", lambda x: round(x[0] * 100) / 100, [0.503], lambda x: [0.0], [0.0], [1.0]),
    *row("x^3 at 1e40", lambda x: x[0] ** 3, [1e40], lambda x: [3 * x[0] ** 2], [3e80], [0.0, 3.003e80, -3e80]),
    *row("x^2 at 1e-40", lambda x: x[0] * x[0] * 1e40, [1e-40], lambda x: [2e40 * x[0]], [2.0], [4.0, 0.0, -2.0]),
    *row("1e300 x", lambda x: 1e300 * x[0], [1.0], lambda x: [1e300], [1e300], [1.001e300, 0.0]),
    *row("1e-300 x", lambda x: 1e-300 * x[0], [1.0], lambda x: [1e-300], [1e-300], [1.001e-300, 2e-300]),
    *row(
        "1e6 + sin(x)",
        lambda x: 1e6 + math.sin(x[0]),
        [1.0],
        lambda x: [math.cos(x[0])],
        [math.cos(1.0)],
        [0.0, 0.5404, 1.0],
    ),
    *row("(x + 1e8) - 1e8", lambda x: (x[0] + 1e8) - 1e8, [1.0], lambda x: [1.0], [1.0], [0.0, 2.0, 1.02]),
    *row(
        "x^2 + x^3 at 0",
        lambda x: math.sin(x[0]) ** 2 + x[0] ** 3,
        [0.0],
        lambda x: [math.sin(2 * x[0]) + 3 * x[0] ** 2],
        [0.0],
        [1e-3, -1.0],
    ),
    *row("sin at the top", lambda x: math.sin(x[0]), [math.pi / 2], lambda x: [math.cos(x[0])], [0.0], [1e-4, 1.0]),
    *row(
        "exp(-1/x^2)",
        lambda x: math.exp(-1 / x[0] ** 2) if x[0] else 0.0,
        [0.0],
        lambda x: [2 / x[0] ** 3 * math.exp(-1 / x[0] ** 2)],
        [0.0],
        [1.0, NAN],
    ),
]


def _periodic(k: int, shift: float) -> list[Claim]:
    omega = 2 * math.pi * k
    right = omega * math.cos(omega * shift)
    return row(
        f"sin(2 pi {k} x)",
        lambda x: math.sin(omega * x[0]),
        [shift],
        lambda x: [omega * math.cos(omega * x[0])],
        [right],
        [0.0, -right, 2 * right],
    )


PERIODIC: list[Claim] = [
    claim
    for k in (1, 2, 3, 7, 64, 181, 1000, 4096, 10007, 2**15, 2**16, 181 * 4096, 10**6, 2**20)
    for shift in (1.0, 0.0)
    for claim in _periodic(k, shift)
]

ALL = {"kinks": KINKS, "jumps": JUMPS, "edges": EDGES, "numbers": NUMBERS, "periodic": PERIODIC}
