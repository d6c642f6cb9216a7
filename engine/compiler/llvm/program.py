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
from .products import product
from .reductions import reduction
from .training import Training, address, aligned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

BLOCK_BYTES = 320_000
"""How much one block of samples may take: about what stays close to the core while all kernels pass over it."""


def shape_of(plan: Plan, bits: int) -> Shape:
    """How many lanes a block has: as many as its bytes allow, in whole tiles."""
    width = vector_bytes() * 8 // bits
    slots = plan.inputs + 1 + plan.sizes.get("S", 0)
    vectors = max(2, min(16, BLOCK_BYTES // (slots * width * bits // 8)))
    tile = 4 if vectors >= 4 else 2
    vectors = vectors // tile * tile
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


class Program:
    """A plan compiled for this machine, with the buffers that it works in.

    Calls from several threads wait for each other: the buffers are one set. Different programs run side by side,
    since the GIL is released.

    Args:
        plan: what to compute.
        dtype: "float64" or "float32".
    """

    name = "llvm"

    def __init__(self, plan: Plan, dtype: str):
        import numpy as np

        started = time.perf_counter()
        self.plan, self.dtype = plan, np.dtype(dtype)
        bits = self.dtype.itemsize * 8
        self.shape = shape_of(plan, bits)
        compiled = Compiled(plan, self.shape)
        self._text = compiled.text()
        self._library = Library(self._text)
        self._driver, entry = driver(bits, self.shape.width)
        self._drive = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entry)
        self.lock = threading.Lock()
        self._buffers: dict[str, Array] = {}
        self._frame = aligned(len(FRAME), np.int64)
        self._frame_address = address(self._frame)
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
            base = 0 if run.buffer == "X" else address(self._buffers[run.buffer])
            slot = run.table[0] if run.table is not None else run.base
            outputs += [base, slot if run.uniform else slot * shape.lanes, int(not run.uniform)]
        self._outputs = np.array(outputs, np.int64)
        self._losses = aligned(1, self.dtype)
        self._packed = shape.lanes
        self._bound: list[tuple[Array, tuple[int, ...]]] | None = None
        self._set(
            **{name: address(array) for name, array in self._buffers.items()},
            inputs=plan.inputs, outputs=len(plan.outputs), lanes=shape.lanes, gradients=len(self._buffers["G"]),
            output_table=address(self._outputs),
            prologue=address(self._calls["prologue"][0]), prologue_count=len(self._calls["prologue"][0]) // 2,
            body=address(self._calls["body"][0]), body_count=len(self._calls["body"][0]) // 2,
            epilogue=address(self._calls["epilogue"][0]), epilogue_count=len(self._calls["epilogue"][0]) // 2,
        )  # fmt: skip

    def _set(self, **fields: int) -> None:
        """Write fields of the frame."""
        for name, value in fields.items():
            self._frame[POSITION[name]] = value

    def _call_table(self, calls: list[tuple[int, list[int]]]) -> tuple[Array, Array]:
        """Addresses of kernels and of their offsets, and the offsets themselves."""
        import numpy as np

        offsets = np.array([number for _, numbers in calls for number in numbers] or [0], np.int64)
        place, table = address(offsets), []
        for kernel, numbers in calls:
            table += [self._library.address(f"kernel{kernel}"), place]
            place += 8 * len(numbers)
        return np.array(table, np.int64), offsets

    def bind(self, arrays: tuple[Array, ...], batch: int) -> None:
        """Tell the frame where the samples are, and make room for all packed blocks of a batch."""
        import numpy as np

        if batch > self._packed:
            blocks = -(-batch // self.shape.lanes)
            self._buffers["X"] = aligned((blocks * (self.plan.inputs + 1) + 1) * self.shape.lanes, self.dtype)
            self._packed = blocks * self.shape.lanes
            self._set(X=address(self._buffers["X"]))
        bound = [(array, array.shape) for array in arrays]
        if (
            self._bound is None
            or len(bound) != len(self._bound)
            or not all(a is b and shape == old for (a, shape), (b, old) in zip(bound, self._bound))
        ):
            columns = sum(array.shape[1] for array in arrays)
            if columns != self.plan.inputs:
                raise ValueError(f"the samples have {columns} columns, the program reads {self.plan.inputs}")
            for array in arrays:
                if array.dtype != self.dtype or not array.flags.c_contiguous:
                    raise ValueError(f"the samples must be C-contiguous arrays of {self.dtype}")
            self._sources = np.array([x for a in arrays for x in (address(a), a.shape[1])] or [0], np.int64)
            self._set(sources=len(arrays), source_table=address(self._sources))
            self._bound = bound  # also keeps the arrays alive
        self._set(batch=batch)

    # ---- calls
    def start(self, **fields: int) -> None:
        """Write the last fields of the frame and run the native code. The caller holds the lock."""
        self._set(**fields)
        self._drive(self._frame_address)

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
        with self.lock:
            self.bind(arrays, count)
            self._buffers["P"][: self.plan.leaves] = P
            self.start(
                P=address(self._buffers["P"]), steps=1, order=0, losses=address(self._losses), update=0, state=0,
                results=address(results),
            )  # fmt: skip
            if self.plan.weight is None:
                return results, None
            return results, self._buffers["G"][: self.plan.leaves].copy()

    def training(self, memories: int) -> Training:
        """Memory for the parameters and for an optimiser that remembers `memories` numbers of each."""
        return Training(self, memories)

    def ir(self) -> str:
        """LLVM IR of the kernels."""
        return self._text

    def stats(self) -> dict[str, Any]:
        """Kernels, calls of them per block, lanes of a block, bytes, seconds to compile, whether from the cache."""
        return dict(self._statistics)


def build(plan: Plan, dtype: str) -> Program:
    """Compile a plan for this machine."""
    return Program(plan, dtype)
