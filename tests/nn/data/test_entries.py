"""Errors about data say which entry they come of, and what to do, in the same words for eager and compiled steps."""

from __future__ import annotations

import datetime
import enum
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

import nn
from nn.data.entries import lost_entries, with_entries
from tests.needs import needs

np = needs("numpy")

X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1]

STEPS: dict[str, Callable[..., Any]] = {
    "fit, eager": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1, backend="eager"),
    "fit, auto": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1),
    "fit, compiled": lambda *what: lambda X, y: nn.fit(what[0], X, y, *what[1:], epochs=1, backend="python"),
    "Trainer": lambda *what: nn.Trainer(*what, backend="python").step,
    "Trainer, runs": lambda *what: lambda X, y: nn.Trainer(*what, backend="python").run(X, y, 2),
    "Trainer, epochs": lambda *what: lambda X, y: nn.Trainer(*what, backend="python").epoch(X, y),
    "EagerStep": nn.EagerStep,
}
every_step = pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)


def error_of(make: Callable[..., Any], X: Any, y: Any, loss: Any = nn.cross_entropy, outputs: int = 2) -> Exception:
    model = nn.MLP(2, [3, outputs], "tanh", seed=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the tests look at kind and text
        make(model, loss, nn.SGD(model.parameters(), lr=0.1))(X, y)
    assert [p.data for p in model.parameters()] == before
    return caught.value


class Side(enum.Flag):
    LEFT = 1


def with_entry(entry: Any) -> list[list[Any]]:
    return [[0.0, 1.0], [1.0, entry], [1.0, 1.0]]


@every_step
@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (with_entry("a"), "X[1][1] is not a number but str 'a': put numbers in place of texts, such as a col"),
        (with_entry("2.5"), "X[1][1] is not a number but str '2.5': float() makes numbers of such texts"),
        (with_entry(None), "X[1][1] is not a number but NoneType None: fill it in, or leave the row out"),
        (with_entry(1j), "X[1][1] is not a number but complex 1j: give its real and its imaginary part as two"),
        (np.array(with_entry(1j)), "X[0][0] is not a number but complex 0j: give its real and its imaginary part"),
        (with_entry(datetime.date(2020, 1, 2)), "X[1][1] is not a number but date datetime.date(2020, 1, 2): make"),
        ((tuple(x) for x in X), "X must be a list, tuple or array, not generator "),
        (None, "X must be a list, tuple or array, not NoneType None"),
        ({"a": [1, 2, 3]}, "X must be a list, tuple or array, not dict {'a': [1, 2, 3]}"),
        ([], "X is empty: give at least one item"),
        (X[:2], "2 samples against 3 labels: give one for each, nothing is broadcast"),
        (
            [[0.0, 1.0, 2.0]] * 3,
            "Layer(2, 3, tanh) takes 2 inputs, got 3: give samples of that width",
        ),
        ([[], [], []], "Layer(2, 3, tanh) takes 2 inputs, got 0: give samples of that width"),
        ([{"a": x, "b": y}.values() for x, y in X], "X[0] is not a number but dict_values dict_values([0.0, 1.0]): ma"),
    ],
    ids=[
        "text",
        "numeral",
        "None",
        "complex",
        "complex array",
        "date",
        "generator",
        "nothing",
        "dict",
        "empty",
        "fewer",
        "wide",
        "of nothing",
        "views of dicts",
    ],
)
def test_samples_that_are_none(samples: Any, told: str, make: Callable[..., Any]) -> None:
    if told.startswith("X must be a list, tuple or array, not generator"):
        samples = (tuple(x) for x in X)  # a new one for each test
    assert f"{error_of(make, samples, Y)}".startswith(told)


@every_step
@pytest.mark.parametrize(
    ("labels", "loss", "told"),
    [
        ([0, Side.LEFT, 1], nn.cross_entropy, "y[1] is not a number but Side <Side.LEFT: 1>: make numbers of them"),
        ([0, None, 1], nn.cross_entropy, "y[1] is not a number but NoneType None: fill it in, or leave the row out"),
        ([0.0, 1.0, math.nan], nn.cross_entropy, "y[2] holds nan"),
        ([0.0, math.inf, 1.0], nn.mse, "y[1] holds inf"),
    ],
)
def test_labels_that_are_none(labels: Any, loss: Any, told: str, make: Callable[..., Any]) -> None:
    assert told in f"{error_of(make, X, labels, loss, 2 if loss is nn.cross_entropy else 1)}"


