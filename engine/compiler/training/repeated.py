"""Single steps like the last one, made as fast as possible: only what may have changed is examined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..frontend.reads.word_guard import Guards
from ..samples.batch import Batch, Shape
from ..specialisation import Specialisation
from ..update import PreparedStep
from .custody import Custody


class RepeatedStep:
    """Makes a step like the last one, and returns its loss.

    That is right as long as nothing has changed but the numbers of the samples and the learning rate. Each call checks
    that: first the model and the loss, by their guards; then, with the lock held, the settings of the optimiser, who
    has its memory, and whether somebody has read or set numbers of parameters, or made other steps. Native code sees
    whether samples have the shape of the last ones, and labels are known to be right. If not, they are copied into an
    array, and checked as they were given. If that is impossible, or anything has changed, the call does nothing and
    returns None, and the step has to be made the long way. The checks do not hold the lock of the training, since they
    may run the user's code, and wait for numbers that another loan has.

    From the second call on, if words of memory show whether anything has changed and the step is brief, native code
    does all of this by itself; if it finds a change, it calls the function in Python.

    Args:
        prepared: the last step, to be made again.
        shapes: the shapes of all samples and labels.
        special: the loss.
        custody: that of the session that made the last step.
        looking: a lock held during a check, taken before all other locks.
        guards: makes the guards of the model and the loss.
        copied: copies samples and labels into memory of their own, or returns None if they have another shape.
        failed: raises the error of a step whose loss, or update, is not finite.

    Attributes:
        step: a function of samples and labels that returns the loss or None. Each call may replace it by another. It
            raises TypeError, ValueError, IndexError and FloatingPointError as any step does.
    """

    def __init__(
        self,
        prepared: PreparedStep,
        shapes: list[Shape],
        special: Specialisation,
        custody: Custody,
        looking: Any,
        guards: Callable[[], Guards],
        copied: Callable[[Any, Any], Batch | None],
        failed: Callable[[], float],
    ) -> None:
        self._prepared, self._custody, self._looking = prepared, custody, looking
        self._copied, self._failed = copied, failed
        self._settings = custody.optimizer.settings
        self._others = {**self._settings, "lr": 0.0}  # these must not change
        self._shapes, self._labels, self._guards = shapes, special.labels, guards()
        self._differs = self._guards.differs
        self._single: Callable[..., float | bool | None] | None = None  # until another step is made: most make none
        self._take_labels()
        by_itself = self._quick is not None and self._guards.due is not None
        self._own = custody.words if by_itself else None
        self.step: Callable[[Any, Any], float | None] = self._look_and_make

    def _look_and_make(self, X: Any, y: Any, changed: bool = True) -> float | None:
        """Make the step if it is like the last one.

        Args:
            X: the samples.
            y: the labels.
            changed: whether native code has found a word changed, so that the words must be noted again.
        """
        if not self._custody.stands(self._prepared):  # also in the middle of other steps, as in a signal handler
            return None
        with self._looking:
            self._custody.loan.glimpses = 0
            same_rate = self._custody.optimizer.settings is self._settings
            own = self._own if changed and same_rate else None  # not where each step has another rate
            if own is not None:
                own.note()  # before the looks, which see what has changed up to then
            if self._differs():
                return None
            loss = self._make(X, y)
            if loss is False and not self._guards.differs_at_all():
                loss = self._make(X, y)
            if loss is None:
                batch = self._copied(X, y)
                if batch is not None:
                    self._labels.check(batch)
                    loss = self._make(*batch.in_shape, True)
            if loss is None or loss is False:
                return None
            if own is not None:
                own.expect()
        return loss if loss - loss == 0.0 else self._failed()

    def _make(self, *samples: Any) -> float | bool | None:
        """Make the step with the lock held, unless something has changed: see `PreparedStep.on`."""
        with self._custody.training.lock:
            if not self._custody.stands(self._prepared):
                return None
            optimizer = self._custody.optimizer
            if optimizer.settings is not self._settings:
                if {**optimizer.settings, "lr": 0.0} != self._others:
                    return None
                self._settings = optimizer.settings
                self._prepared.change_rate(optimizer.lr)
            if self._labels.valid is not self._valid:  # the first samples did not have all classes
                self._take_labels()
            if self._single is None:
                self._single = self._prepare()
                if self._quick is not None and self._own is not None:
                    self.step = self._quick(
                        self._own, self._guards.far, self._guards.due, self._look_and_make, self._failed
                    )
            return self._single(*samples)

    def _take_labels(self) -> None:
        """Let native code accept the labels that are known to be right by now."""
        self._valid = self._labels.valid
        self._prepare, self._quick = self._prepared.on(self._shapes, self._valid, self._guards.words)
        self._single = None
