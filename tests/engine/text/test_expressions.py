from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Value
from engine.text.expressions import ExpressionError, names_in, parse


@pytest.mark.parametrize(
    "text",
    [
        "x + y*x - 3", "x**2 / y", "-x", "+x", "x // y % 2", "tanh(x*y)", "arcsin(x/10)", "sum([x, y, 1])", "sum(x, y)",
        "dot([x, y], [y, 2], 1)", "maximum(x, y)", "where(x > 1, x, y)", "take(1, [x, y])", "leaky_relu(-x, slope=0.3)",
        "pi*x + e", "x*1e-3", "(x)", "x ** -y", "where(x <= y, x, y)",
    ],
)  # fmt: skip  # read as one list
def test_as_in_python(text: str) -> None:
    x, y = Value(2.5), Value(3.0)
    scope = {**engine.PRIMITIVES, "arcsin": engine.asin, "pi": math.pi, "e": math.e, "x": x, "y": y}
    expected = eval(text, {"__builtins__": {}, **scope})
    assert parse(text, {"x": x, "y": y}).data == expected.data


def test_numbers_follow_ieee() -> None:
    assert parse("1/0", {}) == math.inf
    assert parse("-1/0", {}) == -math.inf
    assert math.isnan(parse("(-8)**(1/3)", {}))
    assert parse("2**0.5", {}) == math.sqrt(2)


def test_the_graph_is_that_of_python() -> None:
    w, x = Value(0.5), Value(2.0)
    root = parse("w*x + w", {"w": w, "x": x})
    assert root.operands[1] is w
    root.backward()
    assert (w.grad, x.grad) == (3.0, 0.5)


@pytest.mark.parametrize(
    ("text", "problem", "column"),
    [
        ("tanh(w*", "this is not an expression", None),
        ("w w", "this is not an expression", None),
        ("w +", "this is not an expression", None),
        ("", "this is not an expression", 0),
        ("tanh(w*q)", "q has no value: give q=...", 7),
        ("1 + tanhh(w)", "there is no function tanhh: did you mean tanh?", 4),
        ("zzz(w)", "there is no function zzz", 0),
        ("w + tanh", "tanh is a function: call it", 4),
        ("w.real", "not this", 0),
        ("w if w else 1", "is written where(condition, x, y)", 0),
        ("w and w", "conditions cannot be joined here", 0),
        ("w^2", "a power is written with **, such as x**2", 1),
        ("tanh(2*w) ^ (w)", "a power is written with **, such as x**2", 10),
        ("2w + 1", "a product is written with *: 2 * w", 0),
        ("1 + 3.5e2 w", "a product is written with *: 3.5e2 * w", 4),
        ("(w + 1)(w)", "only functions of the table", 1),
        ("2(w)", "a product is written with *", 0),
        ("w(2)", "a product is written with *", 0),
        ("ln(w)", "there is no function ln: did you mean log?", 0),
        ("1 + math.sin(w)", "write sin(...)", 4),
        ("|w|", "for | write abs(x)", 0),
        ("w²", "for ² write x**2", 1),
        ("float(w)", "it would drop the graph", 0),
        ("w*\udcff", "this is not a character", 2),
        ("w < w < w", "not this", 0),
        ("~w", "not this", 0),
        ("w @ w", "is written dot([...], [...])", 2),
        ("'w' + w", "not this", 0),
        ("True + w", "not this", 0),
        ("1j*w", "not this", 0),
        ("lambda: w", "not this", 0),
        ("[w for w in w]", "not this", 0),
        ("(w := 3)", "w has a value already", 1),
        ("w.__class__()", "only functions of the table", 0),
        ("tanh(w)(w)", "only functions of the table", 0),
        ("__import__('os')", "there is no function __import__", 0),
        ("tanh(*w)", "not this", 5),
        ("tanh(**w)", "** cannot be used in calls", 0),
        ("w + [w]", "a list can only stand inside a call", 4),
        ("[w]", "a list can only stand inside a call", 0),
        ("-[w]", "a list can only stand inside a call", 1),
        ("tanh(w, w)", "expected tanh(x)", 0),
        ("dot([w], [])", "dot() of 1 weights with 0 inputs", 0),
        ("take(5, [w])", "take() of index 5", 0),
        ("sum()", "sum() of no operands", 0),
        ("w + 1" + "0" * 400, "beyond the range of a float", 4),
        ("é*q", "é has no value", 0),
        ("w*éa + 1", "éa has no value", 2),
        ("w +\n  q", "q has no value", 4),
    ],
)
def test_a_mistake_gets_a_caret(text: str, problem: str, column: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, {"w": Value(0.5)})
    error = caught.value
    assert problem in error.problem
    if column is not None:
        assert error.column == column
    _, line, caret = str(error).splitlines()
    assert line[2:] == error.expression
    assert caret == " " * (error.column + 2) + "^"


def test_the_caret_stands_below_wide_letters() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("重み * q", {"重み": Value(0.5)})
    assert str(caught.value).splitlines()[1:] == ["  重み * q", "         ^"]


@pytest.mark.parametrize("text", ["(" * 5000 + "w" + ")" * 5000, "w" + " + w" * 50_000, "-" * 50_000 + "w"])
def test_what_is_nested_too_deeply(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"nested too deeply|too many nested|too nested|stack overflow"):
        parse(text, {"w": Value(0.5)})


@given(st.text(alphabet="wx0.5+-*/()[],= tanhsumdot\n#'\"\\é", max_size=30))
def test_nothing_but_an_expression_error(text: str) -> None:
    mistakes: list[ExpressionError] = []
    try:
        assert isinstance(parse(text, {"w": Value(0.5), "x": Value(2.0)}), (Value, float))
    except ExpressionError as mistake:
        mistakes.append(mistake)
    assert all(0 <= mistake.column <= len(mistake.expression) for mistake in mistakes)


def test_names_are_compared_as_python_compares_them() -> None:
    assert parse("µ + 1", {"\u00b5": Value(3.0)}).data == 4.0  # the micro sign is read as the letter mu


def test_a_part_that_is_used_again() -> None:
    w = Value(3.0)
    root = parse("(n := w*w) + n", {"w": w})
    assert root.operands[0] is root.operands[1]


def test_names_with_an_index() -> None:
    w = [Value(2.0), Value(3.0)]
    engine.label(w=w)
    root = w[0] * w[1]
    assert parse(root.explain().expression, {str(leaf.label): leaf for leaf in w}).operands == tuple(w)


@pytest.mark.usefixtures("free_at_sign")
def test_the_operators_are_those_of_the_table() -> None:
    """Not of a list of the reader's own: what is declared with an operator is read, and written, at once."""
    matmul = engine.declare(
        "test_expressions_shift",
        lambda x, y: x * 2.0**y,
        [lambda z, x, y: z / x, lambda z, x, y: z],
        symbol="@",
        dunder="matmul",
        precedence=2,
    )
    try:
        x, y = Value(3.0, "x"), Value(2.0, "y")
        root = parse("x @ y", {"x": x, "y": y})
        assert (root.primitive, root.data) == (matmul, 12.0)
        assert root.explain().expression == "x@y"
    finally:
        del engine.PRIMITIVES["test_expressions_shift"]
        del Value.test_expressions_shift


def test_names_in() -> None:
    assert names_in("tanh(w*x + b) * w - pi") == ["w", "x", "b"]
    assert names_in("w +") == []