@pytest.mark.parametrize("name", ["Trainer", "Trainer, runs", "Trainer, epochs", "EagerStep"])
@pytest.mark.parametrize(("loss", "outputs"), [(nn.cross_entropy, 2), (nn.mse, 1)])
def test_texts_are_labels_of_fit_alone(loss: Any, outputs: int, name: str) -> None:
    error = error_of(STEPS[name], X, ["yes", "no", "no"], loss, outputs)
    assert type(error) is TypeError
    assert f"{error}".startswith("y[0] is not a number but str 'yes': nn.fit takes texts as names of classes")


@pytest.mark.parametrize("name", ["fit, eager", "fit, compiled", "Trainer", "EagerStep"])
@pytest.mark.parametrize(
    ("samples", "labels", "told"),
    [
        (with_entry(math.nan), [1.0, 2.0, 3.0], r"X[1][1] is nan"),
        (with_entry(math.inf), [1.0, 2.0, 3.0], r"X[1][1] is inf"),
        (X, [1.0, 1e200, 3.0], "y[1] holds 1e+200: scale the data"),
    ],
)
def test_numbers_of_which_no_loss_comes(samples: Any, labels: Any, told: str, name: str) -> None:
    error = error_of(STEPS[name], samples, labels, nn.mse, 1)
    assert type(error) is FloatingPointError
    assert f"{error}".count(told) == 1


def test_numbers_beyond_float32() -> None:
    needs("llvmlite")
    model = nn.MLP(2, [1], seed=0)
    trainer = nn.Trainer(model, nn.mse, nn.SGD(model.parameters(), lr=0.1), dtype="float32")
    with pytest.raises(FloatingPointError, match=r"X\[1\]\[1\] is 1e\+39: scale the data"), np.errstate(over="ignore"):
        trainer.step(with_entry(1e39), [1.0, 2.0, 3.0])


@pytest.mark.parametrize(("flat", "column"), [([1.0, 2.0, 3.0], "[[x] for x in X]"), (np.ones(3), "X.reshape(-1, 1)")])
@every_step
def test_numbers_in_one_row(flat: Any, column: str, make: Callable[..., Any]) -> None:
    told = f"X holds samples, one in each row: for a single sample give [x], for a column {column}"
    assert told in f"{error_of(make, flat, Y)}"


@every_step
def test_records_are_rows_by_numpys_function(make: Callable[..., Any]) -> None:
    """They were told to be reshaped into a column."""
    records = np.array([(0.0, 1.0)] * 3, dtype=[("a", float), ("b", float)])
    told = f"{error_of(make, records, Y)}"
    assert told.endswith("\nX holds records: give numpy.lib.recfunctions.structured_to_unstructured(X)")


@every_step
def test_a_series_is_a_column_by_to_frame(make: Callable[..., Any]) -> None:
    assert "for a column X.to_frame()" in f"{error_of(make, needs('pandas').Series([1.0, 2.0, 3.0]), Y)}"


@pytest.mark.parametrize("weights", [[1e300, 1.0, 1.0], [1.0, 1.0, 1.0]])
def test_a_huge_weight_is_told_of_where_there_are_weights(weights: list[float]) -> None:
    model = nn.MLP(2, [1], seed=0)
    with pytest.raises(FloatingPointError, match=r"y\[\d\] or its weight is 1e\+"):
        nn.fit(model, X, [1e200, 1.0, 1.0], nn.mse, nn.SGD(model.parameters(), 0.1), sample_weight=weights)


