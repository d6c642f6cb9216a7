"""Training a compiled loss: parameters and the optimiser's memory stay where the back end works on them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat
from typing import Any, NoReturn

from ...value import Value
from ..backends.protocol import Training
from ..backends.update import on_arrays
from ..calls.traced import Traces
from ..compiled import Compiled, traces_of
from ..errors import TraceError
from ..forking import new_lock
from ..frontend.reads.word_guard import Guards
from ..samples.batch import Batch, Shape
from ..specialisation import Specialisation
from ..update import ALWAYS, ConfiguredUpdate, Setting
from ..values.lending import Loan
from .failure import fail
from .optimizer import Optimizer, configured, started
from .places import Common, frozen, places_of
from .repeated import Held, RepeatedStep


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
        self._frozen, self.trains_all = frozen(places, len(self.leaves)), isinstance(places, slice)
        self._training = training
        self._loan = Loan(self.leaves, self._training.parameters, self._gradients, self._training.lock)
        self._common = Common(self.leaves)
        self._shapes: list[Shape] = []  # of all samples and labels of the last step
        self._configured: ConfiguredUpdate | None = None  # the update of the last step
        self._known: tuple[Any, ...] = (None,)  # rule, settings and clipping, and their update
        self._before = 0  # steps made before the training's count was 0
        self._stepped = False  # whether there is a gradient of a step that the leaves do not have yet
        self._since = math.inf  # the training's count before a call that Ctrl-C may have ended
        self._keeper = self._give_back  # kept, to be recognised by identity
        self._held = Held.of(training, self._loan, optimizer, self._keeper)
        self._looking = new_lock()  # held while one checks whether a step is like the last, taken before all others

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
        with self._with_memory(configured) as loan:
            before = training.made
            self._since, loan.glimpses = before, 0
            try:
                losses: list[float] = training(batch.arrays, configured, steps, order, batch.masks)
            finally:
                self._see_steps()
                if self._optimizer._keeper is None:  # a signal handler has looked, at what was there then
                    self._optimizer._keeper = self._keeper
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
        if prepared is None or prepared.configured is not self._configured:
            return None
        return RepeatedStep(
            prepared, self._shapes, self._special, self._held, self._looking, guards, copied,
            lambda: self._fail(prepared.losses.tolist(), prepared.configured),
        )  # fmt: skip  # what is given, in groups

    def end_short_way(self) -> None:
        """End the shorter way: no thread that has it makes a step while something is being changed."""
        with self._training.lock:
            self._training.forget_prepared()

    @property
    def made(self) -> int:
        """How many steps were made in all; `optimizer.steps` counts those since its memories were empty."""
        made: int = self._before + self._training.made
        return made

    def losses_of_last(self, count: int) -> list[float]:
        """The losses of the last call's first steps, of which that many were made, also if Ctrl-C has ended it."""
        return [*map(float, self._training.losses[:count])]

    def configured(
        self, clip_norm: float | None = None, clip_value: float | None = None, rates: Sequence[float] = ()
    ) -> ConfiguredUpdate:
        """The update with the present settings of the optimiser; see `optimizer.configured`."""
        of, lr = (self._optimizer.rule, self._optimizer.settings, clip_norm, clip_value, rates), self._optimizer.lr
        known = self._known[-1] if not rates and self._known[:-1] == of else None
        if known is None or known.lr != lr or known.rule.surroundings.changed():
            known = configured(self._optimizer, clip_norm, clip_value, rates)
            self._known = *of, known
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
            raise ValueError(f"samples of the shapes {batch.shapes}, where {self._special.shapes} were compiled")
        if not self._special.live_trace.type_guard.covers(batch):
            raise TraceError("numbers of other types, for which the loss, which asks for them, was not compiled")
        self._special.labels.check(batch)

    def load(self, values: Sequence[Value], numbers: Sequence[float]) -> None:
        """Assign numbers to Values as one array, without touching every Value.

        Args:
            values: some of the leaves, and perhaps others, which are left out; the same object at every call.
            numbers: as many numbers.
        """
        import numpy as np

        leaves, given = self._common.with_values(values)
        with self._borrowed() as loan:
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
        known: dict[tuple[Setting, ...], ConfiguredUpdate] = {}  # for any lr; what the rule reads is examined only once
        with self._borrowed():
            for k, (row, chosen, order) in enumerate(zip(starts, settings, orders or repeat(None))):
                self._optimizer.settings = chosen
                key = tuple({**chosen, "lr": 0.0}.values())
                update = known.get(key)
                if update is None:
                    update = known[key] = self.configured(*clip)
                if update.lr is not chosen["lr"]:
                    update = replace(update, lr=chosen["lr"])
                training.parameters[:], training.memory[:], training.made = row[given], 0.0, 0
                losses = training.once_more(update, order) if k else None
                if losses is None:
                    losses = training(batch.arrays, update, steps, order)
                row[given] = training.parameters
                if training.made == len(losses):
                    found[k] = losses
        return found

    def look_outside(self) -> None:
        """If what the rule reads is unchanged, do not have it traced again for changes announced for other nets."""
        known = self._known[-1]
        if known is not None:
            known.rule.surroundings.holds_outside(())

    def has_no_leaves_but(self, values: Sequence[Value]) -> bool:
        """Whether all leaves are among these Values; the same object at every call."""
        return isinstance(self._common.with_values(values)[0], slice)

    def close(self) -> None:
        """Give the parameters their numbers and gradients, and the optimiser its memory."""
        self._loan.give_back()
        if self._optimizer._keeper is self._keeper:
            self._optimizer._take_back()

    @contextmanager
    def _with_memory(self, configured: ConfiguredUpdate) -> Iterator[Loan]:
        """As `_borrowed`; the optimiser's memory is in the training too, and whoever asks for it waits."""
        while True:
            known = self._configured
            if self._optimizer._keeper is not self._keeper or known is None or known.rule.kept != configured.rule.kept:
                self._take(configured)
            with self._borrowed() as loan:
                if self._optimizer._keeper is self._keeper:  # otherwise another thread has just asked for it
                    self._configured = configured
                    yield loan
                    return

    @contextmanager
    def _borrowed(self) -> Iterator[Loan]:
        """A context in which the leaves' numbers are in the array, to be changed there; other readers wait.

        Their gradients stay as they are until a step is made.
        """
        loan, has_been = self._loan, False
        self._see_steps()
        try:
            while not has_been:
                if not loan.open:
                    self._stepped = False
                    loan.take()
                with loan.lock:
                    if loan.open:  # otherwise somebody has just looked at them, or lent them
                        has_been = True
                        try:
                            yield loan
                        finally:
                            loan.ahead = not loan.open  # somebody, such as a signal handler, has looked meanwhile
        finally:
            if loan.ahead:
                loan.take()

    def _see_steps(self) -> None:
        self._stepped = self._stepped or self._training.made > self._since
        self._since = math.inf

    def _take(self, configured: ConfiguredUpdate) -> None:
        """Take over the optimiser's memory."""
        training, optimizer = self._training, self._optimizer
        steps, rows = started(optimizer, configured.rule.kept)
        for k in configured.rule.kept:
            training.memory[k] = 0.0
            if rows[k]:
                training.memory[k, self._places] = rows[k]
        made = self.made
        try:
            training.made = steps
            self._before = made - steps
        except BaseException:  # Ctrl-C, while the count was set or just before
            self._before = made - training.made
            raise
        self._configured = configured  # by which the memory is given back: before anybody can ask for it
        optimizer._keeper = self._keeper

    def _give_back(self, optimizer: Optimizer) -> None:
        """Give the optimiser its memory back, as its `keeper`, between two calls."""
        with self._training.lock:
            if optimizer._keeper is not self._keeper:  # another thread was here first
                return
            assert self._configured is not None
            kept, places = self._configured.rule.kept, self._places
            memory, rows = self._training.memory, enumerate(optimizer._own_state[1])
            new = tuple([memory[k, places].tolist() if k in kept else row for k, row in rows])
            optimizer._own_state = self._training.made, new
            optimizer._keeper = None

    def _gradients(self, before: Sequence[float]) -> list[float]:
        """Take the gradients of the leaves as eager steps leave them.

        Args:
            before: the gradients before the first of the steps.
        """
        training, configured = self._training, self._configured
        self._see_steps()
        if configured is None or not self._stepped:
            return list(before)
        gradient = training.gradient
        if configured.clip:
            norm = math.sqrt(math.fsum(x * x for x in gradient[self._places].tolist()))
            numbers = configured.numbers(1, norm)[: len(ALWAYS)]
            (gradient,) = on_arrays(configured.clipping)(numbers, training.parameters, gradient)
        found: list[float] = gradient.tolist()
        sums = training.sums.tolist()
        for k in self._frozen:  # these are not set to zero between steps
            found[k] = before[k] + sums[k]
        training.sums[:] = 0.0  # the leaves have them now
        return found

    def _fail(self, losses: list[float], configured: ConfiguredUpdate) -> NoReturn:
        """Say why the last step was not made.

        Raises:
            FloatingPointError: always.
        """
        # If the loss is finite, the gradients are those of the step that was not made, as in eager steps.
        self._stepped = self._stepped or math.isfinite(losses[-1])
        fail(self._training, configured, losses, self._params, self._places)


def open_session(compiled: Compiled, batch: Batch, optimizer: Optimizer) -> Session | None:
    """A session, or None if the optimiser has to make the steps itself, with gradients from the program.

    That is so in plain Python, if a primitive of the rule has no template, and if the optimiser has parameters that
    the loss does not read.

    Args:
        compiled: the loss of one sample.
        batch: samples like those to come.
        optimizer: updates the parameters.

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
