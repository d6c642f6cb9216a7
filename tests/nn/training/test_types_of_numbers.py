"""Models and losses that ask of what type a number is: compiled steps are the eager ones, or refused.

Each row is a question; it is put to labels, and to samples, whose types become others in mid-training.
"""

from __future__ import annotations

import decimal
import fractions
import functools
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import engine
import nn
from engine import TraceError
from tests.needs import INSTALLED, needs

np = needs("numpy")

Question = Callable[[Any], bool]


@functools.singledispatch
def _dispatched(number: Any) -> bool:
    return False


_dispatched.register(int, lambda number: True)


def _matched(number: Any) -> bool:
    match number:
        case bool():
            return False
        case int():
            return True
    return False


QUESTIONS: dict[str, Question] = {
    "isinstance": lambda y: isinstance(y, int),
    "several classes": lambda y: isinstance(y, (bool, np.integer, fractions.Fraction)),
    "abstract class": lambda y: isinstance(y, numbers.Integral),
    "floating of NumPy": lambda y: isinstance(y, np.floating),
    "class": lambda y: y.__class__ is int,
    "singledispatch": lambda y: _dispatched(y),
    "match": lambda y: _matched(y),
    "is a scalar": lambda y: np.isscalar(y) and not isinstance(y, float),
    "isinstance of another list": lambda y: [z for z in [y] if isinstance(z, int)] != [],
}
REFUSED: dict[str, Question] = {
    "type": lambda y: type(y) is int,
    "type in": lambda y: type(y) in (int, bool),
    "name of the type": lambda y: type(y).__name__ == "int",
    "type by map": lambda y: int in map(type, [y]),
    "computed": lambda y: isinstance(2 * y, int),
}
ATTRIBUTES: dict[str, Question] = {
    "hasattr": lambda y: hasattr(y, "dtype"),
    "getattr": lambda y: getattr(y, "denominator", 0) == 1,
    "try": lambda y: _has_bits(y),
}


def _has_bits(number: Any) -> bool:
    try:
        return number.bit_length() >= 0
    except AttributeError:
        return False


KINDS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "int": int,
    "bool": bool,
    "float64": lambda n: np.float64(n),
    "int64": lambda n: np.int64(n),
    "Fraction": fractions.Fraction,
    "Decimal": decimal.Decimal,
}
LISTS: dict[str, Callable[[Sequence[int]], Any]] = {
    **{name: lambda row, kind=kind: [kind(n) for n in row] for name, kind in KINDS.items()},
    "array": lambda row: np.array(row, float),
    "array of ints": lambda row: np.array(row, int),
    "tuple": tuple,
    "mixed": lambda row: [float(row[0]), *row[1:]],
}


def of_labels(asks: Question) -> tuple[Any, Any]:
    """Model and loss that ask it of labels."""

    def loss(outputs: Any, labels: Any) -> Any:
        return engine.mean([(o[0] - (0.25 if asks(y) else y)) ** 2 for o, y in zip(outputs, labels)])

    return nn.MLP(2, [3, 1], seed=1), loss


def of_samples(asks: Question) -> tuple[Any, Any]:
    """The same of numbers of samples."""
    inner = nn.MLP(2, [3, 1], seed=1)

    class Model(nn.Module):
        def __init__(self) -> None:
            self.inner = inner

        def __call__(self, x: Any) -> Any:
            return self.inner([x[0], 3.0 if asks(x[1]) else x[1]])

    return Model(), nn.mse


def of_batch(asks: Question) -> tuple[Any, Any]:
    """A loss of a batch whose kind hangs on its first label, which for a batch of one makes no difference."""

    def loss(outputs: Any, labels: Any) -> Any:
        terms = [(o[0] - y) ** 2 for o, y in zip(outputs, labels)]
        return engine.sum(terms) if asks(labels[0]) else engine.mean(terms)

    return nn.MLP(2, [3, 1], seed=1), loss


def steps(make: Any, asks: Question, lists: Sequence[Any], way: Callable[..., Any]) -> list[Any]:
    """The losses and parameters of steps on data of one kind after the other; it ends where one is refused."""
    model, loss = make(asks)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    step, found = way(model, loss, optimizer), list[Any]()
    for as_list in lists:
        X, y = [[1, 0], [0, 1], [2, 1]], [1, 0, 1]
        rows = [as_list(row) for row in X]
        X = np.array(rows) if isinstance(rows[0], np.ndarray) else rows
        try:
            labels = [1.0, 0.0, 1.0] if make is of_samples else as_list(y)  # nn.mse takes no bools
            loss_now = [step(X, labels) for _ in range(3)][-1]
        except TypeError as error:  # such as a TraceError
            found.append(f"refused: {error}")
            break
        found.append([loss_now, *[p.data for p in model.parameters()]])
    return found


