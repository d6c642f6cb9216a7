"""The native programs of one plan: for many samples, with vectors across samples, and for few.

With few samples most of such a vector would be padding. So a program for few takes one sample at a time, with vectors
along what the plan computes for it. Steps on a few more samples use vectors of half the size, if full ones have 64
bytes. Each program is compiled when a batch first needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ....process.forking import new_lock
from ...plan.lazy import LazyPlan
from ...plan.plan import Plan
from ...update import Update
from .fused_plan import FusedPlan
from .jit.cpu import vector_bytes
from .program import NativeProgram
from .runtime.cost_model import CostModel, cost, cost_model
from .runtime.threads import processors
from .schedule import shape_of, stages
from .training import Training
from .verify import verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


NARROW = 32
"""Bytes of the vectors for few samples: with larger ones the same operations take as long, or longer."""


class Variants:
    """A plan for this machine.

    Args:
        lazy_plan: the plan, made when it is needed.
        dtype: "float64" or "float32".
        threads: how many may share a call on many samples.

    Attributes:
        width: numbers in a vector.
        few: up to this many samples run one after another.
        lock: held during every call, since what one program trains another may train next.
        beside: functions that compile what else is needed soon, beside the kernels of the next program.
    """

    name = "llvm"
    takes_lists = False

    def __init__(self, lazy_plan: LazyPlan, dtype: str, threads: int):
        import numpy as np

        self.lazy_plan, self.dtype, self.threads = lazy_plan, np.dtype(dtype), threads
        self.width = vector_bytes() // self.dtype.itemsize
        narrow = min(vector_bytes(), NARROW) // self.dtype.itemsize
        self.few = 1 + narrow // 4  # measured: these take no longer than a vector
        self._widths = sorted({narrow, self.width}) if lazy_plan.gradients else []  # for steps on few samples
        self._programs: dict[tuple[int, int], NativeProgram] = {}
        self._recent: NativeProgram | None = None
        self._lock, self.lock = new_lock(), new_lock(awaited=True)
        self.beside: tuple[Callable[[], object], ...] = ()

    def fitting(self, batch: int) -> NativeProgram:
        """The program for batches of that size."""
        if batch <= self.few:
            return self._program(self.width, lanes=1)
        for width in self._widths:
            if batch <= width:
                return self._program(width, lanes=width)
        return self._program(self.width)

    def _program(self, width: int, lanes: int = 0) -> NativeProgram:
        """The program for that many lanes; 0 for as many as pay."""
        key = width, lanes
        program = self._programs.get(key)
        if program is None:
            with self._lock:
                program = self._programs.get(key)
                if program is None:
                    threads = 1 if lanes else self.threads
                    program = self._programs[key] = NativeProgram(
                        self.lazy_plan, self.dtype.name, width, lanes, threads, self.lock, self.beside
                    )
        self._recent = program
        return program

    @property
    def plan(self) -> Plan:
        """The plan of the programs."""
        return self.lazy_plan.plan

    def run(self, P: Array, arrays: tuple[Array, ...], batch: int | None = None) -> tuple[Array, Array | None]:
        """Outputs of every sample, and the gradient of the mean of the first output: see `NativeProgram.run`."""
        return self.fitting(len(arrays[0]) if arrays else (batch or 1)).run(P, arrays, batch)

    def training(self, memories: int, frozen: Sequence[int] = (), rule: Update | None = None) -> Training:
        """Memory for the parameters, of which `frozen` are not updated, and `memories` numbers for each."""
        return Training(self, memories, frozen, rule)

    def shared_by(self, threads: int) -> str:
        """How many threads share a call, and why not `threads`, in words."""
        if threads == 1:
            return "1"
        cost_model = self.cost_model
        if cost_model.threads == 1:
            return f"1, not {threads}: there is one processor"
        alone = max(self.few, *self._widths) if self._widths else self.few
        return f"{cost_model.threads} for {max(cost_model.least, alone + 1)} samples or more, else 1"

    def stages(self, plan: Plan) -> Iterator[tuple[str, Callable[[], str]]]:
        """The stages of the program that was asked for last: see `schedule.stages`."""
        for name, result in stages(plan, self.recent.shape):
            if isinstance(result, FusedPlan):
                verify(result)
            yield name, result.__str__

    @property
    def cost_model(self) -> CostModel:
        """How to split batches of many samples for the threads."""
        shape = shape_of(self.plan, 8 * self.dtype.itemsize, self.width)
        return cost_model(cost(self.plan, shape), self.plan.leaves, shape, min(self.threads, processors()))

    @property
    def recent(self) -> NativeProgram:
        """The program that was asked for last."""
        return self._recent or self._program(self.width)

    def ir(self) -> str:
        """LLVM IR of the kernels of the program that was asked for last."""
        return self.recent.ir()

    def stats(self) -> dict[str, Any]:
        """Figures of the program that was asked for last: see `NativeProgram.stats`."""
        return self.recent.stats()


def build(plan: Plan | LazyPlan, dtype: str, threads: int = 1) -> Variants:
    """The programs of a plan for this machine."""
    return Variants(plan if isinstance(plan, LazyPlan) else LazyPlan.of(plan), dtype, threads)
