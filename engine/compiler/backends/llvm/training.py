"""Training with a native program: memory for the parameters, and steps of an optimiser in one call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ....process.forking import give_way
from ...frontend.reads.word_guard import WordGuard
from ...labels import Valid
from ...samples.batch import Shape
from ...samples.masks import Masks
from ...samples.memory import address, aligned, rows_apart
from ...update import ConfiguredUpdate, PreparedStep, Step, Update
from .direct.objects import objects_are_as_expected
from .direct.step import DirectStep
from .ir.words import Record
from .jit.cpu_caches import cache_sizes
from .runtime.cost_model import Split
from .runtime.memory import Frame
from .runtime.shuffle import shuffle
from .runtime.update import STATE, update
from .schedule import FAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .program import NativeProgram
    from .variants import Variants

    Array = NDArray[Any]

CHUNK = 0.05
"""Seconds that native code may run before Python checks for signals such as Ctrl-C, unless one step takes longer."""

BRIEF = 50_000.0
"""About how many nanoseconds a step may take without giving other threads the GIL meanwhile."""

MOST = 4
"""How many shapes of samples and kinds of labels have their steps kept ready."""


class Training:
    """The parameters and an optimiser's memory, where native code works on them.

    Args:
        programs: the programs of a plan with gradients.
        memories: how many numbers the optimiser may remember for each parameter.
        frozen: the numbers of the leaves that are not updated.
        rule: the rule of the updates to come, compiled beside the kernels if these are not compiled yet.

    Attributes:
        parameters: the numbers of the bound leaves, to be read and written between calls.
        memory: memories x leaves.
        sums: the gradients of the frozen leaves, summed over all steps.
        losses: those of the steps of the last call, written as they are made.
        prepared: the last call's step, to be made again, if its frame still describes it.
        lock: held while native code works on all this.
    """

    def __init__(self, programs: Variants, memories: int, frozen: Sequence[int], rule: Update | None) -> None:
        self._programs = programs
        leaves, width = programs.lazy_plan.leaves, programs.width
        stride = rows_apart(-(-(leaves + width) // width) * width, programs.dtype)
        self._all = aligned((4 + 2 * memories) * stride, programs.dtype).reshape(-1, stride)
        self.parameters, trainable, self.sums = self._all[:3, :leaves]
        self.memory = self._all[3 : 3 + memories, :leaves]
        trainable[:] = 1.0
        trainable[list(frozen)] = 0.0
        self._frozen = len(frozen) > 0
        streamed = self.parameters.nbytes > FAR * cache_sizes()[1]
        self._update_of = partial(
            update, frozen=self._frozen, bits=8 * programs.dtype.itemsize, width=width, streamed=streamed
        )
        if rule is not None:
            programs.beside = (partial(self._update_of, rule),)
        start, row = address(self._all), stride * programs.dtype.itemsize
        places = {"trainable": 1, "sums": 2, "memory": 3, "old": 3 + memories}
        self._state = Record(STATE)
        self._state.set(count=leaves, keeping=int(self._frozen), stride=stride)
        self._state.set(**{name: start + k * row for name, k in places.items()})
        self._frames: dict[NativeProgram, Frame] = {}
        self.losses: Any = ()
        self.prepared: PreparedStep | None = None
        self._attached: DirectStep | None = None
        self.lock = programs.lock
        self._same: tuple[Any, ConfiguredUpdate, Callable[[], float], Array] | None = None  # the last step, once more
        # The last call, if it took one piece.
        self._whole: tuple[Frame, Callable[[int], float], Array, Any] | None = None
        self._in_place: tuple[Array, ...] | None = None  # the samples of that call, if read where they are
        self._direct_steps: dict[Any, DirectStep] = {}
        self._settled: ConfiguredUpdate | None = None
        self._pace: dict[tuple[NativeProgram, int], int] = {}  # how many steps on that many samples fit into a chunk
        self._gradients: dict[int, Array] = {}  # two of each frame, by their addresses

    @property
    def gradient(self) -> Array:
        """The gradient of the last step that had one."""
        last = self._gradients[self._state["gradient"]]
        return last[: self._programs.lazy_plan.leaves]

    def shuffle(self, orders: Array, source: random.Random) -> None:
        """Put each row of an array of integers in the order of the source's `shuffle`."""
        shuffle(orders, source)

    @property
    def made(self) -> int:
        """How many steps the memory has seen."""
        return self._state["made"]

    @made.setter
    def made(self, made: int) -> None:
        self._state.set(made=made)

    def forget_prepared(self) -> None:
        """Stop repeating the last step: something else is about to be done."""
        self.prepared = None
        if self._attached is not None:
            self._attached.detach()

    def __call__(
        self,
        arrays: tuple[Array, ...],
        configured: ConfiguredUpdate,
        steps: int = 1,
        order: Array | None = None,
        masks: Masks | None = None,
    ) -> list[float]:
        """Make steps of an optimiser in native code: all of them, or, if Ctrl-C comes in between, the first ones.

        Args:
            arrays: samples x columns, C-contiguous, of the program's dtype; the columns together its inputs.
            configured: the update; a new object whenever one of its numbers changes.
            steps: how many to make, if `order` is None.
            order: the samples of each step, steps x batch, int64, -1 for none; None: all samples in every step.
            masks: what is drawn in each step for columns of the first array.

        Returns:
            The loss of every step, before its update. If a loss or an update is not finite, that step and the ones
            after it are not made: `made` tells, and the losses end there.
        """
        import numpy as np

        with self.lock:
            if self._same and steps == 1 and order is None and masks is None:
                samples, last, drive, losses = self._same
                if arrays is samples and configured is last:
                    loss = drive()
                    return [loss] if loss == loss else self._found(losses)
            if order is not None:
                order, steps = np.ascontiguousarray(order, np.int64), len(order)
                if arrays is self._in_place and isinstance(configured.lr, float):  # another epoch on the same samples
                    again = self.once_more(configured, order, masks)
                    if again is not None:
                        return self._found(again)
            losses = self.losses = np.empty(steps, self._programs.dtype)  # without a touch, which takes 1 s a GB
            return self._make(arrays, configured, losses, order, masks)

    def once_more(
        self, configured: ConfiguredUpdate, order: Array | None = None, masks: Masks | None = None
    ) -> Array | None:
        """Make the steps of the last call once more, on its samples; see `protocol.Training`."""
        with self.lock:
            whole, settled = self._whole, self._settled
            if whole is None or settled is None or settled.rule is not configured.rule:
                return None
            frame, drive, losses, form = whole
            if form != _form(order, masks):
                return None
            self.forget_prepared()
            self._same = None
            if configured is not settled:
                self._numbers[:], self._rates[:] = [configured.limit, *configured.values], configured.lr
                self._settled = configured
            if order is not None:
                frame.set(order=address(order))
            frame.draw(masks)
            before, self.losses = self.made, losses
            drive(frame.address)
            if self._state["refused"]:
                self._again(drive, frame.address)
            give_way(self.lock)
            return losses[: self.made - before + 1]

    def _make(
        self,
        arrays: tuple[Array, ...],
        configured: ConfiguredUpdate,
        losses: Array,
        order: Array | None,
        masks: Masks | None,
    ) -> list[float]:
        """Describe steps in a frame and make them, as many as `losses`, into which their losses are written."""
        self.forget_prepared()
        self._same = self._whole = self._in_place = None
        steps = len(losses)
        batch = order.shape[1] if order is not None else len(arrays[0]) if arrays else 1
        program = self._programs.fitting(batch)
        in_place = program.artifact.by_samples
        if masks is not None and in_place and masks.meets(*in_place):
            return self._one_by_one(arrays, configured, losses, order, masks)
        split = program.cost_model.split(batch)
        frame = self._frame(program)
        frame.bind(arrays, split, repeated=order is None and steps > 1 and masks is None)
        frame.draw(masks)
        self._settle(configured, program, frame)
        made, drive = self._in_pieces(program, split, frame, losses, order, masks)
        if made < steps:
            return self._found(losses[: made + 1])
        if drive is not None and isinstance(configured.lr, float):
            self._whole = frame, drive, losses, _form(order, masks)
            self._in_place = arrays if frame.in_place else None
            if order is None and masks is None and steps == 1 and frame.in_place:
                self._same = arrays, configured, partial(drive, frame.address), losses
                if len(arrays) == 2 and objects_are_as_expected():
                    again = partial(self._direct, program, frame, split, drive)
                    self.prepared = PreparedStep(again, configured, losses, self._rates)
        return self._found(losses)

    def _in_pieces(
        self,
        program: NativeProgram,
        split: Split,
        frame: Frame,
        losses: Array,
        order: Array | None,
        masks: Masks | None,
    ) -> tuple[int, Callable[[int], float] | None]:
        """Make the steps that a frame describes in pieces, of about `CHUNK` seconds each.

        Returns:
            How many steps were made; and the native function that made them, if they were all in one piece.
        """
        steps, batch = len(losses), split.samples
        done, pace = 0, self._pace.get((program, batch), 1)
        whole: Callable[[int], float] | None = None
        while done < steps:
            count = min(pace, steps - done)
            self._state.set(rates=self._state["next_rate"] * done * 8 + address(self._rates))
            place = 0 if order is None else address(order) + 8 * batch * done
            frame.set(steps=count, order=place, losses=address(losses) + losses.itemsize * done)
            frame.set(first_step=masks.step + done if masks else 0)
            drive, before, started = program.starter(split, count), self.made, time.perf_counter()
            drive(frame.address)
            if self._state["refused"]:  # a refused step has undone all before it: make these again
                self._again(drive, frame.address)
            made = self.made - before
            done += made
            give_way(self.lock)
            if made < count:
                break
            if count == steps:
                whole = drive
            if count == pace:
                each = max((time.perf_counter() - started) / count, 1e-9)
                pace = self._pace[program, batch] = min(8 * pace, max(1, int(CHUNK / each)))
        return done, whole

    def _one_by_one(
        self, arrays: tuple[Array, ...], configured: ConfiguredUpdate, losses: Array, order: Array | None, masks: Masks
    ) -> list[float]:
        """As `_make`, where kernels read masks in the array of the samples: they are drawn there, step by step."""
        for k in range(len(losses)):
            rows = slice(None) if order is None else order[k][order[k] >= 0]
            first, *others = [array[rows] for array in arrays]
            rate = configured.lr if isinstance(configured.lr, float) else configured.lr[k]
            before, one = self.made, replace(configured, lr=rate)
            self._make((masks.drawn(first, k), *others), one, losses[k : k + 1], None, None)
            if self.made == before:
                break
        return self._found(losses[: k + 1])

    def _direct(
        self,
        program: NativeProgram,
        frame: Frame,
        split: Split,
        drive: Any,
        shapes: Sequence[Shape],
        valid: tuple[Valid, ...],
        words: WordGuard,
    ) -> tuple[Callable[[], Step], Callable[..., Step] | None]:
        """The step that a frame describes, as functions for Python: see `PreparedStep.on`."""
        self._same = self._whole = None  # the frame will describe other samples
        key, direct = (program, *shapes, valid), self._direct_steps
        if key not in direct:
            if len(direct) == MOST:
                direct.clear()
            direct[key] = program.direct_step(shapes, valid)
        made, alone = direct[key], split.parts == 1
        if self._attached is not None:  # maybe to this very step, whose record is not whole until the end of `attach`
            self._attached.detach()
        made.attach(frame, words, alone)
        self._attached = made

        def with_workers(*samples: Any) -> float | bool | None:
            found = made.step(*samples)
            loss: float | bool | None = drive(frame.address) if isinstance(found, float) else found
            return loss

        quick = alone and split.cost <= BRIEF
        return lambda: made.step if alone else with_workers, made.quick if quick else None

    def _again(self, drive: Callable[[int], float], place: int) -> None:
        """Make the steps of a call again that were undone with the refused one: the same numbers come out."""
        self._state.set(refused=0, keeping=1)
        try:
            drive(place)
        finally:
            self._state.set(keeping=int(self._frozen))

    @staticmethod
    def _found(losses: Array) -> list[float]:
        found: list[float] = losses.tolist()
        return found

    def _frame(self, program: NativeProgram) -> Frame:
        """The frame of a program, with gradients of its own."""
        frame = self._frames.get(program)
        if frame is None:
            frame = Frame(program, self._all[0])
            count = program.gradients * program.threads
            buffers = {address(row): row for row in aligned(2 * count, program.dtype).reshape(2, count)}
            self._gradients |= buffers
            frame.set(state=self._state.address, **dict(zip(("G", "spare"), buffers)))
            self._frames[program] = frame
        return frame

    def _settle(self, configured: ConfiguredUpdate, program: NativeProgram, frame: Frame) -> None:
        """Set the update in the frame of a program."""
        import numpy as np

        if self._settled is not configured:
            self._update = self._update_of(configured.rule)
            self._numbers = np.array([configured.limit, *configured.values])  # the frame points to these
            self._rates = np.array(configured.lr).reshape(-1)
            self._state.set(numbers=address(self._numbers), next_rate=int(len(self._rates) > 1))
            self._settled = configured
        whole = configured.rule.reads_norm or bool(program.artifact.calls["epilogue"])  # an epilogue changes gradients
        frame.set(update=self._update[1], whole=int(whole), rounded=int(configured.rule.bears_rounding))


def _form(order: Array | None, masks: Masks | None) -> tuple[Any, Any]:
    """What all calls have in common that one frame can describe: the shape of the order, and the columns drawn."""
    return None if order is None else order.shape, None if masks is None else (masks.column, masks.end)
