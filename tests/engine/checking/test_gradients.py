"""check_gradients on functions of Values: derivatives of orders 1 to 3, modules, kinks, culprits, bad input."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
import nn
from engine import Value, check_gradients, relu, sin, tanh
from engine.checking import oracle
from engine.strategies.graphs import Expression, expressions
from engine.strategies.nets import datasets, networks
from engine.testing import assert_gradients
from tests.needs import needs

TABLE = list(engine.PRIMITIVES.values())  # as it is now: other tests may declare more
BAD_TANH = replace(engine.tanh, name="bad_tanh", local_derivatives=[lambda z, x: 1.001 * (1 - z * z)])


# ---- what agrees ---------------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    report = check_gradients(lambda x, y: x * x * y, [2.0, 3.0], order=3)
    assert report.ok
    assert bool(report)
    # along the direction (1, w): f' = 2xy + w x^2; f'' = 2y + 4w x; their gradients
    w = 1.618033988749895
    claimed = [12.0, 4.0, 6 + 4 * w, 4.0, 4 * w, 2.0]
    assert [d.claimed for d in report.derivatives] == pytest.approx(claimed)
    assert [d.expected for d in report.derivatives] == pytest.approx(claimed, rel=1e-6)
    assert [(d.name, d.order) for d in report.derivatives] == [(n, k) for k in (1, 2, 3) for n in "xy"]


@settings(max_examples=100)
@given(expressions(TABLE, max_nodes=20))
def test_random_graphs_are_right(expression: Expression) -> None:
    report = assert_gradients(expression, expression.point)
    along_axes = [d for d in report.derivatives if not d.direction]  # beside kinks, some are along others
    assert len(along_axes) == len(expression.point)


@settings(max_examples=30)
@given(expressions(TABLE, max_nodes=6))
def test_random_graphs_are_right_at_second_order(expression: Expression) -> None:
    assert_gradients(expression, expression.point, order=2)


def test_under_no_grad_a_check_records() -> None:
    """All derivatives were 0 then, and the verdict on right ones wrong."""
    with engine.no_grad():
        assert check_gradients(lambda x: x * x, [2.0], order=2).ok


def test_the_title_names_the_inputs_as_far_as_there_are_some() -> None:
    w = Value(2.0, "w")
    assert str(check_gradients(lambda: w * w, [])).startswith("f: 1 derivative, none wrong\n  agrees     by w: 4,")
    seven = check_gradients(lambda *xs: engine.sum(xs), [1.0] * 7)
    assert seven.title == f"f at {', '.join(f'xs[{k}] = 1.0' for k in range(6))}, ..."


@settings(max_examples=25)
@given(networks(), datasets(max_rows=1))
def test_a_network_like_a_module_checks_inputs_and_parameters(network: Any, data: Any) -> None:
    report = assert_gradients(network, data[0][0])
    names = {d.name for d in report.derivatives}
    assert {"x[0]", "x[1]"} <= names
    assert {name for name, _ in network.named_parameters()} <= names


def test_modules_and_losses_of_nn() -> None:
    model = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    before = [p.data for p in model.parameters()]
    report = assert_gradients(model, [0.5, -1.0], order=2)
    assert {name for name, _ in model.named_parameters()} <= {d.name for d in report.derivatives}
    loss = assert_gradients(lambda *x: nn.cross_entropy(model(list(x)), 1), [0.5, -1.0], order=2)
    assert len(loss.derivatives) == 2 * (2 + len(before))
    assert [p.data for p in model.parameters()] == before


def test_a_function_that_differentiates_inside() -> None:
    """Under no_grad it would give another value, so that values are computed with the graph."""

    def residual(x: Value) -> Value:
        return engine.grad(sin(x) * x, x, create_graph=True) ** 2

    report = assert_gradients(residual, [0.7])
    u, du = math.sin(0.7) + 0.7 * math.cos(0.7), 2 * math.cos(0.7) - 0.7 * math.sin(0.7)
    assert report.derivatives[0].expected == pytest.approx(2 * u * du)


def test_names_from_mappings_signatures_and_primitives() -> None:
    def f(a: Value, *rest: Value) -> Value:
        return a * rest[0] + rest[1]

    assert [d.name for d in check_gradients(f, [1.0, 2.0, 3.0]).derivatives] == ["a", "rest[0]", "rest[1]"]
    assert [d.name for d in check_gradients(engine.hypot, [1.0, 2.0]).derivatives] == ["x", "y"]
    assert [d.name for d in check_gradients(lambda u, v: u / v, {"v": 2.0, "u": 1.0}).derivatives] == ["v", "u"]


def test_tails_that_differences_cannot_see_are_settled_in_fifty_digits() -> None:
    needs("mpmath")
    report = check_gradients(lambda x: tanh(x) + 1, [20.0])
    assert report.ok
    assert [d.status for d in report.derivatives] == ["unresolved"]
    assert "50 digits" in report.notes[0]
    wrong = check_gradients(lambda x: BAD_TANH(x) + 1, [20.0])
    assert wrong.faults[0].primitive == "bad_tanh"


def test_noise_of_cancellation_is_no_fault() -> None:
    assert_gradients(lambda x: (x + 1e9) - 1e9 + sin(x), [1.0])
    assert_gradients(lambda x: sin(x) * 1e-200 + 1e5, [1.0])
    assert_gradients(lambda x: engine.log(x), [1e-280])
    assert_gradients(lambda x: engine.sin(1e6 * x), [1.0])


def test_fifty_digits_are_not_confused_by_a_kink_close_to_a_tiny_number() -> None:
    assert_gradients(lambda x: relu(x) + 1, [-2.1559383159517364e-133])


# ---- where differences see nothing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (engine.sin, [1e15 + 0.5]),
        (lambda x: 2 * engine.cos(x) + 1, [-1e160]),
        (engine.tan, [math.pi / 2]),
        (engine.floor, [1e15 + 0.5]),
        (engine.square, [1e-160]),
        (lambda x, y: x * y, [1e-308, 5e-324]),
        (lambda x: 1 / x, [1e-160]),
        (engine.sqrt, [5e-324]),
        (engine.log, [5e-324]),
        (engine.gaussian, [1e308]),
        (engine.pow, [1.0, 1e160]),
        (engine.atan2, [0.0, 1e-308]),
        (lambda x, y: engine.leaky_relu(x, y), [0.0, 1e308]),
    ],
)
def test_where_differences_see_nothing_or_something_else_the_rules_decide(f: Any, point: list[float]) -> None:
    """The function turns between all steps, or its values vanish: no right gradient is called wrong."""
    report = check_gradients(f, point)
    assert report.ok, str(report)
    assert "as for a wrong gradient" not in str(report)
    if report.unresolved:
        assert "each primitive's own local derivative was compared with 50 digits and agrees" in str(report)


def test_beside_the_pole_of_tan_its_slope_explains_what_seems_a_jump() -> None:
    assert [d.at_jump for d in check_gradients(engine.tan, [math.pi / 2]).derivatives] == [False]


def test_no_digits_are_claimed_of_a_rule_that_has_no_formula() -> None:
    """The report of a rule that is twice the derivative said that fifty digits agree with it."""
    odd = replace(engine.atan, name="odd", formula="", local_derivatives=[lambda z, x: 2 / (1 + x * x)])
    report = check_gradients(lambda x: odd(x) * 2.0, [1e15])
    assert report.unresolved
    told = "; nothing confirms that of odd, declared without a formula: declare(formula=...)"
    assert f"each other primitive's own local derivative was compared with 50 digits and agrees{told}" in str(report)
    assert "agrees" not in str(check_gradients(odd, [1e15])), "there is no other primitive"
    assert check_gradients(lambda x: replace(odd, formula="atan(x)")(x) * 2.0, [1e15]).faults


def test_without_mpmath_no_digits_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.checking.oracle.available", lambda: False)
    report = check_gradients(engine.atan, [1e15])
    assert "with mpmath installed, these are compared with 50 digits" in str(report)
    assert "agrees" not in report.notes[0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: replace(engine.sin, name="bad", local_derivatives=[lambda z, x: -engine.cos(x)])(x),
        lambda x: engine.sin(x) * float(x),
        lambda x: engine.sin(x) if x.data != 1e15 + 0.5 else x + 0.5,
    ],
)
def test_wrong_claims_stay_wrong_where_differences_see_something_else(f: Any) -> None:
    assert check_gradients(f, [1e15 + 0.5]).wrong


def test_where_differences_see_something_else_no_right_rule_is_the_culprit() -> None:
    """Those of sin alone contradict its rule there, which was blamed for what the code around the graph does."""
    needs("mpmath")

    def tangent(x: Value, y: Value) -> Value:
        slope = math.cos(y.data)
        return sin(x) + y * slope + (math.sin(y.data) - slope * y.data)

    declared = replace(engine.sin, name="declared")
    for report in (
        check_gradients(lambda x: sin(x) * float(x), [1e15 + 0.5]),
        check_gradients(lambda x: declared(x) * float(x), [1e15 + 0.5]),
        check_gradients(tangent, [1e15 + 0.5, 0.7], order=2),
    ):
        assert "no part of the recorded graph is wrong" in report.faults[0].what, report


def test_a_formula_that_is_as_wrong_as_its_rule_excuses_nothing() -> None:
    odd = replace(engine.square, name="odd", formula="x**3", local_derivatives=[lambda z, x: 3 * x * x])
    assert check_gradients(lambda x: odd(x), [1.0]).wrong


@pytest.mark.parametrize(("formula", "told"), [("foo(x)", "name 'foo' is not defined"), ("hypot(x)", "")])
def test_a_formula_that_cannot_be_computed_is_told(formula: str, told: str) -> None:
    odd = replace(engine.square, name="odd", formula=formula, local_derivatives=[lambda z, x: 3 * x])
    with pytest.raises(
        ValueError, match=rf"the formula of odd, .* cannot be computed: .*{told}.*; it is written with x"
    ):
        check_gradients(lambda x: odd(x), [1.0])


def test_without_fifty_digits_nothing_speaks_against_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.checking.oracle.available", lambda: False)
    assert check_gradients(engine.sin, [1e15 + 0.5]).wrong


def test_sums_of_derivatives_may_overflow() -> None:
    for f, point in ((engine.mul, [1.0, 1e308]), (engine.div, [1e308, -1.0])):
        assert not check_gradients(f, point).wrong
        assert len(check_gradients(f, point, directions=3).derivatives) == 3


# ---- failures that teach -------------------------------------------------------------------------------------------


def test_the_first_wrong_primitive_is_named_with_code_that_shows_it() -> None:
    cubed = engine.declare("cubed_wrongly", lambda x: x**3, [lambda z, x: 3.003 * x * x], formula="x ** 3")
    try:
        report = check_gradients(lambda a, b: sin(cubed(a * b)) * a, [0.5, 1.5])
        fault = report.faults[0]
        assert fault.primitive == "cubed_wrongly"
        assert "node 4 of the graph: its local derivative with respect to x at x = 0.75 is 1.6891875" in fault.what
        assert "50 digits of x ** 3 give 1.6875: relative error 0.001" in fault.what
        printed: list[Any] = []
        exec(fault.code, {"print": lambda *args: printed.append(args)})
        assert printed == [(pytest.approx(1.6891875), "should be", 1.6875)]
        assert {d.name for d in report.wrong} == {"a", "b"}
        for word in ("culprit", "cubed_wrongly", "2 of 2 derivatives WRONG", "relative error"):
            assert word in str(report)
    finally:
        del engine.PRIMITIVES["cubed_wrongly"]


def test_a_rule_that_is_off_by_much_is_named_before_one_that_is_off_by_little() -> None:
    """Of an error of 1e-8, nearly all is that of the second rule, whose part in the derivative is small."""
    needs("mpmath")
    near = replace(engine.exp, name="near", local_derivatives=[lambda z, x: (1 + 1e-8) * z])
    report = check_gradients(lambda x: sin(x) + 1e-3 * near(x) + 1e-5 * BAD_TANH(x), [0.5])
    assert report.faults[0].primitive == "bad_tanh", report


def test_without_a_formula_differences_of_the_primitive_itself_decide() -> None:
    bad = replace(
        engine.hypot, name="bad_hypot", formula="", local_derivatives=[engine.hypot.rules[0], engine.hypot.rules[0]]
    )
    fault = check_gradients(lambda x, y: bad(x, y) * 2, [1.0, 2.0]).faults[0]
    assert "its local derivative with respect to y" in fault.what
    assert "differences of its values give" in fault.what


def test_a_rule_by_an_operand_that_was_a_constant_before_at_the_same_numbers() -> None:
    """It was not audited there, and the sum over the uses of y was said to be wrong."""
    rules = [engine.pow.rules[0], lambda z, x, y: 1.01 * z * engine.log(x)]
    bad = replace(engine.pow, name="bad_pow", formula="", local_derivatives=rules)
    fault = check_gradients(lambda x, y: bad(x, 2.0) * bad(x, y), [3.0, 2.0]).faults[0]
    assert "bad_pow, node 5 of the graph: its local derivative with respect to y at x = 3.0, y = 2.0" in fault.what


def test_a_wrong_second_derivative_names_its_rule() -> None:
    flat = replace(
        engine.exp, name="flat_exp", local_derivatives=[lambda z, x: z.detach() if hasattr(z, "detach") else z]
    )
    assert check_gradients(lambda x: flat(x) * x, [1.0])
    report = check_gradients(lambda x: flat(x) * x, [1.0], order=2)
    assert [d.order for d in report.wrong] == [2]
    assert report.faults[0].primitive == "flat_exp"


def test_a_rule_that_is_another_on_values_than_on_floats() -> None:
    """The second derivatives were those of the wrong gradient's own graph, and agreed with its differences."""
    rule = lambda z, x: z if isinstance(x, float) else 1.01 * z
    odd = replace(engine.exp, name="odd", local_derivatives=[rule])
    assert check_gradients(lambda x: odd(x), [0.3])
    report = check_gradients(lambda x, y: odd(x) * y, [0.3, 2.0], order=2)
    assert not report.wrong
    assert "odd(0.3), node 2 of the graph: by x its rule gives 1.3498" in str(report)
    assert "on Values, as a graph of the gradient does: write one formula for both" in str(report)
    nothing = replace(engine.exp, name="nothing", local_derivatives=[lambda z, x: None if z.__class__ is float else z])
    assert check_gradients(lambda x: nothing(x), [0.3], order=2).wrong


