"""engine.compile from outside: results, bound leaves, gradients, and every first call checked."""

from __future__ import annotations

import gc
import io
import pickle
from typing import Any

import pytest

import engine
from engine import TraceError, Value, compile, dot, tanh
from tests.engine.compiler.everywhere import unseen_count
from tests.in_threads import in_threads
from tests.needs import INSTALLED, needs

np = needs("numpy")
BACKENDS = pytest.mark.parametrize("backend", INSTALLED)


def line() -> tuple[list[Value], Any]:
    w = [Value(0.5), Value(-2.0), Value(0.25)]

    def loss(x: Any, y: Any) -> Any:
        return (dot(w[:2], x, w[2]) - y) ** 2

    return w, loss


X = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]
Y = [1.0, 0.0, -1.0]


@BACKENDS
def test_a_hand_written_example(backend: str) -> None:
    w, loss = line()
    compiled = compile(loss, backend=backend)
    assert list(compiled(X, Y)) == [(0.5 - 4 + 0.25 - 1) ** 2, (0.25 + 2 + 0.25) ** 2, (1.5 + 0.25 + 1) ** 2]
    mean = compiled.backward(X, Y)
    assert mean == pytest.approx((18.0625 + 6.25 + 7.5625) / 3)
    total = engine.mean([loss([Value(a) for a in x], y) for x, y in zip(X, Y)])
    assert [v.grad for v in w] == pytest.approx(engine.grad(total, w))
    compiled.backward(X, Y)
    assert [v.grad for v in w] == pytest.approx([2 * g for g in engine.grad(total, w)])  # it adds
    assert compiled.parameters == w


@BACKENDS
def test_leaves_are_bound_and_not_frozen(backend: str) -> None:
    w, loss = line()
    compiled = compile(loss, backend=backend)
    before = compiled(X, Y)[0]
    w[0].data = 10.0
    assert compiled(X, Y)[0] == (10 - 4 + 0.25 - 1) ** 2 != before


@BACKENDS
def test_several_results(backend: str) -> None:
    compiled = compile(lambda x: [x[0] + x[1], x[0] * x[1], 1.0], backend=backend)
    assert [list(row) for row in compiled(X)] == [[3.0, 2.0, 1.0], [-0.5, -0.5, 1.0], [3.0, 0.0, 1.0]]
    with pytest.raises(TraceError, match="returns a list"):
        compiled.backward(X)


