"""What is known of a loss for batches, made of single samples: as long as the model gives outputs of one form."""

from __future__ import annotations

from typing import Any

import engine
import nn
from engine import Value
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
    sample, shapes = [Value(1.0)], ((1,), ())
    kept.function(sample, 0.0)
    assert kept.structure(shapes, 4).scale == 4.0
    assert kept.knows(shapes, 4)
    kept.function(sample, 0.0)
    assert kept.knows(shapes, 4)
    count = 3
    kept.function(sample, 0.0)
    assert not kept.knows(shapes, 4)


def test_a_mean_over_samples_needs_no_weight() -> None:
    kept = SampleLoss(lambda x: [x[0]], nn.mse)
    kept.function([Value(1.0)], 0.0)
    assert kept.structure(((1,), ()), 4).scale == 1.0
    assert not kept.weigh(kept.structure(((1,), ()), 4))
