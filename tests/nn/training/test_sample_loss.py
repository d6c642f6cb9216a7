"""What is known of a loss for batches, made of single samples: as long as the model gives outputs of one form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engine
import nn
from engine import TraceError, Value, batch_loss
from engine.compiler.samples.arguments import as_batch
from nn.losses.named import LOSSES, OF_ROWS
from nn.training.trainer.sample_loss import SampleLoss


def test_outputs_of_another_form_are_another_loss() -> None:
    """The model may have read what nobody watches: then a loss of three outputs is no loss of two."""
    count = 2
    weight = Value(0.5)

    def model(x: Any) -> Any:
        return [weight * x[0]] * count

    def loss(outputs: Any, labels: Any) -> Any:
        rows = [engine.square(out[0] - y) for out, y in zip(outputs, labels)]
        return sum(rows) / len(outputs[0])  # which is not how many samples there are

    kept = SampleLoss(model, loss)
    sample, batch = [Value(1.0)], as_batch([[[1.0]], [0.0]], None)
    shapes = batch.shapes
    kept.function(sample, 0.0)
    assert kept.structure(batch, 4).scale == 4.0
    assert kept.knows(shapes, 4)
    kept.function(sample, 0.0)
    assert kept.knows(shapes, 4)
    count = 3
    kept.function(sample, 0.0)
    assert not kept.knows(shapes, 4)


def test_a_mean_over_samples_needs_no_weight() -> None:
    kept = SampleLoss(lambda x: [x[0]], nn.mse)
    kept.function([Value(1.0)], 0.0)
    batch = as_batch([[[1.0]], [0.0]], None)
    assert kept.structure(batch, 4).scale == 1.0
    assert not kept.weigh(kept.structure(batch, 4))


SCORES = {
    "nothing but a number": (Value(0.5), 1.0),
    "a row of one": ([Value(0.5)], 1.0),
    "a row": ([Value(0.25), Value(0.5), Value(0.25)], [0.0, 1.0, 0.0]),
    "rows": ([[Value(0.5), Value(0.5)]] * 3, [[1.0, 0.0]] * 3),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scores", SCORES)
def test_what_the_package_has_is_known_and_what_its_graph_says(
    name: str, scores: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its graph is not looked at; single numbers, which a loss of rows takes for the row of one sample, are refused."""
    loss, (output, target) = LOSSES[name], SCORES[scores]
    if loss is nn.hinge:
        target = np.copysign(1.0, np.asarray(target) - 0.5).tolist()
    kept = SampleLoss(lambda x: output, loss)
    if loss in OF_ROWS and not isinstance(output, list):
        with pytest.raises(TraceError, match=f"{name} takes a row of outputs for each sample"):
            kept.function([Value(1.0)], target)
        return
    try:
        kept.function([Value(1.0)], target)
    except (TypeError, ValueError, IndexError):  # no such outputs
        assert name in ("cross_entropy", "nll")
        return
    label, batch = np.shape(target), as_batch([[[1.0]], [target]], None)
    expected = batch_loss(loss, output, label, 5)
    monkeypatch.setattr("nn.training.trainer.sample_loss.batch_loss", None)
    assert kept.structure(batch, 5) == expected
    assert expected.scale == 1.0


def test_a_loss_that_needs_an_array_of_labels_is_refused_as_what_it_is() -> None:
    """Traced for one sample it met a list, of which an AttributeError told that it has no sum."""

    def loss(outputs: Any, labels: Any) -> Any:
        return engine.mean([(out[0] - y) ** 2 for out, y in zip(outputs, labels)]) + labels.sum()

    model = nn.MLP(1, [1], seed=1)
    samples, labels = np.array([[1.0], [2.0]]), np.array([0.0, 1.0])
    trainer = nn.Trainer(model, loss, nn.SGD(model.parameters(), lr=0.1), backend="python")
    with pytest.raises(TraceError, match=r"whether they are a list or a ndarray, at .*test_sample_loss\.py"):
        trainer.step(samples, labels)
    assert nn.EagerStep(model, loss, nn.SGD(model.parameters(), lr=0.1))(samples, labels) > 0.0


def test_samples_without_a_number_have_a_shape() -> None:
    """As for a model of parameters alone: the first entry of an empty sample was asked for its shape."""

    def losses(backend: str) -> list[float]:
        weight = Value(1.0)
        optimizer = nn.SGD([weight], lr=0.1)
        return nn.fit(
            lambda x: weight * 1.0,
            [[], []],
            [1.0, 2.0],
            lambda o, y: nn.mse(o, y, "sum"),
            optimizer,
            2,
            backend=backend,
        ).losses

    assert losses("python") == pytest.approx(losses("eager"))
