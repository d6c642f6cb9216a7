"""Training steps on arrays or lists that are read in place, as Python functions in native code.

They check whether each argument is what the program was prepared for: an array of the same shape, in C order, whose
numbers are read in place; or an array of another type or nested lists, whose numbers are copied, if the program's type
holds each of them exactly. Then they compare labels, and samples such as tokens, with what is known to be valid. For
anything else they do nothing and say so; then the checks in Python take over, with their errors.

``step`` leaves some checks to its caller in Python. ``quick`` runs no Python at all: it keeps the GIL, so that no other
thread does anything between its checks and the end of its step, and needs no lock as long as nobody else holds it.
"""

from __future__ import annotations

import functools
import math
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from ....frontend.reads.word_guard import WordGuard
from ....labels import Valid
from ....samples.batch import Shape
from ....samples.memory import address, aligned
from ....update import Step
from ..ir.words import Record
from ..jit.machine_code import Library
from ..jit.python_function import python_function
from ..runtime.memory import Frame
from .objects import INTS, ints_side_by_side
from .record import FORM, NUMBERS, RECORD
from .step_code import FUNCTIONS, text

_CLOCK = time.perf_counter  # kept, since native code calls it: a user's test may replace it

MOST = 1 << 23
"""Bytes of an argument that may be copied: the system provides the memory only when it is written."""


@functools.cache
def _native(bits: int) -> Library:
    """The compiled ``run``, ``step`` and ``quick``."""
    return Library(quick=text(bits))


class DirectStep:
    """Makes steps on samples and labels of one shape.

    Args:
        drive: the address of the driver's function of that name.
        dtype: the dtype of the program.
        shapes: the shapes of all samples, and of all labels, if the program reads any.
        valid: what of each is known to be valid.

    Attributes:
        step: a function of samples and labels that makes a step, the lock being held, and returns its loss. Or it does
            nothing and returns False if a watched word has changed, None if samples and labels have another shape, or a
            label is not known to be valid; with True as a third argument labels are not checked.
    """

    def __init__(self, drive: int, dtype: Any, shapes: Sequence[Shape], valid: Sequence[Valid]) -> None:
        import numpy as np

        words: Any = aligned(len(RECORD) + len(shapes) * len(FORM), "int64")
        self._record = Record(RECORD, words)
        self._forms = [Record(FORM, words[len(RECORD) + k * len(FORM) :]) for k in range(len(shapes))]
        self._record.set(
            nothing=id(None), no=id(False), yes=id(True), ints=id(INTS[0]), int_count=ints_side_by_side(),
            ndarray=id(np.ndarray), list=id(list), float=id(float), int=id(int),
            **{name: id(np.dtype(name)) for name in NUMBERS},
        )  # fmt: skip  # in groups
        held: list[Any] = []
        for form, shape, right in zip(self._forms, shapes, valid):
            rows = np.array([row for row in right.rows or () if np.array_equal(np.array(row, dtype), row)], dtype)
            dimensions, count = np.array(shape, np.int64), math.prod(shape)
            own = aligned(count if count * dtype.itemsize <= MOST else 0, dtype)
            held += [dimensions, own, rows]
            least, most, whole = np.array(right.bounds, float).view(np.int64)
            form.set(
                rank=len(shape), dimensions=address(dimensions), samples=shape[0], columns=math.prod(shape[1:]),
                own=len(own) and address(own), rows=address(rows), known=-1 if right.rows is None else len(rows),
                least=least, most=most, whole=whole,
            )  # fmt: skip  # in groups
        self._drive, self._bits, self._name = drive, 8 * dtype.itemsize, FUNCTIONS[len(shapes) - 1]
        self._owner = [words, held, None]  # keeps alive what native code points to

    @functools.cached_property
    def step(self) -> Step:
        """Compiled when it is asked for: a training of one step, or of whole epochs, does not need it."""
        return python_function(self._name, _native(self._bits).address(self._name), self._owner)

    def quick(
        self,
        own: WordGuard,
        far: WordGuard | None,
        due: array[float],
        slow: Callable[..., float | None],
        failed: Callable[[], float],
    ) -> Callable[[Any, Any], float | None]:
        """A function of samples and labels that makes the attached step, as long as nothing has changed.

        Args:
            own: further words to watch, which show that nobody holds the lock.
            far: words to compare from time to time, if there are any.
            due: an array with the entries of `Due`: when to compare the far words, and when to call `slow` in any case.
            slow: called with samples and labels, and whether a word has changed, in all other cases.
            failed: called if the loss is nan, and raises an error.
        """
        far = far or WordGuard()  # without words, which counts as changed
        places: dict[str, array[Any]] = {"own": own.head, "far": far.head, "due": due}
        self._owner.append((own, far, due, slow, failed))
        self._record.set(
            **{name: place.buffer_info()[0] for name, place in places.items()},
            clock=id(_CLOCK), slow=id(slow), failed=id(failed), ready=1,
        )  # fmt: skip  # in groups
        del self._owner[3:-1]  # what native code no longer points to
        return python_function("quick", _native(self._bits).address("quick"), self._owner)

    def detach(self) -> None:
        """Let `quick` make no more steps."""
        self._record.set(ready=0)

    def attach(self, frame: Frame, words: WordGuard, alone: bool) -> None:
        """Make the step that a frame describes, on other samples; `quick` must be detached.

        Args:
            frame: the frame of the last step.
            words: the words to watch.
            alone: whether the calling thread makes it alone; otherwise the function does everything but the step
                itself, and returns 0.0.
        """
        self._owner[2] = frame, words
        self._record.set(frame=frame.address, words=words.head.buffer_info()[0], drive=self._drive * alone)
        sources = address(frame.open_sources())
        for k, form in enumerate(self._forms):
            form.set(place=sources + 16 * k)
