"""A native program: its kernels, its buffers and the calls from Python."""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING, Any

from ..plan import Group, Plan
from . import vectormath
from .clusters import clusters, stored
from .driver import FRAME, POSITION, driver
from .ir import Code
from .jit import Library, vector_bytes
from .kernels import Kernel, Kernels, Shape, copy, elementwise
from .optimisers import COEFFICIENTS, STATE, Form, update
from .products import product
from .reductions import reduction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

BLOCK_BYTES = 40_000
"""How much one block of samples may take: about what stays close to the core while all kernels pass over it."""


def shape_of(plan: Plan, bits: int) -> Shape:
    """How many lanes a block has: as many as its bytes allow, in whole tiles."""
    width = vector_bytes() * 8 // bits
    slots = plan.inputs + 1 + plan.sizes.get("S", 0)
    vectors = max(2, BLOCK_BYTES // (slots * width * bits // 8))
    for tile in (4, 2):
        if vectors >= tile:
            vectors = min(vectors // tile * tile, 16)
            break
    return Shape(bits, width, vectors * width)


class Compiled:
    """The text of a plan's kernels and the order in which they are called."""

    def __init__(self, plan: Plan, shape: Shape):
        self.plan, self.shape = plan, shape
        self.kernels = Kernels()
        uniform = Shape(shape.bits, 1, 1)
        parts = {name: clusters(getattr(plan, name)) for name in ("prologue", "body", "epilogue")}
        kept = stored(plan, [cluster for part in parts.values() for cluster in part])
        self.calls: dict[str, list[tuple[int, list[int]]]] = {}
        for name, part in parts.items():
            self.calls[name] = [self._add(self._kernel(cluster, kept, uniform)) for cluster in part]
        for job in plan.reductions:
            self.calls["body"].append(self._add(reduction(shape, plan.constants, job)))
        for job in plan.finish:
            self.calls["epilogue"].append(self._add(copy(uniform, plan.constants, job)))

    def _add(self, kernel: Kernel) -> tuple[int, list[int]]:
        return self.kernels.add(kernel)

    def _kernel(self, cluster: list[Group], kept: set[int], uniform: Shape) -> Kernel:
        head = cluster[0]
        if head.uniform:
            return elementwise(uniform, self.plan.constants, cluster, kept)
        if head.is_product and head.rows > 1:
            return product(self.shape, self.plan.constants, cluster, kept)
        return elementwise(self.shape, self.plan.constants, cluster, kept)

    def text(self) -> str:
        """LLVM IR of all kernels and of the functions that they call."""
        declared: set[str] = set()
        parts: list[str] = []
        for width in sorted({code.width for code in self.kernels.codes}):
            codes = [code for code in self.kernels.codes if code.width == width]
            texts = [code.text() for code in codes]
            used = {name for text in texts for name in vectormath.called(text, width)}
            functions, more = vectormath.definitions(used, self.shape.bits, width)
            declared |= more.union(*(code.declared for code in codes))
            parts += [*functions, *texts]
        return "\n".join([*sorted(declared), *parts])


def aligned(count: int, dtype: Any) -> Array:
    """A zeroed array that begins on a cache line."""
    import numpy as np

    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + 64, np.uint8)
    start = -raw.__array_interface__["data"][0] % 64
    return raw[start : start + count * size].view(dtype)


class Program:
    """A plan compiled for this machine, with the buffers that it works in.

    Calls from several threads wait for each other: the buffers are one set. Different programs run side by side,
    since the GIL is released.

    Args:
        plan: what to compute.
        dtype: "float64" or "float32".
    """

    def __init__(self, plan: Plan, dtype: str):
        import numpy as np

        started = time.perf_counter()
        self.plan, self.dtype = plan, np.dtype(dtype)
        bits = self.dtype.itemsize * 8
        self.shape = shape_of(plan, bits)
        compiled = Compiled(plan, self.shape)
        self._text = compiled.text()
        self._library = Library(self._text)
        self._driver, address = driver(bits, self.shape.width)
        self._drive = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
        self._lock = threading.Lock()
        self._buffers: dict[str, Array] = {}
        self._frame = aligned(len(FRAME), np.int64)
        self._frame_address = _address(self._frame)
        self._calls = {name: self._call_table(calls) for name, calls in compiled.calls.items()}
        self._allocate()
        self._statistics = {
            "kernels": len(compiled.kernels.codes),
            "calls": sum(len(calls) for calls in compiled.calls.values()),
            "lanes": self.shape.lanes,
            "vector": self.shape.width,
            "bytes": sum(array.nbytes for array in self._buffers.values()),
            "cached": self._library.cached,
            "seconds": time.perf_counter() - started,
        }

    # ---- memory
    def _allocate(self) -> None:
        """The buffers whose size does not depend on the call, and their addresses in the frame."""
        import numpy as np

        plan, shape, pad = self.plan, self.shape, self.shape.width
        sizes = {
            "P": plan.leaves, "C": len(plan.constants), "U": plan.sizes.get("U", 0),
            "G": max(plan.sizes.get("G", 0), plan.leaves), "S": plan.sizes.get("S", 0) * shape.lanes,
            "X": (plan.inputs + 1) * shape.lanes,
        }  # fmt: skip
        for name, size in sizes.items():
            self._buffers[name] = aligned(size + pad, self.dtype)
        self._buffers["C"][: len(plan.constants)] = plan.constants
        outputs = []
        for run in plan.outputs:
            base = 0 if run.buffer == "X" else _address(self._buffers[run.buffer])
            slot = run.table[0] if run.table is not None else run.base
            outputs += [base, slot if run.uniform else slot * shape.lanes, int(not run.uniform)]
        self._outputs = np.array(outputs, np.int64)
        self._losses = aligned(1, self.dtype)
        self._packed_blocks = 1
        self._set(
            **{name: _address(array) for name, array in self._buffers.items()},
            inputs=plan.inputs, outputs=len(plan.outputs), lanes=shape.lanes, gradients=len(self._buffers["G"]),
            output_table=_address(self._outputs),
            prologue=_address(self._calls["prologue"][0]), prologue_count=len(self._calls["prologue"][0]) // 2,
            body=_address(self._calls["body"][0]), body_count=len(self._calls["body"][0]) // 2,
            epilogue=_address(self._calls["epilogue"][0]), epilogue_count=len(self._calls["epilogue"][0]) // 2,
        )  # fmt: skip

    def _set(self, **fields: int) -> None:
        """Write fields of the frame."""
        for name, value in fields.items():
            self._frame[POSITION[name]] = value

    def _call_table(self, calls: list[tuple[int, list[int]]]) -> tuple[Array, Array]:
        """Addresses of kernels and of their offsets, and the offsets themselves."""
        import numpy as np

        offsets = np.array([number for _, numbers in calls for number in numbers] or [0], np.int64)
        place, table = _address(offsets), []
        for kernel, numbers in calls:
            table += [self._library.address(f"kernel{kernel}"), place]
            place += 8 * len(numbers)
        return np.array(table, np.int64), offsets

    def _bind(self, arrays: tuple[Array, ...], batch: int, every: bool) -> tuple[Array, ...]:
        """Tell the frame where the samples are; room for all packed blocks of a batch that is used again."""
        import numpy as np

        columns = sum(array.shape[1] for array in arrays)
        if columns != self.plan.inputs:
            raise ValueError(f"the samples have {columns} columns, the program reads {self.plan.inputs}")
        blocks = -(-batch // self.shape.lanes)
        if blocks > self._packed_blocks:
            size = blocks * (self.plan.inputs + 1) * self.shape.lanes
            self._buffers["X"] = aligned(size + self.shape.width, self.dtype)
            self._packed_blocks = blocks
            self._set(X=_address(self._buffers["X"]))
        arrays = tuple(np.ascontiguousarray(array, self.dtype) for array in arrays)
        table = np.array([x for array in arrays for x in (_address(array), array.shape[1])] or [0], np.int64)
        self._set(sources=len(arrays), source_table=_address(table), batch=batch)
        return (*arrays, table)

    # ---- calls
    def run(self, P: Array, arrays: tuple[Array, ...], batch: int | None = None) -> tuple[Array, Array | None]:  # noqa: N803
        """Outputs of every sample, and the gradient of the mean of the first output.

        Args:
            P: the bound leaves.
            arrays: samples x columns, the columns together the program's inputs.
            batch: the number of samples, where no array tells.

        Returns:
            The outputs, samples x outputs; the gradient by the leaves, or None if the plan has none.
        """
        import numpy as np

        count = arrays[0].shape[0] if arrays else (batch or 1)
        results = np.empty((count, len(self.plan.outputs)), self.dtype)
        with self._lock:
            kept = self._bind(arrays, count, every=False)
            self._buffers["P"][: self.plan.leaves] = P
            self._set(steps=1, order=0, losses=_address(self._losses), update=0, state=0, results=_address(results))
            self._drive(self._frame_address)
            del kept
            if self.plan.weight is None:
                return results, None
            return results, self._buffers["G"][: self.plan.leaves].copy()

    def train(
        self,
        P: Array,  # noqa: N803
        state: Array,
        arrays: tuple[Array, ...],
        order: Array | None,
        optimizer: Any,
        t0: int = 0,
        steps: int | None = None,
    ) -> Array:
        """Steps of an optimiser, all in native code.

        Args:
            P: the bound leaves; changed in place.
            state: what the optimiser remembers, [k, leaves]; changed in place.
            arrays: samples x columns.
            order: the samples of each step, [steps, batch], -1 for none; None: all samples in every step.
            optimizer: the settings.
            t0: how many steps were made before.
            steps: how many steps, where `order` is None.

        Returns:
            The loss of every step, before its update.
        """
        import numpy as np

        if order is None:
            batch, steps = arrays[0].shape[0] if arrays else 1, 1 if steps is None else steps
        else:
            order = np.ascontiguousarray(order, np.int64)
            steps, batch = order.shape
        losses = np.empty(steps, self.dtype)
        leaves, width = self.plan.leaves, self.shape.width
        form, coefficients = settings(optimizer, t0, steps, self.dtype)
        native, address = update(form, self.shape.bits, width)
        memory = aligned(max(1, len(state)) * (leaves + width), self.dtype).reshape(-1, leaves + width)
        memory[: len(state), :leaves] = state
        trainable = aligned(leaves + width, self.dtype)
        trainable[:leaves] = optimizer.trainable
        block = np.array(
            [_address(coefficients), _address(memory), _address(trainable), leaves, leaves + width], np.int64
        )
        with self._lock:
            kept = self._bind(arrays, batch, every=order is None)
            self._buffers["P"][:leaves] = P
            self._set(
                steps=steps, order=0 if order is None else _address(order), losses=_address(losses), update=address,
                state=_address(block), results=0,
            )  # fmt: skip
            self._drive(self._frame_address)
            P[:] = self._buffers["P"][:leaves]
            state[:] = memory[: len(state), :leaves]
            del kept, native
        return losses

    def ir(self) -> str:
        """LLVM IR of the kernels."""
        return self._text

    def stats(self) -> dict[str, Any]:
        """Kernels, calls of them per block, lanes of a block, bytes, seconds to compile, whether from the cache."""
        return dict(self._statistics)


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


def _address(array: Array) -> int:
    """Where an array begins."""
    address: int = array.__array_interface__["data"][0]
    return address
