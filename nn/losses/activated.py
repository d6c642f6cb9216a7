"""Scores that have gone through a softmax, sigmoid, tanh or relu already: a warning at the call of the loss."""

from __future__ import annotations

from typing import Any

from engine import Value

from ..arguments import warn_user

_TAKES = {
    "cross_entropy": (
        "logits, and these have gone through a softmax: leave it out of the model, or take nll of nn.log_softmax"
    ),
    "bce_with_logits": (
        "a logit, and this one has gone through a sigmoid: leave it out of the model, or take bce of the probability"
    ),
    "hinge": "a score of either sign, and this one has gone through a sigmoid: leave it out of the model",
}

WARNED = {
    "cross_entropy": frozenset({"softmax", "sigmoid", "tanh", "relu"}),
    "bce_with_logits": frozenset({"sigmoid", "tanh", "relu"}),
    "hinge": frozenset({"sigmoid", "relu"}),
}
"""By loss, the activations that it warns of when scores have just gone through them."""


def warn_of_activated(loss: str) -> None:
    """Warn that a loss is given probabilities in place of scores: it would train slowly, or towards something else.

    Args:
        loss: its name.
    """
    warn_user(f"{loss} takes {_TAKES[loss]}", UserWarning)


def warn_of_rectified(loss: str) -> None:
    """Warn that a loss is given scores that cannot be below 0, where a unit with score 0 learns nothing."""
    warn_user(
        f"{loss} takes scores of either sign, and these have gone through a relu, as of an nn.Layer by default: give "
        "the last layer activation='identity'",
        UserWarning,
    )


def warn_of_bounded(loss: str) -> None:
    """Warn that a loss of logits is given scores that stay near 0: the model could never be sure."""
    warn_user(
        f"{loss} takes logits of any size, and these have gone through a sigmoid or tanh, which holds them near 0: "
        "leave it out of the model",
        UserWarning,
    )


def is_probability(score: Any) -> bool:
    """Whether a score is one exponential out of the sum of several, as `softmax` computes it."""
    if not is_result(score, "div"):
        return False
    share, total = score.operands
    return is_result(share, "exp") and is_result(total, "sum") and any(share is term for term in total.operands)


def is_sigmoid(score: Any) -> bool:
    """Whether a score is the sigmoid of something."""
    return is_result(score, "sigmoid")


def is_bounded(score: Any) -> bool:
    """Whether a score is the sigmoid or tanh of something."""
    return is_sigmoid(score) or is_result(score, "tanh")


def is_rectified(score: Any) -> bool:
    """Whether a score is the relu of something."""
    return is_result(score, "relu")


def is_result(score: Any, primitive: str) -> bool:
    """Whether a score is the result of that primitive."""
    return type(score) is Value and score.primitive is not None and score.primitive.name == primitive
