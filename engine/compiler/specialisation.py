"""A compiled function for samples of one shape: its trace, its plans and its programs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..process.collector import collector_at_rest
from ..process.forking import new_lock
from .backends.choice import build, choose, is_native
from .backends.protocol import Program, Runner, Variant
from .comparison.heap import trim_heap
from .comparison.single import Comparison, Mode
from .comparison.templates import check_templates
from .comparison.trials import Numbers
from .errors import TraceError
from .frontend.graph import operations
from .frontend.reads.objects import attribute_of
from .labels import LabelChecks
from .live_trace import LiveTrace
from .passes.computation import Computation
from .pipeline import make_plan
from .plan.lazy import LazyPlan
from .plan.plan import Plan
from .requirements import Requirements
from .samples.batch import Batch
from .values.lending import Leaves


class Specialisation:
    """A compiled function for samples of one shape: its trace, and its programs as they are asked for.

    Args:
        function: a function of one sample.
        batch: samples of that shape. If the function asks for the types of their numbers, it holds for samples of the
            same types only.
        dtype, backend, threads: as for `engine.compile`.

    Attributes:
        live_trace: the trace, as long as the function does the same; signature: what the programs need of it.
        requirements, labels: what samples must satisfy.
        leaves: the numbers of the Values that the function reads.
        reasons: why the best back end was not taken.
        build_seconds: how long it took to build the last program.
    """

    def __init__(self, function: Callable[..., Any], batch: Batch, dtype: str, backend: str, threads: int) -> None:
        self.function, self.shapes = function, batch.shapes
        self.dtype, self.backend, self.threads = dtype, backend, threads
        self.live_trace = LiveTrace(function, batch, is_native(backend))
        self.signature = signature = self.live_trace.signature
        self.reasons: dict[str, None] = {}
        self.build_seconds = 0.0
        self._programs: dict[Mode, Program] = {}
        self._recent: Mode = "outputs"
        self._lazy_plans: dict[Mode, LazyPlan] = {}
        self._checked: set[Variant] = set()
        self.requirements = Requirements(signature.requirements, self.shapes)
        self.labels = LabelChecks(self.requirements, len(self.shapes), self._compare_labels)
        self.leaves = Leaves(signature.leaves)
        entirely = bool(self.live_trace.type_guard)
        self._comparison = Comparison(function, self.leaves, signature.outputs, dtype, self._exact, entirely)
        self._lock, self._planning = new_lock(), new_lock()

    def run(self, mode: Mode, batch: Batch) -> tuple[Any, Any]:
        """The outputs and the gradient with respect to the leaves."""
        self.requirements.check(batch)
        lists = isinstance(batch.arrays[0] if batch.arrays else [], list)
        if not batch.size:
            return ([] if lists else _as_array([], self.dtype).reshape(0, self.signature.outputs)), None
        self.compare_once(mode, batch)
        self.labels.compare_new(batch)
        program = self.program(mode)
        outputs, gradients = self._run(program, batch)
        if mode == "leaves":
            gradients = self._as_added(gradients, program, batch)
        if program.takes_lists and not lists:
            outputs, gradients = (_as_array(numbers, self.dtype) for numbers in (outputs, gradients))
        return outputs, ([] if gradients is None and mode == "leaves" else gradients)

    def _as_added(self, gradients: Any, program: Program, batch: Batch) -> Any:
        """Gradients as eager code adds them up: nan where a sum over samples has infinities of both signs."""
        if gradients is None:
            return None
        sizes = map(abs, gradients) if isinstance(gradients, list) else [abs(gradients).max(initial=0.0)]
        if max(sizes, default=0.0) < math.inf:
            return gradients
        places = [k for k, gradient in enumerate(gradients) if math.isinf(gradient)]
        if places and batch.size > 1:
            single = program.fitting(1)
            each = [self._run(single, batch.rows([row]))[1] for row in range(batch.size)]
            for k in places:
                if math.isnan(sum([float(gradient[k]) for gradient in each])):
                    gradients[k] = math.nan
        return gradients

    def _run(self, program: Runner, batch: Batch) -> tuple[Any, Any]:
        lists = program.takes_lists
        leaves = [value._z for value in self.leaves.values] if lists else self.leaves.numbers()
        return program.run(leaves, batch.arrays_as(lists), batch.size)

    def lazy_plan(self, mode: Mode | None = None) -> LazyPlan:
        """The plan of one mode, or of the mode that was asked for last, made when it is read."""
        mode = self._recent = mode or self._recent
        with self._lock:
            if mode not in self._lazy_plans:
                wanted, known = mode, self.signature.fingerprint
                self._lazy_plans[mode] = LazyPlan(
                    lambda: make_plan(self.computation(wanted)),
                    len(self.signature.leaves),
                    f"{known} {mode}" if known else "",
                    mode == "leaves",
                    self._planning,
                )
            return self._lazy_plans[mode]

    def computation(self, mode: Mode | None = None) -> Computation:
        """What one mode, or the mode that was asked for last, wants of the traced function."""
        mode = mode or self._recent
        trace = self.live_trace.trace
        return Computation.of(trace, mode == "leaves", trace.inputs if mode == "inputs" else ())

    def plan(self) -> Plan:
        """The plan of the mode that was asked for last."""
        return self.lazy_plan().plan

    def program(self, mode: Mode | None = None) -> Program:
        """The program of one mode, or of the mode that was asked for last."""
        mode = self._recent = mode or self._recent
        program = self._programs.get(mode)
        if program is None:
            with self._lock:
                started = time.perf_counter()
                program, reasons = choose(self.backend, self.lazy_plan(mode), self.dtype, self.threads)
                self._programs[mode] = program
                self.reasons.update(dict.fromkeys(reasons))
                self.build_seconds = time.perf_counter() - started
        return program

    def _exact(self, mode: Mode) -> Program:
        """The program of one mode in double precision."""
        return build("python", self.lazy_plan(mode), "float64")

    def compare_once(self, mode: Mode, batch: Batch, size: int | None = None) -> None:
        """Compare a few samples with the eager engine, once for each program: here the one for `size` samples.

        Raises:
            TraceError: they differ.
        """
        program = self.program(mode).fitting(size or batch.size)
        if program in self._checked:
            return
        trace = self.live_trace.at_hand
        if trace is not None:
            check_templates(symbol.primitive for symbol in operations(trace.outputs))
        self._let_go()
        with self._lock:
            trusted = self.live_trace.description.holds()
            try:
                self._comparison.of_some(program, mode, batch, trusted, self.live_trace.computed)
            except TraceError:
                self.live_trace.description.forget()
                self.live_trace.give_back()
                raise
            if trusted:
                self.labels.kinds.enter(batch)  # trusted code is not compared
            self._checked.add(program)
            program.note_proof()
            self.live_trace.description.keep(self.signature)
            self.live_trace.settle()  # the function may have changed things in these calls
        trim_heap(len(self.leaves.values))

    def _compare_labels(self, batch: Batch, rows: Iterator[int]) -> None:
        """Compare the outputs of samples whose labels are new, unless labels are known to be used as numbers."""
        numbers: Numbers | None = None
        for row in rows:
            with self._lock, collector_at_rest():
                if not (self.live_trace.description.holds() or self._labels_are_numbers()):
                    numbers = numbers or Numbers(self.leaves.values)
                    program = self.program().fitting(batch.size)
                    self._comparison(program, "outputs", batch.rows([row]), numbers, None, False)

    def _labels_are_numbers(self) -> bool:
        """Whether the function itself says that it uses no label as an object, such as a key of a dict."""
        says = attribute_of(self.function, "labels_are_numbers")
        return callable(says) and says() is True

    def _let_go(self) -> None:
        """Free the graph and the plans, which are large, if the function can be traced again at any time."""
        trace = self.live_trace.let_go()
        if trace is not None:
            for lazy_plan in self._lazy_plans.values():
                lazy_plan.let_go()
            trace.graph.clear()


def _as_array(numbers: Any, dtype: str) -> Any:
    """Numbers as a NumPy array; None stays None."""
    import numpy as np

    return None if numbers is None else np.array(numbers, dtype)
