"""Training a compiled loss: parameters and the optimiser's memory stay where the back end works on them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, NoReturn

from ...process.forking import new_lock
from ...value import Value
from ..backends.protocol import Training
from ..calls.traced import Traces
from ..compiled import Compiled, traces_of
from ..errors import TraceError
from ..frontend.reads.word_guard import Guards
from ..samples.batch import Batch, Shape
from ..specialisation import Specialisation
from ..update import ConfiguredUpdate, Setting
from .custody import Custody
from .failure import fail
from .optimizer import Optimizer, configured
from .places import Common, frozen, places_of
from .repeated import RepeatedStep


class Session:
    """Steps of an optimiser on a compiled loss, in native code or NumPy; `open_session` makes it.

    Args:
        special: the loss of one sample, for samples of one shape.
        training: the back end's training, with room for the bound Values of the loss.
        optimizer: the optimiser whose parameters are updated; other Values that the loss reads stay as they are.
        places: the places of the parameters among the bound Values: indices, or a slice for all of them.

    Attributes:
        leaves: the bound Values, in the order of the training's parameters.
        trains_all: whether the leaves are exactly the optimiser's parameters.
    """

    def __init__(
        self, special: Specialisation, training: Training, optimizer: Optimizer, places: slice | list[int]
    ) -> None:
        self._special = special
        self.leaves = special.signature.leaves
        self._optimizer, self._params, self._places = optimizer, optimizer.params, places
        self.trains_all = isinstance(places, slice)
        self._training, self._custody = training, Custody(training, self.leaves, optimizer, places)
        self._common = Common(self.leaves)
        self._shapes: list[Shape] = []  # of all samples and labels of the last step
        self._known: tuple[Any, ...] = (None,)  # rule, settings and clipping, and their update
        self._looking = new_lock()  # held while a repeated step is checked and made, taken before all others

    def __call__(self, batch: Batch, configured: ConfiguredUpdate, steps: int = 1, order: Any = None) -> list[float]:
        """Make steps; return the mean loss of each before its update.

        Args:
            batch: the samples.
            configured: the update with its present settings; a new object whenever one changes.
            steps: how many to make on the whole batch, if there is no `order`.
            order: the samples of each step, steps x batch size, -1 for none.

        Raises:
            FloatingPointError: a loss or an update is not finite; parameters and memory are as before that step. Its
                `losses` are those of the steps before.
        """
        self.accept(batch)
        self._special.compare_once("leaves", batch, _batch_size(batch, order))
        self._shapes = [(batch.size, *shape) for shape in batch.shapes]
        training = self._training
        with self._custody.with_memory(configured):
            before = training.made
            losses: list[float] = training(batch.arrays, configured, steps, order, batch.masks)
        if training.made - before < len(losses):
            self._fail(losses, configured)
        return losses

    def short_way(
        self, guards: Callable[[], Guards], copied: Callable[[Any, Any], Batch | None]
    ) -> RepeatedStep | None:
        """A shorter way to make steps like the last one, if there is one.

        Args:
            guards: makes the guards of the model and the loss.
            copied: copies samples and labels into memory of their own, or returns None if they have another shape.
        """
        prepared = self._training.prepared
        if prepared is None or prepared.configured is not self._custody.configured:
            return None
        return RepeatedStep(
            prepared, self._shapes, self._special, self._custody, self._looking, guards, copied,
            lambda: self._fail(prepared.losses.tolist(), prepared.configured),
        )  # fmt: skip  # what is given, in groups

    def end_short_way(self) -> None:
        """End the shorter way: no thread that has it makes a step while something is being changed."""
        with self._training.lock:
            self._training.forget_prepared()

    @property
    def made(self) -> int:
        """How many steps were made in all; `optimizer.steps` counts those since its memories were empty."""
        return self._custody.made

    def losses_of_last(self, count: int) -> list[float]:
        """The losses of the first `count` steps of the last call, which Ctrl-C may have ended."""
        return [*map(float, self._training.losses[:count])]

    def configured(
        self, clip_norm: float | None = None, clip_value: float | None = None, rates: Sequence[float] = ()
    ) -> ConfiguredUpdate:
        """The update with the present settings of the optimiser; see `optimizer.configured`."""
        key, lr = (self._optimizer.rule, self._optimizer.settings, clip_norm, clip_value, rates), self._optimizer.lr
        known = self._known[-1] if not rates and self._known[:-1] == key else None
        if known is None or known.lr != lr or known.rule.surroundings.changed():
            known = configured(self._optimizer, clip_norm, clip_value, rates)
            self._known = *key, known
        return known

    def order(self, count: int, size: int, source: random.Random | None, epochs: int = 1) -> Any:
        """The samples of each batch of some epochs: steps x size, -1 for none.

        Args:
            count: how many samples there are.
            size: samples in a batch, at most.
            source: the source of random numbers whose `shuffle` orders them; None leaves them in order.
            epochs: how often to go through the samples.
        """
        import numpy as np

        size = min(size, count)
        order = np.full((epochs, -(-count // size) * size), -1, np.int64)
        order[:, :count] = np.arange(count)
        if source is not None:
            self._training.shuffle(order[:, :count], source)
        return order.reshape(-1, size)

    def is_of(self, traces: Traces) -> bool:
        """Whether this is, for samples of these shapes, what a compiled function does now."""
        return traces.known.get(self._special.shapes) is self._special

    def accept(self, batch: Batch) -> None:
        """Refuse samples of another shape, and labels that the loss would refuse.

        Raises:
            TypeError, ValueError, IndexError: they do not fit.
        """
        if batch.shapes != self._special.shapes:
            raise ValueError(f"the samples have the shapes {batch.shapes}, not {self._special.shapes} as compiled")
        if not self._special.live_trace.type_guard.covers(batch):
            raise TraceError("the loss asks for the types of its numbers, and is not compiled for those given here")
        self._special.labels.check(batch)

    def load(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        """Assign numbers to Values as one array, without touching every Value.

        Args:
            values: some of the leaves, and perhaps others, which are left out; the same object at every call.
            numbers: as many numbers.
        """
        import numpy as np

        leaves, given = self._common.with_values(values)
        with self._custody.borrowed() as loan:
            loan.array[leaves] = np.array(numbers)[given]

    def each(
        self,
        batch: Batch,
        values: Sequence[Value],
        starts: Sequence[Any],
        settings: Sequence[Mapping[str, Setting]],
        clip: tuple[float | None, float | None],
        steps: int = 1,
        orders: Sequence[Any] | None = None,
    ) -> Any:
        """Make as many steps from each of several starts, at which an optimiser has no memory yet.

        Afterwards the leaves have the numbers, and the optimiser the settings, of the last start.

        Args:
            batch: the samples.
            values: all leaves, and perhaps others; the same object at every call.
            starts: for each start an array of the values' numbers, overwritten with those after the steps.
            settings: the optimiser's settings for each start.
            clip: the largest norm of the whole gradient, and its largest entry, as for `configured`.
            steps: how many to make on the whole batch, if there are no `orders`.
            orders: the samples of each step, for each start.

        Returns:
            The losses, starts x steps; a row of nan where a loss or an update is not finite.

        Raises:
            ValueError: a leaf is not among the values.
        """
        import numpy as np

        _, given = self._common.with_values(values)
        if not self.has_no_leaves_but(values):
            raise ValueError("a leaf that is not among the values has no start")
        self.accept(batch)
        self._special.compare_once("leaves", batch, _batch_size(batch, orders[0] if orders else None))
        self._optimizer._take_back()
        self.look_outside()
        training = self._training
        found = np.full((len(starts), len(orders[0]) if orders else steps), np.nan)
        known: dict[tuple[Setting, ...], ConfiguredUpdate] = {}
        with self._custody.borrowed():
            for k, (row, chosen, order) in enumerate(zip(starts, settings, orders or repeat(None))):
                update = self._configured_with(chosen, clip, known)
                training.parameters[:], training.memory[:], training.made = row[given], 0.0, 0
                losses = training.once_more(update, order) if k else None
                if losses is None:
                    losses = training(batch.arrays, update, steps, order)
                row[given] = training.parameters
                if training.made == len(losses):
                    found[k] = losses
        return found

    def _configured_with(
        self,
        settings: Mapping[str, Setting],
        clip: tuple[float | None, float | None],
        known: dict[tuple[Setting, ...], ConfiguredUpdate],
    ) -> ConfiguredUpdate:
        """As `configured`, with other settings; among those known only `lr` may differ: the rule is examined once."""
        self._optimizer.settings = settings
        key = tuple({**settings, "lr": 0.0}.values())
        if key not in known:
            known[key] = self.configured(*clip)
        update = known[key]
        return update if update.lr is settings["lr"] else replace(update, lr=settings["lr"])

    def look_outside(self) -> None:
        """Note whether what the rule reads is unchanged: then changes announced for other nets do not retrace it."""
        known = self._known[-1]
        if known is not None:
            known.rule.surroundings.holds_outside(())

    def has_no_leaves_but(self, values: Sequence[Value]) -> bool:
        """Whether all leaves are among these Values; the same object at every call."""
        return isinstance(self._common.with_values(values)[0], slice)

    def close(self) -> None:
        """Give the parameters their numbers and gradients, and the optimiser its memory."""
        self._custody.end()

    def _fail(self, losses: list[float], configured: ConfiguredUpdate) -> NoReturn:
        """Raise the FloatingPointError that says why the last step was not made."""
        if math.isfinite(losses[-1]):  # the gradients are those of the step that was not made, as in eager steps
            self._custody.has_gradient = True
        fail(self._training, configured, losses, self._params, self._places)


def open_session(compiled: Compiled, batch: Batch, optimizer: Optimizer) -> Session | None:
    """A session on a loss of one sample; None if the optimiser has to step by itself, with gradients from the program.

    That is so in plain Python, if a primitive of the rule has no template, and if the optimiser has parameters that
    the loss does not read. The samples to come are like those of the batch.

    Raises:
        TraceError: the loss or the rule cannot be compiled.
    """
    special = traces_of(compiled).specialised(batch)
    if special.signature.shape:
        raise TraceError("a loss to train on must be one Value, not a list")
    special.requirements.check(batch)  # before anything is computed from wrong labels
    leaves = special.signature.leaves
    rule = configured(optimizer).rule
    templates = all(isinstance(s.primitive.native, str) for s in rule.operations if s.primitive)
    places = places_of(optimizer.params, leaves) if templates else None
    training = None
    if places is not None:
        left = frozen(places, len(leaves))
        training = special.program("leaves").training(len(optimizer._own_state[1]), left, rule)
    special.compare_once("leaves", batch)
    special.labels.check(batch)
    if training is None or places is None:
        return None
    return Session(special, training, optimizer, places)


def _batch_size(batch: Batch, order: Any) -> int:
    """How many samples a step takes."""
    return batch.size if order is None else len(order[0])
