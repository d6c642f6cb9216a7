"""Adam and AdamW: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine import Value, sqrt

from ..elsewhere import explained
from .base import Optimizer
from .declaration import Memory, Setting


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running means of the gradient and of its square.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        betas: the decay rates of the running means of gradient and square, each in [0, 1).
        eps: added to the root of the mean square, which may be 0.
        weight_decay: the factor of the L2 penalty: weight_decay * p is added to the gradient.

    Raises:
        TypeError: if an item of `params` is not a Value, or an argument is not a number.
        ValueError: if there are no parameters, one is given twice, or an argument is out of its range.

    Attributes:
        steps: the number of steps so far.
        mean, mean_square: the running means of each parameter's gradient and of its square; empty before the first
            step.

    >>> p = Value(1.0)
    >>> optimizer = Adam([p], lr=0.25, eps=0.0)
    >>> (3 * p).backward()
    >>> optimizer.step()
    >>> p.data
    0.75
    """

    betas = Setting((0.9, 0.999), least=0.0, below=1.0)
    eps = Setting(1e-8, least=0.0)
    weight_decay = Setting(0.0, least=0.0)
    mean, mean_square = Memory(), Memory()

    @explained
    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = betas.default,
        eps: float = eps.default,
        weight_decay: float = weight_decay.default,
    ) -> None:
        super().__init__(params, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    @staticmethod
    def rule(p: Any, g: Any, mean: Any, mean_square: Any, s: Any) -> Any:
        """The update of one parameter; see `Optimizer`."""
        if s.weight_decay:
            g = g + s.weight_decay * p
        return _moved(p, g, mean, mean_square, s)


class AdamW(Adam):
    """Adam with weight decay of its own, p -= lr * weight_decay * p (Loshchilov and Hutter, 2019).

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        betas: the decay rates of the running means of gradient and square, each in [0, 1).
        eps: added to the root of the mean square, which may be 0.
        weight_decay: the share of p, times lr, by which p shrinks at a step.

    Raises:
        TypeError: if an item of `params` is not a Value, or an argument is not a number.
        ValueError: if there are no parameters, one is given twice, or an argument is out of its range.

    >>> p = Value(1.0)
    >>> p.grad = 3.0
    >>> AdamW([p], lr=0.5, eps=0.0, weight_decay=0.5).step()
    >>> p.data  # by decay to 0.75, and by lr, whatever the size of the first gradient
    0.25
    """

    weight_decay = Setting(1e-2, least=0.0)

    @explained
    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = Adam.betas.default,
        eps: float = Adam.eps.default,
        weight_decay: float = weight_decay.default,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    @staticmethod
    def rule(p: Any, g: Any, mean: Any, mean_square: Any, s: Any) -> Any:
        """The update of one parameter; see `Optimizer`."""
        return _moved(p * (1.0 - s.lr * s.weight_decay), g, mean, mean_square, s)


def _moved(p: Any, g: Any, mean: Any, mean_square: Any, s: Any) -> Any:
    beta1, beta2 = s.betas
    mean = mean + (1.0 - beta1) * (g - mean)
    mean_square = beta2 * mean_square + (1.0 - beta2) * g * g
    # Both means start at 0; dividing by 1 - beta^t makes them means of the t gradients seen.
    rate, root = s.lr / (1.0 - beta1**s.step), sqrt(1.0 - beta2**s.step)
    return p - rate * mean / (sqrt(mean_square) / root + s.eps), mean, mean_square
