"""Dropout: units left out at random, by a mask that is a function of where in a training it is drawn.

The mask depends on (seed, step, sample, unit) and on nothing else, through a counter-based generator: whoever makes
the step, in whatever order, on however many threads, draws the same. `drawing` tells the modules which step and sample
it is; the compiler's programs read the mask as further inputs of a sample, which `Layout` makes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import Any, Protocol

from engine import purpose

from ..arguments import Seed, is_row, random_source, real_number
from .module import Module, Within

_TOGETHER = 2**14
"""Factors that are drawn at a time: what they are made of stays in a core's second cache."""


class Dropout(Module):
    """Each entry is dropped with probability p and else scaled by 1 / (1 - p) (Srivastava et al., 2014).

    In eval mode everything passes. Which entries are dropped is determined by the seed and by where they are: the
    step of the training, the place of the sample in its batch, the entry. Outside of `nn.fit` every call is a sample
    of its own; `engine.check_gradients` holds the mask fixed.

    Args:
        p: the probability, from 0 to below 1.
        seed: an int for the same masks every time, or a `random.Random` to draw the int from.

    Raises:
        TypeError, ValueError: if an argument is of the wrong kind or out of range.

    >>> dropout = Dropout(0.5, seed=1)
    >>> dropout([1.0, 1.0, 1.0, 1.0]), dropout([1.0, 1.0, 1.0, 1.0])
    ([2.0, 0.0, 2.0, 0.0], [2.0, 2.0, 0.0, 0.0])
    >>> dropout.eval()([1.0, 1.0])
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        self.p = p
        self.seed = random_source(seed).getrandbits(64)
        self.calls = 0

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any module; a probability is looked at wherever it is set.

        Raises:
            TypeError, ValueError: if `p` is set to what it cannot be.
        """
        if name == "p":
            value = real_number("p", value, least=0.0, most=1.0)
            if value == 1.0:
                raise ValueError("p must be below 1: with p=1 nothing would be left")
        super().__setattr__(name, value)

    def __call__(self, x: Any) -> Any:
        """The entries of nested rows, or a single one, with those dropped that the mask drops.

        Raises:
            TraceError: if it is compiled in train mode outside of a training, where no mask can be drawn.
        """
        if not self.training:
            return x
        flat = _flat(x)
        factors = iter(self._factors(len(flat)))
        return _scaled(x, factors)

    def _factors(self, count: int) -> Sequence[Any]:
        source = _source.get()
        if source is not None:
            return source.factors(self, count)
        if purpose() == "trace":
            from engine import TraceError

            raise TraceError(
                "Dropout in train mode draws another mask at every call, which a compiled function cannot: call "
                "model.eval() first, or train with nn.fit, which hands the masks in"
            )
        factors = Place(0, self.calls).factors(self, count)
        self.calls += purpose() != "check"
        return factors

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


class Source(Protocol):
    """Where masks come from."""

    def factors(self, dropout: Dropout, count: int) -> Sequence[Any]:
        """What to multiply the next `count` entries by."""


_source: ContextVar[Source | None] = ContextVar("source", default=None)


def drawing(source: Source) -> Within:
    """Masks come from a source inside, in this thread."""
    return Within(_source, source)


class Place:
    """A sample of a step: the masks of its entries, one after the other.

    Args:
        step: how many steps were made before.
        sample: its place in the batch.
    """

    def __init__(self, step: int, sample: int) -> None:
        self.step, self.sample, self.unit = step, sample, 0

    def factors(self, dropout: Dropout, count: int) -> list[float]:
        """0 for what is dropped, else 1 / (1 - p)."""
        units = range(self.unit, self.unit + count)
        self.unit += count
        sample = hashed(dropout.seed, self.step, self.sample)
        least, kept = _least(dropout.p), 1.0 / (1.0 - dropout.p)
        return [kept if hashed(sample, unit) >= least else 0.0 for unit in units]


