"""A native program: its kernels, its buffers and the calls from Python."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..plan import Group, Plan, Reduction
from ..recipe import Recipe
from . import cache, vectormath
from .blueprint import Blueprint, load
from .clusters import clusters, recomputed, stored, straight, summed
from .driver import driver
from .helpers import crew, processors
from .jit import Library
from .kernels import Kernel, Kernels, Shape, copy, elementwise
from .memory import Frame, address, aligned, whole_lines
from .outer import by_rows, inputs_by_rows, suits_rows
from .partition import LONG, Cut, cost, partition
from .products import product
from .reductions import Sums, each_alone, reduction, scatter, split, sums
from .row_sums import row_reduction, row_sums
from .rows import along_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

BLOCK_BYTES = 320_000
"""How much one block of samples may take: about what stays close to the core while all kernels pass over it."""


def shape_of(plan: Plan, bits: int, width: int, single: bool) -> Shape:
    """For many samples a block has as many lanes as its bytes allow; for a single one it has one.

    It is an odd number of vectors, so that slots side by side do not meet in the same few lines of the cache.
    """
    if single:
        return Shape(bits, width, 1)
    slots = plan.inputs + 1 + plan.sizes.get("S", 0)
    vectors = max(5, min(13, BLOCK_BYTES // (slots * width * bits // 8)))
    return Shape(bits, width, (vectors - 1 + vectors % 2) * width)


class Compiled:
    """The text of a plan's kernels and the order in which they are called.

    Attributes:
        by_rows: the range of inputs which kernels read row by row; None if none do.
        alone: whether each number of G is added to by one kernel, which begins anew at the first block of a step.
        cost: nanoseconds that a sample takes, about.
    """

    def __init__(self, plan: Plan, shape: Shape):
        self.cost = cost(plan, shape)
        if not shape.single:
            plan = dataclasses.replace(plan, body=tuple(map(straight, plan.body)))
        self.plan, self.shape = plan, shape
        self.kernels = Kernels()
        uniform = Shape(shape.bits, 1, 1)
        lazy = [] if shape.single else summed(plan)
        body = [group for group in plan.body if all(group is not other for other in lazy)]
        parts = {
            "prologue": clusters(plan.prologue),
            "body": recomputed(clusters(body)),
            "epilogue": clusters(plan.epilogue),
        }
        kept = stored(plan, [cluster for part in parts.values() for cluster in part] + [[group] for group in lazy])
        self.calls: dict[str, list[tuple[int, list[int]]]] = {}
        for name, part in parts.items():
            self.calls[name] = [self._add(self._kernel(cluster, kept, uniform)) for cluster in part]
        outer, plain = split(plan.reductions, lazy)
        self.by_rows = None if shape.single else inputs_by_rows(shape, outer)
        self.alone = not shape.single and not plan.scatters and each_alone(outer, plain)
        for jobs in outer:
            self.calls["body"].append(self._add(self._outer(jobs)))
        for entry in plain:
            self.calls["body"].append(self._add(self._sums(entry)))
        for pick in plan.scatters:
            self.calls["body"].append(self._add(scatter(shape, plan.constants, pick)))
        for job in plan.finish:
            self.calls["epilogue"].append(self._add(copy(uniform, plan.constants, job)))

    def _add(self, kernel: Kernel) -> tuple[int, list[int]]:
        return self.kernels.add(kernel)

    def _kernel(self, cluster: list[Group], kept: set[int], uniform: Shape) -> Kernel:
        head = cluster[0]
        if head.uniform:
            return elementwise(uniform, self.plan.constants, cluster, kept)
        if self.shape.single:
            return along_rows(self.shape, self.plan.constants, cluster, kept)
        if head.is_product and head.rows > 1:
            return product(self.shape, self.plan.constants, cluster, kept)
        return elementwise(self.shape, self.plan.constants, cluster, kept)

    def _outer(self, jobs: list[Reduction]) -> Kernel:
        if self.shape.single:
            return row_reduction(self.shape, self.plan.constants, jobs)
        if suits_rows(self.shape, jobs):
            return by_rows(self.shape, self.plan.constants, jobs[0], self.plan.inputs + 1, self.alone)
        return reduction(self.shape, self.plan.constants, jobs, self.alone)

    def _sums(self, entry: Sums) -> Kernel:
        if self.shape.single:
            return row_sums(self.shape, self.plan.constants, entry)
        return sums(self.shape, self.plan.constants, entry, self.alone)

    def blueprint(self, code: str) -> Blueprint:
        """How to run the kernels, whose object code has that key."""
        plan = self.plan
        return Blueprint(
            code=code,
            shape=self.shape,
            kernels=len(self.kernels.codes),
            calls=self.calls,
            by_rows=self.by_rows,
            alone=self.alone,
            cost=self.cost,
            leaves=plan.leaves,
            inputs=plan.inputs,
            weight=plan.weight,
            constants=plan.constants,
            outputs=plan.outputs,
            sizes=plan.sizes,
        )

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


def compiled(recipe: Recipe, bits: int, width: int, single: bool) -> tuple[Blueprint, Library]:
    """The kernels of a plan and how to call them; the plan is made only if the cache does not know them.

    Args:
        recipe: of the plan.
        bits: of a number.
        width: numbers in a vector.
        single: whether samples go one by one.
    """
    name = cache.key(f"{recipe.fingerprint} {bits} {width} {single}") if recipe.fingerprint else ""
    known = load(cache.read(name, cache.BLUEPRINT) or b"") if name else None
    library = Library.stored(known.code) if known else None
    if known and library:
        return known, library
    made = Compiled(recipe.plan, shape_of(recipe.plan, bits, width, single))
    library = Library(made.text())
    blueprint = made.blueprint(library.key)
    if name:
        cache.write(name, blueprint.dump(), cache.BLUEPRINT)
    return blueprint, library


class Program:
    """A plan compiled for this machine, with the buffers that it works in.

    Calls from several threads wait for each other: the buffers are one set. Different programs run side by side,
    since the GIL is released.

    Args:
        recipe: of the plan.
        dtype: "float64" or "float32".
        width: numbers in a vector.
        single: whether samples go one by one.
        threads: how many may share a call; no more are used than there are processors.
        lock: to be held during a call; one of its own by default.
    """

    name = "llvm"

    def __init__(
        self, recipe: Recipe, dtype: str, width: int, single: bool, threads: int = 1, lock: Lock | None = None
    ):
        import numpy as np

        started = time.perf_counter()
        self.recipe, self.dtype = recipe, np.dtype(dtype)
        bits = self.dtype.itemsize * 8
        self.blueprint, self._library = compiled(recipe, bits, width, single)
        self.shape, self.by_rows, self.alone = self.blueprint.shape, self.blueprint.by_rows, self.blueprint.alone
        self._driver = driver(bits, min(self.shape.width, self.shape.lanes))
        self.drive = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p)(self._driver.address("drive"))
        self.threads = min(threads, processors())
        self.partition = partition(self.blueprint.cost, self.blueprint.leaves, self.shape, self.threads)
        self.lock = lock or Lock()
        self.calls = {name: self._call_table(calls) for name, calls in self.blueprint.calls.items()}
        self.buffers: dict[str, Array] = {}
        self._parameters = aligned(self.blueprint.leaves + self.shape.width, self.dtype)
        self._allocate()
        self._frame = Frame(self, self._parameters)
        self._losses = aligned(1, self.dtype)
        self._statistics = {
            "kernels": self.blueprint.kernels,
            "calls": sum(len(calls) for calls in self.blueprint.calls.values()),
            "lanes": self.shape.lanes,
            "vector": self.shape.width,
            "threads": self.threads,
            "bytes": sum(array.nbytes for array in self.buffers.values()),
            "cached": self._library.cached,
            "seconds": time.perf_counter() - started,
        }

    # ---- memory
    def _allocate(self) -> None:
        """The buffers that calls work in; who calls brings the parameters and the samples."""
        plan, width = self.blueprint, self.shape.width
        self.scratch = whole_lines(plan.sizes.get("S", 0) * self.shape.lanes + width, self.dtype)
        self.gradients = whole_lines(max(plan.sizes.get("G", 0), plan.leaves) + width + 1, self.dtype)
        sizes = {
            "C": len(plan.constants) + width,
            "U": plan.sizes.get("U", 0) + width,
            "G": self.gradients * self.threads,
            "S": self.scratch * self.threads,
        }
        for name, size in sizes.items():
            self.buffers[name] = aligned(size, self.dtype)
        self.buffers["C"][: len(plan.constants)] = plan.constants

    def _call_table(self, calls: list[tuple[int, list[int]]]) -> tuple[Array, Array]:
        """Addresses of kernels and of their offsets, and the offsets themselves."""
        import numpy as np

        offsets = np.array([number for _, numbers in calls for number in numbers] or [0], np.int64)
        place, table = address(offsets), []
        for kernel, numbers in calls:
            table += [self._library.address(f"kernel{kernel}"), place]
            place += 8 * len(numbers)
        return np.array(table, np.int64), offsets

    # ---- calls
    def starter(self, cut: Cut, steps: int = 1) -> Callable[[int], float]:
        """What runs the native code on the address of a frame and gives the last loss. Its caller holds the lock."""
        if cut.parts == 1:
            return self.drive
        return functools.partial(crew().call, self._drive_with, cut.parts, cut.cost * steps >= LONG)

    @functools.cached_property
    def _drive_with(self) -> Any:
        """As `drive`, with helpers."""
        return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(self._driver.address("drive_with"))

    def run(self, P: Array, arrays: tuple[Array, ...], batch: int | None = None) -> tuple[Array, Array | None]:
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
        cut = self.partition.cut(count)
        results = np.empty((count, len(self.blueprint.outputs)), self.dtype)
        with self.lock:
            self._parameters[: self.blueprint.leaves] = P
            self._frame.bind(arrays, cut, repeated=False)
            self._frame.set(steps=1, losses=address(self._losses), results=address(results))
            self.starter(cut)(self._frame.address)
            if self.blueprint.weight is None:
                return results, None
            return results, self.buffers["G"][: self.blueprint.leaves].copy()

    def ir(self) -> str:
        """LLVM IR of the kernels."""
        return Compiled(self.recipe.plan, self.shape).text()

    def stats(self) -> dict[str, Any]:
        """Kernels, calls of them per block, lanes of a block, bytes, seconds to compile, whether from the cache."""
        return dict(self._statistics)
