"""What a compiled function takes: lists, arrays and tensors of any shape, and what is refused."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from engine import Value, compile, dot, tanh
from engine.compiler.samples import arrays
from engine.compiler.samples.arguments import as_batch
from engine.compiler.samples.batch import flat
from tests.needs import INSTALLED, needs

np = needs("numpy")


BACKENDS = pytest.mark.parametrize("backend", INSTALLED)


@BACKENDS
def test_nested_samples(backend: str) -> None:
    compiled = compile(lambda grid: dot(grid[0], grid[1]), backend=backend)
    grids = [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 0.5]]]
    assert list(compiled(grids)) == [11.0, 0.5]
    _, gradient = compiled.value_and_grad(grids, wrt="inputs")
    assert np.shape(gradient) == (2, 2, 2)


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
        list(array[:, :2]),
    ):
        assert list(compiled(x)) == list(2 * np.asarray(x, float)[:, 0] - np.asarray(x, float)[:, 1])


@pytest.mark.parametrize("dtype", [None, "float64"])
def test_rows_within_a_sample_may_be_arrays(dtype: str | None) -> None:
    """They were taken for numbers where samples are checked, and where the first is compared with the eager engine."""
    batch = as_batch([[[np.array([0.0, 1.0]), (1.0, 0.0)], [[0.5, 0.5], np.array([2.0, 1.0])]]], dtype)
    assert batch.columns_as_given(0) == [[0.0, 0.5], [1.0, 0.5], [1.0, 2.0], [0.0, 1.0]]
    assert batch.first_as_given() == [[[0.0, 1.0], [1.0, 0.0]]]


def test_numbers_in_rows_of_any_kind_keep_their_types_and_their_order() -> None:
    class Row(list[Any]): ...

    value = Value(7.0)
    given = [[1, True], (2.0, [np.int64(3), []]), Row([np.array([4, 5])]), np.array([[0.5], [1.5]]), value]
    found = flat(given)
    assert [*map(type, found)] == [int, bool, float, int, int, int, float, float, Value]
    assert found[:-1] == [1, True, 2.0, 3, 4, 5, 0.5, 1.5]
    assert found[-1] is value
    assert flat([]) == flat([[], ()]) == []
    assert flat([Row([1]), Row([Row([2])])]) == [1, 2]
    assert flat([[np.longdouble(1.5)], 2]) == [1.5, 2], "of which NumPy makes no float"


@BACKENDS
def test_series_of_pandas_are_read_by_position(backend: str) -> None:
    """As samples; as rows they are refused, in which x[0] asks for a label: compiled code read the first number."""
    series = needs("pandas").Series
    compiled = compile(lambda x: 2 * x, backend=backend)
    for labels in ([1, 0], [7, 8], ["a", "b"]):
        assert list(compiled(series([1.0, 2.0], index=labels))) == [2.0, 4.0]
    with pytest.raises(TypeError, match="Series in sample 0"):
        compile(lambda x: 2 * x[0], backend=backend)([series([1.0, 2.0], index=[1, 0])])


@BACKENDS
def test_tensors_of_pytorch(backend: str) -> None:
    """Their dtype is not NumPy's: a table of numbers, and scalars in lists, are read, and rows are refused."""
    torch = needs("torch")
    compiled, x = compile(lambda x: 2 * x[0] - x[1], backend=backend), torch.tensor([[1.0, 3.0], [0.5, 2.0]])
    assert list(compiled(x)) == list(compiled([[*row] for row in x])) == [-1.0, -1.0]
    with pytest.raises(TypeError, match=r"argument 1 holds .*Tensor"):
        compiled([*x])


@BACKENDS
@pytest.mark.parametrize("kind", ["M8[ns]", "m8[ns]", "M8[D]"])
def test_dates_are_no_numbers(backend: str, kind: str) -> None:
    """NumPy's `tolist` makes ints of those in nanoseconds."""
    dates = np.arange(4).astype(kind)
    for argument in (dates, [*dates], dates.reshape(2, 2), [*dates.reshape(2, 2)]):
        with pytest.raises(TypeError, match=r"argument 1 holds .*(date|timedelta)"):
            compile(lambda x: x, backend=backend)(argument)