class Layout:
    """Which entries a model masks in one sample; it hands out what stands for their factors.

    Args:
        factors: as many as there are entries in one sample, or None while they are counted: then they are 1.

    Attributes:
        units: the Dropout of every entry, in order.
    """

    def __init__(self, factors: Sequence[Any] | None = None) -> None:
        self._given = factors
        self.units: list[Dropout] = []

    def factors(self, dropout: Dropout, count: int) -> Sequence[Any]:
        """What stands for the next `count` factors.

        Raises:
            TraceError: there are not so many.
        """
        first = len(self.units)
        self.units += [dropout] * count
        if self._given is None:
            return [1.0] * count
        if len(self.units) > len(self._given):
            raise masked_otherwise()
        return self._given[first : len(self.units)]

    def masks(self, steps: Any, samples: Any, out: Any = None) -> Any:
        """The factors of all entries in several samples, samples x entries.

        Args:
            steps: an array of the step of each sample.
            samples: of its place in the batch.
            out: an array to write them to; None for a new one.
        """
        import numpy as np

        steps, samples = steps.astype(np.uint64), samples.astype(np.uint64)
        masks = np.empty((len(samples), len(self.units))) if out is None else out
        for dropout, places in groupby(range(len(self.units)), self.units.__getitem__):
            first, *others = places
            count = 1 + len(others)
            own, together = slice(first, first + count), max(1, _TOGETHER // count)
            rows = hashed(np.array(dropout.seed, np.uint64), steps, samples)[:, None]  # once for all its entries
            units = _stepped(np.arange(first, first + count, dtype=np.uint64))
            bits, room = np.empty((2, min(together, len(rows)), count), np.uint64)
            for k in range(0, len(rows), together):
                part = rows[k : k + together]
                mine = np.add(part, units, out=bits[: len(part)])
                _mix(mine, room[: len(part)])
                np.multiply(mine >= _least(dropout.p), 1.0 / (1.0 - dropout.p), out=masks[k : k + together, own])
        return masks


def masked_otherwise() -> Exception:
    """What to raise where a model masks other entries than when they were laid out."""
    from engine import TraceError

    return TraceError("the model masks other entries than when its masks were laid out: a Dropout came, went or moved")


def hashed(seed: Any, *numbers: Any) -> Any:
    """64 bits that look random, of a seed and whole numbers; ints, or arrays of uint64 with equal results.

    Each number is added in steps of the golden ratio and mixed by the finaliser of SplitMix64 (Steele, Lea and Flood,
    2014).

    >>> hex(hashed(1, 2, 3))
    '0xee3bb459e9e297b'
    """
    for number in numbers:
        bits = (seed + _stepped(number)) & _64
        for shift, factor in _MIXING:
            bits = ((bits ^ (bits >> shift)) * factor) & _64
        seed = bits
    return seed


_64 = (1 << 64) - 1
_MIXING = (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)


def _stepped(number: Any) -> Any:
    """What is added for a whole number."""
    return (number + 1) * 0x9E3779B97F4A7C15


def _mix(bits: Any, room: Any) -> None:
    """Mix an array as `hashed` does, where it is: that takes less than half of the time."""
    import numpy as np

    for shift, factor in _MIXING:
        np.right_shift(bits, shift, out=room)
        np.bitwise_xor(bits, room, out=bits)
        if factor != 1:
            np.multiply(bits, factor, out=bits)


def _least(p: float) -> int:
    """From which hash on an entry is not dropped: its upper 53 bits, as a number from 0 to below 1, are at least p."""
    return math.ceil(p * 2.0**53) << 11


def _flat(x: Any) -> list[Any]:
    return [entry for row in x for entry in _flat(row)] if is_row(x) else [x]


def _scaled(x: Any, factors: Iterator[Any]) -> Any:
    return [_scaled(row, factors) for row in x] if is_row(x) else x * next(factors)
