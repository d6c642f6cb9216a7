"""Training with NumPy: the counterpart of native training, on arrays."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...process.forking import give_way, new_lock
from ..samples.masks import Masks
from ..update import ConfiguredUpdate, PreparedStep
from .update import on_arrays

if TYPE_CHECKING:
    from .numpy import NumpyProgram


class ArrayTraining:
    """The parameters and an optimiser's memory in arrays; for the attributes see `protocol.Training`.

    Args:
        program: the program of a plan with gradients.
        memories: how many numbers the optimiser may remember for each parameter.
        frozen: the numbers of the leaves that are not updated.
    """

    def __init__(self, program: NumpyProgram, memories: int, frozen: Sequence[int]) -> None:
        self._program = program
        leaves = program.plan.leaves
        self.parameters, self.sums, self.gradient = (np.zeros(leaves, program.dtype) for _ in range(3))
        self.memory = np.zeros((memories, leaves), program.dtype)
        self._made = np.zeros((), np.int64)
        self.losses: Any = ()
        self.lock = new_lock(awaited=True)
        self.prepared: PreparedStep | None = None  # no step is any faster the second time
        self._used = np.ones(leaves, bool)
        self._used[list(frozen)] = False

    def once_more(self, configured: ConfiguredUpdate, order: Any = None) -> Any:
        """None: a call is no faster the second time."""
        return None

    def forget_prepared(self) -> None:
        """Do nothing: no step is made again."""

    def shuffle(self, orders: Any, source: random.Random) -> None:
        """Put each row of an array of integers in the order of the source's `shuffle`."""
        for row in orders:
            numbers = row.tolist()  # a list shuffles faster
            source.shuffle(numbers)
            row[:] = numbers

    @property
    def made(self) -> int:
        """How many steps the memory has seen."""
        return int(self._made)

    @made.setter
    def made(self, made: int) -> None:
        self._made[...] = made

    def __call__(
        self, arrays: Any, configured: ConfiguredUpdate, steps: int = 1, order: Any = None, masks: Masks | None = None
    ) -> list[float]:
        """Make steps; see `protocol.Training`."""
        self.losses = losses = list[float]()
        for k in range(steps if order is None else len(order)):
            part = arrays
            if order is not None:
                rows = order[k][order[k] >= 0]
                part = [array[rows] for array in arrays]
            if masks is not None:
                part = [masks.drawn(part[0], k), *part[1:]]
            give_way(self.lock)
            outputs, gradient = self._program.run(self.parameters, part, len(part[0]) if part else 1)
            with np.errstate(all="ignore"):
                losses.append(float(outputs[:, 0].mean()))
                if not math.isfinite(losses[-1]) or not self._update(gradient, configured, k):
                    break
        return losses

    def _update(self, gradient: Any, configured: ConfiguredUpdate, k: int) -> bool:
        """Move the parameters, unless a number would not be finite."""
        rule, used = configured.rule, self._used
        norm = math.sqrt(float(gradient[used] @ gradient[used])) if rule.reads_norm else 0.0
        memories = [self.memory[memory] for memory in rule.kept]
        new = on_arrays(rule)(configured.numbers(self.made + 1, norm, k), self.parameters, gradient, *memories)
        before = [self.parameters, *memories]
        after = [np.where(used, found, old).astype(old.dtype, copy=False) for found, old in zip(new, before)]
        finite = all(np.isfinite(found[used]).all() for found in after)
        targets, new = [self.gradient, self.sums], [gradient, self.sums + gradient]
        if finite:
            targets, new = [*targets, *before, self._made], [*new, *after, self._made + 1]
        # One call that runs no Python code in between: even after Ctrl-C all of it is written, or nothing.
        deque(map(np.copyto, targets, new), maxlen=0)
        return finite
