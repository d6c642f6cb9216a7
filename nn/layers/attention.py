"""SelfAttention: every position of a sequence looks at the others."""

from __future__ import annotations

from math import sqrt
from typing import Any

from engine import dot

from ..arguments import Seed, random_source, show, true_or_false, whole_number
from ..elsewhere import explained
from ..rows import as_row, has_rows
from .activations import softmax
from .dense import Layer
from .module import Module


class SelfAttention(Module):
    """Multi-head scaled dot-product attention of a sequence to itself (Vaswani et al., 2017).

    Each head takes size / heads numbers of a query, a key and a value of every position. Its output for a position is
    the mean of the values, weighted by softmax(query · key / sqrt(size / heads)); those of all heads, side by side, go
    through a last layer.

    Args:
        size: the length of a position's vector; a multiple of `heads`.
        heads: how many there are.
        causal: whether a position sees only those up to itself, as for predicting the next one.
        bias: whether the four linear layers have biases.
        seed: an int for the same weights every time, or a `random.Random` to draw from.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> attention = SelfAttention(4, heads=2, causal=True, seed=1)
    >>> outputs = attention([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0] * 4])
    >>> len(outputs), len(outputs[0])
    (3, 4)
    >>> attention
    SelfAttention(4, heads=2, causal=True)
    """

    @explained
    def __init__(self, size: int, heads: int = 1, causal: bool = False, bias: bool = True, seed: Seed = None) -> None:
        size = whole_number("size", size, least=1)
        rng = random_source(seed)
        self.heads = whole_number("heads", heads, least=1)
        self.causal = true_or_false("causal", causal)
        self.query, self.key, self.value, self.output = (
            Layer(size, size, "identity", seed=rng, bias=bias) for _ in range(4)
        )
        self._cuts()

    def __call__(self, sequence: Any) -> list[Any]:
        """The output for each position, a vector of `size` numbers; for a batch of sequences, those of each.

        Raises:
            TypeError, ValueError: if it is not a row of vectors of `size` numbers or Values.
        """
        if not has_rows(sequence):
            raise TypeError(f"{self} takes a row of vectors, one for each position, not {show(sequence)}")
        if has_rows(sequence[0]):
            return [self(one) for one in sequence]
        x = as_row("the sequence", sequence)
        queries, keys, values = self.query(x), self.key(x), self.value(x)
        cuts, mixed = self._cuts(), []
        causal = true_or_false("causal", self.causal)
        for place, query in enumerate(queries):
            seen = place + 1 if causal else len(x)
            answer: list[Any] = []
            for cut in cuts:
                weights = softmax([dot(query[cut], key[cut]) / sqrt(cuts[0].stop) for key in keys[:seen]])
                answer += [dot(weights, column) for column in zip(*[value[cut] for value in values[:seen]])]
            mixed.append(answer)
        return self.output(mixed)

    def _cuts(self) -> list[slice]:
        """The part of a vector that each head looks at.

        Raises:
            TypeError, ValueError: if they cannot be shared by the heads, whose number may have been set since.
        """
        size, heads = self.query.nin, whole_number("heads", self.heads, least=1)
        if size % heads:
            raise ValueError(f"{size} numbers cannot be shared by {heads} heads: choose a multiple")
        return [slice(start, start + size // heads) for start in range(0, size, size // heads)]

    def __repr__(self) -> str:
        return f"SelfAttention({self.query.nin}, heads={self.heads}, causal={self.causal})"
