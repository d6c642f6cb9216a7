"""Training with a native program: where the parameters live, and steps of an optimiser in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .optimisers import COEFFICIENTS, Form, update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .program import Program

    Array = NDArray[Any]

_COLUMN = {name: k for k, name in enumerate(COEFFICIENTS)}


class Training:
    """The parameters and what an optimiser remembers of them, in the memory that the native code works on.

    Args:
        program: with gradients.
        memories: how many numbers the optimiser remembers for each parameter.

    Attributes:
        parameters: the bound leaves; read and write at will between calls.
        memory: memories x leaves.
        trainable: whether a leaf is updated; all are at first.
    """

    def __init__(self, program: Program, memories: int):
        import numpy as np

        self._program = program
        leaves, width = program.plan.leaves, program.shape.width
        stride = -(-(leaves + width) // width) * width
        self._all = aligned((memories + 2) * stride, program.dtype).reshape(-1, stride)
        self.parameters, self.trainable = self._all[0, :leaves], self._all[1, :leaves]
        self.memory = self._all[2:, :leaves]
        self.trainable[:] = 1.0
        start = address(self._all)
        row = stride * program.dtype.itemsize
        self._start = start
        self._state = np.array([0, start + 2 * row, start + row, leaves, stride], np.int64)
        self._state_address = address(self._state)
        self._settings: tuple[Any, ...] = ()

    def __call__(
        self, arrays: tuple[Array, ...], optimizer: Any, done: int = 0, steps: int = 1, order: Array | None = None
    ) -> Array:
        """Make steps of an optimiser, all in native code.

        Args:
            arrays: samples x columns, C-contiguous, of the program's dtype; the columns together its inputs.
            optimizer: the settings; a new object whenever one of them changes.
            done: how many steps were made before.
            steps: how many to make, where `order` is None.
            order: the samples of each step, steps x batch, int64, -1 for none; None: all samples in every step.

        Returns:
            The loss of every step, before its update.
        """
        import numpy as np

        program = self._program
        if order is None:
            batch = len(arrays[0]) if arrays else 1
        else:
            order = np.ascontiguousarray(order, np.int64)
            steps, batch = order.shape
        losses = np.empty(steps, program.dtype)
        with program.lock:
            self._prepare(optimizer, done, steps)
            program.bind(arrays, batch)
            program.start(
                P=self._start, steps=steps, order=0 if order is None else address(order), losses=address(losses),
                update=self._update, state=self._state_address, results=0,
            )  # fmt: skip
        return losses

    def _prepare(self, optimizer: Any, done: int, steps: int) -> None:
        """The update function and the rows of its coefficients; kept while nothing about them changes."""
        constant = optimizer.kind == "sgd" and done > 0 and steps == 1
        wanted = (optimizer, constant)
        if constant and self._settings == wanted:
            return
        form, self._coefficients = settings(optimizer, done, steps, self._program.dtype)
        self._library, self._update = update(form, self._program.shape.bits, self._program.shape.width)
        self._state[0] = address(self._coefficients)
        self._settings = wanted


def settings(optimizer: Any, t0: int, steps: int, dtype: Any) -> tuple[Form, Array]:
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


def aligned(count: int, dtype: Any) -> Array:
    """A zeroed array that begins on a cache line."""
    import numpy as np

    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    start = -raw.__array_interface__["data"][0] % 64
    return raw[start : start + count * size].view(dtype)


def address(array: Array) -> int:
    """Where an array begins."""
    address: int = array.__array_interface__["data"][0]
    return address
