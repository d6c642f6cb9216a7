"""Numbers that nobody asked for by float(): what takes them tells, where a function written in C leaves no frame."""

from __future__ import annotations

import array
import cmath
import math
import statistics
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import engine
from engine import Value
from engine.text import takers
from engine.text.remarks import NO_PASS, notes
from tests.needs import needs

pd, stats = needs("pandas"), needs("scipy.stats")
quad, solve_ivp = needs("scipy.integrate").quad, needs("scipy.integrate").solve_ivp

RNG = np.random.default_rng(0)


def assigned(x: Any) -> Any:
    z = np.zeros(2)
    z[0] = x * 2
    return z[0]


def assigned_as_slice(x: Any) -> Any:
    z = np.zeros(2)
    z[:] = [x, x * 2]
    return z[1]


def added_in_place(x: Any) -> Any:
    z = np.zeros(2)
    z[0] += x
    return z[0]


def filled(x: Any) -> Any:
    z = np.zeros(2)
    z.fill(x)
    return z[0]


def assigned_to_an_array_of_pythons(x: Any) -> Any:
    z = array.array("d", [0.0])
    z[0] = x
    return z[0]


def imported(x: Any) -> Any:
    from math import tanh

    return tanh(x)


def in_a_class(x: Any) -> Any:
    class Settings:
        from math import sqrt

        width = sqrt(x)

    return Settings.width


def inherited(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(x)


WARNED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("exp", lambda x: math.exp(x), r"math\.exp took .* write engine\.exp, or"),
    ("in a formula", lambda x: 1 / (1 + math.exp(-x)), r"math\.exp took"),
    ("the second operand", lambda x: math.pow(2.0, x), r"math\.pow took .* write engine\.pow, or"),
    ("of an expression", lambda x: math.hypot(x * x + 1, 3 * x), r"math\.hypot took"),
    ("in what another one takes", lambda x: str(math.log(x, 3.0)), r"math\.log took"),
    ("in a list", lambda x: [math.sin(v) for v in [x]], r"math\.sin took"),
    ("imported", imported, r"math\.tanh took .* engine\.tanh"),
    ("in the body of a class", in_a_class, r"math\.sqrt took"),
    ("of a closure", inherited(math.cos), r"math\.cos took"),
    ("sums", lambda x: math.fsum([x, x]), r"math\.fsum took .* write engine\.sum, or"),
    ("absolute", lambda x: math.fabs(x), r"math\.fabs took .* write engine\.abs, or"),
    ("not in the table", lambda x: math.lgamma(x), r"math\.lgamma took .* write it with the engine's functions, or"),
    ("complex", lambda x: cmath.exp(x), r"cmath\.exp took"),
    (
        "an integrand",
        lambda x: quad(lambda t: x * t, 0, 1),
        r"quad of scipy took .* write it with the engine's",
    ),
    ("a bound", lambda x: quad(lambda t: t, 0, x), r"quad of scipy took"),
    (
        "a differential equation",
        lambda x: solve_ivp(lambda t, y: -x * y, (0, 1), [1.0]),
        r"solve_ivp of scipy took",
    ),
    ("a density", lambda x: stats.norm.logpdf(0.3, x, 1.0), r"logpdf of scipy took"),
    ("a distribution", lambda x: statistics.NormalDist().cdf(x), r"cdf of statistics took"),
    ("a random number", lambda x: RNG.normal(x, 1.0), r"normal of numpy.random took .* write mean \+ width"),
    ("an older one", lambda x: np.random.uniform(0, x), "uniform of numpy.random took"),
    ("a mean of pandas", lambda x: pd.Series([x, x * 2]).mean(), "of pandas took"),
    ("groups of pandas", lambda x: pd.Series([x, x * 2]).groupby([1, 1]).mean(), "of pandas took"),
    ("masked", lambda x: np.ma.cov(np.ma.array([x, x * 2])), r"cov of numpy took"),
    ("an element", assigned, "an array of floats took .* dtype=object"),
    ("a slice", assigned_as_slice, "an array of floats took"),
    ("an element that is added to", added_in_place, "an array of floats took"),
    ("an array that is filled", filled, "an array of floats took .* dtype=object"),
    ("an array of Python's", assigned_to_an_array_of_pythons, "an array of floats took"),
]


@pytest.mark.parametrize(("call", "told"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED])
def test_a_number_that_nobody_asked_for_is_told_at_the_users_line(call: Callable[[Any], Any], told: str) -> None:
    for x in [Value(0.5), *[Value(0.25) * 2] * 20]:  # Python replaces instructions that it often meets
        with pytest.warns(UserWarning, match=told) as caught:
            call(x)
        assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize("name", ["abs", "add", "exp", "mean", "multiply", "power", "prod", "sin", "sqrt", "sum"])
