"""Embedding: a row of parameters for each of a number of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine import Requirement, Value, require, take

from ..arguments import Seed, plain, random_source, real_number, whole_number
from ..elsewhere import explained
from ..rows import is_row
from .initializers import Initializer, get_initializer, weights
from .module import Module


@dataclass(frozen=True)
class Token(Requirement):
    """The number of a token: a whole one from 0 to indices - 1.

    Attributes:
        indices: how many tokens there are.
        taker: what looks them up, for messages.
    """

    indices: int
    taker: str

    def check(self, token: Any) -> float:
        """The token as a float.

        Raises:
            TypeError, ValueError, IndexError: if it is not a number, not a whole one, or out of range.
        """
        token = plain(token)  # a bool is 0 or 1, as other layers take it
        number = real_number("a token", int(token) if isinstance(token, bool) else token)
        if not number.is_integer():
            raise ValueError(f"a token must be a whole number, not {number:.15g}")
        if not 0.0 <= number < self.indices:
            raise IndexError(f"token {number:g} is out of range: {self.taker} has those from 0 to {self.indices - 1}")
        return number


class Embedding(Module):
    """The learned vector of a token, looked up by its number; for nested rows of tokens, that of each.

    Args:
        count: how many tokens there are.
        size: the length of a vector.
        init: a name of `nn.INITIALIZERS` or a callable; "normal", as in PyTorch, by default.
        seed: an int for the same vectors every time, or a `random.Random` to draw from.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> letters = Embedding(27, 2, seed=1)
    >>> len(letters(3)), [len(vector) for vector in letters([3, 0, 3])]
    (2, [2, 2, 2])
    >>> letters
    Embedding(27, 2)
    """

    @explained
    def __init__(self, count: int, size: int, init: str | Initializer = "normal", seed: Seed = None) -> None:
        count, size = whole_number("count", count, least=1), whole_number("size", size, least=1)
        rng, draw = random_source(seed), get_initializer(init)
        self.weight = [weights(draw, rng, count, size, size) for _ in range(count)]

    def __call__(self, token: Any) -> list[Any]:
        """The vector of a token, or of each token in nested rows.

        Args:
            token: a whole number from 0 to count - 1, a bool for 0 or 1, or a Value that holds one.

        Raises:
            TypeError, ValueError, IndexError: if it is not a number, not a whole one, or out of range.
        """
        if is_row(token):
            return [self(item) for item in token]
        kind = Token(len(self.weight), repr(self))
        if isinstance(token, Value):
            require(kind, token)
        else:
            token = kind.check(token)
        return [take(token, column) for column in zip(*self.weight)]

    def __repr__(self) -> str:
        return f"Embedding({len(self.weight)}, {len(self.weight[0])})"
