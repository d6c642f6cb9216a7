"""SGD: gradient descent, with momentum in PyTorch's form.

On the whole dataset at once it is gradient descent, on random batches stochastic gradient descent: the optimiser only
sees the gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine import Value, where

from ..elsewhere import explained
from .base import Optimizer
from .declaration import Memory, Setting


class SGD(Optimizer):
    """Gradient descent, p -= lr * v, with PyTorch's momentum: v = momentum * v + (1 - dampening) * gradient.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        momentum: the non-negative factor of the last velocity (0 means none); the first velocity is the gradient.
        dampening: how much of the gradient is kept out of the velocity.
        weight_decay: the factor of the L2 penalty: weight_decay * p is added to the gradient.
        nesterov: step by gradient + momentum * v, Nesterov's look ahead.

    Raises:
        TypeError: if an item of `params` is not a Value, or an argument is not a number.
        ValueError: if there are no parameters or one is given twice; if an argument is nan or infinite, or one but
            `dampening` negative; if `nesterov` comes without momentum or with dampening, or dampening without momentum,
            at once or by a later change.

    Attributes:
        velocity: v of each parameter; empty before the first step, or without momentum.

    >>> p = Value(1.0)
    >>> optimizer = SGD([p], lr=0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (3 * p).backward()
    ...     optimizer.step()
    ...     print(p.data)
    -0.5
    -2.75
    """

    momentum = Setting(0.0, least=0.0)
    dampening = Setting(0.0)
    weight_decay = Setting(0.0, least=0.0)
    nesterov = Setting(False)
    velocity = Memory()

    @explained
    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = momentum.default,
        dampening: float = dampening.default,
        weight_decay: float = weight_decay.default,
        nesterov: bool = nesterov.default,
    ) -> None:
        super().__init__(
            params, lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    @staticmethod
    def rule(p: Any, g: Any, velocity: Any, s: Any) -> Any:
        """The update of one parameter; see `Optimizer`."""
        if s.weight_decay:
            g = g + s.weight_decay * p
        if not s.momentum:
            return p - s.lr * g, velocity
        velocity = s.momentum * velocity + where(s.step == 1, 1.0, 1.0 - s.dampening) * g
        direction = g + s.momentum * velocity if s.nesterov else velocity
        return p - s.lr * direction, velocity

    def agree(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings that do not go together."""
        momentum, dampening = settings["momentum"], settings["dampening"]
        if settings["nesterov"] and (momentum == 0.0 or dampening != 0.0):
            raise ValueError(
                "nesterov needs momentum above 0 and dampening 0, "
                f"not momentum={momentum:g} and dampening={dampening:g}"
            )
        if dampening and not momentum:
            raise ValueError(f"dampening={dampening:g} acts on the velocity, and with momentum=0 there is none")
