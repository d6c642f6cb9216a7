"""Samples and labels in lists, tuples and arrays, which do not do the same: steps are the eager ones, or refused.

Each row of the table does what hangs on the class of a row; the class becomes another one in mid-training.
"""

from __future__ import annotations

import collections
import collections.abc
import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import engine
import nn
from engine import TraceError, Value, dot, mean
from engine.compiler.frontend.given.rows import as_rows, form_of
from tests.needs import INSTALLED, needs

np = needs("numpy")

Model = Callable[[Any], Any]


def _matched(x: Any) -> Any:
    match x:
        case [a, b]:
            return a + 2 * b
    return x[0]


def _caught(x: Any) -> Any:
    try:
        return x.shape[0] * x[0]
    except AttributeError:
        return x[1]


def _extended(x: Any) -> Any:
    x = x[:]
    x += x
    return mean([*x, 1.0])


def _aliased(x: Any) -> Any:
    part = same = x[:]
    same += x
    return mean(part)


def _looked(x: Any) -> Any:
    return mean(x.tolist()) if hasattr(x, "tolist") else x[0]


ASKS: dict[str, Model] = {
    "isinstance of an array": lambda x: mean(x) if isinstance(x, np.ndarray) else engine.sum(x),
    "isinstance of a list": lambda x: mean(x) if isinstance(x, list) else engine.sum(x),
    "isinstance of a tuple": lambda x: mean(x) if isinstance(x, tuple) else engine.sum(x),
    "isinstance of a sequence": lambda x: mean(x) if isinstance(x, collections.abc.Sequence) else engine.sum(x),
    "class": lambda x: mean(x) if x.__class__ is list else engine.sum(x),
    "hasattr": lambda x: mean(x) if hasattr(x, "shape") else engine.sum(x),
    "pattern": _matched,
    "shape": _caught,
    "tolist": _looked,
    "number of dimensions": lambda x: mean(x) * getattr(x, "ndim", 5),
    "truth": lambda x: mean(x) if isinstance(x, np.ndarray) or x else 0.0,
}
LISTS: dict[str, Model] = {
    "times": lambda x: mean(x * 3),
    "from the left": lambda x: mean((2 * x)[1:]),
    "plus": lambda x: mean((x + x)[1:]),
    "behind a list": lambda x: mean([1.0] + x),  # noqa: RUF005  # what is tested
    "added in place": _extended,
    "added to what has two names": _aliased,
    "method": lambda x: mean([*x.copy(), 1.0]),
    "place of None": lambda x: mean(x[None][0]),
    "all places": lambda x: mean(x[...]),
    "type": lambda x: mean(x) if type(x) is list else engine.sum(x),
    "equal": lambda x: x[0] * (2.0 if x == 3.0 else 1.0),
    "minus": lambda x: mean(x - x),
    "minus from the left": lambda x: mean(1.0 - x),
    "divided": lambda x: mean(x / 2),
    "power": lambda x: mean(x**2),
    "negative": lambda x: mean(-x),
    "absolute": lambda x: mean(abs(x)),
    "a truth value as a place": lambda x: mean([*np.ravel(x[True])]),
    "several places": lambda x: mean(x[[0, 1]]),
    "an array of places": lambda x: mean(x[np.array([1, 0])]),
    "a new axis": lambda x: mean(x[:, None][0]),
}
SAME: dict[str, Model] = {
    "entries": lambda x: x[0] * 2 + x[-1],
    "unpacked": lambda x: (lambda a, b: a - b)(*x),
    "part": lambda x: mean(x[1:]) * len(x),
    "iterated": lambda x: sum(3 * a for a in x),
    "zipped": lambda x: engine.sum([a * b for a, b in zip(x, reversed(x))]),
    "dot": lambda x: dot([0.5, 2.0], x),
    "to a list": lambda x: mean([1.0, *list(x), 2.0]),
    "sorted by place": lambda x: next(a for _, a in sorted(zip([2, 1], x))),
    "array made of it": lambda x: np.asarray(x)[0] * 2.0,
}
ROWS: dict[str, Callable[[Any], Any]] = {
    "list": lambda rows: [[*map(float, row)] for row in rows],
    "tuples": lambda rows: [tuple(map(float, row)) for row in rows],
    "array": lambda rows: np.array(rows, float),
    "arrays": lambda rows: [*np.array(rows, float)],
}
ORDERS = [("list", "array"), ("array", "list"), ("list", "tuples"), ("tuples", "arrays"), ("arrays", "array", "tuples")]


def squares(outputs: Any, targets: Any) -> Any:
    return mean([(o[0] - y) ** 2 for o, y in zip(outputs, targets)])


def of_samples(does: Model) -> tuple[Any, Any, list[Value]]:
    w = Value(0.5)
    return lambda x: [w * does(x)], lambda outputs, labels: squares(outputs, [y[0] for y in labels]), [w]


def of_labels(does: Model) -> tuple[Any, Any, list[Value]]:
    w = Value(0.5)
    return lambda x: [w * x[0]], lambda outputs, labels: squares(outputs, [does(y) for y in labels]), [w]


def steps(parts: tuple[Any, Any, list[Value]], kinds: Any, way: Callable[..., Any]) -> list[Any]:
    model, loss, params = parts
    step, found = way(model, loss, nn.SGD(params, lr=0.01)), list[Any]()
    for kind in kinds:
        for _ in range(4):  # steps like the last one go a shorter way
            try:
                loss_now = step(ROWS[kind]([[1, 2], [3, 5]]), ROWS[kind]([[0, 2], [1, 0]]))
            except Exception as error:
                return [*found, error]
            found.append((loss_now, params[0].data))
    return found


