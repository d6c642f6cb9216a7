from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import AnomalyError, Value, detect_anomaly, find_anomaly, no_grad
from tests.engine.graphs import TAME, Recipe, build, floats, recipes

POINTS = st.lists(floats(), min_size=3, max_size=3)


def test_the_forward_pass() -> None:
    p, y = Value(0.0, "p"), Value(1.0, "y")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        loss = -(p.log() * y)  # the line to be named
    anomaly = caught.value.anomaly
    assert (anomaly.phase, anomaly.primitive, anomaly.number) == ("forward", engine.log, -math.inf)
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["log gave -inf in the forward pass", "  log(p) = -inf   with p = 0"]
    assert lines[2].startswith(f"  made at {__file__}:")
    assert lines[2].endswith(": loss = -(p.log() * y)  # the line to be named")
    assert isinstance(caught.value, FloatingPointError)
    loss = -(p.log() * y)
    assert str(find_anomaly(loss)) == (
        "log gave -inf in the forward pass\n"
        "  log(p) = -inf   with p = 0\n"
        "  path from the root: -(log(p)*y) -> log(p)*y -> log(p)"
    )


def test_the_backward_pass() -> None:
    x = Value(0.0, "x")
    x.grad = 5.0
    with detect_anomaly():
        made_here = (x * 3.0).sqrt()
        loss = made_here * 2.0
        with pytest.raises(AnomalyError) as caught:
            loss.backward()
        with pytest.raises(AnomalyError):
            engine.grad(loss, x)
        assert str(find_anomaly(loss)) == str(caught.value)
    assert x.grad == 5.0
    anomaly = caught.value.anomaly
    assert (anomaly.phase, anomaly.upstream, anomaly.local, anomaly.number) == ("backward", 2.0, math.inf, math.inf)
    assert anomaly.node is made_here
    assert anomaly.path[0] is loss
    assert anomaly.path[-1] is anomaly.operand
    text = str(caught.value)
    assert text.startswith("sqrt gave x*3 the gradient inf in the backward pass\n  sqrt(x*3) = 0   with x*3 = 0\n")
    assert "made_here = (x * 3.0).sqrt()" in text
    assert text.endswith("path from the root: sqrt(x*3)*2 -> sqrt(x*3) -> x*3")


def test_what_is_finite_passes() -> None:
    x = Value(2.0, "x")
    with detect_anomaly():
        y = (x.log() + (-x).exp()) ** 2
        y.backward()
        assert find_anomaly(y) is None
    assert find_anomaly(engine.where(1.0, x, Value(0.0).sqrt())) is None  # the branch that was not selected


def test_the_adjoint_of_a_constant_is_nobodys() -> None:
    """The exponent's derivative of (-3)**2 is nan, and never computed; an n-ary rule gives it."""
    x = Value(-3.0)
    odd = engine.declare("test_anomaly_odd", lambda *xs: xs[0], lambda z, *xs: [1.0, math.nan])
    try:
        with detect_anomaly():
            (x**2).backward()
            odd(x, 2.0).backward()
        assert x.grad == -5.0
        with detect_anomaly(), pytest.raises(AnomalyError, match="test_anomaly_odd gave v2 the gradient nan"):
            odd(x, Value(2.0)).backward()
    finally:
        del engine.PRIMITIVES["test_anomaly_odd"]


def test_it_ends_with_the_context_and_holds_for_one_thread() -> None:
    def compute() -> None:
        results.append(Value(0.0).log().data)

    results: list[float] = []
    with detect_anomaly():
        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()
    compute()
    assert results == [-math.inf, -math.inf]
    x = Value(0.0)
    x.sqrt().backward()
    assert x.grad == math.inf


def test_together_with_no_grad() -> None:
    x = Value(2.0)
    with detect_anomaly(), no_grad():
        assert (x * x).operands == ()
        with pytest.raises(AnomalyError, match="sub gave nan"):
            Value(math.inf) - math.inf
    with no_grad(), detect_anomaly():
        assert (x * x).operands == ()
    assert len((x * x).operands) == 2


