"""A compiled function for samples of one shape: its trace, its plans and its programs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..collector import collector_at_rest
from .backends.choice import build, choose, is_native
from .backends.protocol import Program, Runner, Variant
from .backends.self_description import SelfDescription
from .backends.signatures import Signature
from .comparison.heap import trim_heap
from .comparison.single import Comparison, Mode
from .comparison.templates import check_templates
from .comparison.trials import LEAST, SHARE, Numbers, trials
from .errors import TraceError
from .forking import new_lock
from .frontend.given.types import TypeGuard, rows_of_types, several_types, types_of
from .frontend.graph import operations
from .frontend.reads.objects import attribute_of
from .frontend.reads.surroundings import Surroundings
from .frontend.trace import Trace, is_same
from .frontend.trace import described as described_as
from .labels import LabelChecks
from .passes.computation import Computation
from .pipeline import make_plan, trace
from .plan.lazy import LazyPlan
from .plan.plan import Plan
from .requirements import Requirements
from .samples.batch import Batch
from .values.lending import Leaves

MOST_TYPES = 8
"""How many combinations of types, at most, a function that asks for types is traced for."""

REMEMBERED = 0.01
"""Seconds that a trace is assumed to take if it was remembered, and found in less."""


class Specialisation:
    """A compiled function for samples of one shape: its trace, and its programs as they are asked for.

    Args:
        function: a function of one sample.
        batch: samples of that shape. If the function asks for the types of their numbers, it holds for samples of the
            same types only.
        dtype, backend, threads: as for `engine.compile`.
    """

    def __init__(self, function: Callable[..., Any], batch: Batch, dtype: str, backend: str, threads: int) -> None:
        self.function, self.shapes = function, batch.shapes
        self.dtype, self.backend, self.threads = dtype, backend, threads
        started, computed = time.perf_counter(), time.thread_time()
        with collector_at_rest():
            self._trace: Trace | None = None
            self.type_guard = TypeGuard()
            self._types = [types_of(batch)]  # all types that are known to give the same trace
            self.signature = self._found(batch)
        self.seconds = {"trace": time.perf_counter() - started}
        self._computed = time.thread_time() - computed  # not counting what else the machine did meanwhile
        self.reasons: dict[str, None] = {}  # why the best back end was not taken
        self._programs: dict[Mode, Program] = {}
        self._recent: Mode = "outputs"
        self._lazy_plans: dict[Mode, LazyPlan] = {}
        self._checked: set[Variant] = set()
        self.requirements = Requirements(self.signature.requirements, self.shapes)
        self.labels = LabelChecks(self.requirements, len(self.shapes), self._compare_labels)
        self.leaves = Leaves(self.signature.leaves)
        self._comparison = Comparison(
            function, self.leaves, self.signature.outputs, dtype, self._exact, bool(self.type_guard)
        )
        self._lock, self._planning = new_lock(), new_lock()

    def _found(self, batch: Batch) -> Signature:
        """The signature of the function: from a trace, or remembered from an earlier process."""
        self._surroundings: Surroundings | None = None  # what the function reads; not looked for yet
        self._description = SelfDescription(self.function, self.shapes, is_native(self.backend))
        self._confirmed = self._description.remembered is None  # by a trace, in this process
        if self._description.remembered is not None:
            return self._description.remembered
        self._surroundings = Surroundings(self.function)
        self._trace = trace(self.function, self.shapes, self._surroundings, self._description.holds(), self._types[0])
        asked = self._trace.asked.union(self.type_guard.note(batch) if self._trace.computes else ())
        if asked:
            self._trace_for_all_types(batch, self._trace, asked)
        return Signature.of(self._trace, self._description.values)

    def _trace_for_all_types(self, batch: Batch, first: Trace, asked: frozenset[int]) -> None:
        """Check that the function does the same for all types of numbers that are given.

        Raises:
            TraceError: it does not.
        """
        rows = {0}
        while new := {*rows_of_types(batch, asked).values()} - rows:
            rows |= new
            if len(rows) > MOST_TYPES:
                raise several_types(described_as(self.function), rows_of_types(batch, asked))
            for row in new:
                self._types.append(types_of(batch, row))
                other = trace(self.function, self.shapes, self._surroundings, types=self._types[-1])
                if not is_same(first, other):
                    raise several_types(described_as(self.function), rows_of_types(batch, asked))
                asked |= other.asked
        self.type_guard = TypeGuard(asked, rows_of_types(batch, asked), self.type_guard.narrow)

    @property
    def trace(self) -> Trace:
        """The trace; made now if the signature was remembered.

        Raises:
            TraceError: the function no longer does what is remembered.
        """
        if self._trace is None:
            with collector_at_rest():
                found = trace(self.function, self.shapes, trusted=self._description.holds(), types=self._types[0])
                if not self._is_still(Signature.of(found)):
                    raise TraceError(f"{described_as(self.function)} does something else by now: compile it anew")
            self._trace = found
        return self._trace

    @property
    def learns(self) -> bool:
        """Whether derivatives reach a bound Value; known for a remembered function."""
        return self._trace is None or self._trace.learns

    def _is_still(self, signature: Signature) -> bool:
        """Whether the signature is still the same; a remembered one that is not is forgotten."""
        same = self.signature.is_of(signature)
        if not same:
            self._description.forget()
        return same

    def run(self, mode: Mode, batch: Batch) -> tuple[Any, Any]:
        """The outputs and the gradient by the leaves."""
        self.requirements.check(batch)
        lists = isinstance(batch.arrays[0] if batch.arrays else [], list)
        if not batch.size:
            return ([] if lists else as_array([], self.dtype).reshape(0, self.signature.outputs)), None
        self.compare_once(mode, batch)
        self.labels.compare_new(batch)
        program = self.program(mode)
        outputs, gradients = self._run(program, batch)
        if mode == "leaves":
            gradients = self._as_added(gradients, program, batch)
        if program.takes_lists and not lists:
            outputs, gradients = (as_array(numbers, self.dtype) for numbers in (outputs, gradients))
        return outputs, ([] if gradients is None and mode == "leaves" else gradients)

    def _as_added(self, gradients: Any, program: Program, batch: Batch) -> Any:
        """Gradients that are infinite as sums over samples, as eager code has it: an infinity less itself is nan."""
        if gradients is None:
            return gradients
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

    def stale(self) -> bool:
        """Whether something that the function reads from outside has changed, so that it must be traced again.

        What is near, such as its closure and globals, is compared every time, in some hundred nanoseconds; everything
        else for 2 % of the time, or once a change has been announced.
        """
        return self._first_look() if self._surroundings is None else self._surroundings.changed()

    def differs(self) -> bool:
        """Whether something near has changed; nothing else is compared."""
        return self._first_look() if self._surroundings is None else self._surroundings.differs()

    def _first_look(self) -> bool:
        """Whether a remembered function, which describes itself, has changed; from now on everything is watched."""
        self._surroundings = Surroundings(self.function)
        return not self.is_as_described()

    def settle(self) -> Surroundings | None:
        """Take what the function reads now as unchanged, since it may have changed it itself; return what it reads.

        A trusted function changes nothing: None if what it reads is not watched yet, since its description is compared.
        """
        around = self._surroundings
        if around is not None and (around.are_announced_to_be_others or not self._description.holds()):
            around.settle()
        return around

    def look_again(self) -> None:
        """Compare everything that the function reads at the next call."""
        if self._surroundings is not None:
            self._surroundings.look_again()

    def _run(self, program: Runner, batch: Batch) -> tuple[Any, Any]:
        lists = program.takes_lists
        leaves = [value._data for value in self.leaves.values] if lists else self.leaves.numbers()
        return program.run(leaves, batch.arrays_as(lists), batch.size)

    def is_current(self) -> bool:
        """Whether the function is still the one that was traced: the same operations on the same leaves.

        Raises:
            TraceError: the function now does something that cannot be compiled.
        """
        if self._confirmed and self.is_as_described():
            return True
        started = time.perf_counter()
        with collector_at_rest():
            trusted = self._description.holds()
            same = all(
                self._is_still(Signature.of(again)) if self._trace is None else is_same(self._trace, again)
                for again in (trace(self.function, self.shapes, trusted=trusted, types=types) for types in self._types)
            )
        self.seconds["trace again"] = time.perf_counter() - started
        self._confirmed = same
        return same

    @property
    def tracing_seconds(self) -> float:
        """How long a trace of the function takes: as long as the last one in this process, if there was one."""
        took = self.seconds.get("trace again", self.seconds["trace"])
        return took if self._confirmed else max(took, REMEMBERED)

    @property
    def is_described(self) -> bool:
        """Whether the function describes all that determines it."""
        return self._description.is_given

    def is_as_described(self) -> bool:
        """Whether the function's description of all that determines it is unchanged."""
        return self._description.is_unchanged()

    def is_same(self, other: Specialisation) -> bool:
        """Whether another specialisation of this function does the same with the same Values."""
        if self._trace is None or other._trace is None:
            return self.signature.is_of(other.signature)
        return self.type_guard.positions == other.type_guard.positions and is_same(self._trace, other._trace)

    def renew(self, other: Specialisation) -> None:
        """Take over, from a specialisation that is the same, what the function reads now, and the types of numbers."""
        if self._surroundings is not None:
            self._surroundings.renew()
        self.type_guard.renew(other.type_guard)
        self._types = [*dict.fromkeys((*self._types, *other._types))]

    def lazy_plan(self, mode: Mode | None = None) -> LazyPlan:
        """The stages of the plan of one mode, or of the mode that was asked for last."""
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
        return Computation.of(self.trace, mode == "leaves", self.trace.inputs if mode == "inputs" else ())

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
                self.seconds["build"] = time.perf_counter() - started
        return program

    def _exact(self, mode: Mode) -> Program:
        """The program of one mode in double precision."""
        return build("python", self.lazy_plan(mode), "float64")

    def compare_once(self, mode: Mode, batch: Batch, size: int | None = None) -> None:
        """Compare a few samples with the eager engine, once for each program, such as the one for `size` samples.

        Raises:
            TraceError: they differ.
        """
        program = self.program(mode).fitting(size or batch.size)
        if program in self._checked:
            return
        if self._trace is not None:
            check_templates(symbol.primitive for symbol in operations(self._trace.outputs))
        self._let_go()
        with self._lock:
            trusted = self._description.holds()
            self._compare_some(program, mode, batch, trusted)
            if trusted:
                self.labels.kinds.enter(batch)  # trusted code is not compared
            self._checked.add(program)
            program.note_proof()
            self._description.keep(self.signature)
            self.settle()  # the function may have changed things in these calls
        trim_heap(len(self.leaves.values))

    def _compare_some(self, program: Variant, mode: Mode, batch: Batch, trusted: bool) -> None:
        """Compare samples until that has taken its share of the time; a single one if the code was proved before.

        Raises:
            TraceError: they differ.
        """
        started, end, numbers = time.thread_time(), None, Numbers(self.leaves.values)
        proved = trusted and program.proved
        what: Mode = "outputs" if proved and mode == "leaves" else mode
        for row, change in trials(batch):
            if end is not None and time.thread_time() > end:
                break
            try:
                self._comparison(program, what, batch.rows([row]), numbers, change, trusted)
            except TraceError:
                self._description.forget()
                raise
            if proved:
                break
            if end is None:
                now, share = time.thread_time(), max(LEAST, SHARE * self._computed)
                end = now + share
                if now - started > share and what == "leaves":
                    what = "outputs"  # enough with other parameters: this many gradients take too long

    def _compare_labels(self, batch: Batch, rows: Iterator[int]) -> None:
        """Compare the values of samples whose labels are new, unless labels are known to be used as numbers."""
        numbers: Numbers | None = None
        for row in rows:
            with self._lock, collector_at_rest():
                if not (self._description.holds() or self._labels_are_numbers()):
                    numbers = numbers or Numbers(self.leaves.values)
                    program = self.program().fitting(batch.size)
                    self._comparison(program, "outputs", batch.rows([row]), numbers, None, False)

    def _labels_are_numbers(self) -> bool:
        """Whether the function, which knows where labels go, says that none is used as an object, such as a key."""
        says = attribute_of(self.function, "labels_are_numbers")
        return callable(says) and says() is True

    def _let_go(self) -> None:
        """Free graph and plans, which are large, of a function that can be traced again at any time."""
        if self.is_described and self._trace is not None:
            trace, self._trace = self._trace, None
            for lazy_plan in self._lazy_plans.values():
                lazy_plan.let_go()
            trace.graph.clear()


def as_array(numbers: Any, dtype: str) -> Any:
    """Numbers as a NumPy array; None stays None."""
    import numpy as np

    return None if numbers is None else np.array(numbers, dtype)
