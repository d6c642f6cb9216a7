"""Planted faults: every primitive of the table with one of its rules made wrong, and points to look for that."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import engine
from engine import PRIMITIVES, Interval, Primitive, Value

Rule = Callable[..., Any]

GROSS = ["sign", "factor", "extra term"]
"""Kinds that are seen wherever a derivative that is off by 0.1 % is seen: each operand has one of them."""


@dataclass(frozen=True)
class Mutant:
    """A wrong primitive, and the order of derivatives at which it is wrong."""

    kind: str
    primitive: Primitive
    position: int
    order: int = 1
    tail: bool = False

    def __str__(self) -> str:
        return f"{self.primitive.name} by operand {self.position}: {self.kind}"


def mutants(primitives: Sequence[Primitive] | None = None) -> Iterator[Mutant]:
    for primitive in primitives or list(PRIMITIVES.values()):
        places = free(primitive, operands(primitive))
        # What adds up or compares any number of operands treats those in the middle as the others.
        for position in places if primitive.arity is not None else (places[0], places[-1]):
            for kind, change in changes(vanishing(primitive, position)).items():
                if kind in GROSS and kind != GROSS[(len(primitive.name) + position) % len(GROSS)]:
                    continue
                order, tail = (2 if kind == "second order" else 1), kind == "tail"
                yield Mutant(kind, changed(primitive, position, change), position, order, tail)
        if len(places) >= 2 and primitive.name not in ("add", "sum", "mean", "floordiv"):  # the same
            yield Mutant("swapped operands", swapped(primitive), 0)


def operands(primitive: Primitive) -> int:
    """How many to give it: more than two where any number will do, in pairs for a dot product."""
    return primitive.arity or (4 if primitive.name == "dot" else 3)


def free(primitive: Primitive, count: int) -> list[int]:
    """The operands that are real numbers."""
    return [k for k, domain in enumerate(primitive.domains(count)) if not domain.integers]


def vanishing(primitive: Primitive, position: int) -> bool:
    """Whether the derivative is zero everywhere, so that a factor changes nothing."""
    return primitive.name in ("floor", "ceil", "round", "sign", "floordiv")


def changes(zero: bool) -> dict[str, Callable[..., Any]]:
    """Wrong derivatives by the right one `d`, the operand `x` that it belongs to, and all operands."""
    if zero:
        return {
            "one": lambda d, x: d + 1.0,
            "off by 0.001": lambda d, x: d + 1e-3,
            "the operand": lambda d, x: d + x,
            "second order": lambda d, x: d + (x - constant(x)),
        }
    return {
        "sign": lambda d, x: -d,
        "factor": lambda d, x: 2 * d,
        "missing": lambda d, x: None,
        "extra term": lambda d, x: d + x,
        "off by 0.1 %": lambda d, x: d * 1.001,
        "tail": lambda d, x: d * (1.001 if abs(constant(x)) > 4 or abs(constant(x)) < 0.2 else 1.0),
        "second order": lambda d, x: d + (x - constant(x)),
    }


def constant(x: Any) -> float:
    return x.data if isinstance(x, Value) else float(x)


def changed(primitive: Primitive, position: int, change: Callable[..., Any]) -> Primitive:
    def wrong(rule: Rule, k: int) -> Rule:
        def derivative(z: Any, *xs: Any) -> Any:
            d = rule(z, *xs)
            return d if d is None else change(d, xs[k])

        return derivative

    if primitive.arity is not None:
        rules = [wrong(rule, k) if k == position else rule for k, rule in enumerate(primitive.rules)]
        return replace(primitive, local_derivatives=rules)

    def many(z: Any, *xs: Any) -> list[Any]:
        ds = list(primitive.rules[0](z, *xs))
        if ds[position] is not None:
            ds[position] = change(ds[position], xs[position])
        return ds

    return replace(primitive, local_derivatives=many)


def swapped(primitive: Primitive) -> Primitive:
    """The rules of two operands exchanged."""
    first, second = free(primitive, operands(primitive))[:2]
    if primitive.arity is not None:
        rules = list(primitive.rules)
        rules[first], rules[second] = rules[second], rules[first]
        return replace(primitive, local_derivatives=rules)

    def many(z: Any, *xs: Any) -> list[Any]:
        ds = list(primitive.rules[0](z, *xs))
        ds[first], ds[second] = ds[second], ds[first]
        return ds

    return replace(primitive, local_derivatives=many)


def apply(primitive: Primitive, inputs: Sequence[float]) -> tuple[Callable[..., Any], list[float]]:
    """The primitive inside of a small graph, as a function of its real operands, and their numbers."""
    places = free(primitive, len(inputs))

    def f(*xs: Any) -> Any:
        operands: list[Any] = list(inputs)
        for place, x in zip(places, xs, strict=True):
            operands[place] = x
        return 1.5 * Value.__apply_primitive__(primitive, tuple(operands)) + xs[0]

    return f, [inputs[place] for place in places]


def sample(primitive: Primitive, random_: random.Random, wide: bool = False) -> list[float]:
    """Operands inside of the domain and off the kinks; `wide`: of all magnitudes, tails included."""
    while True:
        xs = [draw(domain, random_, wide) for domain in primitive.domains(operands(primitive))]
        if primitive.name == "take":
            xs[0] = float(random_.randrange(len(xs) - 1))
        z = primitive.forward(*xs)
        if not math.isfinite(z) or (primitive.kink is not None and primitive.kink(z, *xs) == 0):
            continue
        node = Value.__apply_primitive__(primitive, tuple(map(Value, xs)))
        if all(d is None or math.isfinite(d) for d in engine.local_derivatives(node)):
            return xs


def draw(domain: Interval, random_: random.Random, wide: bool) -> float:
    if domain.integers:
        return float(random_.randint(int(domain.low), int(domain.high)))
    while True:
        width = random_.choice([1.0, 5.0, 30.0, 700.0]) if wide else 3.0
        x = random_.uniform(-width, width)
        if wide and random_.random() < 0.2:
            x = random_.choice([-1, 1]) * 10.0 ** random_.uniform(-9, 3)
        if x in domain:
            return x
