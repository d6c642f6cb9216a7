"""Training with a native program: where the parameters live, and steps of an optimiser in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .runtime.memory import Frame, address, aligned
from .runtime.update import COEFFICIENTS, Form, update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .program import Program
    from .variants import Variants

    Array = NDArray[Any]

_COLUMN = {name: k for k, name in enumerate(COEFFICIENTS)}


class Training:
    """The parameters and what an optimiser remembers of them, in the memory that the native code works on.

    Args:
        programs: of a plan with gradients.
        memories: how many numbers the optimiser remembers for each parameter.
        frozen: leaves that are not updated, by their numbers.

    Attributes:
        parameters: the bound leaves; read and write at will between calls.
        memory: memories x leaves.
    """

    def __init__(self, programs: Variants, memories: int, frozen: Sequence[int] = ()):
        import numpy as np

        self._programs = programs
        leaves, width = programs.lazy_plan.leaves, programs.width
        stride = -(-(leaves + width) // width) * width
        self._all = aligned((memories + 2) * stride, programs.dtype).reshape(-1, stride)
        self.parameters, trainable, self.memory = self._all[0, :leaves], self._all[1, :leaves], self._all[2:, :leaves]
        trainable[:] = 1.0
        trainable[list(frozen)] = 0.0
        self._frozen = len(frozen) > 0
        start, row = address(self._all), stride * programs.dtype.itemsize
        self._state = np.array([0, start + 2 * row, start + row, 0, leaves, stride], np.int64)
        self._frames: dict[Program, Frame] = {}
        self._arrays: tuple[Array, ...] | None = None  # those and the settings of which a single step can be repeated
        self._optimizer: Any = None
        self._settled: Any = None  # the optimiser whose coefficients are there for all steps

    def __call__(
        self, arrays: tuple[Array, ...], optimizer: Any, done: int = 0, steps: int = 1, order: Array | None = None
    ) -> list[float]:
        """Make steps of an optimiser, all in native code.

        Args:
            arrays: samples x columns, C-contiguous, of the program's dtype; the columns together its inputs.
            optimizer: the settings; a new object whenever one of them changes.
            done: how many steps were made before.
            steps: how many to make, where `order` is None.
            order: the samples of each step, steps x batch, int64, -1 for none; None: all samples in every step.

        Returns:
            The loss of every step, before its update. If one is nan or infinite, that step and the ones after it
            are not made, and their losses are nan.
        """
        with self._programs.lock:
            if arrays is self._arrays and optimizer is self._optimizer and steps == 1 and order is None and done:
                return [self._drive(self._place)]  # the frame describes this very step
            return self._described(arrays, optimizer, done, steps, order)

    def _described(
        self, arrays: tuple[Array, ...], optimizer: Any, done: int, steps: int, order: Array | None
    ) -> list[float]:
        """The same, after it has been written into a frame."""
        import numpy as np

        self._arrays = self._optimizer = None
        if order is None:
            batch = len(arrays[0]) if arrays else 1
        else:
            order = np.ascontiguousarray(order, np.int64)
            steps, batch = order.shape
        program = self._programs.fitting(batch)
        split = program.cost_model.split(batch)
        frame = self._frames.get(program)
        if frame is None:
            frame = self._frames[program] = Frame(program, self._all[0])
            frame.set(state=address(self._state))
        frame.bind(arrays, split, repeated=order is None and steps > 1)
        same = self._settle(optimizer, done, steps, frame)
        losses = np.full(steps, np.nan, program.dtype)
        frame.set(steps=steps, order=0 if order is None else address(order), losses=address(losses))
        drive = program.starter(split, steps)
        drive(frame.address)
        if order is None and steps == 1 and same and frame.in_place:
            self._arrays, self._optimizer = arrays, optimizer
            self._drive, self._place, self._losses = drive, frame.address, losses  # the frame points to these losses
        found: list[float] = losses.tolist()
        return found

    def _settle(self, optimizer: Any, done: int, steps: int, frame: Frame) -> bool:
        """Let a frame make the optimiser's update; whether its coefficients are those of all later steps, too."""
        same = done > 0 and optimizer.kind == "sgd" and isinstance(optimizer.lr, float)
        if not same or self._settled is not optimizer:
            form, coefficients = settings(optimizer, done, 1 if same else steps, self._programs.dtype, self._frozen)
            self._state[0], self._state[3] = address(coefficients), 0 if same else len(COEFFICIENTS)
            bits = 8 * self._programs.dtype.itemsize
            self._update = *update(form, bits, self._programs.width), coefficients  # the frame points to these
            self._settled = optimizer if same else None
        plan = self._programs.plan
        whole = optimizer.clip_norm is not None or bool(plan.epilogue or plan.finish)
        frame.set(update=self._update[1], whole=int(whole))
        return same


def settings(optimizer: Any, t0: int, steps: int, dtype: Any, frozen: bool) -> tuple[Form, Array]:
    """The form of an update and its coefficients, a row per step."""
    import numpy as np

    adam = optimizer.kind == "adam"
    form = Form(
        adam=adam,
        momentum=not adam and bool(optimizer.momentum),
        nesterov=not adam and bool(optimizer.nesterov),
        decay=bool(optimizer.weight_decay),
        decoupled=adam and bool(optimizer.decoupled),
        clip_norm=optimizer.clip_norm is not None,
        clip_value=optimizer.clip_value is not None,
        frozen=frozen,
    )
    table = np.zeros((steps, len(COEFFICIENTS)))
    column = {name: k for k, name in enumerate(COEFFICIENTS)}
    table[:, column["rate"]] = optimizer.lr
    table[:, column["decay"]] = optimizer.weight_decay
    if adam:
        t = np.arange(t0 + 1, t0 + steps + 1)
        if form.decoupled:
            table[:, column["decay"]] *= optimizer.lr
        table[:, column["rate"]] /= 1.0 - optimizer.beta1**t
        table[:, column["root"]] = np.sqrt(1.0 - optimizer.beta2**t)
        for name, value in (("new1", 1 - optimizer.beta1), ("beta2", optimizer.beta2), ("new2", 1 - optimizer.beta2)):
            table[:, column[name]] = value
        table[:, column["eps"]] = optimizer.eps
    else:
        table[:, column["momentum"]] = optimizer.momentum
        table[:, column["kept"]] = 1.0 - optimizer.dampening
        if t0 == 0:
            table[:1, column["kept"]] = 1.0
    if form.clip_norm:
        table[:, column["norm"]] = optimizer.clip_norm
    if form.clip_value:
        table[:, column["bound"]] = optimizer.clip_value
    return form, np.ascontiguousarray(table, dtype)
