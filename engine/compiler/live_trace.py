"""The trace of a function for samples of one shape, and whether it is still what the function does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..process.collector import collector_at_rest
from ..text.callers import raised_at
from .described.self_description import SelfDescription
from .described.signatures import Signature
from .errors import TraceError, refusal
from .frontend.given.types import TypeGuard, rows_of_types, several_types, types_of
from .frontend.naming import described
from .frontend.reads.found import Found
from .frontend.reads.surroundings import Surroundings
from .frontend.trace import Trace, is_same
from .pipeline import trace
from .samples.batch import Batch

MOST_TYPES = 8
"""How many combinations of types, at most, a function that asks for types is traced for."""

_FIX = (
    "It does so only while it is traced: its inputs have no numbers then, which functions such as numpy.isnan and "
    "json.dumps need. Use the engine's functions (x != x is true for nan), or compute it outside the function and pass "
    "it as an argument."
)
REMEMBERED = 0.01
"""Seconds that a trace is assumed to take, at least, as long as a remembered one was only looked up."""


class LiveTrace:
    """A trace, or its signature from an earlier process, for as long as the function does the same.

    Args:
        function: a function of one sample.
        batch: samples of that shape. If the function asks for the types of their numbers, the trace holds for samples
            of the same types only.
        is_native: whether native code is made of it: then its signature may be known from an earlier process.

    Attributes:
        signature: what programs need of the trace.
        type_guard: the types that the function asks for.
        description: what the function says of itself, as few do.
        seconds: how long it took to trace it, and to trace it again.
        computed: CPU seconds of the first trace.
    """

    def __init__(self, function: Callable[..., Any], batch: Batch, is_native: bool) -> None:
        self.function, self.shapes = function, batch.shapes
        started, computed = time.perf_counter(), time.thread_time()
        with collector_at_rest():
            self._trace: Trace | None = None
            self.type_guard = TypeGuard()
            self._types = [types_of(batch)]  # all combinations of types that are known to give the same trace
            self._surroundings: Surroundings | None = None  # what the function reads; not looked for yet
            self._before: Found | None = None  # what that was before the trace, until its program is known to be right
            self.description = SelfDescription(function, self.shapes, is_native)
            remembered = self.description.remembered
            self._confirmed = remembered is None  # by a trace, in this process
            self.signature = remembered or self._traced(batch)
        self.seconds = {"trace": time.perf_counter() - started}
        self.computed = time.thread_time() - computed

    def _traced(self, batch: Batch) -> Signature:
        """The signature of the function, from a trace."""
        self._surroundings = Surroundings(self.function)
        self._before = self._surroundings.found
        try:
            self._trace = trace(
                self.function, self.shapes, self._surroundings, self.description.holds(), self._types[0]
            )
        except (TypeError, ValueError, AttributeError) as error:  # as from code written in C
            if isinstance(error, TraceError) or self._fails_for(batch, self._surroundings):
                raise
            raise refusal(f"{described(self.function)} raises {error!r}", _FIX, source=raised_at(error)) from error
        asked = self._trace.asked.union(self.type_guard.note(batch) if self._trace.computes else ())
        if asked:
            try:
                self._trace_for_all_types(batch, self._trace, asked)
            except TraceError:
                self.give_back()
                raise
        return Signature.of(self._trace, self.description.values)

    def _fails_for(self, batch: Batch, surroundings: Surroundings) -> bool:
        """Whether the function raises an error for the first sample itself, too."""
        try:
            self.function(*batch.first_as_given(entirely=True))
        except Exception:  # whatever it is, it is about the function or the samples
            return True
        finally:
            surroundings.found.give_back()
        return False

    def _trace_for_all_types(self, batch: Batch, first: Trace, asked: frozenset[int]) -> None:
        """Check that the function does the same for all types of numbers in the batch.

        Raises:
            TraceError: it does not.
        """
        rows = {0}
        while new := {*rows_of_types(batch, asked).values()} - rows:
            rows |= new
            if len(rows) > MOST_TYPES:
                raise several_types(described(self.function), rows_of_types(batch, asked))
            for row in new:
                self._types.append(types_of(batch, row))
                other = trace(self.function, self.shapes, self._surroundings, types=self._types[-1])
                if not is_same(first, other):
                    raise several_types(described(self.function), rows_of_types(batch, asked))
                asked |= other.asked
        self.type_guard = TypeGuard(asked, rows_of_types(batch, asked), self.type_guard.narrow)

    def give_back(self) -> None:
        """Undo what the function has changed since before the trace: it is refused, and may have kept a symbol."""
        if self._before is not None:
            self._before.give_back()

    @property
    def trace(self) -> Trace:
        """The trace; made now if the signature was remembered, or the trace was let go.

        Raises:
            TraceError: the function no longer does what is remembered.
        """
        if self._trace is None:
            with collector_at_rest():
                found = trace(self.function, self.shapes, trusted=self.description.holds(), types=self._types[0])
                if not self._is_still(Signature.of(found)):
                    raise TraceError(f"{described(self.function)} does something else by now: compile it again")
            self._trace = found
        return self._trace

    @property
    def at_hand(self) -> Trace | None:
        """The trace, if it has been made and not let go."""
        return self._trace

    @property
    def learns(self) -> bool:
        """Whether derivatives reach a bound Value; known for a remembered function."""
        return self._trace is None or self._trace.learns

    def let_go(self) -> Trace | None:
        """Give away the trace, whose graph is large, if the function can be traced again at any time."""
        if not self.description.is_given:
            return None
        found, self._trace = self._trace, None
        return found

    # ---- whether the function is still the same ----

    @property
    def late(self) -> str:
        """What has changed, if calls may have used what was there before; see `Surroundings`."""
        return "" if self._surroundings is None else self._surroundings.late

    def changed_number(self) -> str:
        """The first plain number read by the trace that has changed: its name, and both numbers; "" if none has."""
        return "" if self._surroundings is None else self._surroundings.found.changed_number()

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
        return not self.description.is_unchanged()

    def settle(self) -> Surroundings | None:
        """Take what the function reads as it is now, since the function may have changed it; return what it reads.

        A trusted function changes nothing. None if what it reads is not watched yet, since its description is compared.
        """
        around, self._before = self._surroundings, None
        if around is not None and (around.change_announced or not self.description.holds()):
            around.settle()
        return around

    def look_again(self) -> None:
        """Compare everything that the function reads at the next call."""
        if self._surroundings is not None:
            self._surroundings.look_again()

    def is_current(self) -> bool:
        """Whether the function is still the one that was traced: the same operations on the same leaves.

        Raises:
            TraceError: the function now does something that cannot be compiled.
        """
        if self._confirmed and self.description.is_unchanged():
            return True
        started = time.perf_counter()
        with collector_at_rest():
            trusted = self.description.holds()
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

    def is_same(self, other: LiveTrace) -> bool:
        """Whether another trace of this function does the same with the same Values."""
        if self._trace is None or other._trace is None:
            return self.signature.is_of(other.signature)
        return self.type_guard.positions == other.type_guard.positions and is_same(self._trace, other._trace)

    def renew(self, other: LiveTrace) -> None:
        """Take over, from a trace that is the same, what the function reads now, and the types of numbers."""
        if self._surroundings is not None:
            self._surroundings.renew()
        self.type_guard.renew(other.type_guard)
        self._types = [*dict.fromkeys((*self._types, *other._types))]

    def _is_still(self, signature: Signature) -> bool:
        """Whether the signature is still the same; a remembered one that is not is forgotten."""
        same = self.signature.is_of(signature)
        if not same:
            self.description.forget()
        return same
