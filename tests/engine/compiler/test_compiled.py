"""engine.compile from outside: arguments, bound leaves, gradients, errors, reports, threads."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import threading
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

import engine
from engine import TraceError, Value, compile, dot, tanh
from engine.compiler.errors import PlanError
from tests.needs import INSTALLED, NATIVE, needs

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
def test_nested_samples(backend: str) -> None:
    compiled = compile(lambda grid: dot(grid[0], grid[1]), backend=backend)
    grids = [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.5]]]
    assert list(compiled(grids)) == [11.0, 0.5]
    _, gradient = compiled.value_and_grad(grids, wrt="inputs")
    assert np.shape(gradient) == (2, 2, 2)


@BACKENDS
def test_nested_results(backend: str) -> None:
    """A sequence model gives a list of rows for each sample."""
    w = Value(2.0)
    compiled = compile(lambda x: [[w * a, a + 1.0, a] for a in x], backend=backend)
    X = [[1.0, 2.0], [3.0, 4.0], [0.5, -1.0]]
    expected = [[[2.0 * a, a + 1.0, a] for a in x] for x in X]
    found = compiled(X)
    np.testing.assert_array_equal(found, expected)
    if backend != "python":  # which sees lists, and an empty one has no shape
        assert compiled(np.zeros((0, 2))).shape == (0, 2, 3)
    with pytest.raises(TraceError, match="returns a list"):
        compiled.backward(X)
    np.testing.assert_array_equal(compile(lambda x: [([x, x],)], backend=backend)([1.0]), [[[[1.0, 1.0]]]])


def test_ragged_and_empty_results_are_refused() -> None:
    with pytest.raises(TraceError, match="ragged list, its parts have the shapes"):
        compile(lambda x: [[x, x], [x]])([1.0])
    with pytest.raises(TraceError, match="ragged"):
        compile(lambda x: [[x], x])([1.0])
    with pytest.raises(TraceError, match="empty list"):
        compile(lambda x: [[x], []])([1.0])


@BACKENDS
def test_batches_of_any_size(backend: str) -> None:
    compiled = compile(lambda x: tanh(x) * 3, backend=backend)
    for n in (1, 2, 3, 7, 20, 33, 130):
        xs = np.linspace(-1, 1, n)
        np.testing.assert_allclose(compiled(xs), 3 * np.tanh(xs), rtol=1e-13)
    assert len(compiled([])) == 0
    with pytest.raises(ValueError, match="no samples"):
        compiled.backward([])


@BACKENDS
def test_arrays_of_any_kind(backend: str) -> None:
    compiled = compile(lambda x: 2 * x[0] - x[1], backend=backend)
    array = np.arange(12.0).reshape(3, 4)
    for x in (
        array[:, ::2],
        np.asfortranarray(array[:, :2]),
        array[:, :2].astype(int),
        array[:, :2].tolist(),
        array[:, :2].astype("float32"),
        array[:, :2] > 100,
    ):
        assert list(compiled(x)) == list(2 * np.asarray(x, float)[:, 0] - np.asarray(x, float)[:, 1])


@BACKENDS
def test_tensors_of_pytorch(backend: str) -> None:
    """Their dtype is not NumPy's: a table of numbers, and scalars in lists, are read, and rows are refused."""
    torch = needs("torch")
    compiled, x = compile(lambda x: 2 * x[0] - x[1], backend=backend), torch.tensor([[1.0, 3.0], [0.5, 2.0]])
    assert list(compiled(x)) == list(compiled([[*row] for row in x])) == [-1.0, -1.0]
    with pytest.raises(TypeError, match=r"argument 1 holds .*Tensor"):
        compiled([*x])


