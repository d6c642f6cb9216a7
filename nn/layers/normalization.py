"""LayerNorm and RMSNorm: a vector brought to a common scale, then to one that is learned."""

from __future__ import annotations

from typing import Any

from engine import Value, dot, mean, sqrt

from ..arguments import real_number, true_or_false, whole_number
from ..elsewhere import explained
from ..rows import as_inputs, has_rows
from .module import Module


class RMSNorm(Module):
    """weight * x / sqrt(mean(x²) + eps), for one row or each of several (Zhang and Sennrich, 2019).

    Args:
        size: the length of a row.
        eps: a positive number that keeps the root away from 0; PyTorch's is 1.2e-7 or 2.2e-16, that of its floats.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> [round(y.data, 3) for y in RMSNorm(2)([3.0, 4.0])]
    [0.849, 1.131]
    """

    @explained
    def __init__(self, size: int, eps: float = 1e-5) -> None:
        self.weight = [Value(1.0) for _ in range(whole_number("size", size, least=1))]
        self.eps = _above_zero(eps)

    def __call__(self, x: Any) -> list[Any]:
        """The row at its learned scale, or each of several rows.

        Raises:
            TypeError, ValueError: if it is not a row of `size` numbers or Values.
        """
        if has_rows(x):
            return [self(row) for row in x]
        x = as_inputs(self, x, len(self.weight))
        return _scaled(x, self.weight, self.eps)

    def __repr__(self) -> str:
        return f"RMSNorm({len(self.weight)})"


class LayerNorm(Module):
    """weight * (x - mean(x)) / sqrt(variance(x) + eps) + bias, for one row or each of several (Ba et al., 2016).

    Args:
        size: the length of a row.
        eps: a positive number that keeps the root away from 0.
        bias: whether to add a learned bias.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> [round(y.data, 3) for y in LayerNorm(2)([3.0, 5.0])]
    [-1.0, 1.0]
    """

    @explained
    def __init__(self, size: int, eps: float = 1e-5, bias: bool = True) -> None:
        self.weight = [Value(1.0) for _ in range(whole_number("size", size, least=1))]
        self.bias = [Value(0.0) for _ in self.weight] if true_or_false("bias", bias) else None
        self.eps = _above_zero(eps)

    def __call__(self, x: Any) -> list[Any]:
        """The row at its learned scale, or each of several rows.

        Raises:
            TypeError, ValueError: if it is not a row of `size` numbers or Values.
        """
        if has_rows(x):
            return [self(row) for row in x]
        x = as_inputs(self, x, len(self.weight))
        middle = mean(x)
        scaled = _scaled([entry - middle for entry in x], self.weight, self.eps)
        return scaled if self.bias is None else [entry + b for entry, b in zip(scaled, self.bias)]

    def __repr__(self) -> str:
        return f"LayerNorm({len(self.weight)})"


def _scaled(x: list[Value], weight: list[Value], eps: float) -> list[Value]:
    """``weight * x / sqrt(mean(x²) + eps)``."""
    scale = 1.0 / sqrt(dot(x, x) / len(x) + _above_zero(eps))
    return [w * (entry * scale) for w, entry in zip(weight, x)]


def _above_zero(eps: float) -> float:
    eps = real_number("eps", eps, least=0.0)
    if eps == 0.0:
        raise ValueError("eps must be above 0: a row of zeros would be divided by 0")
    return eps
