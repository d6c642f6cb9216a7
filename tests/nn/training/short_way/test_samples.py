"""The short way of `Trainer.step`: on any samples it gives what the long way gives, and refuses what that refuses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

import nn
from engine import Value
from engine.compiler.backends.llvm.direct import step as direct_step
from nn import MLP, SGD, Trainer
from tests.needs import needs
from tests.nn.training.arrays import fixed, unaligned

from .steps import CLASSES, ONE_HOT, RNG, TARGETS, X, counted, data, quick, trainer, until_quick

np = needs("numpy")


def _padded(array: Any) -> Any:
    wide = np.zeros((len(array), 2 * array.shape[1]), array.dtype)
    wide[:, ::2] = array
    return wide[:, ::2]


class Own(np.ndarray[Any, Any]):
    """An array of a class of one's own."""


SAMPLES: dict[str, Callable[[Any], Any]] = {
    "the same": lambda x: x,
    "a copy": lambda x: x.copy(),
    "read-only": fixed,
    "float32": lambda x: x.astype("float32"),
    "float64": lambda x: x.astype("float64"),
    "lists": lambda x: x.tolist(),
    "whole numbers as ints": lambda x: [[int(a) if a == int(a) else a for a in row] for row in x.tolist()],
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "lists of arrays": list,
    "a slice": _padded,
    "other order": np.asfortranarray,
    "backwards": lambda x: x[::-1].copy()[::-1],
    "between words": unaligned,
    "big-endian": lambda x: x.astype(">f8"),
    "another class": lambda x: x.view(Own),
}
LABELS: dict[str, Callable[[Any], Any]] = {
    "the same": lambda y: y,
    "a copy": lambda y: y.copy(),
    "float64": lambda y: y.astype("float64"),
    "float32": lambda y: y.astype("float32"),
    "int32": lambda y: y.astype("int32"),
    "list": lambda y: y.tolist(),
    "floats": lambda y: y.astype("float64").tolist(),
    "a slice": lambda y: np.repeat(y, 2)[::2],
    "NumPy's numbers": list,
}
DIRECT = {"the same", "a copy", "read-only", "float64", "lists", "list", "floats", "whole numbers as ints"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("samples", SAMPLES)
def test_samples_in_any_form_are_what_they_are(samples: str, dtype: str) -> None:
    short, long = trainer(dtype=dtype), trainer(dtype=dtype)
    for t in (short, long):
        t.step(X, CLASSES)
        t.step(X, CLASSES)
    count = counted(short)
    for labels, form in LABELS.items():
        assert [short.step(X, CLASSES)] == long.run(X, CLASSES, 1)
        for k in range(3):
            x, y = np.roll(X, k, axis=0), np.roll(CLASSES, k)
            assert [short.step(SAMPLES[samples](x), form(y))] == long.run(x, y, 1), labels
    assert data(short) == data(long)
    assert short.steps == 2 + 4 * len(LABELS)
    assert count == [0]


@pytest.mark.parametrize(
    "labels", [lambda y: y, lambda y: y.tolist(), lambda y: y.astype(int), lambda y: y[::-1][::-1]]
)
def test_rows_as_labels(labels: Callable[[Any], Any]) -> None:
    short, long = trainer(), trainer()
    for k in range(5):
        x, y = np.roll(X, k, axis=0), np.roll(ONE_HOT, k, axis=0)
        assert [short.step(x, labels(y))] == long.run(x, y, 1)
    assert data(short) == data(long)


def test_targets_are_known_by_their_range_once_they_are_too_many_to_be_classes() -> None:
    short, long = trainer(nn.mse, outputs=1), trainer(nn.mse, outputs=1)
    for t in (short, long):
        t.step(X, np.arange(12.0))
        t.step(X, np.arange(12.0) / 7)
    count = counted(short)
    for k in range(3):
        assert [short.step(X, TARGETS + k)] == long.run(X, TARGETS + k, 1)
    assert count == [0]
    with pytest.raises(ValueError, match="a target must be a finite number, not nan"):
        short.step(X, np.where(TARGETS[3] == TARGETS, np.nan, TARGETS))


WRONG: dict[str, tuple[Any, Any, type[Exception]]] = {
    "no class": (X, np.where(CLASSES == 1, 3, CLASSES), IndexError),
    "no class in a list": (X.tolist(), [*CLASSES.tolist()[1:], -1], IndexError),
    "a part of a class": (X, [*CLASSES.tolist()[1:], 0.5], ValueError),
    "nearly a class": (X, [*CLASSES.tolist()[1:], 1.0 + 1e-12], ValueError),
    "a bool": (X.tolist(), [True, *CLASSES.tolist()[1:]], TypeError),
    "bools": (X, CLASSES == 1, TypeError),
    "nan": (X, np.where(CLASSES == 1, np.nan, CLASSES), ValueError),
    "a text": ([["a", 1.0, 2.0, 3.0], *X.tolist()[1:]], CLASSES, TypeError),
    "a Value": ([[Value(1.0), 1.0, 2.0, 3.0], *X.tolist()[1:]], CLASSES, TypeError),
    "ragged": ([[1.0], *X.tolist()[1:]], CLASSES, ValueError),
    "an int that is too large": ([[2**70, 1, 2, 3], *X.tolist()[1:]], CLASSES, TypeError),
    "fewer labels": (X, CLASSES[1:], ValueError),
    "more samples": ([*X.tolist(), X[0].tolist()], CLASSES.tolist(), ValueError),
    "flat samples": (X.ravel(), CLASSES, ValueError),
    "no array": (X, 3, TypeError),
    "nothing": (None, None, TypeError),
    "complex": (X + 1j, CLASSES, TypeError),
}


def test_of_labels_of_which_nothing_is_required_any_are_right_once_they_are_too_many() -> None:
    rng = np.random.default_rng(1)

    def loss(outputs: Any, labels: Any) -> Any:
        return sum((out[0] - y) * (out[0] - y) for out, y in zip(outputs, labels)) / len(outputs)

    model, other = (MLP(2, [3, 1], activation="tanh", seed=1) for _ in range(2))
    trainer = Trainer(model, loss, SGD(model.parameters(), lr=0.05), "llvm")
    step = nn.EagerStep(other, loss, SGD(other.parameters(), lr=0.05))
    for _ in range(4):
        x, y = rng.normal(size=(300, 2)), rng.normal(size=300)
        assert trainer.step(x, y) == pytest.approx(step(x.tolist(), y.tolist()), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("what", WRONG)
def test_what_the_long_way_refuses_the_short_one_refuses_with_the_same_words(what: str, dtype: str) -> None:
    x, y, error = WRONG[what]
    short, long = trainer(dtype=dtype), trainer(dtype=dtype)
    long.run(X, CLASSES, until_quick(short, X, CLASSES))
    with pytest.raises(error) as expected:
        long.run(x, y, 1)
    assert quick(short)
    with pytest.raises(error) as found:
        short.step(x, y)
    assert str(found.value) == str(expected.value)
    assert data(short) == data(long)
    assert short.steps == long.steps
    assert short.step(X, CLASSES) > 0.0


def test_whole_numbers_that_no_double_holds_are_rounded_as_numpy_does() -> None:
    for numbers in ([2**53 + 1, 1, 2, 3], [2**62 - 1, 1, 2, 3], [-(2**53) - 1, 1, 2, 3]):
        x = [[a / 2**60 if isinstance(a, float) else a for a in numbers], *X.tolist()[1:]]
        short, long = trainer(), trainer()
        losses = [short.step(x, CLASSES) for _ in range(3)]
        assert losses == long.run(x, CLASSES, 3)
        assert data(short) == data(long)


@pytest.mark.parametrize("side_by_side", [True, False])
def test_ints_around_those_that_python_has_once(side_by_side: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not side_by_side:
        monkeypatch.setattr(direct_step, "ints_side_by_side", lambda: 0)
    numbers = [-(10**9), -7, -6, -5, -4, -1, 0, 1, 2, 127, 255, 256, 257, 258, 1000, 2**31]
    short, long = trainer(nn.mse, outputs=1), trainer(nn.mse, outputs=1)
    for t in (short, long):
        for _ in range(3):
            t.step(X, TARGETS)
    count = counted(short)
    for first in range(len(numbers)):
        labels = [int(str(k)) for k in (numbers * 2)[first : first + len(X)]]
        x = [[*map(float, row[:3]), label % 1000] for row, label in zip(X, labels)]
        assert [short.step(x, labels)] == long.run(np.array(x), np.array(labels, float), 1)
        short.optimizer.lr, long.optimizer.lr = 1e-12, 1e-12
    assert data(short) == data(long)
    assert count == [0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("labels", [CLASSES, ONE_HOT])
def test_a_wrong_label_is_found_wherever_it_stands(labels: Any, dtype: str) -> None:
    """Labels are compared several at a time, and those behind the last group one by one."""
    t, other, labels = trainer(dtype=dtype), trainer(dtype=dtype), labels.astype(dtype)
    other.run(X, labels, until_quick(t, X, labels))
    for wrong, place in itertools.product([-1.0, 0.5, 3.0, math.nan, math.inf], range(len(X))):
        wrong_ones = labels.copy()
        wrong_ones[place] = wrong
        if not quick(t):  # a look at everything was due
            other.run(X, labels, until_quick(t, X, labels))
        with pytest.raises((ValueError, IndexError)):
            t.step(X, wrong_ones)
    assert data(t) == data(other)
    assert t.steps == other.steps


def test_labels_that_have_to_be_compared_first_lose_no_step() -> None:
    def loss(outputs: Any, labels: Any) -> Any:
        return sum([((out[0] - label) ** 2 + out[1] ** 2) * 0.1 for out, label in zip(outputs, labels)])

    short, long = trainer(loss, outputs=2), trainer(loss, outputs=2)
    for k in range(12):
        labels = (CLASSES + k // 2).astype("float32")  # which are copied
        assert [short.step(X, labels)] == long.run(X, labels, 1)
    assert data(short) == data(long)


@pytest.mark.parametrize(
    ("loss", "outputs", "first", "labels"),
    [
        (nn.cross_entropy, 3, np.minimum(CLASSES, 1), CLASSES),
        (nn.cross_entropy, 3, np.minimum(CLASSES, 1).tolist(), CLASSES.tolist()),
        (nn.cross_entropy, 3, np.eye(3)[np.minimum(CLASSES, 1)], ONE_HOT),
        (nn.mse, 1, np.sign(TARGETS), TARGETS),
        (nn.mse, 1, TARGETS, np.arange(12.0)),
    ],
)
def test_labels_that_the_first_samples_lacked_are_known_once_they_are_met(
    loss: Any, outputs: int, first: Any, labels: Any
) -> None:
    short, long = trainer(loss, outputs=outputs), trainer(loss, outputs=outputs)
    long.run(X, first, until_quick(short, X, first))
    before = short._again.step
    looks = _looks(short)
    for _ in range(3):
        assert [short.step(X, labels)] == long.run(X, labels, 1)
    assert [before(X, labels)] == long.run(X, labels, 1)  # another thread may still have it
    assert len(looks) == 1
    assert data(short) == data(long)


class Words(nn.Module):
    """Two tokens of a sample, each looked up."""

    def __init__(self) -> None:
        self.letters, self.mixing = nn.Embedding(30, 2, seed=1), MLP(4, [70], seed=2)

    def __call__(self, x: Any) -> Any:
        return self.mixing([*self.letters(x[0]), *self.letters(x[1])])


def _words(dtype: str) -> Trainer:
    model = Words()
    return Trainer(model, nn.cross_entropy, SGD(model.parameters(), 0.1), "llvm", dtype)


TOKENS, NEXT = RNG.integers(0, 30, (80, 2)), RNG.permutation(80) % 70


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.tolist(), lambda x: x.astype(float)])
def test_tokens_and_many_classes_are_known_by_the_whole_numbers_between_two(form: Any, dtype: str) -> None:
    short, long = _words(dtype), _words(dtype)
    long.run(TOKENS, NEXT, until_quick(short, form(TOKENS), form(NEXT)))
    looks = _looks(short)
    for k in range(1, 5):
        x, y = np.roll(TOKENS, k) % 30, np.roll(NEXT, k) + (-1) ** k * (NEXT % 2)
        y = np.clip(y, 0, 69)
        assert [short.step(form(x), form(y))] == long.run(x, y, 1)
    assert data(short) == data(long)
    assert not looks


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("column", [0, 1, "label"])
def test_a_wrong_token_is_found_wherever_it_stands(column: Any, dtype: str) -> None:
    short, long = _words(dtype), _words(dtype)
    long.run(TOKENS, NEXT, until_quick(short, TOKENS, NEXT))
    wrong_ones = [-1.0, 0.5, 29.5, 30.0, 1e18, 1e30, -1e30, math.nan, math.inf]
    for wrong, place in itertools.product(wrong_ones, (0, 5, len(TOKENS) - 1)):
        x, y = TOKENS.astype(dtype), NEXT.astype(dtype)
        if column == "label":
            y[place] = 70.0 if wrong == 30.0 else wrong
        else:
            x[place, column] = wrong
        assert quick(short)
        with pytest.raises((ValueError, IndexError)) as expected:
            long.run(x, y, 1)
        with pytest.raises((ValueError, IndexError)) as found:
            short.step(x, y)
        assert str(found.value) == str(expected.value)
    assert data(short) == data(long)
    assert short.steps == long.steps


def _looks(t: Any) -> list[Any]:
    """The labels at which Python looks from now on, because native code does not know them; time alone never looks."""
    counted(t)
    check, seen = t._again._labels.check, []

    def noted(batch: Any) -> None:
        seen.append(batch)
        check(batch)

    t._again._labels.check = noted
    return seen


def test_an_array_that_gets_another_shape_in_place_is_another_one() -> None:
    t, x = trainer(), X.copy()
    for _ in range(3):
        t.step(x, CLASSES)
    x.resize((4, 12), refcheck=False)
    with pytest.raises(ValueError, match="4 samples against 12 labels"):
        t.step(x, CLASSES)
    x.resize((12, 4), refcheck=False)
    other = trainer()
    for _ in range(3):
        other.step(X, CLASSES)
    assert t.step(x, CLASSES) == other.step(X, CLASSES)
    x.resize((12, 8), refcheck=False)  # in other memory
    with pytest.raises((ValueError, IndexError, TypeError)):
        t.step(x, CLASSES)


def test_what_is_in_the_arrays_now_counts() -> None:
    t, other, x, y = trainer(), trainer(), X.copy(), CLASSES.copy()
    for k in range(6):
        x[k, 0] += 1.0
        y[k] = (y[k] + 1) % 3
        assert [t.step(x, y)] == other.run(x.copy(), y.copy(), 1)


def test_what_is_exchanged_for_what_is_the_same_makes_no_step_any_longer() -> None:
    t = trainer()
    t.model.rates = [0.25, 0.5]
    for _ in range(3):
        t.step(X, CLASSES)
    count = counted(t)
    for k in range(4):
        t.model.rates[k % 2] = float(repr(t.model.rates[k % 2]))
        t.step(X, CLASSES)
    assert count == [0]
    t.model.rates[1] = 0.75
    t.step(X, CLASSES)
    assert count == [1]
