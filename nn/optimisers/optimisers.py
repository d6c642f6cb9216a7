"""Optimisers: gradient descent in its variants, with PyTorch's updates.

On the whole dataset at once it is gradient descent, on random batches stochastic gradient descent: the
optimiser only sees the gradients. What it remembers between steps it keeps in lists beside the parameters,
place by place. A compiled program may keep it meanwhile: who looks at the lists gets them back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any

from engine import Constant, Value

from ..arguments import real_number, show
from ..layers.module import Module


class Remembered:
    """An attribute of an optimiser: a list of numbers beside its parameters, which may be kept elsewhere."""

    def __set_name__(self, owner: type[Optimizer], name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, optimizer: Optimizer, owner: type[Optimizer]) -> list[float]:
        optimizer.take_back()
        numbers: list[float] = getattr(optimizer, self._name)
        return numbers

    def __set__(self, optimizer: Optimizer, numbers: list[float]) -> None:
        optimizer.take_back()
        setattr(optimizer, self._name, numbers)


class Optimizer(ABC):
    """Base of the optimisers: a list of parameters, a learning rate, and `step()`.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more; `optimizer.lr = ...` changes it between steps.

    Raises:
        TypeError: if an item of `params` is no Value, or `lr` no number.
        ValueError: if there are no parameters, one is given twice or is the result of an operation, or `lr`
            is negative, nan or infinite.
    """

    keeper: Callable[[Optimizer], None] | None = None
    """What has the remembered numbers at present and gives them back, as `take_back` calls it; None: nobody else."""

    def __init__(self, params: Iterable[Value], lr: float) -> None:
        self.params = _leaves(params)
        self.lr = lr

    def take_back(self) -> None:
        """Keep the remembered numbers oneself again."""
        keeper = self.keeper
        if keeper is not None:
            self.keeper = None
            try:
                keeper(self)
            except BaseException:  # such as Ctrl-C: they are still there
                self.keeper = keeper
                raise

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which have their own numbers."""
        self.take_back()
        return vars(self).copy()

    @property
    def lr(self) -> float:
        """The learning rate: how far a step goes along the gradient."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = real_number("lr", lr, least=0.0)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero, before the next backward pass adds to it."""
        for p in self.params:
            p.grad = 0.0

    @abstractmethod
    def step(self) -> None:
        """Change every parameter once, by the gradient that the last backward pass stored in it."""