@pytest.mark.parametrize("make", [of_samples, of_labels])
@pytest.mark.parametrize("kinds", ORDERS, ids="-".join)
@pytest.mark.parametrize("name", [*ASKS, *LISTS, *SAME])
def test_steps_are_the_eager_ones(name: str, kinds: tuple[str, ...], make: Any) -> None:
    does, backend = {**ASKS, **LISTS, **SAME}[name], INSTALLED[len(name) % len(INSTALLED)]
    if backend == "python" and "arrays" in kinds:
        backend = "numpy"
    expected = steps(make(does), kinds, nn.EagerStep)
    found = steps(make(does), kinds, lambda *parts: nn.Trainer(*parts, backend=backend))
    assert len(expected) >= len(found)
    for one, other in zip(expected, found):
        if isinstance(other, Exception):
            assert isinstance(one, Exception) or (isinstance(other, TraceError) and name in LISTS), other
        else:
            assert other == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("does", [lambda y: 2 * y, lambda y: [*y] if isinstance(y, list) else [0.0] * len(y)])
def test_what_holds_all_labels_is_a_list_in_fit_and_in_a_step_what_it_was(does: Any) -> None:
    def loss(outputs: Any, labels: Any) -> Any:
        return mean([(o[0] - y) ** 2 for o, y in zip(outputs, does(labels))])

    def trainer() -> Any:
        model = nn.MLP(1, [1], seed=1)
        return nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.1))

    X, y = [[0.1], [0.2]], [1.0, 2.0]
    model = nn.MLP(1, [1], seed=1)
    eager = nn.EagerStep(model, loss, nn.SGD(model.parameters(), lr=0.1))
    step = trainer()
    assert [step.step(X, y) for _ in range(3)] == pytest.approx([eager(X, y) for _ in range(3)])
    with pytest.raises(TraceError, match="whether they are a list or a ndarray"):
        step.step(X, np.array(y))
    with pytest.raises(TraceError, match="whether they are a list or a ndarray"):
        trainer().step(X, np.array(y))
    assert copy.deepcopy(y) == [1.0, 2.0]


@pytest.mark.parametrize("does", [lambda x: mean(x * 3), lambda x: mean(x) if isinstance(x, np.ndarray) else x[0]])
def test_fit_on_arrays_is_the_eager_one(does: Model) -> None:
    X, y = np.array([[1.0, 2.0], [3.0, 4.0], [0.5, 1.0]]), np.array([1.0, 2.0, 0.0])

    def trained(backend: str) -> float:
        w = Value(0.5)
        model = lambda x: [w * does(x)]  # a model is any function
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nn.fit(model, X, y, nn.mse, nn.SGD([w], lr=0.01), epochs=5, batch_size=2, seed=1, backend=backend)
        return w.data

    assert trained("auto") == pytest.approx(trained("eager"), rel=1e-9)


def test_patterns_match_what_stands_for_rows_of_any_class() -> None:
    """Whether an array is matched hangs on NumPy's version; other classes are, or are not, in all of them."""

    class Unmatched:
        def __init__(self, entries: list[float]) -> None:
            self.entries = entries

    for make in (list, tuple, collections.deque, np.array, Unmatched):
        given: Any = make([1.0, 2.0])
        row = as_rows([1.0, 2.0], (type(given),), lambda: None)
        match given:
            case [_, _]:
                expected = True
            case _:
                expected = False
        match row:
            case [1.0, 2.0]:
                assert expected
            case _:
                assert not expected
        assert isinstance(row, collections.abc.Sequence) is isinstance(given, collections.abc.Sequence)


ARRAY = np.ndarray


@pytest.mark.parametrize(
    ("sample", "form"),
    [
        (1.0, ()),
        ((), (tuple,)),
        ([1.0, (2.0,)], (list, (), (tuple,))),
        ([[1.0]], (list, (list,))),
        ([[1.0], [2.0], (3.0,)], (list, (list,), (list,), (tuple,))),
        (np.zeros(3), (ARRAY,)),
        ([np.zeros(3)], (list, (ARRAY,))),
        (np.zeros((2, 1, 3)), (ARRAY, (ARRAY, (ARRAY,)))),
    ],
)
def test_the_form_of_a_sample(sample: Any, form: Any) -> None:
    assert form_of(sample) == form


def test_rows_of_several_classes_stay_in_order() -> None:
    form = form_of([[1.0], (2.0,), [3.0]])
    rows = as_rows([[1.0], [2.0], [3.0]], form, lambda: None)
    assert [row.__class__ for row in rows] == [list, tuple, list]


@pytest.mark.parametrize("shape", [(0,), (3,), (1, 2), (2, 1, 2)])
def test_what_stands_for_an_array_has_its_shape(shape: tuple[int, ...]) -> None:
    array = np.arange(float(np.prod(shape))).reshape(shape)
    row = as_rows(array.tolist(), form_of(array), lambda: None)
    assert (row.shape, row.ndim, row.size) == (array.shape, array.ndim, array.size)
    assert row.tolist() == array.tolist()


def test_a_deep_copy_of_rows_is_changed_alone() -> None:
    rows = as_rows([[1.0], [2.0]], (list, (list,)), lambda: None)
    copied = copy.deepcopy(rows)
    copied[0][0] = 5.0
    assert (rows[0][0], copied[0][0]) == (1.0, 5.0)
