"""One more step of a training, on arrays or lists that are read as they are: functions of Python's in native code.

They tell by a look at each argument whether it is what the program was prepared for: an array of the same shape, in
order, whose numbers are read where they are; or an array of another type or nested lists, whose numbers are copied, if
the program's type holds each of them exactly. Then they compare the labels with those that are known to be right. Of
anything else they say so, having done nothing, and the checks in Python have their turn, with their errors.

``step`` is one of the looks and checks of a step in Python. ``quick`` does without any Python: it keeps the GIL, so
that no other thread does anything between its looks and the end of its step, and needs no lock as long as nobody else
has it.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from ....batch import Right, Shape
from ....frontend.reads.words import Words
from ....update import Step
from ..jit.machine_code import Library
from ..jit.python_function import python_function
from ..runtime.memory import Frame, address, aligned
from .objects import INTS, ints_side_by_side
from .record import FORM, NUMBERS, QUICK, RECORD
from .step_code import FUNCTIONS, text

_CLOCK = time.perf_counter  # kept, since native code calls it: a user's test may put another one in its place

MOST = 1 << 23
"""Bytes of an argument that are copied: memory that is taken only when it is written."""


@functools.cache
def _native(bits: int) -> Library:
    """The compiled ``run``, ``step`` and ``quick``."""
    return Library(quick=text(bits))


class DirectStep:
    """What makes steps on samples and labels of one shape.

    Args:
        drive: the address of the driver's function of that name.
        dtype: of the program.
        shapes: those of all samples, and of all labels, if the program reads any.
        right: which labels are known to be right.

    Attributes:
        step: a function of samples, and of labels, that makes a step, the lock being held, and gives its loss. Having
            done nothing it gives False if a word that is watched has changed, and None if samples and labels are not
            of that shape, or a label is not known to be right; with True as a third argument labels are not looked at.
    """

    def __init__(self, drive: int, dtype: Any, shapes: Sequence[Shape], right: Right) -> None:
        import numpy as np

        rows = np.array([row for row in right.rows or () if np.array_equal(np.array(row, dtype), row)], dtype)
        kinds = [id(kind) for kind in (np.ndarray, list, float, int)]
        constants = [id(None), id(False), id(True), *kinds, *[id(np.dtype(name)) for name in NUMBERS]]
        constants += [id(INTS[0]), ints_side_by_side()]
        record = [*[0] * (len(RECORD) - len(constants)), *constants]
        held: list[Any] = [rows]
        for k, shape in enumerate(shapes):
            dimensions, count = np.array(shape, np.int64), math.prod(shape)
            own = aligned(count if count * dtype.itemsize <= MOST else 0, dtype)
            held += [dimensions, own]
            known = len(rows) if k and right.rows is not None else -1
            record += [len(shape), address(dimensions), shape[0], math.prod(shape[1:]), len(own) and address(own), 0]
            record += [address(rows), known, *np.array([right.least, right.most]).view(np.int64)]
        self._drive, self._memory, self._bits = drive, np.array(record, np.int64), 8 * dtype.itemsize
        self._name = FUNCTIONS[len(shapes) - 1]
        self._owner = [self._memory, held, None, None]  # all that native code points to lives as long as its functions

    @functools.cached_property
    def step(self) -> Step:
        """Compiled when it is asked for: a training of one step, or of whole epochs, does without."""
        return python_function(self._name, _native(self._bits).address(self._name), self._owner)

    def quick(
        self, own: Words, far: Words | None, until: Any, slow: Callable[..., float | None], failed: Callable[[], float]
    ) -> Callable[[Any, Any], float | None]:
        """A function of samples and labels that makes the step that is attached, as long as nothing has changed.

        Args:
            own: further words to be watched, which tell that nobody holds the lock.
            far: words to be compared from time to time, if there are any.
            until: an array of times, as `time.perf_counter` counts: the second is that after which to call `slow`, the
                third, which is no later, when to compare the words that are far, and the fourth the time from one
                comparison to the next. The first is lowered where they differ, so that `slow` looks closely.
            slow: called with samples and labels, and whether a word has changed, in all other cases.
            failed: called where the loss is nan, and raises an error.
        """
        far = far or Words()  # which differ
        self._owner[3] = own, far, until, slow, failed
        heads = [array.buffer_info()[0] for array in (own.head, far.head, until)]
        self._memory[: len(QUICK)] = 1, *heads, id(_CLOCK), id(slow), id(failed)
        return python_function("quick", _native(self._bits).address("quick"), self._owner)

    def detach(self) -> None:
        """Let `quick` make no more steps."""
        self._memory[RECORD.index("ready")] = 0

    def attach(self, frame: Frame, words: Words, alone: bool) -> None:
        """Make the step that a frame describes, on other samples.

        Args:
            frame: of the last step.
            words: what is to be watched.
            alone: whether it is made by the calling thread alone; else the function does all but the step itself, and
                gives 0.0.
        """
        self._owner[2] = frame, words
        sources, place = address(frame.open_sources()), RECORD.index("frame")
        self.detach()
        self._memory[place : place + 3] = frame.address, words.head.buffer_info()[0], self._drive * alone
        for k in range(FUNCTIONS.index(self._name) + 1):
            self._memory[len(RECORD) + k * len(FORM) + FORM.index("place")] = sources + 16 * k
