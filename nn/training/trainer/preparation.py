"""The program that makes the steps of a Trainer: compiled when a step needs it, and checked before each call."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

from engine import (
    Batch,
    BatchLoss,
    Compiled,
    Surroundings,
    Traces,
    announce_change,
    collector_at_rest,
    compile,
    looking_once,
    open_session,
    traces_of,
)

from ...arguments import whole_number
from ...optimisers.base import Optimizer, has_rule
from ...threads import refuse_elsewhere
from ..batch_loss import nothing_to_learn
from ..mistakes.ownership import FirstCall, check_ownership
from ..mistakes.reach import look_at_program
from ..steps import LossFunction, Model
from .described_watch import DescribedWatch
from .model_watch import ModelWatch
from .sample_loss import SampleLoss
from .settings import Settings
from .ways import GradientSteps, NativeSteps, Way


class Preparation(Settings):
    """Settings, and the program that makes the steps for them.

    Args:
        model: maps a sample to its output.
        loss: the loss of a batch.
        optimizer: changes the parameters.
        options: how it is compiled: back end, dtype, threads.
        settings: what else `Settings` takes.
    """

    _compiled: Compiled  # the loss of one sample
    _traces: Traces  # of that loss
    _sized: Any  # shapes and batch size for which the loss of one sample is weighted

    def __init__(
        self, model: Model, loss: LossFunction, optimizer: Optimizer, options: dict[str, Any], **settings: Any
    ) -> None:
        super().__init__(model, loss, optimizer, **settings)
        self._options = options
        self._way: Way | None = None  # how steps are made; None until the samples' shape is known
        self._steps_before = 0  # made in earlier ways
        self._begin()

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return self._steps_before + (self._way.made if self._way else 0)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._steps_before += whole_number("steps", steps, least=0) - self.steps

    def _would_be_made_of(self, model: Model, loss: LossFunction, options: dict[str, Any]) -> bool:
        """Whether a new trainer of these would be compiled to the same, by its description or as far as is watched."""
        if self.model is not model or self.loss is not loss or self._options != options:
            return False
        return self._traces.is_as_described() if self._traces.is_described else self._watch is not None

    def _take_up(self, optimizer: Optimizer, **settings: Any) -> None:
        """Train again, with these settings: what does not describe itself is traced again before the next step."""
        self._change(optimizer, **settings)
        self._traced_at = time.perf_counter() if self._traces.is_described else -math.inf

    def _begin(self) -> None:
        """Start with the present model and loss; nothing is compiled yet."""
        self._sample_loss = SampleLoss(self._model, self._loss, self._optimizer.params)
        self._watch: ModelWatch | DescribedWatch | None = None  # what they read, as of the last trace
        self._traced_at = 0.0  # the time of that trace
        self._start_anew()

    def _fresh_until(self) -> float:
        """When the function is due to be traced again."""
        return self._traced_at + Surroundings.PATIENCE * self._traces.tracing_seconds

    def _look_again(self, batch: Batch, entirely: bool = False) -> None:
        """Trace again if something has changed or enough time has passed; start over if that gives another program."""
        way, watch = self._way, self._watch
        if way is not None:
            way.end_short_way()
        if way is None or watch is None:
            return
        now = time.perf_counter()
        same = watch.holds_entirely() if entirely else watch.holds(now)
        if same and now < self._fresh_until():
            return
        accepted = way.accepts(batch)
        current = accepted and self._traces.is_current(batch)
        late = self._late(watch, same) if accepted and not current and not entirely else ""
        if not (same and current):
            announce_change()  # other programs of the model may read it too
        self._watch, self._traced_at = None, time.perf_counter()
        if not current:
            before = self._traces
            self._begin()
            before.count_change(batch, late)  # only now: warnings may be errors
        elif not same:  # for one sample a sum is the same as a mean
            self._weigh_anew()

    @staticmethod
    def _late(watch: ModelWatch | DescribedWatch, same: bool) -> str:
        """What has changed, in words, if steps may have used what was there before; "" for nothing.

        Args:
            watch: of model and loss, which do something else now.
            same: whether it has seen no change so far.
        """
        if same and watch.holds(math.inf):
            return "something that is not watched"
        return watch.late

    def _look_at_types(self, batch: Batch) -> None:
        """Trace again for numbers of other types, if model or loss ask for types; start over if they do other things.

        Raises:
            TraceError: they do not do the same for all numbers of the batch.
        """
        if self._traces.type_guard(batch).covers(batch) and self._sample_loss.type_guard.covers(batch):
            return
        self._traces.bound(batch)
        if self._way is not None and not self._way.is_of(self._traces):
            self._begin()
        else:
            self._weigh_anew()

    def _settled(self, batch: Batch, way: Way) -> Batch:
        """Samples that stay as they are, so that nothing about them need be checked again."""
        arrays = batch.as_arrays()
        guards = self._traces.type_guard(batch), self._sample_loss.type_guard
        return arrays if all(guard.covers(arrays) for guard in guards) and way.are_right(batch) else batch

    def _leave_way(self) -> None:
        """Make further steps in another way, once it is known; those that were made count."""
        self._steps_before, self._way, self._again = self.steps, None, None

    def _weigh_anew(self) -> None:
        """Find out at the next step how the loss of a batch is made of those of samples."""
        self._sample_loss.forget()
        self._sized = None

    def _start_anew(self) -> None:
        """Compile anew at the next call."""
        self._leave_way()
        self._sized = None
        before = getattr(self, "_traces", None)
        self._compiled = compile(self._sample_loss.function, **self._options)
        self._traces = traces_of(self._compiled)
        if before is not None:
            self._traces.changing = before.changing

    def _prepared(self, batch: Batch, size: int | None = None, first_call: FirstCall | None = None) -> Way:
        """The way to make steps on samples of that shape with the present model and optimiser.

        Args:
            batch: the samples.
            size: how many of them make a step; None for all.
            first_call: what was there before the model was called; None if it has not been called yet.
        """
        refuse_elsewhere("a step here", lambda: self._optimizer.params)
        self._look_again(batch)
        self._look_at_types(batch)
        way, sized = self._way, (batch.shapes, size or batch.size)
        known = way is not None and self._watch is not None and self._sized == sized
        if way is not None and known and way.holds(batch.shapes, self._optimizer):
            return way
        with collector_at_rest(), looking_once():
            first_call = first_call or FirstCall(self._model)
            if self._sized != sized:
                self._weigh(batch, size or batch.size)
            way = self._way
            if way is None or not way.holds(batch.shapes, self._optimizer):
                way = self._prepare(batch, first_call)
            if self._watch is None:  # only now: what the functions changed while they were traced is not news
                self._watch = self._watch_of(batch)
            return way

    def _watch_of(self, batch: Batch) -> ModelWatch | DescribedWatch:
        traces, optimizer = self._traces, self._optimizer
        around, rule = traces.settled(batch), optimizer.rule
        watch = partial(ModelWatch, self._model, self._loss, optimizer, lambda: self.steps, around)
        if around is not None or not traces.is_described or not has_rule(optimizer):
            return watch()

        def is_as_described() -> bool:
            return traces.is_as_described() and has_rule(optimizer) and bool(optimizer.rule == rule)

        return DescribedWatch(watch, is_as_described)

    def _prepare(self, batch: Batch, first_call: FirstCall) -> Way:
        """Compile for samples of another shape, or another optimiser."""
        self._watch, self._traced_at = None, time.perf_counter()
        by_rule = has_rule(self._optimizer)
        session = open_session(self._compiled, batch, self._optimizer) if by_rule else None
        trains_all = session is not None and session.trains_all  # the loss reads just what the optimiser holds
        if not trains_all:
            check_ownership(self._model, self._loss, self._optimizer)
        if not self.steps and by_rule:
            first_call.warn(self._optimizer)
            if not self._learns(batch, session is not None):
                raise nothing_to_learn(self._loss)
            if not trains_all:
                weights = self._sample_loss.weights
                look_at_program(self._model, self._loss, self._optimizer, self._compiled, batch, self._model, weights)
        self._leave_way()
        if session is not None:
            self._way = NativeSteps(session, batch.shapes, self._optimizer)
        else:
            self._traces.bound(batch)
            self._way = GradientSteps(self._compiled, batch.shapes, self._optimizer)
        return self._way

    def _learns(self, batch: Batch, reads_all: bool) -> bool:
        """Whether the loss depends on one of the optimiser's parameters.

        Args:
            batch: the samples.
            reads_all: whether the loss is known to read all of them.
        """
        if not self._traces.learns(batch):
            return False
        return reads_all or not {*self._traces.bound(batch)}.isdisjoint(self._optimizer.params)

    def _structure(self, batch: Batch, size: int) -> BatchLoss:
        """How the loss of a batch of that size is made of the losses of its samples."""
        if not self._sample_loss.knows(batch.shapes, size):
            try:
                self._traces.trace(batch)  # so that the shape of the model's output is known
            except Exception as error:
                self._sample_loss.refuse_single(error, batch, size)
                raise
            self._watch = None
            if self._way is not None and not self._way.is_of(self._traces):  # the loss now does something else
                self._leave_way()
                self._weigh_anew()
        return self._sample_loss.structure(batch, size)

    def _weigh(self, batch: Batch, size: int) -> None:
        """Weight the loss of one sample so that its mean over a batch of that size is the loss of the batch."""
        if self._sample_loss.weigh(self._structure(batch, size)):
            self._start_anew()
        self._sized = batch.shapes, size
