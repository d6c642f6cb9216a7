"""Functions that compare a condition by `is` with True or False, in the places where one may stand."""

from __future__ import annotations

from typing import Any


def is_positive(x: Any) -> Any:
    return x > 0


def chosen(flag: Any) -> float:
    return 2.0 if flag is True else 3.0


def in_a_local(x: Any) -> float:
    flag = x > 0
    return 2.0 if flag is not False else 3.0


def in_a_closure(x: Any) -> float:
    flag = x > 0

    def inside() -> float:
        return 2.0 if flag is True else 3.0

    return inside()
