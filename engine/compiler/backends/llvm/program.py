"""A native program: its kernels, its buffers and the calls from Python."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from ...frontend.reads.word_guard import WordGuard
from ...labels import Valid
from ...plan.lazy import LazyPlan
from ...samples.batch import Shape
from ...samples.memory import address, aligned
from .direct.objects import objects_are_as_expected
from .direct.step import DirectStep
from .jit import cache
from .jit.artifact import Artifact, load
from .jit.machine_code import Library
from .jit.side_by_side import SideBySide
from .kernels.kernel import kernel_name
from .runtime.cost_model import LONG, Split, cost_model
from .runtime.driver import driver
from .runtime.memory import Frame, whole_lines
from .runtime.threads import processors, thread_pool
from .schedule import make_schedule, shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _load_or_compile(
    lazy_plan: LazyPlan, bits: int, width: int, lanes: int, beside: Sequence[Callable[[], object]]
) -> tuple[str, Artifact, list[Library]]:
    """The kernels of a plan and how to call them; the plan is made only if they are not in the cache.

    Args:
        lazy_plan: the plan, made when it is needed.
        bits: bits of a number.
        width: numbers in a vector.
        lanes: of a block; 0 for as many as pay.
        beside: functions that compile what else is needed soon: called at the same time, also while the plan is made.

    Returns:
        The name under which the cache has the artifact, "" if it does not; the artifact; its code.
    """
    name = cache.key(f"{lazy_plan.fingerprint} {bits} {width} {lanes}") if lazy_plan.fingerprint else ""
    known = load(cache.read(name, cache.ARTIFACT) or b"") if name else None
    if known:
        stored = [library for library in map(Library.stored, known.codes) if library]
        if len(stored) == len(known.codes):
            return name, known, stored
    with SideBySide() as together:
        for function in beside:
            together.begin(function)
        made = make_schedule(lazy_plan.plan, shape_of(lazy_plan.plan, bits, width, lanes))
        kernels = [together.begin(partial(Library, *texts)) for texts in made.texts()]
    libraries = [kernel.result() for kernel in kernels]
    artifact = made.artifact([library.key for library in libraries])
    if name:
        cache.write(name, artifact.dump(), cache.ARTIFACT)
    return name, artifact, libraries


SMALL = 1024  # numbers of samples: copying this few is faster than telling the frame where they are
FEW = 1 << 16  # bytes of outputs: copying this few is faster than telling the frame where they go


class NativeProgram:
    """A plan compiled for this machine, with the buffers that it works in.

    Calls from several threads wait for each other: the buffers are one set. Different programs run side by side,
    since the GIL is released.

    Args:
        lazy_plan: the plan, made when it is needed.
        dtype: "float64" or "float32".
        width: numbers in a vector.
        lanes: of a block; 0 for as many as pay.
        threads: how many may share a call; no more are used than there are processors.
        lock: held during a call.
        beside: functions that compile what else is needed soon, beside the kernels if these have to be compiled.
    """

    takes_lists = False

    def __init__(
        self,
        lazy_plan: LazyPlan,
        dtype: str,
        width: int,
        lanes: int,
        threads: int,
        lock: AbstractContextManager[Any],
        beside: Sequence[Callable[[], object]],
    ):
        import numpy as np

        started = time.perf_counter()
        self.lazy_plan, self.dtype = lazy_plan, np.dtype(dtype)
        bits = self.dtype.itemsize * 8
        self._driver_of = partial(driver, bits, 1 if lanes == 1 else width)
        beside = self._driver_of, *beside
        self._name, self.artifact, self._libraries = _load_or_compile(lazy_plan, bits, width, lanes, beside)
        self.shape = self.artifact.shape
        self._driver = self._driver_of()
        self.drive = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p)(self._driver.address("drive"))
        self.threads = min(threads, processors())
        self.cost_model = cost_model(self.artifact.cost, self.artifact.leaves, self.shape, self.threads)
        self.lock = lock
        self.calls = {name: self._call_table(calls) for name, calls in self.artifact.calls.items()}
        self.buffers: dict[str, Array] = {}
        self._parameters = aligned(self.artifact.leaves + self.shape.width, self.dtype)
        self._allocate()
        self._frame = Frame(self, self._parameters)
        self._losses = aligned(1, self.dtype)
        self._frame.set(steps=1, losses=address(self._losses))
        self._few: tuple[Array, ...] = ()  # samples of small calls, copied to where the frame finds them
        calls = [call for stage in self.artifact.calls.values() for call in stage]
        self._statistics = {
            "kernels": len({kernel for kernel, _ in calls}),
            "calls": len(calls),
            "lanes": self.shape.lanes,
            "vector": self.shape.width,
            "threads": self.threads,
            "bytes": sum(array.nbytes for array in self.buffers.values()),
            "cached": all(library.cached for library in self._libraries),
            "seconds": time.perf_counter() - started,
        }

    # ---- memory
    def _allocate(self) -> None:
        """The buffers that calls work in; callers bring the parameters and the samples."""
        import numpy as np

        plan, width = self.artifact, self.shape.width
        self.scratch = whole_lines(plan.sizes.get("S", 0) * self.shape.stride + plan.room + width, self.dtype)
        self.gradients = whole_lines(max(plan.sizes.get("G", 0), plan.leaves) + width + 1, self.dtype)
        sizes = {
            "C": len(plan.constants) + width,
            "U": plan.sizes.get("U", 0) + width,
            "G": self.gradients * self.threads,
            "S": self.scratch * self.threads,
        }
        for name, size in sizes.items():
            self.buffers[name] = aligned(size, self.dtype)
        with np.errstate(over="ignore"):  # in single precision 1e200 is inf
            self.buffers["C"][: len(plan.constants)] = plan.constants

    def _call_table(self, calls: list[tuple[int, list[int]]]) -> tuple[Array, Array]:
        """Addresses of kernels and of their offsets, and the offsets themselves."""
        import numpy as np

        offsets = np.array([number for _, numbers in calls for number in numbers] or [0], np.int64)
        place, table = address(offsets), []
        for kernel, numbers in calls:
            table += [self._kernel(kernel_name(kernel)), place]
            place += 8 * len(numbers)
        return np.array(table, np.int64), offsets

    def _kernel(self, name: str) -> int:
        """The address of a kernel."""
        return next(library.address(name) for library in self._libraries if name in library)

    # ---- calls
    def starter(self, split: Split, steps: int = 1) -> Callable[[int], float]:
        """Runs native code on the address of a frame and returns the last loss; callers hold the lock."""
        if split.parts == 1:
            return self.drive
        return partial(thread_pool().call, self._drive_shared, split.parts, split.cost * steps >= LONG)

    @functools.cached_property
    def _drive_shared(self) -> Any:
        """As `drive`, with the workers of the thread pool."""
        shared = self._driver_of(shared=True)  # it lives as long as the process
        return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(shared.address("drive_shared"))

    def direct_step(self, shapes: Sequence[Shape], valid: Sequence[Valid]) -> DirectStep:
        """Makes steps on samples and labels of these shapes, called by Python directly."""
        return DirectStep(self._driver.address("drive"), self.dtype, shapes, valid)

    def run(self, P: Array, arrays: tuple[Array, ...], batch: int | None = None) -> tuple[Array, Array | None]:
        """Outputs of every sample, and the gradient of the mean of the first output.

        Args:
            P: the bound leaves.
            arrays: samples x columns, the columns together the program's inputs.
            batch: the number of samples, if no array tells.

        Returns:
            The outputs, samples x outputs; the gradient with respect to the leaves, or None if the plan has none.
        """
        import numpy as np

        count = arrays[0].shape[0] if arrays else (batch or 1)
        split = self.cost_model.split(count)
        results = np.empty((count, len(self.artifact.outputs)), self.dtype)
        with self.lock:
            self._parameters[: self.artifact.leaves] = P
            if count * self.artifact.inputs <= SMALL:
                arrays = self._copied(arrays)
            self._frame.bind(arrays, split, repeated=False)
            self._frame.set(results=address(results))
            self.starter(split)(self._frame.address)
            if self.artifact.weight is None:
                return results, None
            return results, self.buffers["G"][: self.artifact.leaves].copy()

    def bound_to(self, arrays: tuple[Array, ...], batch: int, means: bool = False) -> Callable[[Any], Any]:
        """A function of the leaves' numbers that gives the outputs of these samples, which are packed once.

        Each result overwrites the one before. With `means` it is a list of the means of the outputs.
        """
        split = self.cost_model.split(batch)
        frame, results = self._frame_of(arrays, split, repeated=True, summed=means)
        drive, place, own = self.starter(split), frame.address, self._parameters[: self.artifact.leaves]
        lock, packed = self.lock, False

        def again(P: Any) -> Any:
            nonlocal packed
            with lock:
                own[:] = P
                drive(place)
                if not packed:
                    frame.set(packed=1)
                    packed = True
                return [sum(column) / batch for column in zip(*results.tolist())] if means else results

        return again

    def direct(self, shape: Shape) -> Callable[[Any, Any], Array | None] | None:
        """A function of the leaves' numbers and samples, read by native code in place, that gives their outputs.

        It does nothing and returns None unless the samples are an array or nested lists of that shape.
        """
        import numpy as np

        split, size = self.cost_model.split(shape[0]), shape[0] * len(self.artifact.outputs) * self.dtype.itemsize
        if split.parts > 1 or size > FEW or not objects_are_as_expected():
            return None
        sample = np.zeros((shape[0], math.prod(shape[1:])), self.dtype)
        frame, results = self._frame_of((sample,), split, repeated=False)
        direct, nothing = self.direct_step([shape], [Valid(None)]), WordGuard()
        nothing.note()
        nothing.expect()
        direct.attach(frame, nothing, alone=True)

        def run(P: Any, X: Any) -> Array | None:
            with self.lock:
                self._parameters[: self.artifact.leaves] = P
                return None if direct.step(X) is None else results.copy()

        return run

    def _frame_of(
        self, arrays: tuple[Array, ...], split: Split, repeated: bool, summed: bool = False
    ) -> tuple[Frame, Array]:
        """A frame for calls on some samples, and the array for the outputs, or for their sums over each part."""
        import numpy as np

        frame = Frame(self, self._parameters)
        rows, dtype = (split.parts, np.dtype(float)) if summed else (split.samples, self.dtype)
        results = np.empty((rows, len(self.artifact.outputs)), dtype)
        frame.bind(arrays, split, repeated)
        frame.set(steps=1, losses=address(self._losses), results=address(results), summed=int(summed))
        return frame, results

    @property
    def proved(self) -> bool:
        """Whether this very code has been compared with the eager engine, by this process or another."""
        return self.artifact.proved

    def note_proof(self) -> None:
        """Record for later processes that it has been compared."""
        if self._name and not self.proved:
            self.artifact = dataclasses.replace(self.artifact, proved=True)
            cache.write(self._name, self.artifact.dump(), cache.ARTIFACT)

    def _copied(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        """Copies of a few samples in the memory of the last call, which the frame knows already."""
        if [array.shape for array in self._few] != [array.shape for array in arrays]:
            self._few = tuple([array.copy() for array in arrays])
        else:
            for own, array in zip(self._few, arrays):
                own[...] = array
        return self._few

    def ir(self) -> str:
        """LLVM IR of the kernels."""
        return str(make_schedule(self.lazy_plan.plan, self.shape))

    def stats(self) -> dict[str, Any]:
        """Kernels, calls of them per block, lanes of a block, bytes, seconds to compile, whether from the cache."""
        return dict(self._statistics)