@BACKENDS
@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ([[1.0, 2.0], [1.0]], ValueError, "ragged"),
        ([[[1.0, 2.0], [1.0]]], ValueError, "ragged"),
        ("text", TypeError, "argument 1"),
        ([["a", "b"]], TypeError, "argument 1"),
        ([[1j, 2.0]], TypeError, "argument 1"),
        (3.0, TypeError, "argument 1"),
        (None, TypeError, "argument 1"),
        ([range(2), range(2)], TypeError, r"argument 1 holds .*range in sample 0"),
        ([[1.0, 2.0], deque([1.0, 2.0])], TypeError, r"argument 1 holds .*deque in sample 1"),
        ([[Value(1.0), 2.0]], TypeError, r"takes numbers; .* f\.function"),
    ],
)
def test_arguments_that_are_no_batch(backend: str, argument: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compile(lambda x: x[0], backend=backend)(argument)


@BACKENDS
def test_arguments_of_different_lengths(backend: str) -> None:
    with pytest.raises(ValueError, match="3 and 2 samples"):
        compile(lambda x, y: x[0] + y, backend=backend)(X, [1.0, 2.0])


def test_the_function_is_traced_again_for_other_shapes_only() -> None:
    calls = []

    def norm(x: Any) -> Any:
        calls.append(len(x))
        return dot(x, x)

    compiled = compile(norm, backend="python")
    assert compiled([[3.0, 4.0]]) == [25.0]
    seen = len(calls)
    assert compiled([[1.0, 1.0]] * 5) == [2.0] * 5
    assert len(calls) == seen
    assert compiled([[1.0, 1.0, 1.0]]) == [3.0]
    assert len(calls) > seen


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
    w, calls = Value(2.0), itertools.count(1).__next__  # whose state nobody sees

    def changing(x: Any) -> Any:
        return w * x * (1 if calls() <= 2 else 1.5)  # the same in both traces

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


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"dtype": "float16"}, ValueError, "float64"),
        ({"backend": "cuda"}, ValueError, "llvm"),
        ({"threads": 0}, ValueError, "at least 1, got 0"),
        ({"threads": 2.0}, TypeError, "whole number, got 2.0"),
        ({"threads": True}, TypeError, "whole number"),
        ({"threads": "2"}, TypeError, "whole number"),
        ({"threads": 2, "backend": "python"}, ValueError, "leave out threads=2, or take backend='llvm'"),
    ],
)
def test_wrong_options(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compile(lambda x: x, **keywords)
    with pytest.raises(TypeError, match="plain function"):
        compile(compile(lambda x: x))
    with pytest.raises(TypeError, match="takes a function"):
        compile(3.0)
    with pytest.raises(ValueError, match="wrt"):
        compile(lambda x: x, backend="python").value_and_grad([1.0], wrt="weights")
    with pytest.raises(RuntimeError, match="call it once"):
        compile(lambda x: x).explain()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler.backends import choice as module

    monkeypatch.setattr(module, "installed", lambda package: package != "llvmlite")
    with pytest.raises(ImportError, match="pip install llvmlite numpy"):
        compile(lambda x: x, backend="llvm")
    function = compile(lambda x: x + 1.0)
    assert list(function([1.0])) == [2.0]
    assert "back end    numpy" in function.explain()
    assert "llvmlite is not installed" in function.explain()
    several = compile(lambda x: x + 1.0, threads=2)
    assert list(several([1.0])) == [2.0]
    assert "1, not 2: only the llvm back end has more" in several.explain()
    monkeypatch.setattr(module, "installed", lambda package: False)
    alone = compile(lambda x: x + 1.0)
    assert alone([1.0]) == [2.0]
    assert "numpy is not installed" in alone.explain()


@NATIVE
def test_an_llvmlite_that_is_too_old_is_named_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba 0.61 brings 0.44, which has not the passes that are asked of it: ``AttributeError`` from inside."""
    from engine.compiler.backends import choice as module

    monkeypatch.setattr("llvmlite.__version__", "0.44.0")
    module._llvmlite_is_too_old.cache_clear()
    monkeypatch.setattr(module, "_llvmlite_is_too_old", module._llvmlite_is_too_old.__wrapped__)
    with pytest.raises(ImportError, match=r"the llvm back end needs llvmlite 0\.46 or later: pip install -U llvmlite"):
        compile(lambda x: x, backend="llvm")
    function = compile(lambda x: x + 1.0)
    assert list(function([1.0])) == [2.0]
    assert "back end    numpy" in function.explain()


def test_the_decorator_keeps_name_and_documentation() -> None:
    @compile(backend="python")
    def area(x: Any) -> Any:
        """Of a rectangle."""
        return x[0] * x[1]

    assert area.__name__ == "area"
    assert area.__doc__ == "Of a rectangle."
    assert "area" in repr(area)


def test_explain_and_draw_show_the_passes_and_products() -> None:
    weights = [[Value(0.1 * (i + j)) for i in range(4)] for j in range(3)]
    compiled = compile(lambda x: engine.sum([tanh(dot(w, x)) for w in weights]), backend="python")
    compiled.value_and_grad([[1.0] * 4])
    report = compiled.explain()
    for text in ("back end    python", "1 matrix product: 3x4", "differentiate", "tanh"):
        assert text in report
    assert repr(report) == report  # at a prompt, line by line
    dot_text = compiled.draw()
    assert dot_text.startswith("digraph plan {")
    assert "matrix product\\n3 x 4" in dot_text
    with pytest.raises(RuntimeError, match="no LLVM IR"):
        compiled.llvm_ir()


@pytest.mark.parametrize("backend", INSTALLED)
def test_every_stage_can_be_read(backend: str) -> None:
    weights, table = [[Value(0.1 * (i + j)) for i in range(4)] for j in range(3)], [Value(0.5 * k) for k in range(4)]
    compiled = compile(
        lambda x, k: engine.sum([tanh(dot(w, x)) for w in weights]) * engine.take(k, table), backend=backend
    )
    compiled.value_and_grad([[1.0] * 4] * 9, [1.0] * 9)
    shown = {
        "trace": "t0 = dot(p0..3, x0..3)\n",
        "raise": "take(x4, p12..15)",
        "differentiate": "add to G0..3: t",
        "lower": "output t",
        "raise again": "add to G4..7: t",
        "look up": "add to one of G12..15, by x4: t",
        "plan": "S[r] = dot(P[4r + c, c < 4], X[c, c < 4])  for r < 3\n",
    }
    native = {
        "split": "body kernel 0\n",
        "defer": "body kernel 1\n",
        "fuse": "body kernel 0\n  S[r] = dot(P[4r",
        "skip": "  S[",
        "recompute": "  S[",
        "store": "  ~ S[r] = dot(",
        "share sums": "sum kernel 0\n  G[4r + c, c < 4] += ",
        "kernels": "define void @kernel0(",
    }
    for stage, text in {**shown, **(native if backend == "llvm" else {})}.items():
        assert text in compiled.explain(stage), stage
    with pytest.raises(ValueError, match=r"stage must be one of 'trace', 'raise', .*'plan'.*, got 'fuze'"):
        compiled.explain("fuze")


def test_explain_verifies_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.compiler import pipeline

    compiled = compile(lambda x: x * x + x, backend="python")
    compiled([2.0])
    original = pipeline.planned
    monkeypatch.setattr(pipeline, "planned", lambda computation: replace(original(computation), outputs=()))
    assert "output t" in compiled.explain("look up")
    with pytest.raises(PlanError, match="the 0 outputs are not the 1 that are wanted"):
        compiled.explain("plan")


@NATIVE
def test_llvm_ir_is_shown() -> None:
    compiled = compile(lambda x: tanh(x), backend="llvm")
    compiled([1.0])
    assert "define" in compiled.llvm_ir()


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

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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


def test_memory_mapped_samples_are_arrays(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "samples", np.float64, "w+", shape=(6, 2))
    mapped[:] = np.arange(12.0).reshape(6, 2)
    compiled = compile(lambda x: x[0] * 2.0 + x[1])
    np.testing.assert_array_equal(compiled(mapped), compiled(np.array(mapped)))
    batch = compiled.batch(mapped)
    copied = batch.copied()
    assert copied is not None
    assert copied.refill(0, mapped + 1.0)
    np.testing.assert_array_equal(copied.arrays[0], np.array(mapped) + 1.0)


def test_masked_samples_are_refused() -> None:
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    compiled = compile(lambda x: x * 2.0)
    compiled([1.0, 2.0])
    with pytest.raises(TypeError, match="masked array with gaps"):
        compiled(masked)
    copied = compiled.batch(np.array([1.0, 2.0])).copied()
    assert copied is not None
    with pytest.raises(TypeError, match="masked array with gaps"):
        copied.refill(0, masked)
    np.testing.assert_array_equal(compiled(np.ma.masked_array([1.0, 2.0])), [2.0, 4.0])


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


def _module_level(x: Any) -> Any:
    return x * 2.0


@compile(backend="python")
def _decorated(x: Any) -> Any:
    return x * 3.0


def test_a_compiled_function_is_copied_and_pickled_by_its_function() -> None:
    plain = compile(_module_level, backend="python", dtype="float32")
    for twin in (copy.copy(plain), copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        assert twin is not plain
        assert twin.function is _module_level
        assert (twin.dtype, twin.backend, twin.threads) == ("float32", "python", 1)
        assert twin([1.0]) == [2.0]
    assert pickle.loads(pickle.dumps(_decorated)) is _decorated
    w = Value(2.0)
    closure = compile(lambda x: w * x, backend="python")
    assert copy.deepcopy(closure)([1.0]) == [2.0]
    with pytest.raises(pickle.PicklingError, match=r"pickles by the name .*pickle what it reads, .*compile it again"):
        pickle.dumps(closure)


def test_in_a_notebook_it_tells_what_it_has_programs_for() -> None:
    double = compile(lambda x: x + x, backend="python")
    assert "called for the first time, it is traced and compiled" in double._repr_html_()
    double([3.0])
    double([[3.0, 4.0]][0])
    assert "shapes of the arguments" in double._repr_html_()
    assert "called for the first time" not in double._repr_html_()


class Doubling:
    """A function that is an object."""

    def __call__(self, x: Any) -> Any:
        return x + x


def test_a_compiled_object_pickles_with_it() -> None:
    double = pickle.loads(pickle.dumps(compile(Doubling(), backend="python")))
    assert [float(y) for y in double([3.0])] == [6.0]