def test_no_finite_number_is_an_infinite_derivative() -> None:
    """Within a millionth of infinity lay every number."""
    assert [oracle.confirms(got, math.inf) for got in (math.inf, 5.0, -math.inf, math.nan)] == [
        True,
        False,
        False,
        False,
    ]


def test_a_report_prints_its_certain_digits() -> None:
    text = str(check_gradients(lambda x: tanh(x), [1.0]))
    assert text.startswith("f at x = 1.0: 1 derivative, none wrong\n  agrees     by x: 0.41997434161402")


# ---- bad input -----------------------------------------------------------------------------------------------------


def not_deterministic(x: Value) -> Value:
    return x * random.random()


@pytest.mark.parametrize(
    ("f", "point", "error", "message"),
    [
        (lambda x: engine.log(x), [-1.0], ValueError, r"finite value at the point: log\(-1.0\) is nan; .*\(0, inf\)"),
        (lambda x: 1 / x, [0.0], ValueError, r"no finite value at the point: div\(1.0, 0.0\) is inf$"),
        (lambda x: engine.exp(x), [1e3], ValueError, r"no finite value at the point: exp\(1000.0\) is inf$"),
        (lambda x: x, [math.inf], ValueError, "finite numbers, got inf for x"),
        (lambda x: x * Value(math.nan), [1.0], ValueError, "no finite value at the point: a leaf is nan"),
        (engine.compile(lambda x: x * x), [1.0], TypeError, r"one entry for each sample; with Values, .* f\.function"),
        (lambda x: math.sin(float(x)), [1.0], TypeError, "must return a Value.*math's and float"),
        (lambda x: None, [1.0], TypeError, "must return a Value or a list of them, got None"),
        (not_deterministic, [1.0], ValueError, "not deterministic: it gave"),
        (lambda x, y: x * y, [1.0], TypeError, r"cannot be called with 1 number of the point \[1.0\]: missing"),
        (lambda x: x[0], [1.0, 2.0], TypeError, "too many .* of the whole array, give its gradient as grad=$"),
        (lambda x: x, {"y": 1.0}, TypeError, "cannot be called with the inputs y"),
        (lambda x: x, 1.0, TypeError, r"a list of numbers, one per input, .*; got 1.0: write \[1.0\]$"),
        (lambda x: x, "1", TypeError, r"a list of numbers, one per input, .*; got '1'$"),
        (lambda x: x, ["1"], TypeError, "the point's number 0"),
        (3, [1.0], TypeError, "takes a function of Values, got 3 of type int$"),
        (Value(3.0), [1.0], TypeError, r"got Value.*: give what computes it, such as lambda x: x \* x$"),
    ],
)
def test_bad_input_is_named(f: Any, point: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_gradients(f, point)


def test_code_that_raises_outside_its_domain_is_checked_at_the_end_of_it() -> None:
    """The differences of the other side decide."""

    def f(x: Value) -> Value:
        return x * x + math.sqrt(x.data - 1.0) * 0.0

    report = assert_gradients(f, [1.0])
    assert "below and 2 above" in str(report)
    assert check_gradients(f, [1.0], directions=2).ok

    def alone(x: Value, y: Value) -> Value:
        if x.data != 1.0:
            raise ZeroDivisionError("nowhere else")
        return x * y

    assert [d.status for d in check_gradients(alone, [1.0, 2.0]).derivatives] == ["unresolved", "agrees"]


def test_a_second_derivative_that_code_outside_of_the_graph_makes() -> None:
    """The graph is that of the tangent at the point: its value and slope are right."""

    def f(x: Value) -> Value:
        slope = math.cos(x.data)
        return x * slope + (math.sin(x.data) - slope * x.data)

    assert check_gradients(f, [0.7]).ok
    report = check_gradients(f, [0.7], 2)
    assert [d.order for d in report.wrong] == [2]
    assert "also depends on x outside it" in str(report)


@pytest.mark.parametrize(
    ("f", "at", "node"),
    [
        (lambda x: engine.expm1(engine.log(engine.softplus(x))), -1000.0, "log(0.0), node 3 of the graph"),
        (lambda x: engine.cbrt(x - x), 2.0, "cbrt(0.0), node 3 of the graph"),
        (lambda x: engine.exp(-engine.exp(x)), 1000.0, "exp(1000.0), node 2 of the graph"),
    ],
)
def test_where_infinite_numbers_make_nan_is_named(f: Any, at: float, node: str) -> None:
    """It was said that the function depends on x outside of the graph."""
    (fault,) = check_gradients(f, [at]).faults
    assert node in fault.what
    assert "0 times inf" in fault.what


def test_slopes_beside_the_line_are_taken_for_a_kink_without_a_node() -> None:
    """x*y / hypot(x, y) has slope 0 along both axes at the origin, and any up to 1 next to it."""

    def f(x: Value, y: Value) -> Value:
        r = math.hypot(x.data, y.data)
        value = x.data * y.data / r if r else 0.0
        return x * 0.5 + y * 0.5 + (value - 0.5 * x.data - 0.5 * y.data)  # claims 0.5 by both

    report = check_gradients(f, [0.0, 0.0])
    assert [d.status for d in report.derivatives] == ["agrees", "agrees"]
    assert "slopes beside the line" in str(report)


def test_an_infinite_derivative_of_a_smooth_function_differs() -> None:
    steep = replace(engine.sin, name="test_steep", local_derivatives=[lambda z, x: math.inf])
    report = check_gradients(lambda x: steep(x), [1.0])
    assert [d.claimed for d in report.wrong] == [math.inf]
    assert math.isinf(report.wrong[0].relative_error)


def test_a_function_of_c_has_numbered_inputs() -> None:
    assert [d.name for d in assert_gradients(max, [1.0, 2.0]).derivatives] == ["x0", "x1"]


@pytest.mark.parametrize("order", [0, -1, 1.5])
def test_a_bad_order(order: Any) -> None:
    with pytest.raises(ValueError, match="order is 1 for the gradient"):
        check_gradients(lambda x: x, [1.0], order=order)
    with pytest.raises(ValueError, match=r"got 2\.0: put the inputs in a list, check_gradients\(f, \[x, y\]\)"):
        check_gradients(lambda x, y: x * y, 1.0, 2.0)
    by_name = r"check_gradients\(f, point, grad=gradient\)"
    for point, gradient in ((1.0, math.cos), (math.cos, 1.0)):  # as in SciPy's check_grad, and the other way round
        with pytest.raises(ValueError, match=rf"got .*: name the gradient, {by_name}$"):
            check_gradients(math.sin, point, gradient)
    with pytest.raises(ValueError, match=r"got 2\.0: put several arguments of f in a tuple"):
        check_gradients(lambda x, y: x * y, 1.0, 2.0, grad=lambda x, y: (y, x))


def test_the_assertion_carries_the_report() -> None:
    with pytest.raises(AssertionError, match=r"1 of 1 derivative WRONG(.|\n)*culprit: bad_tanh"):
        assert_gradients(lambda x: BAD_TANH(x), [0.5])


@settings(max_examples=30)
@given(st.floats(-3, 3), st.sampled_from([0.999, 1.001, -1.0, 0.0, 2.0]))
def test_a_gradient_off_by_a_factor_is_never_passed(x: float, factor: float) -> None:
    bad = replace(engine.exp, name="bad_exp", local_derivatives=[lambda z, x: factor * z])
    assert not check_gradients(lambda x: bad(x) + sin(x), [x])


def test_a_long_report_lists_the_wrong_ones_first_and_counts_the_rest() -> None:
    report = check_gradients(lambda *xs: engine.sum(xs) + BAD_TANH(xs[60]), [0.5] * 70)
    lines = str(report).splitlines()
    assert lines[1].startswith("  differs    by xs[60]")
    assert "  agrees     by 29 more" in lines
    assert len(report.derivatives) == 70


@pytest.mark.parametrize("x", [1e-15, 1e-12, 1e-9, 3e-7, 1e-4])
def test_a_function_that_turns_faster_than_the_usual_steps_is_no_wrong_rule(x: float) -> None:
    assert check_gradients(lambda x: x * x * engine.sin(1 / x), [x]).ok


@pytest.mark.parametrize("x", [1e-4, 1e-6, 1e-7])
def test_cancellation_in_the_gradient_itself_is_no_wrong_rule(x: float) -> None:
    """At 1e-6 the engine gives -89 for -8e-8, by rules that are all right: its numerator has four digits left."""
    assert check_gradients(lambda x: (1 - engine.cos(x)) / x / x, [x]).ok


def test_no_second_opinion_on_what_turns_faster_than_its_steps() -> None:
    """It said that Taylor's remainder shrinks as that of a wrong gradient does, below a verdict without a wrong one."""
    report = check_gradients(lambda x: engine.sin(1e9 * x), [1.0])
    assert report.ok
    assert math.isnan(report.rate)
    assert "second opinion" not in str(report)
    wrong = check_gradients(lambda x: engine.sin(x) + x.detach(), [1.0])
    assert wrong.rate == pytest.approx(1.0, abs=0.1)


def test_a_check_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="there is nothing to check: f has no inputs, and reads no parameters"):
        check_gradients(lambda: Value(2.0) * 3, [])
    weight = Value(2.0, "w")
    assert [d.name for d in check_gradients(lambda: weight * 3, []).derivatives] == ["w"]


def test_truth_is_no_number_of_orders_or_directions() -> None:
    with pytest.raises(ValueError, match=r"order is 1 for the gradient.* got True"):
        check_gradients(engine.sin, [1.0], order=True)
    with pytest.raises(ValueError, match="directions must be a positive number of random directions, got True"):
        check_gradients(engine.sin, [1.0], directions=True)


def test_strict_is_true_or_false() -> None:
    with pytest.raises(TypeError, match=r"^strict= is True or False, got 'no'$"):
        assert_gradients(engine.tanh, [1.0], strict="no")