class SGD(Optimizer):
    """Gradient descent, p -= lr * v, with PyTorch's momentum: v = momentum * v + (1 - dampening) * gradient.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        momentum: the non-negative factor of the last velocity (0 means none); the first velocity is the
            gradient.
        dampening: how much of the gradient is kept out of the velocity.
        weight_decay: the factor of the L2 penalty: weight_decay * p is added to the gradient.
        nesterov: step by gradient + momentum * v, Nesterov's look ahead.

    Raises:
        TypeError: if an item of `params` is no Value, or an argument no number.
        ValueError: if there are no parameters, one is given twice, an argument is negative, nan or infinite,
            or `nesterov` comes without momentum or with dampening.

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

    velocity = Remembered()

    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = real_number("momentum", momentum, least=0.0)
        self.dampening = real_number("dampening", dampening)
        self.weight_decay = real_number("weight_decay", weight_decay, least=0.0)
        self.nesterov = bool(nesterov)
        if self.nesterov and (self.momentum == 0.0 or self.dampening != 0.0):
            raise ValueError(
                "nesterov needs momentum above 0 and dampening 0, "
                f"not momentum={self.momentum:g} and dampening={self.dampening:g}"
            )
        self.velocity = []

    def step(self) -> None:
        """Change every parameter once, by the gradient that the last backward pass stored in it."""
        direction = _decayed(self.params, self.weight_decay)
        if self.momentum:
            kept = 1.0 - self.dampening
            if self.velocity:
                self.velocity = [self.momentum * v + kept * g for v, g in zip(self.velocity, direction)]
            else:
                self.velocity = direction
            if self.nesterov:
                direction = [g + self.momentum * v for g, v in zip(direction, self.velocity)]
            else:
                direction = self.velocity
        for p, d in zip(self.params, direction):
            p.data -= self.lr * d


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running means of the gradient and of its square.

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        betas: how much of the running means of gradient and square is kept at a step, each in [0, 1).
        eps: added to the root of the mean square, which may be 0.
        weight_decay: the factor of the L2 penalty: weight_decay * p is added to the gradient.

    Raises:
        TypeError: if an item of `params` is no Value, or an argument no number.
        ValueError: if there are no parameters, one is given twice, or an argument is out of its range.

    Attributes:
        steps: how many were made.
        mean, mean_square: the running means of each parameter's gradient and of its square.

    >>> p = Value(1.0)
    >>> optimizer = Adam([p], lr=0.25, eps=0.0)
    >>> (3 * p).backward()
    >>> optimizer.step()
    >>> p.data
    0.75
    """

    mean, mean_square = Remembered(), Remembered()

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        if not isinstance(betas, (tuple, list)):
            raise TypeError(f"betas must be two numbers, such as (0.9, 0.999), not {show(betas)}")
        if len(betas) != 2:
            raise ValueError(f"betas must be two numbers, such as (0.9, 0.999), not {show(betas)}")
        self.betas = real_number("betas[0]", betas[0], least=0.0), real_number("betas[1]", betas[1], least=0.0)
        if max(self.betas) >= 1.0:
            raise ValueError(f"betas must be below 1, not {self.betas}: nothing of a gradient would be taken in")
        self.eps = real_number("eps", eps, least=0.0)
        self.weight_decay = real_number("weight_decay", weight_decay, least=0.0)
        self.steps = 0
        self.mean = [0.0] * len(self.params)
        self.mean_square = [0.0] * len(self.params)

    def step(self) -> None:
        """Change every parameter once, by the gradient that the last backward pass stored in it."""
        self._move(_decayed(self.params, self.weight_decay))

    def _move(self, gradients: list[float]) -> None:
        beta1, beta2 = self.betas
        self.steps += 1
        self.mean = [m + (1.0 - beta1) * (g - m) for m, g in zip(self.mean, gradients)]
        self.mean_square = [beta2 * v + (1.0 - beta2) * g * g for v, g in zip(self.mean_square, gradients)]
        # Both means start at 0; dividing by 1 - beta^t makes them means of the t gradients seen.
        rate = self.lr / (1.0 - beta1**self.steps)
        root = sqrt(1.0 - beta2**self.steps)
        for p, m, v in zip(self.params, self.mean, self.mean_square):
            p.data -= rate * m / (sqrt(v) / root + self.eps)


class AdamW(Adam):
    """Adam with weight decay of its own, p -= lr * weight_decay * p (Loshchilov and Hutter, 2019).

    Args:
        params: the Values to change, as `model.parameters()` gives them.
        lr: the learning rate, 0 or more.
        betas: how much of the running means of gradient and square is kept at a step, each in [0, 1).
        eps: added to the root of the mean square, which may be 0.
        weight_decay: the share of p, times lr, by which p shrinks at a step.

    Raises:
        TypeError: if an item of `params` is no Value, or an argument no number.
        ValueError: if there are no parameters, one is given twice, or an argument is out of its range.

    >>> p = Value(1.0)
    >>> AdamW([p], lr=0.5, weight_decay=0.5).step()
    >>> p.data
    0.75
    """

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def step(self) -> None:
        """Change every parameter once, by the gradient that the last backward pass stored in it."""
        for p in self.params:
            p.data *= 1.0 - self.lr * self.weight_decay
        self._move([p.grad for p in self.params])


def _decayed(params: list[Value], weight_decay: float) -> list[float]:
    """The gradients, with that of the L2 penalty."""
    if not weight_decay:
        return [p.grad for p in params]
    return [p.grad + weight_decay * p.data for p in params]


def _leaves(params: Iterable[Value]) -> list[Value]:
    """The parameters as a list, each checked to be a leaf that is given once."""
    if isinstance(params, Module):
        raise TypeError(f"an optimiser takes Values, not a {type(params).__name__}: pass model.parameters()")
    if isinstance(params, Value) or not isinstance(params, Iterable):
        raise TypeError(f"an optimiser takes a list of Values, not {show(params)}: pass model.parameters()")
    leaves = list(params)
    if not leaves:
        raise ValueError("no parameters to optimise: the list is empty (a generator that was used up?)")
    places: dict[int, int] = {}
    for place, p in enumerate(leaves):
        if not isinstance(p, Value):
            raise TypeError(f"parameter {place} is no Value but {show(p)}: pass model.parameters()")
        if p.primitive is not None or isinstance(p, Constant):
            raise ValueError(f"parameter {place} is no leaf that can be changed: {p!r}")
        if id(p) in places:
            raise ValueError(f"parameter {place} is parameter {places[id(p)]} again: give each one once")
        places[id(p)] = place
    return leaves
