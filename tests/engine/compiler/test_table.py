"""Every primitive of the table on every back end: values and derivatives, signed zeros, inf and nan included."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from engine import PRIMITIVES, Primitive, TraceError, Value, compile, declare, grad, ops
from engine.compiler.comparison import templates
from engine.compiler.errors import Unsupported
from engine.compiler.values import places
from tests.engine.compiler.everywhere import close, eager
from tests.needs import INSTALLED, needs

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -2.5, 3.0, 30.0, -30.0, 700.0, -800.0, 1e300, 1e-8]


def cases(primitive: Primitive) -> tuple[Callable[..., Any], list[tuple[float, ...]]]:
    """The primitive as a function of single numbers, and what to call it with."""
    rng = random.Random(primitive.name)
    if primitive.name == "take":
        return lambda k, *xs: primitive(k, xs), [(k, *rng.sample(SPECIAL, 4)) for k in (0.0, 1.0, 3.0)]
    if primitive.name == "dot":
        rows = [tuple(rng.choices(SPECIAL, k=5)) for _ in range(60)]
        return lambda *xs: primitive(xs[:2], xs[2:4], xs[4]), rows
    if primitive.arity is None:
        return lambda *xs: primitive(xs), [tuple(rng.choices(SPECIAL, k=3)) for _ in range(60)]
    if primitive.name == "where":
        return primitive, [(c, x, y) for c in (0.0, 1.0) for x, y in itertools.product(SPECIAL, repeat=2)]
    return primitive, list(itertools.product(SPECIAL, repeat=primitive.arity))


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("primitive", list(PRIMITIVES.values()), ids=lambda p: p.name)
def test_a_primitive_gives_what_the_eager_engine_gives(primitive: Primitive, backend: str) -> None:
    function, rows = cases(primitive)
    compiled = compile(lambda *xs: function(*xs), backend=backend)
    columns = [list(column) for column in zip(*rows)]
    outputs = compiled(*columns)
    _, gradients = compiled.value_and_grad(*columns, wrt="inputs")
    for k, row in enumerate(rows):
        (expected,), derivatives = eager(function, row)
        largest = max([abs(x) for x in row if math.isfinite(x)], default=0.0)
        scale = largest if primitive.arity is None else abs(expected)
        assert close(expected, float(outputs[k]), scale), (row, expected, outputs[k])
        for gradient, derivative in zip([gradients] if len(columns) == 1 else gradients, derivatives):
            found = float(gradient[k]) * len(rows)
            assert close(derivative, found, max(abs(derivative), 1e-290)), (row, derivative, found)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_zero_has_the_sign_that_the_eager_engine_gives_it(name: str, backend: str) -> None:
    """Its reciprocal is inf or -inf; to `close` both zeros are equal."""
    primitive = PRIMITIVES[name]
    function, rows = cases(primitive)
    found = compile(lambda *xs: function(*xs), backend=backend)(*[list(column) for column in zip(*rows)])
    for row, z in zip(rows, found):
        expected = float(function(*row))
        assert expected != 0 or math.copysign(1.0, expected) == math.copysign(1.0, float(z)), row


@pytest.mark.parametrize("backend", INSTALLED)
def test_any_condition_but_0_holds(backend: str) -> None:
    conditions = [-1.0, -3.0, 0.5, math.inf, math.nan, 5e-324, 0.0, -0.0]
    found = compile(lambda c: ops.where(c, 1.0, 2.0), backend=backend)(conditions)
    assert [*map(float, found)] == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]


def test_every_primitive_has_a_native_form() -> None:
    lacking = [p.name for p in PRIMITIVES.values() if p.native is None and p.name not in ("dot", "take")]
    assert lacking == []


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_new_entry_compiles_without_touching_the_compiler(backend: str) -> None:
    from engine import exp

    template = declare(
        "softsign_t", lambda x: x / (1 + abs(x)), [lambda z, x: 1 / (1 + abs(x)) ** 2], native="x / (1 + fabs(x))"
    )
    composed = declare(
        "damped_c",
        lambda x: x * math.exp(-x * x),
        [lambda z, x: exp(-x * x) - 2 * x * z],
        native=lambda x: x * exp(-x * x),
    )
    try:
        compiled = compile(lambda x: template(composed(x)), backend=backend)
        xs = [-1.5, 0.25, 3.0]
        for x, found in zip(xs, compiled(xs)):
            assert close(eager(lambda x: template(composed(x)), [x])[0][0], float(found), 1.0)
    finally:
        del PRIMITIVES["softsign_t"], PRIMITIVES["damped_c"]
        for name in ("softsign_t", "damped_c"):
            delattr(Value, name)


def test_a_primitive_of_python_only_runs_in_python_and_auto_says_why() -> None:

    plain = declare("python_only", lambda x: math.fabs(x) * 3.0, [lambda z, x: 3.0])
    try:
        compiled = compile(lambda x: plain(x))
        assert list(compiled([2.0])) == [6.0]
        assert "python_only has no native template" in compiled.explain() or INSTALLED == ["python"]
    finally:
        del PRIMITIVES["python_only"]
        delattr(Value, "python_only")


@pytest.mark.parametrize("backend", INSTALLED[1:])
def test_a_primitive_of_python_only_is_refused_by_the_other_back_ends(backend: str) -> None:

    plain = declare("python_only", lambda x: math.fabs(x) * 3.0, [lambda z, x: 3.0], method=False)
    try:
        with pytest.raises(
            Unsupported, match=r"python_only has no native template.*: write it with engine's functions"
        ):
            compile(lambda x: plain(x), backend=backend)([2.0])
    finally:
        del PRIMITIVES["python_only"]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("level", [1.0, -1.0])
def test_an_operand_that_a_known_condition_leaves_out_gets_nothing(level: float, backend: str) -> None:
    """Not 0 times the derivative of what comes before it, which is infinite here."""
    rules = [lambda z, x, y: ops.unless(y <= 0.0, 1.0), lambda z, x, y: 0.0]
    gate = declare("gate", lambda x, y: x if y > 0 else 0.0, rules, native="x if y > 0 else 0", method=False)
    try:
        a, b = Value(2.0), Value(3.0)
        compile(lambda x: gate(a * ops.sqrt(x), level) + b * x, backend=backend).backward([4.0])
        assert (a.grad, b.grad) == (2.0 if level > 0 else 0.0, 4.0)
        _, by_x = compile(lambda x: gate(ops.sqrt(x), level), backend=backend).value_and_grad([0.0], wrt="inputs")
        assert list(by_x) == [math.inf if level > 0 else 0.0]
    finally:
        del PRIMITIVES["gate"]


@pytest.mark.parametrize("backend", INSTALLED)
def test_conditions_in_templates_are_numbers(backend: str) -> None:

    def forward(x: float) -> float:
        count = float(not (x > 0.5 or x < -0.5)) + float(x == 0.25) - float(x < 0.0)
        return count * (float(x > 0.0) if x < 0.5 else 3.0 * float(x > 0.5))

    native = "((not (x > 0.5 or x < -0.5)) + (x == 0.25) - (x < 0)) * ((x > 0) if x < 0.5 else 3 * (x > 0.5))"
    inside = declare("inside", forward, [lambda z, x: 0.0], native=native, method=False)
    outside = declare("outside", lambda x: float(x > 0.5), [lambda z, x: 0.0], native="x > 0.5", method=False)
    try:
        xs = [-1.0, -0.5, 0.25, 0.5, 0.75]
        assert list(compile(lambda x: inside(x), backend=backend)(xs)) == [forward(x) for x in xs]
        assert list(compile(lambda x: outside(x) * x, backend=backend)(xs)) == [0.0, 0.0, 0.0, 0.0, 0.75]
    finally:
        del PRIMITIVES["inside"], PRIMITIVES["outside"]


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_primitive_without_template_is_what_its_forward_composes(backend: str) -> None:
    """Of any arity; one that calls another declared primitive too."""
    from engine import declare, exp, sigmoid

    swish = declare(
        "swish_f", lambda x: x * sigmoid(x), [lambda z, x: sigmoid(x) * (1 + x * sigmoid(-x))], method=False
    )
    both = declare(
        "both_f",
        lambda x, y: swish(x) * exp(y) + 2.0,
        [lambda z, x, y: sigmoid(x) * (1 + x * sigmoid(-x)) * exp(y), lambda z, x, y: z - 2.0],
        method=False,
    )
    power_mean = declare(
        "power_f",
        lambda *xs: sum(x * x for x in xs) / len(xs),
        lambda z, *xs: [2.0 * x / len(xs) for x in xs],
    )
    try:

        def function(x):
            return both(swish(x[0]), x[1]) + power_mean(x)

        compiled = compile(function, backend=backend)
        points = [[0.3, -1.2], [-2.0, 0.5], [4.0, 0.0]]
        outputs, (_, gradients) = compiled(points), compiled.value_and_grad(points, wrt="inputs")
        assert compiled.used.startswith(backend)
        for point, found, gradient in zip(points, outputs, gradients):
            (expected, *_), slopes = eager(function, [point])
            assert close(expected, float(found), 1.0)
            for x, y in zip(slopes, gradient):
                assert close(x, len(points) * float(y), 1.0)  # of the mean
    finally:
        for name in ("swish_f", "both_f", "power_f"):
            del PRIMITIVES[name]


def test_a_forward_that_counts_is_not_composed() -> None:

    calls = iter(range(1, 100))
    counting = declare("counting_f", lambda x: x * next(calls), [lambda z, x: 1.0], method=False)
    try:
        compiled = compile(lambda x: counting(x))
        with pytest.raises(TraceError):  # what plain Python makes of it differs from what the engine made
            compiled([2.0])
    finally:
        del PRIMITIVES["counting_f"]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("exponent", [0.5, -0.5, 1.5, -1.5, 2.0, 3.0, 4.0, -1.0, 0.0, 1.0, 2.5, -3.0])
def test_constant_powers(exponent: float, backend: str) -> None:
    xs = [*SPECIAL, 1e-310, 1e200, 7.3, 0.1, -7.3]
    compiled = compile(lambda x: x**exponent, backend=backend)
    outputs, (_, gradients) = compiled(xs), compiled.value_and_grad(xs, wrt="inputs")
    for x, found, gradient in zip(xs, outputs, gradients):
        (expected,), (derivative,) = eager(lambda x: x**exponent, [x])
        assert close(expected, float(found), abs(expected)), (x, expected, found)
        assert close(derivative, float(gradient) * len(xs), max(abs(derivative), 1e-290)), (x, derivative, gradient)


def test_the_derivative_of_a_constant_power_has_no_cases() -> None:
    slope = compile(lambda x: grad(x**3.0, x, create_graph=True), backend="python")
    assert list(slope([2.0])) == [12.0]
    assert slope.explain("lower").split("\n") == ["t0 = square(x0)", "t1 = mul(3, t0)", "output t1"]


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_power_whose_exponent_is_an_input(backend: str) -> None:
    compiled = compile(lambda x: x[0] ** x[3], backend=backend)  # the position 3 is no exponent
    assert list(compiled([[2.0, 0.0, 0.0, 5.0], [3.0, 0.0, 0.0, 2.0]])) == [32.0, 9.0]


def test_rules_of_arrays_are_those_of_templates() -> None:
    needs("numpy")
    from engine import declare, logsumexp, maximum
    from engine.compiler.backends.array_templates import apply

    assert apply(PRIMITIVES["sum"])(1.0, 2.0, 3.5) == 6.5
    assert apply(maximum)(1.0, 2.0) == 2.0
    plain = declare("python_only", lambda x: x, [lambda z, x: 1.0], method=False)
    try:
        for primitive in (plain, logsumexp):  # without a template, and composed
            with pytest.raises(Unsupported, match=f"the primitive {primitive.name} has no native template"):
                apply(primitive)
    finally:
        del PRIMITIVES["python_only"]


@pytest.mark.parametrize("how", ["name", "method", "operator"])
@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.usefixtures("free_at_sign")
def test_what_the_functions_of_a_primitive_read_is_watched(backend: str, how: str) -> None:
    factor = [3.0]
    scaled = declare(
        "test_scaled",
        lambda x, y: x * y * factor[0],
        [lambda z, x, y: y * factor[0], lambda z, x, y: x * factor[0]],
        dunder="matmul",
    )
    try:
        w = Value(1.5)
        functions: dict[str, Callable[[Any], Any]] = {
            "name": lambda x: scaled(w, x),
            "method": lambda x: w.test_scaled(x),
            "operator": lambda x: w @ x,
        }
        compiled = compile(functions[how], backend=backend)
        assert [float(x) for x in (*compiled([2.0]), *compiled.value_and_grad([2.0])[1])] == [9.0, 6.0]
        factor[0] = 7.0
        assert [float(x) for x in (*compiled([2.0]), *compiled.value_and_grad([2.0])[1])] == [21.0, 14.0]
    finally:
        del PRIMITIVES["test_scaled"], Value.test_scaled


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_primitive_that_is_declared_anew_counts(backend: str) -> None:
    compiled = compile(lambda x: x.test_anew(), backend=backend)
    for factor in (2.0, 3.0):
        declare("test_anew", lambda x, by=factor: x * by, [lambda z, x, by=factor: by])
        try:
            assert [float(x) for x in compiled([1.5])] == [1.5 * factor]
        finally:
            del PRIMITIVES["test_anew"], Value.test_anew


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    ("forward", "rule"),
    [(lambda x: x * K.data, lambda z, x: 2.0), (lambda x: x * 2.0, lambda z, x: float(K))],
    ids=["forward", "rule"],
)
def test_a_primitive_that_reads_the_number_of_a_value_is_refused(
    forward: Callable[..., Any], rule: Callable[..., Any], backend: str
) -> None:
    reading = declare("test_reading", forward, [rule], method=False)
    try:
        with pytest.raises(TraceError, match=r"data|float|number"):
            compile(lambda x: reading(x), backend=backend)([2.0])
    finally:
        del PRIMITIVES["test_reading"]


def test_a_primitive_that_does_not_take_just_any_number_compiles() -> None:
    """Its functions are called with some, to see what they read."""

    def of_more_than_one(x: Any) -> Any:
        if x <= 1.0:
            raise ValueError(x)
        return x * 2.0

    picky = declare("test_picky", of_more_than_one, [lambda z, x: 2.0], method=False)
    try:
        assert list(compile(lambda x: picky(x), backend="python")([3.0])) == [6.0]
    finally:
        del PRIMITIVES["test_picky"]


K = Value(2.0)


def test_a_forward_function_that_raises_somewhere_is_compared_with_its_template_elsewhere() -> None:
    """Points at which the user's code raises say nothing of the template; they ended the comparison."""

    def forward(x: float) -> float:
        if x == 0.0:  # the first of the points at which templates are looked at
            raise ZeroDivisionError
        return x + 1.0

    gate = declare("gate", forward, [lambda z, x: 1.0], native="x + 2", method=False)
    try:
        with pytest.raises(TraceError, match=r"the native template of gate, 'x \+ 2', gives"):
            compile(lambda x: gate(x), backend="auto")([1.0])
        right = declare("right", forward, [lambda z, x: 1.0], native="x + 1", method=False)
        assert list(compile(lambda x: right(x), backend="auto")([1.0])) == [2.0]
    finally:
        del PRIMITIVES["gate"]
        PRIMITIVES.pop("right", None)


def test_without_numpy_no_template_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only Python runs, which takes the forward function; the comparison itself would raise ImportError."""
    gate = declare("gate", lambda x: x + 1.0, [lambda z, x: 1.0], native="x + 2", method=False)
    try:
        check = templates.check_templates
        with pytest.raises(TraceError, match="native template"):
            check([gate])
        monkeypatch.setitem(sys.modules, "numpy", None)
        check([gate])
    finally:
        del PRIMITIVES["gate"]


def test_without_numpy_many_values_are_found_by_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr(places, "_MANY", 3)
    values = [Value(x) for x in range(5)]
    found = places.Places(values)
    assert [found.of(value) for value in (*reversed(values), Value(1.0))] == [4, 3, 2, 1, 0, None]
