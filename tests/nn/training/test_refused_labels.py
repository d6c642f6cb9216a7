"""Labels: what a loss refuses in eager steps, it refuses in compiled ones with the same words."""

from __future__ import annotations

import math
from typing import Any

import pytest

import engine
import nn
from nn import SGD, Trainer
from tests.needs import INSTALLED, native_and_another, needs
from tests.nn.training.test_faithful import CLASSES, NUMBERS, SIGNS, Loss, Row, X, constant

SIGNED = constant(lambda o, y: nn.hinge(o, [2 * label - 1 for label in y]))
HALVED = constant(lambda o, y: nn.bce_with_logits(o, [0.5 * label + 0.25 for label in y]))
BITS = [0, 1, 1, 0, 1, 0, 0, 1]


def probable() -> Any:
    return nn.MLP(2, [3, 1], output="sigmoid", seed=5)


def with_one(labels: list[Any], wrong: Any, place: int = 6) -> list[Any]:
    return [*labels[:place], wrong, *labels[place + 1 :]]


@pytest.mark.parametrize("backend", INSTALLED)
def test_bools_in_a_list_are_refused_in_samples_that_are_prepared_too(backend: str) -> None:
    """NumPy holds an array of float64 to be of the type of a list, which is None."""
    model = nn.MLP(2, [3, 1], seed=5)
    trainer = Trainer(model, nn.bce_with_logits, SGD(model.parameters(), lr=0.05), backend)
    for call in (trainer._made_ready, trainer.step, lambda X, y: trainer.epoch(X, y, 2)):
        with pytest.raises(TypeError, match="not bool True"):
            call([[0.1, 0.2]] * 4, [True, False, True, True])


WRONG_LABELS: dict[str, Row] = {
    "hinge of 0": Row(constant(nn.hinge), with_one(SIGNS, 0)),
    "hinge of 0.5": Row(constant(nn.hinge), with_one(SIGNS, 0.5)),
    "hinge of nan": Row(constant(nn.hinge), with_one(SIGNS, math.nan)),
    "hinge of almost 1": Row(constant(nn.hinge), with_one(SIGNS, 1.0 + 1e-12)),
    "hinge of 2 * y - 1": Row(SIGNED, with_one(BITS, 2)),
    "hinge of 2 * y - 1, nan": Row(SIGNED, with_one(BITS, math.nan)),
    "a probability of 7": Row(constant(nn.bce_with_logits), with_one(BITS, 7)),
    "a probability of -1e-9": Row(constant(nn.bce_with_logits), with_one(BITS, -1e-9)),
    "a probability just above 1": Row(constant(nn.bce_with_logits), with_one(BITS, 1.0 + 1e-12)),
    "a probability of nan": Row(constant(nn.bce_with_logits), with_one(BITS, math.nan)),
    "a computed probability of 1.25": Row(HALVED, with_one(BITS, 2)),
    "bce of 2": Row(constant(nn.bce), with_one(BITS, 2), model=probable),
    "bools for probabilities": Row(constant(nn.bce_with_logits), [bool(bit) for bit in BITS]),
    "one bool for a probability": Row(constant(nn.bce_with_logits), with_one(BITS, True)),
    "a target of nan": Row(constant(nn.mse), with_one(NUMBERS, math.nan)),
    "a target of inf": Row(constant(nn.mae), with_one(NUMBERS, math.inf)),
    "a target of True": Row(constant(nn.mse), with_one(NUMBERS, True)),
    "class 3 of 3": Row(constant(nn.cross_entropy), with_one(CLASSES, 3), outputs=3),
    "class -1": Row(constant(nn.cross_entropy), with_one(CLASSES, -1), outputs=3),
    "class 0.5": Row(constant(nn.cross_entropy), with_one(CLASSES, 0.5), outputs=3),
    "class nan": Row(constant(nn.cross_entropy), with_one(CLASSES, math.nan), outputs=3),
    "class True": Row(constant(nn.cross_entropy), with_one(CLASSES, True), outputs=3),
    "classes that are bools": Row(constant(nn.cross_entropy), [bool(bit) for bit in BITS], outputs=3),
    "nll of class 3": Row(constant(lambda o, y: nn.nll(nn.log_softmax(o), y)), with_one(CLASSES, 3), outputs=3),
    "class 3 of a take": Row(
        constant(lambda o, y: engine.mean([-engine.take(b, a) for a, b in zip(o, y)])), with_one(CLASSES, 3), outputs=3
    ),
    "class 2 * y": Row(
        constant(lambda o, y: nn.cross_entropy(o, [2 * label for label in y])), with_one(BITS, 2), outputs=3
    ),
    "a row that sums to 2": Row(
        constant(nn.cross_entropy), with_one(nn.one_hot(CLASSES, 3), [1.0, 1.0, 0.0]), outputs=3
    ),
    "a negative row": Row(constant(nn.cross_entropy), with_one(nn.one_hot(CLASSES, 3), [-1.0, 2.0, 0.0]), outputs=3),
    "a row of nan": Row(constant(nn.cross_entropy), with_one(nn.one_hot(CLASSES, 3), [math.nan, 1.0, 0.0]), outputs=3),
    "a row of zeros": Row(
        constant(lambda o, y: nn.nll(nn.log_softmax(o), y)), with_one(nn.one_hot(CLASSES, 3), [0.0] * 3), outputs=3
    ),
    "a row of a batch": Row(constant(nn.mse), with_one([[0.5, 1.0]] * 8, [0.5, math.nan]), outputs=2),
}


