"""What the name of a loss tells: classes and probabilities of outputs, and whether it is a mean over samples."""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

import pytest

import nn
from nn.evaluation.rules import is_mean, name_of_loss


@pytest.mark.parametrize(
    ("loss", "output", "expected"),
    [
        (nn.hinge, -0.5, 0),  # on the right side of -1, and negative
        (nn.hinge, 0.0, 0),
        (nn.hinge, 0.5, 1),
        (nn.bce_with_logits, -0.25, 0),
        (nn.bce_with_logits, 0.0, 0),
        (nn.bce_with_logits, 0.25, 1),
        (nn.bce, 0.45, 0),
        (nn.bce, 0.5, 0),
        (nn.bce, 0.55, 1),
    ],
)
def test_what_a_single_output_means(loss: Any, output: float, expected: int) -> None:
    assert nn.classify(lambda x: x, [output], loss=loss) == [expected]
    assert nn.accuracy(lambda x: x, [output], [expected or -(loss is nn.hinge)], loss=loss) == 1.0


@pytest.mark.parametrize(
    ("total", "refused"), [(0.9, True), (0.998, True), (0.9995, False), (1.0005, False), (1.1, True)]
)
def test_logarithms_of_what_sums_to_one_are_those_of_probabilities(total: float, refused: bool) -> None:
    """Up to the rounding of single precision."""
    logarithms = [math.log(total * share) for share in (0.25, 0.75)]
    if refused:
        with pytest.raises(ValueError, match=f"these sum to {total:g} and not to 1: end the model with nn.log_softmax"):
            nn.predict_proba(lambda x: x, [logarithms], loss=nn.nll)
    else:
        assert nn.predict_proba(lambda x: x, [logarithms], loss=nn.nll)[0] == pytest.approx([0.25, 0.75], rel=1e-3)


def of_name(function: Any, name: str) -> Any:
    """A `partial` with an attribute of its own, which another one keeps inside of itself."""
    found = partial(function)
    vars(found)["__name__"] = name
    return found


@pytest.mark.parametrize(
    ("loss", "name", "mean"),
    [
        (nn.mse, "mse", True),
        (partial(nn.mse), "mse", True),
        (partial(nn.mse, reduction="mean"), "mse", True),
        (partial(nn.mse, reduction="sum"), "mse", False),
        (partial(nn.mse, reduction="none"), "mse", False),
        (partial(nn.mse, [1.0]), "mse", False),  # of what is no batch
        (partial(of_name(partial(nn.mse, reduction="sum"), "total")), "mse", False),
        (partial(of_name(nn.mse, "squares")), "mse", True),
        (nn.per_sample(nn.mse), "", True),
        (nn.per_sample(nn.mse, "sum"), "", False),
        (lambda outputs, labels: nn.mse(outputs, labels), "", False),
        (of_name(lambda outputs, labels: nn.mse(outputs, labels, "sum"), "mse"), "", False),
    ],
)
def test_which_losses_are_known_to_be_means(loss: Any, name: str, mean: bool) -> None:
    assert (name_of_loss(loss), is_mean(loss)) == (name, mean)


def test_a_default_that_was_changed_is_no_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect.unwrap(nn.mse), "__defaults__", ("sum",))
    assert not is_mean(nn.mse)
