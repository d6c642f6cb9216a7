"""Functions that need a number where there is none yet: each is refused with the user's line and the remedy."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

import engine
from engine import TraceError, Value, compile, where

W = Value(0.5)


def if_on_data(x: Any) -> Any:
    return x * 2 if x > 0 else x


def maximum_of_python(x: Any) -> Any:
    return max(x, 0 * x)


def and_of_conditions(x: Any) -> Any:
    return where(x > 0 and x < 1, x, 0.0)


def chained_comparison(x: Any) -> Any:
    return where(0 < x < 1, x, 0.0)


def membership(x: Any) -> Any:
    return x if x in [1.0, 2.0] else 0 * x


def while_loop(x: Any) -> Any:
    while x < 10:
        x = x * 2
    return x


def equality(x: Any) -> Any:
    return 1.0 if x == 3 else x


def truth(x: Any) -> Any:
    return x or 1.0


def as_float(x: Any) -> Any:
    return float(x) * x


def as_int(x: Any) -> Any:
    return int(x) * x


def of_math(x: Any) -> Any:
    return math.exp(x)


def as_index(x: Any) -> Any:
    return [1.0, 2.0][x]


def as_range(x: Any) -> Any:
    return sum(x for _ in range(x))


def formatted(x: Any) -> Any:
    return x if f"{x:.3f}" == "1.000" else 2 * x


def reads_data(x: Any) -> Any:
    return x.data * x


def reads_grad(x: Any) -> Any:
    return x.grad * x


def calls_backward(x: Any) -> Any:
    (x * x).backward()
    return x


def wraps_in_a_value(x: Any) -> Any:
    return Value(x) * 2


def reads_a_parameter(x: Any) -> Any:
    return W.data * x


def branches_on_a_parameter(x: Any) -> Any:
    return x if W > 0 else -x


def rounds_the_number_of_a_parameter(x: Any) -> Any:
    return round(W.data) * x


def reads_what_follows_from_a_parameter(x: Any) -> Any:
    return float(W * W) * x


def branches_on_what_follows_from_a_parameter(x: Any) -> Any:
    return x if W * W > 0.01 else -x


def reads_the_gradient_of_a_parameter(x: Any) -> Any:
    return x if W.grad == 0.0 else 2 * x


def takes_the_largest_parameter(x: Any) -> Any:
    return max(W, Value(0.0)) * x


def sorts_parameters(x: Any) -> Any:
    return sorted([W, Value(0.1)])[0] * x


def prints_digits(x: Any) -> Any:
    return x * float(f"{W:.1f}")


def copies_a_parameter(x: Any) -> Any:
    return copy.deepcopy(W) * x


def takes_a_hessian(x: Any) -> Any:
    return engine.hessian(lambda a: a * a * a)(x)[0][0]


@pytest.mark.parametrize(
    "function",
    [
        wraps_in_a_value,
        takes_a_hessian,
        reads_a_parameter,
        branches_on_a_parameter,
        rounds_the_number_of_a_parameter,
        reads_what_follows_from_a_parameter,
        branches_on_what_follows_from_a_parameter,
        reads_the_gradient_of_a_parameter,
        takes_the_largest_parameter,
        sorts_parameters,
        prints_digits,
        copies_a_parameter,
        if_on_data,
        maximum_of_python,
        and_of_conditions,
        chained_comparison,
        membership,
        while_loop,
        equality,
        truth,
        as_float,
        as_int,
        of_math,
        as_index,
        as_range,
        formatted,
        reads_data,
        reads_grad,
        calls_backward,
    ],
)
def test_what_needs_a_number_is_refused_with_the_users_line(function: Callable[..., Any]) -> None:
    with pytest.raises(TraceError) as caught:
        compile(function, backend="python")([1.0, 2.0])
    message = str(caught.value)
    first = function.__code__.co_firstlineno
    assert any(f"{__file__}:{line}:" in message for line in range(first, first + 4)), message
    assert "\n" in message  # what went wrong, and then the remedy
    assert any(word in message for word in ("Use ", "use "))


def test_the_remedy_for_a_branch_names_where() -> None:
    with pytest.raises(TraceError, match=r"where\(condition, a, b\)"):
        compile(if_on_data, backend="python")([1.0])


def test_pythons_own_errors_name_a_number() -> None:
    """Not a class of ours; the plain number itself is called a float."""
    with pytest.raises(TypeError, match="'number' object is not subscriptable"):
        compile(lambda x: x[0], backend="python")([1.0])


@pytest.mark.parametrize("samples", [[1.0, 2.0], []])
@pytest.mark.parametrize("function", [lambda x: x[0], len, list, lambda x: [a for a, b in [x]]])
def test_a_sample_that_is_a_number_is_told_from_a_row(function: Callable[[Any], Any], samples: list[float]) -> None:
    """One row in place of a list of them, and no samples at all, were 'number' object is not subscriptable alone."""
    with pytest.raises(TypeError, match=r"here a single number. For samples that are rows give .*\[x\] for one row x"):
        compile(function, backend="python")(samples)


def test_what_else_a_number_is_not_says_nothing_of_rows() -> None:
    with pytest.raises(TypeError, match=r"'number' object is not callable$"):
        compile(lambda x: x(1), backend="python")([1.0])


def test_a_refusal_of_a_line_with_len_says_nothing_of_rows() -> None:
    """The line is part of the message: its len() beside our 'number' was taken for an error of Python's."""
    numbers = [1.0, 2.0]
    with pytest.raises(TraceError, match=r"^<traced input 0> was used as a plain number") as refused:
        compile(lambda x: x * numbers[int(x)] / len(numbers), backend="python")([1.0])
    assert "samples" not in str(refused.value)


@pytest.mark.parametrize(("row", "index"), [([], 0), ([1.0, 2.0], 2)])
def test_an_index_past_a_row_names_both(row: list[float], index: int) -> None:
    of = {0: "0 entries", 2: "2 entries"}[len(row)]
    with pytest.raises(IndexError, match=rf"list index out of range: \[{index}\] of a row of {of}"):
        compile(lambda x: x[index], backend="python")([row])
