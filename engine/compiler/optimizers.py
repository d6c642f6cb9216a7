"""The settings of an optimiser, as the back ends read them, and its update on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OptimizerSettings:
    """What SGD, Adam and AdamW are told; the updates are PyTorch's.

    Attributes:
        kind: "sgd" or "adam".
        lr: the learning rate; several for as many steps, one for each.
        momentum, dampening, nesterov: SGD's.
        weight_decay: the factor of the L2 penalty.
        decoupled: whether the decay is a step of its own, as in AdamW.
        beta1, beta2, eps: Adam's.
        clip_norm: the largest norm of the whole gradient; None for any.
        clip_value: the largest entry of the gradient; None for any.
    """

    kind: str
    lr: float | tuple[float, ...]
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    clip_norm: float | None = None
    clip_value: float | None = None

    @property
    def memories(self) -> int:
        """How many numbers are remembered for each parameter."""
        return 2 if self.kind == "adam" else int(self.momentum != 0.0)


def update(parameters: Any, gradient: Any, memory: Any, settings: OptimizerSettings, done: int, step: int = 0) -> None:
    """One step on NumPy arrays, in place.

    Args:
        parameters: what to change.
        gradient: of the loss by them.
        memory: one row of as many numbers for each of `settings.memories`.
        settings: which optimiser.
        done: how many steps were made before.
        step: which of the learning rates to take, where there are several.
    """
    import numpy as np

    s, rates = settings, settings.lr
    lr = rates if isinstance(rates, float) else rates[step]
    if s.clip_value is not None:
        gradient = np.clip(gradient, -s.clip_value, s.clip_value)
    if s.clip_norm is not None:
        gradient = gradient * min(1.0, s.clip_norm / (float(np.sqrt(gradient @ gradient)) + 1e-6))
    if s.weight_decay and s.decoupled:
        parameters *= 1.0 - lr * s.weight_decay
    elif s.weight_decay:
        gradient = gradient + s.weight_decay * parameters
    if s.kind == "adam":
        mean, mean_square = memory
        mean += (1.0 - s.beta1) * (gradient - mean)
        mean_square *= s.beta2
        mean_square += (1.0 - s.beta2) * gradient * gradient
        rate = lr / (1.0 - s.beta1 ** (done + 1))
        root = (1.0 - s.beta2 ** (done + 1)) ** 0.5
        parameters -= rate * mean / (np.sqrt(mean_square) / root + s.eps)
        return
    if s.momentum:
        (velocity,) = memory
        velocity *= s.momentum
        velocity += gradient if done == 0 else (1.0 - s.dampening) * gradient
        gradient = gradient + s.momentum * velocity if s.nesterov else velocity
    parameters -= lr * gradient