def test_functions_of_masked_arrays_make_no_plain_number_of_a_value(name: str) -> None:
    x = Value(0.5)
    try:
        made = getattr(np.ma, name)(*[x, x][: 2 if name in ("add", "multiply", "power") else 1])
    except (AttributeError, TypeError):  # NumPy's own
        return
    assert isinstance(made, Value)


def in_an_array_of_objects(x: Any) -> Any:
    z = np.zeros(2, dtype=object)
    z[0] = x
    return z[0]


def in_no_grad(x: Any) -> Any:
    with engine.no_grad():
        return math.exp(x)


ASKED: dict[str, Callable[[Any], Any]] = {
    "float": lambda x: float(x),
    "of a float": lambda x: math.exp(float(x)),
    "of the data": lambda x: math.exp(x.data),
    "a constant": lambda x: math.exp(x.detach()),
    "a question": lambda x: (math.isnan(x), math.isfinite(x), math.isinf(x), math.isclose(x, 0.5)),
    "a choice": lambda x: RNG.choice(2, p=[x, 1 - x]),
    "a whole number": lambda x: (RNG.poisson(x), np.random.binomial(3, x)),
    "steps": lambda x: (math.floor(x), math.ceil(x)),
    "text": lambda x: f"{x:.3f} %.3f" % x,
    "numbers of a table": lambda x: (pd.Series([x]).astype(float), pd.Series([x]).to_numpy(float)),
    "a copy of numbers": lambda x: np.array([x, x], dtype=float),
    "objects": in_an_array_of_objects,
    "an entry": lambda x: {}.__setitem__("loss", x),
    "nothing recorded": in_no_grad,
}


@pytest.mark.parametrize("call", ASKED.values(), ids=ASKED)
def test_where_the_number_is_meant_nothing_is_said(call: Callable[[Any], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(Value(0.5))


def of_a_tuple(x: Any) -> float:
    operands = (x, 2.0)
    return math.pow(*operands)


HIDDEN: dict[str, Callable[[Any], Any]] = {
    "by another function": lambda x: list(map(math.exp, [x])),
    "of a tuple": of_a_tuple,
    "a branch": lambda x: math.exp(x if x > 0 else 0.0),
    "partial": lambda x: partial(math.pow, 2.0)(x),
}


@pytest.mark.parametrize("call", HIDDEN.values(), ids=HIDDEN)
def test_what_no_name_tells_is_no_error(call: Callable[[Any], Any]) -> None:
    """The notes of a graph say so, if the number is found in it."""
    assert call(Value(0.5))


def test_a_function_under_the_name_of_one_of_maths_is_none_of_them() -> None:
    def exp(x: Any) -> float:
        return float(x)

    assert exp(Value(0.5)) == 0.5


def test_notes_tell_it_though_the_value_is_in_the_graph_too() -> None:
    x = Value(1.234567890123)
    with pytest.warns(UserWarning, match="took"):
        first, *rest = notes(x * x + math.sin(x))
    assert first.startswith("float() left the graph here, and 0.944 is a plain number, sin of what it took: ")
    assert "notes(x * x + math.sin(x))" in first
    assert rest == [NO_PASS]
    with pytest.warns(UserWarning, match="took"):
        assert "what it took" in notes(x * x + assigned(x))[0]


def test_each_line_warns_once(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("default")
    for k in range(3):
        math.exp(Value(k))
    assert len(recwarn) == 1


def test_the_code_is_read_once_for_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """To disassemble a long program takes milliseconds."""
    read: list[Any] = []
    names = takers._names
    monkeypatch.setattr(takers, "_names", lambda code, at: read.append(at) or names(code, at))
    x = Value(0.5)
    for _ in range(10):
        float(x)
    assert len(read) <= 2  # Python 3.11 has an instruction before the call that soon calls in its place


def test_what_was_read_of_code_that_is_gone_is_not_told_of_other_code() -> None:
    """Its address may be another's by then; and not all that ever ran is kept."""
    names = {"x": Value(0.5), "math": math}

    def run_many() -> None:
        for k in range(3000):
            exec("float(x)" if k % 3 else f"math.exp(x)  # {k}", names)

    with pytest.warns(UserWarning, match="took") as told:
        run_many()
    assert len(told) == 1000
    assert len(takers._known) <= 1000