def message(row: Row, backend: str, arrays: bool, dtype: str = "float64") -> tuple[type[BaseException], str]:
    """What the first step with the wrong label says, after one with labels that are right; and nothing is changed."""
    numpy = needs("numpy") if arrays else None
    model = row.made()
    optimizer = SGD(model.parameters(), lr=0.05)
    step: Any
    if backend == "eager":
        step = nn.EagerStep(model, row.loss(model), optimizer)
    else:
        step = Trainer(model, row.loss(model), optimizer, backend, dtype)
    samples, labels = row.samples, row.labels
    if numpy is not None:
        samples, labels = numpy.array(samples), numpy.array(labels)
    if not isinstance(row.labels[0], bool):
        step(samples[:6], labels[:6])
    before = [p.data for p in model.parameters()]
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        step(samples, labels)
    assert [p.data for p in model.parameters()] == before
    return caught.type, str(caught.value)


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize(("name", "backend"), native_and_another(WRONG_LABELS))
def test_labels_are_refused_with_the_same_words(name: str, backend: str, arrays: bool) -> None:
    row = WRONG_LABELS[name]
    if arrays and True in row.labels and not all(isinstance(label, bool) for label in row.labels):
        arrays = False  # an array has one type, and True is 1 in it
    expected = message(row, "eager", arrays)
    assert message(row, backend, arrays) == expected
    assert message(row, backend, arrays, "float32") == expected


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll])
@pytest.mark.parametrize("label", [math.nan, 3, -1, 1.5])
def test_labels_of_the_first_step_are_checked_before_anything_is_computed(
    label: float, loss: Loss, backend: str
) -> None:
    """Not by what computes with them, such as `take`."""
    trainer = Trainer(model := nn.MLP(2, [3], seed=5), loss, SGD(model.parameters(), lr=0.05), backend)
    with pytest.raises((ValueError, IndexError), match=r"^(a class index|class -?\d is out of range)"):
        trainer.step(X[:2], [label, 1])


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_label_that_is_no_number_is_named_with_its_sample(backend: str) -> None:
    trainer = Trainer(model := nn.MLP(2, [3], seed=5), nn.cross_entropy, SGD(model.parameters(), lr=0.05), backend)
    with pytest.raises(TypeError, match="argument 2 holds 'cat' of type str in sample 1: "):
        trainer.step(X[:2], [0, "cat"])


@pytest.mark.parametrize("backend", INSTALLED[1:])
def test_labels_that_are_changed_in_place_are_checked(backend: str) -> None:
    numpy = needs("numpy")
    model = nn.MLP(2, [1], seed=5)
    trainer = Trainer(model, nn.hinge, SGD(model.parameters(), lr=0.05), backend)
    samples, labels = numpy.array(X), numpy.array(SIGNS, float)
    trainer.step(samples, labels)
    trainer.step(samples, labels)
    labels[3] = 0.0
    with pytest.raises(ValueError, match="a hinge label is -1 or 1, not 0"):
        trainer.step(samples, labels)


def test_the_count_of_rows() -> None:
    """None is lost."""
    assert len(WRONG_LABELS) == 31