@BACKENDS
def test_labels_through_take(backend: str) -> None:
    compiled = compile(lambda x, k: engine.take(k, x) * 2, backend=backend)
    assert list(compiled(X, [0, 1, 1])) == [2.0, -2.0, 0.0]
    _, (by_x, _) = compiled.value_and_grad(X, [0, 1, 1], wrt="inputs")
    np.testing.assert_allclose(3 * np.array(by_x), [[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    for labels in ([0, 1, 2], [0, -1, 0]):
        with pytest.raises(IndexError, match="from 2 values"):
            compiled(X, labels)
    with pytest.raises(ValueError, match="whole number"):
        compiled(X, [0.5, 0, 0])


@BACKENDS
def test_derivatives_of_layers_by_their_inputs(backend: str) -> None:
    """Without those by the weights, which are read in rows."""
    rows = [[Value(0.1 * (i + 2 * k) - 0.3) for i in range(5)] for k in range(3)]
    last = [Value(0.5), Value(-1.0), Value(0.25)]

    def net(x: Any) -> Any:
        return dot(last, [tanh(dot(row, x)) for row in rows])

    xs = [[0.5, -1.0, 2.0, 0.1, 0.0], [1.0, 1.0, -0.5, 0.0, 3.0]]
    _, by_x = compile(net, backend=backend).value_and_grad(xs, wrt="inputs")
    for found, x in zip(np.array(by_x) * len(xs), xs):
        leaves = list(map(Value, x))
        assert list(found) == pytest.approx(engine.grad(net(leaves), leaves), rel=1e-13)


@BACKENDS
def test_an_index_that_is_known_is_checked_where_it_stands(backend: str) -> None:
    """Once, when the function is traced: what is required of it samples cannot change."""

    def takes(k: float) -> Any:
        return lambda x: engine.take(engine.where(1.0, k, x[0]), x)

    assert list(compile(takes(1.0), backend=backend)(X)) == [row[1] for row in X]
    with pytest.raises(IndexError, match="index 2 from 2 values"):
        compile(takes(2.0), backend=backend)(X)


@BACKENDS
def test_nested_results(backend: str) -> None:
    """A sequence model gives a list of rows for each sample."""
    w = Value(2.0)
    compiled = compile(lambda x: [[w * a, a + 1.0, a] for a in x], backend=backend)
    X = [[1.0, 2.0], [3.0, 4.0], [0.5, -1.0]]
    expected = [[[2.0 * a, a + 1.0, a] for a in x] for x in X]
    found = compiled(X)
    np.testing.assert_array_equal(found, expected)
    assert np.shape(compiled(np.zeros((0, 2)))) == ((0,) if backend == "python" else (0, 2, 3))  # which gives lists
    with pytest.raises(TraceError, match="returns a list"):
        compiled.backward(X)
    np.testing.assert_array_equal(compile(lambda x: [([x, x],)], backend=backend)([1.0]), [[[[1.0, 1.0]]]])


def test_ragged_and_empty_results_are_refused() -> None:
    with pytest.raises(TraceError, match="ragged list, whose parts have the shapes"):
        compile(lambda x: [[x, x], [x]])([1.0])
    with pytest.raises(TraceError, match="ragged"):
        compile(lambda x: [[x], x])([1.0])
    with pytest.raises(TraceError, match="empty list"):
        compile(lambda x: [[x], []])([1.0])


def test_a_function_with_another_name_is_told_without_the_line_of_its_code() -> None:
    """nn calls what it compiles by the user's model: the line would be one of nn's."""

    def outputs(x: Any) -> Any:
        return [[x, x], [x]]

    with pytest.raises(TraceError, match=r"<locals>\.outputs \(.*test_compiled\.py:\d+\) returned a ragged"):
        compile(outputs)([1.0])
    outputs.__qualname__ = "outputs of Net"
    with pytest.raises(TraceError, match=r"^outputs of Net returned a ragged"):
        compile(outputs)([1.0])


def test_the_function_is_traced_again_for_other_shapes_only() -> None:
    calls = io.StringIO()

    def norm(x: Any) -> Any:
        print(len(x), file=calls)
        return dot(x, x)

    compiled = compile(norm, backend="python")
    assert compiled([[3.0, 4.0]]) == [25.0]
    seen = calls.getvalue()
    assert compiled([[1.0, 1.0]] * 5) == [2.0] * 5
    assert calls.getvalue() == seen
    assert compiled([[1.0, 1.0, 1.0]]) == [3.0]
    assert calls.getvalue() != seen


def test_single_precision() -> None:
    w, loss = line()
    compiled = compile(loss, dtype="float32")
    assert compiled(X, Y).dtype == np.float32
    np.testing.assert_allclose(compiled(X, Y), [18.0625, 6.25, 7.5625], rtol=1e-6)
    assert w[0].grad == 0.0


def test_a_small_range_is_no_mistake() -> None:
    assert list(compile(lambda x: x * x, dtype="float32")([1e30])) == [np.inf]
    assert np.isnan(compile(lambda x: engine.exp(x) / engine.exp(x), dtype="float32")([100.0])[0])


@BACKENDS
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode", ["outputs", "parameters", "inputs"])
def test_every_first_call_is_checked_against_the_eager_engine(backend: str, dtype: str, mode: str) -> None:
    w, calls = Value(2.0), unseen_count()

    def changing(x: Any) -> Any:
        return w * x * (1 if calls() < 2 else 1.5)  # the same in both traces

    compiled = compile(changing, backend=backend, dtype=dtype)
    assert len(compiled([])) == 0

    def call() -> Any:
        return compiled([1.0])[0] if mode == "outputs" else compiled.value_and_grad([1.0], wrt=mode)[0]

    for _ in range(2):
        with pytest.raises(TraceError, match="differs from the eager"):
            call()


@BACKENDS
@pytest.mark.parametrize("seed", range(5))
def test_terms_that_cancel_are_no_mistake(backend: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    w = [Value(x) for x in random.normal(size=100)]
    x = random.normal(size=(1, 100))
    y = [dot(w, [Value(number) for number in x[0]]).data]
    residual = compile(lambda x, y: dot(w, x) - y, backend=backend)
    assert abs(residual(x, y)[0]) < 1e-12
    squares = compile(lambda x, y: (dot(w, x) - y) ** 2, backend=backend)
    assert np.abs(squares.value_and_grad(x, y)[1]).max() < 1e-12


@BACKENDS
def test_only_what_is_asked_for_is_built(backend: str) -> None:
    _, loss = line()
    compiled = compile(loss, backend=backend)
    compiled(X, Y)
    assert "gradient" not in compiled.explain()
    compiled.backward(X, Y)
    assert "gradient" in compiled.explain()


@BACKENDS
def test_threads_may_share_a_program(backend: str) -> None:
    compiled = compile(line()[1], backend=backend)
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(50, 2)), rng.normal(size=50)) for _ in range(4)]
    expected = [compiled.value_and_grad(*batch) for batch in batches]
    failures: list[Any] = []

    def work(k: int) -> None:
        for _ in range(20):
            loss_value, gradient = compiled.value_and_grad(*batches[k])
            if loss_value != expected[k][0] or list(gradient) != list(expected[k][1]):
                failures.append(k)

    in_threads(work, range(4))
    assert failures == []


def test_a_program_outlives_the_function_that_made_it() -> None:
    def make() -> Any:
        w = Value(2.0)
        return compile(lambda x: w * x)

    compiled = make()
    compiled([1.0])
    gc.collect()
    assert list(compiled([4.0])) == [8.0]


def test_parameters_stay_picklable() -> None:
    w, loss = line()
    compile(loss, backend="python").backward(X, Y)
    assert pickle.loads(pickle.dumps(w[0])).data == 0.5


@BACKENDS
def test_small_calls_leave_nothing_behind(backend: str) -> None:
    """Their samples are copied to one place; results of an earlier call stay what they were."""
    w = Value(3.0)
    compiled = compile(lambda x, y: [w * x[0] + y, x[1] * y], backend=backend)
    rng = np.random.default_rng(0)
    calls = [(rng.normal(size=(n, 2)), rng.normal(size=n)) for n in (1, 1, 2, 300, 2, 1, 700, 5, 5)]
    results = [np.array(compiled(x, y)) if backend == "python" else compiled(x, y) for x, y in calls]
    for (x, y), found in zip(calls, results):
        np.testing.assert_allclose(found, np.stack([3.0 * x[:, 0] + y, x[:, 1] * y], 1), rtol=1e-13, atol=1e-15)
