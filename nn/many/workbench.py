"""Nets one after another; those that have one structure are trained by one program.

A net whose structure cannot be determined, or whose training fails, goes through `fit`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine import Value

from ..arguments import show
from ..layers.module import Module
from ..optimisers.base import Optimizer
from ..purity import is_pure
from ..threads import alone
from ..training.loop import fit
from ..training.steps import LossFunction, Model
from .job import Job
from .program import CALL, Copy, Net, SharedProgram, result
from .structure import Structure, UnknownStructureError

Make: TypeAlias = Callable[..., Net]
"""From the entries of a configuration to a model, a loss and an optimiser."""

KEPT = 16
"""How many structures keep their programs at hand."""


class _Made(NamedTuple):
    """A net as `make` returned it; later changes have no effect on it.

    Attributes:
        job: its configuration.
        seconds: how long making it took.
        error: why there is no net.
        program: the program of its structure; None if it has none.
        numbers: the numbers of its Values, in the order of the structure.
        settings: the settings of its optimiser.
        room: how many nets like it a call may train together; 0 if it must be trained alone.
    """

    job: Job
    seconds: float
    error: Exception | None = None
    program: SharedProgram | None = None
    numbers: Sequence[float] = ()
    settings: Mapping[str, Any] = {}
    room: int = 0

    def goes_with(self, other: _Made) -> bool:
        """Whether one call may train both."""
        return self.room > 0 and self.program is other.program and self.job[2:] == other.job[2:]


@dataclass
class _Known:
    """A structure of nets.

    Attributes:
        structure: the structure itself.
        first: a copy of the first net, if it can be copied and trained by a program.
        program: the program of all of them, if there is one, once this call has had a net.
        read: reads the numbers of another net, or returns None for one that it cannot tell to have this structure.
    """

    structure: Structure
    first: Copy | None = None
    program: SharedProgram | None = None
    read: Callable[[Model, LossFunction, Optimizer], Sequence[float] | None] | None = None


_left: list[tuple[Any, dict[Any, _Known]]] = []
"""What one call leaves for the next: its options, and the structures of its nets."""


class Workbench:
    """Trains nets on the same data.

    Args:
        make: makes a net.
        X: the samples.
        y: as many labels.
        options: the options of `fit` that `fit_many` takes.
    """

    def __init__(self, make: Make, X: Any, y: Any, options: Mapping[str, Any]) -> None:
        self._make, self._X, self._y, self._options = make, X, y, options
        schedule = options["schedule"]
        # A schedule may read the net that make gave, and not the copy which is trained.
        self._shares = options["backend"] != "eager" and (schedule is None or is_pure(schedule))
        # With a schedule or weights the loss is made for this call only.
        lasts = self._shares and schedule is None and options["sample_weight"] is None
        names = ("backend", "dtype", "threads", "clip_norm", "clip_value")
        self._how = tuple([options[name] for name in names]) if lasts else None
        self._known: dict[Any, _Known] = {}  # by structure, the most recently used last
        with suppress(IndexError):
            how, known = _left.pop()
            if how == self._how:
                self._known = known

    def close(self) -> None:
        """Leave what the next call can use."""
        lasting = {key: known for key, known in self._known.items() if known.first and known.first.trainer}
        for known in lasting.values():
            known.program = None
        if lasting and self._how:
            _left[:] = [(self._how, lasting)]

    def rows(self, jobs: Iterable[Job], together: bool = True) -> Iterator[dict[str, Any]]:
        """Train a net for each job, in order; yield its loss and scores, the seconds it took, and its error.

        Loss and scores are those of the last epoch, or, with patience, of the best one.

        Args:
            jobs: the configurations.
            together: whether several may be made before they are trained in one call.
        """
        waiting: list[_Made] = []
        since = 0.0
        for job in jobs:
            made, net = self._made(job, together)
            if waiting and not made.goes_with(waiting[0]):
                if (yield from self._rows(waiting)):
                    made, net = self._made(job, together)  # as `make` may have changed things for others
                waiting = []
            if not made.room:
                yield self._row(made, net)
                continue
            net = None  # the next one gets its memory, which is warm in the caches
            now = time.perf_counter()
            since = since if waiting else now
            waiting.append(made)
            if len(waiting) >= made.room or now - since > CALL:
                yield from self._rows(waiting)
                waiting = []
        yield from self._rows(waiting)

    def _made(self, job: Job, together: bool) -> tuple[_Made, Net | None]:
        """A net, and what is known about it."""
        began = time.perf_counter()
        try:
            net = self._net(job)
            program, numbers = self._program(net, job.batch_size)
            settings = net[2].settings
        except Exception as error:
            return _Made(job, time.perf_counter() - began, error), None
        room = 0
        if program is not None and together:
            with suppress(Exception):  # `fit` will say what is wrong with the job
                room = program.room(net[2], job)
        return _Made(job, time.perf_counter() - began, None, program, numbers, settings, room), net

    def _net(self, job: Job) -> Net:
        net = job.net(self._make)
        if not (isinstance(net, (tuple, list)) and len(net) == 3 and isinstance(net[2], Optimizer)):
            raise TypeError(f"make gives a model, a loss and an optimiser, not {show(net)}")
        model, loss, optimizer = net
        return model, loss, optimizer

    def _program(self, net: Net, batch_size: int | None) -> tuple[SharedProgram | None, Sequence[float]]:
        """The program for nets of this structure, if there is one, and the numbers that it takes over."""
        if not self._shares:
            return None, ()
        for known in reversed(self._known.values()):
            numbers = known.read(*net) if known.read is not None else None
            if numbers is not None:
                return self._program_of(known, batch_size), numbers
        try:
            structure = Structure(*net)
        except UnknownStructureError:
            return None, ()
        found = self._known.pop(structure.key, None)
        if found is None:
            found = _Known(structure)
            with suppress(Exception):  # it cannot be copied
                found.first = Copy(structure, net)
            if len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
        elif found.read is None:
            found.read = structure.reader()  # from the second net on it is worth it
        self._known[structure.key] = found
        return self._program_of(found, batch_size), structure.numbers

    def _program_of(self, known: _Known, batch_size: int | None) -> SharedProgram | None:
        """The program of a structure, made for the first net that this call has of it."""
        if known.program is None and known.first is not None:
            try:
                known.program = SharedProgram(known.first, self._X, self._y, self._options, batch_size)
            except Exception:  # it cannot be compiled, or there is a mistake, which `fit` will report
                known.first = None
        return known.program

    def _rows(self, waiting: Sequence[_Made]) -> Generator[dict[str, Any], None, bool]:
        """The results of nets trained in one call; also whether some of them had to be made again."""
        if not waiting:
            return False
        began = time.perf_counter()
        program, found = waiting[0].program, list[dict[str, float] | None]()
        assert program is not None
        with suppress(Exception):  # such as a last `make` that changed what the others read: each is made again
            found = program.rows(*zip(*[(made.job, made.numbers, made.settings) for made in waiting]))
        if not found:
            for made in waiting:
                yield self._row(*self._made(made.job, together=False))
            return True
        each = (time.perf_counter() - began) / len(waiting)
        for made, row in zip(waiting, found):
            if row is None:
                yield self._row(made, None)
            else:
                yield {**row, "seconds": made.seconds + each, "error": None}
        return None in found

    def _row(self, made: _Made, net: Net | None) -> dict[str, Any]:
        """The result of a net trained alone; `net` is None if training it together with others failed."""
        began, row, error = time.perf_counter(), {"loss": math.nan}, None
        try:
            row = self._trained(made, net)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        return {**row, "seconds": made.seconds + time.perf_counter() - began, "error": error}

    def _trained(self, made: _Made, net: Net | None) -> dict[str, float]:
        if made.error is not None:
            raise made.error
        job, options = made.job, self._options
        if net is not None and made.program is not None:
            with suppress(Exception):
                return made.program.row(job, made.numbers, net[2])
            net = None  # `fit` says best what is wrong
        model, loss, optimizer = net or self._net(job)
        with put_back(model, optimizer):
            history = fit(
                model, self._X, self._y, loss, optimizer, job.epochs, job.batch_size, seed=job.seed, **options
            )
        if history.stopped == "interrupted":
            raise KeyboardInterrupt
        return result(history.rows, options["patience"])


class _Net(NamedTuple):
    params: tuple[Value, ...]  # the model's, too, even if the optimiser does not change them


@contextmanager
def put_back(model: Model, optimizer: Optimizer) -> Iterator[None]:
    """A context in which a net is trained; afterwards it is as it was, since other nets may share its parameters.

    Raises:
        RuntimeError: another thread is training one of its parameters.
    """
    own = {*optimizer.params, *(model.parameters() if isinstance(model, Module) else ())}
    with alone(_Net(tuple(own))):
        before = [(value, value.data, value.grad) for value in own]
        state, settings = copy.deepcopy(optimizer.state), optimizer.settings
        try:
            yield
        finally:
            optimizer.state = state
            optimizer.change(settings)
            for value, number, gradient in before:
                value.data, value.grad = number, gradient
