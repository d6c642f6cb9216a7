"""A single sample through a program and through the eager engine: whether both agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Literal

from ...modes import always_recorded, no_grad, observed_by
from ...process.collector import collector_at_rest
from ..backends.protocol import Runner, Variant
from ..errors import TraceError
from ..samples.batch import Batch, flat
from ..values.lending import Leaves
from .heap import trim_heap
from .selfcheck import Eager, Results, agree
from .trials import LEAST, SHARE, Change, Numbers, trials

TOLERANCE = {"float64": 1e-8, "float32": 1e-3}
"""How much a program's numbers may differ, as a share of the largest."""

Mode = Literal["outputs", "leaves", "inputs"]
"""What a program computes besides the results: nothing, the gradient of the leaves, or that of the inputs."""


class Comparison:
    """Compares the programs of a function with the eager engine; a TraceError says where they differ.

    Args:
        function: a function of one sample.
        leaves: the Values that it reads.
        outputs: how many results it has.
        dtype: the dtype of the programs.
        exact: gives the program of one mode in double precision.
        entirely: whether the function gets samples as they were given, with the types of their numbers.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        leaves: Leaves,
        outputs: int,
        dtype: str,
        exact: Callable[[Mode], Runner],
        entirely: bool,
    ) -> None:
        self._function, self._leaves, self._outputs = function, leaves, outputs
        self._dtype, self._exact, self._entirely = dtype, exact, entirely

    def __call__(
        self, program: Runner, mode: Mode, sample: Batch, numbers: Numbers, change: Change | None, trusted: bool
    ) -> None:
        """Compare a sample; with a change of the leaves' numbers, pass over errors and infinities.

        A trusted function takes no derivatives itself, so its results are first compared without recording a graph,
        which takes time and memory. Only if they differ is it recorded, to tell by how much they may.
        """
        if trusted and mode == "outputs":
            with suppress(TraceError), no_grad():
                self._compare(program, mode, sample, numbers, change, trusted)
                return
        with always_recorded():
            self._compare(program, mode, sample, numbers, change, trusted)

    def of_some(self, program: Variant, mode: Mode, batch: Batch, trusted: bool, traced: float) -> None:
        """Compare samples until their share of the time is used up, or a single one if the code was proved before.

        Args:
            program: the program of this mode.
            mode: what it computes.
            batch: the samples.
            trusted: as above.
            traced: how many seconds the trace of the function took.
        """
        started, end, numbers = time.thread_time(), None, Numbers(self._leaves.values)
        proved = trusted and program.proved
        what: Mode = "outputs" if proved and mode == "leaves" else mode
        for row, change in trials(batch):
            if end is not None and time.thread_time() > end:
                break
            self(program, what, batch.rows([row]), numbers, change, trusted)
            if proved:
                break
            if end is None:
                now, share = time.thread_time(), max(LEAST, SHARE * traced)
                end = now + share
                if now - started > share and what == "leaves":
                    what = "outputs"  # enough where parameters are changed: so many gradients take too long

    def _compare(
        self, program: Runner, mode: Mode, sample: Batch, numbers: Numbers, change: Change | None, trusted: bool
    ) -> None:
        """The same, in the mode that is active."""
        with observed_by(None), collector_at_rest(), numbers.shown(change):
            try:
                eager = self._eager(mode, sample, mode == "leaves" and not program.takes_lists, trusted)
            except Exception:
                if change is None:
                    raise
                return
            if change is not None and not eager.is_finite:
                return
            when = "" if change is None else " with other numbers in its parameters"
            try:
                agree(eager, self._results(program, mode, numbers, change, sample), TOLERANCE[self._dtype], when)
            except TraceError:
                if self._dtype == "float64":
                    raise
                # It may be only that float32 has few digits and a small range: the same plan in double precision tells.
                found = self._results(self._exact(mode), mode, numbers, change, sample)
                agree(eager, found, TOLERANCE["float64"], when)

    def _results(self, program: Runner, mode: Mode, numbers: Numbers, change: Change | None, sample: Batch) -> Results:
        """The results of a single sample, and their gradient with respect to the leaves if that is compared."""
        lists = program.takes_lists
        outputs, gradient = program.run(numbers.of(change, lists), sample.arrays_as(lists), 1)
        results, own = [*map(float, outputs[0])], self._outputs
        by: dict[Mode, Any] = {"outputs": [], "leaves": [] if gradient is None else gradient, "inputs": results[own:]}
        return {"result": results[:own], "gradient": by[mode]}

    def _eager(self, mode: Mode, sample: Batch, arrays: bool, trusted: bool) -> Eager:
        """The eager engine's numbers: for plain numbers, as in eager training, or for Values if necessary.

        The graph of a trusted function is not kept: it takes as much memory as a network, and is made again if needed.
        """
        values = sample.first_as_values(self._entirely)
        by = {"outputs": [], "leaves": self._leaves.values, "inputs": flat(values)}[mode]

        def of_values() -> Eager:
            return Eager(self._function(*values), by, arrays)

        if mode != "inputs":
            with suppress(Exception):
                again = partial(self._function, *sample.first_as_given(self._entirely))
                if not trusted:
                    return Eager(again(), by, arrays, of_values)
                eager = Eager(again(), by, arrays, of_values, again)
                trim_heap(len(self._leaves.values))
                return eager
        return of_values()
