"""Compiled training is the training that was written, or is refused: a table of losses, data and calls, and controls.

Each row trains twice from the same numbers, in eager steps and in compiled ones. Either both take the same course, or
the compiled one is refused, as the row says; `backend="auto"` then takes eager steps and warns once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

import engine
import nn
from nn import SGD, Adam, Trainer
from tests.needs import INSTALLED, native_and_another

Loss = Callable[[Any, Any], Any]

X = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [0.1, 0.1], [2.0, -0.5], [-1.25, -1.0], [0.3, 0.9], [1.0, -2.0]]
NUMBERS = [0.5, -1.0, 2.0, 0.0, 1.25, -0.5, 0.75, -2.0]
CLASSES = [0, 2, 1, 1, 0, 2, 0, 1]
SIGNS = [1, -1, -1, 1, 1, -1, 1, -1]


@dataclass(frozen=True)
class Row:
    """One way to train, and what has to come of it.

    Attributes:
        loss: makes the loss of a batch from the model, whose parameters it may read.
        labels: one for each sample.
        refused: part of the error's message; "" where compiled training must take the eager course.
        outputs: of the model.
        sizes: of the batches that are taken in turn, in one step each.
        model: makes the model, where it is no MLP with a tanh layer.
    """

    loss: Callable[[Any], Loss]
    labels: list[Any]
    refused: str = ""
    outputs: int = 1
    sizes: tuple[int, ...] = (8, 3, 1, 8)
    model: Callable[[], Any] | None = None
    samples: list[Any] = field(default_factory=lambda: X)
    frozen: int = 0  # so many of the parameters, from the first one

    def parameters(self, model: Any) -> list[engine.Value]:
        """Those that are trained."""
        found: list[engine.Value] = model.parameters()
        return found[self.frozen :]

    def made(self) -> Any:
        return self.model() if self.model else nn.MLP(2, [3, self.outputs], activation="tanh", seed=5)


def constant(loss: Loss) -> Callable[[Any], Loss]:
    return lambda model: loss


def penalised(reduction: str, decay: float = 0.1) -> Callable[[Any], Loss]:
    def of_model(model: Any) -> Loss:
        weights = model.parameters()
        return lambda o, y: nn.mse(o, y, reduction) + decay * engine.sum([w * w for w in weights])

    return of_model


def class_weighted(normalised: bool) -> Loss:
    def loss(outputs: Any, labels: Any) -> Any:
        weights = [engine.take(y, [1.0, 5.0, 0.5]) for y in labels]
        terms = [w * nn.cross_entropy(o, y) for w, o, y in zip(weights, outputs, labels)]
        return engine.sum(terms) / (engine.sum(weights) if normalised else 8)

    return loss


def masked(outputs: Any, labels: Any) -> Any:
    inside = [engine.where(y > -1.0, 1.0, 0.0) for y in labels]
    return engine.dot(inside, nn.mse(outputs, labels, "none")) / engine.sum(inside)


def of_several(outputs: Any, labels: Any) -> Any:
    if len(outputs) < 2:
        raise ValueError("too few")
    return nn.mse(outputs, labels)


def sample_weight(outputs: Any, labels: Any) -> Any:
    return engine.mean([weight * nn.mse(o, y) for o, (y, weight) in zip(outputs, labels)])


LOSSES: dict[str, Row] = {
    "mse": Row(constant(nn.mse), NUMBERS),
    "mae": Row(constant(nn.mae), NUMBERS),
    "hinge": Row(constant(nn.hinge), SIGNS),
    "bce": Row(constant(nn.bce), [0, 1, 1, 0, 1, 0, 0, 1], model=lambda: nn.MLP(2, [3, 1], output="sigmoid", seed=5)),
    "bce_with_logits": Row(constant(nn.bce_with_logits), [0, 1, 0.25, 0, 1, 0.5, 0, 1]),
    "cross_entropy": Row(constant(nn.cross_entropy), CLASSES, outputs=3),
    "cross_entropy of rows": Row(constant(nn.cross_entropy), nn.one_hot(CLASSES, 3), outputs=3),
    "nll": Row(constant(lambda o, y: nn.nll(nn.log_softmax(o), y)), CLASSES, outputs=3),
    "sum": Row(constant(lambda o, y: nn.mse(o, y, "sum")), NUMBERS),
    "sum, one sample first": Row(constant(lambda o, y: nn.mse(o, y, "sum")), NUMBERS, sizes=(1, 8, 3, 1)),
    "sum / 32": Row(constant(lambda o, y: nn.mse(o, y, "sum") / 32), NUMBERS),
    "7 * mean": Row(constant(lambda o, y: 7 * nn.mse(o, y)), NUMBERS),
    "per_sample": Row(constant(nn.per_sample(lambda o, y: engine.relu(1 - y * o[0]))), SIGNS),
    "per_sample, summed": Row(constant(nn.per_sample(lambda o, y: engine.relu(1 - y * o[0]), "sum")), SIGNS),
    "two means": Row(constant(lambda o, y: nn.mse(o, y) + 0.1 * nn.mae(o, y)), NUMBERS),
    "mean + penalty": Row(penalised("mean"), NUMBERS),
    "sum + penalty": Row(penalised("sum"), NUMBERS),
    "sum + penalty, one sample first": Row(penalised("sum"), NUMBERS, sizes=(1, 8, 3, 1)),
    "sample_weight": Row(constant(sample_weight), [[y, 1 + k % 3] for k, y in enumerate(NUMBERS)]),
    "class weights": Row(constant(class_weighted(False)), CLASSES, outputs=3, sizes=(8, 8)),
    "equal at first": Row(constant(lambda o, y: 0 * nn.mse(o, y) + engine.sqrt(nn.mse(o, y) + 1)), NUMBERS, "sqrt"),
    "root mean square": Row(constant(lambda o, y: engine.sqrt(nn.mse(o, y))), NUMBERS, r"sqrt\(\) is computed"),
    "root mean square, one sample first": Row(
        constant(lambda o, y: engine.sqrt(nn.mse(o, y))), NUMBERS, r"sqrt\(\) is computed", sizes=(1, 8)
    ),
    "largest": Row(constant(lambda o, y: engine.maximum(nn.mse(o, y, "none"))), NUMBERS, r"maximum\(\)"),
    "normalised class weights": Row(constant(class_weighted(True)), CLASSES, r"div\(\)", outputs=3),
    "masked mean": Row(constant(masked), NUMBERS, r"div\(\)"),
    "mean of the first five": Row(constant(lambda o, y: nn.mse(o[:5], y[:5])), NUMBERS, "sample 5", sizes=(3, 5, 8)),
    "a loss of one sample": Row(
        constant(lambda o, y: engine.relu(1 - y * o[0])), SIGNS, r"Give nn.per_sample\(<lambda>\)"
    ),
    "mean + 0 * penalty": Row(penalised("mean", 0.0), NUMBERS),
    "sum + 0 * penalty": Row(penalised("sum", 0.0), NUMBERS),
    "neighbours": Row(
        constant(lambda o, y: engine.mean([engine.relu(a[0] - b[0]) for a, b in pairwise(o)])),
        NUMBERS,
        r"relu\(\) is",
    ),
    "an unbiased mean": Row(
        constant(lambda o, y: nn.mse(o, y, "sum") / (len(y) - 1)), NUMBERS, "has the weight inf", sizes=(8,)
    ),
    "two samples or more": Row(constant(of_several), NUMBERS, "for one it raises ValueError: too few", sizes=(8,)),
    "an average that forgets": Row(
        constant(lambda o, y: engine.sum([nn.mse(a, b) * 0.9**k for k, (a, b) in enumerate(zip(o, y))])),
        NUMBERS,
        "sample 1 has the weight 0.9",
    ),
}


class Shared(nn.Module):
    """One layer, used twice."""

    def __init__(self) -> None:
        self.layer, self.last = nn.Layer(2, 2, activation="tanh", seed=1), nn.Layer(2, 1, seed=2)

    def __call__(self, x: Any) -> Any:
        return self.last(self.layer(self.layer(x)))


def pinball(outputs: Any, labels: Any) -> Any:
    return engine.mean([engine.where(o[0] > y, 3 * (o[0] - y), y - o[0]) for o, y in zip(outputs, labels)])


def gradient_penalty(of_each: bool) -> Callable[[Any], Loss]:
    """Second order: the squared gradient with respect to the parameters, of each sample or of their mean."""

    def of_model(model: Any) -> Loss:
        weights = model.parameters()[:4]

        def with_penalty(outputs: Any, labels: Any) -> Any:
            loss = nn.mse(outputs, labels)
            slopes = engine.grad(loss, weights, create_graph=True)
            return loss + 0.1 * engine.sum([engine.square(slope) for slope in slopes])

        return nn.per_sample(lambda o, y: with_penalty([o], [y])) if of_each else with_penalty

    return of_model


def by_a_dict(outputs: Any, labels: Any) -> Any:
    return engine.mean([{0: 1.0, 1: 5.0}.get(y, 2.0) * nn.cross_entropy(o, y) for o, y in zip(outputs, labels)])


def by_a_set(outputs: Any, labels: Any) -> Any:
    return engine.mean([(5.0 if y in {1, 2} else 1.0) * nn.cross_entropy(o, y) for o, y in zip(outputs, labels)])


def by_an_if(outputs: Any, labels: Any) -> Any:
    return engine.mean([nn.cross_entropy(o, y) * (5.0 if y == 1 else 1.0) for o, y in zip(outputs, labels)])


MORE: dict[str, Row] = {
    "weight sharing": Row(constant(nn.mse), NUMBERS, model=Shared),
    "a frozen layer": Row(constant(nn.mse), NUMBERS, frozen=9),
    "where in each sample": Row(constant(pinball), NUMBERS),
    "the gradient of each": Row(gradient_penalty(True), NUMBERS),
    "the gradient of the mean": Row(gradient_penalty(False), NUMBERS, r"square\(\) is computed from several"),
    "labels as keys of a dict": Row(constant(by_a_dict), CLASSES, "differs|key", outputs=3, sizes=(8,)),
    "labels in a set": Row(constant(by_a_set), CLASSES, "differs|key", outputs=3, sizes=(8,)),
    "an if on a label": Row(constant(by_an_if), CLASSES, "branch on the truth", outputs=3, sizes=(8,)),
}
ROWS = {**LOSSES, **MORE}


def batches_of(row: Row) -> list[tuple[list[Any], list[Any]]]:
    return [(row.samples[:size], row.labels[:size]) for size in row.sizes]


def course(row: Row, backend: str, optimizer: Callable[[Any], Any]) -> tuple[list[float], list[float]]:
    """The losses of all steps, and the parameters after them."""
    model = row.made()
    made = optimizer(row.parameters(model))
    step: Any
    if backend == "eager":
        step = nn.EagerStep(model, row.loss(model), made)
    else:
        step = Trainer(model, row.loss(model), made, backend)
    losses = [step(x, y) for x, y in batches_of(row)]
    return losses, [p.data for p in model.parameters()]


OPTIMIZERS = [lambda p: SGD(p, lr=0.05, momentum=0.5), lambda p: Adam(p, lr=0.02)]


@pytest.mark.parametrize(("name", "backend"), native_and_another(ROWS))
def test_compiled_steps_take_the_eager_course_or_are_refused(name: str, backend: str) -> None:
    row = ROWS[name]
    if row.refused:
        with pytest.raises(TypeError, match=row.refused):
            course(row, backend, OPTIMIZERS[0])
        return
    optimizer = OPTIMIZERS[([*ROWS].index(name) + (backend == "llvm")) % 2]  # a row has both
    losses, parameters = course(row, backend, optimizer)
    expected, data = course(row, "eager", optimizer)
    assert losses == pytest.approx(expected, rel=1e-9)
    assert parameters == pytest.approx(data, rel=1e-8, abs=1e-11)


@pytest.mark.parametrize(("name", "backend"), native_and_another(ROWS))
def test_compiled_epochs_with_a_smaller_last_batch_take_the_eager_course(name: str, backend: str) -> None:
    row = ROWS[name]
    if row.refused:
        return

    def fitted(choice: str) -> list[float]:
        model = row.made()
        optimizer = SGD(row.parameters(model), lr=0.05, momentum=0.5)
        history = nn.fit(model, row.samples, row.labels, row.loss(model), optimizer, 3, 3, seed=2, backend=choice)
        assert history.backend.split(";")[0] == choice
        return [*history.batch_losses, *[p.data for p in model.parameters()]]

    assert fitted(backend) == pytest.approx(fitted("eager"), rel=1e-8, abs=1e-11)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.refused and "of one sample" not in name])
def test_auto_takes_eager_steps_with_one_warning_and_keeps_the_reason(name: str) -> None:
    row = ROWS[name]

    def fitted(choice: str) -> nn.History:
        model = row.made()
        optimizer = SGD(model.parameters(), lr=0.05)
        return nn.fit(model, row.samples, row.labels, row.loss(model), optimizer, 2, None, seed=2, backend=choice)

    with pytest.warns(UserWarning, match=row.refused) as caught:
        history = fitted("auto")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.backend.startswith("eager: ")
    assert str(caught[0].message).endswith(history.backend.removeprefix("eager: "))
    assert history.losses == fitted("eager").losses


def test_clipping_sees_the_gradient_of_a_sum() -> None:
    """It is the gradient that is scaled, and not the learning rate."""
    model = nn.MLP(2, [1], seed=5)
    trainer = Trainer(model, lambda o, y: nn.mse(o, y, "sum"), SGD(model.parameters(), lr=1.0), clip_norm=0.5)
    before = [p.data for p in model.parameters()]
    trainer.step(X, NUMBERS)
    assert math.dist(before, [p.data for p in model.parameters()]) == pytest.approx(0.5, rel=1e-5)
    assert trainer.optimizer.lr == 1.0


def test_a_loss_of_one_sample_is_explained_in_eager_steps_too() -> None:
    model = nn.MLP(2, [1], seed=5)

    def margin(output: Any, label: Any) -> Any:
        return engine.relu(1 - label * output[0])

    for choice in ("eager", *INSTALLED):
        with pytest.raises(TypeError, match=r"nn.per_sample\(margin\)"):
            nn.fit(model, X, SIGNS, margin, SGD(model.parameters(), lr=0.1), backend=choice)
    with pytest.raises(ValueError, match="a hinge label is"):  # its own error: it takes one sample as well as a batch
        nn.fit(model, X, [1, 1, 0, 1, 1, 1, 1, 1], nn.hinge, SGD(model.parameters(), lr=0.1), batch_size=None)


def test_the_count_of_rows() -> None:
    """None is lost, and refusing is no way out."""
    refused = [name for name, row in ROWS.items() if row.refused]
    assert (len(ROWS), len(refused)) == (42, 16)


@pytest.mark.parametrize("backend", INSTALLED)
def test_terms_of_weight_0_are_dropped(backend: str) -> None:
    """What 0 * inf would make nan, and its gradients."""
    w = engine.Value(2.0)

    def value_and_grad(loss: Loss, row: list[float], label: Any) -> tuple[float, float]:
        compiled = engine.compile(lambda x, y: loss([w / 2 * v for v in x], y), backend=backend)
        found, (slope,) = compiled.value_and_grad([row], [label])
        result = loss([w / 2 * v for v in row], label)
        expected = float(result), engine.grad(result, w)
        assert (found, float(slope)) == pytest.approx(expected, rel=1e-12, abs=1e-15)
        return expected

    assert value_and_grad(lambda p, y: nn.bce(p[0], y), [1.0], 1.0) == (0.0, -0.5)
    assert value_and_grad(lambda p, y: nn.bce(1 - p[0], y), [1.0], 0.0)[0] == 0.0
    assert value_and_grad(nn.cross_entropy, [1.0, 2.0, -800.0], [0.0, 1.0, 0.0])[0] == pytest.approx(0.3132617)
    masked = lambda x, y: nn.cross_entropy([*x, -math.inf], y)  # a row with a class that is ruled out
    assert value_and_grad(masked, [1.0, 2.0], [1.0, 0.0, 0.0])[0] == pytest.approx(1.3132617)
    assert value_and_grad(masked, [1.0, 2.0], 0)[0] == pytest.approx(1.3132617)
    assert value_and_grad(lambda x, y: nn.nll([*x, -math.inf], y), [-1.0, -2.0], [0.25, 0.75, 0.0])[0] == 1.75


def test_a_ruled_out_class_as_the_target_has_the_gradient_of_pytorch() -> None:
    for label in (0, [1.0, 0.0, 0.0]):
        logits = [engine.Value(x) for x in (-math.inf, 0.0, 1.0)]
        loss = nn.cross_entropy(logits, label)
        assert loss.data == math.inf
        assert engine.grad(loss, logits) == pytest.approx([-1.0, 0.2689414213699951, 0.7310585786300049])


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_model_must_not_take_its_inputs_out_of_their_list(backend: str) -> None:
    w, samples = [engine.Value(0.5), engine.Value(-0.25)], [[1.0, 2.0]]
    trainer = Trainer(lambda x: [engine.sum([v * x.pop() for v in w])], nn.mse, SGD(w, lr=0.1), backend)
    with pytest.raises(engine.TraceError, match="changes a list that it is given"):
        trainer.step(samples, [0.75])
    assert samples == [[1.0, 2.0]]