@every_step
def test_samples_in_a_dict_are_in_its_order(make: Callable[..., Any]) -> None:
    models = [nn.MLP(2, [3, 2], "tanh", seed=0) for _ in range(2)]
    step, same = (make(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1)) for model in models)
    named = dict(zip(map(tuple, X), Y))
    step(named.keys(), named.values())
    same([*named], [*named.values()])
    found, expected = ([p.data for p in model.parameters()] for model in models)
    assert found == pytest.approx(expected, rel=1e-12)  # an epoch takes samples in another order each time


@pytest.mark.filterwarnings("ignore:the matrix subclass")  # which this is about
@every_step
def test_rows_of_matrices_are_refused(make: Callable[..., Any]) -> None:
    """They ended in a RecursionError; a Trainer took them for sequences of one position."""
    told = "a sample is a list or array, not a np.matrix, whose rows are matrices: give row.A1"
    assert f"{error_of(make, [*np.asmatrix(X)], Y)}" == told
    with pytest.raises(TypeError, match=told):
        nn.MLP(2, [1])(np.asmatrix(X)[0])


@pytest.mark.parametrize("kind", ["m8[ns]", "M8[ns]", "m8[s]", "M8[D]"])
@pytest.mark.parametrize(("loss", "outputs"), [(nn.mse, 1), (nn.cross_entropy, 2)])
@every_step
def test_dates_and_durations_are_no_labels(kind: str, loss: Any, outputs: int, make: Callable[..., Any]) -> None:
    """NumPy makes ints of those in nanoseconds, on which eager steps trained."""
    error = error_of(make, X, np.array([0, 1, 1]).astype(kind), loss, outputs)
    assert type(error) is TypeError
    assert "date" in f"{error}" or "timedelta" in f"{error}"


@every_step
def test_sparse_matrices(make: Callable[..., Any]) -> None:
    needs("sklearn")
    from scipy import sparse  # which comes with it

    assert f"{error_of(make, sparse.csr_matrix(np.array(X)), Y)}" == "X is a sparse matrix: give X.toarray()"


def test_a_trainer_takes_tensors_of_torch_as_fit_does() -> None:
    torch = needs("torch")
    samples = torch.tensor(X, dtype=torch.float64)
    losses = []
    for each in (X, samples, samples.clone().requires_grad_(), list(samples)):
        model = nn.MLP(2, [3, 2], "tanh", seed=0)
        trainer = nn.Trainer(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
        losses.append([trainer.step(each, Y) for _ in range(3)])
    assert losses[0] == losses[1] == losses[2] == losses[3]


class Wanting:
    """As a tensor of PyTorch that wants gradients."""

    def __init__(self, rows: Any) -> None:
        self.rows = np.array(rows)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> Any:
        return self.rows

    def __len__(self) -> int:
        return len(self.rows)


def test_what_wants_gradients_is_read_at_every_step() -> None:
    one, other = (nn.Trainer(m := nn.MLP(2, [2], seed=0), nn.cross_entropy, nn.SGD(m.parameters(), 0.1)) for _ in "ab")
    assert [one.step(Wanting(X), Y) for _ in range(3)] == [other.step(X, Y) for _ in range(3)]


class Column:
    """As one of PyArrow: its `to_numpy()` copies nothing, which texts and bools need, where NumPy copies."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def to_numpy(self) -> Any:
        raise ValueError("Needed to copy 1 chunks with 0 nulls, but zero_copy_only was True")

    def to_pylist(self) -> list[Any]:
        return self._entries

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.array(self._entries, object)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: int) -> Any:
        return self._entries[place]


def test_texts_of_pyarrow_are_labels_and_its_bools_are_none() -> None:
    """PyArrow's own error came, whose way out is no argument of fit."""
    texts, bools = Column(["no", "yes", "no"]), Column([True, False, True])
    model, other = nn.MLP(2, [2], seed=0), nn.MLP(2, [2], seed=0)
    nn.fit(model, X, texts, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), 1)
    assert vars(model)["classes"] == ["no", "yes"]
    with pytest.raises(TypeError, match="not the bool True"):
        nn.fit(other, X, bools, nn.cross_entropy, nn.SGD(other.parameters(), lr=0.1), 1)


