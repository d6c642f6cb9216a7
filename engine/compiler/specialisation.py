"""A compiled function for samples of one shape: its trace, its plans and its programs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, Literal

from ..collector import collector_at_rest
from ..modes import always_recorded, observed_by
from ..value import Value
from .backends.choice import build, choose
from .backends.protocol import Program, Runner
from .batch import Batch, Shape, flat
from .errors import TraceError
from .frontend.fingerprint import fingerprint
from .frontend.trace import Trace
from .lending import Leaves
from .passes.computation import Computation
from .pipeline import make_plan, trace
from .plan.lazy import LazyPlan
from .plan.plan import Plan
from .requirements import Requirements
from .selfcheck import Eager, agree

TOLERANCE = {"float64": 1e-8, "float32": 1e-3}


Mode = Literal["outputs", "leaves", "inputs"]


class Specialisation:
    """A compiled function for samples of one shape: its trace, and its programs as they are asked for.

    Args:
        function: of one sample.
        shapes: of its arguments.
        dtype, backend, threads: as for `engine.compile`.
    """

    def __init__(
        self, function: Callable[..., Any], shapes: tuple[Shape, ...], dtype: str, backend: str, threads: int
    ) -> None:
        self.function, self.shapes = function, shapes
        self.dtype, self.backend, self.threads = dtype, backend, threads
        started = time.perf_counter()
        with collector_at_rest():
            self.trace: Trace = trace(function, shapes)
        self.seconds = {"trace": time.perf_counter() - started}
        self.reasons: dict[str, None] = {}  # why the best back end was not taken
        self._programs: dict[Mode, Program] = {}
        self._recent: Mode = "outputs"
        self._lazy_plans: dict[Mode, LazyPlan] = {}
        self._checked: set[Runner] = set()
        self.requirements = Requirements(self.trace.requirements, shapes)
        self._leaves = Leaves([leaf.value for leaf in self.trace.graph.leaves])
        self._lock, self._planning = threading.RLock(), threading.Lock()

    def run(self, mode: Mode, batch: Batch) -> tuple[Any, Any]:
        """The outputs and the gradient by the leaves."""
        self.requirements.check(batch)
        lists = isinstance(batch.arrays[0] if batch.arrays else [], list)
        if not batch.size:
            return ([] if lists else as_array([], self.dtype).reshape(0, len(self.trace.outputs))), None
        self.check(mode, batch)
        program = self.program(mode)
        outputs, gradients = self._run(program, batch)
        if program.takes_lists and not lists:
            outputs, gradients = (as_array(numbers, self.dtype) for numbers in (outputs, gradients))
        return outputs, ([] if gradients is None and mode == "leaves" else gradients)

    def _run(self, program: Runner, batch: Batch) -> tuple[Any, Any]:
        arrays = batch.arrays
        if program.takes_lists:
            arrays = tuple([array if isinstance(array, list) else array.tolist() for array in arrays])
            leaves: Any = [value._data for value in self._leaves.values]
        else:
            leaves = self._leaves.numbers()
        return program.run(leaves, arrays, batch.size)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.trace)

    def lazy_plan(self, mode: Mode | None = None) -> LazyPlan:
        """Of the plan of one mode, or of the one that was asked for last."""
        mode = self._recent = mode or self._recent
        with self._lock:
            if mode not in self._lazy_plans:
                graph = self.trace.graph
                make = partial(make_plan, self.computation(mode))
                digest = f"{self._fingerprint} {mode}" if self._fingerprint else ""
                self._lazy_plans[mode] = LazyPlan(make, len(graph.leaves), digest, self._planning)
            return self._lazy_plans[mode]

    def computation(self, mode: Mode | None = None) -> Computation:
        """What one mode wants of the traced function, or the one that was asked for last."""
        mode = mode or self._recent
        return Computation.of(self.trace, mode == "leaves", self.trace.inputs if mode == "inputs" else ())

    def plan(self, mode: Mode | None = None) -> Plan:
        """The plan of one mode, or of the one that was asked for last."""
        return self.lazy_plan(mode).plan

    def program(self, mode: Mode | None = None) -> Program:
        """The program of one mode, or of the one that was asked for last."""
        mode = self._recent = mode or self._recent
        program = self._programs.get(mode)
        if program is None:
            with self._lock:
                started = time.perf_counter()
                program, reasons = choose(self.backend, self.lazy_plan(mode), self.dtype, self.threads)
                self._programs[mode] = program
                self.reasons.update(dict.fromkeys(reasons))
                self.seconds["build"] = time.perf_counter() - started
        return program

    def check(self, mode: Mode, batch: Batch) -> None:
        """Compare the first sample with the eager engine, once for each program.

        Raises:
            TraceError: they differ.
        """
        program = self.program(mode).fitting(batch.size)
        if program in self._checked:
            return
        with self._lock:
            first = batch.rows([0])
            sample = first.sample(0)
            leaves = [leaf.value for leaf in self.trace.graph.leaves]
            by: list[Value] = {"outputs": [], "leaves": leaves, "inputs": flat(sample)}[mode]
            with always_recorded(), observed_by(None):
                eager = Eager(self.function(*sample), by)
            try:
                agree(eager, self._numbers(program, first), TOLERANCE[self.dtype])
            except TraceError:
                if self.dtype == "float64":
                    raise
                # With few digits and a small range it may be no mistake: the same plan in double precision tells.
                exact = build("python", self.lazy_plan(mode), "float64")
                agree(eager, self._numbers(exact, first), TOLERANCE["float64"])
            self._checked.add(program)

    def _numbers(self, program: Runner, first: Batch) -> list[float]:
        """The outputs of a single sample, and their gradient by the leaves where the program has it."""
        outputs, gradient = self._run(program, first)
        return [*outputs[0], *([] if gradient is None else gradient)]


def as_array(numbers: Any, dtype: str) -> Any:
    """Numbers as a NumPy array; None stays None."""
    import numpy as np

    return None if numbers is None else np.array(numbers, dtype)
