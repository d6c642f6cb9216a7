"""What the labels of each loss may be: stated once, and checked by eager losses and compiled calls alike.

A label that is a number is checked. While a function is compiled its labels are traced: what they must be is noted, and
checked for every sample of every call; so is what the function computes from labels. A Value joins the graph
unchecked, and gradients flow into it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import engine
from engine import Requirement, Value, require, where

from ..arguments import class_index, plain, real_number


@dataclass(frozen=True)
class Number(Requirement):
    """A finite number in a range, or one of a few.

    Attributes:
        name: for messages, such as "a target".
        least: the smallest that is allowed.
        most: the largest that is allowed.
        among: the only numbers that are allowed; empty for all in the range.
        remedy: what to do about others, for messages.
    """

    name: str = "a target"
    least: float = -math.inf
    most: float = math.inf
    among: tuple[float, ...] = ()
    remedy: str = ""

    def check(self, number: Any) -> float:
        """The number as a float.

        Raises:
            TypeError: if it is not a number.
            ValueError: if it is not allowed.
        """
        found = real_number(self.name, number)
        if not self.least <= found <= self.most or (self.among and found not in self.among):
            allowed = " or ".join(f"{one:g}" for one in self.among) or f"from {self.least:g} to {self.most:g}"
            raise ValueError(f"{self.name} is {allowed}, not {found:.15g}: {self.remedy}")
        return found

    def accepts(self, least: float, most: float) -> bool:
        """Whether all finite numbers between are allowed."""
        return not self.among and self.least <= least and most <= self.most


TARGET = Number()
PROBABILITY = Number(
    least=0.0,
    most=1.0,
    remedy="turn -1 and 1 into 0 and 1 with (label + 1) / 2, 1 and 2 with label - 1; more classes take cross_entropy",
)
SIGN = Number("a hinge label", among=(-1.0, 1.0), remedy="turn 0 and 1 into them with 2 * label - 1")


@dataclass(frozen=True)
class ClassIndex(Requirement):
    """The index of a class: a whole number from 0 to indices - 1."""

    indices: int

    def check(self, label: Any) -> int:
        """The label as an int; raises as `class_index` does."""
        return class_index(label, self.indices)


@dataclass(frozen=True)
class Distribution(Requirement):
    """A row of probabilities, one for each class, that sum to 1, such as a one-hot label."""

    classes: int

    def check(self, *weights: Any) -> list[float]:
        """The probabilities as floats.

        Raises:
            TypeError: if one is not a number.
            ValueError: if one is negative or above 1, or their sum is not 1.
        """
        numbers = [int(weight) if isinstance(weight, bool) else weight for weight in map(plain, weights)]
        found = [real_number("a probability", number, 0.0, 1.0 + 1e-6) for number in numbers]
        total = math.fsum(found)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(
                f"the probabilities of a target must sum to 1, not to {total:.15g}: give shares, or a class index"
            )
        return found


def checked(label: Any, kind: Number) -> Any:
    """A label checked to be of that kind: as a float if it is a number."""
    if not isinstance(label, Value):
        return kind.check(label)
    require(kind, label)
    return label


def without_unused(label: Any, term: Any, unused: float = 0.0) -> Any:
    """The term, or only its number where a traced label gives it the weight 0, since 0 * inf is nan in the gradient.

    With the number, the derivative of the product with respect to the label is right, too; an infinite one becomes 0.

    Args:
        label: decides whether the term is used. It is compared as given: results of it may differ in the last digits
            between eager and compiled code.
        term: what the weight is for.
        unused: the label at which the weight is 0.
    """
    number = term.detach() if isinstance(term, Value) else term
    return where(label == unused, where(engine.abs(number) < math.inf, number, 0.0), term)
