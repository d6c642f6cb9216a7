"""Scores that have gone through a softmax, sigmoid, tanh or relu already: a warning at the call of the loss."""

from __future__ import annotations

from typing import Any

from engine import Value

from ..arguments import warn_user

_RECTIFIED = (
    "scores of either sign, and these have gone through a relu, the default of nn.Layer: give the last layer "
    "activation='identity'"
)
_BOUNDED = (
    "logits of any size, and these have gone through a sigmoid or tanh, which holds them near 0: leave it out of the "
    "model"
)

TAKES: dict[str, dict[str, str]] = {
    "cross_entropy": {
        "softmax": (
            "logits, and these have gone through a softmax: leave it out of the model, or take nll of nn.log_softmax"
        ),
        "relu": _RECTIFIED,
        "sigmoid": _BOUNDED,
        "tanh": _BOUNDED,
    },
    "bce_with_logits": {
        "sigmoid": (
            "a logit, and this one has gone through a sigmoid: leave it out of the model, or take bce of the "
            "probability"
        ),
        "relu": _RECTIFIED,
        "tanh": _BOUNDED,
    },
    "hinge": {
        "sigmoid": "a score of either sign, and this one has gone through a sigmoid: leave it out of the model",
        "relu": _RECTIFIED,
    },
}
"""What each loss takes, by the activation after which scores are something else.

With probabilities in place of scores, training would be slow or lead elsewhere; with logits that stay near 0, the model
could never be sure; where no score can be below 0, a unit with score 0 learns nothing.
"""


def warn_of_activated(loss: str, first: Any, *others: Any) -> None:
    """Warn if none of a sample's scores is what the loss of that name takes, all for the same reason."""
    takes = TAKES[loss]
    reason = takes.get(_activation_of(first))
    if reason and all(takes.get(_activation_of(score)) == reason for score in others):
        warn_user(f"{loss} takes {reason}", UserWarning)


def _activation_of(score: Any) -> str:
    """The activation or other primitive that a score is the result of; empty if there is none."""
    if type(score) is not Value or score.primitive is None:
        return ""
    return "softmax" if is_probability(score) else score.primitive.name


def is_probability(score: Any) -> bool:
    """Whether a score is one exponential out of the sum of several, as `softmax` computes it."""
    if not is_result(score, "div"):
        return False
    share, total = score.operands
    return is_result(share, "exp") and is_result(total, "sum") and any(share is term for term in total.operands)


def is_result(score: Any, primitive: str) -> bool:
    """Whether a score is the result of that primitive."""
    return type(score) is Value and score.primitive is not None and score.primitive.name == primitive