def test_predictions_say_it_too() -> None:
    model = nn.MLP(2, [2], seed=0)
    for backend in ("eager", "python"):
        with pytest.raises(TypeError, match=r"^X\[1\]\[1\] is not a number but str 'a': "):
            nn.predict(model, with_entry("a"), backend=backend)


def test_evaluation_says_it_too() -> None:
    model = nn.MLP(2, [1], seed=0)
    for backend in ("eager", "python"):
        with pytest.raises(ValueError, match=r"not inf\ny\[1\] holds inf$"):
            nn.score(model, X, [0.0, math.inf, 1.0], nn.mse, backend=backend)
        with pytest.raises(TypeError, match=r"^X\[1\]\[1\] is not a number but NoneType None: fill it in"):
            nn.evaluate(model, with_entry(None), Y, nn.mse, backend=backend)


def test_errors_of_other_kinds_stay_as_they_are() -> None:
    for error in (KeyError("nan"), ValueError("too long"), TypeError("no Value")):
        assert with_entries(error, X, Y) is error
    error = FloatingPointError("the loss became nan")
    assert with_entries(error, X, Y) is error
    vars(error)["losses"] = [1.0]  # as a Trainer adds them
    wider = with_entries(error, with_entry(math.nan), Y)
    assert f"{wider}" == "the loss became nan\nX[1][1] is nan"
    assert vars(wider) == {"losses": [1.0]}


@pytest.mark.parametrize("where", [*STEPS, "validation"])
def test_a_column_of_a_table_is_named(where: str) -> None:
    pd = needs("pandas")
    table = pd.DataFrame({"age": [1.0, 2.0, 3.0], "fare": [1.0, math.nan, 3.0]}, index=[5, 6, 7])
    y = pd.Series([1.0, 2.0, 3.0], index=[5, 6, 7])
    model = nn.MLP(2, [1], seed=1)
    optimizer = nn.SGD(model.parameters(), 0.01)
    train = STEPS.get(
        where, lambda *what: lambda X, y: nn.fit(what[0], X.fillna(0.0), y, *what[1:], 1, validation=(X, y))
    )
    with pytest.raises((FloatingPointError, ValueError), match=re.escape("X[1][1] is nan (column 'fare')")):
        train(model, nn.mse, optimizer)(table, y)


@pytest.mark.parametrize("where", STEPS)
def test_a_row_of_a_table_of_labels_is_named(where: str) -> None:
    """Its columns were searched for it, by their names."""
    pd = needs("pandas")
    y = pd.DataFrame({"height": [1.0, 2.0, 3.0], "width": [1.0, math.nan, 3.0]})
    model = nn.MLP(2, [2], seed=1)
    with pytest.raises(ValueError, match=r"y\[1\] holds nan"):
        STEPS[where](model, nn.mse, nn.SGD(model.parameters(), 0.01))(X, y)


def test_three_are_named() -> None:
    assert lost_entries([[math.nan] * 5], [math.inf], [7]) == (
        "X[7][0] is nan, X[7][1] is nan, X[7][2] is nan, and 3 more"
    )
    assert lost_entries([[1e300], ["a"], [10**400]], [1.0, None], [0, 1, 2]) == "X[0][0] is 1e+300: scale the data"
    assert lost_entries(X, Y, [0, 1, 2]) == ""


class Kind:
    """A type of a column of polars."""

    def __init__(self, name: str) -> None:
        self._name = name

    def is_temporal(self) -> bool:
        return self._name == "Datetime"

    def __repr__(self) -> str:
        return self._name


class PolarsTable:
    """A table whose dates NumPy gets as numbers, since its other columns are."""

    columns = ("a", "day")
    dtypes = (Kind("Float64"), Kind("Datetime"))

    def to_numpy(self) -> Any:
        return np.array([[0.5, 1e9], [1.5, 2e9], [0.0, 3e9]])


@every_step
def test_dates_beside_numbers_are_no_samples(make: Callable[..., Any]) -> None:
    error = error_of(make, PolarsTable(), Y)
    assert type(error) is TypeError
    assert f"{error}".startswith("column 'day' of X holds Datetime, not numbers")