def test_as_a_decorator_it_holds_while_a_generator_or_coroutine_runs() -> None:
    """It was over before the first step of one."""

    @detect_anomaly()
    def logs() -> Iterator[Value]:
        yield from (Value(x).log() for x in (1.0, 0.0))

    @detect_anomaly()
    async def log() -> Value:
        return Value(0.0).log()

    steps = logs()
    next(steps)
    assert Value(0.0).log() == -math.inf
    with pytest.raises(AnomalyError, match="log gave -inf"):
        next(steps)
    with pytest.raises(AnomalyError, match="log gave -inf"):
        asyncio.run(log())
    with pytest.raises(TypeError, match=r"^detect_anomaly\(\) decorates a function, .*, got 3$"):
        detect_anomaly()(3)


def test_no_line_is_known_outside() -> None:
    anomaly = find_anomaly(Value(0.0, "x").log())
    assert anomaly is not None
    assert anomaly.source is None
    assert "made at" not in anomaly.text


def test_the_line_of_code_that_no_file_has() -> None:
    code = compile("x.log()", "<typed>", "eval")
    with pytest.raises(AnomalyError, match=r"made at <typed>:1$"), detect_anomaly():
        eval(code, {"x": Value(0.0)})


def test_of_many_operands_the_first_are_shown() -> None:
    xs = [Value(float(k), f"x{k}") for k in range(10)]
    with pytest.raises(AnomalyError, match=r"with x0 = 0, .*, x7 = 7, \.\.\. 3 more"), detect_anomaly():
        engine.dot(xs, [Value(1e308)] * 10)


def test_operands_that_are_not_finite_come_first_and_numbers_written_in_the_code_count() -> None:
    ws, xs = [Value(1.0, f"w{k}") for k in range(20)], [1.0] * 20
    ws[14].data, xs[3] = -math.inf, math.inf
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        engine.dot(ws, xs)
    assert "dot([w0, w1, ... 16 more ..., w18, w19], [1, 1, ... 16 more ..., 1, 1])" in str(caught.value)
    assert "with w14 = -inf, operand 24 = inf, w0 = 1, " in str(caught.value)


def test_operands_of_the_same_label_are_all_shown() -> None:
    """The last one took the place of the infinite one."""
    anomaly = find_anomaly(Value(math.inf, "w") * Value(0.0, "w"))
    assert anomaly is not None
    assert anomaly.text == "mul gave nan in the forward pass\n  w*w = nan   with w = inf, w = 0"


def test_names_may_be_given_as_elsewhere() -> None:
    x = Value(0.0)
    assert "log(rate)" in str(find_anomaly(x.log(), names={"rate": x}))
    with pytest.raises(AnomalyError, match=r"log\(rate\)"), detect_anomaly({"rate": x}):
        x.log()
    with pytest.raises(TypeError, match="names"):
        find_anomaly(x.log(), names=3)


def test_a_path_of_any_length() -> None:
    x = Value(0.0, "x")
    y = x.log()
    for _ in range(50_000):
        y = y + 1.0
    text = str(find_anomaly(y))
    assert "more ..." in text
    assert text.endswith("log(x)")


@given(recipes([*TAME, "div", "log", "sqrt", "exp", "pow"]), POINTS)
def test_it_finds_one_where_there_is_one(recipe: Recipe, xs: list[float]) -> None:
    root = build(recipe, [Value(x) for x in xs])
    root.backward()
    nodes = engine.topological_order(root)
    finite = all(math.isfinite(n.data) and math.isfinite(n.grad) for n in nodes)
    anomaly = find_anomaly(root)
    assert (anomaly is None) == finite
    if anomaly is not None:
        assert not math.isfinite(anomaly.number)
        if anomaly.phase == "forward":
            assert all(math.isfinite(x) for x in anomaly.node.inputs)
        with detect_anomaly(), pytest.raises(AnomalyError):
            build(recipe, [Value(x) for x in xs]).backward()
    else:
        with detect_anomaly():
            root.backward()


def test_what_is_no_graph() -> None:
    with pytest.raises(TypeError, match="a graph has a Value as its root"):
        find_anomaly(3.0)
