"""Where the numbers of the parameters and the optimiser's memory are: in the training, until somebody asks for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...value import Value
from ..backends.protocol import Training
from ..backends.update import on_arrays
from ..frontend.reads.word_guard import WordGuard
from ..update import ALWAYS, ConfiguredUpdate, PreparedStep
from ..values.lending import Loan
from .optimizer import Optimizer, started
from .places import frozen


class Custody:
    """What a training holds while it makes steps, and how that is taken and given back.

    Args:
        training: makes the steps.
        leaves: the bound Values of the loss, in the order of the training's parameters.
        optimizer: whose memory the training takes over.
        places: the places of the optimiser's parameters among the leaves.

    Attributes:
        training: makes the steps.
        optimizer: whose memory is in the training, if its keeper is this one.
        loan: of the leaves; open until one of them is read or set.
        keeper: gives the memory back; the optimiser knows by it who has that.
        configured: the update of the last step; None before the first.
        has_gradient: whether there is a gradient of a step that the leaves do not have yet.
        words: words that show that the lock is free, and all this unchanged; None if words cannot tell.
    """

    def __init__(
        self, training: Training, leaves: Sequence[Value], optimizer: Optimizer, places: slice | list[int]
    ) -> None:
        self.training, self.optimizer, self._places = training, optimizer, places
        self._frozen = frozen(places, len(leaves))
        self.loan = Loan(leaves, training.parameters, self._gradients, training.lock)
        self.keeper = self._give_back  # kept, to be recognised by identity
        self.configured: ConfiguredUpdate | None = None
        self.has_gradient = False
        self._steps_before = 0  # made before the training's count was 0
        self._since = math.inf  # the training's count before a call that Ctrl-C may have ended
        words, loan = WordGuard(), self.loan
        watched = words.add_lock(training.lock), words.add_slot(loan, "open"), words.add_slot(loan, "glimpses")
        self.words = words if all((*watched, words.add_object(optimizer))) else None

    @property
    def made(self) -> int:
        """How many steps were made in all; `optimizer.steps` counts those since its memories were empty."""
        made: int = self._steps_before + self.training.made
        return made

    def stands(self, prepared: PreparedStep) -> bool:
        """Whether it still holds all of that, and nothing has been done since but repeating a step."""
        return self.optimizer._keeper is self.keeper and self.loan.open and self.training.prepared is prepared

    def end(self) -> None:
        """Give the parameters their numbers and gradients, and the optimiser its memory."""
        self.loan.give_back()
        if self.optimizer._keeper is self.keeper:
            self.optimizer._take_back()

    @contextmanager
    def with_memory(self, configured: ConfiguredUpdate) -> Iterator[None]:
        """A context for steps: as `borrowed`, and others who ask for the optimiser's memory wait, too."""
        while True:
            known = self.configured
            if self.optimizer._keeper is not self.keeper or known is None or known.rule.kept != configured.rule.kept:
                self._take(configured)
            with self.borrowed() as loan:
                if self.optimizer._keeper is self.keeper:  # otherwise another thread has just asked for it
                    self.configured = configured
                    self._since, loan.glimpses = self.training.made, 0
                    try:
                        yield
                    finally:
                        self._see_steps()
                        if self.optimizer._keeper is None:  # a signal handler has read the memory as it was then
                            self.optimizer._keeper = self.keeper
                    return

    @contextmanager
    def borrowed(self) -> Iterator[Loan]:
        """A context in which the leaves' numbers are in the array, to be changed there; other readers wait.

        Their gradients stay as they are until a step is made.
        """
        loan, has_been = self.loan, False
        self._see_steps()
        try:
            while not has_been:
                if not loan.open:
                    self.has_gradient = False
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
        self.has_gradient = self.has_gradient or self.training.made > self._since
        self._since = math.inf

    def _take(self, configured: ConfiguredUpdate) -> None:
        """Take over the optimiser's memory."""
        training, optimizer = self.training, self.optimizer
        steps, rows = started(optimizer, configured.rule.kept)
        for k in configured.rule.kept:
            training.memory[k] = 0.0
            if rows[k]:
                training.memory[k, self._places] = rows[k]
        made = self.made
        try:
            training.made = steps
            self._steps_before = made - steps
        except BaseException:  # Ctrl-C, while the count was set or just before
            self._steps_before = made - training.made
            raise
        self.configured = configured  # by which the memory is given back: before anybody can ask for it
        optimizer._keeper = self.keeper

    def _give_back(self, optimizer: Optimizer) -> None:
        """Give the optimiser its memory back, as its `keeper`, between two calls."""
        with self.training.lock:
            if optimizer._keeper is not self.keeper:  # another thread was here first
                return
            assert self.configured is not None
            kept = self.configured.rule.kept if self.training.made else ()  # no step: as they were
            places = self._places
            memory, rows = self.training.memory, enumerate(optimizer._own_state[1])
            new = tuple([memory[k, places].tolist() if k in kept else row for k, row in rows])
            optimizer._own_state = self.training.made, new
            optimizer._keeper = None

    def _gradients(self, before: Sequence[float]) -> list[float]:
        """Take the gradients of the leaves as eager steps leave them.

        Args:
            before: the gradients before the first of the steps.
        """
        training, configured = self.training, self.configured
        self._see_steps()
        if configured is None or not self.has_gradient:
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
