"""Dropout: units left out at random, by a mask that is a function of its place in a training.

The mask depends on (seed, step, sample, unit) and on nothing else: see `engine.Masks`. In eager steps `drawing` tells
the modules which step and sample it is. Compiled programs read the mask as further inputs of a sample, which they draw
themselves; `Layout` says where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import cached_property
from itertools import groupby
from typing import Any, Protocol

from engine import Drop, Masks, purpose

from ..arguments import Seed, random_source, real_number
from ..elsewhere import explained
from ..modes import Within
from ..rows import is_row
from .module import Module


class Dropout(Module):
    """Drops each entry with probability p, and scales the others by 1 / (1 - p) (Srivastava et al., 2014).

    In eval mode everything passes. Which entries are dropped is determined by the seed and by where they are: the
    step, the place of the sample in its batch, the entry. Steps are counted by the optimiser: a second `nn.fit` with
    it draws further masks, one with a new optimiser the same as the first, unless it goes on by `resume=`. Outside of
    steps every call is a sample of its own, and layers of one seed drop the same entries; `engine.check_gradients`
    holds the mask fixed.

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

    @explained
    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        self.p = p
        self.seed = random_source(seed).getrandbits(64)
        self.calls = 0

    def __setattr__(self, name: str, value: Any) -> None:
        """As for any module; a probability is checked whenever it is set.

        Raises:
            TypeError, ValueError: if `p` is not a probability below 1.
        """
        if name == "p":
            value = real_number("p", value, least=0.0, most=1.0)
            if value == 1.0:
                raise ValueError("p must be below 1: with p=1 nothing would be left")
        super().__setattr__(name, value)

    def __call__(self, x: Any) -> Any:
        """The entries of nested rows, or a single one, times their factors in the mask.

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
                "Dropout in train mode draws a new mask at every call, which a compiled function cannot: call "
                "model.eval() first, or train with nn.fit, which hands the masks in, or in a loop of your own with "
                "nn.EagerStep, which draws the same ones"
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
    """Draw masks from a source inside, in this thread."""
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
        drop = Drop(dropout.seed, self.unit, count, dropout.p)
        self.unit += count
        return drop.factors(self.step, self.sample)


def outputs_with_masks(model: Callable[[Any], Any], X: Iterable[Any], step: int) -> list[Any]:
    """What a model gives for each sample of a batch, with the masks of a step, given by how many were made before."""
    outputs = []
    for place, x in enumerate(X):
        with drawing(Place(step, place)):
            outputs.append(model(x))
    return outputs


class Layout:
    """Records which entries a model masks in one sample, and hands out what stands for their factors.

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
            TraceError: fewer are left.
        """
        first = len(self.units)
        self.units += [dropout] * count
        if self._given is None:
            return [1.0] * count
        if len(self.units) > len(self._given):
            raise masked_otherwise()
        return self._given[first : len(self.units)]

    def masks(self, column: int, step: int = 0) -> Masks:
        """The factors of all entries in a step, as columns of a batch from `column` on."""
        drops = tuple([Drop(layer.seed, first, count, layer.p) for layer, first, count in self._runs])
        return Masks(drops, column, step)

    @cached_property
    def _runs(self) -> list[tuple[Dropout, int, int]]:
        """Neighbouring units of one layer, once all are recorded: the layer, the first of them, and how many."""
        runs, first = [], 0
        for dropout, units in groupby(self.units):
            count = len([*units])
            runs.append((dropout, first, count))
            first += count
        return runs


def masked_otherwise() -> Exception:
    """The error for a model that masks other entries than when its masks were laid out."""
    from engine import TraceError

    return TraceError(
        "the model masks other entries than at the beginning of the epoch, as when a Dropout is added, removed, moved "
        'or set to eval mode: do that in a callback, after an epoch, or give backend="eager"'
    )


def _flat(x: Any) -> list[Any]:
    return [entry for row in x for entry in _flat(row)] if is_row(x) else [x]


def _scaled(x: Any, factors: Iterator[Any]) -> Any:
    return [_scaled(row, factors) for row in x] if is_row(x) else x * next(factors)