ORDERS = [
    ("float", "int", "float"),
    ("int", "bool", "float64"),
    ("array", "array of ints", "array", "int"),
    ("int64", "int", "Fraction"),
    ("int", "mixed", "int"),
    ("float", "Decimal"),
]


NAMES = [*QUESTIONS, *ATTRIBUTES, *REFUSED]
ROWS = [  # each back end has its turn
    (make, name, kinds, INSTALLED[(i + k) % len(INSTALLED)])
    for make in (of_labels, of_samples, of_batch)
    for i, name in enumerate(NAMES)
    for k, kinds in enumerate(ORDERS)
    if make is of_labels or "Decimal" not in kinds  # a Decimal less a float is an error of Python's
]


@pytest.mark.parametrize(("make", "name", "kinds", "backend"), ROWS)
def test_steps_are_the_eager_ones(make: Any, name: str, kinds: tuple[str, ...], backend: str) -> None:
    asks, lists = {**QUESTIONS, **ATTRIBUTES, **REFUSED}[name], [LISTS[kind] for kind in kinds]
    expected = steps(make, asks, lists, nn.EagerStep)
    found = steps(make, asks, lists, lambda *parts: nn.Trainer(*parts, backend=backend))
    for one, other in zip(expected, found):
        if isinstance(other, str):
            assert "type" in other or "attribute" in other or "real numbers" in other
            assert name not in QUESTIONS or {*kinds} & {"mixed", "Fraction", "Decimal"}, (name, kinds, found)
        else:
            assert other == pytest.approx(one, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_compiled_function_is_traced_for_each_type(backend: str) -> None:
    w = engine.Value(2.0)

    def function(x: Any) -> Any:
        return w * (x if isinstance(x, int) else 10.0 * x)

    compiled = engine.compile(function, backend=backend)
    for _ in range(2):
        for x in ([1, 2], [1.0, 2.0], [True, False], [1, 2], [], [0.5, 0.25], np.array([1, 2]), np.array([1.0, 2.0])):
            for _ in range(4):  # calls like the last one go a shorter way
                assert list(compiled(x)) == [function(one).data for one in x]
    with pytest.raises(TraceError, match=r"function .*asks for the type of a number.*: float and int\n.*float\(y\)"):
        compiled([1, 2.5])


def test_what_does_the_same_for_all_types_takes_any() -> None:
    def flat(x: Any) -> Any:
        return [one for part in x for one in flat(part)] if isinstance(x, (list, tuple)) else [x]

    compiled = engine.compile(lambda x: engine.sum(flat(x)), backend="python")
    for x in ([[1, 2.5], [3.5, True]], [[1, 2], [2.0, 4.0]]):
        assert compiled(x) == [sum(row) for row in x]
    assert len({id(special) for special in engine.traces_of(compiled).known.values()}) == 1
    with pytest.raises(TraceError, match="float and int"):
        compiled([[float(k >> b & 1) if k >> b + 4 & 1 else 1 for b in range(4)] for k in range(256)])


@pytest.mark.parametrize("kinds", [(float, int), (int, float)])
def test_whole_epochs_and_their_validation_are_the_eager_ones(kinds: tuple[Any, Any]) -> None:
    def loss(outputs: Any, labels: Any) -> Any:
        return engine.mean([(o[0] - (y if isinstance(y, int) else 0.5 * y)) ** 2 for o, y in zip(outputs, labels)])

    def trained(backend: str) -> list[Any]:
        model, found = nn.MLP(1, [3, 1], seed=1), []
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        X = [[0.1 * k] for k in range(12)]
        for kind in kinds:
            y = [kind(k % 3) for k in range(12)]
            history = nn.fit(
                model, X, y, loss, optimizer, epochs=25, batch_size=5, seed=1, validation=(X, y), backend=backend
            )
            found += [row[name] for row in history.rows for name in ("loss", "validation_loss")]
            found += [p.data for p in model.parameters()]
        return found

    assert trained("llvm" if "llvm" in INSTALLED else "auto") == pytest.approx(trained("eager"), rel=1e-9)