@BACKENDS
def test_arrays_of_objects_are_refused(backend: str) -> None:
    """Plain Python computed with them as with floats, where 200 + 200 of eight bits are 144."""
    samples = np.array([[np.uint8(200), 2.5], [True, 1]], object)
    for argument in (samples, [*samples], samples[:, 0]):
        with pytest.raises(TypeError, match=r"argument 1 holds object: .* make floats"):
            compile(lambda x: x, backend=backend)(argument)
    samples[1, 1] = "a"
    structured = np.zeros(2, [("a", float), ("b", float)])
    with pytest.raises(TypeError, match=r"argument 1 holds \[\('a', .*structured_to_unstructured does"):
        compile(lambda x: x[0], backend=backend)(structured)
    with pytest.raises(TypeError, match="argument 1 holds 'a' of type str in sample 1"):
        compile(lambda x: x, backend=backend)(samples)


@BACKENDS
@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ([[1.0, 2.0], [1.0]], ValueError, "ragged"),
        ([[[1.0, 2.0], [1.0]]], ValueError, "ragged"),
        ("text", TypeError, "argument 1"),
        ([["a", "b"]], TypeError, "argument 1"),
        ([[1j, 2.0]], TypeError, "argument 1"),
        (
            3.0,
            TypeError,
            r"\[3.0\] for a single one; .* belongs in the function, as in compile\(lambda x: f\(x, 3.0\)\)$",
        ),
        (None, TypeError, "argument 1"),
        ([range(2), range(2)], TypeError, r"argument 1 holds .*range in sample 0"),
        ([[1.0, 2.0], deque([1.0, 2.0])], TypeError, r"argument 1 holds .*deque in sample 1"),
        ([[[1.0, 2.0]], [deque([1.0, 2.0])]], TypeError, r"argument 1 holds .*deque in sample 1"),
        ([[Value(1.0), 2.0]], TypeError, r"takes numbers; .* f\.function"),
    ],
)
def test_arguments_that_are_no_batch(backend: str, argument: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compile(lambda x: x[0], backend=backend)(argument)


@BACKENDS
def test_arguments_of_different_lengths(backend: str) -> None:
    with pytest.raises(ValueError, match="3 and 2 samples"):
        compile(lambda x, y: x[0] + y, backend=backend)([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [1.0, 2.0])


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


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rows", [1, 3, 200])
def test_copies_begin_on_a_cache_line(rows: int, dtype: str) -> None:
    compiled = compile(lambda x, y: x[0] * x[2] + y, dtype=dtype)
    X = np.arange(3.0 * rows + 1)[1:].reshape(rows, 3)  # which does not
    batch = compiled.batch(X, np.arange(float(rows)))
    copied = batch.copied()
    for old, new in zip(batch.arrays, copied.arrays):
        assert new.ctypes.data % 64 == 0
        assert new.flags.c_contiguous
        assert not np.shares_memory(old, new)
        np.testing.assert_array_equal(new, old, strict=True)


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


def test_how_a_class_shows_its_entries_is_asked_once_of_all_its_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    class Number(int): ...

    class Odd(list[float]):
        def __getitem__(self, place: Any) -> Any:
            return -super().__getitem__(place)

    asked, look = [], arrays._has_own_ways
    monkeypatch.setattr(arrays, "_has_own_ways", lambda kind: asked.append(kind) or look(kind))
    arrays.refuse_what_shows_others([Number(k) for k in range(9)], 1)
    assert asked == [Number]
    with pytest.raises(TypeError, match="holds an object of class Odd, which may show other numbers"):
        arrays.refuse_what_shows_others([[1.0], Odd([2.0])], 1)


def test_rows_that_show_others_are_refused_at_any_depth() -> None:
    """A masked array in a list in a list was read with the numbers under its mask."""

    class Odd(list[float]):
        def __getitem__(self, place: Any) -> Any:
            return -super().__getitem__(place)

    compiled = compile(lambda x: x[0][1] * 2.0)
    np.testing.assert_array_equal(compiled([[np.ma.masked_array([1.0, 2.0])], [(3.0, 4.0)]]), [4.0, 8.0])
    for wrong, told in ((np.ma.masked_array([1.0, 2.0], [False, True]), "masked"), (Odd([1.0, 2.0]), "Odd")):
        for samples in ([[wrong]], [([3.0, 4.0], wrong)], [[[3.0, 4.0]], [wrong]]):
            with pytest.raises(TypeError, match=told):
                compiled(samples)
