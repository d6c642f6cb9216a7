"""Derivatives of functions hold wherever they are asked for: a `no_grad` further out is not theirs."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import engine
from engine import Value, no_grad
from engine.modes import reads


def test_transforms_record_for_themselves_under_no_grad() -> None:
    def f(x: Value, y: Value) -> Value:
        return x * x * y

    with no_grad():
        assert engine.gradient(f)(2.0, 3.0) == [12.0, 4.0]
        assert engine.value_and_grad(f)(2.0, 3.0) == (12.0, [12.0, 4.0])
        assert engine.jacobian(lambda x, y: [x * y, x + y])(2.0, 3.0) == [[3.0, 2.0], [1.0, 1.0]]
        assert engine.hessian(f)(2.0, 3.0) == [[6.0, 4.0], [4.0, 0.0]]
        assert engine.hvp(f, [2.0, 3.0], [1.0, 0.0]) == [6.0, 4.0]
        assert engine.jvp(f, [2.0, 3.0], [1.0, 0.0]) == (12.0, 12.0)
        x = Value(2.0)
        assert (x * x).operands == ()  # the caller's own results stay unrecorded


def test_a_graph_of_the_gradient_is_recorded_under_no_grad() -> None:
    x = Value(2.0)
    y = x**3
    with no_grad():
        dx = engine.grad(y, x, create_graph=True)
    assert engine.grad(dx, x) == 12.0


def test_no_grad_inside_the_function_still_counts() -> None:
    def f(x: Value) -> Value:
        with no_grad():
            frozen = x * x
        return frozen * x

    with no_grad():
        assert engine.gradient(f)(3.0) == [9.0]


# ---- no_grad as a decorator ----


def test_a_decorated_generator_records_nothing_while_it_runs_and_its_consumer_does() -> None:
    x = Value(3.0)
    seen = []

    @no_grad()
    def generator() -> Any:
        sent = yield x * x
        seen.append((x * sent).operands)
        try:
            yield x * 2
        except KeyError:
            seen.append((x * 3).operands)
            yield x * 4
        finally:
            seen.append((x * 5).operands)
        return x * 6

    running = generator()
    assert next(running).operands == ()
    assert len((x * x).operands) == 2
    assert running.send(x).operands == ()
    assert running.throw(KeyError("now")).operands == ()
    assert len((x * x).operands) == 2
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value.operands == ()
    assert seen == [(), (), ()]


def test_closing_a_decorated_generator_closes_it_without_recording() -> None:
    x, seen = Value(3.0), []

    @no_grad()
    def generator() -> Any:
        try:
            yield x
        finally:
            seen.append((x * x).operands)

    running = generator()
    next(running)
    running.close()
    assert seen == [()]


def test_other_functions_can_be_decorated() -> None:
    x = Value(3.0)

    @no_grad()
    def square(y: Value) -> Value:
        return square(y - 1) if y.data > 3 else y * y

    @no_grad()
    async def later() -> Value:
        await asyncio.sleep(0)
        return x * x

    assert square.__name__ == "square"
    assert square(x + 1).operands == ()
    assert asyncio.run(later()).operands == ()
    assert len((x * x).operands) == 2


def test_a_decorator_without_parentheses_gets_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"as a decorator write @no_grad\(\), with parentheses"):
        no_grad(lambda: 1.0)


def test_what_cannot_be_decorated_is_named() -> None:
    async def ticks() -> Any:
        yield 1

    for wrong in (3, ticks):
        with pytest.raises(TypeError, match="no_grad"):
            no_grad()(wrong)


@pytest.mark.parametrize("point", [[2.0, 3.0], (2.0, 3.0), {"x": 2.0}])
@pytest.mark.parametrize("transform", [engine.gradient, engine.hessian, engine.jacobian])
def test_a_list_in_the_place_of_numbers_gets_the_remedy(transform: Any, point: Any) -> None:
    with pytest.raises(
        TypeError, match=r"numbers, one for each argument, got .* write gradient\(lambda \*xs: f\(xs\)\)"
    ):
        transform(lambda p: p[0] * p[1])(point)
    assert engine.gradient(lambda *xs: xs[0] * xs[1])(2.0, 3.0) == [3.0, 2.0]


@pytest.mark.parametrize("seen_before", [True, False])
def test_float_of_what_is_no_argument_is_a_constant(seen_before: bool) -> None:
    """Only who takes float() of its own argument is refused, whatever was read before."""
    other = Value(3.0)
    reads.clear()
    if seen_before:
        float(Value(1.0) * 2.0)
    assert engine.gradient(lambda x: 2.0 * float(other * 2.0))(1.0) == [0.0]
    w = Value(5.0)
    assert engine.gradient(lambda x: x * w * float(w))(1.0) == [25.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * math.exp(x),
        lambda x: (lambda s: s * math.exp(s))(x**2 + x + 1 - x / 3),
        lambda x: engine.tanh(x) * math.exp(x * 2.0),
        lambda x: [x, math.cos(x)],
        lambda x: x * float(x),
        lambda x: 0.5 * math.exp(x) * x,
        lambda x: x * math.sqrt((x * x + x + 1) * (x + 2) + 3),
        lambda x: x * math.fsum([x, 1.0]),
        lambda x: x * float(f"{float(x):.17g}"),
        lambda x: x * Value(float(x)),
    ],
)
@pytest.mark.parametrize("point", [0.0, 0.5, 1.0, 4.0, 1 / 3])
@pytest.mark.parametrize("transform", [engine.gradient, engine.hessian, engine.jacobian])
def test_a_function_that_takes_float_of_its_argument_is_refused(transform: Any, f: Any, point: float) -> None:
    """The derivative of x * math.exp(x) was exp(x), that of a constant times x; at 0, where exp(x) is 1, unnoticed."""
    with pytest.raises(
        TypeError, match=r"took float\(\) of its argument, at .*test_functional.py:\d+, and what became"
    ):
        transform(f)(point)


def test_a_result_that_is_kept_by_the_number_of_its_argument_is_refused() -> None:
    """The second time it was that of another argument, and the derivative 0."""
    kept: dict[float, Value] = {}

    def f(x: Value) -> Value:
        if float(x) not in kept:
            kept[float(x)] = x * x
        return kept[float(x)] + 1.0

    assert engine.gradient(f)(3.0) == [6.0]
    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(f)(3.0)


@pytest.mark.parametrize("transform", [engine.gradient, engine.hessian, lambda f: lambda x: engine.jvp(f, [x], [1.0])])
@pytest.mark.parametrize("key", [lambda x: x.data, lambda x: f"{x:.3f}", repr])
def test_a_result_that_is_kept_from_an_earlier_call_is_refused(transform: Any, key: Any) -> None:
    """By `data` or its text nothing is seen to leave the graph; the second time, the derivative was 0."""
    kept: dict[Any, Value] = {}

    def f(x: Value) -> Value:
        return kept.setdefault(key(x), x * x * x) + x

    assert transform(f)(3.0) == transform(lambda x: x * x * x + x)(3.0)
    with pytest.raises(ValueError, match=r"in an earlier call from its argument then, Value\(data=3\.0, .*its detach"):
        transform(f)(3.0)
    assert transform(f)(2.0)


def test_what_was_kept_may_be_a_constant_or_an_argument_of_a_call_further_out() -> None:
    kept: list[Value] = []

    def f(x: Value) -> Value:
        kept.append((x * x).detach())
        return x * kept[0]

    assert (engine.gradient(f)(3.0), engine.gradient(f)(2.0)) == ([9.0], [9.0])
    inner = lambda x: lambda y: engine.grad(x * y * y, y, create_graph=True)
    assert engine.gradient(lambda x: inner(x)(Value(2.0)) + engine.gradient(lambda y: y * 2.0)(1.0)[0])(1.0) == [4.0]
    again = lambda x: engine.gradient(lambda y: y * float(x.detach()))(1.0)[0] * x
    assert engine.gradient(again)(3.0) == [3.0]
    constants = [engine.Constant(2.0), engine.Constant(5.0)]  # a dot notes in the same slot that half of it is constant
    assert engine.gradient(lambda x, y: engine.affine([[x, y]], constants, [None])[0])(1.0, 1.0) == [2.0, 5.0]


@pytest.mark.parametrize("others", [150, 1_000])
def test_a_float_is_found_among_many_of_other_values(others: int) -> None:
    """The last hundred calls were looked through, and 150 parameters had pushed it out: exp(1) in place of 2 exp(1)."""
    weights = [Value(1.0) for _ in range(others)]

    def f(x: Value) -> Value:
        factor = math.exp(x)
        assert sum(map(float, weights)) == others
        return x * factor

    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(f)(1.0)


def test_where_no_plain_number_is_in_the_result_the_function_runs_once() -> None:
    """A list of the numbers it was called at, kept for a plot, had two that nobody asked for."""
    path: list[float] = []
    assert engine.gradient(lambda x: (path.append(float(x)), x * x)[1])(1.5) == [3.0]
    assert path == [1.5]


def test_beside_the_end_of_a_domain_and_of_several_arguments() -> None:
    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(lambda x: x * math.acos(x))(1.0)
    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(lambda x, y: x * math.dist([x], [y]))(3.0, 1.0)


@pytest.mark.parametrize("point", [(1e12, 3e12), (-1e12, 2e12), (1e-12, 3e-12), (2.0, 3.0)])
def test_where_numbers_are_large_or_small_or_their_ratio_counts(point: tuple[float, float]) -> None:
    """What follows the arguments is found by moving them: each by a share of its own, and one that it notices."""
    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(lambda x, y: x * (float(y) / float(x)))(*point)
    with pytest.raises(TypeError, match=r"took float\(\) of its argument"):
        engine.gradient(lambda x, y: x * float(y))(*point)


@pytest.mark.parametrize("transform", [engine.gradient, engine.hessian, lambda f: lambda x: engine.jvp(f, [x], [1.0])])
def test_a_function_that_changes_its_argument_is_refused(transform: Any) -> None:
    """The derivative was one at the new number, as if the old one were that."""

    def f(x: Value) -> Value:
        x.data = min(x.data, 1.0)
        return x * x

    with pytest.raises(ValueError, match=r"changed its argument from 3\.0 to 1\.0"):
        transform(f)(3.0)
    assert transform(f)(0.5)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_an_argument_has_no_derivative(copied: Any) -> None:
    """It was a constant, and the derivative 0."""
    w = Value(2.0)
    with pytest.raises(TypeError, match="no derivative reaches a copy"):
        engine.gradient(lambda x: copied(x) * x)(3.0)
    assert engine.gradient(lambda x: copied(w) * x)(3.0) == [2.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_graph_has_copies_of_its_arguments(copied: Any) -> None:
    with pytest.raises(TypeError, match="no derivative reaches a copy"):
        engine.gradient(lambda x: copied(x * x))(3.0)
    assert engine.gradient(lambda x: copy.copy(x * x))(3.0) == [6.0]


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: (2.0 if float(x) > 1.0 else 5.0) * x, 5.0),
        (lambda x: x * x if float(x) >= 1.0 else 0.3 * x, 2.0),
        (lambda x: x * (1 / 3) * math.floor(float(x) + 0.25), 1 / 3),
        (lambda x: x * float(x.detach()), 1.0),
        (lambda x: x * x.detach() if float(x) > 0.0 else -x, 1.0),
        (lambda x: (f"{float(x)}", x * 1.0)[1], 1.0),
    ],
)
def test_branches_and_whole_numbers_are_no_part_of_a_derivative(f: Any, slope: float) -> None:
    assert engine.gradient(f)(1.0) == [slope]


def test_what_only_looks_at_its_argument_is_not() -> None:
    seen = []
    f = lambda x: (seen.append(f"{x:.2f} {x.data}"), engine.take(x, [x * 2, x * 3]))[1]
    assert engine.gradient(f)(1.0) == [3.0]
    assert seen == ["1.00 1.0"]
    assert engine.gradient(lambda x: 3.0 * x if float(x) > 0.0 else -x)(1.0) == [3.0]


def by_backward(x: Value) -> float:
    y = x**3
    y.backward()
    return x.grad


def by_steps(x: Value) -> float:
    for _ in (x**3).backward_steps():
        pass
    return x.grad


def in_a_thread(x: Value) -> float:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(engine.grad, x**3, x).result()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: engine.grad(x**3, x),
        in_a_thread,
        lambda x: engine.local_derivatives(x**3)[0],
        by_steps,
        lambda x: (x**3).stepper().run().after[0],
        lambda x: x * engine.grad(x**3, x),
        by_backward,
        lambda x: engine.gradient(lambda y: x * y * y)(3.0)[0],
        lambda x: engine.value_and_grad(lambda y: x * y)(3.0)[0],
        lambda x: engine.jacobian(lambda y: [x * y * y])(3.0)[0][0],
        lambda x: engine.hessian(lambda y: x * y * y)(3.0)[0][0],
        lambda x: engine.jvp(lambda y: x * y * y, [3.0], [1.0])[1],
        lambda x: engine.hvp(lambda y: x * y * y, [3.0], [1.0])[0],
    ],
)
@pytest.mark.parametrize("transform", [engine.gradient, engine.hessian])
def test_a_derivative_of_a_derivative_that_is_a_number_is_refused(transform: Any, f: Any) -> None:
    """It was 0, as of a constant."""
    with pytest.raises(TypeError, match=r"missing from the outer derivative: write grad\(y, x, create_graph=True\)"):
        transform(f)(2.0)


def test_derivatives_inside_of_what_does_not_depend_on_the_argument() -> None:
    w = Value(2.0)
    assert engine.gradient(lambda x: x * engine.grad(w**3, w))(5.0) == [12.0]
    assert engine.gradient(lambda x: x * engine.gradient(lambda y: x.detach() * y * y)(3.0)[0])(2.0) == [12.0]
    assert engine.gradient(lambda x: engine.grad(x**3, x, create_graph=True))(2.0) == [12.0]
    assert engine.gradient(lambda x: x * (engine.local_derivatives(w * w)[0] or 0.0))(5.0) == [2.0]


def test_a_picture_inside_of_a_function_only_shows_derivatives() -> None:
    assert engine.gradient(lambda x: x * len(engine.to_dot(x * x, local_derivatives=True)) * 0.0 + x)(2.0) == [1.0]


def test_a_value_in_the_place_of_a_number_gets_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"at numbers, got Value\(.*write grad\(y, x, create_graph=True\)"):
        engine.gradient(lambda x: engine.gradient(lambda y: y**3)(x)[0])(2.0)
    for transform in (engine.jvp, engine.hvp):  # of a direction it was silently a constant
        with pytest.raises(TypeError, match=r"a direction is made of numbers, got Value\(.*write grad\(y, x, create"):
            engine.gradient(lambda v, t=transform: v * t(lambda x: x * x, [2.0], [v])[-1])(1.0)


def test_a_value_of_a_class_of_ones_own_is_refused_as_a_direction_like_any_other() -> None:
    class Parameter(Value):
        pass

    v = Parameter(1.0)
    for transform in (engine.jvp, engine.hvp):
        with pytest.raises(TypeError, match=r"a direction is made of numbers, got Parameter.*write grad\(y, x, create"):
            transform(lambda x: x * x, [2.0], [v])
