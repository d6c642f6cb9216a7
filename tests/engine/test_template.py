"""The language of native templates: what it takes, and what it names when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.template import parse, walk


def written(op: str, *parts: Any) -> str:
    return f"({op} {' '.join(map(str, parts))})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not x", "(not x)"),
        ("x < y and y < inf or x == nan", "(or (and (< x y) (< y (number inf))) (== x (number nan)))"),
        ("-x if x > -1 else hypot(x, 2)", "(select (> x (number -1.0)) (neg x) (hypot x (number 2.0)))"),
    ],
)
def test_it_is_walked_from_the_inside(text: str, expected: str) -> None:
    assert walk(parse(text, ("x", "y")), {"x": "x", "y": "y"}, written) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x +", "is not an expression"),
        ("x + z", "has the name 'z': the operands are x, y"),
        ("gamma(x)", r"calls gamma\(\): only the intrinsics can be called"),
        ("hypot(x)", r"calls hypot\(\) with 1 operands: it takes 2"),
        ("x ** 2", r"contains 'x \*\* 2', which is not part of the template language"),
        ("x.real", r"contains 'x\.real'"),
        ("x < y < 1", "contains 'x < y < 1'"),
    ],
)
def test_what_it_does_not_know_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text, ("x", "y"))
