"""A function with its traces, one for each shape of the arguments, as long as it does the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...modes import open_modes, tracer
from ...process.forking import new_lock
from ...value import Value
from ..backends.choice import takes_lists
from ..errors import refusal
from ..frontend.given.types import TypeGuard
from ..frontend.naming import described, name_of
from ..frontend.reads.surroundings import Surroundings
from ..samples.arguments import as_batch
from ..samples.batch import Batch, Shape
from ..samples.outputs import in_shape
from ..specialisation import Specialisation
from .changing import ChangingNumbers, warn_of_late


class Traces:
    """The traces of a function, which is traced when arguments have new shapes, and when it has changed.

    What traces it raises a TraceError if it does something that cannot be compiled.

    Args:
        function: a function of one sample.
        dtype: "float64" or "float32".
        backend: the back end that was asked for.
        threads: how many may share a call.

    Attributes:
        known: what was compiled, by the shapes of the arguments.
        latest: that of the last call; None before the first.
        changing: counts the programs that were made for changed numbers.
    """

    def __init__(self, function: Callable[..., Any], dtype: str, backend: str, threads: int) -> None:
        self.function, self.dtype, self.backend, self.threads = function, dtype, backend, threads
        self._lock = new_lock()
        self.known: dict[tuple[Shape, ...], Specialisation] = {}
        self.latest: Specialisation | None = None
        self.changing = ChangingNumbers()

    def batch(self, *arguments: Any) -> Batch:
        """The arguments as a batch, which shares their memory where it can.

        Raises:
            TypeError, ValueError: an argument is not a batch of numbers.
        """
        return as_batch(arguments, None if takes_lists(self.backend) else self.dtype)

    def takes(self, batch: Batch) -> bool:
        """Whether programs take a batch as it is, which may be that of a function of another dtype or back end."""
        lists = takes_lists(self.backend)
        return all(array.dtype == self.dtype if hasattr(array, "dtype") else lists for array in batch.arrays)

    def traced_again(self, batch: Batch) -> Specialisation:
        """The program for samples of these shapes, after tracing the function again.

        It is the same object as before, if the function does the same with the same Values.
        """
        with self._lock:
            known = self.known.get(batch.shapes)
            special = Specialisation(self.function, batch, self.dtype, self.backend, self.threads)
            if known is not None and known.live_trace.is_same(special.live_trace):
                known.live_trace.renew(special.live_trace)
                return known
            self.known[batch.shapes] = special
            if known is not None:  # only now: warnings may be errors
                self._tell_of_change(known)
            return special

    def count_change(self, batch: Batch, late: str) -> None:
        """Count the change of a number that the function reads, if there is one; after many, warn.

        Warn as well if calls may have used what was there before: `late` says what, if the caller saw it too late.
        """
        known = self.known.get(batch.shapes)
        if known is not None:
            self._tell_of_change(known, late)

    def _tell_of_change(self, known: Specialisation, late: str = "") -> None:
        name, trace = described(self.function), known.live_trace
        warn_of_late(name, late or trace.late)
        self.changing.count(name, trace.changed_number())

    def bound(self, batch: Batch) -> list[Value]:
        """The bound leaves for samples of these shapes."""
        return list(self.specialised(batch).signature.leaves)

    def learns(self, batch: Batch) -> bool:
        """Whether derivatives of the results reached a bound leaf in the last trace, for samples of these shapes."""
        return (self.known.get(batch.shapes) or self.specialised(batch)).live_trace.learns

    def is_current(self, batch: Batch) -> bool:
        """Whether the function, traced again, is the one that was compiled for samples of these shapes."""
        return (self.known.get(batch.shapes) or self.specialised(batch)).live_trace.is_current()

    @property
    def is_described(self) -> bool:
        """Whether the function, at the last call, described all that determines it."""
        return self.latest is not None and self.latest.live_trace.description.is_given

    def is_as_described(self) -> bool:
        """Whether that description is unchanged; False if there is none."""
        return self.latest is not None and self.latest.live_trace.description.is_unchanged()

    def type_guard(self, batch: Batch) -> TypeGuard:
        """Which types of numbers the function is known to ask for, in samples of these shapes."""
        special = self.known.get(batch.shapes)
        return TypeGuard() if special is None else special.live_trace.type_guard

    def trace(self, batch: Batch) -> None:
        """Trace the function for samples of these shapes, unless that has been done."""
        self.specialised(batch).live_trace.trace  # noqa: B018  # a cached property

    def look_again(self) -> None:
        """Compare everything that the function reads at the next call, near and far."""
        for special in self.known.values():
            special.live_trace.look_again()

    def settled(self, batch: Batch) -> Surroundings | None:
        """What the function reads; its present state counts from now on as that of the trace for these shapes.

        None for a function that describes itself, as long as its description has been enough.
        """
        return self.known[batch.shapes].live_trace.settle()

    @property
    def tracing_seconds(self) -> float:
        """How long a trace of the function takes.

        Raises:
            RuntimeError: it has not been called yet.
        """
        return self.last().live_trace.tracing_seconds

    def again_on(self, batch: Batch, means: bool = False) -> Callable[..., Any] | None:
        """A faster way to repeat the last call, with the numbers that parameters have by then; None if there is none.

        It is for callers who learn by themselves of changes to what the function reads from far away. It returns None
        if something near has changed, which it does not check when called with `current=True`, right after that call.
        Each result overwrites the one before.

        Args:
            batch: the arguments of that call, which stay as they are.
            means: whether the means of the results over the samples are wanted instead, one after the other in a list.
        """
        known, shapes = self.known, batch.shapes
        special = known[shapes]
        run = special.program("outputs").fitting(batch.size).bound_to(batch.arrays, batch.size, means)
        if run is None:
            return None
        leaves, shape = special.leaves, () if means else special.signature.shape

        def again(current: bool = False) -> Any:
            if not current and (known.get(shapes) is not special or special.live_trace.differs()):
                return None
            found = run(leaves.numbers())
            return found if means else in_shape(found, shape)

        return again

    def specialised(self, batch: Batch) -> Specialisation:
        """The function for samples of these shapes, traced again if it has changed; this becomes the latest."""
        if open_modes and tracer.get() is not None:
            raise refusal(f"{self!r} was called while another function is traced", "Call f.function, the plain one.")
        special = self.known.get(batch.shapes)
        if special is None or special.live_trace.stale() or not special.live_trace.type_guard.covers(batch):
            special = self.traced_again(batch)
        self.latest = special
        return special

    def last(self) -> Specialisation:
        """The program of the last call."""
        if self.latest is None:
            raise RuntimeError("the function has not been traced yet: call it once")
        return self.latest

    def __repr__(self) -> str:
        return f"<compiled {name_of(self.function)} ({self.dtype}, {self.backend})>"
