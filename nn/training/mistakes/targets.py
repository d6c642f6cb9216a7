"""Targets that a model never gives, whatever it learns."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ...arguments import warn_user
from ...evaluation.columns import flat
from ...evaluation.programs import LossFunction, Model
from ...evaluation.rules import name_of_sample_loss
from ...layers.activations import activation_name
from ...layers.ending import last_activation

REACH = {
    "elu": (-1.0, math.inf),
    "relu": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "softplus": (0.0, math.inf),
    "tanh": (-1.0, 1.0),
}
"""The range of each bounded activation."""


def warn_of_unreachable(model: Model, loss: LossFunction, y: Any) -> None:
    """Warn of regression targets outside the range of the model's last activation: they can never be learned."""
    name = activation_name(last_activation(model))
    if name not in REACH or name_of_sample_loss(loss) not in ("mse", "mae"):
        return
    least, most = REACH[name]
    beyond = next((t for t in flat(y) if isinstance(t, Real) and not least <= float(t) <= most), None)
    if beyond is not None and beyond == beyond:
        default = ", as an nn.Layer by default" if name == "relu" else ""
        warn_user(
            f"the model ends with {name}{default}, which never gives the target {float(beyond):.15g}: give the last "
            "layer activation='identity', or scale the targets",
            UserWarning,
        )
